//! The usual settings of [`Multicrop`], by the kind of pictures.
//!
//! A name → settings. [`Preset::Reference`] and [`Preset::Nominal`] differ in the blur alone: the reference's code
//! inverts the probabilities that its paper and configuration name, and the released networks were trained that way.
//! Sources: `spec/02`, section 2; `spec/06`, section 4.

use serde::{Deserialize, Serialize};

use super::distortion::{Chances, Distortions};
use super::jitter::ColorJitter;
use super::multicrop::{JitterOf, LocalsFrom, Multicrop};
use super::resized_crop::RandomResizedCrop;
use super::symmetry::Orientation;

/// A name for settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Photographs, as the released code does it: the first crop is never blurred, the second nearly always.
    #[default]
    Reference,
    /// Photographs, as BYOL and the configuration say it: the first crop is always blurred, the second rarely.
    Nominal,
    /// The released networks' first stage: 256 and 112 pixels, never mirrored.
    Release,
    /// Photographs nearly as they are: light and color vary a little, nothing is blurred, gray or solarized.
    Gentle,
    /// Pictures from above: no up, no hue, gray or solarization; haze and light vary.
    Aerial,
    /// Radiographs and slices: levels carry the finding, so light varies little and colors not at all.
    Medical,
    /// Pictures through a microscope: no up; stain and light vary, its hue tells tissue.
    Microscopy,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Reference,
        Self::Nominal,
        Self::Release,
        Self::Gentle,
        Self::Aerial,
        Self::Medical,
        Self::Microscopy,
    ];

    /// The settings.
    pub fn multicrop(self) -> Multicrop {
        match self {
            Self::Reference => photographs([0.0, 0.9]),
            Self::Nominal => photographs([1.0, 0.1]),
            Self::Release => Multicrop {
                global_px: 256,
                local_px: 112,
                orientation: Orientation::Mirrored(0.0),
                ..photographs([0.0, 0.9])
            },
            Self::Gentle => gentle(),
            // Many small objects: local crops may be as small as in photographs.
            Self::Aerial => without_up(0.05, [0.4, 0.4, 0.2]),
            // One organ fills the frame: smaller crops would show no structure.
            Self::Medical => without_up(0.15, [0.2, 0.2, 0.0]),
            Self::Microscopy => without_up(0.1, [0.3, 0.3, 0.2]),
        }
    }
}

/// Settings for photographs with these probabilities of blur of the first and second global crop.
fn photographs(blur: [f64; 2]) -> Multicrop {
    Multicrop {
        global_px: 224,
        global: RandomResizedCrop::new([0.32, 1.0]),
        local_px: 96,
        local: RandomResizedCrop::new([0.05, 0.32]),
        locals: 8,
        locals_from: LocalsFrom::Picture,
        orientation: Orientation::Mirrored(0.5),
        distortions: Distortions {
            jitter_probability: 0.8,
            jitter: ColorJitter {
                brightness: 0.4,
                contrast: 0.4,
                saturation: 0.2,
                hue: 0.1,
            },
            gray_probability: 0.2,
            blur_sigma_px: [0.1, 2.0],
        },
        jitter_of: JitterOf::Crop,
        global_chances: [
            Chances {
                blur: blur[0],
                solarize: 0.0,
            },
            Chances {
                blur: blur[1],
                solarize: 0.2,
            },
        ],
        local_chances: Chances {
            blur: 0.5,
            solarize: 0.0,
        },
        gram: None,
    }
}

/// Settings for photographs whose features are known: a student has to find them again, not to bear distortions.
fn gentle() -> Multicrop {
    let mut settings = photographs([0.0, 0.0]);
    settings.local_chances = Chances::default();
    settings.distortions.gray_probability = 0.0;
    settings.distortions.jitter = ColorJitter {
        brightness: 0.2,
        contrast: 0.2,
        saturation: 0.1,
        hue: 0.02,
    };
    settings.global_chances[1].solarize = 0.0;
    settings
}

/// Settings for homogeneous pictures without an up: least area of local crops; brightness, contrast and saturation.
fn without_up(least_area: f64, [brightness, contrast, saturation]: [f32; 3]) -> Multicrop {
    let mut settings = photographs([0.0, 0.9]);
    settings.local.area[0] = least_area;
    settings.orientation = Orientation::Free;
    settings.distortions.gray_probability = 0.0;
    settings.distortions.jitter = ColorJitter {
        brightness,
        contrast,
        saturation,
        hue: 0.0,
    };
    settings.global_chances[1].solarize = 0.0;
    settings
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Share of draws in which the crop with these chances is blurred.
    fn blurred(settings: &Multicrop, chances: Chances) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let draws = (0..4000).map(|_| settings.distortions.draw(chances, &mut rng));
        draws.filter(|draw| draw.blur_sigma_px.is_some()).count() as f64 / 4000.0
    }

    #[test]
    fn the_reference_blurs_as_its_code_does() {
        for (preset, expected) in [
            (Preset::Reference, [0.0, 0.9, 0.5]),
            (Preset::Nominal, [1.0, 0.1, 0.5]),
        ] {
            let settings = preset.multicrop();
            let [first, second] = settings.global_chances;
            let found = [first, second, settings.local_chances];
            for (chances, expected) in found.into_iter().zip(expected) {
                let share = blurred(&settings, chances);
                // Four standard errors of a half: 4 · 0.5 / √4000 = 0.032.
                assert!(
                    (share - expected).abs() < 0.032,
                    "{preset:?} {share} {expected}"
                );
            }
        }
    }

    #[test]
    fn gentle_crops_keep_outlines_and_nearly_their_colors() {
        let settings = Preset::Gentle.multicrop();
        let [first, second] = settings.global_chances;
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for chances in [first, second, settings.local_chances] {
            for _ in 0..200 {
                let drawn = settings.distortions.draw(chances, &mut rng);
                assert!(drawn.blur_sigma_px.is_none() && !drawn.gray && !drawn.solarize);
            }
        }
        let (mild, usual) = (
            settings.distortions.jitter,
            Preset::Nominal.multicrop().distortions.jitter,
        );
        assert!(mild.brightness < usual.brightness && mild.contrast < usual.contrast);
        assert!(mild.saturation < usual.saturation && mild.hue < usual.hue);
        assert_eq!(settings.orientation, Orientation::Mirrored(0.5));
    }

    #[test]
    fn homogeneous_pictures_keep_hue_and_tone() {
        for preset in [Preset::Aerial, Preset::Medical, Preset::Microscopy] {
            let settings = preset.multicrop();
            assert!(settings.distortions.jitter.hue.abs() < f32::EPSILON);
            assert!(settings.distortions.gray_probability.abs() < f64::EPSILON);
            for chances in settings.global_chances {
                assert!(chances.solarize.abs() < f64::EPSILON);
            }
            assert_eq!(settings.orientation, Orientation::Free);
        }
    }
}
