//! Whether a scenario can be run.

use super::{FaultKind, Operation, Scenario};

/// What is wrong with a scenario. Fields are named as in the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {what}")]
pub struct CheckError {
    field: &'static str,
    what: &'static str,
}

/// The longest run, in seconds: a day. Each request is kept until the report is made, in 32 bytes: at the 500
/// a second of `soak` a day takes 1.4 GB.
const DURATION_S_MAX: f64 = 86_400.0;
/// More users are more memory than machines have.
const USERS_MAX: u32 = 100_000_000;
const MEAN_FOLLOWERS_MAX: f64 = 100_000.0;
/// A graph finds its lists by numbers of 32 bits. The rest is for follows that link users with one another.
const FOLLOWS_MAX: f64 = 4e9;
/// More ports than these no client has.
const CONNECTIONS_MAX: usize = 60_000;
/// More requests than these take all memory before the server answers them.
const IN_FLIGHT_MAX: usize = 10_000_000;
/// Beyond these, looking at pages would be more load than the load.
const WATCHED_MAX: usize = 1_000;
const STREAMS_MAX: u32 = 10_000;
/// No server is asked for more.
const RATE_MAX: f64 = 1_000_000.0;

impl Scenario {
    /// Refuses what cannot be run.
    pub fn check(&self) -> Result<(), CheckError> {
        let world = &self.world;
        let is_graph = (2..=USERS_MAX).contains(&world.users)
            && is_in(world.mean_followers, 0.0, MEAN_FOLLOWERS_MAX)
            && world.followers_max > 0;
        let follows = f64::from(world.users) * world.mean_followers;
        let rates_are_sane = self.rates.values().all(|rate| is_in(*rate, 0.0, RATE_MAX));
        let steps = || self.steps.iter();
        let watch = &self.watch;
        let rules = [
            (
                is_in(self.duration_s, 0.1, DURATION_S_MAX),
                "duration_s",
                "must be 0.1 to 86400, a day",
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
                (1..=IN_FLIGHT_MAX).contains(&self.in_flight_max),
                "in_flight_max",
                "must be 1 to 10000000",
            ),
            (
                (1..=CONNECTIONS_MAX).contains(&self.connections_max),
                "connections_max",
                "must be 1 to 60000",
            ),
            (
                world.edges.is_some() || is_graph,
                "world",
                "needs `users` (2 to 100000000), `mean_followers` (at most 100000) and `followers_max`, or `edges`",
            ),
            (
                world.edges.is_some() || follows <= FOLLOWS_MAX,
                "world.mean_followers",
                "times `users` must be at most 4000000000",
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
                steps().all(|step| {
                    is_in(step.from_s, 0.0, DURATION_S_MAX)
                        && is_in(step.for_s, 0.001, DURATION_S_MAX)
                }),
                "steps",
                "must begin at 0 to 86400 (`from_s`) and last 0.001 to 86400 (`for_s`)",
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
                self.herds
                    .iter()
                    .all(|herd| (1..=USERS_MAX).contains(&herd.readers)),
                "herds.readers",
                "must be 1 to 100000000",
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
                watch.followers <= WATCHED_MAX,
                "watch.followers",
                "must be at most 1000",
            ),
            (
                watch.streams <= STREAMS_MAX,
                "watch.streams",
                "must be at most 10000",
            ),
            (
                watch.public_one_in > 0,
                "watch.public_one_in",
                "must be at least 1",
            ),
            (
                self.saturate.is_none_or(|search| {
                    is_in(search.from, 1.0, search.to)
                        && search.to <= RATE_MAX
                        && is_in(search.precision, 0.01, 0.5)
                }),
                "saturate",
                "needs `from` (at least 1) up to `to` (at most 1000000), and a `precision` of 0.01 to 0.5",
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
    use super::super::{Fault, Herd, SaturateSpec, Step, find};
    use super::*;

    fn error_of(change: impl Fn(&mut Scenario)) -> String {
        let mut scenario = find("smoke").unwrap();
        change(&mut scenario);
        scenario.check().unwrap_err().to_string()
    }

    const ENDLESS: SaturateSpec = SaturateSpec {
        from: 1.0,
        to: f64::INFINITY,
        precision: 0.1,
    };

    #[test]
    fn what_would_never_end_or_take_all_memory_is_refused() {
        const MANY: usize = 9_000_000_000_000_000_000;
        let day_s = 86_400.0;
        assert!(error_of(|s| s.duration_s = day_s + 1.0).contains("a day"));
        assert!(error_of(|s| s.connections_max = MANY).contains("1 to 60000"));
        assert!(error_of(|s| s.in_flight_max = MANY).contains("`in_flight_max`"));
        assert!(error_of(|s| s.watch.followers = MANY).contains("`watch.followers`"));
        assert!(error_of(|s| s.watch.streams = u32::MAX).contains("`watch.streams`"));
        assert!(error_of(|s| s.world.mean_followers = f64::INFINITY).contains("`world`"));
        assert!(error_of(|s| s.world.users = u32::MAX).contains("`world`"));
        let crowded = error_of(|s| (s.world.users, s.world.mean_followers) = (100_000, 50_000.0));
        assert!(crowded.contains("`world.mean_followers`"), "{crowded}");
        assert!(error_of(|s| s.saturate = Some(ENDLESS)).contains("`saturate`"));
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_the_name_of_its_field() {
        assert!(error_of(|s| s.duration_s = f64::NAN).contains("`duration_s`"));
        assert!(error_of(|s| s.rates.clear()).contains("`rates`"));
        assert!(error_of(|s| s.world.users = 0).contains("`world`"));
        assert!(error_of(|s| s.world.followers_max = 0).contains("`followers_max`"));
        assert!(error_of(|s| s.world.active = Some(0)).contains("`world.active`"));
        assert!(error_of(|s| s.watch.public_one_in = 0).contains("`watch.public_one_in`"));
    }

    #[test]
    fn what_lies_outside_of_a_run_is_refused_by_the_name_of_its_field() {
        let step = |from_s, for_s, factor| Step {
            from_s,
            for_s,
            factor,
            operations: Vec::new(),
        };
        let fault = |at_s, kind| Fault {
            at_s,
            kind,
            for_s: 0.0,
        };
        assert!(error_of(|s| s.steps = vec![step(-1.0, 1.0, 2.0)]).contains("`steps`"));
        assert!(error_of(|s| s.steps = vec![step(1.0, 0.0, 2.0)]).contains("`steps`"));
        let endless = error_of(|s| s.steps = vec![step(1.0, 1.0, f64::NAN)]);
        assert!(endless.contains("`steps.factor`"), "{endless}");
        let late = |s: &mut Scenario| s.faults = vec![fault(s.duration_s + 1.0, FaultKind::Kill)];
        assert!(error_of(late).contains("`faults.at_s`"));
        let short = |s: &mut Scenario| s.faults = vec![fault(1.0, FaultKind::Stop)];
        assert!(error_of(short).contains("`faults.for_s`"));
        let late = |s: &mut Scenario| {
            let at_s = s.duration_s + 1.0;
            s.herds = vec![Herd { at_s, readers: 1 }];
        };
        assert!(error_of(late).contains("`herds.at_s`"));
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
