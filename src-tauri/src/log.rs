//! The log: to stderr, and to a file of limited size in the user's folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Says what is logged, in the syntax of `RUST_LOG`.
const FILTER: &str = "DINOSCOPE_LOG";
/// Without it: our own news, and of others what is lost.
const DEFAULT_FILTER: &str = "error,dinoscope=info,egui_tauri=info,tauri_plugin=warn";
/// The file begins anew when it is longer; the one before is kept. Together they stay below twice as much.
const MAX_BYTES: u64 = 1 << 20;

/// Begins to log; without a folder, or where it cannot be written, to stderr only.
pub(crate) fn start(folder: Option<&Path>) {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let opened = folder.map(|folder| Bounded::open(folder, MAX_BYTES));
    let (file, failed) = match opened {
        Some(Ok(file)) => (Some(file), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let to_file = file.map(|file| layer().with_ansi(false).with_writer(Mutex::new(file)));
    tracing_subscriber::registry()
        .with(filter)
        .with(layer().with_target(false).with_writer(io::stderr))
        .with(to_file)
        .init();
    if let Some(error) = failed {
        tracing::warn!(%error, folder = ?folder, "no log file");
    }
}

/// A file that is put aside when it grows too long.
struct Bounded {
    file: File,
    path: PathBuf,
    bytes: u64,
    max_bytes: u64,
}

impl Bounded {
    fn open(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("dinoscope.log");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            file,
            path,
            bytes,
            max_bytes,
        })
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        fs::rename(&self.path, self.path.with_extension("old.log"))?;
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + bytes.len() as u64 > self.max_bytes {
            self.begin_anew()?;
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_limited_size_hold_the_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Bounded::open(folder.path(), 100).unwrap();
        for line in 0..50 {
            log.write_all(format!("line {line:02}\n").as_bytes())
                .unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let (old, new) = (read("dinoscope.old.log"), read("dinoscope.log"));
        assert!(old.len() <= 100 && new.len() <= 100);
        assert!(new.ends_with("line 49\n") && !old.contains("line 00"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_later_start_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["one\n", "two\n"] {
            let mut log = Bounded::open(folder.path(), 100).unwrap();
            log.write_all(text.as_bytes()).unwrap();
        }
        let read = fs::read_to_string(folder.path().join("dinoscope.log")).unwrap();
        assert_eq!(read, "one\ntwo\n");
    }
}
