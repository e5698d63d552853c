//! Imports: batches of follows and posts.

use ripple_domain::{Handle, PostId, RelationKind, UserId, UserRef};

use super::{posts, users};
use crate::{
    CommitError, FollowLine, ImportCounts, ImportedPost, StoreError,
    embedded::{
        key::Key,
        record::{PostRecord, decode_user_id},
        tx::Tx,
    },
};

pub(in super::super) fn follows(
    tx: &mut Tx<'_>,
    lines: &[FollowLine],
) -> Result<ImportCounts, CommitError> {
    let mut counts = ImportCounts::default();
    for line in lines {
        let follower = user(tx, &line.follower, &mut counts)?;
        let followee = user(tx, &line.followee, &mut counts)?;
        match users::set_relation(tx, follower, RelationKind::Follow, followee, true)? {
            true => counts.added += 1,
            false => counts.known += 1,
        }
    }
    Ok(counts)
}

pub(in super::super) fn posts(
    tx: &mut Tx<'_>,
    imported: Vec<ImportedPost>,
) -> Result<ImportCounts, CommitError> {
    let mut counts = ImportCounts::default();
    for line in imported {
        if tx.holds(&Key::Import(&line.key))? {
            counts.known += 1;
            continue;
        }
        if let Some(id) = exported_from(tx, &line)? {
            // Later lines may answer it or pass it on.
            keep_key(tx, &line.key, id);
            counts.known += 1;
            continue;
        }
        let ImportedPost {
            key,
            exported_from: _,
            author,
            mut post,
            mentions,
            recipients,
            reply_to,
            repost_of,
        } = line;
        post.reply_to = imported_post(tx, reply_to)?;
        post.repost_of = imported_post(tx, repost_of)?;
        if post.text.is_empty() && post.repost_of.is_none() {
            counts.left_out += 1;
            continue;
        }
        post.author = user(tx, &author, &mut counts)?;
        for handle in recipients {
            let id = user(tx, &handle, &mut counts)?;
            post.recipients.push(UserRef { id, handle });
        }
        for handle in mentions {
            if let Some(id) = tx.get(&Key::Handle(&handle))? {
                let id = decode_user_id("handle", &id)?;
                post.mentions.push(UserRef { id, handle });
            }
        }
        let post = posts::insert(tx, post, None)?;
        keep_key(tx, &key, post.id);
        counts.added += 1;
    }
    Ok(counts)
}

/// The post of this store that a line was exported from.
fn exported_from(tx: &Tx<'_>, line: &ImportedPost) -> Result<Option<PostId>, StoreError> {
    let (Some(id), Some(created_at)) = (line.exported_from, line.post.created_at) else {
        return Ok(None);
    };
    if id.time() != created_at {
        return Ok(None);
    }
    let (author, may_be_it) = match tx.read("post", &Key::Post(id))? {
        // What its author has changed or taken back must not come back as it was.
        Some(PostRecord::V1(post)) => {
            let is_same = post.revision > 0 || post.text == line.post.text;
            (post.author, is_same)
        }
        Some(PostRecord::DeletedV1 { author, .. }) => (author, true),
        None => return Ok(None),
    };
    let named = tx.get(&Key::Handle(&line.author))?;
    let named = named.map(|id| decode_user_id("handle", &id)).transpose()?;
    Ok((may_be_it && named == Some(author)).then_some(id))
}

fn keep_key(tx: &mut Tx<'_>, key: &[u8; 16], post: PostId) {
    tx.put(&Key::Import(key), post.0.to_be_bytes());
}

/// The post that was imported under a key.
fn imported_post(tx: &Tx<'_>, key: Option<[u8; 16]>) -> Result<Option<PostId>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let Some(id) = tx.get(&Key::Import(&key))? else {
        return Ok(None);
    };
    let id = <[u8; 8]>::try_from(&*id).map_err(|_| StoreError::Corrupt { what: "import" })?;
    Ok(Some(PostId(u64::from_be_bytes(id))))
}

fn user(
    tx: &mut Tx<'_>,
    handle: &Handle,
    counts: &mut ImportCounts,
) -> Result<UserId, CommitError> {
    let (id, created) = users::get_or_create(tx, handle)?;
    counts.users_created += u64::from(created);
    Ok(id)
}
