//! The followers tier: carries posts to those they address and to their authors' followers.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::future::{join_all, try_join_all};
use lru::LruCache;
use ripple_domain::{
    JobKind, Post, Stage, StageState, Timestamp, UserId, Visibility,
    plan::{CHUNK_FOLLOWERS_MAX, chunk_followers},
};
use ripple_store::{Claim, Delivery, Fate, Pushed, Store, StoreError};

use crate::{
    handler::{AttemptError, Handler, Outcome, chain},
    stage,
};

/// Followers that one batch deals with, over all its jobs: a share of some hundreds for each job of
/// a full batch, so that most posts need one chunk, and a bound on how long the batch takes.
const BATCH_FOLLOWERS_MAX: usize = 200_000;
/// A long fan-out shows in its receipt after its first chunk and then each time it passes a multiple
/// of so many followers.
const PROGRESS_EVERY: u64 = 100_000;

/// Authors that are remembered as having too many followers to push to.
const LARGE_AUTHORS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

pub(crate) struct Followers {
    store: Arc<dyn Store>,
    /// The posts of authors whom more follow are pulled.
    push_followers_max: Option<u64>,
    /// Of whom a post went to more. Whether it is so still is looked up each time; for all others, who are
    /// the rule, nothing is.
    large: Mutex<LruCache<UserId, ()>>,
}

/// A claimed delivery, its kind taken apart.
struct Work<'a> {
    claim: &'a Claim,
    post: Arc<Post>,
    after: Option<UserId>,
    delivered: u64,
    started_at: Timestamp,
}

/// Whom a post has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// A chunk of the followers.
    Chunk(Pushed),
    /// All the rest of them, without a push: so many.
    Rest(u64),
}

impl Followers {
    pub(crate) fn new(store: Arc<dyn Store>, push_followers_max: Option<u64>) -> Self {
        Self {
            store,
            push_followers_max,
            large: Mutex::new(LruCache::new(LARGE_AUTHORS_MAX)),
        }
    }

    /// Enters a post in its recipients' inboxes, with its first chunk.
    async fn push_inboxes<'a>(&self, work: Result<Work<'a>, Outcome>) -> Result<Work<'a>, Outcome> {
        let work = work?;
        let recipients: Vec<UserId> = work.post.recipients.iter().map(|user| user.id).collect();
        if work.is_first_chunk() && !recipients.is_empty() {
            let pushed = self.store.push_inboxes(work.post.id, &recipients).await;
            pushed.map_err(|error| Outcome::Failed(AttemptError::PushInboxes(error)))?;
        }
        Ok(work)
    }

    /// Has the author's posts pulled where too many follow him: all who have not got this one read it from
    /// now on. `None` where it is to be pushed.
    async fn pull(&self, work: &Work<'_>) -> Result<Option<Reached>, AttemptError> {
        let author = work.post.author;
        let Some(followers_max) = self.push_followers_max else {
            return Ok(None);
        };
        if work.delivered <= followers_max && !self.large().contains(&author) {
            return Ok(None);
        }
        let followers = self.followers_of(author).await?;
        if followers <= followers_max {
            self.large().pop(&author);
            return Ok(None);
        }
        match self.store.pull(author).await {
            Ok(true) => Ok(Some(Reached::Rest(
                followers.saturating_sub(work.delivered),
            ))),
            Ok(false) => {
                if work.is_first_chunk() {
                    tracing::warn!(
                        %author,
                        followers,
                        "a post is pushed to very many followers: those of too many authors are pulled already"
                    );
                }
                Ok(None)
            }
            // A push does what is to be done as well; it takes longer.
            Err(error) => {
                tracing::warn!(
                    %author,
                    followers,
                    error = chain(&error),
                    "a post is pushed to very many followers: it could not be noted that it is pulled"
                );
                Ok(None)
            }
        }
    }

    /// Pushes a chunk of every post that is to be pushed to followers, all in one call, and returns whom
    /// each has reached, in the order of `works`.
    async fn push_home(&self, works: &[&Work<'_>]) -> Result<Vec<Reached>, AttemptError> {
        let without_push = try_join_all(works.iter().map(|work| async {
            match work.post.visibility {
                Visibility::Direct => Ok(Some(Reached::Rest(0))),
                _ => self.pull(work).await,
            }
        }));
        let mut reached = without_push.await?;
        let to_push = works.iter().zip(&mut reached);
        let to_push = to_push.filter(|(_, reached)| reached.is_none());
        let (works, places): (Vec<&&Work<'_>>, Vec<_>) = to_push.unzip();
        let followers_max = chunk_followers(BATCH_FOLLOWERS_MAX, works.len());
        let deliveries = works.into_iter().map(|work| Delivery {
            post: work.post.id,
            author: work.post.author,
            after: work.after,
            followers_max,
        });
        let deliveries: Vec<Delivery> = deliveries.collect();
        if !deliveries.is_empty() {
            let pushed = self.store.push_home(deliveries).await;
            let pushed = pushed.map_err(AttemptError::PushHome)?;
            for (place, pushed) in places.into_iter().zip(pushed) {
                *place = Some(Reached::Chunk(pushed));
            }
        }
        let all: Option<Vec<Reached>> = reached.into_iter().collect();
        all.ok_or(AttemptError::PushHome(StoreError::Corrupt {
            what: "number of answers to pushes",
        }))
    }

    /// What becomes of a job after a chunk.
    async fn after_chunk(
        &self,
        work: &Work<'_>,
        reached: Reached,
    ) -> Result<Outcome, AttemptError> {
        let (followers, pushed, next) = match reached {
            Reached::Chunk(pushed) => {
                let followers = work.delivered + pushed.followers;
                if self.push_followers_max.is_some_and(|max| followers > max) {
                    self.large().put(work.post.author, ());
                }
                (followers, pushed.followers, pushed.next)
            }
            Reached::Rest(rest) => (work.delivered + rest, 0, None),
        };
        let inboxes = work.post.recipients.len() as u64;
        let new_inboxes = if work.is_first_chunk() { inboxes } else { 0 };
        let (fate, progress) = match next {
            None => {
                let now = self.store.clock().now();
                let stage = stage::done(followers + inboxes, work.started_at, now);
                let store = self.store.as_ref();
                let progress = stage::progress(store, work.claim, &work.post, stage).await?;
                (Fate::Ack, Some(progress))
            }
            Some(next) => {
                let rest = JobKind::Deliver {
                    post: work.post.id,
                    after: Some(next),
                    delivered: followers,
                    started_at: Some(work.started_at),
                };
                let stage = self.running(work, followers, inboxes).await?;
                let progress = stage.map(|stage| stage::first_progress(work.claim, stage));
                (Fate::Continue { kind: rest }, progress)
            }
        };
        Ok(Outcome::Settle {
            fate,
            progress,
            deliveries: pushed + new_inboxes,
        })
    }

    fn large(&self) -> MutexGuard<'_, LruCache<UserId, ()>> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn followers_of(&self, author: UserId) -> Result<u64, AttemptError> {
        let counts = self.store.user_counts(author).await;
        Ok(counts.map_err(AttemptError::ReadCounts)?.followers)
    }

    /// The stage of a fan-out under way, where it is worth writing down.
    async fn running(
        &self,
        work: &Work<'_>,
        followers: u64,
        inboxes: u64,
    ) -> Result<Option<Stage>, AttemptError> {
        if !is_milestone(work.delivered, followers) || stage::is_later_work(work.claim, &work.post)
        {
            return Ok(None);
        }
        let in_all = self.followers_of(work.post.author).await?;
        let is_long = in_all > CHUNK_FOLLOWERS_MAX as u64;
        Ok(is_long.then(|| Stage {
            state: StageState::Running,
            total: in_all.max(followers) + inboxes,
            delivered: followers + inboxes,
            started_at: Some(work.started_at),
            done_at: None,
        }))
    }
}

#[async_trait]
impl Handler for Followers {
    async fn handle(&self, claims: &[Claim]) -> Result<Vec<Outcome>, AttemptError> {
        let begun_at = self.store.clock().now();
        let posts = claims.iter().filter_map(|claim| claim.job.kind.post());
        let ids: Vec<_> = posts.collect();
        let posts = self.store.posts(&ids).await;
        let mut posts = posts.map_err(AttemptError::ReadPosts)?.into_iter();
        let works = claims.iter().map(|claim| {
            let post = claim.job.kind.post().and_then(|_| posts.next().flatten());
            Work::new(claim, post, begun_at)
        });
        let works: Vec<Result<Work<'_>, Outcome>> =
            join_all(works.map(|work| self.push_inboxes(work))).await;

        let to_push: Vec<&Work<'_>> = works.iter().flatten().collect();
        let reached = self.push_home(&to_push).await?;
        let reached = to_push.into_iter().zip(reached);
        let concluded =
            join_all(reached.map(|(work, reached)| self.after_chunk(work, reached))).await;
        let mut concluded = concluded
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(Outcome::Failed));
        let outcomes = works.into_iter().filter_map(|work| match work {
            Ok(_) => concluded.next(),
            Err(outcome) => Some(outcome),
        });
        Ok(outcomes.collect())
    }
}

impl<'a> Work<'a> {
    fn new(
        claim: &'a Claim,
        post: Option<Arc<Post>>,
        begun_at: Timestamp,
    ) -> Result<Self, Outcome> {
        let JobKind::Deliver {
            after,
            delivered,
            started_at,
            ..
        } = claim.job.kind
        else {
            return Err(Outcome::Failed(AttemptError::WrongKind));
        };
        // A post that was deleted meanwhile goes nowhere, and has no receipt.
        let Some(post) = post else {
            return Err(Outcome::Settle {
                fate: Fate::Ack,
                progress: None,
                deliveries: 0,
            });
        };
        Ok(Self {
            claim,
            post,
            after,
            delivered,
            started_at: started_at.unwrap_or(begun_at),
        })
    }

    fn is_first_chunk(&self) -> bool {
        self.after.is_none()
    }
}

/// Whether a fan-out that has come from `before` to `after` followers is to show it.
fn is_milestone(before: u64, after: u64) -> bool {
    before == 0 || before / PROGRESS_EVERY != after / PROGRESS_EVERY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_fan_out_shows_at_its_beginning_and_then_now_and_again() {
        assert!(is_milestone(0, 10_000));
        assert!(!is_milestone(10_000, 20_000));
        assert!(is_milestone(90_000, 100_000));
        assert!(is_milestone(95_000, 105_000));
        assert!(!is_milestone(100_000, 110_000));
    }
}
