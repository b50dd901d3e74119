//! Crops of a batch as tensors.
//!
//! Input: the crops of each picture, made on the loader's threads. Output, normalized: `[2 · pictures, 3, side, side]`
//! and so on, crop-major: the first crop of every picture, then the second of every picture. Source: `spec/02`,
//! section 2.

use burn::tensor::{Device, Tensor};
use image::RgbImage;

use crate::augment::{Crops, normalized};
use crate::block_masks::BlockMasks;
use crate::start::Statistics;

/// The crops of a batch, on the plain device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Number of pictures.
    pub pictures: usize,
    /// `[2 · pictures, 3, side, side]`.
    pub global: Tensor<4>,
    /// `[locals · pictures, 3, side, side]`, if there are local crops.
    pub local: Option<Tensor<4>>,
    /// `[2 · pictures, 3, side, side]`, for a Gram teacher.
    pub gram: Option<Tensor<4>>,
    /// Masks of the global crops.
    pub masks: BlockMasks,
}

impl Batch {
    /// Puts the crops of pictures together.
    ///
    /// # Panics
    /// Without a picture, or if their crops differ in number or side.
    pub fn new(
        pictures: &[Crops],
        masks: BlockMasks,
        statistics: Statistics,
        device: &Device,
    ) -> Self {
        let first = pictures.first().expect("a batch has pictures");
        let same = pictures.iter().all(|crops| {
            crops.local.len() == first.local.len() && crops.gram.is_some() == first.gram.is_some()
        });
        assert!(same, "batch: crops of one number");
        let stack = |crops: usize, crop: &dyn Fn(&Crops, usize) -> &RgbImage| {
            let crops =
                (0..crops).flat_map(|index| pictures.iter().map(move |all| crop(all, index)));
            normalized(crops, statistics, device)
        };
        let locals = first.local.len();
        Self {
            pictures: pictures.len(),
            global: stack(2, &|crops, index| &crops.global[index]),
            local: (locals > 0).then(|| stack(locals, &|crops, index| &crops.local[index])),
            gram: first.gram.is_some().then(|| {
                stack(2, &|crops, index| {
                    let gram = crops.gram.as_ref().expect("all pictures have Gram crops");
                    &gram[index]
                })
            }),
            masks,
        }
    }
}
