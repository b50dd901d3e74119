//! What a run can do, one file each, and what all of them share.
//!
//! A [`Recipe`] makes a [`Task`] of a configuration and pictures; the loop of [`crate::run`] drives the task. A new
//! recipe is a file, a variant of [`RecipeId`] and a line in [`RecipeId::recipe`].

mod advice;
mod distill;
mod embed;
mod finetune;
mod lora;
mod probe;
mod self_supervised;
mod stages;
mod supervised;
mod views;

use std::sync::Arc;
use std::time::Duration;

use burn::tensor::Device;
use dinoscope_model::Backbone;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::DataSet;
use crate::error::TrainError;
use crate::monitors::Reading;
use crate::schedule::Values;
use crate::state::State;

pub use advice::Advice;

/// The name of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipeId {
    /// DINO, iBOT and `KoLeo` from pictures without labels.
    Pretrain,
    /// The same with patch similarities held to those of an older teacher.
    Gram,
    /// The same at mixed, higher resolutions.
    Hires,
    /// One or several small networks learn the features of a frozen one.
    Distill,
    /// What a frozen network knows about classes or masks.
    Probe,
    /// Small matrices beside frozen weights learn classes or masks.
    Lora,
    /// All weights, or the last blocks, learn classes or masks.
    Finetune,
}

impl RecipeId {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 7] = [
        Self::Pretrain,
        Self::Gram,
        Self::Hires,
        Self::Distill,
        Self::Probe,
        Self::Lora,
        Self::Finetune,
    ];

    /// As configurations name it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Pretrain => "pretrain",
            Self::Gram => "gram",
            Self::Hires => "hires",
            Self::Distill => "distill",
            Self::Probe => "probe",
            Self::Lora => "lora",
            Self::Finetune => "finetune",
        }
    }

    /// The recipe of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.id() == id)
    }

    /// What it does.
    pub fn recipe(self) -> &'static dyn Recipe {
        match self {
            Self::Pretrain => &stages::Pretrain,
            Self::Gram => &stages::Gram,
            Self::Hires => &stages::Hires,
            Self::Distill => &distill::Distill,
            Self::Probe => &probe::Probe,
            Self::Lora => &lora::Lora,
            Self::Finetune => &finetune::Finetune,
        }
    }
}

/// What a recipe is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// Every choice.
    pub config: Config,
    /// Where networks run; without gradients.
    pub device: Device,
    /// The pictures.
    pub data: Arc<DataSet>,
    /// Pictures with classes that are only tested with, if there are any.
    pub held_out: Option<Arc<DataSet>>,
}

/// Makes a [`Task`].
pub trait Recipe: Sync {
    /// Networks, optimizer and pictures, ready for the first step.
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError>;

    /// What is known not to work well about this configuration and these pictures.
    fn advice(&self, context: &Context) -> Vec<Advice> {
        advice::general(context)
    }
}

/// What a step has to tell.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// `loss/total` → 6.2 and so on.
    pub numbers: Vec<(String, f64)>,
    /// For the monitors, if it was asked for.
    pub reading: Option<Reading>,
    /// Why nothing was learned from this step, if so.
    pub broken: Option<String>,
    /// Pictures that were used.
    pub pictures: usize,
}

/// A network to write in a checkpoint.
#[derive(Debug)]
pub struct Export<'a> {
    /// `student`, `teacher`: the name of the file.
    pub name: String,
    /// The network.
    pub backbone: &'a Backbone,
    /// Mean and standard deviation of its input.
    pub statistics: ([f32; 3], [f32; 3]),
}

/// A run between two steps.
pub trait Task {
    /// Steps after which there is nothing left to do; as configured, or fewer.
    fn steps(&self) -> u64;

    /// Makes the next pictures those of this step.
    fn seek(&mut self, step: u64) -> Result<(), TrainError>;

    /// One optimizer step, counted from 0.
    fn step(&mut self, step: u64, values: &Values, reads: bool) -> Result<Report, TrainError>;

    /// The networks that a checkpoint holds; the first is what the run is for.
    fn exports(&self) -> Vec<Export<'_>>;

    /// Other tensors that belong to a checkpoint, by the name of their file.
    fn extras(&self) -> Vec<(String, State)> {
        Vec::new()
    }

    /// Licence and lineage of what the run started from and learned from.
    fn lineage(&self) -> Vec<(String, String)>;

    /// Everything that the next step depends on.
    fn state(&self) -> State;

    /// Goes on from a state.
    fn restore(&mut self, state: State) -> Result<(), TrainError>;

    /// Time that steps have waited for pictures.
    fn waited(&self) -> Duration;

    /// Sentences about pictures that could not be read, since the last call.
    fn warnings(&mut self) -> Vec<String>;

    /// Numbers about held-out pictures at a checkpoint: `eval/knn` → 0.8 and so on.
    fn evaluate(&mut self) -> Result<Vec<(String, f64)>, TrainError> {
        Ok(Vec::new())
    }
}
