//! One server: a process, its port and its folder.

use std::{
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use redis::{Client, Connection, RedisResult};
use tempfile::TempDir;

use super::{Program, TIME_MAX};

/// Ports are taken between the look for a free one and its use, now and then.
pub(super) const START_TRIES_MAX: usize = 5;
/// Below the ports that the system gives to connections, so that none of these takes the port of a server
/// that is being started again.
const PORTS: Range<u16> = 10_000..20_000;
/// The nodes of a cluster talk to each other on ports that are so much higher.
const BUS: u16 = 10_000;

/// A user of the server, as a process of Ripple is one.
#[derive(Clone, Debug)]
pub(crate) struct Login(String);

impl Login {
    /// As it stands in an address: with all that has to be encoded there.
    const PASSWORD_IN_ADDRESS: &'static str = "a%3Ab%40c%2Fd%25";
    const PASSWORD: &'static str = "a:b@c/d%";

    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// What stands before the host in an address.
    pub(super) fn prefix(&self) -> String {
        format!("{}:{}@", self.0, Self::PASSWORD_IN_ADDRESS)
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
        for _ in 0..START_TRIES_MAX {
            let folder = TempDir::new().unwrap();
            let mut server = Self::launch(program, free_port(), folder, settings);
            if server.is_up() {
                return server;
            }
        }
        panic!("{program:?} does not start");
    }

    /// Starts a server on what is in a folder; it may not answer yet.
    pub(super) fn launch(program: Program, port: u16, folder: TempDir, settings: &[&str]) -> Self {
        let program = program.path();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let child = spawn(&program, folder.path(), port, &settings);
        Self {
            child,
            program,
            folder,
            settings,
            port,
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its address for somebody who logs in.
    pub(crate) fn url_for(&self, login: &Login) -> String {
        format!("redis://{}127.0.0.1:{}", login.prefix(), self.port)
    }

    /// A connection of a test's own.
    pub(crate) fn connect(&self) -> Connection {
        self.try_connect().unwrap()
    }

    pub(crate) fn try_connect(&self) -> RedisResult<Connection> {
        Client::open(self.url())?.get_connection()
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
        assert!(self.is_up(), "it does not start again");
    }

    /// Stops it where it is, so that it answers nothing, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "STOP" } else { "CONT" };
        let mut kill = Command::new("kill");
        kill.args(["-s", signal, &self.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Lets somebody in, with all rights.
    pub(crate) fn admit(&self, Login(name): &Login) {
        let mut set = redis::cmd("ACL");
        set.arg("SETUSER").arg(name).arg("on");
        set.arg(format!(">{}", Login::PASSWORD));
        set.arg(&["~*", "&*", "+@all"]);
        set.exec(&mut self.connect()).unwrap();
    }

    /// Cuts somebody's connections, and lets him in no more.
    pub(crate) fn expel(&self, Login(name): &Login) {
        let mut delete = redis::cmd("ACL");
        delete.arg("DELUSER").arg(name);
        delete.exec(&mut self.connect()).unwrap();
    }

    /// Whether the server answers; `false` when it has ended, because its port was taken.
    pub(super) fn is_up(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // On the port may be another one, for as long as this one has not noticed.
            let own = format!("process_id:{}\r", self.id());
            if self.info().is_ok_and(|info| info.contains(&own)) {
                return true;
            }
            assert!(
                begun.elapsed() < TIME_MAX,
                "no answer on port {}",
                self.port
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it tells of itself, once it has loaded its data.
    pub(crate) fn info(&self) -> RedisResult<String> {
        let mut connection = self.try_connect()?;
        redis::cmd("PING").exec(&mut connection)?;
        redis::cmd("INFO").query(&mut connection)
    }
}

/// Sets how much memory a server may take, in bytes: 0 for all that there is. With 1 it is full.
pub(crate) fn set_max_memory(connection: &mut Connection, bytes: u64) {
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("maxmemory").arg(bytes);
    set.exec(connection).unwrap();
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
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

/// A port on which, and on whose [`bus`], nobody listens. Processes begin their search apart.
pub(super) fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    PORTS
        .map(|_| {
            let given = GIVEN.fetch_add(1, Ordering::Relaxed);
            let place = std::process::id().wrapping_mul(16).wrapping_add(given);
            let many = u32::from(PORTS.end - PORTS.start);
            PORTS.start + u16::try_from(place % many).unwrap()
        })
        .find(|port| is_free(*port) && is_free(bus(*port)))
        .unwrap_or_else(|| panic!("no port is free"))
}

/// The port for the other nodes of a cluster.
pub(super) fn bus(port: u16) -> u16 {
    port + BUS
}
