//! Two global and several local crops of one picture.
//!
//! RGB8 of any size and a generator → [`Crops`], RGB8. All settings are plain fields; [`super::Preset`] makes the usual
//! ones. Source: `spec/02`, section 2; Gram crops: `spec/03`, section 1.2.

use image::RgbImage;
use image::imageops::crop_imm;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::distortion::{Chances, Distortions};
use super::presets::Preset;
use super::resample::{crop_bicubic, resize_bicubic};
use super::resized_crop::RandomResizedCrop;
use super::symmetry::Orientation;

/// How crops are made of a picture. Sides are in pixels; all crops are square.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Multicrop {
    /// Side of the global crops.
    pub global_px: u32,
    /// Where global crops lie.
    pub global: RandomResizedCrop,
    /// Side of the local crops.
    pub local_px: u32,
    /// Where local crops lie.
    pub local: RandomResizedCrop,
    /// Number of local crops.
    pub locals: usize,
    /// What local crops are cut from.
    pub locals_from: LocalsFrom,
    /// Symmetries of every crop.
    pub orientation: Orientation,
    /// Distortions of every crop.
    pub distortions: Distortions,
    /// What has its colors changed at once.
    pub jitter_of: JitterOf,
    /// Chances of the first and the second global crop.
    pub global_chances: [Chances; 2],
    /// Chances of the local crops.
    pub local_chances: Chances,
    /// Crops for a Gram teacher, if any.
    pub gram: Option<GramCrops>,
}

/// What local crops are cut from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalsFrom {
    /// The picture, by [`Multicrop::local`].
    #[default]
    Picture,
    /// Half of them the first global crop, half the second, unscaled, at multiples of a patch.
    Globals {
        /// Side of a patch in pixels.
        patch_px: u32,
    },
}

/// What has its colors changed at once: jitter and gray.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JitterOf {
    /// Each crop by itself.
    #[default]
    Crop,
    /// The picture before it is cropped.
    Picture,
}

/// Crops of the same places as the global crops, for a Gram teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GramCrops {
    /// Side in pixels.
    pub px: u32,
    /// They show the distortions of the global crops; the released networks were trained without.
    #[serde(default)]
    pub distorted: bool,
}

/// The crops of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Crops {
    /// First and second global crop.
    pub global: [RgbImage; 2],
    /// Local crops.
    pub local: Vec<RgbImage>,
    /// The global crops for a Gram teacher.
    pub gram: Option<[RgbImage; 2]>,
}

/// One global crop in its stages.
struct Global {
    /// Not distorted, of the global crops' side.
    plain: RgbImage,
    crop: RgbImage,
    gram: Option<RgbImage>,
}

impl Default for Multicrop {
    fn default() -> Self {
        Preset::Reference.multicrop()
    }
}

impl Multicrop {
    /// Makes the crops of one picture; the same generator state gives the same crops.
    ///
    /// # Panics
    /// If the picture is empty, or [`Multicrop::check`] fails.
    pub fn crops(&self, picture: &RgbImage, rng: &mut ChaCha8Rng) -> Crops {
        match self.jitter_of {
            JitterOf::Crop => self.crops_of(picture, &self.distortions, rng),
            JitterOf::Picture => {
                let mut jittered = picture.clone();
                let colors = self.distortions.draw(Chances::default(), rng);
                colors.apply(&mut jittered);
                let without_colors = Distortions {
                    jitter_probability: 0.0,
                    gray_probability: 0.0,
                    ..self.distortions
                };
                self.crops_of(&jittered, &without_colors, rng)
            }
        }
    }

    fn crops_of(
        &self,
        picture: &RgbImage,
        distortions: &Distortions,
        rng: &mut ChaCha8Rng,
    ) -> Crops {
        let [first, second] = self
            .global_chances
            .map(|chances| self.global_crop(picture, distortions, chances, rng));
        let local = (0..self.locals)
            .map(|index| {
                let global = if index < self.locals / 2 {
                    &first
                } else {
                    &second
                };
                match self.locals_from {
                    LocalsFrom::Picture => self.local_crop(picture, distortions, rng),
                    LocalsFrom::Globals { patch_px } => {
                        self.local_of_global(&global.plain, patch_px, distortions, rng)
                    }
                }
            })
            .collect();
        Crops {
            global: [first.crop, second.crop],
            local,
            gram: first.gram.zip(second.gram).map(|(a, b)| [a, b]),
        }
    }

    fn global_crop(
        &self,
        picture: &RgbImage,
        distortions: &Distortions,
        chances: Chances,
        rng: &mut ChaCha8Rng,
    ) -> Global {
        let side = self
            .gram
            .map_or(self.global_px, |gram| gram.px.max(self.global_px));
        let large = self.place(picture, &self.global, side, rng);
        let distortion = distortions.draw(chances, rng);
        let resized = |crop: &RgbImage, side: u32| resize_bicubic(crop, side, side);
        let Some(gram) = self.gram else {
            let plain = large;
            let mut crop = plain.clone();
            distortion.apply(&mut crop);
            return Global {
                plain,
                crop,
                gram: None,
            };
        };
        let plain = resized(&large, self.global_px);
        let (crop, gram) = if gram.distorted {
            let mut distorted = large;
            distortion.apply(&mut distorted);
            (
                resized(&distorted, self.global_px),
                resized(&distorted, gram.px),
            )
        } else {
            let mut crop = plain.clone();
            distortion.apply(&mut crop);
            (crop, resized(&large, gram.px))
        };
        Global {
            plain,
            crop,
            gram: Some(gram),
        }
    }

    fn local_crop(
        &self,
        picture: &RgbImage,
        distortions: &Distortions,
        rng: &mut ChaCha8Rng,
    ) -> RgbImage {
        let mut crop = self.place(picture, &self.local, self.local_px, rng);
        distortions.draw(self.local_chances, rng).apply(&mut crop);
        crop
    }

    /// Distorts all of the global crop, as the reference does, and cuts then.
    fn local_of_global(
        &self,
        global: &RgbImage,
        patch_px: u32,
        distortions: &Distortions,
        rng: &mut ChaCha8Rng,
    ) -> RgbImage {
        let mut distorted = global.clone();
        distortions
            .draw(self.local_chances, rng)
            .apply(&mut distorted);
        // The last place is never drawn, as in the reference.
        let places = ((self.global_px - self.local_px) / patch_px).max(1);
        let [x, y] = std::array::from_fn(|_| rng.random_range(0..places) * patch_px);
        crop_imm(&distorted, x, y, self.local_px, self.local_px).to_image()
    }

    /// A crop of a random place, size and orientation, resized to `side` pixels.
    fn place(
        &self,
        picture: &RgbImage,
        ranges: &RandomResizedCrop,
        side: u32,
        rng: &mut ChaCha8Rng,
    ) -> RgbImage {
        let region = ranges.draw(picture.width(), picture.height(), rng);
        let symmetry = self.orientation.draw(rng);
        symmetry.apply(crop_bicubic(picture, region, side, side))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::golden::Golden;
    use super::*;

    fn crops(settings: &Multicrop, seed: u64) -> Crops {
        let picture = Golden::open().picture();
        settings.check().unwrap();
        settings.crops(&picture, &mut ChaCha8Rng::seed_from_u64(seed))
    }

    /// Settings that change no level.
    fn plain() -> Multicrop {
        let mut plain = Multicrop {
            global_px: 48,
            local_px: 16,
            locals: 5,
            global_chances: [Chances::default(); 2],
            local_chances: Chances::default(),
            ..Multicrop::default()
        };
        plain.distortions.jitter_probability = 0.0;
        plain.distortions.gray_probability = 0.0;
        plain
    }

    #[test]
    fn the_same_seed_gives_the_same_crops() {
        let settings = Multicrop::default();
        assert_eq!(crops(&settings, 7), crops(&settings, 7));
        assert_ne!(crops(&settings, 7), crops(&settings, 8));
    }

    #[test]
    fn every_preset_is_allowed_and_gives_its_sizes() {
        for preset in Preset::ALL {
            let settings = preset.multicrop();
            let crops = crops(&settings, 1);
            assert_eq!(crops.local.len(), settings.locals);
            assert!(crops.gram.is_none());
            for crop in &crops.global {
                assert_eq!(crop.dimensions(), (settings.global_px, settings.global_px));
            }
            for crop in &crops.local {
                assert_eq!(crop.dimensions(), (settings.local_px, settings.local_px));
            }
        }
    }

    #[test]
    fn undistorted_gram_crops_of_the_global_size_are_the_plain_crops() {
        let mut settings = plain();
        settings.gram = Some(GramCrops {
            px: 48,
            distorted: false,
        });
        let found = crops(&settings, 2);
        assert_eq!(found.gram.as_ref(), Some(&found.global));
        settings.distortions.gray_probability = 1.0;
        let gray = crops(&settings, 2);
        // The first crop's place is drawn before its distortions.
        assert_eq!(gray.gram.unwrap()[0], found.global[0]);
        assert_ne!(gray.global[0], found.global[0]);
    }

    #[test]
    fn larger_gram_crops_show_the_place_of_the_global_crops() {
        for distorted in [false, true] {
            let mut settings = plain();
            settings.gram = Some(GramCrops { px: 96, distorted });
            let found = crops(&settings, 3);
            let gram = found.gram.unwrap();
            for (gram, global) in gram.iter().zip(&found.global) {
                assert_eq!(gram.dimensions(), (96, 96));
                assert_eq!(resize_bicubic(gram, 48, 48), *global);
            }
        }
    }

    #[test]
    fn locals_of_globals_are_cut_at_patches() {
        let mut settings = plain();
        settings.locals_from = LocalsFrom::Globals { patch_px: 8 };
        let found = crops(&settings, 4);
        for (index, local) in found.local.iter().enumerate() {
            let global = &found.global[usize::from(index >= 2)];
            let places = (0..4).flat_map(|x| (0..4).map(move |y| (8 * x, 8 * y)));
            let cut = |(x, y)| crop_imm(global, x, y, 16, 16).to_image();
            assert!(places.map(cut).any(|cut| cut == *local), "{index}");
        }
    }

    #[test]
    fn shared_colors_reach_all_crops() {
        let mut settings = plain();
        settings.jitter_of = JitterOf::Picture;
        settings.distortions.gray_probability = 1.0;
        let found = crops(&settings, 5);
        for crop in found.global.iter().chain(&found.local) {
            assert!(crop.pixels().all(|pixel| pixel.0 == [pixel.0[0]; 3]));
        }
    }
}
