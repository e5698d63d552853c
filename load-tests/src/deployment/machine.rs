//! Where the generator runs.

use std::thread;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::report::model::Machine;

/// This machine, as far as the generator may use it.
pub(crate) fn machine() -> Machine {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted).ok();
    let cpus = system.as_ref().map_or(&[][..], System::cpus);
    let brand = cpus.first().map(|cpu| cpu.brand().trim());
    let brand = brand.filter(|brand| !brand.is_empty());
    let memory = system.as_ref().map_or(0, System::total_memory);
    let limits = system.as_ref().and_then(System::cgroup_limits);
    let limit = limits.map_or(memory, |limits| limits.total_memory);
    let name = System::name().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    let version = System::os_version().unwrap_or_default();
    let kernel = System::kernel_long_version().unwrap_or_default();
    Machine {
        processor: brand.map_or_else(System::cpu_arch, str::to_owned),
        processors: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: limit.min(memory),
        system: format!("{name} {version}, {kernel}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known() {
        let machine = machine();
        assert!(!machine.processor.is_empty() && machine.processors > 0);
        assert!(machine.memory_bytes > 100_000_000, "{machine:?}");
        assert!(
            machine
                .system
                .ends_with(&System::kernel_long_version().unwrap())
        );
    }
}
