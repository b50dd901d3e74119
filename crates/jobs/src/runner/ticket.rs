//! The owner's end of a job.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::Failure;
use super::job::{Job, Phase, Verdict};
use super::pool::Pool;
use super::spec::{JobId, Progress};

/// Where the thread leaves what the owner takes.
pub(super) type Parcel<T> = Arc<Mutex<Option<Result<T, Failure>>>>;

/// What has become of a job.
#[derive(Debug, PartialEq)]
pub enum Poll<T> {
    /// It has no thread yet.
    Waiting,
    /// It works, or is paused.
    Running(Progress),
    /// Its result.
    Done(T),
    /// Why there is none.
    Failed(Failure),
    /// It was cancelled, or a newer job took its slot.
    Cancelled,
    /// The outcome was handed out before.
    Over,
}

impl<T> Poll<T> {
    /// Whether nothing more will come.
    pub fn is_outcome(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Running(_))
    }
}

/// The right to the outcome of a job. Dropping it cancels the job.
#[must_use = "dropping a ticket cancels its job"]
pub struct Ticket<T> {
    job: Arc<Job>,
    pool: Arc<Pool>,
    parcel: Parcel<T>,
    detached: bool,
}

impl<T> Ticket<T> {
    pub(super) fn new(job: Arc<Job>, pool: Arc<Pool>, parcel: Parcel<T>) -> Self {
        Self {
            job,
            pool,
            parcel,
            detached: false,
        }
    }

    /// The job's number.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// What has become of the job; never waits. An outcome is handed out once, then it is [`Poll::Over`].
    pub fn poll(&self) -> Poll<T> {
        let mut live = self.job.live();
        match live.verdict {
            Verdict::Open if live.phase == Phase::Waiting => Poll::Waiting,
            Verdict::Open => Poll::Running(live.progress),
            Verdict::Told => Poll::Over,
            Verdict::Cancelled => {
                live.verdict = Verdict::Told;
                Poll::Cancelled
            }
            Verdict::Refused => {
                live.verdict = Verdict::Told;
                Poll::Failed(Failure::new(
                    "the system gave no thread for this kind of work",
                ))
            }
            Verdict::Finished => {
                live.verdict = Verdict::Told;
                drop(live);
                self.unpack()
            }
        }
    }

    /// Waits for the outcome, at most `limit`; for command lines and tests, never for a thread that draws.
    pub fn wait(&self, limit: Duration) -> Poll<T> {
        let end = Instant::now() + limit;
        let mut live = self.job.live();
        while live.verdict == Verdict::Open {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            live = self.job.wait(live, left);
        }
        drop(live);
        self.poll()
    }

    /// Asks the job to stop. Its outcome is [`Poll::Cancelled`] at once, whatever its thread still does.
    pub fn cancel(&self) {
        self.pool.cancel(&self.job);
    }

    /// Lets the job go on without an owner; a failure is then only logged.
    pub fn detach(mut self) {
        self.detached = true;
        self.job.live().detached = true;
    }

    fn unpack(&self) -> Poll<T> {
        let mut parcel = self.parcel.lock().unwrap_or_else(PoisonError::into_inner);
        match parcel.take() {
            Some(Ok(value)) => Poll::Done(value),
            Some(Err(failure)) => Poll::Failed(failure),
            None => Poll::Over,
        }
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("job", &self.job.id)
            .finish_non_exhaustive()
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if !self.detached {
            self.pool.cancel(&self.job);
        }
    }
}
