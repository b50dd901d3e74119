//! The curves of a configuration.

use crate::config::{Config, ScheduleKind};
use crate::schedule::{Cosine, Curve, Length, Recipe, Schedules, Span};

/// The numbers of every step of a run of `steps`.
pub(super) fn schedules(config: &Config, steps: u64) -> Schedules {
    let optimizer = &config.optimizer;
    let teacher = &config.teacher;
    let length = Length {
        steps,
        steps_per_epoch: steps.max(1),
    };
    let last = match optimizer.schedule {
        ScheduleKind::Cosine => optimizer.min_lr,
        ScheduleKind::Constant => optimizer.lr,
    };
    let between = |from: f64, to: f64| Curve::Cosine(Cosine::between(from, to));
    let recipe = Recipe {
        lr: Curve::Cosine(Cosine {
            warmup: Span::Fraction(optimizer.warmup),
            ..Cosine::between(optimizer.lr, last)
        }),
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
