//! Sessions whose process is gone: what can be offered after a crash.

use std::fmt;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::session::{self, Claim};
use crate::keep::path_text::PathText;
use crate::keep::project_file::{self, ProjectError};

/// Age at which an empty session folder is tidied away: nobody starts a session for so long.
const EMPTY_AGE: Duration = Duration::from_hours(24);

/// The last state of a session that ended without saying so.
///
/// While it is held, no other instance of the app is offered the same. Dropped without [`discard`](Self::discard), it
/// stays and is offered again.
pub struct Orphan<T> {
    project_path: Option<PathBuf>,
    saved_at: SystemTime,
    folder: PathBuf,
    claim: Claim,
    document: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Orphan<T> {
    /// The state.
    pub fn load(&self) -> Result<T, ProjectError> {
        Ok(project_file::load(&self.state_path())?.document)
    }

    /// The project that was edited; `None` if it had never been saved.
    pub fn project_path(&self) -> Option<&Path> {
        self.project_path.as_deref()
    }

    /// When the state was written.
    pub fn saved_at(&self) -> SystemTime {
        self.saved_at
    }

    /// The session's folder, which names it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the state lies, for a message about one that cannot be loaded.
    pub fn state_path(&self) -> PathBuf {
        session::state_path(&self.folder)
    }

    /// Removes it: after its state is in a file or in another session, or when the user wants none of it.
    pub fn discard(self) -> io::Result<()> {
        self.claim.remove(&self.folder)
    }
}

impl<T> fmt::Debug for Orphan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orphan")
            .field("project_path", &self.project_path)
            .field("saved_at", &self.saved_at)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// The orphans in `dir`, newest first. To be asked before or after this process starts its own session.
pub fn orphans<T: DeserializeOwned>(dir: &Path) -> Vec<Orphan<T>> {
    let folders = session::folders(dir).into_iter();
    let mut orphans: Vec<Orphan<T>> = folders.filter_map(orphan).collect();
    orphans.sort_by_key(|orphan| std::cmp::Reverse(orphan.saved_at));
    orphans
}

fn orphan<T>(folder: PathBuf) -> Option<Orphan<T>> {
    let state_path = session::state_path(&folder);
    if !state_path.exists() {
        tidy_empty(&folder);
        return None;
    }
    let claim = Claim::of(&folder)?;
    let about = About::read(&state_path);
    let written = fs::metadata(&state_path).and_then(|metadata| metadata.modified());
    let saved_at = about.as_ref().and_then(|about| about.saved_at_secs);
    let saved_at = saved_at.and_then(|secs| UNIX_EPOCH.checked_add(Duration::from_secs(secs)));
    Some(Orphan {
        project_path: about.and_then(|about| Some(about.project_path?.0)),
        saved_at: saved_at.or(written.ok()).unwrap_or(UNIX_EPOCH),
        folder,
        claim,
        document: PhantomData,
    })
}

/// What a state says about itself. A damaged one says nothing, but is offered: its text may be worth something.
#[derive(Deserialize)]
struct About {
    saved_at_secs: Option<u64>,
    project_path: Option<PathText>,
}

impl About {
    fn read(state_path: &Path) -> Option<Self> {
        serde_json::from_slice(&project_file::read(state_path).ok()?).ok()
    }
}

/// Removes a folder that crashed before its first edit. A young one may be about to be locked.
fn tidy_empty(folder: &Path) {
    let made = fs::metadata(folder).and_then(|metadata| metadata.modified());
    let age = made.ok().and_then(|made| made.elapsed().ok());
    if age.is_some_and(|age| age > EMPTY_AGE)
        && let Some(claim) = Claim::of(folder)
        && let Err(error) = claim.remove(folder)
    {
        tracing::debug!(%error, folder = %folder.display(), "cannot remove an empty session");
    }
}
