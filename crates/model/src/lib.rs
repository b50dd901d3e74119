//! DINOv3 networks and their checkpoints: tensor in, tensor out.
//!
//! - [`Backbone`]: a [`vit::Vit`] or a [`convnext::ConvNext`], filled from any [`Weights`].
//! - [`checkpoint`]: Meta, Hugging Face and timm files, read without running anything, and written.
//! - [`variants`]: the released models.
//!
//! Activations are f32 on every device. On the CPU, inference packs the weights and takes fused kernels;
//! the formulas are the same.

pub mod backbone;
pub mod checkpoint;
pub mod config;
pub mod convnext;
mod cpu;
mod exact;
pub mod head;
pub mod layers;
mod ops;
pub mod params;
mod projection;
pub mod rope;
mod segments;
pub mod variants;
pub mod vit;
mod watch;
pub mod weights;

pub use backbone::{Backbone, LayerTokens, Norm};
pub use config::BackboneConfig;
pub use cpu::exp_in_place;
pub use head::{Head, HeadConfig};
pub use params::{MapParams, ParamName, Params, VisitParams};
pub use projection::Projection;
pub use rope::RopeAugment;
pub use segments::Segments;
pub use variants::{VARIANTS, Variant};
pub use vit::TrainingPass;
pub use watch::{Observer, Stop, Watch};
pub use weights::{Fresh, Placement, Weights, WeightsError};
