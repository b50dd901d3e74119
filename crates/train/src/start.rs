//! The network that a run starts or learns from: scratch, the built-in one, a downloaded one, a file.

use burn::tensor::Device;
use dinoscope_engine::model::{BUILTIN, Builtin, ModelSource, find_model};
use dinoscope_engine::store::Store;
use dinoscope_model::checkpoint::Checkpoint;
use dinoscope_model::{Backbone, BackboneConfig, Fresh, Placement, Weights, WeightsError};

use crate::config::Config;
use crate::error::TrainError;
use crate::networks::{HeadConfigs, Networks};

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
        })
    }

    /// A model by its name or path.
    pub fn open(name: &str) -> Result<Self, TrainError> {
        let store = Store::open().ok();
        match find_model(name, store.as_ref())? {
            ModelSource::Builtin => {
                let builtin = Builtin::read();
                Ok(Self {
                    config: builtin.config.clone(),
                    statistics: ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
                    lineage: vec![
                        ("start".into(), BUILTIN.into()),
                        ("license".into(), Builtin::LICENSE.into()),
                    ],
                    weights: builtin.weights(),
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
                })
            }
        }
    }

    /// The network alone.
    pub fn backbone(&self, device: &Device) -> Result<Backbone, WeightsError> {
        Backbone::load(&self.config, &*self.weights, &Placement::plain(device))
    }

    /// The network with fresh heads of these sizes, if any.
    pub fn networks(
        &self,
        heads: Option<&HeadConfigs>,
        seed: u64,
        device: &Device,
    ) -> Result<Networks, WeightsError> {
        let weights = WithHeads {
            backbone: &*self.weights,
            heads: Fresh { seed },
        };
        Networks::load(&self.config, heads, &weights, device)
    }
}

/// A backbone's weights, and random ones for everything else.
struct WithHeads<'a> {
    backbone: &'a dyn Weights,
    heads: Fresh,
}

impl Weights for WithHeads<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        match name.strip_prefix("backbone.") {
            Some(name) => self.backbone.get(name, shape),
            None => self.heads.get(name, shape),
        }
    }
}
