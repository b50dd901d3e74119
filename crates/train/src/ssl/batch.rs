//! Crops of a batch as tensors.
//!
//! Input: the crops of each picture, made and normalized on the loader's threads. Output: `[2 · pictures, 3, side, side]`
//! and so on, crop-major: the first crop of every picture, then the second of every picture. Source: `spec/02`,
//! section 2.

use burn::tensor::{Device, Tensor, TensorData};

use crate::augment::{Crops, write_normalized};
use crate::block_masks::BlockMasks;

/// The normalized crops of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Each `[3, side, side]`.
    pub global: [Vec<f32>; 2],
    /// Each `[3, side, side]`.
    pub local: Vec<Vec<f32>>,
    /// Each `[3, side, side]`.
    pub gram: Option<[Vec<f32>; 2]>,
    /// Sides of the global, the local and the Gram crops in pixels.
    pub sides: [usize; 3],
}

impl Pixels {
    /// Normalizes crops; `mean` and `std` are those of levels scaled to 0..1.
    pub fn new(crops: &Crops, mean: [f32; 3], std: [f32; 3]) -> Self {
        let pixels = |picture: &image::RgbImage| {
            let mut out = vec![0.0; picture.as_raw().len()];
            write_normalized(picture, mean, std, &mut out);
            out
        };
        let side = |picture: Option<&image::RgbImage>| {
            picture.map_or(0, |picture| picture.width() as usize)
        };
        Self {
            global: [pixels(&crops.global[0]), pixels(&crops.global[1])],
            local: crops.local.iter().map(pixels).collect(),
            gram: crops.gram.as_ref().map(|[a, b]| [pixels(a), pixels(b)]),
            sides: [
                side(crops.global.first()),
                side(crops.local.first()),
                side(crops.gram.as_ref().map(|gram| &gram[0])),
            ],
        }
    }
}

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
    pub fn new(pixels: &[Pixels], masks: BlockMasks, device: &Device) -> Self {
        let first = pixels.first().expect("a batch has pictures");
        let [global, local, gram] = first.sides;
        let stack = |crops: usize, side: usize, crop: &dyn Fn(&Pixels, usize) -> Vec<f32>| {
            let area = 3 * side * side;
            let mut values = Vec::with_capacity(crops * pixels.len() * area);
            for index in 0..crops {
                for picture in pixels {
                    let crop = crop(picture, index);
                    assert_eq!(crop.len(), area, "batch: crops of one side");
                    values.extend(crop);
                }
            }
            let shape = [crops * pixels.len(), 3, side, side];
            Tensor::from_data(TensorData::new(values, shape), device)
        };
        let locals = first.local.len();
        Self {
            pictures: pixels.len(),
            global: stack(2, global, &|picture, index| picture.global[index].clone()),
            local: (locals > 0).then(|| {
                stack(locals, local, &|picture, index| {
                    picture.local[index].clone()
                })
            }),
            gram: first.gram.as_ref().map(|_| {
                stack(2, gram, &|picture, index| {
                    let crops = picture.gram.as_ref().expect("all pictures have Gram crops");
                    crops[index].clone()
                })
            }),
            masks,
        }
    }
}
