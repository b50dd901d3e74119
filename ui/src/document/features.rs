//! Which features of a picture a view looks at.

use dinoscope_engine::preprocess::Resample;
use dinoscope_engine::{Norm, Preprocess, Request, Size};
use serde::{Deserialize, Serialize};

/// Smallest short side that the resolution control offers, in pixels.
pub const MIN_SIDE_PX: u32 = 224;
/// Largest short side that the resolution control offers, in pixels.
pub const MAX_SIDE_PX: u32 = 4096;

/// Model, resolution, layer and norm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeatureSettings {
    /// Name or path of the model; the project's without one.
    pub model: Option<String>,
    /// Size of the network's input.
    pub size: Size,
    /// How the picture is resampled to it.
    pub resample: Resample,
    /// 0-based layer; the last without one.
    pub layer: Option<usize>,
    /// Whether the final norm is applied.
    pub norm: Norm,
}

impl FeatureSettings {
    /// What is asked of the engine.
    pub fn request(&self) -> Request {
        Request {
            preprocess: Preprocess {
                size: self.size,
                resample: self.resample,
                ..Preprocess::default()
            },
            layers: self.layer.into_iter().collect(),
            norm: self.norm,
        }
    }

    /// The layer as on the command line: `last` or a number.
    pub fn layer_name(&self) -> String {
        self.layer
            .map_or_else(|| "last".to_owned(), |layer| layer.to_string())
    }
}
