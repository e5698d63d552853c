//! Imports: batches of follows and posts.

use ripple_domain::{Handle, RelationKind, UserId, UserRef};

use super::{posts, users};
use crate::{
    CommitError, FollowLine, ImportCounts, ImportedPost,
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
    } in imported
    {
        if tx.holds(&Key::Import(&key))? {
            counts.known += 1;
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

fn user(
    tx: &mut Tx<'_>,
    handle: &Handle,
    counts: &mut ImportCounts,
) -> Result<UserId, CommitError> {
    let (id, created) = users::get_or_create(tx, handle)?;
    counts.users_created += u64::from(created);
    Ok(id)
}
