//! Keeps the leases of claimed jobs alive from a thread of its own: neither a busy runtime nor a
//! handler that computes can keep it from renewing them.

use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ripple_store::{Claim, Lease, Store};

/// Leases renewed in one call, so that none of them takes long.
const EXTEND_LEASES_MAX: usize = 1_024;

/// The leases that this process holds, and the thread that renews them.
pub(crate) struct Heartbeat {
    leases: Arc<Leases>,
    /// Dropping it stops the thread.
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

/// The leases that are to be renewed.
#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<Lease, Holds>>);

/// Whether a lease was in force when it was renewed last.
type Holds = bool;

impl Heartbeat {
    /// Starts the thread. It renews every lease each third of `lease_ms`, so that one renewal may
    /// fail or come late.
    pub(crate) fn start(store: Arc<dyn Store>, lease_ms: u32) -> io::Result<Self> {
        let leases = Arc::new(Leases::default());
        let (stop, stopped) = mpsc::channel::<()>();
        let renewed = Arc::clone(&leases);
        let every = Duration::from_millis(u64::from(lease_ms / 3).max(1));
        let thread = thread::Builder::new()
            .name("ripple-leases".into())
            .spawn(move || {
                while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    renewed.renew(store.as_ref(), lease_ms);
                }
            })?;
        Ok(Self {
            leases,
            stop,
            thread,
        })
    }

    pub(crate) fn leases(&self) -> Arc<Leases> {
        Arc::clone(&self.leases)
    }

    /// Stops the thread and waits for it. Leases that are still held run out.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that renews leases had panicked");
        }
    }
}

impl Leases {
    /// Takes on the leases of a batch until the answer is dropped.
    pub(crate) fn hold(self: &Arc<Self>, claims: &[Claim]) -> HeldLeases {
        let held: Vec<Lease> = claims.iter().map(|claim| claim.lease).collect();
        self.all().extend(held.iter().map(|lease| (*lease, true)));
        HeldLeases {
            leases: Arc::clone(self),
            held,
        }
    }

    /// Whether the lease was found to have ended. What is not known to be lost may be lost all the
    /// same: only the store can tell, when the job is settled.
    pub(crate) fn is_lost(&self, lease: &Lease) -> bool {
        self.all().get(lease) == Some(&false)
    }

    fn renew(&self, store: &dyn Store, lease_ms: u32) {
        let held: Vec<Lease> = self
            .all()
            .iter()
            .filter_map(|(lease, holds)| holds.then_some(*lease))
            .collect();
        for leases in held.chunks(EXTEND_LEASES_MAX) {
            // A panic in the store must not end the thread, and with it every lease.
            let extended = catch_unwind(AssertUnwindSafe(|| store.extend(leases, lease_ms)));
            let Ok(extended) = extended else {
                tracing::error!(leases = leases.len(), "renewing leases panicked");
                continue;
            };
            let lost = leases.iter().zip(extended).filter(|(_, holds)| !holds);
            let mut all = self.all();
            for (lease, _) in lost {
                // A lease that was settled meanwhile has left the map and stays out.
                all.entry(*lease).and_modify(|holds| *holds = false);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Lease, Holds>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leases of a batch. They are renewed until they are let go or this is dropped.
pub(crate) struct HeldLeases {
    leases: Arc<Leases>,
    held: Vec<Lease>,
}

impl HeldLeases {
    /// Renews these no longer: their jobs are settled.
    pub(crate) fn let_go(&self, settled: impl IntoIterator<Item = Lease>) {
        let mut all = self.leases.all();
        for lease in settled {
            all.remove(&lease);
        }
    }

    /// Those that have not been let go.
    pub(crate) fn unsettled(&self) -> Vec<Lease> {
        let all = self.leases.all();
        self.held
            .iter()
            .copied()
            .filter(|lease| all.contains_key(lease))
            .collect()
    }

    /// See [`Leases::is_lost`].
    pub(crate) fn is_lost(&self, lease: &Lease) -> bool {
        self.leases.is_lost(lease)
    }
}

impl Drop for HeldLeases {
    fn drop(&mut self) {
        self.let_go(self.held.iter().copied());
    }
}
