//! One file from the hub into a folder: resumed, retried, checked, and only then given its name.
//!
//! Bytes are appended to `<name>.part`. A cut line, a stalled server and a 5xx answer are tried
//! again with growing waits; what does not fit its size or hash never gets the final name.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::hub::{Content, Hub, Opened, Remote};
use super::options::{DownloadOptions, Progress};
use super::verify::verify;
use super::{SourceFile, StoreError};

const CHUNK: usize = 64 << 10;
/// A try that brought this much shows that the line works, so the count of tries starts anew.
const WORKING_LINE: u64 = 8 << 20;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest time in which a wait does not look at `cancelled`.
const TICK: Duration = Duration::from_millis(50);

/// The caller's side of a download: settings, where to report to, and whether to go on.
pub(super) struct Caller<'a> {
    pub options: &'a DownloadOptions,
    pub progress: &'a mut dyn FnMut(Progress<'_>),
    pub cancelled: &'a dyn Fn() -> bool,
}

impl Caller<'_> {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if (self.cancelled)() {
            Err(StoreError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Sleeps for `wait` in short pieces.
    pub(super) fn wait(&self, wait: Duration) -> Result<(), StoreError> {
        let end = Instant::now() + wait;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::park_timeout(left.min(TICK));
        }
    }

    /// Tries `action` again while it fails in a way that may pass, with growing waits.
    pub(super) fn retry<T>(
        &mut self,
        what: &str,
        mut action: impl FnMut(&mut Self) -> Result<T, Attempt>,
    ) -> Result<T, StoreError> {
        let mut tries = 0;
        loop {
            self.check()?;
            let failed = match action(self) {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            tries = if failed.arrived >= WORKING_LINE {
                1
            } else {
                tries + 1
            };
            if !failed.error.is_transient() || tries > self.options.retries {
                return Err(failed.error);
            }
            let doubled = self
                .options
                .backoff
                .saturating_mul(1 << (tries - 1).min(16));
            let wait = doubled.min(LONGEST_WAIT);
            (self.progress)(Progress::Retrying {
                file: what,
                error: &failed.error,
                wait,
            });
            self.wait(wait)?;
        }
    }
}

/// A failed try, and the bytes that it brought nevertheless.
pub(super) struct Attempt {
    error: StoreError,
    arrived: u64,
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        Self { error, arrived: 0 }
    }
}

/// Fetches `remote` into `folder`, or keeps what a former call has fetched there and checked.
pub(super) fn fetch(
    hub: &Hub,
    revision: &str,
    remote: &Remote,
    folder: &Path,
    caller: &mut Caller<'_>,
) -> Result<SourceFile, StoreError> {
    let path = folder.join(&remote.name);
    let mut fetch = Fetch {
        hub,
        revision,
        remote: remote.clone(),
        part: folder.join(format!("{}.part", remote.name)),
        resumed: false,
        restarted: false,
    };
    if path.is_file() {
        // Renamed by a former call, hence whole; it is read again for its hash.
        fs::rename(&path, &fetch.part).map_err(StoreError::io("rename", &path))?;
    }
    let (size, sha256) = fetch.run(caller)?;
    fs::rename(&fetch.part, &path).map_err(StoreError::io("rename", &fetch.part))?;
    Ok(SourceFile {
        name: remote.name.clone(),
        size,
        sha256,
    })
}

struct Fetch<'a> {
    hub: &'a Hub,
    revision: &'a str,
    remote: Remote,
    part: PathBuf,
    /// The part holds bytes of an earlier try or call, which may be what spoils the hash.
    resumed: bool,
    /// It was dropped for that once; a second wrong answer is the server's.
    restarted: bool,
}

impl Fetch<'_> {
    /// Size and SHA-256 of the whole file.
    fn run(&mut self, caller: &mut Caller<'_>) -> Result<(u64, String), StoreError> {
        let file = self.remote.name.clone();
        loop {
            caller.retry(&file, |caller| self.attempt(caller))?;
            match self.verify(caller) {
                Err(error) if is_spoiled(&error) => {
                    self.drop_part()?;
                    if !self.resumed || self.restarted {
                        return Err(error);
                    }
                    self.restarted = true;
                    let wait = Duration::ZERO;
                    (caller.progress)(Progress::Retrying {
                        file: &file,
                        error: &error,
                        wait,
                    });
                }
                verdict => return verdict,
            }
        }
    }

    /// One request: appends what arrives to the part, until the file is complete.
    fn attempt(&mut self, caller: &mut Caller<'_>) -> Result<(), Attempt> {
        let mut have = fs::metadata(&self.part).map_or(0, |part| part.len());
        if self.remote.size.is_some_and(|size| have > size) {
            self.drop_part()?;
            have = 0;
        }
        self.resumed |= have > 0;
        // A full part needs no request, but an empty file that is not there yet does.
        if have > 0 && self.remote.size == Some(have) {
            return Ok(());
        }
        let Some(content) = self.open(have)? else {
            return Ok(());
        };
        self.receive(content, caller)
    }

    /// The content from `have` on, or from the start where the server cannot do that.
    fn open(&mut self, have: u64) -> Result<Option<Content>, StoreError> {
        for offset in [have, 0] {
            if let Opened::Content(content) =
                self.hub.open(self.revision, &self.remote.name, offset)?
            {
                self.learn(&content)?;
                return Ok(Some(content));
            }
            self.drop_part()?;
            self.resumed = false;
        }
        let reason = "a range that nobody asked for".to_owned();
        Err(StoreError::Answer {
            reason,
            url: self.url(),
        })
    }

    /// Takes over what the listing did not tell; a size that contradicts the listing is refused.
    fn learn(&mut self, content: &Content) -> Result<(), StoreError> {
        if let (Some(expected), Some(found)) = (self.remote.size, content.total)
            && expected != found
        {
            let (file, url) = (self.remote.name.clone(), self.url());
            return Err(StoreError::Size {
                file,
                expected,
                found,
                url,
            });
        }
        self.remote.size = self.remote.size.or(content.total);
        self.remote.sha256 = self.remote.sha256.take().or_else(|| content.sha256.clone());
        Ok(())
    }

    fn receive(&mut self, content: Content, caller: &mut Caller<'_>) -> Result<(), Attempt> {
        self.resumed &= content.start > 0;
        let mut part = self.open_part(content.start)?;
        let mut done = content.start;
        let result = self.copy(content.reader, &mut part, &mut done, caller);
        // After a power cut a renamed file must not turn out empty.
        let result = result.and_then(|()| part.sync_all().map_err(|e| self.write_error(e, done)));
        result.map_err(|error| Attempt {
            error,
            arrived: done - content.start,
        })
    }

    fn open_part(&self, start: u64) -> Result<File, StoreError> {
        let mut options = File::options();
        if start == 0 {
            options.write(true).truncate(true).create(true);
        } else {
            options.append(true);
        }
        options
            .open(&self.part)
            .map_err(StoreError::io("write", &self.part))
    }

    fn copy(
        &self,
        reader: impl Read,
        part: &mut File,
        done: &mut u64,
        caller: &mut Caller<'_>,
    ) -> Result<(), StoreError> {
        // One byte more than there should be is enough to see that there is too much.
        let most = self
            .remote
            .size
            .unwrap_or(u64::MAX)
            .min(self.remote.longest());
        let mut reader = reader.take(most.saturating_sub(*done).saturating_add(1));
        let mut piece = vec![0; CHUNK];
        loop {
            caller.check()?;
            let len = match reader.read(&mut piece) {
                Ok(0) => return self.check_end(*done),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.cut(*done, &error.to_string())),
            };
            part.write_all(&piece[..len])
                .map_err(|error| self.write_error(error, *done))?;
            *done += len as u64;
            let (file, total) = (self.remote.name.as_str(), self.remote.size);
            (caller.progress)(Progress::Bytes {
                file,
                done: *done,
                total,
            });
        }
    }

    fn check_end(&self, done: u64) -> Result<(), StoreError> {
        let longest = self.remote.longest();
        if done > longest {
            let (file, url) = (self.remote.name.clone(), self.url());
            let reason = format!("more than {longest} bytes are not a text");
            return Err(StoreError::Content { file, reason, url });
        }
        match self.remote.size {
            Some(expected) if done < expected => Err(self.cut(done, "the line was closed")),
            _ => Ok(()),
        }
    }

    fn cut(&self, found: u64, reason: &str) -> StoreError {
        match self.remote.size {
            Some(expected) => {
                let (file, url) = (self.remote.name.clone(), self.url());
                StoreError::Cut {
                    file,
                    expected,
                    found,
                    url,
                }
            }
            None => StoreError::Connection {
                reason: reason.to_owned(),
                url: self.url(),
            },
        }
    }

    fn write_error(&self, source: io::Error, done: u64) -> StoreError {
        if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            let needed = self.remote.size.map_or(1, |size| size.saturating_sub(done));
            return StoreError::DiskFull {
                needed,
                path: self.part.clone(),
            };
        }
        StoreError::io("write", &self.part)(source)
    }

    fn verify(&self, caller: &mut Caller<'_>) -> Result<(u64, String), StoreError> {
        let (file, total) = (self.remote.name.as_str(), self.remote.size);
        verify(&self.part, &self.remote, &self.url(), |done| {
            (caller.progress)(Progress::Verifying { file, done, total });
            !(caller.cancelled)()
        })
    }

    fn drop_part(&self) -> Result<(), StoreError> {
        match fs::remove_file(&self.part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(StoreError::io("delete", &self.part)),
        }
    }

    fn url(&self) -> String {
        self.hub.url(self.revision, &self.remote.name)
    }
}

/// The content itself is wrong, so none of it is worth keeping.
fn is_spoiled(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Hash { .. } | StoreError::Content { .. } | StoreError::Size { .. }
    )
}
