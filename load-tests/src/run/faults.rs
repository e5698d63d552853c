//! What is done to the server on purpose.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    deployment::Deployment,
    report::model::FaultMark,
    scenario::{Fault, FaultKind},
};

/// Faults that have begun, with their ends; one that is not over ends with the run.
pub(crate) type Marks = Arc<Mutex<Vec<FaultMark>>>;

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
                    self.deployment.stop_for(time).await
                }
            };
            self.end(mark, done.err().map(|error| error.to_string()));
        }
    }

    fn now_s(&self) -> f64 {
        Instant::now()
            .saturating_duration_since(self.begin)
            .as_secs_f64()
    }

    fn mark(&self, what: String) -> usize {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push(FaultMark {
            from_s: self.now_s(),
            to_s: f64::INFINITY,
            what,
        });
        marks.len() - 1
    }

    fn end(&self, mark: usize, failed: Option<String>) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mark) = marks.get_mut(mark) else {
            return;
        };
        mark.to_s = self.now_s();
        if let Some(failed) = failed {
            mark.what += &format!(", which failed: {failed}");
        }
    }
}
