//! The processes of Ripple.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use reqwest::Client;
use rustix::process::Signal;

use super::{
    DeploymentError, DeploymentSpec,
    launcher::Launcher,
    ports::free_port,
    process::{Process, READY_TIME_MAX, Start},
};

/// What runs where everything is in one process.
const ALL: [(&str, &[&str]); 1] = [("ripple", &[])];
/// What runs where each role has a process.
const SPLIT: [(&str, &[&str]); 3] = [
    ("ripple api", &["--role", "api"]),
    (
        "ripple followers",
        &["--role", "worker", "--tiers", "followers"],
    ),
    ("ripple public", &["--role", "worker", "--tiers", "public"]),
];
/// A port can be taken between the look for a free one and its use.
const START_TRIES_MAX: usize = 3;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// The processes of Ripple, the one that answers requests first.
#[derive(Debug)]
pub(super) struct RippleProcesses {
    launcher: Launcher,
    client: Client,
    slots: Vec<Slot>,
}

/// A process, and those that take its place after it.
#[derive(Debug)]
struct Slot {
    start: Start,
    port: u16,
    process: Mutex<Process>,
}

/// Processes that are stopped where they are, until this is dropped.
pub(super) struct Frozen<'a>(&'a RippleProcesses);

impl RippleProcesses {
    pub(super) async fn start(
        launcher: &Launcher,
        spec: &DeploymentSpec,
        folder: &Path,
        store: &str,
        admin_token: &str,
    ) -> Result<Self, DeploymentError> {
        let unsent = |source| DeploymentError::Run {
            program: "an HTTP client".to_owned(),
            source: std::io::Error::other(source),
        };
        let client = Client::builder().no_proxy().build().map_err(unsent)?;
        let mut this = Self {
            launcher: launcher.clone(),
            client,
            slots: Vec::new(),
        };
        let roles: &[(&str, &[&str])] = match spec.split_roles {
            true => &SPLIT,
            false => &ALL,
        };
        for (name, role) in roles {
            let file = name.replace(' ', "-");
            let data = folder.join(format!("{file}-data"));
            let start = |port: u16| {
                let mut arguments = vec!["serve".to_owned()];
                let listen = format!("127.0.0.1:{port}");
                let data = data.display().to_string();
                let given = [
                    ["--listen", &listen],
                    ["--data", &data],
                    ["--store", store],
                    ["--rate-limit", "off"],
                ];
                arguments.extend(given.concat().into_iter().map(str::to_owned));
                arguments.extend(role.iter().map(ToString::to_string));
                arguments.extend(spec.options.iter().cloned());
                Start {
                    name: name.to_string(),
                    program: spec.ripple.clone(),
                    arguments,
                    environment: vec![("RIPPLE_ADMIN_TOKEN".to_owned(), admin_token.to_owned())],
                    log: folder.join(format!("{file}.log")),
                }
            };
            this.slots.push(this.launch_first(start).await?);
        }
        Ok(this)
    }

    async fn launch_first(&self, start: impl Fn(u16) -> Start) -> Result<Slot, DeploymentError> {
        let mut tries = 1;
        loop {
            let port = free_port().map_err(DeploymentError::Folder)?;
            let start = start(port);
            let slot = Slot {
                process: Mutex::new(start.launch(&self.launcher)?),
                start,
                port,
            };
            match self.until_ready(&slot).await {
                Ok(()) => return Ok(slot),
                Err(error) if tries == START_TRIES_MAX || !error.to_string().contains("in use") => {
                    return Err(error);
                }
                Err(_) => tries += 1,
            }
        }
    }

    async fn until_ready(&self, slot: &Slot) -> Result<(), DeploymentError> {
        let begun = Instant::now();
        let ready = format!("http://127.0.0.1:{}/readyz", slot.port);
        loop {
            let answer = self.client.get(&ready).timeout(READY_TIME_MAX).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            let ended = slot.process().ended();
            if let Some(status) = ended {
                let reason = format!("it has ended, {status}");
                return Err(slot.process().not_ready(&reason));
            }
            if is_ready {
                return Ok(());
            }
            if begun.elapsed() > READY_TIME_MAX {
                return Err(slot.process().not_ready("it does not say so in time"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The address for requests.
    pub(super) fn url(&self) -> String {
        let port = self.slots.first().map_or(0, |slot| slot.port);
        format!("http://127.0.0.1:{port}")
    }

    pub(super) fn command_lines(&self) -> Vec<String> {
        let starts = self.slots.iter().map(|slot| &slot.start);
        starts.map(Start::command_line).collect()
    }

    /// Names and process ids.
    pub(super) fn pids(&self) -> Vec<(String, u32)> {
        let slots = self.slots.iter();
        slots
            .map(|slot| (slot.start.name.clone(), slot.process().id()))
            .collect()
    }

    pub(super) fn log(&self) -> String {
        self.slots
            .iter()
            .map(|slot| slot.start.log_shown())
            .collect()
    }

    pub(super) async fn kill_and_restart(&self) -> Result<(), DeploymentError> {
        for slot in &self.slots {
            slot.process().signal(Signal::KILL);
        }
        for slot in &self.slots {
            slot.until_ended().await?;
            let fresh = slot.start.launch(&self.launcher)?;
            *slot.process() = fresh;
        }
        for slot in &self.slots {
            self.until_ready(slot).await?;
        }
        Ok(())
    }

    pub(super) fn freeze(&self) -> Frozen<'_> {
        let frozen = Frozen(self);
        for slot in &self.slots {
            slot.process().signal(Signal::STOP);
        }
        frozen
    }

    pub(super) async fn shut_down(self) -> Result<(), DeploymentError> {
        for slot in &self.slots {
            slot.process().ask_to_end();
        }
        for slot in self.slots {
            let process = slot.process.into_inner();
            let process = process.unwrap_or_else(PoisonError::into_inner);
            process.end().await?;
        }
        Ok(())
    }
}

impl Slot {
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until_ended(&self) -> Result<(), DeploymentError> {
        let begun = Instant::now();
        while self.process().ended().is_none() {
            if begun.elapsed() > READY_TIME_MAX {
                return Err(self.process().not_ready("it was killed, and is there"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        for slot in &self.0.slots {
            slot.process().signal(Signal::CONT);
        }
    }
}
