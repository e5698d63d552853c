//! Jobs whose settlement is on its way to the disk.

use std::sync::Arc;

use ripple_domain::Timestamp;

use super::{memory::Memory, queue::QueuedJob};
use crate::Lease;

/// Leases that were used up for a settlement. It travels with the command and its answer, and gives
/// the leases back when it is dropped, wherever that is: when the command fails, when its commit does,
/// when the writer has ended, and also when nobody waits for the answer any more. Jobs that were
/// settled have left the queue by then, and are not touched.
///
/// It must not be dropped where a queue is locked.
pub(super) struct Settling {
    memory: Arc<Memory>,
    leases: Vec<Lease>,
}

impl Settling {
    pub(super) fn new(memory: &Arc<Memory>) -> Self {
        Self {
            memory: Arc::clone(memory),
            leases: Vec::new(),
        }
    }

    /// A lease that has been used up.
    pub(super) fn of(memory: &Arc<Memory>, lease: Lease) -> Self {
        Self {
            memory: Arc::clone(memory),
            leases: vec![lease],
        }
    }

    /// Uses up a lease; `None` where it has ended.
    pub(super) fn begin(&mut self, lease: Lease, now: Timestamp) -> Option<QueuedJob> {
        let mut queue = self.memory.tier(lease.tier).queue();
        let queued = queue.begin_settling(lease.job, lease.token, now)?;
        self.leases.push(lease);
        Some(queued)
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        for lease in &self.leases {
            self.memory.tier(lease.tier).queue().end_settling(lease.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ripple_domain::{JobKind, PostId, Tier};

    use super::*;
    use crate::{
        Claim, Fate, IndexWrite, Queue, ReadModels, Settlement, StageProgress,
        embedded::{EmbeddedOptions, EmbeddedStore, key::Key},
    };

    const POST: PostId = PostId(7);

    /// A store in whose index there is something about the post that cannot be read, with a job to
    /// index it.
    async fn with_a_damaged_index(folder: &std::path::Path) -> (Arc<EmbeddedStore>, Claim) {
        let store = EmbeddedStore::open(folder, EmbeddedOptions::default());
        let store = store.await.unwrap();
        let damage = |tx: &mut super::super::tx::Tx<'_>| {
            tx.put(&Key::Indexed(POST), [0xFF; 9]);
            Ok(())
        };
        store.writer.commit(damage).await.unwrap();
        let index = vec![JobKind::Index { post: POST }];
        store.enqueue(index).await.unwrap();
        let claim = store
            .claim(Tier::Public, 1, 60_000)
            .await
            .unwrap()
            .remove(0);
        (store, claim)
    }

    fn write(claim: &Claim) -> IndexWrite {
        IndexWrite {
            lease: claim.lease,
            post: POST,
            revision: 0,
            topics: vec![],
            progress: StageProgress {
                author_done_at: claim.durable_at,
                stage: ripple_domain::Stage::default(),
            },
        }
    }

    async fn is_held_again(store: &EmbeddedStore, claim: &Claim) -> bool {
        for _ in 0..1_000 {
            if store.extend(&[claim.lease], 60_000) == [true] {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_lease_comes_back_when_its_settlement_fails() {
        let folder = tempfile::tempdir().unwrap();
        let (store, claim) = with_a_damaged_index(folder.path()).await;
        assert!(store.index(vec![write(&claim)]).await.is_err());
        assert!(is_held_again(&store, &claim).await);
    }

    #[tokio::test]
    async fn a_lease_comes_back_also_when_nobody_waits_for_the_settlement() {
        let folder = tempfile::tempdir().unwrap();
        let (store, claim) = with_a_damaged_index(folder.path()).await;
        // Begun, and given up.
        let index = store.index(vec![write(&claim)]);
        let _ = tokio::time::timeout(Duration::ZERO, index).await;
        assert!(is_held_again(&store, &claim).await);
    }

    #[tokio::test]
    async fn a_lease_comes_back_when_the_writer_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (store, claim) = with_a_damaged_index(folder.path()).await;
        store.writer.close().await;
        let acked = Settlement {
            lease: claim.lease,
            fate: Fate::Ack,
            progress: None,
        };
        store.settle(vec![acked]).await.unwrap();
        assert!(is_held_again(&store, &claim).await);
    }
}
