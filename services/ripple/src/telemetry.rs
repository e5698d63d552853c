//! The log and the metrics of the process.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

use crate::cli::LogForm;

/// Upper bounds of the buckets of every latency, in seconds: fine where the tiers' targets lie, up to
/// the worst case of the public tier.
const LATENCY_BUCKETS_S: [f64; 20] = [
    0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0,
    20.0, 30.0, 45.0, 60.0,
];

/// How often samples are moved into their buckets, so that they do not pile up when nobody asks.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Begins to log to the standard error. `RUST_LOG` chooses what; else `default_filter` does.
pub(crate) fn start_log(form: LogForm, default_filter: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match form {
        LogForm::Json => log.json().flatten_event(true).finish().try_init(),
        LogForm::Pretty => {
            let colours = std::io::stderr().is_terminal();
            log.with_ansi(colours)
                .with_target(false)
                .finish()
                .try_init()
        }
    };
    // It fails only where a log was started before, which then stays.
    drop(started);
}

/// The metrics of the process.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorded: PrometheusHandle,
    process: Collector,
}

/// The metrics cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    #[error("the metrics cannot be set up: {0}")]
    Build(#[from] BuildError),
    #[error("another recorder of metrics runs in this process")]
    Recorder,
}

impl Metrics {
    /// Begins to record.
    pub(crate) fn start() -> Result<Self, MetricsError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS_S)?
            .build_recorder();
        let recorded = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Recorder)?;
        let process = Collector::default();
        process.describe();
        Ok(Self { recorded, process })
    }

    /// What writes them down as Prometheus text.
    pub(crate) fn renderer(&self) -> Arc<dyn Fn() -> String + Send + Sync> {
        let metrics = self.clone();
        Arc::new(move || {
            metrics.process.collect();
            metrics.recorded.render()
        })
    }

    /// Keeps the memory of the metrics bounded, until `shutdown`.
    pub(crate) async fn upkeep(&self, shutdown: CancellationToken) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        while shutdown
            .run_until_cancelled(interval.tick())
            .await
            .is_some()
        {
            self.recorded.run_upkeep();
        }
    }
}
