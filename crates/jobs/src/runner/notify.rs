//! Wakes the owner: at once for outcomes, at most 20 times a second for progress.

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
    /// Set while a wake is owed, so that most progress takes no lock.
    owed: AtomicBool,
    closed: Mutex<bool>,
    asked: Condvar,
}

impl Notify {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            wake,
            owed: AtomicBool::new(false),
            closed: Mutex::new(false),
            asked: Condvar::new(),
        }
    }

    /// Wakes the owner now.
    pub(super) fn outcome(&self) {
        (self.wake)();
    }

    /// Has the owner woken soon.
    pub(super) fn progress(&self) {
        if !self.owed.swap(true, Ordering::AcqRel) {
            // The lock keeps the notification from falling between the thread's look and its wait.
            let _closed = self.closed();
            self.asked.notify_one();
        }
    }

    /// Ends [`Notify::run`].
    pub(super) fn close(&self) {
        *self.closed() = true;
        self.asked.notify_one();
    }

    /// Pays the wakes that progress owes, until [`Notify::close`]: what its own thread does.
    pub(super) fn run(&self) {
        let mut last: Option<Instant> = None;
        let mut closed = self.closed();
        while !*closed {
            let ready = last.map_or(Duration::ZERO, |last| PAUSE.saturating_sub(last.elapsed()));
            if !self.owed.load(Ordering::Acquire) {
                closed = self
                    .asked
                    .wait(closed)
                    .unwrap_or_else(PoisonError::into_inner);
            } else if !ready.is_zero() {
                closed = self
                    .asked
                    .wait_timeout(closed, ready)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            } else {
                self.owed.store(false, Ordering::Release);
                drop(closed);
                last = Some(Instant::now());
                (self.wake)();
                closed = self.closed();
            }
        }
    }

    fn closed(&self) -> MutexGuard<'_, bool> {
        // A flag is valid whatever a panicking thread was doing.
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
