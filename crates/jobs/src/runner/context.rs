//! What a running job sees of the runner.

use std::sync::Arc;

use dinoscope_engine::analysis::CancelToken;

use super::error::JobError;
use super::job::{Job, Verdict};
use super::lane::Lane;
use super::notify::Notify;
use super::spec::{JobId, Progress, Spec, Title, Unit};

/// Cancel, pause and progress of the job that holds it. A clone speaks for the same job.
#[derive(Clone)]
pub struct JobContext {
    pub(super) job: Arc<Job>,
    pub(super) notify: Arc<Notify>,
}

impl JobContext {
    /// A context without a runner: nobody hears of the progress, and `cancel` ends the work.
    pub fn alone(cancel: CancelToken) -> Self {
        let spec = Spec::new(Lane::Files, Title::new(""));
        let mut job = Job::new(JobId(0), spec);
        job.cancel = cancel;
        Self {
            job: Arc::new(job),
            notify: Arc::new(Notify::new(Arc::new(|| {}))),
        }
    }

    /// The job's number.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// Set once the job is to stop; what long computations take.
    pub fn cancel(&self) -> &CancelToken {
        &self.job.cancel
    }

    /// Whether the job is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.job.cancel.is_cancelled()
    }

    /// The last progress.
    pub fn last_progress(&self) -> Progress {
        self.job.live().progress
    }

    /// Says how far the job is; cheap enough to be called for every file and every block.
    pub fn progress(&self, done: u64, total: impl Into<Option<u64>>, unit: Unit) {
        let progress = Progress {
            done,
            total: total.into(),
            unit,
        };
        let mut live = self.job.live();
        if live.verdict == Verdict::Open {
            live.advance(progress);
            drop(live);
            self.notify.progress();
        }
    }

    /// Stays here while the job is paused; [`JobError::Cancelled`] once it is to stop.
    pub fn checkpoint(&self) -> Result<(), JobError> {
        if self.job.live().pause_asked {
            self.notify.progress();
            self.job.rest();
            self.notify.progress();
        }
        if self.is_cancelled() {
            return Err(JobError::Cancelled);
        }
        Ok(())
    }
}
