//! How long what follows a load is waited for.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// The time that is left from the moment at which a run is told to end, so that its report tells most.
const STOPPED_WAIT: Duration = Duration::from_secs(5);

/// Ends after a while, and sooner where the run is told to end.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    until: Instant,
    stop: CancellationToken,
}

impl Patience {
    /// From now on.
    pub(crate) fn new(wait_max: Duration, stop: &CancellationToken) -> Self {
        Self {
            until: Instant::now() + wait_max,
            stop: stop.clone(),
        }
    }

    /// Waits until it is over. It can be waited for by several, and again.
    pub(crate) async fn over(&self) {
        let stopped = async {
            self.stop.cancelled().await;
            sleep(STOPPED_WAIT).await;
        };
        tokio::select! {
            () = sleep_until(self.until) => {}
            () = stopped => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_that_is_told_to_end_is_not_waited_for_much_longer() {
        let stop = CancellationToken::new();
        let begun = Instant::now();
        let patience = Patience::new(Duration::from_secs(70), &stop);
        let told = async {
            sleep(Duration::from_millis(100)).await;
            stop.cancel();
        };
        let short = Patience::new(Duration::from_millis(200), &stop);
        tokio::join!(short.over(), told);
        assert!(begun.elapsed() < STOPPED_WAIT);
        patience.over().await;
        assert!((STOPPED_WAIT..STOPPED_WAIT * 3).contains(&begun.elapsed()));
    }
}
