//! Keys that a recipe does not read: whoever sets one expects something that does not happen.

use super::Config;
use crate::recipes::RecipeId;

/// Sections and keys without effect where one network sees whole crops and no prototypes.
const NO_PROTOTYPES: &[&str] = &[
    "heads",
    "masks",
    "teacher",
    "gram",
    "probe",
    "crops.local_px",
    "crops.locals",
    "crops.local_area",
    "crops.mixed",
    "optimizer.warm_heads",
    "run.monitor_every",
];

impl Config {
    /// Whether the run does the same whatever this key says.
    pub(crate) fn is_idle(&self, key: &str) -> bool {
        let of = |sections: &[&str]| {
            let mut sections = sections.iter();
            sections.any(|section| {
                let rest = key.strip_prefix(section);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let size = ["size", "dim", "depth", "heads", "patch", "registers"];
        let of_size = size.iter().any(|part| key == format!("model.{part}"));
        let statistics = of(&["model.mean", "model.std"]);
        if self.model.start != "scratch" && (of_size || statistics) {
            // Students of their own sizes are fresh.
            return statistics || self.distill.students.is_empty();
        }
        let no_gram = self.gram.weight <= 0.0 && of(&["gram"]) && key != "gram.weight";
        match self.recipe {
            RecipeId::Pretrain | RecipeId::Gram | RecipeId::Hires => {
                no_gram || of(&["distill", "probe", "lora"])
            }
            // Whether it learns from a teacher's heads is known when that is open.
            RecipeId::Distill => of(&["gram", "probe", "lora"]),
            RecipeId::Probe => of(&[
                "heads",
                "crops",
                "masks",
                "optimizer",
                "teacher",
                "loss",
                "gram",
                "distill",
                "lora",
                "run.steps",
                "run.batch",
                "run.accumulate",
                "run.monitor_every",
                "run.activation_checkpointing",
            ]),
            RecipeId::Lora => {
                of(NO_PROTOTYPES) || of(&["loss", "distill", "run.activation_checkpointing"])
            }
            RecipeId::Finetune => {
                of(NO_PROTOTYPES) || of(&["loss", "distill", "lora.rank", "lora.alpha"])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KEYS;
    use crate::schedule::SmallRun;

    #[test]
    fn keys_of_other_recipes_are_told_and_those_of_ones_own_are_not() {
        let config = |recipe| Config::defaults(recipe, SmallRun::Hundreds);
        let lora = config(RecipeId::Lora);
        for key in [
            "run.monitor_every",
            "loss.drop_path",
            "crops.mixed",
            "heads.hidden",
        ] {
            assert!(lora.is_idle(key), "{key}");
        }
        for key in ["lora.rank", "run.steps", "crops.global_px", "data.folder"] {
            assert!(!lora.is_idle(key), "{key}");
        }
        let mut pretrain = config(RecipeId::Pretrain);
        assert!(pretrain.is_idle("gram.px") && !pretrain.is_idle("gram.weight"));
        pretrain.gram.weight = 2.0;
        assert!(!pretrain.is_idle("gram.px"));
        assert!(!pretrain.is_idle("model.size"));
        pretrain.model.start = "vits16".into();
        assert!(pretrain.is_idle("model.size") && !pretrain.is_idle("model.start"));
    }

    #[test]
    fn every_section_that_is_named_is_one() {
        let known = |name: &str| {
            KEYS.iter().any(|key| {
                let rest = key.name.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        for name in NO_PROTOTYPES {
            assert!(known(name), "{name}");
        }
    }
}
