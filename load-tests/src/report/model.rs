//! The report's data. Everything that is shown (the table, the JSON file, the HTML page, a comparison of
//! two runs) is made from it, and a JSON report read back is equal to the one that was written.
//!
//! Times of latencies are microseconds, moments of a run are seconds since its begin.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The number of the layout of a JSON report. One with another number is refused.
pub const LAYOUT: u32 = 1;

/// All that a run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`LAYOUT`].
    pub layout: u32,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario is for, in a sentence.
    pub description: String,
    /// When the load began.
    pub started_at: DateTime<Utc>,
    /// For how long load was sent, in seconds.
    pub duration_s: f64,
    /// The seed of everything that was drawn by lot.
    pub seed: u64,
    /// What was measured.
    pub target: Target,
    /// Where the generator ran; the server ran there too where it was the generator's own.
    pub machine: Machine,
    /// The people and follows.
    pub world: WorldFigures,
    /// Every kind of request that was sent, in the order of the scenario.
    pub operations: Vec<Operation>,
    /// How long posts took to where readers see them.
    pub tiers: Vec<TierLatency>,
    /// How long after its receipt each post was seen.
    #[serde(default)]
    pub after_receipts: Vec<AfterReceipt>,
    /// The run second by second.
    pub seconds: Vec<Second>,
    /// What was done to the server on purpose.
    pub faults: Vec<FaultMark>,
    /// Whether each post is once where it belongs.
    pub verification: Verification,
    /// The limits, and whether they held.
    pub verdicts: Vec<Verdict>,
    /// The steps of a search for the highest rate; empty in other scenarios.
    #[serde(default)]
    pub saturation: Vec<SaturationStep>,
}

impl Report {
    /// Whether all promises held. A budget that was missed does not break a promise.
    pub fn holds(&self) -> bool {
        let broken = |verdict: &Verdict| verdict.kind == LimitKind::Promise && !verdict.held;
        !self.verdicts.iter().any(broken)
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its address.
    pub url: String,
    /// Whether the generator started it.
    pub is_own: bool,
    /// `embedded`, `redis` or `redis+cluster`; `unknown` where somebody else's server was measured.
    pub store: String,
    /// Names and versions of the programs: `ripple`, `redis-server`.
    pub versions: BTreeMap<String, String>,
    /// How its processes were started, one line each.
    pub command_lines: Vec<String>,
}

/// Where the generator ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Logical processors that the generator may use.
    pub processors: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The operating system and its kernel's version.
    pub system: String,
}

/// The people and follows of a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorldFigures {
    /// Users.
    pub users: u64,
    /// Follows.
    pub follows: u64,
    /// The largest number of followers of one user.
    pub followers_max: u64,
    /// How long the world took to load, in seconds; zero where it was there.
    pub loaded_in_s: f64,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name: `post`, `home`, `tag`, `keyword`, `feed`, `follow`, …
    pub name: String,
    /// Requests that were due.
    pub scheduled: u64,
    /// Requests that were answered well, and as what was asked for: a feed's `304` counts here.
    pub good: u64,
    /// Answers and failures that are none of those: by status (`503`) or by what went wrong
    /// (`connect`, `timeout`, `unsent` for those that the generator could not send in time, `unanswered` for
    /// those that were waited for no longer).
    pub bad: BTreeMap<String, u64>,
    /// The rate that the scenario asks for, a second.
    pub rate_wanted: f64,
    /// The rate of good answers, a second.
    pub rate_reached: f64,
    /// From the moment at which a request was due to the end of its answer, of good ones.
    pub latency: Latency,
}

/// A distribution of latencies in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were measured. All else is zero where none was.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: u64,
    /// 90 of 100 are at most this.
    pub p90: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1,000 are at most this.
    pub p999: u64,
    /// The most.
    pub max: u64,
    /// The distribution as a curve: percentile (0 to 100) and the latency that it has, both rising.
    pub curve: Vec<(f64, u64)>,
}

/// How long posts took in a tier, as seen in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierLatency {
    /// `author`, `followers` or `public`.
    pub tier: String,
    /// How it was seen: `answer` (author); `home page`, `home page of the last follower`, `stream`,
    /// `receipt` (followers); `tag page`, `keyword page`, `Atom feed`, `receipt` (public).
    pub seen_by: String,
    /// From the post's acceptance (for the author: from the moment at which it was due).
    pub latency: Latency,
    /// Posts that were looked for and not seen before the time for it was over; of receipts, those that
    /// are not there, or not done.
    pub not_seen: u64,
}

/// How long after what its receipt says a post was seen, in microseconds: by the last follower, or on the
/// last public page. It is negative where a post was seen sooner than its receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterReceipt {
    /// `followers` or `public`.
    pub tier: String,
    /// Posts that were seen and have a receipt.
    pub count: u64,
    /// The median.
    pub p50_us: i64,
    /// 99 of 100 are at most this.
    pub p99_us: i64,
    /// The most.
    pub max_us: i64,
}

/// A second of a run. Values that were not measured in it are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the begin.
    pub at_s: f64,
    /// Good answers by operation.
    pub good: BTreeMap<String, u64>,
    /// Bad answers by operation.
    pub bad: BTreeMap<String, u64>,
    /// The median latency of requests that were due in it, by operation; and of posts that were accepted
    /// in it, by tier (`tier followers`, `tier public`).
    pub p50: BTreeMap<String, u64>,
    /// The same, the 99th percentile.
    pub p99: BTreeMap<String, u64>,
    /// The same, the most.
    pub max: BTreeMap<String, u64>,
    /// Open jobs by tier.
    pub backlog: BTreeMap<String, u64>,
    /// Resident memory by process (`ripple`, `redis-server`), in bytes.
    pub memory_bytes: BTreeMap<String, u64>,
    /// Processor time that was used a second, in seconds, by process (the generator is `load generator`).
    pub processor_s: BTreeMap<String, f64>,
}

/// Something that was done to the server on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultMark {
    /// When it began, in seconds since the begin.
    pub from_s: f64,
    /// When it was over.
    pub to_s: f64,
    /// What it was, in words: `killed and started anew`.
    pub what: String,
}

/// Whether each accepted post is exactly once where it belongs, when all is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Posts that were accepted.
    pub accepted: u64,
    /// Posts whose fate is unknown, as the answer was lost; they may be there, once.
    pub uncertain: u64,
    /// Pages that were read to their end, by kind: `home timeline`, `author timeline`, `tag page`, …
    pub pages: BTreeMap<String, u64>,
    /// Entries that had to be there and were looked for.
    pub expected: u64,
    /// Posts that are missing on a page where they belong, at most 100 of them.
    pub missing: Vec<Misplaced>,
    /// How many are missing.
    pub missing_count: u64,
    /// Posts that are more than once on a page, at most 100 of them.
    pub doubled: Vec<Misplaced>,
    /// How many are.
    pub doubled_count: u64,
    /// Posts on a page where they do not belong, at most 100 of them.
    pub strange: Vec<Misplaced>,
    /// How many are.
    pub strange_count: u64,
    /// Whether it was ended before all pages were read, with the run: then nothing is known.
    #[serde(default)]
    pub ended_early: bool,
    /// Jobs in the dead letters at the end, where the server told.
    #[serde(default)]
    pub dead_jobs: Option<u64>,
}

/// A post and a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misplaced {
    /// The post's id.
    pub post: String,
    /// The page's path.
    pub page: String,
}

/// A limit and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it is promised to users, or what we want to be.
    pub kind: LimitKind,
    /// What it limits: `accept a post, p99`.
    pub what: String,
    /// The limit, in `unit`.
    pub limit: f64,
    /// What was measured, in `unit`; none where it was not, and then the limit did not hold.
    #[serde(default)]
    pub measured: Option<f64>,
    /// `ms`, `s`, `B`, `%`, `/s`, `posts`, …
    pub unit: String,
    /// Whether more is better: then `measured` must be at least `limit`, and at most otherwise.
    pub more_is_better: bool,
    /// Whether it was kept.
    pub held: bool,
}

/// Who wants a limit kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// It is promised: breaking it fails the run.
    Promise,
    /// It is a budget: missing it is shown.
    Budget,
}

/// A rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaturationStep {
    /// Posts a second that were sent.
    pub rate: f64,
    /// Whether all promises held.
    pub held: bool,
    /// Why not, in words; empty where they held.
    pub why: String,
    /// The latency of the author's tier.
    pub author: Latency,
    /// The latency of the followers tier, as seen on home pages.
    pub followers: Latency,
    /// The latency of the public tier, as seen on tag pages.
    pub public: Latency,
    /// How long after the load the last job was done, in seconds; none where jobs stayed open.
    #[serde(default)]
    pub drained_after_s: Option<f64>,
}
