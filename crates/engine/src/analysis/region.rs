//! Similarity to a region of the first picture: a box, a lasso, a soft mask.
//!
//! Input: pictures, and the region as points or as a mask file. Output: `[rows, cols]` a picture: the mean cosine of a
//! patch to the patches of the region, each weighted by how much of it the region covers.

use std::path::PathBuf;

use image::{DynamicImage, RgbImage};
use serde::{Deserialize, Serialize};

use super::knobs::{Knobs, Point};
use super::prompts::region_weights;
use super::regions::{box_region, lasso_region, mask_region};
use super::subject::{Context, Found, FoundMap, Scale, Subject};
use super::{AnalysisError, Analyze, bad_setting};
use crate::picture::Picture;

/// Settings of a similarity to a region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Region {
    /// Two opposite corners of a box, or three and more corners of a lasso, in pixels of the first picture.
    pub points: Vec<Point>,
    /// A picture whose brightness says how much each place belongs to the region; comes before the points.
    pub mask: Option<PathBuf>,
    /// Leaves out the patches of the first picture that the region covers by more than half.
    pub exclude: bool,
    /// How many of the best patches to report for each map.
    pub top: usize,
}

impl Analyze for Region {
    fn id(&self) -> &'static str {
        "region"
    }

    fn title(&self) -> &'static str {
        "Similarity to a region"
    }

    fn about(&self) -> &'static str {
        "How alike every patch is to the patches of a box, a lasso or a mask in the first picture."
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let help = "Two corners of a box, or three and more of a lasso.";
        knobs.points("points", help, &mut self.points);
        let help = "A picture whose brightness is the region; comes before the points.";
        knobs.file("mask", help, &mut self.mask);
        let help = "Leaves out the patches of the region itself.";
        knobs.toggle("exclude", help, &mut self.exclude);
        knobs.int(
            "top",
            "How many of the best patches to point out.",
            &mut self.top,
            0..=64,
        );
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let source = &subjects[0];
        let covered = self.weights(source)?;
        let shares = region_weights(&source.features, &covered)?;
        let query = cx.compute.weighted_sum(&source.features, &shares);
        let mut found = Found::default();
        for (at, subject) in subjects.iter().enumerate() {
            cx.cancel.check()?;
            let mut map = cx.compute.cosine(&subject.features, &query);
            if self.exclude && at == 0 {
                for (value, part) in map.values.iter_mut().zip(&covered) {
                    if *part > 0.5 {
                        *value = f32::NAN;
                    }
                }
            }
            let title = format!("similarity to a region of {}", source.name);
            found
                .maps
                .push(FoundMap::scalar(at, title, map, Scale::Cosine, self.top));
        }
        Ok(found)
    }
}

impl Region {
    /// Part of each patch of `source` that the region covers, `[patches]` in [0, 1].
    pub fn weights(&self, source: &Subject) -> Result<Vec<f32>, AnalysisError> {
        if let Some(path) = &self.mask {
            let picture = Picture::open(path)?;
            let (width, height) = (picture.width(), picture.height());
            // Transparent places do not belong to the region.
            let pixels = RgbImage::from_raw(width, height, picture.rgb_over([0; 3]));
            let pixels = pixels.ok_or_else(|| {
                let found = format!("{width} x {height} pixels");
                bad_setting("mask", "a picture with all of its pixels", &found)
            })?;
            let mask = DynamicImage::ImageRgb8(pixels).into_luma8();
            return mask_region(&source.grid, &mask);
        }
        match self.points[..] {
            [corner, opposite] => box_region(&source.grid, corner, opposite),
            [_, _, _, ..] => lasso_region(&source.grid, &self.points),
            _ => {
                let found = format!("{} points", self.points.len());
                let expected = "two corners of a box, or three and more of a lasso, or a mask";
                Err(bad_setting("points", expected, &found))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{subject, values};
    use super::*;
    use crate::feature_map::FeatureMap;

    fn quarters() -> Subject {
        // Left half looks along x, right half along y.
        let patch = |at: usize| if at % 4 < 2 { [1.0, 0.0] } else { [0.0, 2.0] };
        let features: Vec<f32> = (0..8).flat_map(patch).collect();
        subject(&FeatureMap::new(2, 4, 2, features).unwrap())
    }

    #[test]
    fn a_box_over_both_halves_weighs_them_by_their_area() {
        let region = Region {
            points: vec![[0.0, 0.0], [40.0, 32.0]],
            ..Region::default()
        };
        let found = region.run(&[quarters()], &Context::default()).unwrap();
        let found = values(&found, 0);
        // Two columns of one kind, half a column of the other.
        for (at, value) in found.iter().enumerate() {
            let expected = if at % 4 < 2 { 0.8 } else { 0.2 };
            assert!((value - expected).abs() < 1e-6, "patch {at}: {value}");
        }
    }

    #[test]
    fn a_mask_file_is_a_region_and_its_patches_can_be_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let white_left = |x: u32, _: u32| image::Luma([if x < 4 { 255_u8 } else { 0 }]);
        image::GrayImage::from_fn(8, 4, white_left)
            .save(&path)
            .unwrap();
        let region = Region {
            mask: Some(path),
            exclude: true,
            ..Region::default()
        };
        let found = region.run(&[quarters()], &Context::default()).unwrap();
        let found = values(&found, 0);
        for (at, value) in found.iter().enumerate() {
            assert_eq!(value.is_nan(), at % 4 < 2, "patch {at}");
        }
    }

    #[test]
    fn a_region_without_an_area_is_an_error() {
        for points in [
            vec![],
            vec![[1.0, 1.0]],
            vec![[100.0, 100.0], [200.0, 200.0]],
        ] {
            let region = Region {
                points,
                ..Region::default()
            };
            assert!(region.run(&[quarters()], &Context::default()).is_err());
        }
    }
}
