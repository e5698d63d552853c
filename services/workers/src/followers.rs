//! The followers tier: carries posts to those they address and to their authors' followers.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use ripple_domain::{
    JobKind, Post, Stage, StageState, Timestamp, UserId, Visibility,
    plan::{CHUNK_FOLLOWERS_MAX, chunk_followers},
};
use ripple_store::{Claim, Delivery, Fate, Pushed, Store};

use crate::{
    handler::{AttemptError, Handler, Outcome},
    stage,
};

/// Followers that one batch deals with, over all its jobs: a share of some hundreds for each job of
/// a full batch, so that most posts need one chunk, and a bound on how long the batch takes.
const BATCH_FOLLOWERS_MAX: usize = 200_000;
/// A long fan-out shows in its receipt after its first chunk and then each time it passes a multiple
/// of so many followers.
const PROGRESS_EVERY: u64 = 100_000;

pub(crate) struct Followers {
    store: Arc<dyn Store>,
}

/// A claimed delivery, its kind taken apart.
struct Work<'a> {
    claim: &'a Claim,
    post: Arc<Post>,
    after: Option<UserId>,
    delivered: u64,
    started_at: Timestamp,
}

impl Followers {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
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

    /// Pushes a chunk of every post that goes to followers, all in one call, and returns what each
    /// did, in the order of `works`; a post without followers' deliveries is at its end.
    async fn push_home(&self, works: &[&Work<'_>]) -> Result<Vec<Pushed>, AttemptError> {
        let goes_out = |work: &&Work<'_>| work.post.visibility != Visibility::Direct;
        let followers_max = chunk_followers(BATCH_FOLLOWERS_MAX, works.len());
        let deliveries: Vec<Delivery> = works
            .iter()
            .copied()
            .filter(goes_out)
            .map(|work| Delivery {
                post: work.post.id,
                author: work.post.author,
                after: work.after,
                followers_max,
            })
            .collect();
        let pushed = if deliveries.is_empty() {
            Vec::new()
        } else {
            let pushed = self.store.push_home(deliveries).await;
            pushed.map_err(AttemptError::PushHome)?
        };
        let mut pushed = pushed.into_iter();
        Ok(works
            .iter()
            .map(|work| match goes_out(work) {
                true => pushed.next().unwrap_or_default(),
                false => Pushed::default(),
            })
            .collect())
    }

    /// What becomes of a job after a chunk.
    async fn after_chunk(&self, work: &Work<'_>, pushed: Pushed) -> Result<Outcome, AttemptError> {
        let followers = work.delivered + pushed.followers;
        let inboxes = work.post.recipients.len() as u64;
        let new_inboxes = if work.is_first_chunk() { inboxes } else { 0 };
        let (fate, progress) = match pushed.next {
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
            deliveries: pushed.followers + new_inboxes,
        })
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
        let counts = self.store.user_counts(work.post.author).await;
        let in_all = counts.map_err(AttemptError::ReadCounts)?.followers;
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
        let pushed = self.push_home(&to_push).await?;
        let pushed = to_push.into_iter().zip(pushed);
        let concluded = join_all(pushed.map(|(work, pushed)| self.after_chunk(work, pushed))).await;
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
