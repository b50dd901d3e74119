//! Labels of patches drawn over their picture, with borders between them.
//!
//! Input: the original picture and one label a patch. Output: RGB8 of the picture's size, or of a part of it. Labels
//! cannot be averaged: the patches around a point vote with the weights of the sampling. Twin of
//! `shaders/colorize_labels.wgsl`.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::palette::palette;
use super::sampling::{Sampler, Sampling};
use super::view::{Ground, Photo, check_number, check_share, desaturated, mix};

/// In place of a label: the patch was left out.
pub const NO_LABEL: u32 = u32::MAX;

/// Another label must be ahead of the patch's own by this share, so that a draw is no matter of rounding.
const OWN_BONUS: f32 = 1e-4;
const BORDER: [f32; 3] = [1.0; 3];
const BORDER_OPACITY: f32 = 0.9;
/// Patches that take part at most.
const MOST_TAPS: usize = 25;
/// Colors before they start again; kernels use the same number.
pub const MOST_COLORS: usize = 4096;

/// One label a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// `[rows, cols]`; `NO_LABEL` leaves a patch out.
    pub labels: Vec<u32>,
}

impl LabelMap {
    /// Colors that the map needs: one more than its largest label, at most `MOST_COLORS`.
    pub fn colors(&self) -> usize {
        let labels = self.labels.iter().filter(|&&label| label != NO_LABEL);
        let most = labels.max().map_or(0, |&label| label as usize);
        (most + 1).min(MOST_COLORS)
    }
}

/// Settings of labels over a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelOverlay {
    /// Weight of the labels' colors over the picture, in [0, 1].
    pub alpha: f32,
    /// How grey the picture becomes below them, in [0, 1].
    pub desaturate: f32,
    /// How the patches around a point vote.
    pub sampling: Sampling,
    /// Width of the white borders between labels in output pixels, 0 to 16; 0 draws none.
    pub border_px: f32,
}

impl Default for LabelOverlay {
    fn default() -> Self {
        Self {
            alpha: 0.55,
            desaturate: 0.0,
            sampling: Sampling::Nearest,
            border_px: 1.5,
        }
    }
}

impl LabelOverlay {
    /// Draws `map` over all of `picture`. Patches without a label stay transparent.
    pub fn draw(&self, picture: &RgbImage, map: &LabelMap) -> Result<RgbImage, FigureError> {
        self.draw_on(&Ground::of(picture), map)
    }

    /// Draws `map` over the part of a picture that the ground's view shows.
    pub fn draw_on(&self, ground: &Ground<'_>, map: &LabelMap) -> Result<RgbImage, FigureError> {
        self.check()?;
        let grid = (map.rows, map.cols);
        ground.check("label map", grid, map.labels.len())?;
        let guide = ground.guide_for(self.sampling, grid)?;
        let poll = Poll {
            labels: &map.labels,
            settled: settled(map),
            sampler: Sampler::new(grid, self.sampling, guide.as_deref()),
            scale: ground.scale(grid),
        };
        let colors: Vec<[f32; 3]> = palette(map.colors())
            .into_iter()
            .map(|color| color.map(|byte| f32::from(byte) / 255.0))
            .collect();
        let (photo, step) = (
            Photo::new(ground.picture, ground.view.step()),
            ground.view.step(),
        );
        Ok(ground.paint(|point, color| {
            let below = desaturated(color, self.desaturate);
            let label = poll.label_at(point, color);
            if label == NO_LABEL {
                return below;
            }
            let above = mix(below, colors[label as usize % colors.len()], self.alpha);
            let reach = [0, 1].map(|axis| 0.5 * self.border_px * step[axis]);
            if self.border_px > 0.0 && poll.is_border(point, label, reach, &photo) {
                return mix(above, BORDER, BORDER_OPACITY);
            }
            above
        }))
    }

    /// An error unless all settings are allowed.
    pub fn check(&self) -> Result<(), FigureError> {
        check_share("alpha", self.alpha)?;
        check_share("desaturate", self.desaturate)?;
        check_number("border_px", self.border_px, 0.0, 16.0)?;
        self.sampling.check()
    }
}

struct Poll<'a> {
    labels: &'a [u32],
    /// Patches whose own label wins anywhere inside them.
    settled: Vec<bool>,
    sampler: Sampler<'a>,
    scale: [f32; 2],
}

impl Poll<'_> {
    /// The label with the largest sum of weights among the patches around a point of the picture.
    fn label_at(&self, point: [f32; 2], photo: [f32; 3]) -> u32 {
        let at = [0, 1].map(|axis| point[axis] * self.scale[axis]);
        let patch = self.sampler.patch_at(at);
        let own = self.labels[patch];
        if self.sampler.sampling() == Sampling::Nearest || self.settled[patch] {
            return own;
        }
        let (mut seen, mut votes) = ([own; MOST_TAPS], [0.0_f32; MOST_TAPS]);
        let (mut count, mut total) = (1, 0.0);
        self.sampler.each_tap(at, photo, |patch, weight| {
            let label = self.labels[patch];
            if label == NO_LABEL || weight == 0.0 {
                return;
            }
            total += weight;
            let known = seen[..count].iter().position(|&known| known == label);
            let slot = known.unwrap_or(count);
            seen[slot] = label;
            votes[slot] += weight;
            count = count.max(slot + 1);
        });
        votes[0] += OWN_BONUS * total;
        let mut best = 0;
        for slot in 1..count {
            if votes[slot] > votes[best] {
                best = slot;
            }
        }
        seen[best]
    }

    fn is_border(&self, point: [f32; 2], label: u32, reach: [f32; 2], photo: &Photo<'_>) -> bool {
        [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]
            .into_iter()
            .any(|(x, y)| {
                let there = [point[0] + x * reach[0], point[1] + y * reach[1]];
                self.label_at(there, photo.at(there)) != label
            })
    }
}

/// Whether all patches that may vote inside a patch, the 5 × 5 around it, have its label, or whether it has none.
fn settled(map: &LabelMap) -> Vec<bool> {
    let is_settled = |patch: usize| {
        let (row, col) = (patch / map.cols, patch % map.cols);
        let own = map.labels[patch];
        let rows = row.saturating_sub(2)..(row + 3).min(map.rows);
        let cols = col.saturating_sub(2)..(col + 3).min(map.cols);
        let alike = |row: usize| {
            map.labels[row * map.cols..][cols.clone()]
                .iter()
                .all(|&label| label == own)
        };
        own == NO_LABEL || rows.clone().all(alike)
    };
    (0..map.labels.len()).map(is_settled).collect()
}

#[cfg(test)]
mod tests {
    use super::super::palette::label_color;
    use super::*;
    use image::Rgb;

    fn solid(sampling: Sampling, border_px: f32) -> LabelOverlay {
        LabelOverlay {
            alpha: 1.0,
            sampling,
            border_px,
            ..LabelOverlay::default()
        }
    }

    fn halves() -> LabelMap {
        LabelMap {
            rows: 2,
            cols: 4,
            labels: vec![0, 0, 1, 1, 0, 0, 1, 1],
        }
    }

    #[test]
    fn labels_have_their_colors_and_a_straight_edge_stays_in_place() {
        let picture = RgbImage::from_pixel(40, 20, Rgb([90; 3]));
        for sampling in Sampling::ALL {
            let out = solid(sampling, 0.0).draw(&picture, &halves()).unwrap();
            for (x, _, pixel) in out.enumerate_pixels() {
                assert_eq!(pixel.0, label_color(u32::from(x >= 20)), "{sampling:?} {x}");
            }
        }
    }

    #[test]
    fn a_border_lies_on_both_sides_of_an_edge() {
        let picture = RgbImage::new(40, 20);
        let out = solid(Sampling::Nearest, 1.5)
            .draw(&picture, &halves())
            .unwrap();
        let white: Vec<u32> = (0..40)
            .filter(|&x| out.get_pixel(x, 7).0.iter().all(|&byte| byte > 200))
            .collect();
        assert_eq!(white, [19, 20]);
    }

    #[test]
    fn voting_rounds_the_corners_of_patches() {
        let mut map = LabelMap {
            rows: 5,
            cols: 5,
            labels: vec![0; 25],
        };
        map.labels[12] = 1;
        let picture = RgbImage::new(50, 50);
        let count = |sampling: Sampling| {
            let out = solid(sampling, 0.0).draw(&picture, &map).unwrap();
            assert_eq!(out.get_pixel(25, 25).0, label_color(1), "{sampling:?}");
            out.pixels()
                .filter(|pixel| pixel.0 == label_color(1))
                .count()
        };
        assert_eq!(count(Sampling::Nearest), 100);
        assert!(count(Sampling::Bilinear) < 100);
        assert!(count(Sampling::Bicubic) < 100);
    }

    #[test]
    fn patches_without_a_label_show_the_picture_and_do_not_vote() {
        let mut map = halves();
        map.labels[1] = NO_LABEL;
        map.labels[5] = NO_LABEL;
        let picture = RgbImage::from_pixel(40, 20, Rgb([9, 8, 7]));
        for sampling in Sampling::ALL {
            let out = solid(sampling, 0.0).draw(&picture, &map).unwrap();
            for (x, _, pixel) in out.enumerate_pixels() {
                let expected = match x / 10 {
                    0 => label_color(0),
                    1 => [9, 8, 7],
                    _ => label_color(1),
                };
                assert_eq!(pixel.0, expected, "{sampling:?} {x}");
            }
        }
    }

    #[test]
    fn hostile_maps_are_errors_or_start_the_colors_again() {
        let picture = RgbImage::new(4, 4);
        let mut map = halves();
        map.labels[0] = u32::MAX - 1;
        assert_eq!(map.colors(), MOST_COLORS);
        assert!(LabelOverlay::default().draw(&picture, &map).is_ok());
        map.labels.pop();
        assert!(LabelOverlay::default().draw(&picture, &map).is_err());
        map.labels = vec![NO_LABEL; 8];
        let out = LabelOverlay::default().draw(&picture, &map).unwrap();
        assert_eq!(out, picture);
        let wide = solid(Sampling::Nearest, f32::INFINITY);
        assert!(wide.draw(&picture, &halves()).is_err());
    }
}
