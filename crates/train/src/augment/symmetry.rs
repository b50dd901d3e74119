//! Mirrors and quarter turns.
//!
//! RGB8 → RGB8. Photographs have an up and at most trade left and right; pictures from above, through a microscope or
//! of slices have no up. Source: `spec/02`, section 2, and `spec/06`, section 4.

use image::RgbImage;
use image::imageops::{flip_horizontal_in_place, flip_vertical_in_place, rotate90};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Which symmetries a crop is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Left and right are traded with this probability.
    Mirrored(f64),
    /// Any of the square's eight symmetries, equally often.
    Free,
}

impl Orientation {
    /// Draws one.
    ///
    /// # Panics
    /// If the probability is outside 0 to 1.
    pub fn draw(self, rng: &mut ChaCha8Rng) -> Symmetry {
        match self {
            Self::Mirrored(probability) => Symmetry {
                mirror: rng.random_bool(probability),
                quarter_turns: 0,
            },
            Self::Free => Symmetry {
                mirror: rng.random_bool(0.5),
                quarter_turns: rng.random_range(0..4),
            },
        }
    }
}

/// One symmetry of the square: a mirror, then quarter turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Symmetry {
    /// Left and right are traded.
    pub mirror: bool,
    /// Clockwise, 0 to 3.
    pub quarter_turns: u8,
}

impl Symmetry {
    /// The picture under this symmetry.
    pub fn apply(self, mut picture: RgbImage) -> RgbImage {
        if self.mirror {
            mirror(&mut picture);
        }
        if self.quarter_turns & 2 == 2 {
            mirror(&mut picture);
            flip_vertical_in_place(&mut picture);
        }
        if self.quarter_turns & 1 == 1 {
            picture = rotate90(&picture);
        }
        picture
    }

    /// Row and column, in the square before this symmetry, of what lies at `row` and `column` after it.
    ///
    /// `side`: rows and columns of the square.
    pub fn source(self, row: usize, column: usize, side: usize) -> (usize, usize) {
        let last = side - 1;
        let (mut row, mut column) = (row, column);
        // Backwards: the last step of `apply` first.
        if self.quarter_turns & 1 == 1 {
            (row, column) = (last - column, row);
        }
        if self.quarter_turns & 2 == 2 {
            (row, column) = (last - row, last - column);
        }
        if self.mirror {
            column = last - column;
        }
        (row, column)
    }
}

/// Trades left and right.
pub fn mirror(picture: &mut RgbImage) {
    flip_horizontal_in_place(picture);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn sources_are_where_pixels_come_from() {
        let picture = RgbImage::from_fn(5, 5, |x, y| image::Rgb([x as u8, y as u8, 0]));
        for mirror in [false, true] {
            for quarter_turns in 0..4 {
                let symmetry = Symmetry {
                    mirror,
                    quarter_turns,
                };
                let turned = symmetry.apply(picture.clone());
                for (x, y, pixel) in turned.enumerate_pixels() {
                    let (row, column) = symmetry.source(y as usize, x as usize, 5);
                    assert_eq!(pixel.0, [column as u8, row as u8, 0], "{symmetry:?}");
                }
            }
        }
    }

    use rand::SeedableRng;

    use super::super::golden::Golden;
    use super::*;

    #[test]
    fn the_mirror_equals_golden() {
        let golden = Golden::open();
        let mut picture = golden.picture();
        mirror(&mut picture);
        golden.assert_pillow("hflip", &picture, 0);
    }

    #[test]
    fn all_eight_symmetries_are_drawn_and_differ() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let drawn: HashSet<Symmetry> = (0..200).map(|_| Orientation::Free.draw(&mut rng)).collect();
        let picture =
            RgbImage::from_raw(2, 2, (0..12).collect()).expect("four pixels of three bytes");
        let results: HashSet<Vec<u8>> = drawn
            .into_iter()
            .map(|symmetry| symmetry.apply(picture.clone()).into_raw())
            .collect();
        assert_eq!(results.len(), 8);
    }

    #[test]
    fn a_quarter_turn_moves_the_left_column_to_the_top() {
        let picture = RgbImage::from_fn(2, 1, |x, _| image::Rgb([x as u8; 3]));
        let turned = Symmetry {
            mirror: false,
            quarter_turns: 1,
        }
        .apply(picture);
        assert_eq!(turned.dimensions(), (1, 2));
        assert_eq!(turned.into_raw(), [0, 0, 0, 1, 1, 1]);
    }
}
