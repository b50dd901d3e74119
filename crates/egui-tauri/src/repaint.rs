//! Repaint requests, from any thread, to wake-ups of the event loop at the time asked for.
//!
//! A thread keeps the time, because tao's `ControlFlow::WaitUntil` does not wake up on Linux and
//! Tauri resets it elsewhere. The thread sleeps while nothing is asked for.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time of a window's next frame. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct Repaint(Arc<Clock>);

#[derive(Default)]
struct Clock {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// When the next frame is due, if one was asked for.
    due: Option<Instant>,
    /// The due time for which the event loop was woken already.
    woken_for: Option<Instant>,
    stopped: bool,
}

impl Repaint {
    /// `wake` is called on another thread whenever a frame falls due: it must only queue an event.
    pub(crate) fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let clock = Arc::new(Clock::default());
        let thread_clock = Arc::clone(&clock);
        std::thread::Builder::new()
            .name("repaint".to_owned())
            .spawn(move || thread_clock.run(wake))?;
        Ok(Self(clock))
    }

    /// Asks for a frame after `delay`; the earliest request wins. A delay that never ends is none.
    pub(crate) fn request(&self, delay: Duration) {
        let Some(at) = Instant::now().checked_add(delay) else {
            return;
        };
        let mut state = self.0.lock();
        if state.due.is_none_or(|due| at < due) {
            state.due = Some(at);
            self.0.changed.notify_one();
        }
    }

    /// Asks for a frame now.
    pub(crate) fn now(&self) {
        self.request(Duration::ZERO);
    }

    /// Whether a frame is due; the request is then forgotten.
    pub(crate) fn take_due(&self) -> bool {
        let mut state = self.0.lock();
        let due = state.due.is_some_and(|due| due <= Instant::now());
        if due {
            state.due = None;
        }
        due
    }

    /// Wakes the event loop once more for a frame that was due but could not be drawn.
    pub(crate) fn rearm(&self) {
        let mut state = self.0.lock();
        state.woken_for = None;
        if state.due.is_some() {
            self.0.changed.notify_one();
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_one();
    }
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, wake: impl Fn()) {
        let mut state = self.lock();
        while !state.stopped {
            let now = Instant::now();
            state = match state.due {
                Some(due) if state.woken_for != Some(due) && due <= now => {
                    state.woken_for = Some(due);
                    drop(state);
                    wake();
                    self.lock()
                }
                Some(due) if state.woken_for != Some(due) => {
                    self.changed
                        .wait_timeout(state, due - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                _ => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn clock() -> (Repaint, Receiver<Instant>) {
        let (sender, wakes) = channel();
        let repaint = Repaint::start(move || {
            let _ = sender.send(Instant::now());
        });
        (repaint.unwrap(), wakes)
    }

    #[test]
    fn the_earliest_request_wins_and_wakes_once() {
        let (repaint, wakes) = clock();
        let start = Instant::now();
        repaint.request(Duration::from_mins(1));
        repaint.request(Duration::from_millis(50));
        repaint.request(Duration::from_secs(30));
        let woken = wakes.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(woken - start >= Duration::from_millis(50));
        assert!(wakes.recv_timeout(Duration::from_millis(100)).is_err());
        assert!(repaint.take_due());
        assert!(!repaint.take_due());
        repaint.stop();
    }

    #[test]
    fn a_frame_that_was_missed_is_asked_for_again() {
        let (repaint, wakes) = clock();
        repaint.now();
        wakes.recv_timeout(Duration::from_secs(10)).unwrap();
        repaint.rearm();
        wakes.recv_timeout(Duration::from_secs(10)).unwrap();
        repaint.take_due();
        repaint.rearm();
        assert!(wakes.recv_timeout(Duration::from_millis(50)).is_err());
        repaint.stop();
    }

    #[test]
    fn an_endless_delay_is_no_request() {
        let (repaint, wakes) = clock();
        repaint.request(Duration::MAX);
        assert!(wakes.recv_timeout(Duration::from_millis(50)).is_err());
        assert!(!repaint.take_due());
        repaint.stop();
    }

    #[test]
    fn a_stopped_clock_ends_its_thread() {
        let (repaint, wakes) = clock();
        repaint.stop();
        // The sender lives in the thread: it is dropped when the thread ends.
        assert_eq!(
            wakes.recv_timeout(Duration::from_secs(10)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
        );
    }
}
