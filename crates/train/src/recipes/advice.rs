//! What is known not to work well, and what to change. Source: `spec/06`, sections 0, 1 and 4.

use serde::Serialize;

use super::Context;

/// Something to change before a run starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What is seen.
    pub seen: String,
    /// What to change.
    pub change: String,
}

impl Advice {
    pub(super) fn new(seen: impl Into<String>, change: impl Into<String>) -> Self {
        Self {
            seen: seen.into(),
            change: change.into(),
        }
    }
}

/// What holds for every recipe.
pub(super) fn general(context: &Context) -> Vec<Advice> {
    let config = &context.config;
    let mut advice = Vec::new();
    let pictures = context.data.len();
    if pictures < config.run.batch {
        advice.push(Advice::new(
            format!(
                "{pictures} pictures are fewer than a batch of {}",
                config.run.batch
            ),
            format!("set run.batch to {} or fewer", (pictures / 2).max(1)),
        ));
    }
    if config.run.batch <= 64 && config.optimizer.lr > 2e-3 {
        advice.push(Advice::new(
            format!(
                "a learning rate of {} with a batch of {} was unstable for others",
                config.optimizer.lr, config.run.batch
            ),
            "set optimizer.lr to 2e-4 and raise it from there",
        ));
    }
    advice
}

/// What holds for self-supervised training.
pub(super) fn self_supervised(context: &Context) -> Vec<Advice> {
    let config = &context.config;
    let mut advice = general(context);
    let rows = 2 * config.run.batch * config.run.accumulate;
    let prototypes = config.heads.dino_prototypes;
    if prototypes > 8 * rows {
        let floor = (prototypes as f64).ln() - (rows as f64).ln();
        advice.push(Advice::new(
            format!(
                "{prototypes} prototypes over {rows} rows: the entropy of the targets cannot fall below {floor:.2} of {:.2} nats, so they say little",
                (prototypes as f64).ln()
            ),
            format!(
                "set heads.dino_prototypes to {} or fewer, or raise run.accumulate",
                (8 * rows).next_power_of_two() / 2
            ),
        ));
    }
    if context.data.len() < 1_000 && config.model.start == "scratch" {
        advice.push(Advice::new(
            format!(
                "{} pictures are few for self-supervised training from scratch",
                context.data.len()
            ),
            "distil from a trained network, or start from one, or take this as a demonstration",
        ));
    }
    if config.model.start != "scratch" && config.optimizer.warm_heads == 0 {
        advice.push(Advice::new(
            "trained weights meet fresh heads, whose first gradients are random",
            format!(
                "set optimizer.warm_heads to {}",
                (config.run.steps / 20).clamp(10, 2_000)
            ),
        ));
    }
    if config.run.batch < 4 && config.loss.koleo > 0.0 {
        advice.push(Advice::new(
            format!(
                "the spread loss looks for neighbors among {} pictures",
                config.run.batch
            ),
            "set run.batch to 4 or more, or loss.koleo to 0",
        ));
    }
    advice
}
