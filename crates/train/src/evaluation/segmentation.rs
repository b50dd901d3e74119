//! Masks from frozen patches: a linear head on each patch.
//!
//! Input: patch features `[rows, cols, dim]` of pictures and their masks. Output: a [`LinearHead`] and mean intersection
//! over union. Channels are standardized as the batch norm of the protocol does; the 1 × 1 convolution is the head.
//! Source: `spec/05`, section 8.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::head::largest;
use super::linear::{LinearFit, LinearSettings, linear_fit};
use super::{Confusion, EvaluationError, Labeled, LinearHead, Rows};

/// Level of a mask that does not count.
pub const IGNORED: u8 = 255;

/// Class numbers of the pixels of a picture, [`IGNORED`] where none counts.
#[derive(Clone, Copy, Debug)]
pub struct Mask<'a> {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// `[height, width]`.
    pub levels: &'a [u8],
}

/// Patch features of a picture with its mask, both of the whole picture.
#[derive(Clone, Copy, Debug)]
pub struct MaskedMap<'a> {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// `[rows, cols, dim]`.
    pub features: &'a [f32],
    /// Of any size.
    pub mask: Mask<'a>,
}

/// Where predictions and masks meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// At the patches: masks are made smaller. Fast.
    Patches,
    /// At the pixels of the mask: logits are interpolated, as the protocol has it.
    #[default]
    Pixels,
}

/// Scores over all pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentationReport {
    /// Mean of `iou` over the classes that have one, 0 to 1.
    pub mean_iou: f64,
    /// Intersection over union of each class, summed over pictures before dividing; `None` for a class never seen.
    pub iou: Vec<Option<f64>>,
    /// Part of the pixels or patches that is right, 0 to 1.
    pub accuracy: f64,
    /// Pixels or patches that were counted.
    pub counted: u64,
    /// Where they were counted.
    pub resolution: Resolution,
}

/// The commonest class of the pixels under each patch: `[rows, cols]`; of equals the smallest.
///
/// [`IGNORED`] where more than half of the pixels do not count. A patch smaller than a pixel has the pixel at its middle.
pub fn patch_classes(mask: Mask<'_>, rows: usize, cols: usize) -> Result<Vec<u8>, EvaluationError> {
    check_mask(mask)?;
    let span = |index: usize, count: usize, pixels: usize| {
        let first = index * pixels / count;
        let end = (index + 1) * pixels / count;
        let middle = (2 * index + 1) * pixels / (2 * count);
        let first = if first < end { first } else { middle };
        first..end.max(first + 1)
    };
    let mut classes = Vec::with_capacity(rows * cols);
    for row in 0..rows {
        for col in 0..cols {
            let mut counts = [0_u32; 256];
            for y in span(row, rows, mask.height) {
                for x in span(col, cols, mask.width) {
                    counts[usize::from(mask.levels[y * mask.width + x])] += 1;
                }
            }
            classes.push(commonest(&counts));
        }
    }
    Ok(classes)
}

/// Fits a head to the patches of `maps` that count.
///
/// All maps have `dim` channels. For settings see [`LinearSettings`]; a batch is of patches, so 4096 or so is right.
pub fn segmentation_fit(
    maps: &[MaskedMap<'_>],
    dim: usize,
    settings: &LinearSettings,
) -> Result<LinearFit, EvaluationError> {
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for map in maps {
        let rows = patches(map, dim)?;
        let classes = patch_classes(map.mask, map.rows, map.cols)?;
        for (at, class) in classes.into_iter().enumerate() {
            if class != IGNORED {
                values.extend_from_slice(rows.row(at));
                labels.push(u32::from(class));
            }
        }
    }
    let train = Labeled::new("patches with a class", &values, dim, &labels)?;
    linear_fit(train, settings)
}

/// Counts what a head makes of `maps`. A class of a mask that the head does not know is always wrong.
pub fn segmentation_score(
    head: &LinearHead,
    maps: &[MaskedMap<'_>],
    resolution: Resolution,
) -> Result<SegmentationReport, EvaluationError> {
    let levels = maps.iter().flat_map(|map| map.mask.levels);
    let known = levels.filter(|level| **level != IGNORED).max();
    let classes = known.map_or(0, |level| usize::from(*level) + 1);
    let mut confusion = Confusion::new(classes.max(head.classes()));
    for map in maps {
        let logits = head.logits(patches(map, head.dim())?)?;
        let (truth, found) = match resolution {
            Resolution::Patches => {
                let found = logits.chunks_exact(head.classes()).map(largest).collect();
                (patch_classes(map.mask, map.rows, map.cols)?, found)
            }
            Resolution::Pixels => {
                check_mask(map.mask)?;
                (map.mask.levels.to_vec(), pixel_classes(&logits, map))
            }
        };
        for (truth, found) in truth.into_iter().zip(found) {
            if truth != IGNORED {
                confusion.add(usize::from(truth), found as usize);
            }
        }
    }
    if confusion.total() == 0 {
        return Err(EvaluationError::Classes {
            what: "the masks",
            found: 0,
        });
    }
    Ok(SegmentationReport {
        mean_iou: confusion.mean_iou(),
        iou: confusion.iou(),
        accuracy: confusion.scores().accuracy,
        counted: confusion.total(),
        resolution,
    })
}

/// The likeliest class at each pixel of the mask, logits `[rows, cols, classes]` interpolated linearly: `[height, width]`.
fn pixel_classes(logits: &[f32], map: &MaskedMap<'_>) -> Vec<u32> {
    let classes = logits.len() / (map.rows * map.cols);
    let (width, height) = (map.mask.width, map.mask.height);
    let columns: Vec<Between> = (0..width).map(|x| between(x, width, map.cols)).collect();
    let mut out = vec![0; width * height];
    out.par_chunks_exact_mut(width)
        .enumerate()
        .for_each(|(y, out)| {
            let down = between(y, height, map.rows);
            let at =
                |row: usize, col: usize| &logits[(row * map.cols + col) * classes..][..classes];
            let mut mixed = vec![0.0; classes];
            for (out, across) in out.iter_mut().zip(&columns) {
                let corners = [
                    at(down.first, across.first),
                    at(down.first, across.second),
                    at(down.second, across.first),
                    at(down.second, across.second),
                ];
                for (class, mixed) in mixed.iter_mut().enumerate() {
                    let [a, b, c, d] = corners.map(|logits| logits[class]);
                    let top = a + across.part * (b - a);
                    let bottom = c + across.part * (d - c);
                    *mixed = top + down.part * (bottom - top);
                }
                *out = largest(&mixed);
            }
        });
    out
}

/// Two neighbors on an axis and how far the place is from the first to the second.
#[derive(Clone, Copy, Debug)]
struct Between {
    first: usize,
    second: usize,
    part: f32,
}

/// Where the middle of pixel `at` of `pixels` falls among `count` patches (`align_corners = false`).
#[expect(clippy::cast_sign_loss, reason = "the place is clamped to 0")]
fn between(at: usize, pixels: usize, count: usize) -> Between {
    let place = (at as f64 + 0.5) * count as f64 / pixels as f64 - 0.5;
    let place = place.max(0.0);
    let first = (place as usize).min(count - 1);
    Between {
        first,
        second: (first + 1).min(count - 1),
        part: (place - first as f64) as f32,
    }
}

fn commonest(counts: &[u32; 256]) -> u8 {
    let all: u32 = counts.iter().sum();
    if 2 * counts[usize::from(IGNORED)] > all {
        return IGNORED;
    }
    let mut best = 0;
    for class in 1..IGNORED {
        if counts[usize::from(class)] > counts[usize::from(best)] {
            best = class;
        }
    }
    best
}

fn patches<'a>(map: &MaskedMap<'a>, dim: usize) -> Result<Rows<'a>, EvaluationError> {
    let rows = Rows::new("patches", map.features, dim)?;
    if rows.len() == map.rows * map.cols {
        return Ok(rows);
    }
    Err(EvaluationError::Shape {
        what: "patches",
        expected: format!("{} x {} x {dim}", map.rows, map.cols),
        found: map.features.len(),
    })
}

fn check_mask(mask: Mask<'_>) -> Result<(), EvaluationError> {
    let found = mask.levels.len();
    if found > 0 && found == mask.width * mask.height {
        return Ok(());
    }
    Err(EvaluationError::Shape {
        what: "a mask",
        expected: format!("{} x {}", mask.height, mask.width),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(width: usize, levels: &[u8]) -> Mask<'_> {
        Mask {
            width,
            height: levels.len() / width,
            levels,
        }
    }

    /// A head that takes the features for logits.
    fn plain_head(classes: usize) -> LinearHead {
        let mut weights = vec![0.0; classes * classes];
        (0..classes).for_each(|class| weights[class * classes + class] = 1.0);
        LinearHead {
            standardization: super::super::Standardization {
                mean: vec![0.0; classes],
                factor: vec![1.0; classes],
            },
            weights,
            bias: vec![0.0; classes],
        }
    }

    #[test]
    fn a_patch_has_the_commonest_class_under_it() {
        let levels = [
            1, 1, 2, 2, //
            1, 0, 2, 255, //
            255, 255, 0, 1, //
            255, 3, 1, 0,
        ];
        let found = patch_classes(mask(4, &levels), 2, 2).unwrap();
        assert_eq!(found, [1, 2, IGNORED, 0]);
        // More patches than pixels.
        let found = patch_classes(mask(2, &[4, 5]), 2, 4).unwrap();
        assert_eq!(found, [4, 4, 5, 5, 4, 4, 5, 5]);
        assert!(patch_classes(mask(4, &levels[..12]), 2, 2).is_ok());
        let short = Mask {
            height: 4,
            ..mask(4, &levels[..12])
        };
        assert!(patch_classes(short, 2, 2).is_err());
    }

    #[test]
    fn both_resolutions_count_as_worked_out_by_hand() {
        // One row of two patches: class 0, class 1.
        let features = [1.0, 0.0, 0.0, 1.0];
        let levels = [0, 0, 0, 1, 255, 1, 0, 1];
        let map = MaskedMap {
            rows: 1,
            cols: 2,
            features: &features,
            mask: mask(8, &levels),
        };
        let head = plain_head(2);
        let pixels = segmentation_score(&head, &[map], Resolution::Pixels).unwrap();
        // Found: four pixels of each. Class 0: 3 of 5 right; class 1: 2 of 4.
        assert_eq!(pixels.counted, 7);
        assert_eq!(pixels.iou, [Some(0.6), Some(0.5)]);
        assert!((pixels.mean_iou - 0.55).abs() < 1e-12);
        let patches = segmentation_score(&head, &[map], Resolution::Patches).unwrap();
        assert_eq!((patches.counted, patches.mean_iou), (2, 1.0));
        assert!(
            serde_json::to_string(&patches)
                .unwrap()
                .contains("\"resolution\":\"patches\"")
        );
    }

    #[test]
    fn logits_are_interpolated_between_the_middles_of_patches() {
        // Logit 0 falls from 1 to −3, logit 1 stays 0: they meet a quarter of the way, at pixel 1.5 of 4 to 8.
        let features = [1.0, 0.0, -3.0, 0.0];
        let map = MaskedMap {
            rows: 1,
            cols: 2,
            features: &features,
            mask: mask(8, &[0; 8]),
        };
        assert_eq!(pixel_classes(&features, &map), [0, 0, 0, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn a_head_learns_masks_and_ignored_patches_do_not_count() {
        let side = 12;
        let class = |at: usize| usize::from(at % side >= side / 2);
        let noise = |at: usize| ((at as f32) * 12.9898).sin() * 0.3;
        let features: Vec<f32> = (0..side * side)
            .flat_map(|at| [class(at) as f32 + noise(at), noise(at + 999), 50.0])
            .collect();
        let levels: Vec<u8> = (0..side * side)
            .map(|at| {
                if at < 2 * side {
                    IGNORED
                } else {
                    class(at) as u8
                }
            })
            .collect();
        let map = MaskedMap {
            rows: side,
            cols: side,
            features: &features,
            mask: mask(side, &levels),
        };
        let settings = LinearSettings {
            lr: 0.05,
            ..LinearSettings::default()
        };
        let fit = segmentation_fit(&[map, map], 3, &settings).unwrap();
        for resolution in [Resolution::Patches, Resolution::Pixels] {
            let report = segmentation_score(&fit.head, &[map], resolution).unwrap();
            assert_eq!(report.counted, (side * (side - 2)) as u64);
            assert!(report.mean_iou > 0.95, "{report:?}");
        }
    }

    #[test]
    fn degenerate_input_is_an_error() {
        let features = [1.0, 0.0, 0.0, 1.0];
        let map = |levels| MaskedMap {
            rows: 1,
            cols: 2,
            features: &features,
            mask: mask(2, levels),
        };
        let settings = LinearSettings::default();
        assert!(segmentation_fit(&[], 2, &settings).is_err());
        assert!(segmentation_fit(&[map(&[IGNORED; 2])], 2, &settings).is_err());
        assert!(segmentation_fit(&[map(&[1, 1])], 2, &settings).is_err());
        assert!(segmentation_fit(&[map(&[0, 1])], 4, &settings).is_err());
        let head = plain_head(2);
        assert!(segmentation_score(&head, &[map(&[IGNORED; 2])], Resolution::Pixels).is_err());
        // A class beyond the head's is wrong.
        let report = segmentation_score(&head, &[map(&[0, 7])], Resolution::Pixels).unwrap();
        assert!((report.accuracy - 0.5).abs() < 1e-12);
    }
}
