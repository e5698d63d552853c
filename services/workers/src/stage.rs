use ripple_domain::{Post, Receipt, Stage, StageState, Tier, Timestamp};
use ripple_store::{Claim, StageProgress, Store, StoreError};

/// The receipt's new state for a claimed job's tier.
pub(crate) fn progress(claim: &Claim, stage: Stage) -> StageProgress {
    StageProgress {
        author_done_at: claim.durable_at,
        stage,
    }
}

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

/// When later work finds the tier done with the post already, the receipt goes on telling when that
/// was: a replay must not make a post look late.
pub(crate) async fn keep_first_done(
    store: &dyn Store,
    post: &Post,
    tier: Tier,
    stage: Stage,
) -> Result<Stage, StoreError> {
    let receipt = store.receipt(post.id).await?;
    Ok(with_first_done(receipt, tier, stage))
}

fn with_first_done(receipt: Option<Receipt>, tier: Tier, stage: Stage) -> Stage {
    let before = receipt.map(|receipt| match tier {
        Tier::Followers => receipt.followers,
        Tier::Public => receipt.public,
    });
    match before {
        Some(before) if before.state == StageState::Done => Stage {
            started_at: before.started_at,
            done_at: before.done_at,
            ..stage
        },
        _ => stage,
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
            author: Stage::default(),
            followers: Stage::default(),
            public,
            pages: vec![],
        }
    }

    #[test]
    fn later_work_keeps_the_time_at_which_the_tier_was_done_first() {
        let first = receipt(done(3, EARLY, EARLY));
        let kept = with_first_done(Some(first), Tier::Public, done(5, LATE, LATE));
        assert_eq!(kept, done(5, EARLY, EARLY));
    }

    #[test]
    fn what_was_not_done_before_is_done_now() {
        let now = done(5, LATE, LATE);
        let pending = receipt(Stage::default());
        assert_eq!(with_first_done(None, Tier::Public, now.clone()), now);
        assert_eq!(
            with_first_done(Some(pending), Tier::Public, now.clone()),
            now
        );
    }
}
