//! Dinoscope's training, from pictures to checkpoints.
//!
//! [`config`] says what a run does, [`data`] gives its pictures in the order of a seed, [`augment`] makes crops of them,
//! [`block_masks`] hides patches. [`ssl`] is one step of self-supervised training: [`losses`] turn features and logits
//! of [`networks`] into one number, the [`optimizer`] follows its gradient as strongly as the [`schedule`] says.
//! [`recipes`] are what a run can do; [`run`] is the loop that drives them, writes [`metrics`] and checkpoints with their
//! [`state`], and listens to the [`monitors`]. [`evaluation`] tells what features know.

pub mod augment;
pub mod bench;
pub mod block_masks;
pub mod config;
pub mod curation;
pub mod data;
mod error;
pub mod evaluation;
pub mod losses;
pub mod metrics;
pub mod monitors;
pub mod networks;
pub mod optimizer;
pub mod recipes;
pub mod run;
pub mod schedule;
pub mod ssl;
pub mod start;
pub mod state;

pub use error::TrainError;
