//! Defaults that follow other keys: what a user sets moves what depends on it and was left out.
//!
//! Input: a configuration with every value in its place, and which keys were given. Source of the rules: `spec/06`,
//! sections 0, 1 and 4; `spec/03`, sections 1.1 and 1.3.

use dinoscope_model::Variant;

use super::defaults::prototypes;
use super::{Config, ConfigError, Run, Shape};
use crate::recipes::RecipeId;
use crate::schedule::Start;

/// Whether a user gave a key.
pub(super) type Given<'a> = dyn Fn(&str) -> bool + 'a;

impl Run {
    /// Steps in which fresh heads over a trained backbone learn alone: a twentieth of the run.
    pub(crate) fn warm_heads(&self) -> u64 {
        (self.steps / 20).clamp(1, 2_000)
    }
}

impl Config {
    /// Sets the keys that depend on others, but those that are given.
    pub(super) fn follow(&mut self, given: &Given<'_>) {
        if !given("run.checkpoint_every") {
            self.run.checkpoint_every = (self.run.steps / 4).max(1);
        }
        if self.is_self_supervised() {
            self.follow_start(given);
            self.follow_gram(given);
            self.follow_rows(given);
        }
    }

    /// Whether the recipe is a stage of self-supervised training, with heads and prototypes.
    pub(crate) fn is_self_supervised(&self) -> bool {
        matches!(
            self.recipe,
            RecipeId::Pretrain | RecipeId::Gram | RecipeId::Hires
        )
    }

    /// A trained backbone has a learning rate of its own, and waits for its heads.
    fn follow_start(&mut self, given: &Given<'_>) {
        if self.model.start == "scratch" {
            return;
        }
        if !given("optimizer.lr") {
            // That of a later stage may be lower already.
            let trained = self.run.scale.lr(Start::Pretrained);
            self.optimizer.lr = self.optimizer.lr.min(trained);
        }
        if !given("optimizer.warm_heads") {
            self.optimizer.warm_heads = self.run.warm_heads();
        }
    }

    /// The Gram teacher sees larger crops than the student, and is taken anew as often in a run of any length.
    fn follow_gram(&mut self, given: &Given<'_>) {
        let global = self.crops.global_px;
        let px = match self.recipe {
            RecipeId::Gram => global.saturating_mul(2),
            RecipeId::Hires => {
                let patch = self.patch_px();
                // Half as much again, cut to whole patches.
                (global.saturating_add(global / 2) / patch * patch).max(global)
            }
            _ => return,
        };
        if !given("gram.px") {
            self.gram.px = px;
        }
        if self.recipe == RecipeId::Gram && !given("gram.every") {
            self.gram.every = (self.run.steps / 3).max(1);
        }
    }

    /// Fewer prototypes where fewer rows are balanced together than in the column of defaults.
    fn follow_rows(&mut self, given: &Given<'_>) {
        let [dino, ibot] = prototypes(self.run.scale);
        if !given("heads.dino_prototypes") {
            self.heads.dino_prototypes = dino.min(most_prototypes(self.dino_rows()));
        }
        if !given("heads.ibot_prototypes") {
            self.heads.ibot_prototypes = ibot.min(most_prototypes(self.ibot_rows()));
        }
    }

    /// Class tokens that are balanced together: those of both global crops of a step's pictures.
    pub(crate) fn dino_rows(&self) -> usize {
        let pictures = self.run.batch.saturating_mul(self.run.accumulate);
        pictures.saturating_mul(2)
    }

    /// Masked patches that are balanced together, about; of the smallest of mixed crops.
    #[expect(
        clippy::cast_sign_loss,
        reason = "a part that is not allowed counts as none, and is refused by the check"
    )]
    pub(crate) fn ibot_rows(&self) -> usize {
        let masks = &self.masks;
        let part = masks.crop_fraction * f64::from(masks.min_ratio + masks.max_ratio) / 2.0;
        let mixed = self.crops.mixed.iter().map(|mixed| mixed.global_px);
        let px = mixed.min().unwrap_or(self.crops.global_px);
        let side = f64::from(px / self.patch_px());
        (self.dino_rows() as f64 * part * side * side) as usize
    }

    /// The shape of the network that learns, where the configuration alone tells it: not that of a file.
    pub(super) fn known_shape(&self) -> Result<Option<Shape>, ConfigError> {
        match self.model.start.as_str() {
            "scratch" => self.model.shape().map(Some),
            name => Ok(Variant::by_name(name).map(Variant::config)),
        }
    }

    /// Side of a patch; of a network that is not known yet, that of the released transformers.
    fn patch_px(&self) -> u32 {
        let shape = self.known_shape().ok().flatten();
        let patch = shape.map_or(16, |shape| shape.patch());
        u32::try_from(patch).unwrap_or(u32::MAX)
    }
}

/// The largest power of two of prototypes that so many rows can tell apart: at most 8 each.
pub(crate) fn most_prototypes(rows: usize) -> usize {
    let most = rows.max(1).saturating_mul(8);
    1_usize << most.ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::SmallRun;

    fn read(recipe: &str, text: &str) -> Config {
        let text = format!("recipe = \"{recipe}\"\ndata.folder = \"/pictures\"\n{text}");
        Config::read(&text, &[], 100).unwrap()
    }

    #[test]
    fn a_trained_start_warms_up_fresh_heads_at_a_lower_rate() {
        let scratch = read("pretrain", "").optimizer;
        assert_eq!((scratch.warm_heads, scratch.lr), (0, 3e-4));
        let trained = read("pretrain", "model.start = \"vits16\"").optimizer;
        assert_eq!((trained.warm_heads, trained.lr), (100, 1e-4));
        let many = "model.start = \"vits16\"\nrun.scale = \"tens_of_thousands\"\n";
        let trained = read("pretrain", many).optimizer;
        assert_eq!((trained.warm_heads, trained.lr), (2_000, 2e-4));
        let short = read("gram", &format!("{many}run.steps = 7")).optimizer;
        assert_eq!((short.warm_heads, short.lr), (1, 2e-4));
        // The rate of the last stage is lower already.
        let hires = read("hires", "model.start = \"a/teacher.safetensors\"").optimizer;
        assert!((hires.lr - 6e-5).abs() < 1e-12, "{}", hires.lr);
        let own = "model.start = \"vits16\"\noptimizer.warm_heads = 0\noptimizer.lr = 1e-3";
        let own = read("pretrain", own).optimizer;
        assert_eq!((own.warm_heads, own.lr), (0, 1e-3));
        let other = read("finetune", "model.start = \"vits16\"").optimizer;
        assert_eq!((other.warm_heads, other.lr), (0, 5e-5));
    }

    #[test]
    fn gram_crops_follow_the_global_crops() {
        let px = |recipe, text| read(recipe, text).gram.px;
        assert_eq!(px("gram", ""), 256);
        assert_eq!(px("gram", "crops.global_px = 160"), 320);
        assert_eq!(px("gram", "crops.global_px = 160\ngram.px = 160"), 160);
        assert_eq!(px("hires", ""), 384);
        assert_eq!(px("hires", "crops.global_px = 320"), 480);
        // 11 patches: 16.5 would be none.
        assert_eq!(px("hires", "crops.global_px = 176"), 256);
        assert_eq!(px("pretrain", "crops.global_px = 160"), 0);
    }

    #[test]
    fn intervals_are_parts_of_the_steps_that_are_told() {
        let gram = read("gram", "run.steps = 300");
        assert_eq!((gram.run.checkpoint_every, gram.gram.every), (75, 100));
        let short = read("gram", "run.steps = 1");
        assert_eq!((short.run.checkpoint_every, short.gram.every), (1, 1));
        let own = read(
            "gram",
            "run.steps = 300\nrun.checkpoint_every = 7\ngram.every = 9",
        );
        assert_eq!((own.run.checkpoint_every, own.gram.every), (7, 9));
        assert_eq!(read("hires", "run.steps = 300").gram.every, 0);
        assert_eq!(read("lora", "").run.checkpoint_every, 125);
    }

    #[test]
    fn default_prototypes_are_few_enough_for_the_rows() {
        for recipe in [RecipeId::Pretrain, RecipeId::Gram, RecipeId::Hires] {
            for scale in [
                SmallRun::Smoke,
                SmallRun::Hundreds,
                SmallRun::Thousands,
                SmallRun::TensOfThousands,
            ] {
                let config = Config::defaults(recipe, scale);
                assert!(config.heads.dino_prototypes <= 8 * config.dino_rows());
                assert!(config.heads.ibot_prototypes <= 8 * config.ibot_rows());
            }
        }
        let dino = |recipe, text| read(recipe, text).heads.dino_prototypes;
        assert_eq!(dino("pretrain", ""), 256);
        assert_eq!(dino("pretrain", "run.batch = 4"), 64);
        assert_eq!(dino("pretrain", "run.batch = 4\nrun.accumulate = 8"), 256);
        assert_eq!(dino("hires", ""), 128);
        assert_eq!(dino("hires", "run.batch = 64"), 256);
        assert_eq!(dino("hires", "heads.dino_prototypes = 512"), 512);
        let few = read("pretrain", "run.batch = 1\ncrops.global_px = 32");
        assert_eq!(few.heads.ibot_prototypes, 8);
        let unmasked = read("pretrain", "masks.crop_fraction = 0");
        assert_eq!(unmasked.ibot_rows(), 0);
    }

    #[test]
    fn masked_rows_are_those_that_are_drawn() {
        let config = read("pretrain", "");
        let drawn: usize = config.masks.counts(64, 64).iter().sum();
        let (rows, drawn) = (config.ibot_rows() as f64, drawn as f64);
        // The ratios' steps begin after the lower end, and counts are cut to whole patches.
        assert!((rows / drawn - 1.0).abs() < 0.05, "{rows} {drawn}");
    }

    #[test]
    fn a_power_of_two_that_is_allowed_is_not_halved() {
        for (rows, most) in [(0, 8), (1, 8), (16, 128), (63, 256), (64, 512), (65, 512)] {
            assert_eq!(most_prototypes(rows), most, "{rows} rows");
        }
        assert_eq!(most_prototypes(usize::MAX), 1 << 63);
    }
}
