//! What is known not to work well, and what to change. Source: `spec/06`, sections 0, 1 and 4.

use serde::Serialize;

use super::Context;
use crate::config::{Config, most_prototypes};

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
    advice.extend(prototypes(config));
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
            format!("set optimizer.warm_heads to {}", config.run.warm_heads()),
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

/// Heads with more prototypes than the rows that are balanced together can tell apart. Source: `spec/06`, section 1.
fn prototypes(config: &Config) -> Vec<Advice> {
    let heads = [
        (
            "heads.dino_prototypes",
            config.heads.dino_prototypes,
            config.loss.dino,
            config.dino_rows(),
        ),
        (
            "heads.ibot_prototypes",
            config.heads.ibot_prototypes,
            config.loss.ibot,
            config.ibot_rows(),
        ),
    ];
    heads
        .into_iter()
        .filter(|(_, _, weight, rows)| *weight > 0.0 && *rows > 0)
        .filter_map(|(key, prototypes, _, rows)| too_many(key, prototypes, rows))
        .collect()
}

/// What to say of so many prototypes over so many rows, if they are too many.
fn too_many(key: &str, prototypes: usize, rows: usize) -> Option<Advice> {
    if prototypes <= rows.saturating_mul(8) {
        return None;
    }
    let most = (prototypes as f64).ln();
    let floor = most - (rows as f64).ln();
    Some(Advice::new(
        format!(
            "{prototypes} prototypes over {rows} rows: the entropy of the targets cannot fall below {floor:.2} of {most:.2} nats, so they say little"
        ),
        format!(
            "set {key} to {} or fewer, or raise run.accumulate",
            most_prototypes(rows)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipes::RecipeId;
    use crate::schedule::SmallRun;

    #[test]
    fn advice_names_the_most_prototypes_that_are_allowed() {
        let mut config = Config::defaults(RecipeId::Pretrain, SmallRun::Hundreds);
        assert!(prototypes(&config).is_empty());
        // 2 x 32 class tokens.
        config.heads.dino_prototypes = 512;
        assert!(prototypes(&config).is_empty());
        config.heads.dino_prototypes = 513;
        let found = prototypes(&config);
        let change = "set heads.dino_prototypes to 512 or fewer, or raise run.accumulate";
        assert_eq!(found[0].change, change);
        assert!(found[0].seen.starts_with("513 prototypes over 64 rows"));
        config.run.accumulate = 2;
        assert!(prototypes(&config).is_empty());
    }

    #[test]
    fn the_head_of_masked_patches_is_looked_at_too() {
        let mut config = Config::defaults(RecipeId::Pretrain, SmallRun::Hundreds);
        config.heads.ibot_prototypes = 65_536;
        let found = prototypes(&config);
        assert_eq!(found.len(), 1);
        // 64 crops, half of them masked, 0.3 of 64 patches: 614 rows.
        assert!(found[0].seen.contains("over 614 rows"), "{:?}", found[0]);
        assert!(found[0].change.contains("heads.ibot_prototypes to 4096"));
        config.loss.ibot = 0.0;
        assert!(prototypes(&config).is_empty());
    }
}
