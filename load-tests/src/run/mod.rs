//! A run from its begin to its report.

mod faults;
mod measure;
mod observe;
mod patience;
mod prepare;
mod progress;
mod receipts;
mod report;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

pub(crate) use measure::{Measured, measure};
pub(crate) use observe::open_jobs_at_end;
pub(crate) use patience::Patience;
pub(crate) use prepare::Bench;

use crate::{
    api::ApiError,
    deployment::{DeploymentError, DeploymentSpec, Store},
    generate::people::PeopleError,
    limits, parts,
    population::GraphError,
    report::model::{Report, Verdict, Verification},
    saturate,
    scenario::{Budget, Scenario},
    verify::verify,
    world::WorldError,
};

/// A run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server to be measured could not be started or reached.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The world could not be loaded.
    #[error("loading the world failed: {0}")]
    Load(#[from] ApiError),
    /// There is no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The people of the world are not as the scenario needs them.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it could not be.
        source: std::io::Error,
    },
    /// A store of the generator's own could not be filled.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A Redis server of the generator's own does not do as it is told.
    #[error("redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// The scenario does something to the server that is not done to somebody else's.
    #[error(
        "the scenario kills or stops its server, which is done to a server that is started for the run alone: \
         leave out --url, or take a scenario without [[faults]]"
    )]
    Faults,
    /// The run was ended before there was anything to report.
    #[error("stopped before the load began")]
    Stopped,
}

/// What is measured.
#[derive(Clone, Debug)]
pub enum Target {
    /// A server of our own.
    Own(DeploymentSpec),
    /// Somebody else's.
    Given {
        /// Its address.
        url: String,
        /// Its admin token.
        admin_token: String,
    },
}

/// How a run goes.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// What is measured.
    pub target: Target,
    /// Whether nothing is shown while it runs.
    pub is_quiet: bool,
    /// Ends it early, with a report of what there is.
    pub stop: CancellationToken,
}

/// A verification takes as long as it has pages; this is for a server that does not answer any more.
const VERIFY_TIME_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Runs a scenario.
pub async fn run(scenario: &Scenario, options: &RunOptions) -> Result<Report, RunError> {
    if matches!(options.target, Target::Given { .. }) && !scenario.faults.is_empty() {
        return Err(RunError::Faults);
    }
    let bench = Bench::prepare(scenario, options).await?;
    let made = made(scenario, &bench).await;
    let store = bench.deployment.store();
    // What was found counts, however the server ends.
    if let Err(error) = bench.shut_down().await {
        eprintln!("warning: {error}");
    }
    let mut report = made?;
    if let Some(store) = store
        && scenario.budgets.contains(&Budget::Parts)
    {
        report.verdicts.extend(parts(store, options).await);
    }
    Ok(report)
}

/// The budgets of a store's parts, measured when nothing else runs and the run is not ended early.
async fn parts(store: Store, options: &RunOptions) -> Vec<Verdict> {
    let bar = bar(options.is_quiet, "measuring the parts", 0);
    // On the heap: it holds all that a measurement needs.
    let measuring = Box::pin(parts::measure(store));
    let measured = options.stop.run_until_cancelled(measuring).await;
    bar.finish_and_clear();
    let measured = measured.and_then(|measured| {
        let warn = |error: &RunError| eprintln!("warning: the parts are not measured: {error}");
        measured.inspect_err(warn).ok()
    });
    limits::parts(store, measured.as_ref())
}

async fn made(scenario: &Scenario, bench: &Bench) -> Result<Report, RunError> {
    if let Some(spec) = scenario.saturate {
        return saturate::search(spec, scenario, bench).await;
    }
    let measured = measure(scenario, bench).await?;
    finish(scenario, bench, measured).await
}

/// Verifies, judges and reports.
pub(crate) async fn finish(
    scenario: &Scenario,
    bench: &Bench,
    measured: Measured,
) -> Result<Report, RunError> {
    let bar = bench.bar("verifying pages", 0);
    let patience = Patience::new(VERIFY_TIME_MAX, &bench.stop);
    let verified = verify(
        &bench.api,
        &bench.people,
        &bench.ledger,
        &scenario.verify,
        bench.deployment.is_own(),
        &bar,
    );
    let mut verification = tokio::select! {
        verification = verified => verification,
        () = patience.over() => Verification {
            accepted: bench.ledger.len() as u64,
            ended_early: true,
            ..Verification::default()
        },
    };
    bar.finish_and_clear();
    verification.doubled_on_streams(&measured.streamed_again);
    let queues = observe::queues_for_sure(&bench.api).await;
    verification.dead_jobs = queues.map(|queues| queues.dead);
    let mut verdicts = limits::promises(scenario, &measured);
    verdicts.extend(limits::correctness(&verification));
    verdicts.extend(limits::budgets(
        scenario,
        bench.deployment.store(),
        bench.idle_bytes,
        &measured,
    ));
    Ok(report::report(
        scenario,
        bench,
        &measured,
        verification,
        verdicts,
    ))
}

/// A progress bar, or a hidden one.
fn bar(is_quiet: bool, what: &str, length: u64) -> ProgressBar {
    if is_quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let template = "{prefix:18} {bar:30} {pos}/{len} {elapsed_precise} {wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
