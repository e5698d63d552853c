//! How `serve` ends: the signals for it, and what is waited for.

use std::{io, process, time::Duration};

use ripple_store::Store;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};

/// The signals that end the process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Waits for requests and jobs under way, and closes the store. A second signal, and the end of the
/// time, cut the waiting short: what is unfinished then stays in the queue.
pub(crate) async fn drain(
    store: &dyn Store,
    api: JoinHandle<io::Result<()>>,
    workers: JoinHandle<()>,
    signals: &mut Signals,
    time: Duration,
) {
    let finished = async {
        // Requests first: a commit that is acknowledged while the process stops is durable as well.
        let (api, workers) = tokio::join!(api, workers);
        if let Ok(Err(error)) = api {
            tracing::warn!(%error, "the API did not stop cleanly");
        }
        if let Err(error) = workers {
            tracing::warn!(%error, "the workers did not stop cleanly");
        }
        store.close().await;
    };
    tokio::select! {
        ended = tokio::time::timeout(time, finished) => match ended {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => {
                tracing::warn!("the time to drain is over; unfinished jobs stay in the queue");
                store.close().await;
            }
        },
        signal = signals.next() => {
            tracing::warn!(signal, "stopping at once");
            process::exit(1);
        }
    }
}
