use std::{sync::Arc, time::Duration};

use ripple_domain::Tier;
use ripple_store::Store;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    FeedRefresher, WorkerOptions, batch::Bench, consume::Consumer, followers::Followers,
    handler::Handler, leases::Heartbeat, measure, public::Public, refresh::Refreshes,
    replay::Replays,
};

/// How long giving back what is unfinished may take, past the drain's time.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(1);

/// Does the jobs of the chosen tiers until `shutdown`, and returns when it has drained: from the
/// shutdown on nothing new is claimed; what is under way is finished within
/// [`WorkerOptions::drain_ms`] or given back to the queue.
///
/// It returns before the shutdown only when the machine gives it no thread to renew leases with, and
/// logs so.
pub async fn run(
    store: Arc<dyn Store>,
    feeds: Arc<dyn FeedRefresher>,
    options: WorkerOptions,
    shutdown: CancellationToken,
) {
    measure::describe();
    let heartbeat = match Heartbeat::start(Arc::clone(&store), options.lease_ms) {
        Ok(heartbeat) => heartbeat,
        Err(error) => {
            tracing::error!(%error, "no thread to renew leases with: the workers do not start");
            return;
        }
    };
    let abandon = CancellationToken::new();
    let refreshes = Arc::new(Refreshes::default());
    let mut consumers = Vec::with_capacity(options.tiers.len());
    let mut loops = JoinSet::new();
    for tier in tiers(&options) {
        let bench = Bench {
            tier,
            store: Arc::clone(&store),
            handler: handler(tier, &store, &options, &refreshes),
            replays: Replays::new(Arc::clone(&store)),
            attempt_ms_max: options.attempt_ms_max,
            stop: shutdown.clone(),
            abandon: abandon.clone(),
        };
        let consumer = Arc::new(Consumer::new(Arc::new(bench), heartbeat.leases(), &options));
        consumers.push(Arc::clone(&consumer));
        loops.spawn(async move { consumer.run().await });
    }
    let no_more_refreshes = CancellationToken::new();
    let mut refresher = JoinSet::new();
    let (offered, close) = (Arc::clone(&refreshes), no_more_refreshes.clone());
    refresher.spawn(async move { offered.run(feeds.as_ref(), &close).await });

    shutdown.cancelled().await;
    let drain_ends = Instant::now() + Duration::from_millis(options.drain_ms);
    let drained = async {
        while loops.join_next().await.is_some() {}
        for consumer in &consumers {
            consumer.drained().await;
        }
    };
    tokio::pin!(drained);
    if timeout_at(drain_ends, &mut drained).await.is_err() {
        tracing::warn!(
            drain_ms = options.drain_ms,
            "jobs were still under way when the time to drain was over"
        );
        abandon.cancel();
        let release_ends = Instant::now() + RELEASE_TIME_MAX;
        if timeout_at(release_ends, &mut drained).await.is_err() {
            tracing::warn!("not every job could be given back; their leases will run out");
        }
    }
    no_more_refreshes.cancel();
    if timeout_at(drain_ends, refresher.join_next()).await.is_err() {
        tracing::debug!("feeds were left to be rendered when they are read");
    }
    // Joining blocks, for as long as a renewal takes.
    let stopped = spawn_blocking(move || heartbeat.stop());
    if timeout_at(Instant::now() + RELEASE_TIME_MAX, stopped)
        .await
        .is_err()
    {
        tracing::warn!("a renewal of leases is still under way");
    }
}

/// The chosen tiers, each once.
fn tiers(options: &WorkerOptions) -> impl Iterator<Item = Tier> {
    Tier::ALL
        .into_iter()
        .filter(|tier| options.tiers.contains(tier))
}

fn handler(
    tier: Tier,
    store: &Arc<dyn Store>,
    options: &WorkerOptions,
    refreshes: &Arc<Refreshes>,
) -> Arc<dyn Handler> {
    let store = Arc::clone(store);
    match tier {
        Tier::Followers => Arc::new(Followers::new(store, options.push_followers_max)),
        Tier::Public => Arc::new(Public::new(store, Arc::clone(refreshes))),
    }
}
