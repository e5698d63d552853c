//! `ripple` processes. Each is killed when its handle is dropped, however the test ends.

use std::{
    ffi::OsStr,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take until it is ready, on a machine that is busy with other tests.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// The `ripple` binary with arguments, in an environment without options.
pub(crate) fn ripple<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_ripple"));
    command.args(args);
    command
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RIPPLE_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command on a stopped data folder to its end.
pub(crate) fn run(data: &Path, args: &[&str]) -> Output {
    let mut command = ripple(args);
    command.arg("--data").arg(data).output().unwrap()
}

/// [`run`], for a command that must be done; returns what it printed.
pub(crate) fn run_well(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    let (out, err) = text_of(&output);
    assert!(output.status.success(), "{args:?}: {out}{err}");
    out
}

/// What a command printed to the standard output and to the standard error.
pub(crate) fn text_of(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    log: TempDir,
    /// Its address, without a slash at the end.
    pub(crate) url: String,
}

impl Server {
    /// Starts a server on a free port, and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// [`Server::start`] with further options.
    pub(crate) fn start_with(data: &Path, options: &[&str]) -> Self {
        let mut command = ripple(["serve"]);
        command.args(options);
        Self::start_command(data, command)
    }

    /// [`Server::start`] by way of a command that goes on as the server, under the same process id.
    pub(crate) fn start_through(data: &Path, launcher: &[&str]) -> Self {
        let mut command = program(launcher[0]);
        command.args(&launcher[1..]);
        command.args([env!("CARGO_BIN_EXE_ripple"), "serve"]);
        Self::start_command(data, command)
    }

    fn start_command(data: &Path, mut command: Command) -> Self {
        let log = TempDir::new().unwrap();
        command.arg("--data").arg(data);
        // In the environment, so that a test can say otherwise.
        command.env("RIPPLE_LISTEN", "127.0.0.1:0");
        command.env("RIPPLE_RATE_LIMIT", "off");
        command.stderr(File::create(log.path().join("log")).unwrap());
        command.stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let out = child.stdout.take().unwrap();
        let mut server = Self {
            child,
            log,
            url: String::new(),
        };
        server.url = first_line(out, START_TIME_MAX)
            .and_then(|line| {
                let url = line
                    .strip_prefix("Ripple is ready at ")?
                    .split(' ')
                    .next()?;
                Some(url.trim_end_matches('/').to_owned())
            })
            .unwrap_or_else(|| panic!("the server did not start:\n{}", server.log()));
        server
    }

    /// Starts a server and kills it before or soon after it is ready.
    pub(crate) fn start_and_kill(data: &Path, options: &[&str], after: Duration) {
        let mut command = ripple(["serve", "--listen", "127.0.0.1:0"]);
        command.args(options);
        command.arg("--data").arg(data);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path().join("log")).unwrap_or_default()
    }

    /// Ends it as a crash does: at once, with whatever is under way.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, time_max: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if begun.elapsed() > time_max {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// The first line of a stream that is then read to its end, so that its writer is never blocked.
fn first_line(stream: impl Read + Send + 'static, time_max: Duration) -> Option<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    receive.recv_timeout(time_max).ok()
}
