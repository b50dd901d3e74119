//! What happens to the levels of one crop.
//!
//! [`Distortions`] holds probabilities and ranges, [`Distortion`] one draw; RGB8 in place, in the order color jitter,
//! gray, blur, solarization. Source: `spec/02`, section 2.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::blur::gaussian_blur;
use super::color::{grayscale, solarize};
use super::jitter::{ColorJitter, Jitter};

/// Levels from here on are inverted.
const SOLARIZE_THRESHOLD: u8 = 128;

/// Probabilities and ranges that all crops of a picture share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distortions {
    /// Probability of [`Distortions::jitter`].
    pub jitter_probability: f64,
    /// How far colors change.
    pub jitter: ColorJitter,
    /// Probability that a crop loses its colors.
    pub gray_probability: f64,
    /// Least and largest σ of the blur, in pixels of the crop.
    pub blur_sigma_px: [f32; 2],
}

/// Probabilities that differ between the crops of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chances {
    /// Probability that the blur is applied.
    pub blur: f64,
    /// Probability that the bright half of the levels is inverted.
    pub solarize: f64,
}

/// One draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distortion {
    /// Changes of color, if any.
    pub jitter: Option<Jitter>,
    /// The crop loses its colors.
    pub gray: bool,
    /// σ of the blur in pixels, if any.
    pub blur_sigma_px: Option<f32>,
    /// The bright half of the levels is inverted.
    pub solarize: bool,
}

impl Distortions {
    /// Draws what happens to one crop.
    ///
    /// # Panics
    /// If a probability or a range is not allowed.
    pub fn draw(&self, chances: Chances, rng: &mut ChaCha8Rng) -> Distortion {
        Distortion {
            jitter: rng
                .random_bool(self.jitter_probability)
                .then(|| self.jitter.draw(rng)),
            gray: rng.random_bool(self.gray_probability),
            blur_sigma_px: rng
                .random_bool(chances.blur)
                .then(|| rng.random_range(self.blur_sigma_px[0]..=self.blur_sigma_px[1])),
            solarize: rng.random_bool(chances.solarize),
        }
    }
}

impl Distortion {
    /// Distorts the crop.
    pub fn apply(&self, crop: &mut RgbImage) {
        if let Some(jitter) = &self.jitter {
            jitter.apply(crop);
        }
        if self.gray {
            grayscale(crop);
        }
        if let Some(sigma_px) = self.blur_sigma_px {
            gaussian_blur(crop, sigma_px);
        }
        if self.solarize {
            solarize(crop, SOLARIZE_THRESHOLD);
        }
    }
}
