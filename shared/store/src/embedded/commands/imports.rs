//! Imports: batches of follows and posts.

use ripple_domain::{Handle, PostId, RelationKind, UserId, UserRef};

use super::{posts, users};
use crate::{
    CommitError, FollowLine, ImportCounts, ImportedPost, StoreError,
    embedded::{key::Key, record::decode_user_id, tx::Tx},
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
    for ImportedPost {
        key,
        author,
        mut post,
        mentions,
        recipients,
        reply_to,
        repost_of,
    } in imported
    {
        if tx.holds(&Key::Import(&key))? {
            counts.known += 1;
            continue;
        }
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
        tx.put(&Key::Import(&key), post.id.0.to_be_bytes());
        counts.added += 1;
    }
    Ok(counts)
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
