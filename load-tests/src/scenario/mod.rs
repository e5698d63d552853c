//! What a run does: the world, the load, the faults. Scenarios are TOML files; some are built in.

mod built_in;
mod check;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use built_in::{NAMES, ScenarioError, find, text};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// For how long load is sent and measured, in seconds.
    pub duration_s: f64,
    /// For how long load is sent before that, unmeasured, in seconds.
    #[serde(default)]
    pub warm_up_s: f64,
    /// How long answers and the end of the work are waited for after the load, in seconds.
    #[serde(default = "default_drain_s")]
    pub drain_s: f64,
    /// The seed of all that is drawn by lot.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// How requests follow one another.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// The most requests that wait for their answers; further ones count as `unsent`.
    #[serde(default = "default_in_flight_max")]
    pub in_flight_max: usize,
    /// The most connections that they share.
    #[serde(default = "default_connections_max")]
    pub connections_max: usize,
    /// The people and follows.
    pub world: WorldSpec,
    /// Requests a second by operation.
    pub rates: BTreeMap<Operation, f64>,
    /// Times in which the rates are others.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Many requests at once.
    #[serde(default)]
    pub herds: Vec<Herd>,
    /// Whether more is asked for than the server can do, so that it may refuse as much as it wants.
    #[serde(default)]
    pub overload: bool,
    /// What is done to the server.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Which posts are looked for.
    #[serde(default)]
    pub watch: WatchSpec,
    /// How much is verified.
    #[serde(default)]
    pub verify: VerifySpec,
    /// The budgets that this scenario measures.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    /// A search for the highest rate, in place of one run.
    #[serde(default)]
    pub saturate: Option<SaturateSpec>,
}

fn default_drain_s() -> f64 {
    70.0
}

fn default_seed() -> u64 {
    1
}

fn default_in_flight_max() -> usize {
    20_000
}

/// No more than a listening socket takes before it accepts one, as further ones would be put off by the
/// system for a second at least, and that would be measured in place of the server. The server asks for
/// 16,384; Linux gives what `net.core.somaxconn` allows, usually 4,096.
fn default_connections_max() -> usize {
    1_000
}

/// How requests follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// As many people who know nothing of one another make them: with exponential gaps.
    #[default]
    Poisson,
    /// With equal gaps.
    Constant,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A public post of a user drawn by lot.
    Post,
    /// A public post of the user with the most followers.
    Celebrity,
    /// The first page of a home timeline.
    Home,
    /// The first page of a tag.
    Tag,
    /// The first page of a keyword.
    Keyword,
    /// An Atom feed, asked for with the `ETag` that was seen last.
    Feed,
    /// A follow.
    Follow,
    /// The first page of a cold home timeline, one of many at once.
    Herd,
}

impl Operation {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Post,
        Self::Celebrity,
        Self::Home,
        Self::Tag,
        Self::Keyword,
        Self::Feed,
        Self::Follow,
        Self::Herd,
    ];

    /// Its name in scenarios and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Celebrity => "celebrity",
            Self::Home => "home",
            Self::Tag => "tag",
            Self::Keyword => "keyword",
            Self::Feed => "feed",
            Self::Follow => "follow",
            Self::Herd => "herd",
        }
    }

    /// Its place in [`Operation::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The people and follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// Users of a power-law graph.
    #[serde(default)]
    pub users: u32,
    /// The mean number of followers.
    #[serde(default)]
    pub mean_followers: f64,
    /// The followers of the user who has the most.
    #[serde(default)]
    pub followers_max: u32,
    /// A file of follows, in place of a power-law graph.
    #[serde(default)]
    pub edges: Option<PathBuf>,
    /// Users who post and read; the others are only followed and follow. All where it is absent.
    #[serde(default)]
    pub active: Option<u32>,
    /// Active users who have read their home timelines before the load begins. All active ones where it
    /// is absent.
    #[serde(default)]
    pub warm: Option<u32>,
}

/// A time in which rates are others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When it begins, in seconds since the begin.
    pub from_s: f64,
    /// For how long it is so, in seconds.
    pub for_s: f64,
    /// What the rates are multiplied by.
    pub factor: f64,
    /// The operations that it is about; all where it is empty.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// Readers who come back at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Herd {
    /// When, in seconds since the begin.
    pub at_s: f64,
    /// How many.
    pub readers: u32,
}

/// Something that is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When, in seconds since the begin.
    pub at_s: f64,
    /// What.
    pub kind: FaultKind,
    /// For how long, in seconds, where it is a stop.
    #[serde(default)]
    pub for_s: f64,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The server is killed (SIGKILL) and started anew.
    Kill,
    /// The server stands still (SIGSTOP) for a while.
    Stop,
}

/// Which posts are looked for as readers see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchSpec {
    /// Posts a second that are looked for, at most.
    pub posts_per_s: f64,
    /// Followers whose home pages are looked at for each of them, beside the last of the fan-out.
    pub followers: usize,
    /// Readers who hold a stream open.
    pub streams: u32,
    /// Of so many posts that are looked for, one is looked for on public pages.
    pub public_one_in: u32,
}

impl Default for WatchSpec {
    fn default() -> Self {
        Self {
            posts_per_s: 10.0,
            followers: 2,
            streams: 20,
            public_one_in: 2,
        }
    }
}

/// How much is verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifySpec {
    /// Whether all pages are read, and not a sample of them.
    pub all: bool,
    /// Home timelines and author timelines that are read, each.
    pub timelines: usize,
    /// Tag pages, tag feeds and keyword pages that are read, each.
    pub topics: usize,
}

impl Default for VerifySpec {
    fn default() -> Self {
        Self {
            all: false,
            timelines: 200,
            topics: 40,
        }
    }
}

/// A budget of the design that a scenario measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Accepting posts at 1,000 a second.
    Accept,
    /// Reading home pages at 5,000 a second.
    Home,
    /// Public pages at 1,000 posts a second.
    Public,
    /// The last of 10,000 warm followers.
    #[serde(rename = "last_of_10_000")]
    LastOfTenThousand,
    /// The last of 1,000,000 warm followers.
    #[serde(rename = "last_of_1_000_000")]
    LastOfMillion,
    /// What the parts of a store take and reach: memory of a process at rest, and, measured in the generator
    /// after the load, fan-out and memory of home timelines ([`Parts`](crate::parts::Parts)).
    Parts,
}

/// A search for the highest rate of posts that keeps the promises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaturateSpec {
    /// The rate that is tried first, in posts a second.
    pub from: f64,
    /// The highest that is tried.
    pub to: f64,
    /// How near the highest rate that held and the lowest that did not must come: 0.1 is a tenth.
    pub precision: f64,
}
