//! Real servers: Redis, Valkey and clusters, each in a folder of its own on free ports of the loopback
//! address.
//!
//! A server ends with the thread that started it, whatever way that ends: so a test starts its servers
//! itself, and not in a task or thread that it starts.

mod cluster;
mod proxy;
mod server;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) use cluster::RedisCluster;
pub(crate) use proxy::Proxy;
pub(crate) use server::{Login, RedisServer, set_max_memory};

/// How long servers may take for what they do within a second on a machine that is not busy.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Redis,
    Valkey,
}

impl Program {
    /// Where `./test` puts it.
    fn path(self) -> PathBuf {
        let name = match self {
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/servers");
        let path = folder.join(name);
        let runs = Command::new(&path)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        assert!(
            runs.is_ok_and(|status| status.success()),
            "{} does not run: ./test installs it",
            path.display()
        );
        path
    }
}

/// Waits until something is so.
#[track_caller]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < TIME_MAX, "{what}: not in time");
        thread::sleep(Duration::from_millis(5));
    }
}
