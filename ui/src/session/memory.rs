//! The main memory that the program takes, as the system tells it.

use std::time::{Duration, Instant};

/// A number is shown so long before the system is asked again.
const AGE: Duration = Duration::from_secs(1);

/// Memory of the process, read when somebody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    read_at: Option<Instant>,
    bytes: Option<u64>,
}

impl Memory {
    /// Bytes in main memory, at most a second old. Linux tells in a file; elsewhere they stay unknown.
    pub fn bytes(&mut self) -> Option<u64> {
        if self.read_at.is_none_or(|at| at.elapsed() >= AGE) {
            // `statm` counts in pages, whose size only libc knows; `status` says the same in kibibytes.
            let status = std::fs::read_to_string("/proc/self/status");
            self.bytes = status.ok().as_deref().and_then(resident);
            self.read_at = Some(Instant::now());
        }
        self.bytes
    }
}

/// Resident bytes in the text of `/proc/self/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        let status = "Name:\tdinoscope\nVmHWM:\t  300000 kB\nVmRSS:\t  250112 kB\nThreads:\t9\n";
        assert_eq!(resident(status), Some(250_112 * 1024));
        assert_eq!(resident("Name:\tdinoscope\n"), None);
        assert_eq!(resident("VmRSS:\tmuch\n"), None);
    }

    #[test]
    fn a_number_stays_for_a_second() {
        let mut memory = Memory::default();
        let first = memory.bytes();
        assert_eq!(first.is_some(), cfg!(target_os = "linux"));
        let read_at = memory.read_at;
        memory.bytes();
        assert!(memory.read_at == read_at || read_at.is_some_and(|at| at.elapsed() >= AGE));
    }
}
