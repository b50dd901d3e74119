//! One step of self-supervised training: DINO, iBOT, `KoLeo` and Gram losses of a student against its own average.
//!
//! Input: [`Batch`]es of crops, the numbers of the schedules, a generator. Output: the losses, and networks that have
//! learned. Pre-training, the Gram stage, the high-resolution stage and distillation from a teacher with heads are
//! settings of it. Source: `spec/02`, sections 4 to 8; `spec/03`, sections 1 to 3.

mod batch;
mod draws;
mod settings;
mod step;
mod targets;

pub use batch::Batch;
pub use settings::{GramTeacher, RopeJitter, Settings, Teacher};
pub use step::{Broken, Outcome, Readings, SelfSupervised};

#[cfg(test)]
mod golden;
