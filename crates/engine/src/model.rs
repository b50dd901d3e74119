//! A model by its name or path, ready on a device: network, input statistics, identity.

mod list;
mod load;
mod report;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use dinoscope_model::checkpoint::{Checkpoint, CheckpointError, InMemory};
use dinoscope_model::{Backbone, BackboneConfig, Weights, WeightsError};
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use list::{LICENSE, ListedModel, Presence, list};
pub use report::{Counts, ModelReport, TensorGroup};

use crate::analysis::CancelToken;
use crate::device::ComputeDevice;
use crate::preprocess::Statistics;
use crate::store::{Store, hex};
use load::Watched;

/// Name of the model that ships with the program.
pub const BUILTIN: &str = "builtin";

/// Why a model could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Neither a file nor a known name.
    #[error(
        "no model \"{name}\": expected builtin, a file, a folder, or a name that `dinoscope model list` shows as installed"
    )]
    Unknown {
        /// What was given.
        name: String,
    },
    /// A released model that is not on this machine.
    #[error("model {name} is not installed: get it with `dinoscope model download {name}`")]
    NotInstalled {
        /// Its short name.
        name: String,
    },
    /// The file cannot be read, or is not a complete model.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The network could not be filled.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Where a model's weights are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// Ships with the program.
    Builtin,
    /// A file or folder.
    Path(PathBuf),
}

/// Finds a model: `builtin`, a path, or the name of one in the store.
pub fn find_model(name: &str, store: Option<&Store>) -> Result<ModelSource, ModelError> {
    if name == BUILTIN {
        return Ok(ModelSource::Builtin);
    }
    if Path::new(name).exists() {
        return Ok(ModelSource::Path(name.into()));
    }
    if let Some(path) = store.and_then(|store| store.find(name)) {
        return Ok(ModelSource::Path(path));
    }
    let name = name.to_owned();
    match dinoscope_model::Variant::by_name(&name) {
        Some(_) => Err(ModelError::NotInstalled { name }),
        None => Err(ModelError::Unknown { name }),
    }
}

/// The built-in model's description.
#[derive(Clone, Debug, Deserialize)]
pub struct Builtin {
    /// Its shape.
    pub config: BackboneConfig,
    /// What it has learned from, and from whom.
    pub learned_from: String,
}

impl Builtin {
    /// License of its weights.
    pub const LICENSE: &str = "MIT OR Apache-2.0";

    /// Element type of its weights.
    pub const DTYPE: &str = "f16";

    const TEXT: &str = include_str!("../../../assets/models/builtin.json");

    /// With Meta's names.
    const WEIGHTS: &[u8] = include_bytes!("../../../assets/models/builtin.safetensors");

    /// Reads the description that ships with the program.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the description is part of the program and tested"
    )]
    pub fn read() -> Self {
        serde_json::from_str(Self::TEXT).expect("the description in assets is tested")
    }

    /// Its weights.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the weights are part of the program and tested"
    )]
    pub fn weights() -> Box<dyn Weights> {
        Box::new(InMemory::read(Self::WEIGHTS).expect("the weights in assets are tested"))
    }

    /// Of its weights' file, hexadecimal.
    pub fn sha256() -> String {
        static SHA256: LazyLock<String> = LazyLock::new(|| hex(&Sha256::digest(Builtin::WEIGHTS)));
        SHA256.clone()
    }
}

/// A network ready to run, and what it is.
#[derive(Debug)]
pub struct Model {
    /// `builtin`, the name in the store, or the file's name.
    pub name: String,
    /// The network.
    pub backbone: Backbone,
    /// Its shape.
    pub config: BackboneConfig,
    /// Mean and deviation that its input is brought to.
    pub statistics: Statistics,
    /// SHA-256 of the weights' file, hexadecimal.
    pub sha256: String,
    /// License of the weights, if the file tells.
    pub license: Option<String>,
    /// Whether the weights are random.
    pub untrained: bool,
    /// Where it runs.
    pub device: ComputeDevice,
    /// What its file holds.
    pub report: Arc<ModelReport>,
}

impl Model {
    /// Opens the model `name` (see [`find_model`]) on `device`; an incomplete one is refused with the missing names.
    pub fn open(
        name: &str,
        store: Option<&Store>,
        device: &ComputeDevice,
    ) -> Result<Self, ModelError> {
        Self::open_until(name, store, device, &CancelToken::default(), &mut |_, _| {})
    }

    /// As [`Model::open`]; `progress` hears how many parameters are loaded and how many there are.
    pub fn open_until(
        name: &str,
        store: Option<&Store>,
        device: &ComputeDevice,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, ModelError> {
        let load = Watched::new(cancel, progress);
        match find_model(name, store)? {
            ModelSource::Builtin => Self::builtin(device, load),
            ModelSource::Path(path) => {
                let label = Path::new(name)
                    .file_name()
                    .map_or_else(|| name.into(), |n| n.to_string_lossy().into_owned());
                Self::from_checkpoint(label, &Checkpoint::open(&path)?, device, load)
            }
        }
    }

    fn builtin(device: &ComputeDevice, load: Watched<'_>) -> Result<Self, ModelError> {
        let Builtin { config, .. } = Builtin::read();
        let weights = Builtin::weights();
        Ok(Self {
            name: BUILTIN.into(),
            backbone: load.fill(&config, &*weights, device)?,
            config,
            statistics: Statistics::LVD,
            sha256: Builtin::sha256(),
            license: Some(Builtin::LICENSE.into()),
            untrained: false,
            device: device.clone(),
            report: Arc::new(ModelReport::builtin()),
        })
    }

    fn from_checkpoint(
        name: String,
        checkpoint: &Checkpoint,
        device: &ComputeDevice,
        load: Watched<'_>,
    ) -> Result<Self, ModelError> {
        checkpoint.refuse_if_incomplete()?;
        let stop = load.stop().clone();
        let backbone = load.fill(checkpoint.config(), checkpoint, device)?;
        let report = ModelReport::of(checkpoint, &stop)?;
        Ok(Self {
            name,
            backbone,
            config: report.config.clone(),
            statistics: report.statistics,
            sha256: report.sha256.clone(),
            license: report.license.clone(),
            untrained: report.untrained,
            device: device.clone(),
            report: Arc::new(report),
        })
    }

    /// Pixels between two tokens.
    pub fn patch(&self) -> u32 {
        self.config.patch() as u32
    }
}

#[cfg(test)]
mod tests {
    use dinoscope_model::checkpoint::tensors;

    use super::*;

    #[test]
    fn the_built_in_weights_fit_their_description() {
        let builtin = Builtin::read();
        assert_eq!(builtin.config.family(), "vit");
        assert_eq!(Builtin::sha256().len(), 64);
        let weights = Builtin::weights();
        for spec in tensors(&builtin.config) {
            let values = weights.get(&spec.name, &spec.shape).unwrap();
            assert!(
                values.iter().all(|value| value.is_finite()),
                "{}",
                spec.name
            );
        }
        // What the repository may hold of it.
        assert!(Builtin::WEIGHTS.len() <= 12_000_000);
    }

    #[test]
    fn a_released_model_that_is_absent_says_how_to_get_it() {
        let error = find_model("vits16", None).unwrap_err();
        assert!(
            matches!(&error, ModelError::NotInstalled { name } if name == "vits16"),
            "{error}"
        );
        assert!(matches!(
            find_model("vits17", None).unwrap_err(),
            ModelError::Unknown { .. }
        ));
    }
}
