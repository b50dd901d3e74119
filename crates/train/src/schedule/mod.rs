//! Numbers that change during training: learning rates, weight decay, teacher momentum and temperature, loss weights.
//!
//! Input: a [`Recipe`] of curves, the run's [`Length`], the batch size and a step. Output: [`Values`] of that step, from
//! closed formulas in f64, so that a resumed run needs only its step. Source: `spec/02`, section 6; `spec/03`,
//! section 1.4; `spec/06`, sections 3 and 4.

use serde::{Deserialize, Serialize};

mod cosine;
mod length;
mod presets;
mod ramp;

pub use cosine::Cosine;
pub use length::{Length, Span};
pub use presets::{SmallRun, Start};
pub use ramp::Ramp;

/// How one number changes over the run; in a file `{ kind = "cosine", .. }` or `{ kind = "ramp", .. }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Curve {
    /// Warm-up, then a cosine over the rest of the run: the reference's first builder.
    Cosine(Cosine),
    /// Warm-up, a limited cosine, then constant: the reference's second builder.
    Ramp(Ramp),
}

impl Curve {
    /// The value at a step.
    pub fn at(&self, step: u64, length: Length) -> f64 {
        match self {
            Self::Cosine(cosine) => cosine.at(step, length),
            Self::Ramp(ramp) => ramp.at(step, length),
        }
    }

    /// The curve of a learning rate that is scaled with the batch.
    ///
    /// The reference scales the base of a cosine but not its last value, and the peak and the end of a ramp but not
    /// its start.
    #[must_use]
    fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Cosine(cosine) => Self::Cosine(Cosine {
                base: cosine.base * factor,
                ..cosine
            }),
            Self::Ramp(ramp) => Self::Ramp(Ramp {
                peak: ramp.peak * factor,
                end: ramp.end * factor,
                ..ramp
            }),
        }
    }
}

/// How the learning rate follows the global batch size. Source: `spec/02`, section 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// The learning rate as written.
    #[default]
    None,
    /// Times `4·√(batch/1024)`: the reference's rule, with its factor of 4.
    #[serde(rename = "sqrt_wrt_1024")]
    SqrtWrt1024,
    /// Times `batch/256`.
    #[serde(rename = "linear_wrt_256")]
    LinearWrt256,
}

impl Scaling {
    /// What the learning rate is multiplied with; `batch` counts the pictures of one optimizer step on all devices.
    pub fn factor(self, batch: usize) -> f64 {
        match self {
            Self::None => 1.0,
            Self::SqrtWrt1024 => 4.0 * (batch as f64 / 1024.0).sqrt(),
            Self::LinearWrt256 => batch as f64 / 256.0,
        }
    }
}

/// All curves of a training run; [`Recipe::default`] is [`Recipe::constant`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Learning rate before scaling with the batch.
    pub lr: Curve,
    /// How the learning rate is scaled with the batch.
    pub scaling: Scaling,
    /// How long the last layers of the heads keep a learning rate of 0.
    pub freeze_last_layer: Span,
    /// Weight decay of the optimizer, decoupled from the gradient.
    pub weight_decay: Curve,
    /// Momentum of the teacher: its part that stays at an update, 0 to 1.
    pub momentum: Curve,
    /// Temperature of the teacher's logits, above 0; DINO and iBOT share it.
    pub teacher_temp: Curve,
    /// Weight of the Gram loss, 0 where it is off.
    pub gram_weight: Curve,
    /// Weight of the DINO loss on local crops.
    pub local_weight: Curve,
}

/// The numbers of one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Learning rate, before the multipliers of the parameter groups.
    pub lr: f64,
    /// Learning rate of the heads' last layers: `lr`, or 0 while they are frozen.
    pub last_layer_lr: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Momentum of the teacher.
    pub momentum: f64,
    /// Temperature of the teacher.
    pub teacher_temp: f64,
    /// Weight of the Gram loss.
    pub gram_weight: f64,
    /// Weight of the DINO loss on local crops.
    pub local_weight: f64,
}

/// A recipe for a run of known length and batch size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedules {
    recipe: Recipe,
    length: Length,
    freeze_steps: u64,
}

impl Schedules {
    /// Scales the learning rate for `batch`, the pictures of one optimizer step on all devices.
    pub fn new(recipe: &Recipe, length: Length, batch: usize) -> Self {
        let lr = recipe.lr.scaled(recipe.scaling.factor(batch));
        Self {
            recipe: Recipe { lr, ..*recipe },
            length,
            freeze_steps: recipe.freeze_last_layer.steps(length),
        }
    }

    /// The numbers for the step with this index, from 0; after the run they are the curves' last values.
    pub fn at(&self, step: u64) -> Values {
        let value = |curve: &Curve| curve.at(step, self.length);
        let lr = value(&self.recipe.lr);
        Values {
            lr,
            last_layer_lr: if step < self.freeze_steps { 0.0 } else { lr },
            weight_decay: value(&self.recipe.weight_decay),
            momentum: value(&self.recipe.momentum),
            teacher_temp: value(&self.recipe.teacher_temp),
            gram_weight: value(&self.recipe.gram_weight),
            local_weight: value(&self.recipe.local_weight),
        }
    }

    /// The run's length.
    pub fn length(&self) -> Length {
        self.length
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "ends and constants are exact")]
mod tests;
