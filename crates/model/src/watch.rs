//! Watching a long run, and ending it: between blocks by an observer, inside the CPU's kernels by a flag.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that ends what looks at it; a clone is the same flag.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Called after each block with the blocks that are done and those there are; breaks to end the run.
pub type Observer<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;

/// Who watches a run of a network.
#[derive(Default)]
pub struct Watch<'a> {
    stop: Stop,
    observer: Option<&'a mut Observer<'a>>,
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl<'a> Watch<'a> {
    /// `stop` is looked at in the CPU's kernels, every few milliseconds, and after each block; `observer` hears of
    /// each block. On a graphics device a block that is done is one that was handed over.
    pub fn new(stop: Stop, observer: &'a mut Observer<'a>) -> Self {
        Self {
            stop,
            observer: Some(observer),
        }
    }

    /// What kernels look at.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Tells of a block; nothing if the run is to end, whose values are then not to be used.
    pub(crate) fn passed(&mut self, done: usize, total: usize) -> Option<()> {
        if self.stop.is_set() {
            return None;
        }
        let Some(observer) = &mut self.observer else {
            return Some(());
        };
        observer(done, total).is_continue().then_some(())
    }
}
