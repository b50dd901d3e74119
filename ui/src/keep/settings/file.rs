//! The file of the settings: reading it whatever is in it, and writing it while others may.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::complaint;
use crate::keep::atomic;
use crate::keep::project_file::{self, ProjectError};

const NAME: &str = "settings.json";
const LOCK: &str = "settings.lock";
/// Times that the lock is tried, and the wait between: other instances hold it for milliseconds.
const TRIES: usize = 20;
const WAIT: Duration = Duration::from_millis(10);

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// What is in the file; nothing and a complaint if that is no JSON object, which is then set aside.
pub(super) fn read(folder: &Path) -> (Map<String, Value>, Option<String>) {
    let path = path(folder);
    let outcome = project_file::read(&path).and_then(|bytes| {
        serde_json::from_slice(&bytes).map_err(|error| project_file::damaged(&path, &error))
    });
    match outcome {
        Ok(object) => (object, None),
        Err(ProjectError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            (Map::new(), None)
        }
        Err(error) => {
            let aside = aside(folder);
            let kept = fs::rename(&path, &aside).map_or(path, |()| aside);
            (Map::new(), Some(complaint(&error, &kept)))
        }
    }
}

/// Writes the file, if that changes it.
pub(super) fn write(folder: &Path, object: &Map<String, Value>) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(object).map_err(io::Error::other)?;
    bytes.push(b'\n');
    let path = path(folder);
    if fs::read(&path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    atomic::replace(&path, &bytes)
}

/// Keeps a copy of the file; returns where it is.
pub(super) fn copy_aside(folder: &Path) -> PathBuf {
    let aside = aside(folder);
    match fs::copy(path(folder), &aside) {
        Ok(_) => aside,
        Err(_) => path(folder),
    }
}

/// Keeps other instances from writing between our reading and writing.
///
/// Without it, on a file system that has none or when somebody holds it too long, the merge still keeps what is in the
/// file: only changes of the same milliseconds could be lost.
pub(super) fn lock(folder: &Path) -> Option<File> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .ok()?;
    let (_open, never) = mpsc::channel::<()>();
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(()) => return Some(lock),
            Err(TryLockError::Error(_)) => return None,
            Err(TryLockError::WouldBlock) => {
                let _ = never.recv_timeout(WAIT);
            }
        }
    }
    None
}

/// A name of today that is free.
fn aside(folder: &Path) -> PathBuf {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let date = date(since.map_or(0, |since| since.as_secs()) / 86_400);
    let name = |suffix: &str| folder.join(format!("{NAME}.broken-{date}{suffix}"));
    let numbered = (2..100).map(|i| name(&format!("-{i}")));
    let mut names = std::iter::once(name("")).chain(numbered);
    names
        .find(|path| !path.exists())
        .unwrap_or_else(|| name(""))
}

/// The date `days` after 1970-01-01. Howard Hinnant's `civil_from_days`, for days from then on.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @$((days * 86400)) +%F`.
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_782, "2026-11-25"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn a_lock_that_is_held_does_not_stop_anybody_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path());
        assert!(held.is_some());
        assert!(lock(folder.path()).is_none());
        drop(held);
        assert!(lock(folder.path()).is_some());
    }
}
