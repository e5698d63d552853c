//! The run second by second: backlog, memory, processor time.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Api, json},
    deployment::Deployment,
    report::model::Second,
};

/// A look at the queues takes so long at most; else the second has none.
const LOOK_TIME_MAX: Duration = Duration::from_secs(1);
/// Where the answer decides about a promise, it is asked for so long.
const ASK_TIME_MAX: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// The state of the queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    /// Open jobs by tier.
    pub(crate) open: BTreeMap<String, u64>,
    /// Jobs that were given up.
    pub(crate) dead: u64,
}

#[derive(Deserialize)]
struct QueuesJson {
    tiers: Vec<TierJson>,
}

#[derive(Deserialize)]
struct TierJson {
    tier: String,
    ready: u64,
    delayed: u64,
    in_flight: u64,
    dead: u64,
}

/// The queues, where the server tells.
pub(crate) async fn queues(api: &Api) -> Option<Queues> {
    let request = api.of_admin(Method::GET, "/v1/admin/queues");
    let answer = timeout(LOOK_TIME_MAX, json(request)).await.ok()?.ok()?;
    let queues: QueuesJson = serde_json::from_value(answer).ok()?;
    Some(Queues {
        dead: queues.tiers.iter().map(|tier| tier.dead).sum(),
        open: queues
            .tiers
            .into_iter()
            .map(|tier| (tier.tier, tier.ready + tier.delayed + tier.in_flight))
            .collect(),
    })
}

/// The queues, asked for again for some seconds by who must know; none where the server does not tell.
pub(crate) async fn queues_for_sure(api: &Api) -> Option<Queues> {
    let begun = Instant::now();
    loop {
        let queues = queues(api).await;
        if queues.is_some() || begun.elapsed() >= ASK_TIME_MAX {
            return queues;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until no job is open, until `over`; how many are open then, where the server tells.
pub(crate) async fn open_jobs_at_end(api: &Api, over: impl Future<Output = ()>) -> Option<u64> {
    let mut over = pin!(over);
    loop {
        let open = queues(api).await.map(|queues| queues.open.values().sum());
        if open == Some(0) {
            return open;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = &mut over => break,
        }
    }
    // One look may fail on a server that is busy.
    let queues = queues_for_sure(api).await?;
    Some(queues.open.values().sum())
}

/// Watches the server each second until it is told to stop.
pub(crate) struct Observer {
    pub(crate) api: Api,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) begin: Instant,
    pub(crate) stop: CancellationToken,
}

impl Observer {
    pub(crate) async fn run(self) -> Vec<Second> {
        let mut seconds = Vec::new();
        let mut ticks = interval_at(self.begin.into(), Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before: BTreeMap<String, (Instant, f64)> = BTreeMap::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stop.cancelled() => return seconds,
            }
            let at = Instant::now();
            let backlog = queues(&self.api)
                .await
                .map(|queues| queues.open)
                .unwrap_or_default();
            let mut second = Second {
                at_s: at.saturating_duration_since(self.begin).as_secs_f64(),
                backlog,
                ..Second::default()
            };
            let figures = self.deployment.figures();
            let read_at = Instant::now();
            second.memory_bytes = figures.resident_bytes;
            for (process, used_s) in figures.processor_s {
                if let Some((at, was)) = before.insert(process.clone(), (read_at, used_s)) {
                    // More than a second, where the machine had no time to look each second.
                    let elapsed_s = read_at.saturating_duration_since(at).as_secs_f64();
                    let a_second = (used_s - was).max(0.0) / elapsed_s.max(0.001);
                    second.processor_s.insert(process, a_second);
                }
            }
            seconds.push(second);
        }
    }
}
