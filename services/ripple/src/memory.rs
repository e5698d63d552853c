//! How much memory there is, for the default of `--home-memory`.

use std::fs;

/// What home timelines get where the memory is not known: 1 GiB.
const HOME_MEMORY_UNKNOWN: u64 = 1 << 30;

/// The default bound on the memory of home timelines, in bytes: a quarter of what this process may
/// use.
pub(crate) fn home_memory_bytes_default() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| mem_total(&text));
    // A container's own bound (cgroup v2); `max` where there is none.
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse().ok());
    let bounds = machine.into_iter().chain(container);
    bounds.min().map_or(HOME_MEMORY_UNKNOWN, |bytes| bytes / 4)
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let meminfo = "MemTotal:       24576000 kB\nMemFree:         1000 kB\n";
        assert_eq!(mem_total(meminfo), Some(24_576_000 * 1_024));
        assert_eq!(mem_total("MemTotal: many\n"), None);
    }
}
