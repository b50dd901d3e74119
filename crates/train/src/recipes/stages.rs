//! The three stages of self-supervised training; they differ in their defaults and in what they warn of.

use super::self_supervised::SelfSupervisedTask;
use super::{Advice, Context, Recipe, Task, advice};
use crate::config::Config;
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
        advice.extend(without_gram(&context.config));
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

/// What to say of a Gram stage whose loss is off.
fn without_gram(config: &Config) -> Option<Advice> {
    (config.gram.weight <= 0.0).then(|| {
        Advice::new(
            "gram.weight is 0, so nothing holds the patches: the stage is plain pre-training",
            "set gram.weight to 2, or recipe to pretrain",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipes::RecipeId;
    use crate::schedule::SmallRun;

    #[test]
    fn a_gram_stage_without_its_loss_is_told() {
        let mut config = Config::defaults(RecipeId::Gram, SmallRun::Smoke);
        assert_eq!(without_gram(&config), None);
        config.gram.weight = 0.0;
        let advice = without_gram(&config).unwrap();
        assert!(advice.seen.contains("plain pre-training"), "{advice:?}");
    }
}
