//! The processes of Ripple.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::Client;
use rustix::process::Signal;

use super::{
    DeploymentError, DeploymentSpec,
    launcher::Launcher,
    ports::on_free_port,
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
const PAUSE: Duration = Duration::from_millis(5);

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
    process: Mutex<Arc<Process>>,
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
        let client = Client::builder().no_proxy().build();
        let client = client.map_err(|error| DeploymentError::Prepare(io::Error::other(error)))?;
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
            let slot = async |port| this.launch(start(port), port).await;
            let slot = on_free_port(slot).await?;
            this.slots.push(slot);
        }
        Ok(this)
    }

    async fn launch(&self, start: Start, port: u16) -> Result<Slot, DeploymentError> {
        let slot = Slot {
            process: Mutex::new(Arc::new(start.launch(&self.launcher)?)),
            start,
            port,
        };
        self.until_ready(&slot).await?;
        Ok(slot)
    }

    async fn until_ready(&self, slot: &Slot) -> Result<(), DeploymentError> {
        let begun = Instant::now();
        let ready = format!("http://127.0.0.1:{}/readyz", slot.port);
        let process = slot.process();
        loop {
            let answer = self.client.get(&ready).timeout(READY_TIME_MAX).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            if let Some(status) = process.ended() {
                return Err(process.not_ready(&format!("it has ended, {status}")));
            }
            if is_ready {
                return Ok(());
            }
            if begun.elapsed() > READY_TIME_MAX {
                return Err(process.not_ready("it does not say so in time"));
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

    pub(super) async fn kill_and_restart(&self) -> Result<(), DeploymentError> {
        for slot in &self.slots {
            slot.process().signal(Signal::KILL);
        }
        for slot in &self.slots {
            slot.process().kill().await?;
            let fresh = slot.start.launch(&self.launcher)?;
            *slot.process.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
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
        for slot in &self.slots {
            slot.process().end().await?;
        }
        Ok(())
    }
}

impl Slot {
    fn process(&self) -> Arc<Process> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&process)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        for slot in &self.0.slots {
            slot.process().signal(Signal::CONT);
        }
    }
}
