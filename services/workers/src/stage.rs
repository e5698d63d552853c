use ripple_domain::{Post, Receipt, Stage, StageState, Tier, Timestamp};
use ripple_store::{Claim, StageProgress, Store};

use crate::handler::AttemptError;

/// The stage of a tier that is done with a post, at `places` places.
pub(crate) fn done(places: u64, started_at: Timestamp, done_at: Timestamp) -> Stage {
    Stage {
        state: StageState::Done,
        total: places,
        delivered: places,
        started_at: Some(started_at),
        done_at: Some(done_at),
    }
}

/// Whether the job was caused later than its post: by an edit, a deletion, a replay or a rebuild.
pub(crate) fn is_later_work(claim: &Claim, post: &Post) -> bool {
    claim.job.accepted_at != post.accepted_at
}

/// The receipt's new state for a claimed job's tier. What was done before later work came goes on
/// being done at the time when it was: a replay must not make a post look late.
pub(crate) async fn progress(
    store: &dyn Store,
    claim: &Claim,
    post: &Post,
    stage: Stage,
) -> Result<StageProgress, AttemptError> {
    let progress = first_progress(claim, stage);
    if !is_later_work(claim, post) {
        return Ok(progress);
    }
    let receipt = store.receipt(post.id).await;
    let receipt = receipt.map_err(AttemptError::ReadReceipt)?;
    Ok(match receipt {
        Some(before) => after_receipt(&before, claim.job.tier(), progress),
        None => progress,
    })
}

/// The receipt's new state where there was none before.
pub(crate) fn first_progress(claim: &Claim, stage: Stage) -> StageProgress {
    StageProgress {
        author_done_at: claim.durable_at,
        stage,
    }
}

fn after_receipt(before: &Receipt, tier: Tier, progress: StageProgress) -> StageProgress {
    let StageProgress {
        author_done_at,
        mut stage,
    } = progress;
    let first = match tier {
        Tier::Followers => &before.followers,
        Tier::Public => &before.public,
    };
    if (stage.state, first.state) == (StageState::Done, StageState::Done) {
        (stage.started_at, stage.done_at) = (first.started_at, first.done_at);
    }
    StageProgress {
        author_done_at: before.author.done_at.unwrap_or(author_done_at),
        stage,
    }
}

#[cfg(test)]
mod tests {
    use ripple_domain::PostId;

    use super::*;

    const EARLY: Timestamp = Timestamp::from_ms(1_000);
    const LATE: Timestamp = Timestamp::from_ms(9_000);

    fn receipt(public: Stage) -> Receipt {
        Receipt {
            post: PostId(1),
            accepted_at: EARLY,
            author: done(1, EARLY, EARLY),
            followers: Stage::default(),
            public,
            pages: vec![],
        }
    }

    fn late(stage: Stage) -> StageProgress {
        StageProgress {
            author_done_at: LATE,
            stage,
        }
    }

    #[test]
    fn later_work_keeps_the_times_at_which_author_and_tier_were_done_first() {
        let before = receipt(done(3, EARLY, EARLY));
        let kept = after_receipt(&before, Tier::Public, late(done(5, LATE, LATE)));
        assert_eq!(kept.author_done_at, EARLY);
        assert_eq!(kept.stage, done(5, EARLY, EARLY));
    }

    #[test]
    fn what_was_not_done_before_is_done_now() {
        let before = receipt(Stage::default());
        let now = after_receipt(&before, Tier::Public, late(done(5, LATE, LATE)));
        assert_eq!(now.stage, done(5, LATE, LATE));
    }

    #[test]
    fn what_has_left_its_pages_is_done_there_no_longer() {
        let before = receipt(done(3, EARLY, EARLY));
        let skipped = Stage {
            state: StageState::Skipped,
            ..done(0, LATE, LATE)
        };
        let now = after_receipt(&before, Tier::Public, late(skipped.clone()));
        assert_eq!(now.stage, skipped);
    }
}
