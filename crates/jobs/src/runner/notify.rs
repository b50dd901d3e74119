//! Wakes the owner: at once for outcomes, at most 20 times a second for progress.
//!
//! A thread of its own calls `wake`, so that the owner may cancel and drop jobs while it holds the locks that its
//! `wake` needs, and no job waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two wakes for progress.
const PAUSE: Duration = Duration::from_millis(50);

/// What the owner gave to be woken with.
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The owner's `wake`, and whether one is owed.
pub(super) struct Notify {
    wake: Wake,
    /// Set while a wake for progress is owed, so that most progress takes no lock.
    owed: AtomicBool,
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether an outcome is to be told.
    urgent: bool,
    closed: bool,
}

impl Notify {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            wake,
            owed: AtomicBool::new(false),
            state: Mutex::default(),
            asked: Condvar::new(),
        }
    }

    /// Has the owner woken now.
    pub(super) fn outcome(&self) {
        self.state().urgent = true;
        self.asked.notify_one();
    }

    /// Has the owner woken soon.
    pub(super) fn progress(&self) {
        if !self.owed.swap(true, Ordering::AcqRel) {
            // The lock keeps the notification from falling between the thread's look and its wait.
            let _state = self.state();
            self.asked.notify_one();
        }
    }

    /// Ends [`Notify::run`].
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.asked.notify_one();
    }

    /// Wakes the owner when it is due, until [`Notify::close`]: what the thread does.
    pub(super) fn run(&self) {
        let mut last: Option<Instant> = None;
        let mut state = self.state();
        while !state.closed {
            let since = last.map_or(PAUSE, |last| last.elapsed());
            let owed = self.owed.load(Ordering::Acquire);
            if state.urgent || (owed && since >= PAUSE) {
                state.urgent = false;
                self.owed.store(false, Ordering::Release);
                drop(state);
                last = Some(Instant::now());
                (self.wake)();
                state = self.state();
            } else if owed {
                let waited = self.asked.wait_timeout(state, PAUSE.saturating_sub(since));
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                let waited = self.asked.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Two flags are valid whatever a panicking thread was doing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
