//! A process of the deployment: its log, its signals and its end.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    DeploymentError,
    launcher::{Launcher, bound_to_thread},
};

/// How long a program may take until it is ready, on a machine that is busy.
pub(super) const READY_TIME_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end when it is asked to.
const END_TIME_MAX: Duration = Duration::from_secs(30);
/// The end of a log that is shown, in bytes.
const LOG_BYTES_SHOWN: u64 = 4_096;
const PAUSE: Duration = Duration::from_millis(5);

/// How a process is started, as often as it is.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// What it is called in reports.
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// Set beside the generator's environment, without what would be options.
    pub(super) environment: Vec<(String, String)>,
    /// Where its outputs go.
    pub(super) log: PathBuf,
}

/// A process that runs, or has ended.
#[derive(Debug)]
pub(super) struct Process {
    start: Start,
    child: Mutex<Child>,
}

impl Start {
    /// Starts it.
    pub(super) fn launch(&self, launcher: &Launcher) -> Result<Process, DeploymentError> {
        let log = || {
            let log = OpenOptions::new().create(true).append(true).open(&self.log);
            log.map_err(DeploymentError::Prepare)
        };
        let mut command = bound_to_thread(&self.program);
        command.args(&self.arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RIPPLE_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log()?).stderr(log()?);
        // What is typed at the generator's terminal, such as ^C, goes to the generator alone.
        command.process_group(0);
        let child = launcher.spawn(command);
        let child = child.map_err(|source| DeploymentError::Run {
            program: self.program.display().to_string(),
            source,
        })?;
        Ok(Process {
            start: self.clone(),
            child: Mutex::new(child),
        })
    }

    /// As it is typed.
    pub(super) fn command_line(&self) -> String {
        let quoted = self.arguments.iter().map(|argument| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+%@".contains(c);
            match !argument.is_empty() && argument.chars().all(is_plain) {
                true => argument.clone(),
                false => format!("'{}'", argument.replace('\'', r"'\''")),
            }
        });
        let program = self.program.display().to_string();
        let words: Vec<String> = std::iter::once(program).chain(quoted).collect();
        words.join(" ")
    }

    /// The end of its log, under a heading.
    pub(super) fn log_shown(&self) -> String {
        let text = end_of(&self.log).unwrap_or_default();
        format!("the log of {}:\n{}\n", self.name, text.trim_end())
    }
}

impl Process {
    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child().id()
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// Sends a signal, where it still runs.
    pub(super) fn signal(&self, signal: Signal) {
        let mut child = self.child();
        // Without its end being noticed its id is not given to another process.
        if let Ok(None) = child.try_wait()
            && let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
        {
            // It may be a moment from its end, which is no fault.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for its end.
    pub(super) async fn wait(&self, time_max: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if begun.elapsed() > time_max {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends it as a crash does.
    pub(super) async fn kill(&self) -> Result<(), DeploymentError> {
        self.signal(Signal::KILL);
        match self.wait(END_TIME_MAX).await {
            Some(_) => Ok(()),
            None => Err(self.not_ended("it was killed, and is there")),
        }
    }

    /// Asks it to end. To be asked twice means to end at once.
    pub(super) fn ask_to_end(&self) {
        // It could be stopped, and would not hear of it.
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
    }

    /// Waits for the end that it was asked for; kills it when it does not come.
    pub(super) async fn end(&self) -> Result<(), DeploymentError> {
        match self.wait(END_TIME_MAX).await {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.not_ended(&status.to_string())),
            None => {
                self.kill().await?;
                Err(self.not_ended("it was asked to end, and had to be killed"))
            }
        }
    }

    /// It is not ready, for this reason.
    pub(super) fn not_ready(&self, reason: &str) -> DeploymentError {
        DeploymentError::NotReady {
            program: self.start.name.clone(),
            reason: reason.to_owned(),
            log: self.start.log_shown(),
        }
    }

    fn not_ended(&self, reason: &str) -> DeploymentError {
        DeploymentError::NotEnded {
            program: self.start.name.clone(),
            reason: reason.to_owned(),
            log: self.start.log_shown(),
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Both fail where it has ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_SHOWN)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
