//! Dinoscope's training: what a step is made of.
//!
//! [`augment`] makes crops of pictures, [`block_masks`] hides patches of them, [`losses`] turn features and logits into
//! one number whose gradient the network follows, [`schedule`] says how strongly at which step.

pub mod augment;
pub mod block_masks;
pub mod losses;
pub mod schedule;
