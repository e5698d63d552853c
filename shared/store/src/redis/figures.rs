//! The figures of the queues: asked of all partitions together, and kept for a moment, because every
//! page and every commit needs some of them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ripple_domain::{Tier, Timestamp};

use super::{
    RedisStore,
    error::store_error,
    key::{Key, partitions},
    link::{Commands, decode},
    script::Script,
    turns::Turns,
};
use crate::{CommitError, StoreError, TierStats};

const READING: &str = "reading the figures of the queue";
/// Figures are kept for so long, by the machine's time and by the store's.
const KEPT: Duration = Duration::from_millis(50);
/// After a refusal for the backlog, a client is to wait so long.
const RETRY_AFTER_S: u32 = 5;

/// A tier's queue in all partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TierFigures {
    ready: u64,
    delayed: u64,
    in_flight: u64,
    dead: u64,
    /// Jobs of commits, in whatever state.
    backlog: u64,
    /// When the oldest of these was accepted.
    oldest: Option<Timestamp>,
    /// When the oldest of those that have not failed was accepted.
    oldest_untried: Option<Timestamp>,
    is_paused: bool,
}

/// The queues at a moment.
#[derive(Debug)]
pub(super) struct Figures {
    /// Everything that was accepted before is in them, or was done.
    until: Timestamp,
    now: Timestamp,
    asked_at: Instant,
    changes: u64,
    enqueued: [u64; Tier::ALL.len()],
    tiers: [TierFigures; Tier::ALL.len()],
}

/// The figures that were asked last, and what this process has changed since.
#[derive(Default)]
pub(super) struct FiguresCache {
    cached: Mutex<Option<Arc<Figures>>>,
    asking: Turns<StoreError>,
    changes: AtomicU64,
    /// Jobs that commits of this process have enqueued.
    enqueued: [AtomicU64; Tier::ALL.len()],
}

/// Which figures will do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those of a moment ago.
    Recent,
    /// Those with all that this process has changed.
    Own,
}

impl FiguresCache {
    /// This process has changed the queue.
    pub(super) fn drop_cached(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// A commit of this process has enqueued jobs.
    pub(super) fn count_enqueued(&self, tier: Tier, jobs: u64) {
        self.enqueued[index(tier)].fetch_add(jobs, Ordering::AcqRel);
    }

    /// The figures, where those will do for somebody who has asked since then.
    fn get(&self, wanted: Wanted, now: Timestamp, since: Instant) -> Option<Arc<Figures>> {
        let figures = self.cached().clone()?;
        // However long the answer took: else those who wait would ask one after the other.
        if figures.asked_at >= since {
            return Some(figures);
        }
        let passed_ms = now.ms_since(figures.now).max(figures.now.ms_since(now));
        let is_recent =
            figures.asked_at.elapsed() <= KEPT && u128::from(passed_ms) <= KEPT.as_millis();
        let has_own = figures.changes == self.changes.load(Ordering::Acquire);
        (is_recent && (has_own || wanted == Wanted::Recent)).then_some(figures)
    }

    fn cached(&self) -> MutexGuard<'_, Option<Arc<Figures>>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn index(tier: Tier) -> usize {
    match tier {
        Tier::Followers => 0,
        Tier::Public => 1,
    }
}

impl RedisStore {
    pub(super) async fn figures_of(&self, tier: Tier) -> Result<TierStats, StoreError> {
        let figures = self.figures(Wanted::Own).await?.tiers[index(tier)];
        let now = self.options.clock.now();
        let (done_per_s, latency_ms) = self.queue.meter.summary(&self.link, tier, now).await?;
        Ok(TierStats {
            tier,
            ready: figures.ready,
            delayed: figures.delayed,
            in_flight: figures.in_flight,
            dead: figures.dead,
            oldest_accepted_at: figures.oldest,
            paused: figures.is_paused,
            done_per_s,
            latency_ms,
        })
    }

    pub(super) async fn tier_complete_until(&self, tier: Tier) -> Result<Timestamp, StoreError> {
        // What was complete a moment ago is complete now, so these need not know the latest changes.
        let figures = self.figures(Wanted::Recent).await?;
        let oldest = figures.tiers[index(tier)].oldest.unwrap_or(figures.until);
        Ok(figures.until.min(oldest).plus_ms(-1))
    }

    /// Refuses new posts while a tier is too far behind.
    pub(super) async fn check_backlog(&self) -> Result<(), CommitError> {
        let limits = self.options.queue_limits;
        let figures = self.figures(Wanted::Recent).await?;
        let now = self.options.clock.now();
        for tier in Tier::ALL {
            let of_tier = figures.tiers[index(tier)];
            let enqueued = self.queue.figures.enqueued[index(tier)].load(Ordering::Acquire);
            let backlog = of_tier.backlog + (enqueued - figures.enqueued[index(tier)]);
            let age_ms = of_tier
                .oldest_untried
                .map_or(0, |oldest| now.ms_since(oldest));
            if backlog >= limits.jobs_max || age_ms > limits.age_ms_max {
                return Err(CommitError::Backlog {
                    tier,
                    retry_after_s: RETRY_AFTER_S,
                });
            }
        }
        Ok(())
    }

    async fn figures(&self, wanted: Wanted) -> Result<Arc<Figures>, StoreError> {
        let cache = &self.queue.figures;
        let ask = || async {
            let figures = Arc::new(self.ask_for_figures().await?);
            *cache.cached() = Some(Arc::clone(&figures));
            Ok(figures)
        };
        let since = Instant::now();
        let cached = || cache.get(wanted, self.options.clock.now(), since);
        cache.asking.get(cached, ask).await
    }

    async fn ask_for_figures(&self) -> Result<Figures, StoreError> {
        let cache = &self.queue.figures;
        let count = |enqueued: &AtomicU64| enqueued.load(Ordering::Acquire);
        let (asked_at, changes) = (Instant::now(), cache.changes.load(Ordering::Acquire));
        let enqueued = std::array::from_fn(|tier| count(&cache.enqueued[tier]));
        // The order matters. A commit that begins after the second line is accepted after the first; one
        // that was under way there is named by it, or its jobs are in the queue by the third.
        let now = self.options.clock.now();
        let underway = self.queue.underway.oldest();
        let ask = |partition| {
            let mut commands = Commands::new(partition);
            let jobs = Key::Jobs(partition, Tier::Followers);
            commands.script(Script::QueueFigures, &[jobs], now.as_ms());
            commands
        };
        let commands: Vec<Commands> = partitions().map(ask).collect();
        let answers = self.link.send_all(&commands).await;
        let mut tiers = [TierFigures::default(); Tier::ALL.len()];
        for answer in answers.map_err(store_error(READING))?.into_iter().flatten() {
            let answer: Vec<String> = decode(answer).map_err(store_error(READING))?;
            let (of_tiers, _) = answer.as_chunks::<8>();
            for (sum, of_one) in tiers.iter_mut().zip(of_tiers) {
                sum.add(of_one)?;
            }
        }
        Ok(Figures {
            until: underway.map_or(now, |underway| underway.min(now)),
            now,
            asked_at,
            changes,
            enqueued,
            tiers,
        })
    }
}

impl TierFigures {
    /// Adds those of one partition, as the script answers them.
    fn add(&mut self, figures: &[String; 8]) -> Result<(), StoreError> {
        const UNKNOWN: StoreError = StoreError::Corrupt {
            what: "script's answer",
        };
        let count = |text: &String| text.parse::<u64>().map_err(|_| UNKNOWN);
        let time = |text: &String| match text.as_str() {
            "" => Ok(None),
            ms => ms
                .parse()
                .map(|ms| Some(Timestamp::from_ms(ms)))
                .map_err(|_| UNKNOWN),
        };
        let older = |a: Option<Timestamp>, b| [a, b].into_iter().flatten().min();
        let [
            ready,
            delayed,
            in_flight,
            dead,
            backlog,
            oldest,
            untried,
            paused,
        ] = figures;
        self.ready += count(ready)?;
        self.delayed += count(delayed)?;
        self.in_flight += count(in_flight)?;
        self.dead += count(dead)?;
        self.backlog += count(backlog)?;
        self.oldest = older(self.oldest, time(oldest)?);
        self.oldest_untried = older(self.oldest_untried, time(untried)?);
        self.is_paused |= count(paused)? == 1;
        Ok(())
    }
}
