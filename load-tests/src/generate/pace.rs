//! The clock of a run: a thread that hands out requests when they are due.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{Sender, error::TrySendError};
use tokio_util::sync::CancellationToken;

use super::schedule::Due;

/// The longest sleep, so that the end of a run is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(50);

/// The moment at which a request is due in a run that begins at `begin`.
pub(crate) fn moment(begin: Instant, at_s: f64) -> Instant {
    match Duration::try_from_secs_f64(at_s.abs()) {
        Ok(by) if at_s < 0.0 => begin.checked_sub(by).unwrap_or(begin),
        Ok(by) => begin + by,
        Err(_) => begin,
    }
}

/// Hands out requests when they are due, until there are no more or `stop` says so. Those that nobody
/// takes go to `unsent`: the schedule waits for nobody.
///
/// It is a thread because a thread's sleep is exact to some ten microseconds, where the runtime's timer
/// counts in milliseconds, half of which would be added to every latency.
pub(crate) fn start(
    schedule: impl Iterator<Item = Due> + Send + 'static,
    begin: Instant,
    send: Sender<Due>,
    stop: CancellationToken,
    unsent: impl Fn(Due) + Send + 'static,
) -> io::Result<()> {
    let pace = move || {
        for due in schedule {
            let moment = moment(begin, due.at_s);
            loop {
                if stop.is_cancelled() {
                    return;
                }
                let left = moment.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                thread::sleep(left.min(SLEEP_MAX));
            }
            match send.try_send(due) {
                Ok(()) => {}
                Err(TrySendError::Full(due)) => unsent(due),
                Err(TrySendError::Closed(_)) => return,
            }
        }
    };
    thread::Builder::new().name("pace".into()).spawn(pace)?;
    Ok(())
}
