//! Values that no recipe can work with.

use super::{Config, ConfigError, Shape};
use crate::recipes::RecipeId;

impl Config {
    /// Tells the first value that is not allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_run()?;
        self.check_optimizer()?;
        self.check_losses()?;
        self.check_sides()?;
        self.check_probe()?;
        self.check_blocks()?;
        self.check_recipe()
    }

    fn check_run(&self) -> Result<(), ConfigError> {
        let run = &self.run;
        for (key, value) in [
            ("run.steps", run.steps),
            ("run.batch", run.batch as u64),
            ("run.accumulate", run.accumulate as u64),
            ("run.log_every", run.log_every),
            ("run.checkpoint_every", run.checkpoint_every),
            ("run.keep_last", run.keep_last as u64),
            ("heads.dino_prototypes", self.heads.dino_prototypes as u64),
            ("heads.ibot_prototypes", self.heads.ibot_prototypes as u64),
            ("heads.hidden", self.heads.hidden as u64),
            ("heads.bottleneck", self.heads.bottleneck as u64),
            ("heads.layers", self.heads.layers as u64),
        ] {
            ensure(value > 0, key, value, "at least 1")?;
        }
        for (key, value) in [
            ("data.held_out_share", self.data.held_out_share),
            ("data.homogeneous_share", self.data.homogeneous_share),
            ("data.max_broken", self.data.max_broken),
            ("masks.crop_fraction", self.masks.crop_fraction),
            ("masks.min_ratio", f64::from(self.masks.min_ratio)),
            ("masks.max_ratio", f64::from(self.masks.max_ratio)),
            ("optimizer.warmup", self.optimizer.warmup),
            ("teacher.momentum", self.teacher.momentum),
            ("teacher.momentum_end", self.teacher.momentum_end),
            (
                "teacher.temperature_warmup",
                self.teacher.temperature_warmup,
            ),
            ("teacher.freeze_last_layer", self.teacher.freeze_last_layer),
            ("distill.momentum", self.distill.momentum),
        ] {
            ensure((0.0..=1.0).contains(&value), key, value, "0 to 1")?;
        }
        Ok(())
    }

    fn check_optimizer(&self) -> Result<(), ConfigError> {
        let optimizer = &self.optimizer;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        for (key, value) in [
            ("optimizer.lr", optimizer.lr),
            ("optimizer.eps", optimizer.eps),
            ("optimizer.layer_decay", optimizer.layer_decay),
            ("teacher.temperature", self.teacher.temperature),
            ("teacher.temperature_end", self.teacher.temperature_end),
            ("distill.temperature", self.distill.temperature),
        ] {
            ensure(positive(value), key, value, "a number above 0")?;
        }
        for (key, value) in [
            ("optimizer.min_lr", optimizer.min_lr),
            ("optimizer.weight_decay", optimizer.weight_decay),
            ("optimizer.weight_decay_end", optimizer.weight_decay_end),
            ("optimizer.clip", optimizer.clip),
            ("optimizer.patch_embed_lr", optimizer.patch_embed_lr),
            ("optimizer.backbone_lr", optimizer.backbone_lr),
        ] {
            let fine = value >= 0.0 && value.is_finite();
            ensure(fine, key, value, "a number of at least 0")?;
        }
        for beta in optimizer.betas {
            let fine = (0.0..1.0).contains(&beta);
            ensure(
                fine,
                "optimizer.betas",
                beta,
                "two numbers from 0 to below 1",
            )?;
        }
        Ok(())
    }

    fn check_losses(&self) -> Result<(), ConfigError> {
        let loss = &self.loss;
        for (key, value) in [
            ("loss.dino", loss.dino),
            ("loss.local", loss.local),
            ("loss.ibot", loss.ibot),
            ("loss.koleo", loss.koleo),
            ("loss.rope_shift", loss.rope_shift),
            ("gram.weight", self.gram.weight),
            ("distill.feature", self.distill.feature),
            ("distill.relation", self.distill.relation),
            ("distill.cls", self.distill.cls),
            ("lora.anchor", self.lora.anchor),
        ] {
            let fine = value >= 0.0 && value.is_finite();
            ensure(fine, key, value, "a number of at least 0")?;
        }
        let drop = loss.drop_path;
        ensure(
            (0.0..1.0).contains(&drop),
            "loss.drop_path",
            drop,
            "0 to below 1",
        )?;
        for (key, value) in [
            ("loss.rope_rescale", loss.rope_rescale),
            ("loss.rope_jitter", loss.rope_jitter),
        ] {
            let fine = value >= 1.0 && value.is_finite();
            ensure(fine, key, value, "a factor of at least 1")?;
        }
        for std in self.model.std {
            ensure(std > 0.0, "model.std", std, "three numbers above 0")?;
        }
        let known = ["copy", "average"];
        let teacher = self.gram.teacher.as_str();
        let fine = known.contains(&teacher) || self.gram.weight > 0.0 || teacher.is_empty();
        ensure(
            fine,
            "gram.teacher",
            teacher,
            "copy, average, or a model where gram.weight is above 0",
        )
    }

    fn check_sides(&self) -> Result<(), ConfigError> {
        self.multicrop()?;
        let patch = u32::try_from(self.model.shape()?.patch()).unwrap_or(16);
        let sides = self.sides();
        for &(key, px) in &sides {
            ensure(px > 0, key, px, "at least 1")?;
        }
        // A start from a file has a patch of its own, which is checked when it is open.
        if self.model.start != "scratch" {
            return Ok(());
        }
        for (key, px) in sides {
            let fine = px.is_multiple_of(patch);
            ensure(fine, key, px, format!("a multiple of the patch, {patch}"))?;
        }
        Ok(())
    }

    /// Sides of all crops, and their keys; a Gram crop of 0 is as large as the global ones.
    fn sides(&self) -> Vec<(&'static str, u32)> {
        let mut sides = vec![
            ("crops.global_px", self.crops.global_px),
            ("crops.local_px", self.crops.local_px),
            ("probe.px", self.probe.px),
            ("preview.px", self.preview.px),
        ];
        if self.gram.px > 0 {
            sides.push(("gram.px", self.gram.px));
        }
        for mixed in &self.crops.mixed {
            sides.push(("crops.mixed.global_px", mixed.global_px));
            sides.push(("crops.mixed.local_px", mixed.local_px));
            if mixed.gram_px > 0 {
                sides.push(("crops.mixed.gram_px", mixed.gram_px));
            }
        }
        sides
    }

    fn check_probe(&self) -> Result<(), ConfigError> {
        let share = self.probe.test_share;
        let fine = share > 0.0 && share < 1.0;
        ensure(fine, "probe.test_share", share, "above 0 and below 1")?;
        let counts = &self.probe.neighbours;
        ensure(
            counts.iter().min().is_some_and(|least| *least > 0),
            "probe.neighbours",
            format!("{counts:?}"),
            "one or more numbers of at least 1",
        )
    }

    /// Only a transformer has blocks that can learn while those below stay.
    fn check_blocks(&self) -> Result<(), ConfigError> {
        let blocks = self.lora.blocks;
        let is_convnext = matches!(self.known_shape()?, Some(Shape::ConvNext(_)));
        let fine = blocks == 0 || !is_convnext;
        ensure(fine, "lora.blocks", blocks, "0 for a ConvNeXt")
    }

    fn check_recipe(&self) -> Result<(), ConfigError> {
        let distill = &self.distill;
        if self.recipe == RecipeId::Distill {
            let sources = [
                !distill.teacher.is_empty(),
                !distill.features.as_os_str().is_empty(),
            ];
            ensure(
                sources != [false, false],
                "distill.teacher",
                "empty",
                "a model to learn from, or distill.features",
            )?;
            ensure(
                sources != [true, true],
                "distill.features",
                distill.features.display(),
                "nothing where distill.teacher is given",
            )?;
        }
        let named = [&self.data.folder, &self.data.list, &self.data.manifest];
        let given = named.iter().filter(|path| !path.as_os_str().is_empty());
        ensure(
            given.count() > 0,
            "data.folder",
            "empty",
            "a folder, or data.list, or data.manifest",
        )
    }
}

fn ensure(
    fine: bool,
    key: &str,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> Result<(), ConfigError> {
    if fine {
        Ok(())
    } else {
        Err(ConfigError::value(key, found, expected))
    }
}
