//! The load, and all that looks at the server while it runs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::{
    Patience, RunError,
    faults::Injector,
    observe::{Observer, open_jobs_at_end},
    prepare::Bench,
    progress::show_until_sent,
};
use crate::{
    generate::{
        Load,
        ledger::Accepted,
        people::People,
        record::{Sample, micros},
    },
    limits,
    report::model::{FaultMark, Second},
    scenario::{Operation, Scenario},
    watch::{self, Receipt, Seen, Streams, Watch, receipts},
};

/// The time between the start of a load and its first request.
const RUN_UP: Duration = Duration::from_millis(100);
/// Receipts that take longer are done without.
const RECEIPTS_TIME_MAX: Duration = Duration::from_secs(300);

/// A post that a reader with an open stream had to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streamed {
    /// When the post was accepted, in seconds since the begin.
    pub(crate) accepted_s: f64,
    /// How long after that it arrived, in microseconds.
    pub(crate) after_us: Option<u64>,
}

/// What a load found.
pub(crate) struct Measured {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) duration_s: f64,
    pub(crate) samples: BTreeMap<Operation, Vec<Sample>>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) streamed: Vec<Streamed>,
    /// Readers with open streams and posts that came to them more often than once.
    pub(crate) streamed_again: Vec<(u32, u64)>,
    pub(crate) receipts: Vec<Receipt>,
    /// How many were asked for.
    pub(crate) receipts_wanted: usize,
    pub(crate) seconds: Vec<Second>,
    pub(crate) faults: Vec<FaultMark>,
    /// How many faults could not be made.
    pub(crate) faults_failed: usize,
    /// The most followed user.
    pub(crate) celebrity: u32,
    /// How long after the load the last job was done, in seconds; none where jobs stayed open.
    pub(crate) drained_after_s: Option<f64>,
    /// The jobs that were open then, where the server told.
    pub(crate) open_at_end: Option<u64>,
}

impl Measured {
    /// A load of ten seconds that found nothing.
    #[cfg(test)]
    pub(crate) fn of_nothing() -> Self {
        Self {
            started_at: DateTime::UNIX_EPOCH,
            duration_s: 10.0,
            samples: BTreeMap::new(),
            seen: Vec::new(),
            streamed: Vec::new(),
            streamed_again: Vec::new(),
            receipts: Vec::new(),
            receipts_wanted: 0,
            seconds: Vec::new(),
            faults: Vec::new(),
            faults_failed: 0,
            celebrity: 0,
            drained_after_s: Some(0.0),
            open_at_end: Some(0),
        }
    }

    /// The requests of some operations.
    pub(crate) fn of(&self, operations: &[Operation]) -> Vec<Sample> {
        let samples = operations
            .iter()
            .filter_map(|operation| self.samples.get(operation));
        samples.flatten().copied().collect()
    }

    /// Whether a request met a fault or the recovery from it.
    pub(crate) fn is_faulty(&self, sample: &Sample) -> bool {
        let due_s = f64::from(sample.due_ms) / 1_000.0;
        let answered_s = due_s + f64::from(sample.took_us) / 1_000_000.0;
        limits::meets(&self.faults, due_s, answered_s)
    }

    /// Whether a moment lies in a fault or the recovery from it, or so shortly before that a post of it
    /// is still on its way.
    pub(crate) fn is_faulty_at(&self, at_s: f64) -> bool {
        limits::meets(&self.faults, at_s, at_s + 1.0)
    }
}

/// Puts the scenario's load on the bench.
pub(crate) async fn measure(scenario: &Scenario, bench: &Bench) -> Result<Measured, RunError> {
    let known = bench.ledger.len();
    let begin = Instant::now() + RUN_UP + Duration::from_secs_f64(scenario.warm_up_s);
    let started_at = Utc::now() + (begin - Instant::now());
    let streams = Streams::open(&bench.api, &bench.people, scenario.watch.streams);
    let load = Load {
        scenario,
        api: bench.api.clone(),
        herd_api: bench.api.apart()?,
        people: Arc::clone(&bench.people),
        ledger: Arc::clone(&bench.ledger),
        run: format!("{}{known}", bench.run),
        begin,
        stop: bench.stop.clone(),
    };
    let started = load.start();
    let (mut running, sightings) = started.map_err(|source| RunError::System {
        doing: "starting the threads of the load",
        source,
    })?;
    let watch = Watch::new(
        bench.api.clone(),
        Arc::clone(&bench.people),
        begin,
        scenario,
    );
    let watching = tokio::spawn(Arc::clone(&watch).run(sightings));
    let over = CancellationToken::new();
    let observer = Observer {
        api: bench.api.clone(),
        deployment: Arc::clone(&bench.deployment),
        begin,
        stop: over.clone(),
    };
    let observing = tokio::spawn(observer.run());
    let injector = Injector {
        faults: scenario.faults.clone(),
        deployment: Arc::clone(&bench.deployment),
        begin,
        stop: bench.stop.clone(),
    };
    let injecting = tokio::spawn(injector.run());

    show_until_sent(&mut running, scenario, bench, begin).await;
    let sent = Instant::now();
    let sent_s = sent.saturating_duration_since(begin).as_secs_f64();
    // A fault that has begun is brought to its end, whatever happens, so that a stopped server goes on.
    let injected = injecting.await.unwrap_or_default();
    let patience = || Patience::new(Duration::from_secs_f64(scenario.drain_s), &bench.stop);
    let bar = bench.bar("waiting for the rest", 0);
    let samples = running.end(&patience()).await;
    let _ = watching.await;
    let patience = patience();
    // At the same time: a look for a post of the slowest tier would hide how soon the queues are empty.
    let (watched, (open_at_end, after_s)) = tokio::join!(watch.end(&patience), async {
        let open = open_jobs_at_end(&bench.api, patience.over()).await;
        (open, sent.elapsed().as_secs_f64())
    });
    bar.finish_and_clear();
    watched.warn();
    over.cancel();
    let seconds = observing.await.unwrap_or_default();
    let streams = streams.end().await;
    let accepted = bench.ledger.since(known);
    let (receipts, receipts_wanted) = receipts_of(&watched.seen, bench).await;
    Ok(Measured {
        started_at,
        duration_s: sent_s.min(scenario.duration_s),
        samples,
        seen: watched.seen,
        streamed: streamed(&bench.people, &accepted, &streams, begin),
        streamed_again: streams.repeated(),
        receipts,
        receipts_wanted,
        seconds,
        faults: injected.marks,
        faults_failed: injected.failed,
        celebrity: bench.people.graph.most_followed(),
        drained_after_s: (open_at_end == Some(0)).then_some(after_s),
        open_at_end,
    })
}

/// The receipts of posts that were looked for, and how many were asked for.
async fn receipts_of(seen: &[Seen], bench: &Bench) -> (Vec<Receipt>, usize) {
    let posts: BTreeSet<u64> = seen.iter().map(|seen| seen.post).collect();
    let wanted = posts.len();
    let patience = Patience::new(RECEIPTS_TIME_MAX, &bench.stop);
    tokio::select! {
        receipts = receipts(&bench.api, posts) => (receipts, wanted),
        () = patience.over() => (Vec::new(), 0),
    }
}

/// Joins what was posted with what arrived on streams.
fn streamed(
    people: &People,
    accepted: &[Accepted],
    streams: &watch::Streamed,
    begin: Instant,
) -> Vec<Streamed> {
    let arrived: HashMap<(u32, u64), Instant> = streams
        .arrivals
        .iter()
        .rev()
        .map(|arrival| ((arrival.reader, arrival.post), arrival.at))
        .collect();
    let mut streamed = Vec::new();
    for post in accepted.iter().filter(|post| post.is_measured) {
        let followers = people.graph.followers_of(post.author);
        let readers = streams.readers.iter().filter(|(reader, spans)| {
            followers.binary_search(reader).is_ok() && spans.expect(post.at)
        });
        for (reader, _) in readers {
            let at = arrived.get(&(*reader, post.id));
            streamed.push(Streamed {
                accepted_s: post.at.saturating_duration_since(begin).as_secs_f64(),
                // It may be there before its author has his answer.
                after_us: at.map(|at| micros(at.saturating_duration_since(post.at))),
            });
        }
    }
    streamed
}
