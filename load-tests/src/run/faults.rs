//! What is done to the server on purpose.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    deployment::Deployment,
    report::model::FaultMark,
    scenario::{Fault, FaultKind},
};

/// What became of faults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injected {
    /// Those that were made.
    pub(crate) marks: Vec<FaultMark>,
    /// How many could not be made.
    pub(crate) failed: usize,
}

/// Injects the faults of a scenario, one after the other.
pub(crate) struct Injector {
    pub(crate) faults: Vec<Fault>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) begin: Instant,
    pub(crate) stop: CancellationToken,
}

impl Injector {
    /// Injects them all, or until it is told to stop. One that has begun is brought to its end.
    pub(crate) async fn run(mut self) -> Injected {
        let mut injected = Injected::default();
        self.faults.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        for fault in &self.faults {
            let at = self.begin + Duration::from_secs_f64(fault.at_s);
            tokio::select! {
                () = tokio::time::sleep_until(at.into()) => {}
                () = self.stop.cancelled() => break,
            }
            let from_s = self.now_s();
            let done = match fault.kind {
                FaultKind::Kill => self.deployment.kill_and_restart().await,
                FaultKind::Stop => {
                    let time = Duration::from_secs_f64(fault.for_s);
                    tokio::select! {
                        done = self.deployment.stop_for(time) => done,
                        // It goes on as nobody waits for it any more.
                        () = self.stop.cancelled() => Ok(()),
                    }
                }
            };
            match done {
                Ok(()) => injected.marks.push(FaultMark {
                    from_s,
                    to_s: self.now_s(),
                    what: match fault.kind {
                        FaultKind::Kill => "killed and started anew".to_owned(),
                        FaultKind::Stop => format!("stopped for {} s", fault.for_s),
                    },
                }),
                // What was not made excuses nothing.
                Err(error) => {
                    injected.failed += 1;
                    eprintln!("warning: no fault at {} s: {error}", fault.at_s);
                }
            }
        }
        injected
    }

    fn now_s(&self) -> f64 {
        Instant::now()
            .saturating_duration_since(self.begin)
            .as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_that_could_not_be_made_is_counted_and_excuses_nothing() {
        let fault = |kind| Fault {
            at_s: 0.0,
            kind,
            for_s: 0.1,
        };
        let injector = Injector {
            faults: vec![fault(FaultKind::Kill), fault(FaultKind::Stop)],
            deployment: Arc::new(Deployment::given("http://127.0.0.1:9", "")),
            begin: Instant::now(),
            stop: CancellationToken::new(),
        };
        let injected = injector.run().await;
        assert_eq!((injected.failed, injected.marks.len()), (2, 0));
    }
}
