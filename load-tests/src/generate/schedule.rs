//! When requests are due: an open loop, which knows nothing of answers. Pure.

use crate::scenario::{Arrivals, Operation, Scenario};

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// What is to be sent.
    pub operation: Operation,
    /// The number of the request among those of its operation, from 0 on.
    pub number: u64,
    /// When, in seconds since the begin; negative while the run warms up.
    pub at_s: f64,
}

/// All requests of a run in the order in which they are due. The same scenario gives the same.
#[derive(Clone, Debug)]
pub struct Schedule {
    sources: Vec<Source>,
}

/// The requests of one operation.
#[derive(Clone, Debug)]
struct Source {
    times: Times,
    /// The next one.
    next: Option<Due>,
}

#[derive(Clone, Debug)]
enum Times {
    Rate(Rate),
    /// So many at each of these moments.
    Herds(Vec<(f64, u32)>),
}

/// A rate that changes over time, walked along.
#[derive(Clone, Debug)]
struct Rate {
    arrivals: Arrivals,
    rng: fastrand::Rng,
    /// Until when each rate lasts, and the rate.
    pieces: Vec<(f64, f64)>,
    at_s: f64,
}

impl Schedule {
    /// The schedule of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let rates = scenario.rates.keys().map(|operation| {
            let seed = scenario.seed ^ (operation.index() as u64 + 1) << 48;
            let times = Times::Rate(Rate {
                arrivals: scenario.arrivals,
                rng: fastrand::Rng::with_seed(seed),
                pieces: pieces(scenario, *operation),
                at_s: -scenario.warm_up_s,
            });
            Source::new(*operation, times)
        });
        let mut herds: Vec<_> = scenario.herds.iter().map(|h| (h.at_s, h.readers)).collect();
        herds.sort_by(|a, b| b.0.total_cmp(&a.0));
        let herds = Source::new(Operation::Herd, Times::Herds(herds));
        Self {
            sources: rates.chain([herds]).collect(),
        }
    }
}

/// The rate of an operation at a moment, in requests a second.
pub fn rate_at(scenario: &Scenario, operation: Operation, at_s: f64) -> f64 {
    let rate = scenario.rates.get(&operation).copied().unwrap_or(0.0);
    let factors = scenario.steps.iter().filter(|step| {
        let is_meant = step.operations.is_empty() || step.operations.contains(&operation);
        is_meant && (step.from_s..step.from_s + step.for_s).contains(&at_s)
    });
    factors.fold(rate, |rate, step| rate * step.factor)
}

/// Until when each rate of an operation lasts, in order, and the rate.
fn pieces(scenario: &Scenario, operation: Operation) -> Vec<(f64, f64)> {
    let edges = scenario.steps.iter();
    let edges = edges.flat_map(|step| [step.from_s, step.from_s + step.for_s]);
    let mut ends: Vec<f64> = edges
        .filter(|edge| *edge < scenario.duration_s)
        .chain([0.0, scenario.duration_s])
        .collect();
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    let mut from_s = -scenario.warm_up_s;
    let pieces = ends.into_iter().map(|to_s| {
        let rate = rate_at(scenario, operation, f64::midpoint(from_s, to_s));
        from_s = to_s;
        (to_s, rate)
    });
    pieces.collect()
}

impl Source {
    fn new(operation: Operation, mut times: Times) -> Self {
        let next = times.next().map(|at_s| Due {
            operation,
            number: 0,
            at_s,
        });
        Self { times, next }
    }

    fn take(&mut self) -> Option<Due> {
        let due = self.next?;
        self.next = self.times.next().map(|at_s| Due {
            number: due.number + 1,
            at_s,
            ..due
        });
        Some(due)
    }
}

impl Times {
    fn next(&mut self) -> Option<f64> {
        match self {
            Self::Rate(rate) => rate.next(),
            Self::Herds(herds) => {
                herds.pop_if(|(_, left)| *left == 0);
                let (at_s, left) = herds.last_mut()?;
                *left = left.saturating_sub(1);
                Some(*at_s)
            }
        }
    }
}

impl Rate {
    /// The next moment: one unit (or an exponentially distributed amount) of the area under the rate
    /// further, which is right also across a change of the rate.
    fn next(&mut self) -> Option<f64> {
        let mut area = match self.arrivals {
            Arrivals::Constant => 1.0,
            // Of 0 < x <= 1, so that the logarithm is finite.
            Arrivals::Poisson => -(1.0 - self.rng.f64()).ln(),
        };
        for (to_s, rate) in &self.pieces {
            let left = (to_s - self.at_s).max(0.0) * rate;
            if area < left {
                self.at_s += area / rate;
                return Some(self.at_s);
            }
            area -= left;
            self.at_s = self.at_s.max(*to_s);
        }
        None
    }
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let due = |source: &Source| source.next.map_or(f64::INFINITY, |due| due.at_s);
        let source = self
            .sources
            .iter_mut()
            .min_by(|a, b| due(a).total_cmp(&due(b)))?;
        source.take()
    }
}
