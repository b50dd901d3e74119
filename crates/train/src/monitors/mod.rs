//! Numbers that tell whether training goes well, and words for when it does not.
//!
//! Input: copies of a step's tensors on the host, read back once in many steps, never inside one. Output: a [`Reading`],
//! of which a [`Watcher`] makes [`Warning`]s. Formulas and thresholds: `spec/06`, section 7.

mod alarms;
mod eigenvalues;
mod features;
mod gradients;
mod rank;
mod reading;
mod self_supervised;
mod targets;
mod thresholds;
mod watcher;
mod weights;

pub use alarms::{Severity, Warning};
pub use features::{
    cls_patch_cosine, feature_std, gram_drift, outlier_share, pair_cosine, patch_cosine,
};
pub use gradients::NormBand;
pub use rank::rankme;
pub use reading::{Monitor, Reading, Sizes};
pub use targets::{divergence, entropy, entropy_floor, largest_logit, usage};
pub use thresholds::Thresholds;
pub use watcher::Watcher;
pub use weights::{gap, network_gap};

/// Checks that `values` are whole rows of `width`; their number.
fn rows_of(what: &str, values: &[f32], width: usize) -> usize {
    let found = values.len();
    assert!(
        width > 0 && found > 0 && found.is_multiple_of(width),
        "{what}: {found} values, expected rows of {width}"
    );
    found / width
}
