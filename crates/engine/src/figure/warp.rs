//! Dense color transfer: one picture painted with the colors of another where their patches match.
//!
//! Input: the partner of each patch and the other picture. Output: RGBA8 of this picture's size, or of a part of it,
//! transparent where a patch has no partner. Twin of `shaders/warp.wgsl`.

use image::{RgbImage, RgbaImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::view::{Photo, View, bytes};

/// In place of a partner: the patch has none.
pub const NO_PARTNER: u32 = u32::MAX;

/// Four neighbors whose partners lie further apart than so many patches belong to different things.
const MOST_SPREAD: f32 = 2.0;

/// For each patch of this map a patch of the other.
#[derive(Clone, Copy, Debug)]
pub struct Partners<'a> {
    /// Patches of this map from top to bottom.
    pub rows: usize,
    /// Patches of this map from left to right.
    pub cols: usize,
    /// `[rows, cols]`: flat number of the partner, or `NO_PARTNER`.
    pub index: &'a [u32],
    /// Rows and columns of the other map.
    pub other: (usize, usize),
}

/// Settings of a color transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warp {
    /// Whole patches are copied.
    #[default]
    Crisp,
    /// Between patch centers the places of the four nearest partners are interpolated, if these lie within two patches
    /// of each other.
    Smooth,
}

impl Warp {
    /// Paints the part `view` of this picture, `(width, height)` pixels large, with the colors of `other`.
    pub fn draw(
        self,
        this_px: (u32, u32),
        view: View,
        partners: &Partners<'_>,
        other: &RgbImage,
    ) -> Result<RgbaImage, FigureError> {
        partners.check(this_px, other)?;
        view.check()?;
        let [scale, other_px] = partners.scales(this_px, other.dimensions());
        let step = partners.other_step(this_px, view, other.dimensions());
        let photo = Photo::new(other, step);
        let [width, height] = view.out_px;
        let mut out = RgbaImage::new(width, height);
        out.par_chunks_exact_mut(width as usize * 4)
            .zip(0..height)
            .for_each(|(line, y)| {
                for (pixel, x) in line.chunks_exact_mut(4).zip(0..) {
                    let point = view.point(x, y);
                    let at = [point[0] * scale[0], point[1] * scale[1]];
                    let Some(by) = self.shift(partners, at) else {
                        continue;
                    };
                    let there = [0, 1].map(|axis| (at[axis] + by[axis]) * other_px[axis]);
                    let [red, green, blue] = bytes(photo.at(there));
                    pixel.copy_from_slice(&[red, green, blue, 255]);
                }
            });
        Ok(out)
    }

    /// The way in patches from a point of this grid to the matching one of the other.
    fn shift(self, partners: &Partners<'_>, at: [f32; 2]) -> Option<[f32; 2]> {
        let own = partners.shift_of(partners.cell_of(at))?;
        match self {
            Self::Crisp => Some(own),
            Self::Smooth => Some(partners.blended(at).unwrap_or(own)),
        }
    }
}

impl Partners<'_> {
    /// Patches per pixel of this picture, and pixels of the other picture per patch, along x and y.
    pub fn scales(&self, this_px: (u32, u32), other_px: (u32, u32)) -> [[f32; 2]; 2] {
        [
            [
                self.cols as f32 / this_px.0 as f32,
                self.rows as f32 / this_px.1 as f32,
            ],
            [
                other_px.0 as f32 / self.other.1 as f32,
                other_px.1 as f32 / self.other.0 as f32,
            ],
        ]
    }

    /// Pixels of the other picture per output pixel of `view`, along x and y.
    pub fn other_step(&self, this_px: (u32, u32), view: View, other_px: (u32, u32)) -> [f32; 2] {
        let [scale, per_patch] = self.scales(this_px, other_px);
        [0, 1].map(|axis| view.step()[axis] * scale[axis] * per_patch[axis])
    }

    fn check(&self, this_px: (u32, u32), other: &RgbImage) -> Result<(), FigureError> {
        let patches = self
            .rows
            .checked_mul(self.cols)
            .filter(|&patches| patches > 0);
        let others = self.other.0.checked_mul(self.other.1).unwrap_or(0);
        let inside = |&partner: &u32| partner == NO_PARTNER || (partner as usize) < others;
        let fits = patches == Some(self.index.len()) && self.index.iter().all(inside);
        if fits && this_px.0 > 0 && this_px.1 > 0 && others > 0 && !other.is_empty() {
            return Ok(());
        }
        Err(FigureError::Sides {
            what: "color transfer",
            expected: format!(
                "{} x {} patches with partners below {others}, and two pictures",
                self.rows, self.cols
            ),
            found: format!(
                "{} partners, the largest {:?}, pictures of {this_px:?} and {:?} pixels",
                self.index.len(),
                self.index.iter().filter(|&&at| at != NO_PARTNER).max(),
                other.dimensions()
            ),
        })
    }

    /// Column and row of the patch under a point; beyond the edges the outer one.
    #[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
    fn cell_of(&self, at: [f32; 2]) -> [usize; 2] {
        let clamped = |at: f32, count: usize| (at.max(0.0) as usize).min(count - 1);
        [clamped(at[0], self.cols), clamped(at[1], self.rows)]
    }

    /// From a patch to its partner, in patches.
    fn shift_of(&self, [col, row]: [usize; 2]) -> Option<[f32; 2]> {
        let partner = self.index[row * self.cols + col];
        if partner == NO_PARTNER {
            return None;
        }
        let (other_row, other_col) = (
            partner as usize / self.other.1,
            partner as usize % self.other.1,
        );
        Some([other_col as f32 - col as f32, other_row as f32 - row as f32])
    }

    /// The shifts of the four nearest patches, bilinear; none if one has none or if their partners lie apart.
    fn blended(&self, at: [f32; 2]) -> Option<[f32; 2]> {
        let corner = at.map(|at| (at - 0.5).floor());
        let part = [0, 1].map(|axis| at[axis] - 0.5 - corner[axis]);
        let mut sum = [0.0; 2];
        let (mut least, mut most) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for (dy, weight_y) in [(0.0, 1.0 - part[1]), (1.0, part[1])] {
            for (dx, weight_x) in [(0.0, 1.0 - part[0]), (1.0, part[0])] {
                let own = self.cell_of([corner[0] + dx, corner[1] + dy]);
                let by = self.shift_of(own)?;
                for axis in 0..2 {
                    let place = own[axis] as f32 + by[axis];
                    sum[axis] += weight_x * weight_y * by[axis];
                    least[axis] = least[axis].min(place);
                    most[axis] = most[axis].max(place);
                }
            }
        }
        let spread = (most[0] - least[0]).max(most[1] - least[1]);
        (spread <= MOST_SPREAD).then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    const BOTH: [Warp; 2] = [Warp::Crisp, Warp::Smooth];

    fn picture() -> RgbImage {
        RgbImage::from_fn(24, 16, |x, y| {
            Rgb([x as u8 * 10, y as u8 * 15, (x * y) as u8])
        })
    }

    fn partners(index: &[u32]) -> Partners<'_> {
        Partners {
            rows: 2,
            cols: 3,
            index,
            other: (2, 3),
        }
    }

    fn opaque(picture: &RgbImage) -> RgbaImage {
        image::DynamicImage::from(picture.clone()).to_rgba8()
    }

    #[test]
    fn a_picture_matched_with_itself_is_itself() {
        let (picture, index) = (picture(), [0, 1, 2, 3, 4, 5]);
        for warp in BOTH {
            let view = View::whole((24, 16));
            let out = warp
                .draw((24, 16), view, &partners(&index), &picture)
                .unwrap();
            assert_eq!(out, opaque(&picture), "{warp:?}");
        }
    }

    #[test]
    fn patches_swapped_are_copied_whole_and_patches_without_partner_are_clear() {
        let (picture, index) = (picture(), [2, NO_PARTNER, 0, 3, 4, 5]);
        let view = View::whole((24, 16));
        let out = Warp::Crisp
            .draw((24, 16), view, &partners(&index), &picture)
            .unwrap();
        let same = opaque(&picture);
        assert_eq!(out.get_pixel(3, 2), same.get_pixel(19, 2));
        assert_eq!(out.get_pixel(20, 7), same.get_pixel(4, 7));
        assert_eq!(out.get_pixel(12, 3).0, [0; 4]);
        assert_eq!(out.get_pixel(12, 9), same.get_pixel(12, 9));
    }

    #[test]
    fn partners_far_apart_are_not_interpolated() {
        // A row of patches whose partners jump by four in the middle.
        let index = [0, 1, 6, 7];
        let jump = Partners {
            rows: 1,
            cols: 4,
            index: &index,
            other: (1, 8),
        };
        assert_eq!(Warp::Smooth.shift(&jump, [1.9, 0.5]), Some([0.0, 0.0]));
        assert_eq!(Warp::Smooth.shift(&jump, [2.1, 0.5]), Some([4.0, 0.0]));
        let near = Partners {
            index: &[0, 1, 3, 4],
            ..jump
        };
        let found = Warp::Smooth.shift(&near, [2.0, 0.5]);
        assert_eq!(found, Some([0.5, 0.0]));
    }

    #[test]
    fn partners_outside_the_other_map_are_errors() {
        let (picture, view) = (picture(), View::whole((24, 16)));
        let draw =
            |partners: &Partners<'_>| Warp::Crisp.draw((24, 16), view, partners, &picture).is_ok();
        assert!(draw(&partners(&[0; 6])));
        assert!(!draw(&partners(&[6; 6])));
        assert!(!draw(&partners(&[0; 5])));
        let none = Partners {
            other: (0, 3),
            ..partners(&[NO_PARTNER; 6])
        };
        assert!(!draw(&none));
    }
}
