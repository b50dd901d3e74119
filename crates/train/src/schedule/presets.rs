//! Published recipes and starting points for small runs.
//!
//! Input: the stage, or the size of the data. Output: a [`Recipe`]. Source: `spec/02`, section 6; `spec/03`, sections
//! 1.4, 2, 3 and 3.3; `spec/06`, section 4.

use serde::{Deserialize, Serialize};

use super::{Cosine, Curve, Ramp, Recipe, Scaling, Span};

/// How much there is to learn from. Source: `spec/06`, section 4, one variant per column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmallRun {
    /// 20 to 50 steps that only show that everything works.
    Smoke,
    /// Up to 2,000 pictures.
    Hundreds,
    /// 2,000 to 20,000 pictures.
    Thousands,
    /// 20,000 pictures and more.
    TensOfThousands,
}

impl SmallRun {
    /// The column for this many pictures.
    pub fn for_pictures(count: usize) -> Self {
        match count {
            0..2_000 => Self::Hundreds,
            2_000..20_000 => Self::Thousands,
            _ => Self::TensOfThousands,
        }
    }

    /// Largest learning rate of self-supervised training, for the batch that the same table gives.
    pub fn lr(self, start: Start) -> f64 {
        let (scratch, pretrained) = match self {
            Self::Smoke => (1e-3, 1e-3),
            Self::Hundreds => (3e-4, 1e-4),
            // The table has no value for trained weights and many pictures: the one for fewer.
            Self::Thousands | Self::TensOfThousands => (5e-4, 2e-4),
        };
        match start {
            Start::Scratch => scratch,
            Start::Pretrained => pretrained,
        }
    }
}

/// What the backbone starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Random weights.
    Scratch,
    /// Weights that are trained already.
    Pretrained,
}

impl Default for Recipe {
    fn default() -> Self {
        Self::constant()
    }
}

impl Recipe {
    /// Pre-training of the 7B model: everything constant after warm-ups of 100 epochs, of 1000 steps there.
    pub fn constant() -> Self {
        let warmup = Span::Epochs(100.0);
        Self {
            lr: Curve::Ramp(Ramp::warmed(0.0, 5e-5, warmup)),
            scaling: Scaling::SqrtWrt1024,
            freeze_last_layer: Span::Epochs(5.0),
            weight_decay: Curve::Ramp(Ramp::constant(0.04)),
            momentum: Curve::Ramp(Ramp::constant(0.994)),
            teacher_temp: Curve::Ramp(Ramp::warmed(0.04, 0.07, warmup)),
            gram_weight: Curve::Ramp(Ramp::constant(0.0)),
            local_weight: Curve::Ramp(Ramp::constant(1.0)),
        }
    }

    /// Pre-training of ViT-L on ImageNet-1k: cosines over 100 epochs, of 1250 steps there.
    pub fn cosine() -> Self {
        Self {
            lr: warmed_cosine(1e-3, 1e-6, Span::Epochs(10.0)),
            scaling: Scaling::SqrtWrt1024,
            freeze_last_layer: Span::Epochs(1.0),
            weight_decay: Curve::Cosine(Cosine::between(0.04, 0.4)),
            momentum: Curve::Cosine(Cosine::between(0.992, 1.0)),
            teacher_temp: rising(0.04, 0.07, Span::Epochs(30.0)),
            ..Self::constant()
        }
    }

    /// The Gram stage of the 7B model, whose steps go on from epoch 1000 of [`Recipe::constant`].
    pub fn gram() -> Self {
        let (hold, cosine) = (Span::Epochs(1000.0), Span::Epochs(1.0));
        Self {
            lr: Curve::Ramp(Ramp::warmed(0.0, 3e-5, Span::Epochs(100.0))),
            momentum: Curve::Ramp(Ramp::constant(0.999)),
            gram_weight: Curve::Ramp(Ramp::hold_then(0.0, hold, 2.0, cosine)),
            local_weight: Curve::Ramp(Ramp::hold_then(1.0, hold, 0.5, cosine)),
            ..Self::constant()
        }
    }

    /// The high-resolution stage of the 7B model: the learning rate rises on a cosine over 10 epochs.
    pub fn high_resolution() -> Self {
        Self {
            lr: Curve::Ramp(Ramp::hold_then(
                0.0,
                Span::NONE,
                1.25e-5,
                Span::Epochs(10.0),
            )),
            freeze_last_layer: Span::NONE,
            momentum: Curve::Ramp(Ramp::constant(0.999)),
            teacher_temp: Curve::Ramp(Ramp::constant(0.07)),
            gram_weight: Curve::Ramp(Ramp::constant(1.5)),
            local_weight: Curve::Ramp(Ramp::constant(0.5)),
            ..Self::constant()
        }
    }

    /// Distillation of ViT students, as in the released tail of that run; the momentum is that of the student's copy.
    pub fn distillation() -> Self {
        Self {
            lr: Curve::Ramp(Ramp::hold_then(0.0, Span::NONE, 5e-5, Span::Epochs(10.0))),
            momentum: Curve::Ramp(cosine_ramp(0.994, 1.0)),
            teacher_temp: Curve::Ramp(Ramp::constant(0.07)),
            freeze_last_layer: Span::NONE,
            ..Self::constant()
        }
    }

    /// Distillation of ConvNeXt T and S over 500 epochs.
    ///
    /// B and L have a peak of 1e-4 instead of 2e-4, and the weight decay of B starts at 0.02.
    pub fn convnext_distillation() -> Self {
        let run = Span::Fraction(1.0);
        Self {
            lr: Curve::Ramp(Ramp {
                start: 1e-6,
                peak: 2e-4,
                end: 1e-6,
                warmup: Span::Epochs(80.0),
                cosine: None,
            }),
            freeze_last_layer: Span::Epochs(1.0),
            weight_decay: Curve::Ramp(Ramp::warmed(0.04, 0.2, run)),
            momentum: Curve::Ramp(Ramp::warmed(0.994, 1.0, run)),
            teacher_temp: Curve::Ramp(Ramp::warmed(0.04, 0.07, Span::Epochs(120.0))),
            ..Self::constant()
        }
    }

    /// Self-supervised training on one machine: cosines whose parts are fractions of the run.
    ///
    /// The learning rate is meant for the batch that the same table gives and is not scaled.
    pub fn small(run: SmallRun, start: Start) -> Self {
        let (frozen, decay, momentum, temp) = match run {
            SmallRun::Smoke => (0.05, 0.04, (0.9, 0.9), (0.05, 0.05)),
            SmallRun::Hundreds => (0.05, 0.04, (0.97, 1.0), (0.04, 0.04)),
            SmallRun::Thousands => (0.05, 0.04, (0.99, 1.0), (0.04, 0.05)),
            SmallRun::TensOfThousands => (0.01, 0.2, (0.992, 1.0), (0.04, 0.07)),
        };
        Self {
            lr: warmed_cosine(run.lr(start), 1e-6, Span::Fraction(0.1)),
            scaling: Scaling::None,
            freeze_last_layer: Span::Fraction(frozen),
            weight_decay: Curve::Cosine(Cosine::between(0.04, decay)),
            momentum: Curve::Cosine(Cosine::between(momentum.0, momentum.1)),
            teacher_temp: rising(temp.0, temp.1, Span::Fraction(0.3)),
            ..Self::constant()
        }
    }
}

/// From 0 to `base` over `warmup`, then a cosine to `last`.
fn warmed_cosine(base: f64, last: f64, warmup: Span) -> Curve {
    Curve::Cosine(Cosine {
        warmup,
        ..Cosine::between(base, last)
    })
}

/// Linear from `from` to `to`, both included, then constant: the first builder's temperature.
fn rising(from: f64, to: f64, warmup: Span) -> Curve {
    Curve::Cosine(Cosine {
        warmup_from: from,
        warmup,
        ..Cosine::constant(to)
    })
}

/// A cosine over the whole run that includes both ends.
fn cosine_ramp(from: f64, to: f64) -> Ramp {
    Ramp {
        end: to,
        ..Ramp::constant(from)
    }
}
