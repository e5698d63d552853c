//! Replays, the same in every tier: posts go through it again, a piece at a time.

use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::JobKind;
use ripple_store::{Claim, Fate, Store};

use crate::handler::{AttemptError, Handler, Outcome};

/// Posts whose jobs are enqueued together, and then done before the next ones are: as many as a batch
/// of the public tier takes.
const PIECE_POSTS_MAX: usize = 1_000;

pub(crate) struct Replays {
    store: Arc<dyn Store>,
}

impl Replays {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Enqueues the jobs of the next posts. What is left goes back behind them, so the queue holds
    /// about a piece of any replay, and a piece that is enqueued twice does no harm.
    async fn send_piece(&self, kind: JobKind) -> Result<Fate, AttemptError> {
        let JobKind::Replay {
            tier,
            from,
            to,
            after,
        } = kind
        else {
            return Err(AttemptError::WrongKind);
        };
        let posts = self.store.post_log(from, to, after, PIECE_POSTS_MAX).await;
        let posts = posts.map_err(AttemptError::ReadLog)?;
        let again = posts.iter().map(|post| JobKind::of_tier(tier, post.id));
        let enqueued = self.store.enqueue(again.collect()).await;
        enqueued.map_err(AttemptError::Enqueue)?;
        Ok(match posts.last() {
            Some(last) if posts.len() == PIECE_POSTS_MAX => Fate::Continue {
                kind: JobKind::Replay {
                    tier,
                    from,
                    to,
                    after: Some(last.id),
                },
            },
            _ => Fate::Ack,
        })
    }
}

#[async_trait]
impl Handler for Replays {
    async fn handle(&self, claims: &[Claim]) -> Result<Vec<Outcome>, AttemptError> {
        let mut outcomes = Vec::with_capacity(claims.len());
        for claim in claims {
            outcomes.push(Outcome::Settle {
                fate: self.send_piece(claim.job.kind).await?,
                progress: None,
                deliveries: 0,
            });
        }
        Ok(outcomes)
    }
}
