//! Autosave: the document is written to a session folder while it is edited, and offered again after a crash.
//!
//! A session folder holds `state.json` (the last state), `lock` (held by the system for as long as the process lives)
//! and `owner.json` (who that is, for file systems without locks). A clean exit removes it; what remains is an orphan.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::atomic;
use super::path_text::PathText;
use super::project_file::{self, Written};
use session::Session;

mod orphan;
mod session;

pub use orphan::{Orphan, orphans};

/// When to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timing {
    /// Quiet time after the last edit.
    quiet: Duration,
    /// Longest time that an edit waits while others follow.
    longest: Duration,
    /// Time until a failed write is tried again without a new edit.
    retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(1),
            longest: Duration::from_secs(5),
            retry: Duration::from_secs(15),
        }
    }
}

/// Writes a whole file; the second argument is its content.
type Write = Box<dyn FnMut(&Path, &[u8]) -> io::Result<()> + Send>;

/// Why the last write failed. The state written before it is still there, and the write will be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot autosave: {reason}: {}", folder.display())]
pub struct AutosaveError {
    /// The session folder.
    pub folder: PathBuf,
    /// The kind of error; `StorageFull` for a full disk.
    pub kind: io::ErrorKind,
    /// What the system says.
    pub reason: String,
}

/// Writes a document in the background while it is edited.
///
/// Dropping it writes what is waiting and keeps the session for recovery; only [`finish`](Self::finish) says that
/// nothing needs to be recovered.
#[derive(Debug)]
pub struct Autosave<T> {
    shared: Arc<Shared<T>>,
    writer: Option<JoinHandle<()>>,
    folder: PathBuf,
    timing: Timing,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: Option<Waiting<T>>,
    /// Whether a write is under way.
    is_writing: bool,
    /// Whether what waits is to be written at once.
    is_urgent: bool,
    end: Option<End>,
    error: Option<AutosaveError>,
}

/// What becomes of the session when the writer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Keep,
    Remove,
}

#[derive(Debug)]
struct Waiting<T> {
    document: Arc<T>,
    project_path: Option<PathBuf>,
    due: Instant,
    /// The first edit that is in no file yet.
    since: Instant,
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Autosave<T> {
    /// Makes a session in `dir` and starts its writer.
    ///
    /// A session that cannot be made is an error to be told; the app then works on without autosave.
    pub fn start(dir: &Path) -> Result<Self, AutosaveError> {
        Self::start_with(dir, Timing::default(), Box::new(atomic::replace))
    }

    /// The same with other times and another way to write.
    fn start_with(dir: &Path, timing: Timing, write: Write) -> Result<Self, AutosaveError> {
        let failed = |error: io::Error| AutosaveError::new(dir, &error);
        let session = Session::start(dir).map_err(failed)?;
        let folder = session.folder().to_owned();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                waiting: None,
                is_writing: false,
                is_urgent: false,
                end: None,
                error: None,
            }),
            changed: Condvar::new(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            session,
            timing,
            write,
        };
        let writer = std::thread::Builder::new()
            .name("autosave".to_owned())
            .spawn(move || writer.run())
            .map_err(failed)?;
        Ok(Self {
            shared,
            writer: Some(writer),
            folder,
            timing,
        })
    }

    /// Tells of an edit; costs no more than a lock. A state that is not written yet is replaced by this newer one.
    pub fn note(&self, document: &Arc<T>, project_path: Option<&Path>) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let since = state.waiting.as_ref().map_or(now, |waiting| waiting.since);
        state.waiting = Some(Waiting {
            document: Arc::clone(document),
            project_path: project_path.map(Path::to_owned),
            due: (now + self.timing.quiet).min(since + self.timing.longest),
            since,
        });
        self.shared.changed.notify_all();
    }

    /// Writes what waits now and returns when that is done, has failed, or took longer than `patience`.
    pub fn flush(&self, patience: Duration) -> Result<(), AutosaveError> {
        let mut state = self.shared.lock();
        state.is_urgent = true;
        self.shared.changed.notify_all();
        let (state, timeout) = self
            .shared
            .changed
            .wait_timeout_while(state, patience, |state| {
                state.is_writing || (state.waiting.is_some() && state.is_urgent)
            })
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            let error = io::Error::from(io::ErrorKind::TimedOut);
            return Err(AutosaveError::new(&self.folder, &error));
        }
        state.error.clone().map_or(Ok(()), Err)
    }

    /// The error of the last write, to be shown for as long as it is there.
    pub fn error(&self) -> Option<AutosaveError> {
        self.shared.lock().error.clone()
    }

    /// Ends the session after a clean exit: what was edited is saved or was given up, and nothing will be offered.
    pub fn finish(mut self) {
        self.end(End::Remove);
    }

    /// Where the session lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl<T> Autosave<T> {
    fn end(&mut self, end: End) {
        self.shared.lock().end = Some(end);
        self.shared.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            // The writer catches what panics inside it; if it still ended early, there is nobody to tell.
            let _ = writer.join();
        }
    }
}

impl<T> Drop for Autosave<T> {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.end(End::Keep);
        }
    }
}

impl<T> Shared<T> {
    /// The state; a panic elsewhere while it was held cannot have left it half changed.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AutosaveError {
    fn new(folder: &Path, error: &io::Error) -> Self {
        Self {
            folder: folder.to_owned(),
            kind: error.kind(),
            reason: error.to_string(),
        }
    }
}

/// The thread that writes.
struct Writer<T> {
    shared: Arc<Shared<T>>,
    session: Session,
    timing: Timing,
    write: Write,
}

impl<T: Serialize + DeserializeOwned> Writer<T> {
    fn run(mut self) {
        while let Some(waiting) = self.next() {
            let outcome = self.write_state(&waiting);
            if !self.goes_on(waiting, outcome) {
                break;
            }
        }
        if self.shared.lock().end == Some(End::Remove) {
            self.session.remove();
        }
    }

    /// Waits for a state that is due; `None` once the session ends and nothing is left to write.
    fn next(&self) -> Option<Waiting<T>> {
        let mut state = self.shared.lock();
        loop {
            let due = state.waiting.as_ref().map(|waiting| waiting.due);
            let due = due.map(|due| due.saturating_duration_since(Instant::now()));
            let is_hasty = state.is_urgent || state.end.is_some();
            state = match due {
                _ if state.end == Some(End::Remove) => return None,
                Some(due) if is_hasty || due.is_zero() => {
                    state.is_urgent = false;
                    state.is_writing = true;
                    return state.waiting.take();
                }
                Some(due) => {
                    let woken = self.shared.changed.wait_timeout(state, due);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None if state.end.is_some() => return None,
                None => {
                    let woken = self.shared.changed.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// Writes a state. A panic in it, of a document's own code, counts as an error: the thread must outlive it.
    fn write_state(&mut self, waiting: &Waiting<T>) -> io::Result<()> {
        let attempt = AssertUnwindSafe(|| {
            self.session.keep_folder()?;
            let path = self.session.state_path();
            let mut written = Written::new(waiting.document.as_ref());
            written.saved_at_secs = Some(session::now_secs());
            written.project_path = waiting.project_path.as_deref().map(PathText::from);
            let bytes = project_file::to_bytes(&path, &written).map_err(io::Error::other)?;
            (self.write)(&path, &bytes)
        });
        let panicked = |panic: Box<dyn Any + Send>| Err(io::Error::other(panic_text(&*panic)));
        catch_unwind(attempt).unwrap_or_else(panicked)
    }

    /// Notes how a write ended; false if the session ends and what is left cannot be written.
    fn goes_on(&self, tried: Waiting<T>, outcome: io::Result<()>) -> bool {
        let mut state = self.shared.lock();
        state.is_writing = false;
        let failed = outcome.err();
        state.error = failed.map(|error| AutosaveError::new(self.session.folder(), &error));
        let is_to_retry = state.error.is_some() && state.waiting.is_none();
        if is_to_retry {
            let now = Instant::now();
            state.waiting = Some(Waiting {
                due: now + self.timing.retry,
                since: now,
                ..tried
            });
        }
        let goes_on = !(is_to_retry && state.end.is_some());
        drop(state);
        self.shared.changed.notify_all();
        goes_on
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the document panicked".to_owned())
}

#[cfg(test)]
mod tests;
