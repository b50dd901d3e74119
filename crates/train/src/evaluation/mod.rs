//! What frozen features know: nearest neighbors, linear heads for classes and masks, matches of patches.
//!
//! Input: features `[rows, dim]` on the host and their labels. Output: scores that serde writes. No network is run and
//! none is changed here; the same input gives the same output on any number of threads. Source: `spec/05`, sections 3,
//! 8 and 10.

mod confusion;
mod error;
mod head;
mod knn;
mod lbfgs;
mod linear;
mod logistic;
mod pck;
mod product;
mod rows;
mod segmentation;
mod softmax;
mod split;
mod standardization;

pub use confusion::{Confusion, Scores};
pub use error::EvaluationError;
pub use head::LinearHead;
pub use knn::{KnnReport, KnnResult, KnnSettings, knn, knn_predict};
pub use linear::{Epoch, LinearFit, LinearOptimizer, LinearSettings, linear_fit, linear_sweep};
pub use logistic::{LogisticFit, LogisticSettings, logistic_fit};
pub use pck::{Homography, PatchGrid, Pck, PckShare, pck, pck_of_matches};
pub(crate) use product::products;
pub use rows::{Labeled, Rows};
pub use segmentation::{
    IGNORED, Mask, MaskedMap, Resolution, SegmentationReport, patch_classes, segmentation_fit,
    segmentation_score,
};
pub use split::{Split, stratified};
pub use standardization::Standardization;
