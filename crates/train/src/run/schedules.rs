//! The curves of a configuration.

use crate::config::{Config, ScheduleKind};
use crate::schedule::{Cosine, Curve, Length, Ramp, Recipe, Schedules, Span};

/// The numbers of every step of a run of `steps`.
pub(super) fn schedules(config: &Config, steps: u64) -> Schedules {
    let optimizer = &config.optimizer;
    let teacher = &config.teacher;
    let length = Length {
        steps,
        steps_per_epoch: steps.max(1),
    };
    let warmup = Span::Fraction(optimizer.warmup);
    let lr = match optimizer.schedule {
        ScheduleKind::Cosine => Curve::Cosine(Cosine {
            warmup,
            ..Cosine::between(optimizer.lr, optimizer.min_lr)
        }),
        // Not a cosine with equal ends: only its base would be scaled with the batch.
        ScheduleKind::Constant => Curve::Ramp(Ramp::warmed(0.0, optimizer.lr, warmup)),
    };
    let between = |from: f64, to: f64| Curve::Cosine(Cosine::between(from, to));
    let recipe = Recipe {
        lr,
        scaling: optimizer.scaling,
        freeze_last_layer: Span::Fraction(teacher.freeze_last_layer),
        weight_decay: between(optimizer.weight_decay, optimizer.weight_decay_end),
        momentum: between(teacher.momentum, teacher.momentum_end),
        teacher_temp: Curve::Cosine(Cosine {
            warmup_from: teacher.temperature,
            warmup: Span::Fraction(teacher.temperature_warmup),
            ..Cosine::constant(teacher.temperature_end)
        }),
        gram_weight: between(config.gram.weight, config.gram.weight),
        local_weight: between(config.loss.local, config.loss.local),
    };
    Schedules::new(&recipe, length, config.run.batch * config.run.accumulate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipes::RecipeId;
    use crate::schedule::{Scaling, SmallRun};

    fn config(schedule: ScheduleKind, scaling: Scaling) -> Config {
        let mut config = Config::defaults(RecipeId::Pretrain, SmallRun::Hundreds);
        config.optimizer.schedule = schedule;
        config.optimizer.scaling = scaling;
        config
    }

    #[test]
    fn a_constant_rate_stays_at_the_scaled_one_after_its_warmup() {
        for scaling in [Scaling::None, Scaling::SqrtWrt1024, Scaling::LinearWrt256] {
            let config = config(ScheduleKind::Constant, scaling);
            let expected = config.optimizer.lr * scaling.factor(config.run.batch);
            let curves = schedules(&config, 100);
            assert!(curves.at(5).lr < 0.6 * expected);
            for step in 10..103 {
                let part = curves.at(step).lr / expected;
                assert!(
                    (part - 1.0).abs() < 1e-12,
                    "{scaling:?}, step {step}: {part}"
                );
            }
        }
    }

    #[test]
    fn a_cosine_rate_still_falls_to_the_least_one() {
        let config = config(ScheduleKind::Cosine, Scaling::SqrtWrt1024);
        let after = schedules(&config, 100).at(100).lr;
        assert!((after - config.optimizer.min_lr).abs() < 1e-15, "{after}");
    }
}
