//! Filling a network: watched tensor by tensor, and ended when asked to.

use std::cell::{Cell, RefCell};

use dinoscope_model::checkpoint::parameter_count;
use dinoscope_model::{Backbone, BackboneConfig, Stop, Weights, WeightsError};

use crate::analysis::CancelToken;
use crate::device::ComputeDevice;

/// Who watches the filling of a network.
pub(super) struct Watched<'a> {
    stop: Stop,
    /// Hears of the parameters that are loaded and of those there are.
    progress: &'a mut dyn FnMut(u64, u64),
}

impl<'a> Watched<'a> {
    pub(super) fn new(cancel: &CancelToken, progress: &'a mut dyn FnMut(u64, u64)) -> Self {
        let stop = cancel.stop().clone();
        Self { stop, progress }
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Fills a network of this shape from `weights`.
    pub(super) fn fill(
        self,
        config: &BackboneConfig,
        weights: &dyn Weights,
        device: &ComputeDevice,
    ) -> Result<Backbone, WeightsError> {
        let counted = Counted {
            weights,
            stop: self.stop,
            done: Cell::new(0),
            total: parameter_count(config),
            progress: RefCell::new(self.progress),
        };
        Backbone::load(config, &counted, &device.placement())
    }
}

/// Weights that are counted as they are read.
struct Counted<'a> {
    weights: &'a dyn Weights,
    stop: Stop,
    done: Cell<u64>,
    total: u64,
    progress: RefCell<&'a mut dyn FnMut(u64, u64)>,
}

impl Weights for Counted<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        if self.stop.is_set() {
            return Err(WeightsError::Cancelled);
        }
        let values = self.weights.get(name, shape)?;
        // Buffers such as rotary periods are read too and are no parameters.
        let done = (self.done.get() + values.len() as u64).min(self.total);
        self.done.set(done);
        (*self.progress.borrow_mut())(done, self.total);
        Ok(values)
    }
}
