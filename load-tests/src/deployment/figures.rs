//! What processes use.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The generator's name in reports.
pub const GENERATOR: &str = "load generator";

/// What processes use, by their names in reports. Processes with the same name are added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Resident memory, in bytes.
    pub resident_bytes: BTreeMap<String, u64>,
    /// Processor time since the begin, in seconds. It goes on over a restart.
    pub processor_s: BTreeMap<String, f64>,
}

impl Figures {
    /// Resident memory of the largest process of Ripple, in bytes.
    pub fn largest_ripple(&self) -> Option<u64> {
        let ripple = self.resident_bytes.iter();
        let ripple = ripple.filter(|(name, _)| name.starts_with("ripple"));
        ripple.map(|(_, bytes)| *bytes).max()
    }
}

/// Reads the figures, and keeps what processes had used that have ended.
#[derive(Debug)]
pub(super) struct Meter(Mutex<Readings>);

#[derive(Debug)]
struct Readings {
    /// `None` where the system tells nothing.
    system: Option<System>,
    /// Names and processor times in milliseconds, of all processes that there ever were.
    used: HashMap<u32, (String, u64)>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Readings {
            system: System::new().ok(),
            used: HashMap::new(),
        }))
    }

    /// The figures of these processes and of the generator.
    pub(super) fn read(&self, processes: &[(String, u32)]) -> Figures {
        let generator = (GENERATOR.to_owned(), std::process::id());
        let processes: Vec<&(String, u32)> = std::iter::once(&generator).chain(processes).collect();
        let pids: Vec<Pid> = processes.iter().map(|(_, id)| Pid::from_u32(*id)).collect();
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Readings { system, used } = &mut *readings;
        let Some(system) = system else {
            return Figures::default();
        };
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&pids),
            true,
            wanted.without_tasks(),
        );
        let mut figures = Figures::default();
        for (name, id) in processes {
            let Some(process) = system.process(Pid::from_u32(*id)) else {
                continue;
            };
            *figures.resident_bytes.entry(name.clone()).or_default() += process.memory();
            used.insert(*id, (name.clone(), process.accumulated_cpu_time()));
        }
        for (name, used_ms) in used.values() {
            #[expect(clippy::cast_precision_loss, reason = "no process has run for ages")]
            let used_s = *used_ms as f64 / 1_000.0;
            *figures.processor_s.entry(name.clone()).or_default() += used_s;
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        process::{Child, Command, Stdio},
        time::Instant,
    };

    use super::*;

    #[test]
    fn what_the_generator_uses_is_seen() {
        let meter = Meter::new();
        let before = meter.read(&[]);
        let begun = Instant::now();
        while begun.elapsed().as_millis() < 200 {
            std::hint::spin_loop();
        }
        let after = meter.read(&[]);
        let used_s = after.processor_s[GENERATOR] - before.processor_s[GENERATOR];
        // On a machine that is busy it does not get all of the time.
        assert!((0.03..5.0).contains(&used_s), "{used_s}");
        assert!(after.resident_bytes[GENERATOR] > 1_000_000);
    }

    #[test]
    fn processes_with_one_name_are_added_up() {
        let mut children = [running_cat(), running_cat()];
        let named = |child: &Child| ("cat".to_owned(), child.id());
        let meter = Meter::new();
        let both = meter.read(&children.each_ref().map(named));
        let one = meter.read(&[named(&children[0])]);
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let (one, both) = (one.resident_bytes["cat"], both.resident_bytes["cat"]);
        assert!(one > 0 && both > one, "{one} {both}");
    }

    /// A process that has begun: before, its memory still grows.
    fn running_cat() -> Child {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        cat.stdin.as_mut().unwrap().write_all(b"a").unwrap();
        let mut echo = [0];
        cat.stdout.as_mut().unwrap().read_exact(&mut echo).unwrap();
        cat
    }
}
