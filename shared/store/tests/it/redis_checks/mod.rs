//! What a store looks at when it is opened, and while it serves: servers that do not keep what they
//! acknowledge, clusters with holes, replicas in a master's place.

mod old_server;
mod opening;
mod opening_cluster;
mod readiness;
mod warnings;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ripple_store::redis::{RedisOpenError, RedisOptions, RedisStore};

use warnings::Warnings;

use crate::harness::{Program, RedisServer};

async fn open(url: &str) -> Result<Arc<RedisStore>, RedisOpenError> {
    RedisStore::open(&url.parse().unwrap(), RedisOptions::default()).await
}

/// Why a store is not opened.
async fn refusal(url: &str) -> String {
    let opened = open(url).await;
    opened.err().unwrap().to_string()
}

/// [`refusal`], which must not take long: ten seconds, and a little for machines that are busy.
async fn refusal_in_time(url: &str) -> String {
    const TIME_MAX: Duration = Duration::from_secs(12);
    let begun = Instant::now();
    let refused = refusal(url).await;
    assert!(
        begun.elapsed() < TIME_MAX,
        "{:?}: {refused}",
        begun.elapsed()
    );
    refused
}

/// What is warned of when a store is opened.
async fn warnings_of(url: &str) -> Vec<String> {
    let warnings = Warnings::listen();
    open(url).await.unwrap();
    warnings.heard()
}

fn server(settings: &[&str]) -> RedisServer {
    RedisServer::start_with(Program::Redis, settings)
}

/// Sends a command that is written with spaces.
fn tell(server: &RedisServer, command: &str) {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap());
    cmd.arg(words.collect::<Vec<_>>());
    cmd.exec(&mut server.connect()).unwrap();
}
