use ripple_domain::{JobKind, Tier, Timestamp};

use crate::{Store, StoreError};

/// Posts that are counted at a time.
const POSTS_A_CHUNK: usize = 1_000;

/// Sends the posts made in `from..to` through a tier again, and returns how many there are now. One job
/// does so, a piece at a time and behind the jobs of new posts. When this returns the job is durable;
/// when it fails, or is given up, nothing has happened.
pub async fn replay(
    store: &dyn Store,
    tier: Tier,
    from: Timestamp,
    to: Timestamp,
) -> Result<u64, StoreError> {
    let (mut posts, mut after) = (0, None);
    loop {
        let chunk = store.post_log(from, to, after, POSTS_A_CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        after = Some(last.id);
        posts += chunk.len() as u64;
    }
    if posts > 0 {
        let replay = JobKind::Replay {
            tier,
            from,
            to,
            after: None,
        };
        store.enqueue(vec![replay]).await?;
    }
    Ok(posts)
}
