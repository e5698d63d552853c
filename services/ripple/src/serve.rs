//! `ripple serve`: one process with the store, the workers and the API, until it is told to stop.

use std::{io, net::SocketAddr, path::PathBuf, process, sync::Arc, time::Duration};

use async_trait::async_trait;
use clap::{CommandFactory, error::ErrorKind};
use ripple_api::{ApiOptions, ApiState, refresh_feeds};
use ripple_domain::{Tier, Topic};
use ripple_store::Store;
use ripple_workers::{FeedRefresher, WorkerOptions};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Cli, LogForm, Registration, Role, ServeArgs, StoreArgs, Switch},
    data_folder, memory, store,
    telemetry::{self, Metrics},
};

const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// How `serve` is set up.
pub(crate) struct ServeOptions {
    listen: String,
    store: StoreArgs,
    tiers: Vec<Tier>,
    registration: Option<Registration>,
    rate_limit: bool,
    log: LogForm,
    public_url: Option<String>,
    home_memory_bytes_max: u64,
    drain: Duration,
    admin_token: Option<String>,
}

impl ServeOptions {
    /// Checks what one option alone does not tell.
    pub(crate) fn parse(args: ServeArgs) -> Result<Self, clap::Error> {
        if args.role != Role::All {
            return Err(Cli::command().error(
                ErrorKind::ValueValidation,
                "--role api and --role worker are for several processes on one Redis store; the \
                 embedded store lives in one process, which does all (--tiers chooses the tiers \
                 whose jobs it does)",
            ));
        }
        Ok(Self {
            listen: args.listen,
            store: args.store,
            tiers: args.tiers,
            registration: args.registration,
            rate_limit: args.rate_limit == Switch::On,
            log: args.log,
            public_url: args.public_url,
            home_memory_bytes_max: args
                .home_memory
                .map_or_else(memory::home_memory_bytes_default, |size| size.as_u64()),
            drain: Duration::from_secs(args.drain_timeout),
            admin_token: args.admin_token,
        })
    }
}

/// The server cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error("{}: {source}", path.display())]
    Secret { path: PathBuf, source: io::Error },
    #[error("signals cannot be received: {0}")]
    Signal(io::Error),
    #[error("the store has failed: {0}")]
    Store(String),
    #[error("the {0} ended by itself")]
    Ended(&'static str),
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(options: ServeOptions) -> Result<(), Box<dyn std::error::Error>> {
    telemetry::start_log(options.log, "info,fjall=warn,lsm_tree=warn");
    let metrics = Metrics::start()?;
    let mut signals = Signals::listen().map_err(ServeError::Signal)?;
    // Every reader of a live stream holds a connection open.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let listener = TcpListener::bind(&options.listen).await;
    let listener = listener.map_err(|source| ServeError::Listen {
        address: options.listen.clone(),
        source,
    })?;
    let address = listener.local_addr()?;

    let store = store::open(&options.store, options.home_memory_bytes_max).await?;
    let api_options = api_options(&options, address, &metrics)?;
    let public_url = api_options.public_url.clone();
    let feeds = Feeds {
        store: Arc::clone(&store),
        public_url: public_url.clone(),
    };
    let router = ripple_api::router(ApiState::new(Arc::clone(&store), api_options));

    let stop = CancellationToken::new();
    let background = CancellationToken::new();
    let worker_options = WorkerOptions {
        tiers: options.tiers.clone(),
        drain_ms: workers_drain_ms(options.drain),
        ..WorkerOptions::default()
    };
    let mut workers = tokio::spawn(ripple_workers::run(
        Arc::clone(&store),
        Arc::new(feeds),
        worker_options,
        stop.clone(),
    ));
    let mut api = tokio::spawn(ripple_api::serve(listener, router, stop.clone()));
    let mut housekeeping = tokio::spawn(housekeep(Arc::clone(&store), background.clone()));
    let upkeep = background.clone();
    tokio::spawn(async move { metrics.upkeep(upkeep).await });
    announce(&options, address, &public_url);

    let ended = tokio::select! {
        signal = signals.next() => Ok(signal),
        reason = store.failed() => Err(ServeError::Store(reason)),
        _ = &mut api => Err(ServeError::Ended("API")),
        _ = &mut workers => Err(ServeError::Ended("workers")),
        _ = &mut housekeeping => Err(ServeError::Ended("housekeeping")),
    };
    background.cancel();
    match ended {
        Ok(signal) => {
            tracing::info!(signal, "stopping: what was accepted is finished or kept");
            stop.cancel();
            drain(&*store, api, workers, &mut signals, options.drain).await;
            Ok(())
        }
        Err(error) => {
            // Nothing that this process could still do is safe: the facts on disk are the truth,
            // and the next start goes on from them.
            tracing::error!(%error, "the process ends");
            Err(error.into())
        }
    }
}

/// Workers stop earlier than the process must, so that there is time left to give back what they
/// could not finish and to close the store.
fn workers_drain_ms(drain: Duration) -> u64 {
    u64::try_from((drain * 3 / 4).as_millis()).unwrap_or(u64::MAX)
}

/// Keeps the feed documents that are being read rendered.
struct Feeds {
    store: Arc<dyn Store>,
    public_url: String,
}

#[async_trait]
impl FeedRefresher for Feeds {
    async fn refresh(&self, topics: &[Topic]) {
        let refreshed = refresh_feeds(&*self.store, &self.public_url, topics).await;
        if let Err(error) = refreshed {
            tracing::warn!(%error, "feeds could not be refreshed; they are rendered when they are read");
        }
    }
}

fn api_options(
    options: &ServeOptions,
    address: SocketAddr,
    metrics: &Metrics,
) -> Result<ApiOptions, ServeError> {
    let folder = &options.store.data;
    let admin_token = match &options.admin_token {
        Some(token) => token.clone(),
        None => data_folder::admin_token(folder).map_err(|source| ServeError::Secret {
            path: data_folder::admin_token_path(folder),
            source,
        })?,
    };
    let secret = data_folder::secret(folder).map_err(|source| ServeError::Secret {
        path: data_folder::secret_path(folder),
        source,
    })?;
    Ok(ApiOptions {
        public_url: options
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}")),
        registration: match options.registration {
            Some(Registration::Open) => ripple_api::Registration::Open,
            Some(Registration::Closed) => ripple_api::Registration::Closed,
            None if address.ip().is_loopback() => ripple_api::Registration::Open,
            None => ripple_api::Registration::Closed,
        },
        rate_limit: options.rate_limit,
        admin_token,
        secret,
        render_metrics: metrics.renderer(),
        limits: Default::default(),
    })
}

/// Tells where to look.
fn announce(options: &ServeOptions, address: SocketAddr, public_url: &str) {
    if options.public_url.is_none() && address.ip().is_unspecified() {
        tracing::warn!(
            public_url,
            "links in posts, pages and feeds lead to an address that readers cannot reach: give theirs by --public-url"
        );
    }
    let admin_token = match &options.admin_token {
        Some(_) => "as given by --admin-token or RIPPLE_ADMIN_TOKEN".to_owned(),
        None => {
            let path = data_folder::admin_token_path(&options.store.data);
            path.display().to_string()
        }
    };
    if options.log == LogForm::Json {
        tracing::info!(%address, public_url, admin_token, "ready");
        return;
    }
    println!(
        "Ripple is ready at {public_url}/ (listening on {address})\n\
         \x20 API documentation  {public_url}/docs\n\
         \x20 data folder        {}\n\
         \x20 admin token        {admin_token}",
        options.store.data.display(),
    );
}

async fn housekeep(store: Arc<dyn Store>, shutdown: CancellationToken) {
    let mut interval = tokio::time::interval(HOUSEKEEPING_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown
        .run_until_cancelled(interval.tick())
        .await
        .is_some()
    {
        if let Err(error) = store.housekeep().await {
            tracing::warn!(%error, "housekeeping failed; it is tried again in a minute");
        }
    }
}

/// Waits for requests and jobs under way, and closes the store. A second signal, and the end of the
/// time, cut the waiting short: what is unfinished then stays in the queue.
async fn drain(
    store: &dyn Store,
    api: JoinHandle<io::Result<()>>,
    workers: JoinHandle<()>,
    signals: &mut Signals,
    time: Duration,
) {
    let finished = async {
        // Requests first: a commit that is acknowledged while the process stops is durable as well.
        let (api, workers) = tokio::join!(api, workers);
        if let Ok(Err(error)) = api {
            tracing::warn!(%error, "the API did not stop cleanly");
        }
        if let Err(error) = workers {
            tracing::warn!(%error, "the workers did not stop cleanly");
        }
        store.close().await;
    };
    tokio::select! {
        ended = tokio::time::timeout(time, finished) => match ended {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => {
                tracing::warn!("the time to drain is over; unfinished jobs stay in the queue");
                store.close().await;
            }
        },
        signal = signals.next() => {
            tracing::warn!(signal, "stopping at once");
            process::exit(1);
        }
    }
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
