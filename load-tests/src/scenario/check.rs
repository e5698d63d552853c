//! Whether a scenario can be run.

use super::{FaultKind, Operation, Scenario};

/// What is wrong with a scenario. Fields are named as in the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {what}")]
pub struct CheckError {
    field: &'static str,
    what: &'static str,
}

/// The longest run, in seconds: four weeks.
const DURATION_S_MAX: f64 = 2_419_200.0;
/// The most followers whose home pages are looked at for a post.
const FOLLOWERS_MAX: usize = 1_000;

impl Scenario {
    /// Refuses what cannot be run.
    pub fn check(&self) -> Result<(), CheckError> {
        let world = &self.world;
        let is_graph = world.users >= 2 && world.mean_followers >= 0.0;
        let rates_are_sane = self
            .rates
            .values()
            .all(|rate| is_in(*rate, 0.0, 1_000_000.0));
        let steps = || self.steps.iter();
        let watch = &self.watch;
        let rules = [
            (
                is_in(self.duration_s, 0.1, DURATION_S_MAX),
                "duration_s",
                "must be 0.1 to four weeks",
            ),
            (
                is_in(self.warm_up_s, 0.0, 3_600.0),
                "warm_up_s",
                "must be 0 to 3600",
            ),
            (
                is_in(self.drain_s, 1.0, 3_600.0),
                "drain_s",
                "must be 1 to 3600",
            ),
            (
                self.in_flight_max > 0,
                "in_flight_max",
                "must be at least 1",
            ),
            (
                self.connections_max > 0,
                "connections_max",
                "must be at least 1",
            ),
            (
                world.edges.is_some() || is_graph,
                "world",
                "needs `users` (at least 2), `mean_followers` and `followers_max`, or `edges`",
            ),
            (
                world.active != Some(0),
                "world.active",
                "must be at least 1",
            ),
            (
                rates_are_sane,
                "rates",
                "must be 0 to 1000000 a second each",
            ),
            (
                !self.rates.contains_key(&Operation::Herd),
                "rates",
                "cannot have `herd`: use [[herds]]",
            ),
            (
                self.rates.values().any(|rate| *rate > 0.0),
                "rates",
                "must have an operation with a rate above 0",
            ),
            (
                steps().all(|step| is_in(step.factor, 0.0, 10_000.0)),
                "steps.factor",
                "must be 0 to 10000",
            ),
            (
                steps().all(|step| is_in(step.from_s, 0.0, DURATION_S_MAX) && step.for_s > 0.0),
                "steps",
                "must begin within the run (`from_s`) and last (`for_s`)",
            ),
            (
                self.herds
                    .iter()
                    .all(|herd| is_in(herd.at_s, 0.0, self.duration_s)),
                "herds.at_s",
                "must lie within the run",
            ),
            (
                world.edges.is_some() || self.herd_readers() <= self.cold_readers(),
                "herds.readers",
                "must be at most the active users who are not warm, all herds together",
            ),
            (
                self.saturate.is_none() || self.herds.is_empty(),
                "herds",
                "cannot be where the highest rate is searched for: their readers are cold once",
            ),
            (
                self.faults
                    .iter()
                    .all(|fault| is_in(fault.at_s, 0.0, self.duration_s)),
                "faults.at_s",
                "must lie within the run",
            ),
            (
                self.faults
                    .iter()
                    .all(|fault| fault.kind == FaultKind::Kill || is_in(fault.for_s, 0.01, 60.0)),
                "faults.for_s",
                "must be 0.01 to 60 where the server is stopped",
            ),
            (
                is_in(watch.posts_per_s, 0.0, 1_000.0),
                "watch.posts_per_s",
                "must be 0 to 1000",
            ),
            (
                watch.followers <= FOLLOWERS_MAX,
                "watch.followers",
                "must be at most 1000",
            ),
            (
                watch.public_one_in > 0,
                "watch.public_one_in",
                "must be at least 1",
            ),
            (
                self.saturate.is_none_or(|search| {
                    is_in(search.from, 1.0, search.to) && is_in(search.precision, 0.01, 0.5)
                }),
                "saturate",
                "needs `from` (at least 1) up to `to`, and a `precision` of 0.01 to 0.5",
            ),
            (
                self.saturate.is_none() || self.rates.contains_key(&Operation::Post),
                "rates",
                "need a `post` where the highest rate is searched for",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, what)) => Err(CheckError { field, what }),
            None => Ok(()),
        }
    }

    /// The readers of all herds together.
    pub fn herd_readers(&self) -> u64 {
        self.herds.iter().map(|herd| u64::from(herd.readers)).sum()
    }

    /// Active users of a power-law world who are cold for sure: those who only follow are too.
    fn cold_readers(&self) -> u64 {
        let active = self.world.active.unwrap_or(self.world.users);
        let active = active.min(self.world.users);
        active
            .saturating_sub(self.world.warm.unwrap_or(active))
            .into()
    }
}

/// Not for what is no number.
fn is_in(value: f64, least: f64, most: f64) -> bool {
    (least..=most).contains(&value)
}

#[cfg(test)]
mod tests {
    use super::super::{Herd, find};
    use super::*;

    fn error_of(change: impl Fn(&mut Scenario)) -> String {
        let mut scenario = find("smoke").unwrap();
        change(&mut scenario);
        scenario.check().unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_the_name_of_its_field() {
        assert!(error_of(|s| s.duration_s = f64::NAN).contains("`duration_s`"));
        assert!(error_of(|s| s.rates.clear()).contains("`rates`"));
        assert!(error_of(|s| s.world.users = 0).contains("`world`"));
        assert!(error_of(|s| s.watch.public_one_in = 0).contains("`watch.public_one_in`"));
        assert!(error_of(|s| s.watch.followers = usize::MAX).contains("`watch.followers`"));
    }

    #[test]
    fn herds_need_as_many_readers_who_are_cold() {
        let herds = |warm, readers: [u32; 2]| {
            let mut scenario = find("smoke").unwrap();
            scenario.world.warm = warm;
            scenario.herds = readers.map(|readers| Herd { at_s: 1.0, readers }).into();
            scenario.check().map_err(|error| error.to_string())
        };
        assert_eq!(herds(Some(400), [300, 300]), Ok(()));
        assert!(
            herds(Some(400), [300, 301])
                .unwrap_err()
                .contains("`herds.readers`")
        );
        assert!(herds(None, [0, 1]).unwrap_err().contains("`herds.readers`"));
    }
}
