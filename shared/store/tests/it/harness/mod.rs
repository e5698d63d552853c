//! What a test needs of a store: to open it, to pass time, to restart it and to kill it; and short
//! ways to make facts and to do jobs. A store takes part in the suite by its [`Harness`].

mod embedded;
mod make;
mod redis;
mod servers;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
use ripple_domain::Timestamp;
use ripple_store::{Clock, QueueLimits, Store};

pub(crate) use embedded::{Embedded, copy_folder};
pub(crate) use make::{handle, imported, new_post, new_user, token};
pub(crate) use redis::{Cluster, Redis, Valkey};
pub(crate) use servers::{Program, Proxy, RedisCluster, RedisServer, set_max_memory};
pub(crate) use work::{LEASE_MS, becomes, deliver, progress, pull, push};

/// When tests begin: 2026-03-01T12:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_ms(1_772_366_400_000);

/// With what a store is opened.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) clock: Clock,
    pub(crate) queue_limits: QueueLimits,
    /// How long a home timeline stays warm without being read, in milliseconds.
    pub(crate) home_idle_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Clock::manual(START),
            queue_limits: QueueLimits::default(),
            home_idle_ms: 30 * 24 * 3_600_000,
        }
    }
}

/// A store of a test's own.
#[async_trait]
pub(crate) trait Harness: Send + Sync {
    /// Makes room for a store that nobody else sees.
    fn fresh() -> Self
    where
        Self: Sized;

    /// Opens the store: empty at first, later as it was left.
    async fn open(&mut self, settings: &Settings) -> Arc<dyn Store>;

    /// From now on [`Harness::open`] finds what the end of the process by `kill -9` would leave at this
    /// moment, though the store that runs is neither closed nor dropped yet.
    async fn kill(&mut self);
}

/// A running store with its clock.
pub(crate) struct Rig {
    pub(crate) settings: Settings,
    /// There is one but while it is opened anew.
    running: Option<Arc<dyn Store>>,
    harness: Box<dyn Harness>,
}

impl Rig {
    /// Opens a fresh store on a clock that stands still.
    pub(crate) async fn new<H: Harness + 'static>() -> Self {
        let mut harness = Box::new(H::fresh());
        let settings = Settings::default();
        let running = Some(harness.open(&settings).await);
        Self {
            settings,
            running,
            harness,
        }
    }

    /// The store. A test that restarts it keeps no other handle.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.running.as_ref().unwrap()
    }

    /// Closes the store and opens it again, with the settings as they are now. The leases that the
    /// old process held have run out.
    pub(crate) async fn restart(&mut self) {
        self.store().close().await;
        self.reopen().await;
    }

    /// Kills the process, as far as the store can tell, and opens it again.
    pub(crate) async fn kill(&mut self) {
        self.harness.kill().await;
        self.reopen().await;
    }

    async fn reopen(&mut self) {
        self.pass_ms(i64::from(LEASE_MS));
        self.running = None;
        self.running = Some(self.harness.open(&self.settings).await);
    }

    /// The store's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Moves the store's time, back where negative.
    pub(crate) fn pass_ms(&self, ms: i64) {
        self.settings.clock.advance_ms(ms);
    }
}
