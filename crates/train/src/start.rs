//! The network that a run starts or learns from: scratch, the built-in one, a downloaded one, a file.
//!
//! A checkpoint of ours has the heads of its self-supervised training beside its networks, in [`HEADS`]; whoever starts
//! or learns from a network of that folder has them too.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use dinoscope_engine::model::{BUILTIN, Builtin, ModelSource, find_model};
use dinoscope_engine::store::Store;
use dinoscope_model::checkpoint::Checkpoint;
use dinoscope_model::{
    Backbone, BackboneConfig, Fresh, HeadConfig, Params, Placement, Weights, WeightsError,
};

use crate::config::Config;
use crate::error::TrainError;
use crate::networks::{HeadConfigs, Networks};
use crate::state::State;

/// Name of the file of heads in a checkpoint, without its ending.
pub const HEADS: &str = "heads";

/// Mean and standard deviation of the input channels.
pub type Statistics = ([f32; 3], [f32; 3]);

/// A network's weights, its shape, and what it says about itself.
pub struct StartModel {
    /// Its shape.
    pub config: BackboneConfig,
    /// Mean and standard deviation of its input.
    pub statistics: Statistics,
    /// Licence and lineage, to be written into what comes of it.
    pub lineage: Vec<(String, String)>,
    weights: Box<dyn Weights>,
    heads: Option<SavedHeads>,
}

/// Heads of a checkpoint, and their sizes.
struct SavedHeads {
    sizes: HeadConfigs,
    weights: BTreeMap<String, Vec<f32>>,
}

impl SavedHeads {
    /// Those beside a model's file, if there are any.
    fn beside(model: &Path) -> Result<Option<Self>, TrainError> {
        let path = model.with_file_name(format!("{HEADS}.safetensors"));
        if !model.is_file() || !path.is_file() {
            return Ok(None);
        }
        let state = State::read(&path)?;
        let sizes = |head: &str| -> Result<HeadConfig, TrainError> {
            let size = |part: &str| {
                let found = state.counters.get(&format!("{head}.{part}"));
                let found = found.and_then(|&size| usize::try_from(size).ok());
                found
                    .filter(|&size| size > 0)
                    .ok_or_else(|| TrainError::State {
                        reason: format!("it does not tell the size {head}.{part}"),
                        path: path.clone(),
                    })
            };
            Ok(HeadConfig {
                inputs: size("inputs")?,
                hidden: size("hidden")?,
                bottleneck: size("bottleneck")?,
                prototypes: size("prototypes")?,
                layers: size("layers")?,
            })
        };
        Ok(Some(Self {
            sizes: HeadConfigs {
                dino: sizes("dino_head")?,
                ibot: sizes("ibot_head")?,
            },
            weights: state.tensors,
        }))
    }
}

/// Sizes of the heads that come with a model, by its name or path, if there are any.
pub fn heads_beside(name: &str) -> Result<Option<HeadConfigs>, TrainError> {
    let store = Store::open().ok();
    match find_model(name, store.as_ref())? {
        ModelSource::Builtin => Ok(None),
        ModelSource::Path(path) => Ok(SavedHeads::beside(&path)?.map(|heads| heads.sizes)),
    }
}

/// The heads of networks as a file of a checkpoint has them.
pub fn saved_heads(networks: &Networks, sizes: &HeadConfigs) -> State {
    let mut state = State::default();
    for (name, head, size) in [
        ("dino_head", &networks.dino, sizes.dino),
        ("ibot_head", &networks.ibot, sizes.ibot),
    ] {
        let Some(head) = head else { continue };
        state.put("", head.read_params(&format!("{name}.")));
        let sizes = [
            ("inputs", size.inputs),
            ("hidden", size.hidden),
            ("bottleneck", size.bottleneck),
            ("prototypes", size.prototypes),
            ("layers", size.layers),
        ];
        let counters = sizes.map(|(part, size)| (format!("{name}.{part}"), size as u64));
        state.counters.extend(counters);
    }
    state
}

impl std::fmt::Debug for StartModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartModel")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl StartModel {
    /// The network that `config.model` describes.
    pub fn of(config: &Config) -> Result<Self, TrainError> {
        if config.model.start == "scratch" {
            return Self::scratch(config, &config.model.size);
        }
        Self::open(&config.model.start)
    }

    /// A fresh network of this size.
    pub fn scratch(config: &Config, size: &str) -> Result<Self, TrainError> {
        Ok(Self {
            config: config.model.shape_of(size)?,
            statistics: (config.model.mean, config.model.std),
            lineage: vec![("start".into(), format!("random, seed {}", config.seed))],
            weights: Box::new(Fresh { seed: config.seed }),
            heads: None,
        })
    }

    /// A model by its name or path.
    pub fn open(name: &str) -> Result<Self, TrainError> {
        let store = Store::open().ok();
        match find_model(name, store.as_ref())? {
            ModelSource::Builtin => {
                let builtin = Builtin::read();
                Ok(Self {
                    config: builtin.config,
                    statistics: ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
                    lineage: vec![
                        ("start".into(), BUILTIN.into()),
                        ("start_sha256".into(), Builtin::sha256()),
                        ("start_learned_from".into(), builtin.learned_from),
                        ("license".into(), Builtin::LICENSE.into()),
                    ],
                    weights: Builtin::weights(),
                    heads: None,
                })
            }
            ModelSource::Path(path) => {
                let checkpoint = Checkpoint::open(&path)?;
                checkpoint.refuse_if_incomplete()?;
                let mut lineage = vec![
                    ("start".into(), name.to_owned()),
                    ("start_sha256".into(), checkpoint.sha256().to_owned()),
                ];
                if let Some(license) = checkpoint.license() {
                    lineage.push(("license".into(), license.to_owned()));
                }
                Ok(Self {
                    config: checkpoint.config().clone(),
                    statistics: checkpoint.statistics(),
                    lineage,
                    weights: Box::new(checkpoint),
                    heads: SavedHeads::beside(&path)?,
                })
            }
        }
    }

    /// The network alone.
    pub fn backbone(&self, device: &Device) -> Result<Backbone, WeightsError> {
        Backbone::load(&self.config, &*self.weights, &Placement::plain(device))
    }

    /// Sizes of the heads that came with the network.
    pub fn heads(&self) -> Option<HeadConfigs> {
        self.heads.as_ref().map(|heads| heads.sizes)
    }

    /// The licence that it says it is under.
    pub fn license(&self) -> Option<&str> {
        let found = self.lineage.iter().find(|(key, _)| key == "license")?;
        Some(&found.1)
    }

    /// The network with heads of these sizes, if any: its own where they are of these sizes, else fresh ones.
    pub fn networks(
        &self,
        heads: Option<&HeadConfigs>,
        seed: u64,
        device: &Device,
    ) -> Result<Networks, WeightsError> {
        let fresh = Fresh { seed };
        let own = self
            .heads
            .as_ref()
            .filter(|own| heads.is_some_and(|sizes| *sizes == own.sizes));
        let weights = WithHeads {
            backbone: &*self.weights,
            heads: own.map_or(&fresh as &dyn Weights, |own| &own.weights),
        };
        Networks::load(&self.config, heads, &weights, device)
    }
}

/// A backbone's weights, and others for everything else.
struct WithHeads<'a> {
    backbone: &'a dyn Weights,
    heads: &'a dyn Weights,
}

impl Weights for WithHeads<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        match name.strip_prefix("backbone.") {
            Some(name) => self.backbone.get(name, shape),
            None => self.heads.get(name, shape),
        }
    }
}
