//! One linear layer behind a backbone: features to classes, or to another network's channels.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::layers::Linear;
use crate::weights::{Placement, Weights, WeightsError};

/// `x · weight + bias` on rows.
#[derive(Module, Debug)]
pub struct Projection {
    linear: Linear,
}

impl Projection {
    /// Reads `name.weight` `[outputs, inputs]` and `name.bias`.
    pub fn load(
        [inputs, outputs]: [usize; 2],
        weights: &dyn Weights,
        name: &str,
        at: &Placement,
    ) -> Result<Self, WeightsError> {
        Ok(Self {
            linear: Linear::load(weights, name, [inputs, outputs], true, at)?,
        })
    }

    /// Channels that come out.
    pub fn outputs(&self) -> usize {
        self.linear.outputs()
    }

    /// `[rows, inputs]` → `[rows, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.linear.forward(x.unsqueeze_dim::<3>(0)).squeeze_dim(0)
    }
}
