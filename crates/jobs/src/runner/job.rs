//! One job as the runner, its thread and its ticket share it; the type of its result is the ticket's affair.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dinoscope_engine::analysis::CancelToken;

use super::eta::Eta;
use super::spec::{JobId, Progress, Spec};
use super::status::{State, Status};

/// A job's name and what has become of it.
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) spec: Spec,
    pub(super) cancel: CancelToken,
    live: Mutex<Live>,
    /// Told of every outcome, resume and cancel.
    changed: Condvar,
}

/// What changes while a job lives.
#[derive(Default)]
pub(super) struct Live {
    pub(super) phase: Phase,
    pub(super) verdict: Verdict,
    pub(super) progress: Progress,
    pub(super) pause_asked: bool,
    /// Whether nobody will ask for the outcome.
    pub(super) detached: bool,
    eta: Eta,
    started: Option<Instant>,
    paused_since: Option<Instant>,
    paused: Duration,
}

/// What its thread is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Waiting,
    Running,
    Ended,
}

/// What its owner is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    #[default]
    Open,
    /// The result lies ready.
    Finished,
    /// It was cancelled; what the thread still brings is thrown away.
    Cancelled,
    /// Its lane has no thread.
    Refused,
    /// The outcome was handed out.
    Told,
}

impl Job {
    pub(super) fn new(id: JobId, spec: Spec) -> Self {
        Self {
            id,
            spec,
            cancel: CancelToken::default(),
            live: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        // Every change under the lock is a few assignments that cannot panic.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those that wait for this job.
    pub(super) fn announce(&self) {
        self.changed.notify_all();
    }

    /// Waits for [`Job::announce`], at most `limit`.
    pub(super) fn wait<'a>(
        &self,
        live: MutexGuard<'a, Live>,
        limit: Duration,
    ) -> MutexGuard<'a, Live> {
        let waited = self.changed.wait_timeout(live, limit);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Marks the start; `false` if it was cancelled before.
    pub(super) fn start(&self) -> bool {
        let mut live = self.live();
        let open = live.verdict == Verdict::Open;
        live.phase = if open { Phase::Running } else { Phase::Ended };
        live.started = Some(Instant::now());
        open
    }

    /// Settles the outcome unless it is settled; `true` if this call did.
    pub(super) fn settle(&self, verdict: Verdict) -> bool {
        let mut live = self.live();
        if live.verdict != Verdict::Open {
            return false;
        }
        live.verdict = verdict;
        match verdict {
            // Under the lock, so that a job that is about to rest does not miss it.
            Verdict::Cancelled => self.cancel.cancel(),
            _ => live.phase = Phase::Ended,
        }
        drop(live);
        self.announce();
        true
    }

    /// Waits as long as a pause is asked for, or until it is cancelled.
    pub(super) fn rest(&self) {
        let mut live = self.live();
        if !live.pause_asked || self.cancel.is_cancelled() {
            return;
        }
        let since = Instant::now();
        live.paused_since = Some(since);
        while live.pause_asked && !self.cancel.is_cancelled() {
            live = self
                .changed
                .wait(live)
                .unwrap_or_else(PoisonError::into_inner);
        }
        live.paused_since = None;
        live.paused += since.elapsed();
    }

    /// What a list shows of it; nothing once it is over.
    pub(super) fn status(&self) -> Option<Status> {
        let live = self.live();
        if live.phase == Phase::Ended {
            return None;
        }
        let worked = live.worked();
        Some(Status {
            id: self.id,
            lane: self.spec.lane,
            title: self.spec.title.clone(),
            state: live.state(),
            progress: live.progress,
            pausable: self.spec.pausable || live.phase == Phase::Waiting,
            elapsed: worked,
            eta: live.eta.left(worked),
        })
    }
}

impl Live {
    /// Takes in progress; time that was paused does not count.
    pub(super) fn advance(&mut self, progress: Progress) {
        self.progress = progress;
        let worked = self.worked();
        self.eta.add(worked, progress);
    }

    fn worked(&self) -> Duration {
        let now = Instant::now();
        let since = |start: Option<Instant>| {
            start.map_or(Duration::ZERO, |start| now.saturating_duration_since(start))
        };
        since(self.started).saturating_sub(self.paused + since(self.paused_since))
    }

    fn state(&self) -> State {
        match (self.phase, self.verdict) {
            (Phase::Running, Verdict::Open) if self.paused_since.is_some() => State::Paused,
            (Phase::Running, Verdict::Open) if self.pause_asked => State::Pausing,
            (Phase::Running, Verdict::Open) => State::Running,
            (Phase::Waiting, Verdict::Open) if self.pause_asked => State::Paused,
            (Phase::Waiting, Verdict::Open) => State::Waiting,
            _ => State::Stopping,
        }
    }
}
