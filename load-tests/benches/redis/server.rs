//! A `redis-server` of the benchmark's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use redis::{Client, Connection};
use tempfile::TempDir;

const START_TIME_MAX: Duration = Duration::from_secs(10);

/// A running server. It ends with its handle.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl Server {
    /// Starts a server which syncs before it acknowledges, and never rewrites its log.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
        command.args([
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]);
        command.args(["--auto-aof-rewrite-percentage", "0"]);
        command.arg("--dir").arg(folder.path());
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let server = Self {
            child,
            port,
            _folder: folder,
        };
        let begun = Instant::now();
        while server.try_connect().is_err() {
            assert!(
                begun.elapsed() < START_TIME_MAX,
                "redis-server does not answer"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        self.try_connect().unwrap()
    }

    fn try_connect(&self) -> redis::RedisResult<Connection> {
        let mut connection = Client::open(self.url())?.get_connection()?;
        redis::cmd("PING").exec(&mut connection)?;
        Ok(connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
