//! Features of whole pictures for probes: the middle square, resized, through a frozen network.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use dinoscope_engine::Picture;
use dinoscope_engine::picture::PictureError;
use dinoscope_model::{Backbone, TrainingPass};
use image::RgbImage;
use rayon::prelude::*;

use crate::augment::normalized;
use crate::augment::resample::{Region, crop_bicubic};
use crate::data::DataSet;
use crate::start::Statistics;

/// Pictures that are on the device at a time.
const BATCH: usize = 16;

/// Features of the pictures that could be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Embedded {
    /// Class token and mean patch, `[pictures, 2 · dim]`.
    pub(super) rows: Vec<f32>,
    /// Patches, if they were asked for, `[pictures, patches, dim]`.
    pub(super) patches: Vec<f32>,
    /// Their index in the data set.
    pub(super) indices: Vec<usize>,
    /// Channels of a row.
    pub(super) width: usize,
}

impl Embedded {
    /// Some of the pictures, by their place here.
    pub(super) fn picked(&self, places: &[usize]) -> Self {
        let count = self.indices.len().max(1);
        let (width, patches) = (self.width, self.patches.len() / count);
        let pick = |values: &[f32], width: usize| {
            let rows = places.iter().map(|at| &values[at * width..][..width]);
            rows.flatten().copied().collect()
        };
        Self {
            rows: pick(&self.rows, width),
            patches: pick(&self.patches, patches),
            indices: places.iter().map(|&at| self.indices[at]).collect(),
            width,
        }
    }
}

/// Runs the network over the middle square of every picture, `px` pixels wide. Pictures that cannot be read are left out
/// and noted in the data.
pub(super) fn embed(
    backbone: &Backbone,
    data: &DataSet,
    indices: &[usize],
    px: u32,
    statistics: Statistics,
    with_patches: bool,
    device: &Device,
) -> Embedded {
    let patch = backbone.config().patch() as u32;
    let side = (px / patch).max(1) * patch;
    let mut embedded = Embedded {
        width: 2 * backbone.config().dim(),
        ..Embedded::default()
    };
    for batch in indices.chunks(BATCH) {
        let read: Vec<_> = batch
            .par_iter()
            .map(|&index| (index, square(data.item(index).path(), side)))
            .collect();
        let mut pictures = Vec::new();
        for (index, picture) in read {
            match picture {
                Ok(picture) => {
                    pictures.push(picture);
                    embedded.indices.push(index);
                }
                Err(error) => data.note_broken(data.item(index).path(), error.to_string()),
            }
        }
        if pictures.is_empty() {
            continue;
        }
        let pictures = normalized(&pictures, statistics, device);
        let seen = backbone.training(pictures, &TrainingPass::default());
        let average = seen.patches.clone().mean_dim(1).squeeze_dim::<2>(1);
        let rows = Tensor::cat(vec![seen.cls, average], 1);
        embedded.rows.extend(host(rows));
        if with_patches {
            embedded.patches.extend(host(seen.patches));
        }
    }
    embedded
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("features are f32")
}

/// The middle square of a picture, resized.
pub(super) fn square(path: &Path, side: u32) -> Result<RgbImage, PictureError> {
    let picture = rgb(&Picture::open(path)?);
    let (width, height) = picture.dimensions();
    Ok(crop_bicubic(&picture, middle(width, height), side, side))
}

/// Left, top, width and height of the middle square as parts of the picture; all of it where it cannot be read.
pub(super) fn square_of(path: &Path) -> [f64; 4] {
    let Ok(picture) = Picture::open(path) else {
        return [0.0, 0.0, 1.0, 1.0];
    };
    let (width, height) = (picture.width(), picture.height());
    let region = middle(width, height);
    [
        f64::from(region.left) / f64::from(width),
        f64::from(region.top) / f64::from(height),
        f64::from(region.width) / f64::from(width),
        f64::from(region.height) / f64::from(height),
    ]
}

fn middle(width: u32, height: u32) -> Region {
    let side = width.min(height);
    Region {
        left: (width - side) / 2,
        top: (height - side) / 2,
        width: side,
        height: side,
    }
}

/// The picture's colors over white.
pub(crate) fn rgb(picture: &Picture) -> RgbImage {
    RgbImage::from_raw(
        picture.width(),
        picture.height(),
        picture.rgb_over([255; 3]),
    )
    .expect("a picture has three bytes a pixel")
}

/// Width, height and levels of the middle square of a mask; nothing where it cannot be read.
pub(super) fn mask_square(path: &Path) -> Option<(usize, usize, Vec<u8>)> {
    let levels = super::supervised::mask_levels(path).ok()?;
    let region = middle(levels.width(), levels.height());
    let square = image::imageops::crop_imm(
        &levels,
        region.left,
        region.top,
        region.width,
        region.height,
    )
    .to_image();
    Some((
        square.width() as usize,
        square.height() as usize,
        square.into_raw(),
    ))
}
