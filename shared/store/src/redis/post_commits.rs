//! How posts come to be: by one script in the author's partition, and an idempotency key or the key of an
//! imported line by which the commit is known when it comes again.

use std::sync::Arc;

use redis::Value;
use ripple_domain::{NewPost, Post, PostCounts, PostId, Timestamp, TraceContext, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    post_record::{IdempotencyRecord, decode_post, encode_post, visibility_byte},
    posts::{UNKNOWN_ANSWER, trace_arg},
    relatives::{Note, Relatives},
    script::Script,
    users::NO_ARGS,
};
use crate::{CommitError, Committed, Idempotency, PostCommit, StoreError};

/// How long the answer to an idempotency key is given again, in milliseconds.
const IDEMPOTENCY_MS: i64 = 24 * 3_600_000;
/// How long Redis keeps it, by its own clock.
const IDEMPOTENCY_KEPT_MS: i64 = 25 * 3_600_000;

/// A post to be committed.
pub(super) struct Commit<'a> {
    pub(super) post: &'a NewPost,
    pub(super) known_by: KnownBy,
    pub(super) now: Timestamp,
    pub(super) nonce: Nonce,
    pub(super) trace: Option<TraceContext>,
}

/// By what a commit is known when it comes again.
#[derive(Clone, Copy, Debug)]
pub(super) enum KnownBy {
    Nonce,
    Idempotency(Idempotency),
    /// The key of an imported line.
    Import([u8; 16]),
}

/// What a commit did.
pub(super) enum Made {
    New(PostId),
    /// An earlier request with this idempotency key was answered with this.
    Replayed(Arc<Post>),
    /// The line was imported before.
    Known(PostId),
}

impl Commit<'_> {
    /// Adds the script that carries it out.
    pub(super) fn add(&self, commands: &mut Commands) -> Result<(), StoreError> {
        let (kind, key, request) = match &self.known_by {
            KnownBy::Nonce => ("", &[][..], &[][..]),
            KnownBy::Idempotency(Idempotency { key, request }) => ("i", &key[..], &request[..]),
            KnownBy::Import(key) => ("k", &key[..], &[][..]),
        };
        let created_at = self.post.created_at.map(|time| time.as_ms().to_string());
        commands.script(
            Script::CommitPost,
            &[Key::PostIds(commands.partition)],
            (
                self.now.as_ms(),
                self.post.author.0,
                created_at.unwrap_or_default(),
                self.nonce,
                encode_post(self.post, self.now)?,
                kind,
                key,
                request,
                self.relatives().note(),
                u8::from(self.is_listed()),
                trace_arg(self.trace),
            ),
        );
        Ok(())
    }

    /// Reads the script's answer.
    pub(super) fn answer(&self, answer: Value) -> Result<Made, CommitError> {
        let answer: Vec<Vec<u8>> = decode(answer).map_err(store_error("committing a post"))?;
        let id = |digits: &[u8]| {
            let digits = str::from_utf8(digits).ok();
            let id = digits.and_then(|digits| digits.parse().ok());
            id.map(PostId).ok_or(UNKNOWN_ANSWER)
        };
        let parts: Vec<&[u8]> = answer.iter().map(Vec::as_slice).collect();
        match parts[..] {
            [b"made", post] => Ok(Made::New(id(post)?)),
            [b"known", post] => Ok(Made::Known(id(post)?)),
            [b"replayed", post, record] => {
                let post = decode_post(id(post)?, record)?.ok_or(UNKNOWN_ANSWER)?;
                Ok(Made::Replayed(Arc::new(post)))
            }
            [b"mismatch"] => Err(CommitError::IdempotencyMismatch),
            [b"no user"] => Err(CommitError::NotFound { what: "user" }),
            [b"no id"] => Err(StoreError::Unavailable {
                reason: "the clock stands outside the years 2000 to 2069, in which post ids exist"
                    .into(),
            }
            .into()),
            _ => Err(UNKNOWN_ANSWER.into()),
        }
    }

    /// Whether it has a job in the public tier.
    pub(super) fn is_listed(&self) -> bool {
        visibility_byte(self.post.visibility) == 0
    }

    /// The posts that count it once it is committed.
    pub(super) fn relatives(&self) -> Relatives {
        Relatives {
            reply_to: self.post.reply_to,
            repost_of: self.post.repost_of,
        }
    }
}

impl RedisStore {
    pub(super) async fn commit_post(
        &self,
        commit: PostCommit,
    ) -> Result<Committed<Arc<Post>>, CommitError> {
        let PostCommit {
            post,
            idempotency,
            trace,
        } = commit;
        if let Err(full) = self.check_backlog().await {
            let earlier = match idempotency {
                Some(idempotency) => self.earlier_post(post.author, idempotency).await?,
                None => None,
            };
            return earlier.map(|post| committed(post, true)).ok_or(full);
        }
        let underway = self.begin_commit();
        let commit = Commit {
            post: &post,
            known_by: idempotency.map_or(KnownBy::Nonce, KnownBy::Idempotency),
            now: underway.accepted_at,
            nonce: Nonce::new()?,
            trace,
        };
        let mut commands = Commands::new(post.author.partition());
        commit.add(&mut commands)?;
        let answer = self.commit_one("committing a post", &commands).await?;
        let id = match commit.answer(answer)? {
            Made::New(id) | Made::Known(id) => id,
            Made::Replayed(post) => return Ok(committed(post, true)),
        };
        drop(underway);
        self.known.authors.put(id, post.author);
        self.jobs_committed(id.partition(), 1, u64::from(commit.is_listed()));
        let relatives = commit.relatives();
        if relatives != Relatives::default() {
            self.follow_up(&[Note::Count(id, relatives)]).await;
        }
        let accepted_at = commit.now;
        Ok(committed(Arc::new(made(post, id, accepted_at)), false))
    }

    /// The post that an earlier request of this author with this key created, as it was then.
    pub(super) async fn earlier_post(
        &self,
        author: UserId,
        idempotency: Idempotency,
    ) -> Result<Option<Arc<Post>>, CommitError> {
        const READING: &str = "reading an idempotency key";
        let key = Key::Idempotency(author.partition(), &idempotency.key);
        let record: Option<Vec<u8>> = self.read_one(READING, "GET", &key, NO_ARGS).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let earlier = IdempotencyRecord::decode(&record)?;
        if earlier.used_at.plus_ms(IDEMPOTENCY_MS) <= self.options.clock.now() {
            return Ok(None);
        }
        if earlier.request != idempotency.request {
            return Err(CommitError::IdempotencyMismatch);
        }
        if self.options.replicas_wait > 0 {
            // What the first request left may not be on the replicas yet. Something has to be written:
            // they are asked for what this connection has written.
            let mut touch = Commands::new(key.partition());
            touch.add("PEXPIRE", &key, IDEMPOTENCY_KEPT_MS);
            self.commit(READING, &touch).await?;
        }
        let post = decode_post(earlier.post, earlier.record)?;
        Ok(post.map(Arc::new))
    }
}

fn committed(post: Arc<Post>, replayed: bool) -> Committed<Arc<Post>> {
    Committed {
        value: post,
        replayed,
    }
}

/// The post that a commit has made.
fn made(new: NewPost, id: PostId, accepted_at: Timestamp) -> Post {
    Post {
        id,
        author: new.author,
        text: new.text,
        visibility: new.visibility,
        recipients: new.recipients,
        mentions: new.mentions,
        tags: new.tags,
        link: new.link,
        language: new.language,
        reply_to: new.reply_to,
        repost_of: new.repost_of,
        counts: PostCounts::default(),
        received_at: new.received_at,
        accepted_at,
        edited_at: None,
        revision: 0,
    }
}
