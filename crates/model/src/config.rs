//! What a backbone looks like: the numbers that fix every tensor's shape. Source: `spec/01`, sections 1 and 3.

use serde::{Deserialize, Serialize};

/// A backbone's shape. Two families exist and no third is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "lowercase")]
pub enum BackboneConfig {
    /// Vision transformer with registers and rotary positions.
    Vit(VitConfig),
    /// Convolutional network of four stages.
    ConvNext(ConvNextConfig),
}

impl BackboneConfig {
    /// `"vit"` or `"convnext"`.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Vit(_) => "vit",
            Self::ConvNext(_) => "convnext",
        }
    }

    /// Channels of the output tokens.
    pub fn dim(&self) -> usize {
        match self {
            Self::Vit(vit) => vit.dim,
            Self::ConvNext(convnext) => convnext.dims[3],
        }
    }

    /// Number of layers that can be asked for: blocks of a ViT, stages of a `ConvNeXt`.
    pub fn layers(&self) -> usize {
        match self {
            Self::Vit(vit) => vit.depth,
            Self::ConvNext(_) => 4,
        }
    }

    /// Pixels between two neighbouring output tokens.
    pub fn patch(&self) -> usize {
        match self {
            Self::Vit(vit) => vit.patch,
            Self::ConvNext(_) => ConvNextConfig::STRIDE,
        }
    }

    /// Register (storage) tokens beside the class token.
    pub fn registers(&self) -> usize {
        match self {
            Self::Vit(vit) => vit.registers,
            Self::ConvNext(_) => 0,
        }
    }
}

/// Shape of a vision transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VitConfig {
    /// Channels of a token.
    pub dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads; `dim / heads` is a multiple of 4.
    pub heads: usize,
    /// Kind of the feed-forward part.
    pub ffn: Ffn,
    /// Hidden channels of the feed-forward part.
    pub ffn_hidden: usize,
    /// Side of a square patch in pixels.
    pub patch: usize,
    /// Register (storage) tokens.
    pub registers: usize,
    /// Which of the attention projections have a bias.
    pub attention_bias: AttentionBias,
    /// Whether the feed-forward projections have a bias.
    pub ffn_bias: bool,
    /// Epsilon of every layer norm.
    pub norm_eps: f64,
    /// Rotary position encoding.
    pub rope: RopeConfig,
    /// Whether the checkpoint has a class-token norm for local crops (training only; kept, never applied here).
    pub local_cls_norm: bool,
}

impl VitConfig {
    /// Channels of one attention head.
    pub fn head_dim(&self) -> usize {
        self.dim / self.heads
    }

    /// Tokens in front of the patches: class token and registers.
    pub fn prefix(&self) -> usize {
        1 + self.registers
    }
}

/// Feed-forward part of a transformer block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ffn {
    /// `fc2(gelu(fc1(x)))`.
    Mlp,
    /// `w3(silu(w1(x)) * w2(x))`.
    SwiGlu,
    /// `w3(gelu(w1(x)) * w2(x))`: what a Hugging Face config with a gated MLP and GELU describes.
    GeGlu,
}

impl Ffn {
    /// Whether there is a gate projection beside the value projection.
    pub fn is_gated(self) -> bool {
        self != Self::Mlp
    }
}

/// Biases of the attention projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts of the checkpoint"
)]
pub struct AttentionBias {
    /// Query projection.
    pub query: bool,
    /// Key projection; false in every released model (Meta's layout stores a masked one).
    pub key: bool,
    /// Value projection.
    pub value: bool,
    /// Output projection.
    pub out: bool,
}

impl AttentionBias {
    /// Released models but the 7B: query, value and output.
    pub const MASKED_KEY: Self = Self {
        query: true,
        key: false,
        value: true,
        out: true,
    };
    /// The 7B: only the output projection has a bias.
    pub const OUT_ONLY: Self = Self {
        query: false,
        key: false,
        value: false,
        out: true,
    };

    /// Whether the fused projection of Meta's layout has a bias at all.
    pub fn any_qkv(self) -> bool {
        self.query || self.key || self.value
    }
}

/// Rotary position encoding: coordinates and periods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeConfig {
    /// How the periods are spaced.
    pub periods: RopePeriods,
    /// What the coordinates are divided by.
    pub coords: RopeCoords,
}

impl Default for RopeConfig {
    fn default() -> Self {
        Self {
            periods: RopePeriods::Base(100.0),
            coords: RopeCoords::Separate,
        }
    }
}

/// Spacing of the rotary periods, in units of the normalised coordinate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopePeriods {
    /// `base^(i/m)` for `i` in `0..m`, `m = head_dim / 4`.
    Base(f64),
    /// Geometric from `min` to `max`, both included.
    Range {
        /// Smallest period.
        min: f64,
        /// Largest period.
        max: f64,
    },
    /// As stored in a checkpoint: `m` values.
    Stored(Vec<f32>),
}

/// Divisor of the patch coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RopeCoords {
    /// Rows by the number of rows, columns by the number of columns.
    Separate,
    /// Both by the larger side.
    Max,
    /// Both by the smaller side.
    Min,
}

/// Shape of a `ConvNeXt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConvNextConfig {
    /// Blocks of each stage.
    pub depths: [usize; 4],
    /// Channels of each stage.
    pub dims: [usize; 4],
    /// Epsilon of every layer norm.
    pub norm_eps: f64,
}

impl ConvNextConfig {
    /// Pixels between two output tokens: 4 in the stem, doubled three times.
    pub const STRIDE: usize = 32;
}
