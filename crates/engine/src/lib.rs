//! Dinoscope's engine: pictures in, features and analyses out.
//!
//! [`picture`] → [`preprocess`] → [`features`] (a [`model`] on a [`device`], remembered by the [`cache`])
//! → [`analysis`] → [`figure`] and [`values`]. The [`store`] keeps downloaded models.

pub mod analysis;
pub mod cache;
pub mod device;
pub mod feature_map;
pub mod features;
pub mod figure;
pub mod gpu;
pub mod grid;
pub mod model;
pub mod picture;
pub mod preprocess;
pub mod resize;
pub mod store;
pub mod values;

pub use device::{ComputeDevice, DeviceChoice};
pub use dinoscope_model::Norm;
pub use feature_map::{FeatureMap, Provenance};
pub use features::{Extractor, Features, LayerFeatures, Request};
pub use grid::Grid;
pub use model::Model;
pub use picture::Picture;
pub use preprocess::{Preprocess, Size};
