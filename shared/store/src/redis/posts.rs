//! Posts: their commits, edits and deletions, and how they are read.

use std::{collections::HashMap, sync::Arc};

use redis::{Cmd, FromRedisValue, Value};
use ripple_domain::{NewPost, Post, PostCounts, PostEdit, PostId, Timestamp, TraceContext, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    post_record::{
        IdempotencyRecord, decode_post, encode_link, encode_post, encode_text, visibility_byte,
    },
    relatives::{Note, Relatives},
    script::Script,
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
        let record: Option<Vec<u8>> = self.get(READING, &key).await?;
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

    pub(super) async fn commit_edit(
        &self,
        id: PostId,
        editor: UserId,
        edit: PostEdit,
        trace: Option<TraceContext>,
    ) -> Result<Arc<Post>, CommitError> {
        let text = match &edit.text {
            Some((text, tags, mentions)) => Some(encode_text(text, tags, mentions)?),
            None => None,
        };
        let link = match &edit.link {
            Some(link) => Some(encode_link(link.as_deref())?),
            None => None,
        };
        let visibility = edit.visibility.map(|to| visibility_byte(to).to_string());
        let underway = self.begin_commit();
        let mut commands = Commands::new(id.partition());
        commands.script(
            Script::EditPost,
            &[Key::Post(id)],
            (
                underway.accepted_at.as_ms(),
                editor.0,
                Nonce::new()?,
                u8::from(text.is_some()),
                text.unwrap_or_default(),
                u8::from(link.is_some()),
                link.unwrap_or_default(),
                visibility.unwrap_or_default(),
                trace_arg(trace),
            ),
        );
        let answer: Vec<Vec<u8>> = self.commit_one("editing a post", &commands).await?;
        match answer.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
            [b"edited", record] => {
                self.announce_jobs_of(id);
                let post = decode_post(id, record)?.ok_or(UNKNOWN_ANSWER)?;
                Ok(Arc::new(post))
            }
            [b"missing"] => Err(CommitError::NotFound { what: "post" }),
            [b"forbidden"] => Err(CommitError::Forbidden { user: editor }),
            _ => Err(UNKNOWN_ANSWER.into()),
        }
    }

    pub(super) async fn commit_deletion(
        &self,
        id: PostId,
        editor: Option<UserId>,
        trace: Option<TraceContext>,
    ) -> Result<(), CommitError> {
        let underway = self.begin_commit();
        let mut commands = Commands::new(id.partition());
        commands.script(
            Script::DeletePost,
            &[Key::Post(id)],
            (
                underway.accepted_at.as_ms(),
                editor.map(|editor| editor.to_string()).unwrap_or_default(),
                Nonce::new()?,
                trace_arg(trace),
            ),
        );
        let answer: Vec<String> = self.commit_one("deleting a post", &commands).await?;
        let parts: Vec<&str> = answer.iter().map(String::as_str).collect();
        match (&parts[..], editor) {
            (["deleted", note], _) => {
                drop(underway);
                self.announce_jobs_of(id);
                let relatives = Relatives::from_note(note)?;
                if relatives != Relatives::default() {
                    self.follow_up(&[Note::Uncount(id, relatives)]).await;
                }
                Ok(())
            }
            (["missing"], _) => Err(CommitError::NotFound { what: "post" }),
            (["forbidden"], Some(user)) => Err(CommitError::Forbidden { user }),
            _ => Err(UNKNOWN_ANSWER.into()),
        }
    }

    /// The posts with these ids, in their order.
    pub(super) async fn posts_by_id(
        &self,
        ids: &[PostId],
    ) -> Result<Vec<Option<Arc<Post>>>, StoreError> {
        const READING: &str = "reading posts";
        let mut sorted = ids.to_vec();
        sorted.sort_unstable_by_key(|id| (id.partition(), *id));
        sorted.dedup();
        // On a single server one command may ask for all.
        let apart = self.link.is_cluster();
        let of_one = sorted.chunk_by(|a, b| !apart || a.partition() == b.partition());
        let commands: Vec<Commands> = of_one
            .map(|ids| {
                let mut get = Cmd::new();
                get.arg("MGET");
                for id in ids {
                    get.arg(Key::Post(*id).name());
                }
                let mut commands = Commands::new(ids[0].partition());
                commands.command(get);
                commands
            })
            .collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let mut records: Vec<Option<Vec<u8>>> = Vec::with_capacity(sorted.len());
        for answer in answers.into_iter().flatten() {
            records.extend(decode::<Vec<_>>(answer).map_err(store_error(READING))?);
        }
        let mut posts = HashMap::with_capacity(sorted.len());
        for (id, record) in sorted.into_iter().zip(records) {
            if let Some(record) = record
                && let Some(post) = decode_post(id, &record)?
            {
                posts.insert(id, Arc::new(post));
            }
        }
        Ok(ids.iter().map(|id| posts.get(id).cloned()).collect())
    }

    /// What a key holds.
    async fn get<T: FromRedisValue>(
        &self,
        what: &'static str,
        key: &Key<'_>,
    ) -> Result<T, StoreError> {
        let mut get = Cmd::new();
        get.arg("GET").arg(key.name());
        let mut commands = Commands::new(key.partition());
        commands.command(get);
        self.link.one(&commands).await.map_err(store_error(what))
    }
}

const UNKNOWN_ANSWER: StoreError = StoreError::Corrupt {
    what: "script's answer",
};

fn trace_arg(trace: Option<TraceContext>) -> String {
    trace.map(|trace| trace.to_string()).unwrap_or_default()
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
