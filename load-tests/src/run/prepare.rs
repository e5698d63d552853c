//! What a run needs before its load begins: a server, a world, warm timelines.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use super::{RunError, RunOptions, Target, bar};
use crate::{
    api::Api,
    deployment::{Deployment, DeploymentError},
    generate::{ledger::Ledger, people::People},
    population::{self, Graph},
    report::model::WorldFigures,
    scenario::Scenario,
};

/// Home timelines that are read at once to warm them, and how often one is tried.
const WARMING_AT_ONCE: usize = 64;
const WARMING_TRIES: usize = 20;
const WARMING_PAUSE: Duration = Duration::from_millis(100);
/// Open files that the generator may need: connections, streams, and some.
const FILES_MAX: u64 = 65_536;

/// All that a load is put on.
pub(crate) struct Bench {
    pub(crate) api: Api,
    pub(crate) people: Arc<People>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) world: WorldFigures,
    /// Resident memory of a process of Ripple before there was anything to keep; of the largest, where
    /// there are several, and of none that is somebody else's.
    pub(crate) idle_bytes: Option<u64>,
    pub(crate) stop: CancellationToken,
    /// Digits that no other run on the same server has.
    pub(crate) run: String,
    is_quiet: bool,
}

impl Bench {
    /// Starts or finds the server, loads the world, warms timelines.
    pub(crate) async fn prepare(
        scenario: &Scenario,
        options: &RunOptions,
    ) -> Result<Self, RunError> {
        rlimit::increase_nofile_limit(FILES_MAX).map_err(|source| RunError::System {
            doing: "raising the limit of open files",
            source,
        })?;
        let deployment = match &options.target {
            Target::Own(spec) => tokio::select! {
                started = Deployment::start(spec) => started?,
                () = options.stop.cancelled() => return Err(RunError::Stopped),
            },
            Target::Given { url, admin_token } => Deployment::given(url, admin_token),
        };
        let api = Api::new(deployment.url(), deployment.admin_token())?;
        let idle_bytes = deployment.figures().largest_ripple();
        let prepared = tokio::select! {
            people = people(scenario, &api, options) => people,
            () = options.stop.cancelled() => Err(RunError::Stopped),
        };
        // Where this fails, the server ends as it is dropped.
        let (people, world) = prepared?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(Self {
            api,
            people,
            ledger: Arc::default(),
            deployment: Arc::new(deployment),
            world,
            idle_bytes,
            stop: options.stop.clone(),
            run: now.unwrap_or_default().as_secs().to_string(),
            is_quiet: options.is_quiet,
        })
    }

    /// A progress bar.
    pub(crate) fn bar(&self, what: &str, length: u64) -> ProgressBar {
        bar(self.is_quiet, what, length)
    }

    /// Ends the server where it is ours.
    pub(crate) async fn shut_down(self) -> Result<(), DeploymentError> {
        match Arc::into_inner(self.deployment) {
            Some(deployment) => deployment.shut_down().await,
            // Somebody still looks at it; it ends when he is done.
            None => Ok(()),
        }
    }
}

async fn people(
    scenario: &Scenario,
    api: &Api,
    options: &RunOptions,
) -> Result<(Arc<People>, WorldFigures), RunError> {
    let spec = &scenario.world;
    let graph = match &spec.edges {
        Some(path) => Graph::from_edges(path)?,
        None => Graph::power_law(
            spec.users,
            spec.mean_followers,
            spec.followers_max,
            scenario.seed,
        ),
    };
    let active = People::choose(&graph, spec, scenario.seed);
    let loading = bar(options.is_quiet, "loading the world", 0);
    let loaded = population::load(api, &graph, &active, |progress| {
        loading.set_length(progress.follows_all + progress.tokens_all);
        loading.set_position(progress.follows + progress.tokens);
    })
    .await?;
    loading.finish_and_clear();
    let world = WorldFigures {
        users: graph.users().into(),
        follows: graph.follows(),
        followers_max: graph.followers_max().into(),
        loaded_in_s: loaded.took.as_secs_f64(),
    };
    let people = People::new(Arc::new(graph), active, &loaded.tokens, scenario)?;
    let people = Arc::new(people);
    warm(api, &people, options).await;
    Ok((people, world))
}

/// Has the regular readers read their home timelines once, and tells how many could not.
async fn warm(api: &Api, people: &Arc<People>, options: &RunOptions) {
    let readers = &people.regulars;
    let progress = bar(options.is_quiet, "warming timelines", readers.len() as u64);
    let cold = AtomicUsize::new(0);
    let reads = stream::iter(readers).for_each_concurrent(WARMING_AT_ONCE, |reader| async {
        progress.inc(1);
        let token = people.token(*reader);
        for token in iter::repeat_n(token, WARMING_TRIES).flatten() {
            let request = api.of(token, Method::GET, "/v1/timelines/home?limit=1");
            if let Ok(answer) = request.send().await
                && answer.status().is_success()
                && answer.bytes().await.is_ok()
            {
                people.set_warm(*reader);
                return;
            }
            tokio::time::sleep(WARMING_PAUSE).await;
        }
        cold.fetch_add(1, Ordering::Relaxed);
    });
    reads.await;
    progress.finish_and_clear();
    match cold.into_inner() {
        0 => {}
        cold => eprintln!(
            "warning: {cold} of {} home timelines could not be warmed, and are not looked at",
            readers.len()
        ),
    }
}
