//! Posts: their facts and the jobs that they cause, in one commit.

use std::sync::Arc;

use ripple_domain::{
    JobKind, NewPost, Post, PostCounts, PostEdit, PostId, Timestamp, TraceContext, UserId,
    Visibility,
};

use super::{idempotency, users};
use crate::{
    CommitError, Committed, PostCommit, StoreError,
    embedded::{
        effect::Effect,
        key::Key,
        record::{Answer, PostRecord},
        tx::Tx,
    },
};

/// Commits a post where there is `room` for its jobs. An answer that was given before is given again
/// whatever the backlog is: it causes nothing.
pub(in super::super) fn create(
    tx: &mut Tx<'_>,
    commit: PostCommit,
    room: Result<(), CommitError>,
) -> Result<Committed<Arc<Post>>, CommitError> {
    let PostCommit {
        post,
        idempotency,
        trace,
    } = commit;
    if let Some(Answer::Post(post)) = idempotency::find(tx, idempotency)? {
        return Ok(Committed {
            value: post,
            replayed: true,
        });
    }
    room?;
    users::get(tx, post.author)?;
    let post = insert(tx, post, trace)?;
    idempotency::keep(tx, idempotency, || Answer::Post(Arc::clone(&post)))?;
    Ok(Committed {
        value: post,
        replayed: false,
    })
}

/// Writes a new post with its entry in the author timeline and its jobs.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    new: NewPost,
    trace: Option<TraceContext>,
) -> Result<Arc<Post>, CommitError> {
    let id = make_id(tx, new.author, new.created_at)?;
    let post = Arc::new(Post {
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
        accepted_at: tx.now,
        edited_at: None,
        revision: 0,
    });
    count_relatives(tx, &post, |count| count.saturating_add(1))?;
    tx.put(&Key::Author(post.author, id), []);
    count_author(tx, post.author, |count| count.saturating_add(1))?;
    write(tx, &post)?;
    tx.then(Effect::HomePush(post.author, id));
    tx.enqueue(JobKind::deliver(id), trace)?;
    if post.is_listed() {
        tx.enqueue(JobKind::Index { post: id }, trace)?;
    }
    Ok(post)
}

pub(in super::super) fn edit(
    tx: &mut Tx<'_>,
    id: PostId,
    editor: UserId,
    edit: PostEdit,
    trace: Option<TraceContext>,
) -> Result<Arc<Post>, CommitError> {
    let mut post = get(tx, id)?;
    if post.author != editor {
        return Err(CommitError::Forbidden { user: editor });
    }
    let before = (post.visibility, post.is_listed());
    if let Some((text, tags, mentions)) = edit.text {
        (post.text, post.tags, post.mentions) = (text, tags, mentions);
    }
    post.visibility = edit.visibility.unwrap_or(post.visibility);
    post.link = edit.link.unwrap_or(post.link);
    post.edited_at = Some(tx.now);
    post.revision += 1;
    let post = Arc::new(post);
    write(tx, &post)?;
    if before.1 || post.is_listed() {
        tx.enqueue(JobKind::Index { post: id }, trace)?;
    }
    if reach(post.visibility) > reach(before.0) {
        tx.enqueue(JobKind::deliver(id), trace)?;
    }
    Ok(post)
}

pub(in super::super) fn delete(
    tx: &mut Tx<'_>,
    id: PostId,
    editor: Option<UserId>,
    trace: Option<TraceContext>,
) -> Result<(), CommitError> {
    let post = get(tx, id)?;
    if let Some(user) = editor.filter(|user| *user != post.author) {
        return Err(CommitError::Forbidden { user });
    }
    count_relatives(tx, &post, |count| count.saturating_sub(1))?;
    count_author(tx, post.author, |count| count.saturating_sub(1))?;
    tx.delete(&Key::Author(post.author, id));
    let tombstone = PostRecord::DeletedV1 {
        author: post.author,
        deleted_at: tx.now,
    };
    tx.write(&Key::Post(id), &tombstone)?;
    tx.then(Effect::PostDeleted(id));
    // A post that was never listed is in no index; one that was edited may have been.
    if post.is_listed() || post.revision > 0 {
        tx.enqueue(JobKind::Index { post: id }, trace)?;
    }
    Ok(())
}

/// The post with this id, unless it was deleted.
pub(super) fn get(tx: &Tx<'_>, id: PostId) -> Result<Post, CommitError> {
    match tx.read("post", &Key::Post(id))? {
        Some(PostRecord::V1(post)) => Ok(Arc::unwrap_or_clone(post)),
        Some(PostRecord::DeletedV1 { .. }) | None => Err(CommitError::NotFound { what: "post" }),
    }
}

fn write(tx: &mut Tx<'_>, post: &Arc<Post>) -> Result<(), StoreError> {
    tx.write(&Key::Post(post.id), &PostRecord::V1(Arc::clone(post)))?;
    tx.then(Effect::Post(Arc::clone(post)));
    Ok(())
}

/// An id of this moment, or of the time at which an imported post was written.
fn make_id(
    tx: &mut Tx<'_>,
    author: UserId,
    created_at: Option<Timestamp>,
) -> Result<PostId, CommitError> {
    let partition = author.partition();
    let out_of_range = || StoreError::Unavailable {
        reason: "the clock stands outside the years 2000 to 2069, in which post ids exist".into(),
    };
    let mut time = tx.now;
    if let Some(created_at) = created_at {
        // The first id of that time which is free. Where the sequence has not come so far yet, it
        // makes the id, so that it never meets one that was taken here.
        time = created_at;
        let mut id = tx.counters.backdated.first_perhaps_free(time, partition);
        while let Some(candidate) = id
            && !tx.counters.post_ids.is_ahead(candidate)
        {
            id = candidate.successor();
            if !tx.holds(&Key::Post(candidate))? {
                tx.counters.backdated.taken(time, candidate);
                return Ok(candidate);
            }
        }
    }
    Ok(tx
        .counters
        .post_ids
        .next(time, partition)
        .ok_or_else(out_of_range)?)
}

/// Changes the counts of the posts that this one answers and reposts.
fn count_relatives(
    tx: &mut Tx<'_>,
    post: &Post,
    change: impl Fn(u32) -> u32,
) -> Result<(), CommitError> {
    let answered = post.reply_to.map(|id| (id, true));
    let reposted = post.repost_of.map(|id| (id, false));
    for (id, is_reply) in answered.into_iter().chain(reposted) {
        let mut relative = match get(tx, id) {
            Ok(relative) => relative,
            Err(CommitError::NotFound { .. }) => continue,
            Err(error) => return Err(error),
        };
        let counts = &mut relative.counts;
        let count = if is_reply {
            &mut counts.replies
        } else {
            &mut counts.reposts
        };
        *count = change(*count);
        write(tx, &Arc::new(relative))?;
    }
    Ok(())
}

fn count_author(
    tx: &mut Tx<'_>,
    author: UserId,
    change: impl Fn(u64) -> u64,
) -> Result<(), StoreError> {
    let key = Key::PostCount(author);
    let count = match tx.get(&key)? {
        Some(bytes) => decode_count(&bytes)?,
        None => 0,
    };
    tx.put(&key, change(count).to_be_bytes());
    Ok(())
}

/// A stored number of posts.
pub(in super::super) fn decode_count(bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes = bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt { what: "post count" })?;
    Ok(u64::from_be_bytes(bytes))
}

/// How many home timelines a visibility reaches, as an order.
fn reach(visibility: Visibility) -> u8 {
    match visibility {
        Visibility::Direct => 0,
        Visibility::Followers | Visibility::Unlisted | Visibility::Public => 1,
    }
}
