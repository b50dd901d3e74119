//! What a training run is told: TOML over defaults, checked before anything starts.
//!
//! Input: the text of a file and `key=value` pairs. Output: a [`Config`] in which every key has a value, as it is
//! written beside the run. Defaults depend on the recipe and on the number of pictures. Source of the defaults:
//! `spec/06`, section 4.

mod check;
mod defaults;
mod error;
mod follow;
mod idle;
mod keys;
mod merge;
mod model;

pub use error::ConfigError;
pub(crate) use follow::most_prototypes;
pub use keys::{KEYS, Key, explain};
pub use model::Shape;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::augment::{AugmentError, Multicrop, Preset};
use crate::block_masks::BlockMasking;
use crate::recipes::RecipeId;
use crate::schedule::{Scaling, SmallRun};

/// Everything about a run. Each section's keys are explained by [`explain`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Config {
    pub recipe: RecipeId,
    pub seed: u64,
    pub data: Data,
    pub model: Model,
    pub heads: Heads,
    pub crops: Crops,
    pub masks: BlockMasking,
    pub run: Run,
    pub optimizer: Optimizer,
    pub teacher: TeacherSection,
    pub loss: Loss,
    pub gram: GramSection,
    pub distill: DistillSection,
    pub probe: ProbeSection,
    pub lora: LoraSection,
    pub preview: Preview,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Data {
    pub folder: PathBuf,
    pub list: PathBuf,
    pub manifest: PathBuf,
    pub classes: bool,
    pub masks: PathBuf,
    pub held_out: PathBuf,
    pub held_out_share: f64,
    pub homogeneous: Vec<String>,
    pub homogeneous_share: f64,
    pub max_broken: f64,
    pub threads: usize,
    pub cache_mib: usize,
}

/// The network that learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Model {
    pub start: String,
    pub size: String,
    pub dim: usize,
    pub depth: usize,
    pub heads: usize,
    pub patch: usize,
    pub registers: usize,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// Sizes of the heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Heads {
    pub dino_prototypes: usize,
    pub ibot_prototypes: usize,
    pub hidden: usize,
    pub bottleneck: usize,
    pub layers: usize,
}

/// Crops and what happens to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Crops {
    pub preset: Preset,
    pub global_px: u32,
    pub local_px: u32,
    pub locals: usize,
    pub global_area: [f64; 2],
    pub local_area: [f64; 2],
    pub mixed: Vec<MixedCrops>,
}

/// One of the sizes of the high-resolution stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct MixedCrops {
    pub global_px: u32,
    pub local_px: u32,
    pub gram_px: u32,
    pub share: f64,
}

/// How long, how large, how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Run {
    pub scale: SmallRun,
    pub steps: u64,
    pub batch: usize,
    pub accumulate: usize,
    pub log_every: u64,
    pub monitor_every: u64,
    pub checkpoint_every: u64,
    pub keep_last: usize,
    pub keep_every: u64,
    pub max_broken_steps: u32,
    /// Whether blocks are computed a second time for the gradient instead of kept.
    pub activation_checkpointing: bool,
}

/// How weights are changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Optimizer {
    pub lr: f64,
    pub min_lr: f64,
    pub scaling: Scaling,
    pub schedule: ScheduleKind,
    pub warmup: f64,
    pub weight_decay: f64,
    pub weight_decay_end: f64,
    pub betas: [f64; 2],
    pub eps: f64,
    pub clip: f64,
    pub layer_decay: f64,
    pub patch_embed_lr: f64,
    pub backbone_lr: f64,
    pub warm_heads: u64,
}

/// The shape of the learning rate's curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Warm-up, then a cosine to `min_lr`.
    #[default]
    Cosine,
    /// Warm-up, then constant.
    Constant,
}

/// The teacher of self-supervised training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct TeacherSection {
    pub momentum: f64,
    pub momentum_end: f64,
    pub temperature: f64,
    pub temperature_end: f64,
    pub temperature_warmup: f64,
    pub freeze_last_layer: f64,
}

/// Weights of the losses of self-supervised training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Loss {
    pub dino: f64,
    pub local: f64,
    pub ibot: f64,
    pub koleo: f64,
    pub drop_path: f64,
    pub rope_rescale: f64,
    pub rope_jitter: f64,
    pub rope_shift: f64,
}

/// Gram anchoring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct GramSection {
    pub weight: f64,
    pub teacher: String,
    pub px: u32,
    pub first: u64,
    pub every: u64,
    pub times: u64,
}

/// Distillation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct DistillSection {
    pub teacher: String,
    pub features: PathBuf,
    pub students: Vec<String>,
    pub teacher_px: u32,
    pub feature: f64,
    pub relation: f64,
    pub cls: f64,
    pub temperature: f64,
    pub momentum: f64,
}

/// Probes of a frozen network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct ProbeSection {
    pub kinds: Vec<ProbeKind>,
    pub px: u32,
    pub neighbours: Vec<usize>,
    pub test_share: f64,
}

/// A probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// Nearest neighbors.
    Knn,
    /// A linear layer by gradient descent.
    Linear,
    /// Logistic regression.
    Logistic,
    /// A linear layer over patches, from masks.
    Segmentation,
}

/// Low-rank adaptation and fine-tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct LoraSection {
    pub rank: usize,
    pub alpha: f64,
    pub anchor: f64,
    pub blocks: usize,
}

/// Pictures that are looked at while the network learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in `keys.rs`, which a test holds complete"
)]
pub struct Preview {
    pub pictures: Vec<PathBuf>,
    pub every: u64,
    pub px: u32,
}

impl Config {
    /// Reads a configuration: `text` in TOML, then `sets` of `key=value`, over the defaults of the recipe for this many
    /// pictures.
    pub fn read(text: &str, sets: &[String], pictures: usize) -> Result<Self, ConfigError> {
        let user = merge::parse(text, sets)?;
        let config = Self::filled(&user, SmallRun::for_pictures(pictures))?;
        config.check()?;
        Ok(config)
    }

    /// As [`Config::read`] before the pictures are known: for the `data` section alone.
    pub fn read_data(text: &str, sets: &[String]) -> Result<(Data, u64), ConfigError> {
        let user = merge::parse(text, sets)?;
        let config = Self::filled(&user, SmallRun::Hundreds)?;
        Ok((config.data, config.seed))
    }

    /// The keys that a user gives, such as `run.steps`.
    pub fn given(text: &str, sets: &[String]) -> Result<Vec<String>, ConfigError> {
        fn collect(table: &Table, prefix: &str, keys: &mut Vec<String>) {
            for (name, value) in table {
                let key = format!("{prefix}{name}");
                match value {
                    toml::Value::Table(inner) => collect(inner, &format!("{key}."), keys),
                    _ => keys.push(key),
                }
            }
        }
        let mut keys = Vec::new();
        collect(&merge::parse(text, sets)?, "", &mut keys);
        Ok(keys)
    }

    /// The user's table over the defaults that it asks for, and what follows from both; `scale` unless it is told.
    fn filled(user: &Table, scale: SmallRun) -> Result<Self, ConfigError> {
        let recipe = merge::recipe(user)?;
        let scale = merge::early(user, "run.scale").unwrap_or(scale);
        let preset = merge::early(user, "crops.preset").unwrap_or_default();
        let mut config = merge::over(&Self::defaults_with(recipe, scale, preset), user)?;
        config.follow(&|key| merge::value_of(user, key).is_some());
        Ok(config)
    }

    /// The file that gives this configuration again.
    ///
    /// # Panics
    /// Never: every value has a place in TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("every value has a place in TOML")
    }

    /// How crops are made.
    pub fn multicrop(&self) -> Result<Multicrop, AugmentError> {
        let crops = &self.crops;
        let mut multicrop = crops.preset.multicrop();
        multicrop.global_px = crops.global_px;
        multicrop.local_px = crops.local_px;
        multicrop.locals = crops.locals;
        multicrop.global.area = crops.global_area;
        multicrop.local.area = crops.local_area;
        multicrop.check()?;
        Ok(multicrop)
    }
}

#[cfg(test)]
mod tests;
