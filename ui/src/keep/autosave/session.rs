//! A session folder, and whether the process that made it still lives.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::keep::atomic;

const PREFIX: &str = "session-";
const STATE: &str = "state.json";
const LOCK: &str = "lock";
const OWNER: &str = "owner.json";

/// The folder of this process.
pub(super) struct Session {
    folder: PathBuf,
    lock: Lock,
}

/// A locked file. The system lets go of the lock however the process ends.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone is not enough while a process is being started: until it runs, it shares our open files.
        let _ = self.0.unlock();
    }
}

impl Session {
    pub(super) fn start(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(dir)?;
        let lock = occupy(folder.path())?;
        Ok(Self {
            folder: folder.keep(),
            lock,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn state_path(&self) -> PathBuf {
        state_path(&self.folder)
    }

    /// Makes the folder again if somebody tidied it away.
    pub(super) fn keep_folder(&mut self) -> io::Result<()> {
        if !self.folder.join(LOCK).exists() {
            fs::create_dir_all(&self.folder)?;
            self.lock = occupy(&self.folder)?;
        }
        Ok(())
    }

    pub(super) fn remove(self) {
        let Self { folder, lock } = self;
        if let Err(error) = remove(&folder, Some(lock)) {
            tracing::warn!(%error, folder = %folder.display(), "cannot remove the session");
        }
    }
}

/// The folders of all sessions in `dir`.
pub(super) fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    ours.map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

pub(super) fn state_path(folder: &Path) -> PathBuf {
    folder.join(STATE)
}

/// A session that nobody lives in anymore, held so that no second process takes it.
pub(super) struct Claim(Option<Lock>);

impl Claim {
    /// Claims a session if its process is gone.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let lock = File::options()
            .read(true)
            .write(true)
            .open(folder.join(LOCK));
        let Ok(lock) = lock else {
            return (!owner_lives(folder)).then_some(Self(None));
        };
        match lock.try_lock() {
            Ok(()) => Some(Self(Some(Lock(lock)))),
            Err(TryLockError::WouldBlock) => None,
            // No locks on this file system.
            Err(TryLockError::Error(_)) => (!owner_lives(folder)).then_some(Self(None)),
        }
    }

    /// Removes the session.
    pub(super) fn remove(self, folder: &Path) -> io::Result<()> {
        remove(folder, self.0)
    }
}

/// Removes the state first: whatever goes wrong afterwards, nothing is offered again.
fn remove(folder: &Path, lock: Option<Lock>) -> io::Result<()> {
    let outcome = fs::remove_file(state_path(folder));
    // Windows removes no file that is open.
    drop(lock);
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_dir_all(folder),
    }
}

/// Marks the folder as this process's own.
fn occupy(folder: &Path) -> io::Result<Lock> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(folder.join(LOCK))?;
    if let Err(error) = lock.try_lock() {
        tracing::debug!(%error, "no locks on this file system");
    }
    let owner = serde_json::to_vec(&Owner::this_process()).map_err(io::Error::other)?;
    atomic::replace(&folder.join(OWNER), &owner)?;
    Ok(Lock(lock))
}

/// A process, told from a later one of the same number by when it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    pid: u32,
    /// Boot and time of the start, where the system tells.
    started: Option<String>,
}

impl Owner {
    fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            started: started(pid),
        }
    }

    /// Whether the process runs. Where the system does not tell, it counts as gone: its session is then offered once
    /// too often, which loses nothing.
    fn lives(&self) -> bool {
        self.started.is_some() && self.started == started(self.pid)
    }
}

fn owner_lives(folder: &Path) -> bool {
    let owner = fs::read(folder.join(OWNER)).ok();
    let owner = owner.and_then(|bytes| serde_json::from_slice::<Owner>(&bytes).ok());
    owner.is_some_and(|owner| owner.lives())
}

/// When a process started: on Linux the boot and the clock ticks since then, field 22 of proc(5).
fn started(pid: u32) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything, brackets too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let ticks = fields.nth(18)?;
    // A zombie holds its number but nothing else.
    (state != "Z").then(|| format!("{} {ticks}", boot.trim()))
}

/// Seconds since 1970.
pub(super) fn now_secs() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_session_cannot_be_claimed() {
        let dir = tempfile::tempdir().unwrap();
        let session = Session::start(dir.path()).unwrap();
        let folder = session.folder().to_owned();
        assert_eq!(folders(dir.path()), std::slice::from_ref(&folder));
        assert!(Claim::of(&folder).is_none());
        drop(session);
        let claim = Claim::of(&folder).unwrap();
        assert!(Claim::of(&folder).is_none(), "nobody claims twice");
        claim.remove(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_locks_the_owner_decides() {
        let dir = tempfile::tempdir().unwrap();
        let mut session = Session::start(dir.path()).unwrap();
        let folder = session.folder().to_owned();
        let lock = folder.join(LOCK);
        fs::remove_file(&lock).unwrap();
        assert!(Claim::of(&folder).is_none(), "this process lives");

        let reused = Owner {
            started: Some("another boot 17".to_owned()),
            ..Owner::this_process()
        };
        fs::write(folder.join(OWNER), serde_json::to_vec(&reused).unwrap()).unwrap();
        assert!(Claim::of(&folder).is_some(), "same number, another process");

        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let owner = Owner {
            pid: child.id(),
            started: started(child.id()),
        };
        assert!(owner.lives());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!owner.lives());
        fs::write(folder.join(OWNER), "damaged").unwrap();
        assert!(Claim::of(&folder).is_some());

        session.keep_folder().unwrap();
        assert!(lock.exists());
        assert!(Claim::of(&folder).is_none());
    }
}
