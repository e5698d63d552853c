//! `ripple serve`: one process with the store, the workers and the API, until it is told to stop.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use clap::{CommandFactory, error::ErrorKind};
use ripple_api::{ApiOptions, ApiState, refresh_feeds};
use ripple_domain::{Tier, Topic};
use ripple_store::Store;
use ripple_workers::{FeedRefresher, WorkerOptions};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Cli, LogForm, PushLimit, Registration, Role, ServeArgs, StoreArgs, Switch},
    credentials::{self, Credentials},
    drain::{Signals, drain},
    listen::listen,
    memory,
    store::{self, Opened, StoreAddress},
    telemetry::{self, Metrics},
};

const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// A push over the network costs a thousand times one in memory: posts to more followers than this would hold
/// up each other and everybody else's.
const PUSH_FOLLOWERS_MAX_ON_REDIS: u64 = 100_000;

/// How `serve` is set up.
pub(crate) struct ServeOptions {
    listen: String,
    store: StoreArgs,
    role: Role,
    tiers: Vec<Tier>,
    push_followers_max: Option<u64>,
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
        if args.role != Role::All && matches!(args.store.store, StoreAddress::Embedded) {
            return Err(Cli::command().error(
                ErrorKind::ValueValidation,
                "--role api and --role worker are for several processes on one Redis store; the \
                 embedded store lives in one process, which does all (--tiers chooses the tiers \
                 whose jobs it does)",
            ));
        }
        let push_limit = args.push_followers_max.unwrap_or(match args.store.store {
            StoreAddress::Embedded => PushLimit(None),
            StoreAddress::Redis(_) => PushLimit(Some(PUSH_FOLLOWERS_MAX_ON_REDIS)),
        });
        Ok(Self {
            listen: args.listen,
            store: args.store,
            role: args.role,
            tiers: args.tiers,
            push_followers_max: push_limit.0,
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

impl ServeOptions {
    fn public_url_at(&self, address: SocketAddr) -> String {
        let here = || format!("http://{address}");
        self.public_url.clone().unwrap_or_else(here)
    }
}

/// The server cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
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
    let listener = listen(&options.listen).await;
    let listener = listener.map_err(|source| ServeError::Listen {
        address: options.listen.clone(),
        source,
    })?;
    let address = listener.local_addr()?;

    let Opened { store, keeper } =
        store::open(&options.store, options.home_memory_bytes_max).await?;
    let given = options.admin_token.as_deref();
    let credentials = match options.role {
        Role::All | Role::Api => credentials::obtain(&keeper, &options.store.data, given).await?,
        Role::Worker => Credentials::nobodys()?,
    };
    let announcement = Announcement {
        address,
        public_url: options.public_url_at(address),
        admin_token_place: credentials.admin_token_place.clone(),
    };
    let api_options = api_options(&options, &announcement, credentials, &metrics);
    let state = ApiState::new(Arc::clone(&store), api_options);
    let router = match options.role {
        Role::All | Role::Api => ripple_api::router(state),
        Role::Worker => ripple_api::operations_router(state),
    };

    let stop = CancellationToken::new();
    let background = CancellationToken::new();
    let worker_options = WorkerOptions {
        tiers: match options.role {
            Role::All | Role::Worker => options.tiers.clone(),
            Role::Api => Vec::new(),
        },
        drain_ms: workers_drain_ms(options.drain),
        push_followers_max: options.push_followers_max,
        ..WorkerOptions::default()
    };
    let mut workers = tokio::spawn(ripple_workers::run(
        Arc::clone(&store),
        Arc::new(Feeds(Arc::clone(&store))),
        worker_options,
        stop.clone(),
    ));
    let mut api = tokio::spawn(ripple_api::serve(listener, router, stop.clone()));
    let mut housekeeping = tokio::spawn(housekeep(Arc::clone(&store), background.clone()));
    let upkeep = background.clone();
    tokio::spawn(async move { metrics.upkeep(upkeep).await });
    announcement.make(&options);

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
struct Feeds(Arc<dyn Store>);

#[async_trait]
impl FeedRefresher for Feeds {
    async fn refresh(&self, topics: &[Topic]) {
        let refreshed = refresh_feeds(&*self.0, topics).await;
        if let Err(error) = refreshed {
            tracing::warn!(%error, "feeds could not be refreshed; they are rendered when they are read");
        }
    }
}

fn api_options(
    options: &ServeOptions,
    announcement: &Announcement,
    credentials: Credentials,
    metrics: &Metrics,
) -> ApiOptions {
    ApiOptions {
        public_url: announcement.public_url.clone(),
        registration: match options.registration {
            Some(Registration::Open) => ripple_api::Registration::Open,
            Some(Registration::Closed) => ripple_api::Registration::Closed,
            None if announcement.address.ip().is_loopback() => ripple_api::Registration::Open,
            None => ripple_api::Registration::Closed,
        },
        rate_limit: options.rate_limit,
        admin_token_hash: credentials.admin_token_hash,
        secret: credentials.secret,
        render_metrics: metrics.renderer(),
        limits: Default::default(),
    }
}

/// Where to look.
struct Announcement {
    address: SocketAddr,
    public_url: String,
    admin_token_place: String,
}

impl Announcement {
    fn make(&self, options: &ServeOptions) {
        let Self {
            address,
            public_url,
            admin_token_place,
        } = self;
        if options.public_url.is_none()
            && address.ip().is_unspecified()
            && options.role != Role::Worker
        {
            tracing::warn!(
                public_url,
                "links in posts, pages and feeds lead to an address that readers cannot reach: give theirs by --public-url"
            );
        }
        if options.log == LogForm::Json {
            tracing::info!(%address, public_url, admin_token = admin_token_place, "ready");
            return;
        }
        let place = match &options.store.store {
            StoreAddress::Embedded => {
                format!("data folder        {}", options.store.data.display())
            }
            StoreAddress::Redis(address) => format!("store              {address}"),
        };
        println!("Ripple is ready at {public_url}/ (listening on {address})");
        if options.role != Role::Worker {
            println!("  API documentation  {public_url}/docs");
        }
        println!("  {place}\n  admin token        {admin_token_place}");
    }
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
