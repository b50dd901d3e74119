//! Random changes of color, in random order.
//!
//! [`ColorJitter`] holds the ranges, [`Jitter`] one draw: brightness, contrast and saturation factors, a hue shift, and
//! the order in which they follow. Source: `torchvision`, `ColorJitter`; `spec/02`, section 2.

use image::RgbImage;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::color::{brightness, contrast, saturation};
use super::hue::hue;

/// How far colors change. A change of 0 is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColorJitter {
    /// Factor within 1 ± this, 0 to 1.
    pub brightness: f32,
    /// Factor within 1 ± this, 0 to 1.
    pub contrast: f32,
    /// Factor within 1 ± this, 0 to 1.
    pub saturation: f32,
    /// Turn of hue within ± this, 0 to 0.5 of the circle.
    pub hue: f32,
}

/// One change of color.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColorChange {
    /// Factor of brightness.
    Brightness(f32),
    /// Factor of contrast.
    Contrast(f32),
    /// Factor of saturation.
    Saturation(f32),
    /// Turn of hue, −0.5 to 0.5 of the circle.
    Hue(f32),
}

/// Changes of color, first to last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Jitter(pub Vec<ColorChange>);

impl ColorJitter {
    /// Draws all factors and their order.
    ///
    /// # Panics
    /// If a range is negative or not finite.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Jitter {
        let mut within =
            |middle: f32, reach: f32| rng.random_range(middle - reach..=middle + reach);
        let drawn = [
            (
                self.brightness,
                ColorChange::Brightness(within(1.0, self.brightness)),
            ),
            (
                self.contrast,
                ColorChange::Contrast(within(1.0, self.contrast)),
            ),
            (
                self.saturation,
                ColorChange::Saturation(within(1.0, self.saturation)),
            ),
            (self.hue, ColorChange::Hue(within(0.0, self.hue))),
        ];
        let mut changes: Vec<ColorChange> = drawn
            .into_iter()
            .filter(|(reach, _)| *reach > 0.0)
            .map(|(_, change)| change)
            .collect();
        changes.shuffle(rng);
        Jitter(changes)
    }
}

impl Jitter {
    /// Changes the picture, one change after the other, each rounded to 8 bits.
    pub fn apply(&self, picture: &mut RgbImage) {
        for change in &self.0 {
            match *change {
                ColorChange::Brightness(factor) => brightness(picture, factor),
                ColorChange::Contrast(factor) => contrast(picture, factor),
                ColorChange::Saturation(factor) => saturation(picture, factor),
                ColorChange::Hue(turns) => hue(picture, f64::from(turns)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{Discriminant, discriminant};

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn every_order_is_drawn_and_every_factor_is_in_range() {
        let jitter = ColorJitter {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.2,
            hue: 0.1,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut orders: Vec<Vec<Discriminant<ColorChange>>> = Vec::new();
        for _ in 0..500 {
            let Jitter(changes) = jitter.draw(&mut rng);
            for change in &changes {
                assert!(match *change {
                    ColorChange::Brightness(f) | ColorChange::Contrast(f) =>
                        (0.599..=1.401).contains(&f),
                    ColorChange::Saturation(f) => (0.799..=1.201).contains(&f),
                    ColorChange::Hue(turns) => turns.abs() <= 0.1,
                });
            }
            let order = changes.iter().map(discriminant).collect();
            if !orders.contains(&order) {
                orders.push(order);
            }
        }
        assert_eq!(orders.len(), 24);
    }

    #[test]
    fn changes_of_zero_are_left_out() {
        let jitter = ColorJitter {
            contrast: 0.3,
            ..ColorJitter::default()
        };
        let Jitter(changes) = jitter.draw(&mut ChaCha8Rng::seed_from_u64(5));
        assert!(matches!(changes[..], [ColorChange::Contrast(_)]));
    }
}
