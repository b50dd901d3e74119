//! Whether the settings of the crops are allowed.
//!
//! [`Multicrop`] → nothing, or the first setting that is not allowed, with what it may be. Checked once, when a
//! configuration is read, so that no draw can fail in the middle of a run.

use super::distortion::Distortions;
use super::multicrop::{LocalsFrom, Multicrop};
use super::symmetry::Orientation;

/// A setting of the crops that is not allowed.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("augmentation: {name} is {found}, expected {expected}")]
pub struct AugmentError {
    /// Name of the setting.
    pub name: &'static str,
    /// What is allowed.
    pub expected: &'static str,
    /// What it is.
    pub found: String,
}

impl Multicrop {
    /// Tells the first setting that is not allowed.
    pub fn check(&self) -> Result<(), AugmentError> {
        self.check_sides()?;
        for (name, crop) in [("global", &self.global), ("local", &self.local)] {
            let [least, most] = crop.area;
            let expected = "an area and an aspect, each least to largest, above 0, areas up to 1";
            let fine = 0.0 < least && least <= most && most <= 1.0;
            let [narrow, wide] = crop.aspect;
            let shapes = 0.0 < narrow && narrow <= wide && wide.is_finite();
            ensure(fine && shapes, name, expected, crop)?;
        }
        self.check_distortions()
    }

    fn check_sides(&self) -> Result<(), AugmentError> {
        let at_least_1 = "at least 1";
        ensure(self.global_px > 0, "global_px", at_least_1, &self.global_px)?;
        ensure(self.local_px > 0, "local_px", at_least_1, &self.local_px)?;
        if let Some(gram) = self.gram {
            ensure(gram.px > 0, "gram.px", at_least_1, &gram.px)?;
        }
        if let LocalsFrom::Globals { patch_px } = self.locals_from {
            ensure(
                patch_px > 0,
                "locals_from.globals.patch_px",
                at_least_1,
                &patch_px,
            )?;
            let expected = "at most global_px where local crops are cut from global ones";
            let fits = self.local_px <= self.global_px;
            ensure(fits, "local_px", expected, &self.local_px)?;
        }
        Ok(())
    }

    fn check_distortions(&self) -> Result<(), AugmentError> {
        let Distortions {
            jitter,
            blur_sigma_px: [least, most],
            ..
        } = self.distortions;
        let mirror = match self.orientation {
            Orientation::Mirrored(probability) => probability,
            Orientation::Free => 0.0,
        };
        let [first, second] = self.global_chances;
        for (name, probability) in [
            ("orientation.mirrored", mirror),
            ("jitter_probability", self.distortions.jitter_probability),
            ("gray_probability", self.distortions.gray_probability),
            ("global_chances.blur", first.blur),
            ("global_chances.blur", second.blur),
            ("global_chances.solarize", first.solarize),
            ("global_chances.solarize", second.solarize),
            ("local_chances.blur", self.local_chances.blur),
            ("local_chances.solarize", self.local_chances.solarize),
        ] {
            let fine = (0.0..=1.0).contains(&probability);
            ensure(fine, name, "a probability, 0 to 1", &probability)?;
        }
        for (name, reach) in [
            ("jitter.brightness", jitter.brightness),
            ("jitter.contrast", jitter.contrast),
            ("jitter.saturation", jitter.saturation),
        ] {
            ensure((0.0..=1.0).contains(&reach), name, "0 to 1", &reach)?;
        }
        let turn = (0.0..=0.5).contains(&jitter.hue);
        ensure(turn, "jitter.hue", "0 to 0.5", &jitter.hue)?;
        ensure(
            0.0 < least && least <= most && most.is_finite(),
            "blur_sigma_px",
            "least to largest, above 0",
            &[least, most],
        )
    }
}

fn ensure(
    fine: bool,
    name: &'static str,
    expected: &'static str,
    found: &impl std::fmt::Debug,
) -> Result<(), AugmentError> {
    if fine {
        return Ok(());
    }
    Err(AugmentError {
        name,
        expected,
        found: format!("{found:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::resized_crop::RandomResizedCrop;
    use super::*;

    #[test]
    fn wrong_settings_are_named() {
        let wrong = [
            Multicrop {
                global_px: 0,
                ..Multicrop::default()
            },
            Multicrop {
                orientation: Orientation::Mirrored(1.5),
                ..Multicrop::default()
            },
            Multicrop {
                local: RandomResizedCrop::new([0.5, 0.2]),
                ..Multicrop::default()
            },
            Multicrop {
                local_px: 256,
                locals_from: LocalsFrom::Globals { patch_px: 16 },
                ..Multicrop::default()
            },
        ];
        let names = wrong.map(|settings| settings.check().unwrap_err().name);
        assert_eq!(
            names,
            ["global_px", "orientation.mirrored", "local", "local_px"]
        );
    }
}
