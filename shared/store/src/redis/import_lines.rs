//! The lines of an import of posts: which of them are to become posts, and in which order.

use std::collections::HashMap;

use ripple_domain::{Handle, NewPost, PARTITIONS, PostId, UserId, UserRef};

use crate::{ImportCounts, ImportedPost, StoreError};

pub(super) type ImportKey = [u8; 16];
pub(super) type Users = HashMap<Handle, UserId>;

/// A line that is to become a post.
pub(super) struct Line {
    pub(super) key: ImportKey,
    pub(super) author: Handle,
    post: NewPost,
    pub(super) mentions: Vec<Handle>,
    pub(super) recipients: Vec<Handle>,
    reply_to: Option<Reference>,
    repost_of: Option<Reference>,
}

/// To what a line refers.
#[derive(Clone, Copy)]
pub(super) enum Reference {
    /// A post that was imported before.
    Post(PostId),
    /// An earlier line of the batch.
    Line(usize),
}

impl Line {
    /// The post, once the lines that it refers to are `made`.
    pub(super) fn post(
        &self,
        users: &Users,
        made: &[Option<PostId>],
    ) -> Result<NewPost, StoreError> {
        let id = |reference: Option<Reference>| match reference {
            None => None,
            Some(Reference::Post(id)) => Some(id),
            Some(Reference::Line(index)) => made[index],
        };
        let refs = |handles: &[Handle]| {
            let known = handles.iter().filter_map(|handle| {
                let id = *users.get(handle)?;
                Some(UserRef {
                    id,
                    handle: handle.clone(),
                })
            });
            known.collect::<Vec<_>>()
        };
        let author = users.get(&self.author);
        let mut post = self.post.clone();
        post.author = *author.ok_or(StoreError::Corrupt { what: "handle" })?;
        post.recipients.extend(refs(&self.recipients));
        post.mentions.extend(refs(&self.mentions));
        (post.reply_to, post.repost_of) = (id(self.reply_to), id(self.repost_of));
        Ok(post)
    }

    fn references(&self) -> impl Iterator<Item = usize> {
        let references = [self.reply_to, self.repost_of].into_iter().flatten();
        references.filter_map(|reference| match reference {
            Reference::Post(_) => None,
            Reference::Line(index) => Some(index),
        })
    }
}

/// Takes the lines that are new and stand for something.
pub(super) fn choose(
    batch: Vec<ImportedPost>,
    known: &HashMap<ImportKey, PostId>,
    counts: &mut ImportCounts,
) -> Vec<Line> {
    let mut lines = Vec::with_capacity(batch.len());
    let mut chosen: HashMap<ImportKey, usize> = HashMap::new();
    for ImportedPost {
        key,
        exported_from: _,
        author,
        post,
        mentions,
        recipients,
        reply_to,
        repost_of,
    } in batch
    {
        if known.contains_key(&key) || chosen.contains_key(&key) {
            counts.known += 1;
            continue;
        }
        let reference = |key: Option<ImportKey>| {
            let key = key?;
            let earlier = known.get(&key).copied().map(Reference::Post);
            earlier.or_else(|| chosen.get(&key).copied().map(Reference::Line))
        };
        let (reply_to, repost_of) = (reference(reply_to), reference(repost_of));
        if post.text.is_empty() && repost_of.is_none() {
            counts.left_out += 1;
            continue;
        }
        chosen.insert(key, lines.len());
        lines.push(Line {
            key,
            author,
            post,
            mentions,
            recipients,
            reply_to,
            repost_of,
        });
    }
    lines
}

/// Divides lines into rounds that are committed one after the other, each all at once: a line comes
/// after those that it refers to, and not before an earlier line of its partition.
pub(super) fn rounds(lines: &[Line], users: &Users) -> Vec<Vec<usize>> {
    let mut round_of = Vec::with_capacity(lines.len());
    let mut of_partition = [0; PARTITIONS as usize];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let author = users.get(&line.author).copied().unwrap_or(UserId(0));
        let same = &mut of_partition[usize::from(author.partition())];
        let after = line.references().map(|index| round_of[index] + 1).max();
        let round: usize = after.unwrap_or(0).max(*same);
        *same = round;
        round_of.push(round);
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(index);
    }
    rounds
}
