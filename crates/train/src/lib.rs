//! Dinoscope's training: what a step is made of.
//!
//! [`losses`] turn features and logits into one number whose gradient the network follows.

pub mod losses;
