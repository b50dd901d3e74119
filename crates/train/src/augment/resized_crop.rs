//! Where a random crop lies.
//!
//! A picture's size → a [`Region`] of random area and shape. Area uniform, aspect log-uniform, ten tries, then the
//! largest centered region whose shape is allowed. Source: `torchvision`, `RandomResizedCrop`; `spec/02`, section 2.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::resample::Region;

/// Tries before the centered region is taken.
const TRIES: usize = 10;

/// Ranges of a random crop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Least and largest share of the picture's area, in 0 to 1.
    pub area: [f64; 2],
    /// Least and largest width by height.
    #[serde(default = "RandomResizedCrop::photographic")]
    pub aspect: [f64; 2],
}

impl RandomResizedCrop {
    /// Crops of this share of the area, between 3:4 and 4:3 in shape.
    pub const fn new(area: [f64; 2]) -> Self {
        Self {
            area,
            aspect: Self::photographic(),
        }
    }

    const fn photographic() -> [f64; 2] {
        [3.0 / 4.0, 4.0 / 3.0]
    }

    /// Draws a region of a picture of `width` x `height` pixels.
    ///
    /// # Panics
    /// If a side is zero or a range is empty.
    #[expect(clippy::cast_sign_loss, reason = "sides are positive")]
    pub fn draw(&self, width: u32, height: u32, rng: &mut ChaCha8Rng) -> Region {
        assert!(
            width > 0 && height > 0,
            "crop: picture is {width}x{height}, expected sides of at least 1"
        );
        let pixels = f64::from(width) * f64::from(height);
        for _ in 0..TRIES {
            let area = pixels * rng.random_range(self.area[0]..=self.area[1]);
            let aspect = rng
                .random_range(self.aspect[0].ln()..=self.aspect[1].ln())
                .exp();
            let crop_width = (area * aspect).sqrt().round_ties_even() as u32;
            let crop_height = (area / aspect).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
                return Region {
                    left: rng.random_range(0..=width - crop_width),
                    top: rng.random_range(0..=height - crop_height),
                    width: crop_width,
                    height: crop_height,
                };
            }
        }
        self.centered(width, height)
    }

    /// The largest region of an allowed shape, in the middle.
    #[expect(clippy::cast_sign_loss, reason = "sides are positive")]
    fn centered(&self, width: u32, height: u32) -> Region {
        let found = f64::from(width) / f64::from(height);
        let aspect = found.clamp(self.aspect[0], self.aspect[1]);
        let (mut crop_width, mut crop_height) = (width, height);
        if found < aspect {
            crop_height = (f64::from(width) / aspect).round_ties_even() as u32;
        } else if found > aspect {
            crop_width = (f64::from(height) * aspect).round_ties_even() as u32;
        }
        let (crop_width, crop_height) = (crop_width.clamp(1, width), crop_height.clamp(1, height));
        Region {
            left: (width - crop_width) / 2,
            top: (height - crop_height) / 2,
            width: crop_width,
            height: crop_height,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn regions_stay_inside_and_keep_area_and_shape() {
        let crop = RandomResizedCrop::new([0.05, 0.32]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..2000 {
            let region = crop.draw(300, 200, &mut rng);
            assert!(region.left + region.width <= 300 && region.top + region.height <= 200);
            let area = f64::from(region.width * region.height) / 60_000.0;
            let aspect = f64::from(region.width) / f64::from(region.height);
            // Sides of at least 47 pixels, rounded by half a pixel.
            assert!((0.048..0.325).contains(&area), "{area}");
            assert!((0.73..1.36).contains(&aspect), "{aspect}");
        }
    }

    #[test]
    fn the_mean_area_is_that_of_the_range() {
        let crop = RandomResizedCrop::new([0.05, 0.32]);
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let total: f64 = (0..4000)
            .map(|_| crop.draw(512, 512, &mut rng))
            .map(|region| f64::from(region.width * region.height) / (512.0 * 512.0))
            .sum();
        // Standard error: 0.27 / √12 / √4000 = 0.0012; four of them.
        assert!((total / 4000.0 - 0.185).abs() < 0.005, "{total}");
    }

    #[test]
    fn extreme_pictures_give_their_middle() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let crop = RandomResizedCrop::new([0.32, 1.0]);
        let long = crop.draw(1000, 10, &mut rng);
        assert_eq!((long.width, long.height, long.left), (13, 10, 493));
        let tall = crop.draw(10, 1000, &mut rng);
        assert_eq!((tall.width, tall.height, tall.top), (10, 13, 493));
        let dot = crop.draw(1, 1, &mut rng);
        assert_eq!((dot.width, dot.height), (1, 1));
    }
}
