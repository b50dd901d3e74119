//! The three stages of self-supervised training; they differ in their defaults and in what they warn of.

use super::self_supervised::SelfSupervisedTask;
use super::{Advice, Context, Recipe, Task, advice};
use crate::error::TrainError;

/// DINO, iBOT and `KoLeo`. Source: `spec/02`.
pub(super) struct Pretrain;

/// The same with Gram anchoring. Source: `spec/03`, section 1.
pub(super) struct Gram;

/// The same at mixed, higher resolutions. Source: `spec/03`, section 2.
pub(super) struct Hires;

impl Recipe for Pretrain {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        Ok(Box::new(SelfSupervisedTask::new(context)?))
    }

    fn advice(&self, context: &Context) -> Vec<Advice> {
        advice::self_supervised(context)
    }
}

impl Recipe for Gram {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        Ok(Box::new(SelfSupervisedTask::new(context)?))
    }

    fn advice(&self, context: &Context) -> Vec<Advice> {
        let mut advice = advice::self_supervised(context);
        if context.config.model.start == "scratch" {
            advice.push(Advice::new(
                "a Gram stage from scratch holds features to random ones",
                "set model.start to the teacher of a pre-training run",
            ));
        }
        advice
    }
}

impl Recipe for Hires {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        Ok(Box::new(SelfSupervisedTask::new(context)?))
    }

    fn advice(&self, context: &Context) -> Vec<Advice> {
        let mut advice = advice::self_supervised(context);
        if context.config.model.start == "scratch" {
            advice.push(Advice::new(
                "high-resolution adaptation from scratch has nothing to adapt",
                "set model.start to the teacher of an earlier run",
            ));
        }
        advice
    }
}
