//! Starts programs such that they end with the generator.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{LazyLock, mpsc},
    thread,
};

/// A thread that starts programs. The system kills them when it ends, which it does with the generator,
/// however that ends; a thread of the runtime could end before.
#[derive(Clone, Debug)]
pub(super) struct Launcher(mpsc::Sender<Order>);

struct Order {
    command: Command,
    started: mpsc::SyncSender<io::Result<Child>>,
}

impl Launcher {
    pub(super) fn start() -> io::Result<Self> {
        let (send, orders) = mpsc::channel::<Order>();
        let work = move || {
            for Order {
                mut command,
                started,
            } in orders
            {
                // Who ordered it may have gone; the child then ends with this thread.
                let _ = started.send(command.spawn());
            }
        };
        thread::Builder::new().name("launcher".into()).spawn(work)?;
        Ok(Self(send))
    }

    /// Starts a program.
    pub(super) fn spawn(&self, command: Command) -> io::Result<Child> {
        let (started, child) = mpsc::sync_channel(1);
        let ended = || io::Error::other("the thread that starts programs has ended");
        self.0
            .send(Order { command, started })
            .map_err(|_| ended())?;
        child.recv().map_err(|_| ended())?
    }
}

/// A command for a program that ends with the thread that starts it. `setpriv` is replaced by the
/// program, so the process is the program's.
pub(super) fn bound_to_thread(program: &Path) -> Command {
    static HAS_SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        let mut setpriv = Command::new("setpriv");
        setpriv
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        cfg!(target_os = "linux") && setpriv.status().is_ok_and(|status| status.success())
    });
    if *HAS_SETPRIV {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}
