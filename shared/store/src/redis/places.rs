//! Where a tier's jobs are to be looked for: what this process knows of the queue in each partition.
//!
//! It only saves questions. What it does not know (the commits of other processes, before they tell of
//! them) is found by asking all partitions, several times a second.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ripple_domain::{PARTITIONS, Partition, Tier, Timestamp};
use tokio::{sync::Notify, time::timeout};

/// All partitions are asked at least so often, as long as anybody claims: by the machine's time and by
/// the store's.
const SWEEP_EVERY: Duration = Duration::from_millis(250);

/// How the queue stood in a partition when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heads {
    /// How many of the first jobs are equally urgent.
    pub(super) near: u64,
    /// The order of the first job.
    pub(super) first: Option<Timestamp>,
    /// When time brings the next one about.
    pub(super) due: Option<Timestamp>,
}

/// A partition that was found to have jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    pub(super) partition: Partition,
    pub(super) near: u64,
    pub(super) first: Timestamp,
    pub(super) version: Version,
}

/// Tells what was known when a partition was asked from what came to be known while it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Version(u64);

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    version: Version,
    /// `None`: there may be anything.
    heads: Option<Heads>,
}

impl Place {
    /// Whether one has to look, because there may be jobs which nobody knows of.
    fn is_unknown(&self, now: Timestamp) -> bool {
        self.heads
            .is_none_or(|heads| heads.first.is_none() && heads.due.is_some_and(|due| due <= now))
    }
}

/// The partitions of a tier.
pub(super) struct Places {
    known: Mutex<Known>,
    changed: Notify,
}

struct Known {
    places: [Place; PARTITIONS as usize],
    swept_at: Option<(Instant, Timestamp)>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::new(Known {
                places: [Place::default(); PARTITIONS as usize],
                swept_at: None,
            }),
            changed: Notify::new(),
        }
    }

    /// There may be new jobs in these partitions.
    pub(super) fn mark(&self, partitions: impl IntoIterator<Item = Partition>) {
        let mut known = self.known();
        for partition in partitions {
            let place = &mut known.places[usize::from(partition)];
            place.version.0 += 1;
            place.heads = None;
        }
        drop(known);
        self.changed.notify_waiters();
    }

    /// Forgets what is known where that was too long ago.
    pub(super) fn sweep(&self, now: Timestamp) {
        let mut known = self.known();
        let is_due = known.swept_at.is_none_or(|(at, then)| {
            let passed_ms = now.ms_since(then).max(then.ms_since(now));
            at.elapsed() >= SWEEP_EVERY || u128::from(passed_ms) >= SWEEP_EVERY.as_millis()
        });
        if is_due {
            known.swept_at = Some((Instant::now(), now));
            for place in &mut known.places {
                place.heads = None;
            }
        }
    }

    /// Forgets what is known of those that are known to have jobs.
    pub(super) fn forget_stocks(&self) {
        for place in &mut self.known().places {
            place.heads = place.heads.filter(|heads| heads.first.is_none());
        }
    }

    /// The partitions in which one has to look.
    pub(super) fn unknown(&self, now: Timestamp) -> Vec<(Partition, Version)> {
        let known = self.known();
        let unknown = (0..).zip(&known.places);
        let unknown = unknown.filter(|(_, place)| place.is_unknown(now));
        unknown
            .map(|(partition, place)| (partition, place.version))
            .collect()
    }

    /// The partitions that are known to have jobs.
    pub(super) fn stocks(&self) -> Vec<Stock> {
        let known = self.known();
        let stock = |(partition, place): (Partition, &Place)| {
            let heads = place.heads?;
            Some(Stock {
                partition,
                near: heads.near,
                first: heads.first?,
                version: place.version,
            })
        };
        (0..).zip(&known.places).filter_map(stock).collect()
    }

    /// Takes in how a partition stood when it was asked at this version.
    pub(super) fn learn(&self, partition: Partition, version: Version, heads: Heads) {
        let mut known = self.known();
        let place = &mut known.places[usize::from(partition)];
        let has_more = heads.first.is_some();
        // That there was nothing may be over by now; what there was will be asked for again.
        if place.version == version || has_more {
            place.heads = Some(heads);
        }
        drop(known);
        if has_more {
            self.changed.notify_waiters();
        }
    }

    /// Resolves when a job may be claimable. Listening begins with the first poll.
    pub(super) async fn may_have_jobs(&self, now: Timestamp) {
        let changed = self.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let due_ms = {
            let known = self.known();
            let has_jobs = |place: &Place| {
                place.is_unknown(now) || place.heads.is_some_and(|heads| heads.first.is_some())
            };
            if known.places.iter().any(has_jobs) {
                return;
            }
            let due = |place: &Place| place.heads.and_then(|heads| heads.due);
            known
                .places
                .iter()
                .filter_map(due)
                .min()
                .map(|due| due.ms_since(now))
        };
        match due_ms {
            Some(due_ms) => {
                // Whichever comes first; a time limit that runs out is no error here.
                let _ = timeout(Duration::from_millis(due_ms), changed).await;
            }
            None => changed.await,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partitions of each tier.
pub(super) struct AllPlaces([Places; Tier::ALL.len()]);

impl AllPlaces {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Places::new()))
    }

    pub(super) fn of(&self, tier: Tier) -> &Places {
        match tier {
            Tier::Followers => &self.0[0],
            Tier::Public => &self.0[1],
        }
    }
}
