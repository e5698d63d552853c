//! Real servers: Redis, Valkey and a cluster, each in a folder of its own on free ports of the loopback
//! address. A server ends with the thread that started it, whatever way that ends.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use redis::{Client, Connection, RedisResult};
use tempfile::TempDir;

/// How long a server may take to start on a busy machine.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// Ports are taken between the look for a free one and its use, now and then.
const START_TRIES_MAX: usize = 5;

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

/// A running server.
pub(crate) struct RedisServer {
    child: Child,
    program: PathBuf,
    folder: TempDir,
    settings: Vec<String>,
    pub(crate) port: u16,
}

impl RedisServer {
    /// Starts a server that keeps what it acknowledges.
    pub(crate) fn start(program: Program) -> Self {
        Self::start_with(program, &[])
    }

    /// [`RedisServer::start`] with further settings, such as `--maxmemory 8mb`.
    pub(crate) fn start_with(program: Program, settings: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let program = program.path();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        for _ in 0..START_TRIES_MAX {
            let port = free_port();
            let mut child = spawn(&program, folder.path(), port, &settings);
            if is_up(&mut child, port) {
                return Self {
                    child,
                    program,
                    folder,
                    settings,
                    port,
                };
            }
        }
        panic!("{} does not start", program.display());
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of a test's own.
    pub(crate) fn connect(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`RedisServer::kill`], with what is in its folder.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.program, self.folder.path(), self.port, &self.settings);
        assert!(is_up(&mut self.child, self.port), "it does not start again");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three masters with a replica each.
pub(crate) struct RedisCluster {
    pub(crate) nodes: Vec<RedisServer>,
}

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;

impl RedisCluster {
    /// Starts six servers and waits until they are a cluster.
    pub(crate) fn start() -> Self {
        let settings = [
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "1500",
            "--cluster-replica-validity-factor",
            "0",
            "--repl-diskless-sync-delay",
            "0",
        ];
        let starting: Vec<_> = (0..2 * MASTERS)
            .map(|_| RedisServer::start_with(Program::Redis, &settings))
            .collect();
        let cluster = Self { nodes: starting };
        cluster.join().unwrap();
        cluster
    }

    /// Its address, by all nodes.
    pub(crate) fn url(&self) -> String {
        let nodes = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port));
        format!("redis+cluster://{}", nodes.collect::<Vec<_>>().join(","))
    }

    fn join(&self) -> RedisResult<()> {
        let mut nodes: Vec<Connection> = self.nodes.iter().map(RedisServer::connect).collect();
        for (index, node) in nodes.iter_mut().enumerate() {
            cluster_command("SET-CONFIG-EPOCH", &[(index + 1).to_string()]).exec(node)?;
        }
        for (index, node) in nodes.iter_mut().take(MASTERS).enumerate() {
            let first = index * SLOTS / MASTERS;
            let last = (index + 1) * SLOTS / MASTERS - 1;
            cluster_command("ADDSLOTSRANGE", &[first.to_string(), last.to_string()]).exec(node)?;
        }
        for server in &self.nodes[1..] {
            let address = ["127.0.0.1".to_owned(), server.port.to_string()];
            cluster_command("MEET", &address).exec(&mut nodes[0])?;
        }
        let everybody = format!("cluster_known_nodes:{}", 2 * MASTERS);
        for node in &mut nodes {
            wait_for(|| Ok(info(node)?.contains(&everybody)));
        }
        for index in 0..MASTERS {
            let master: String = cluster_command("MYID", &[]).query(&mut nodes[index])?;
            wait_for(|| {
                let replicate = cluster_command("REPLICATE", std::slice::from_ref(&master));
                Ok(replicate.exec(&mut nodes[MASTERS + index]).is_ok())
            });
        }
        for node in &mut nodes {
            wait_for(|| Ok(info(node)?.contains("cluster_state:ok")));
        }
        for node in &mut nodes[MASTERS..] {
            wait_for(|| {
                let replication: String = redis::cmd("INFO").arg("replication").query(node)?;
                Ok(replication.contains("master_link_status:up"))
            });
        }
        Ok(())
    }
}

fn cluster_command(name: &str, args: &[String]) -> redis::Cmd {
    let mut command = redis::cmd("CLUSTER");
    command.arg(name).arg(args);
    command
}

fn info(node: &mut Connection) -> RedisResult<String> {
    cluster_command("INFO", &[]).query(node)
}

fn wait_for(mut is_so: impl FnMut() -> RedisResult<bool>) {
    let begun = Instant::now();
    while !is_so().unwrap() {
        assert!(begun.elapsed() < START_TIME_MAX, "no cluster in time");
        thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    // A node of a cluster takes a second port, 10,000 above; it must exist.
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if port < 55_000 {
            return port;
        }
    }
}

fn spawn(program: &Path, folder: &Path, port: u16, settings: &[String]) -> Child {
    let port = port.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    command.args(["--loglevel", "warning", "--dir"]).arg(folder);
    command.args(settings);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("setpriv (Debian's util-linux): {error}"))
}

/// Whether the server answers; `false` when it has ended, because its port was taken.
fn is_up(child: &mut Child, port: u16) -> bool {
    let begun = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let answers = TcpStream::connect(("127.0.0.1", port)).is_ok()
            && Client::open(("127.0.0.1", port))
                .and_then(|client| client.get_connection())
                .is_ok_and(|mut connection| redis::cmd("PING").exec(&mut connection).is_ok());
        if answers {
            return true;
        }
        assert!(begun.elapsed() < START_TIME_MAX, "no answer on {port}");
        thread::sleep(Duration::from_millis(5));
    }
}
