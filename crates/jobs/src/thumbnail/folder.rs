//! A folder of small files, bounded in bytes; what was not used for longest goes first.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// A file being written belongs to a living process for much less than this.
const ABANDONED: Duration = Duration::from_hours(1);

/// Uses within this time of each other are one: reading writes nothing most of the time.
const COARSE: Duration = Duration::from_hours(6);

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    limit_bytes: u64,
    /// Bytes at the last look and those written since; `None` before the first look.
    known: Mutex<Option<u64>>,
    written: AtomicU64,
}

impl Folder {
    pub(super) fn new(path: PathBuf, limit_bytes: u64) -> Self {
        Self {
            path,
            limit_bytes,
            known: Mutex::default(),
            written: AtomicU64::new(0),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file's bytes, marked as used; nothing if it is not there or much too long to be ours.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path.join(name);
        let metadata = fs::metadata(&path).ok()?;
        if metadata.len() > self.limit_bytes {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        let used = metadata
            .modified()
            .ok()
            .and_then(|time| time.elapsed().ok());
        // A read-only folder still answers; its files merely keep their age.
        if used.is_none_or(|age| age > COARSE)
            && let Ok(file) = File::options().append(true).open(&path)
        {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(bytes)
    }

    /// Writes a file whole or not at all, then makes room.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.limit_bytes {
            return Ok(());
        }
        fs::create_dir_all(&self.path)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let aside = format!("{name}.{}-{number}.part", std::process::id());
        let aside = self.path.join(aside);
        let written = File::create(&aside)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&aside, self.path.join(name)));
        if let Err(error) = written {
            let _ = fs::remove_file(&aside);
            return Err(error);
        }
        self.make_room(bytes.len() as u64)
    }

    fn make_room(&self, added: u64) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let total = known.map(|bytes| bytes + added);
        if total.is_none_or(|total| total > self.limit_bytes) {
            *known = Some(self.evict()?);
        } else {
            *known = total;
        }
        Ok(())
    }

    /// Deletes what was not used for longest if the folder is over its limit; returns the bytes that are left.
    fn evict(&self) -> io::Result<u64> {
        let mut files = self.files()?;
        let mut total = files.iter().map(|(_, bytes, _)| bytes).sum();
        if total <= self.limit_bytes {
            return Ok(total);
        }
        files.sort();
        // Some room to spare, so that the next write does not list the folder again.
        let goal = self.limit_bytes - self.limit_bytes / 8;
        for (_, bytes, path) in files {
            if total <= goal {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                total -= bytes;
            }
        }
        Ok(total)
    }

    /// Time of last use, length and path of every file; abandoned ones are deleted.
    fn files(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            // Another process may have deleted it since the folder was listed.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            let used = metadata.modified()?;
            let ending = path.extension().unwrap_or_default();
            if ending == "thumb" {
                files.push((used, metadata.len(), path));
            } else if ending == "part" && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(files)
    }
}
