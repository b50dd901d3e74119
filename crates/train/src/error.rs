//! Why a training run could not start or go on.

use std::path::PathBuf;

use dinoscope_engine::model::ModelError;
use dinoscope_model::WeightsError;
use dinoscope_model::checkpoint::CheckpointError;

use crate::config::ConfigError;
use crate::data::DataError;
use crate::metrics::MetricsError;

/// Why a run could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pictures are not.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model to start or learn from is not.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A model's file could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A network could not be filled.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Metrics could not be written.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Features could not be evaluated.
    #[error(transparent)]
    Evaluation(#[from] crate::evaluation::EvaluationError),
    /// A file of the run could not be written.
    #[error("cannot write {what}, {reason}: {}", path.display())]
    Write {
        /// What it is.
        what: &'static str,
        /// What the system says.
        reason: String,
        /// The file or folder.
        path: PathBuf,
    },
    /// A file of the run could not be read.
    #[error("cannot read {what}, {reason}: {}", path.display())]
    Read {
        /// What it is.
        what: &'static str,
        /// What the system says.
        reason: String,
        /// The file or folder.
        path: PathBuf,
    },
    /// A saved state is not usable.
    #[error("the saved state is not usable, {reason}: {}", path.display())]
    State {
        /// Why.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A saved state belongs to other networks.
    #[error("the saved state has {found}, this run expects {expected}")]
    OtherNetwork {
        /// What the state has.
        found: String,
        /// What the configuration describes.
        expected: String,
    },
    /// The folder of a new run has files.
    #[error("the folder of the run is not empty, expected a new one or --resume: {}", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A resumed run was given a configuration that is not its own.
    #[error("the configuration is not that of the run, expected --resume without one (changes by --set): {}", path.display())]
    OtherConfig {
        /// The run's own.
        path: PathBuf,
    },
    /// There is no run to go on with.
    #[error("no run to resume, expected a folder with config.toml: {}", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// Too many steps in a row had a loss or gradient that is not finite.
    #[error(
        "{count} steps in a row had a value that is not finite, the last in step {step}: {what}, first in {module}; the last good checkpoint is {checkpoint}"
    )]
    Diverged {
        /// Steps in a row.
        count: u32,
        /// The last of them.
        step: u64,
        /// What was not finite.
        what: String,
        /// The first part of the network whose output is not finite.
        module: String,
        /// Where to go on from.
        checkpoint: String,
    },
    /// Something that this recipe needs is not there.
    #[error("{recipe} needs {expected}, found {found}")]
    Needs {
        /// The recipe.
        recipe: &'static str,
        /// What it needs.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The caller asked to stop; a checkpoint was written.
    #[error("the run was stopped at step {step}")]
    Cancelled {
        /// Steps that are done.
        step: u64,
    },
}
