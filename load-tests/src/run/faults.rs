//! What is done to the server on purpose.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    deployment::{Deployment, DeploymentError},
    report::model::FaultMark,
    scenario::{Fault, FaultKind},
};

/// What became of faults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injected {
    /// Those that have begun, with their ends; one that is not over ends with the run.
    pub(crate) marks: Vec<FaultMark>,
    /// How many could not be made.
    pub(crate) failed: usize,
}

/// The same while faults are made.
pub(crate) type Marks = Arc<Mutex<Injected>>;

/// Injects the faults of a scenario, one after the other.
pub(crate) struct Injector {
    pub(crate) faults: Vec<Fault>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) begin: Instant,
    pub(crate) marks: Marks,
    pub(crate) stop: CancellationToken,
}

impl Injector {
    pub(crate) async fn run(mut self) {
        self.faults.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        for fault in &self.faults {
            let at = self.begin + Duration::from_secs_f64(fault.at_s);
            tokio::select! {
                () = tokio::time::sleep_until(at.into()) => {}
                () = self.stop.cancelled() => return,
            }
            let mark = self.mark(match fault.kind {
                FaultKind::Kill => "killed and started anew".to_owned(),
                FaultKind::Stop => format!("stopped for {} s", fault.for_s),
            });
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
            self.end(mark, fault, done);
        }
    }

    fn now_s(&self) -> f64 {
        Instant::now()
            .saturating_duration_since(self.begin)
            .as_secs_f64()
    }

    fn mark(&self, what: String) -> usize {
        let mut injected = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        injected.marks.push(FaultMark {
            from_s: self.now_s(),
            to_s: f64::INFINITY,
            what,
        });
        injected.marks.len() - 1
    }

    fn end(&self, mark: usize, fault: &Fault, done: Result<(), DeploymentError>) {
        let mut injected = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if mark >= injected.marks.len() {
            return;
        }
        match done {
            Ok(()) => injected.marks[mark].to_s = self.now_s(),
            // What was not made excuses nothing.
            Err(error) => {
                injected.marks.remove(mark);
                injected.failed += 1;
                eprintln!("warning: no fault at {} s: {error}", fault.at_s);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_that_could_not_be_made_is_counted_and_excuses_nothing() {
        let marks = Marks::default();
        let fault = |kind| Fault {
            at_s: 0.0,
            kind,
            for_s: 0.1,
        };
        let injector = Injector {
            faults: vec![fault(FaultKind::Kill), fault(FaultKind::Stop)],
            deployment: Arc::new(Deployment::given("http://127.0.0.1:9", "")),
            begin: Instant::now(),
            marks: Arc::clone(&marks),
            stop: CancellationToken::new(),
        };
        injector.run().await;
        let injected = marks.lock().unwrap().clone();
        assert_eq!((injected.failed, injected.marks.len()), (2, 0));
    }
}
