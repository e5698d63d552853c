//! Doing jobs, as a worker does them.

use std::{fmt::Debug, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use ripple_domain::{JobKind, Post, Stage, StageState, Tier, UserId, Visibility, topic::topics_of};
use ripple_store::{Claim, Delivery, Fate, IndexWrite, Settlement, StageProgress, Store};

use super::Rig;

/// How long tests claim jobs for.
pub(crate) const LEASE_MS: u32 = 3_000;

impl Rig {
    /// Claims up to `n` jobs.
    pub(crate) async fn claim(&self, tier: Tier, n: usize) -> Vec<Claim> {
        self.store().claim(tier, n, LEASE_MS).await.unwrap()
    }

    /// Claims the one job that can be claimed now.
    pub(crate) async fn claim_one(&self, tier: Tier) -> Claim {
        let mut claims = self.claim(tier, 2).await;
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims.remove(0)
    }

    /// Settles one job; whether the lease held.
    pub(crate) async fn settle(&self, claim: &Claim, fate: Fate) -> bool {
        self.settle_with(claim, fate, None).await
    }

    pub(crate) async fn settle_with(
        &self,
        claim: &Claim,
        fate: Fate,
        progress: Option<StageProgress>,
    ) -> bool {
        let settlement = Settlement {
            lease: claim.lease,
            fate,
            progress,
        };
        let settled = self.store().settle(vec![settlement]).await.unwrap();
        assert_eq!(settled.len(), 1);
        settled[0]
    }

    /// Does all jobs that can be claimed now.
    pub(crate) async fn drain(&self) {
        loop {
            let followers = self.claim(Tier::Followers, 100).await;
            let public = self.claim(Tier::Public, 100).await;
            if followers.is_empty() && public.is_empty() {
                return;
            }
            let store = self.store().as_ref();
            // Side by side, as workers do: thousands of syncs one after the other take a minute.
            stream::iter(&followers)
                .for_each_concurrent(32, async |claim| {
                    deliver(store, claim, 10_000).await;
                })
                .await;
            let writes = stream::iter(&public)
                .map(|claim| index_write(store, claim))
                .buffered(32)
                .collect::<Vec<_>>()
                .await;
            store.index(writes).await.unwrap();
        }
    }

    /// Acks all jobs that can be claimed now without doing them.
    pub(crate) async fn drop_jobs(&self) {
        for tier in Tier::ALL {
            loop {
                let claims = self.claim(tier, 1_000).await;
                if claims.is_empty() {
                    break;
                }
                for claim in claims {
                    self.settle(&claim, Fate::Ack).await;
                }
            }
        }
    }
}

/// Waits until `look` finds `expected`: figures, dead letters and receipts show a settlement a moment
/// later.
pub(crate) async fn becomes<T: PartialEq + Debug>(expected: T, look: impl AsyncFn() -> T) {
    for _ in 0..500 {
        if look().await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(look().await, expected);
}

/// Does a chunk of a `Deliver` job and settles it; whether the lease held.
pub(crate) async fn deliver(store: &dyn Store, claim: &Claim, followers_max: usize) -> bool {
    let fate = push(store, claim.job.kind, followers_max).await;
    let settlement = Settlement {
        lease: claim.lease,
        progress: Some(progress(claim, &fate)),
        fate,
    };
    store.settle(vec![settlement]).await.unwrap()[0]
}

/// Pushes a chunk of a post's fan-out; what becomes of the job.
pub(crate) async fn push(store: &dyn Store, kind: JobKind, followers_max: usize) -> Fate {
    let JobKind::Deliver {
        after,
        delivered,
        started_at,
        ..
    } = kind
    else {
        panic!("not a delivery: {kind:?}");
    };
    let Some(post) = push_inboxes(store, kind).await else {
        return Fate::Ack;
    };
    let delivery = Delivery {
        post: post.id,
        author: post.author,
        after,
        followers_max,
    };
    let pushed = store.push_home(vec![delivery]).await.unwrap().remove(0);
    let Some(next) = pushed.next else {
        return Fate::Ack;
    };
    let kind = JobKind::Deliver {
        post: post.id,
        after: Some(next),
        delivered: delivered + pushed.followers,
        started_at,
    };
    Fate::Continue { kind }
}

/// Leaves out what is left of a post's fan-out: its followers pull it.
pub(crate) async fn pull(store: &dyn Store, kind: JobKind) -> Fate {
    if let Some(post) = push_inboxes(store, kind).await {
        assert!(store.pull(post.author).await.unwrap());
    }
    Fate::Ack
}

/// Enters a post in the inboxes of those whom it addresses; the post, where it goes to followers, too.
async fn push_inboxes(store: &dyn Store, kind: JobKind) -> Option<Arc<Post>> {
    let post = store.posts(&[kind.post()?]).await.unwrap().remove(0)?;
    if matches!(kind, JobKind::Deliver { after: None, .. }) {
        let recipients: Vec<UserId> = post.recipients.iter().map(|user| user.id).collect();
        store.push_inboxes(post.id, &recipients).await.unwrap();
    }
    (post.visibility != Visibility::Direct).then_some(post)
}

/// What an `Index` job writes.
async fn index_write(store: &dyn Store, claim: &Claim) -> IndexWrite {
    let id = claim.job.kind.post().unwrap();
    let post = store.posts(&[id]).await.unwrap().remove(0);
    IndexWrite {
        lease: claim.lease,
        post: id,
        revision: post.as_ref().map_or(u32::MAX, |post| post.revision),
        topics: post
            .as_deref()
            .map(topics_of)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        progress: progress(claim, &Fate::Ack),
    }
}

/// The state of a stage when its job is settled so.
pub(crate) fn progress(claim: &Claim, fate: &Fate) -> StageProgress {
    let done = *fate == Fate::Ack;
    let stage = Stage {
        state: if done {
            StageState::Done
        } else {
            StageState::Running
        },
        total: 1,
        delivered: 1,
        started_at: Some(claim.durable_at),
        done_at: done.then_some(claim.durable_at),
    };
    StageProgress {
        author_done_at: claim.durable_at,
        stage,
    }
}
