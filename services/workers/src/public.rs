//! The public tier: brings the public pages in line with posts, and has warm feeds rendered.

use std::{
    collections::{BTreeSet, HashMap},
    panic::resume_unwind,
    sync::Arc,
};

use async_trait::async_trait;
use ripple_domain::{JobKind, Post, PostId, Stage, StageState, Timestamp, Topic, topic::topics_of};
use ripple_store::{Claim, IndexWrite, Indexed, Store};
use tokio::task::spawn_blocking;

use crate::{
    handler::{AttemptError, Handler, Outcome},
    refresh::Refreshes,
    stage,
};

/// Texts of so many bytes in all are taken apart at once; more would keep a runtime thread from its
/// other work for too long.
const INLINE_TEXT_BYTES_MAX: usize = 4_096;
/// Later than every revision: nothing changes the place of a deleted post any more.
const REVISION_DELETED: u32 = u32::MAX;

pub(crate) struct Public {
    store: Arc<dyn Store>,
    refreshes: Arc<Refreshes>,
}

/// A post that still stands, with the topics on whose pages it belongs.
struct Sorted {
    post: Arc<Post>,
    topics: Vec<Topic>,
}

impl Public {
    pub(crate) fn new(store: Arc<dyn Store>, refreshes: Arc<Refreshes>) -> Self {
        Self { store, refreshes }
    }

    /// Reads the posts of the claims, each once, and works out their topics.
    async fn sort(&self, claims: &[Claim]) -> Result<HashMap<PostId, Sorted>, AttemptError> {
        let posts = claims.iter().filter_map(|claim| claim.job.kind.post());
        let ids: BTreeSet<PostId> = posts.collect();
        let ids: Vec<PostId> = ids.into_iter().collect();
        let posts = self.store.posts(&ids).await;
        let posts = posts.map_err(AttemptError::ReadPosts)?;
        let posts: Vec<Arc<Post>> = posts.into_iter().flatten().collect();

        let bytes: usize = posts.iter().map(|post| post.text.len()).sum();
        let sort = move || {
            posts
                .into_iter()
                .map(|post| {
                    let topics = topics_of(&post).into_iter().collect();
                    (post.id, Sorted { post, topics })
                })
                .collect()
        };
        if bytes <= INLINE_TEXT_BYTES_MAX {
            return Ok(sort());
        }
        match spawn_blocking(sort).await {
            Ok(sorted) => Ok(sorted),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shutting down.
                Err(error) => Err(AttemptError::Panicked(error.to_string())),
            },
        }
    }

    async fn write(
        &self,
        claim: &Claim,
        sorted: &HashMap<PostId, Sorted>,
        begun_at: Timestamp,
    ) -> Result<IndexWrite, AttemptError> {
        let JobKind::Index { post } = claim.job.kind else {
            return Err(AttemptError::WrongKind);
        };
        let sorted = sorted.get(&post);
        let now = self.store.clock().now();
        let skipped = Stage {
            state: StageState::Skipped,
            ..stage::done(0, begun_at, now)
        };
        let progress = match sorted {
            Some(Sorted { post, topics }) => {
                let stage = match post.is_listed() {
                    true => stage::done(topics.len() as u64, begun_at, now),
                    false => skipped,
                };
                stage::progress(self.store.as_ref(), claim, post, stage).await?
            }
            None => stage::first_progress(claim, skipped),
        };
        Ok(IndexWrite {
            lease: claim.lease,
            post,
            revision: sorted.map_or(REVISION_DELETED, |sorted| sorted.post.revision),
            topics: sorted.map_or_else(Vec::new, |sorted| sorted.topics.clone()),
            progress,
        })
    }
}

#[async_trait]
impl Handler for Public {
    async fn handle(&self, claims: &[Claim]) -> Result<Vec<Outcome>, AttemptError> {
        let begun_at = self.store.clock().now();
        let sorted = self.sort(claims).await?;
        let mut writes = Vec::with_capacity(claims.len());
        for claim in claims {
            writes.push(self.write(claim, &sorted, begun_at).await?);
        }
        let indexed = self.store.index(writes).await;
        let indexed = indexed.map_err(AttemptError::Index)?;
        self.refreshes.offer(touched(claims, &sorted, &indexed));
        Ok(indexed
            .into_iter()
            .map(|indexed| Outcome::Settled {
                held: indexed.acked,
            })
            .collect())
    }
}

/// The topics whose pages show something else now, each once, with the authors whose posts changed
/// (their feeds have no index that could tell).
fn touched(
    claims: &[Claim],
    sorted: &HashMap<PostId, Sorted>,
    indexed: &[Indexed],
) -> BTreeSet<Topic> {
    let mut touched = BTreeSet::new();
    for (claim, indexed) in claims.iter().zip(indexed) {
        if indexed.touched.is_empty() {
            continue;
        }
        touched.extend(indexed.touched.iter().cloned());
        let sorted = claim.job.kind.post().and_then(|post| sorted.get(&post));
        touched.extend(sorted.map(|sorted| Topic::Author(sorted.post.author)));
    }
    touched
}
