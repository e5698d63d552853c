//! Posts: their edits and deletions, and how they are read. How they come to be is in `post_commits.rs`.

use std::{collections::HashMap, sync::Arc};

use redis::Cmd;
use ripple_domain::{Post, PostEdit, PostId, TraceContext, UserId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    key::{KEY_BYTES, Key},
    link::{Commands, decode},
    post_record::{decode_post, encode_link, encode_text, visibility_byte},
    relatives::{Note, Relatives},
    script::Script,
};
use crate::{CommitError, StoreError};

impl RedisStore {
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
                let mut commands = Commands::new(ids[0].partition());
                commands.command(get_posts(ids));
                commands
            })
            .collect();
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(READING))?;
        let mut records = Vec::with_capacity(sorted.len());
        for answer in answers.into_iter().flatten() {
            records.extend(decode::<Vec<_>>(answer).map_err(store_error(READING))?);
        }
        let posts = decode_posts(&sorted, records)?.into_iter().flatten();
        let posts: HashMap<PostId, _> = posts.map(|post| (post.id, post)).collect();
        Ok(ids.iter().map(|id| posts.get(id).cloned()).collect())
    }
}

/// Asks for the posts with these ids, which one server has.
pub(super) fn get_posts(ids: &[PostId]) -> Cmd {
    let mut get = Cmd::with_capacity(1 + ids.len(), (1 + ids.len()) * KEY_BYTES);
    get.arg("MGET");
    for id in ids {
        get.arg(Key::Post(*id).name());
    }
    get
}

/// The posts with these ids, from their records in the same order.
pub(super) fn decode_posts(
    ids: &[PostId],
    records: Vec<Option<Vec<u8>>>,
) -> Result<Vec<Option<Arc<Post>>>, StoreError> {
    let found = ids.iter().zip(records).map(|(id, record)| match record {
        Some(record) => Ok(decode_post(*id, &record)?.map(Arc::new)),
        None => Ok(None),
    });
    found.collect()
}

pub(super) const UNKNOWN_ANSWER: StoreError = StoreError::Corrupt {
    what: "script's answer",
};

pub(super) fn trace_arg(trace: Option<TraceContext>) -> String {
    trace.map(|trace| trace.to_string()).unwrap_or_default()
}
