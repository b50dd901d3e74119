//! From levels to a network's input.
//!
//! RGB8 → f32 `[pictures, 3, rows, cols]`: scaled to 0..1, minus the mean, divided by the standard deviation. A level
//! takes a quarter of the memory, so batches that wait hold levels. Source: `spec/02`, section 2.

use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;
use rayon::prelude::*;

use crate::start::Statistics;

/// The pictures as a network sees them, `[pictures, 3, rows, cols]`.
///
/// # Panics
/// Without a picture, or if their sizes differ.
pub fn normalized<'a>(
    pictures: impl IntoIterator<Item = &'a RgbImage>,
    statistics: Statistics,
    device: &Device,
) -> Tensor<4> {
    let pictures: Vec<_> = pictures.into_iter().collect();
    let (width, height) = pictures.first().expect("pixels: no picture").dimensions();
    let same = pictures
        .iter()
        .all(|picture| picture.dimensions() == (width, height));
    assert!(same, "pixels: pictures of one size");
    let (rows, columns) = (height as usize, width as usize);
    let mut values = vec![0.0; pictures.len() * 3 * rows * columns];
    values
        .par_chunks_mut((3 * rows * columns).max(1))
        .zip(&pictures)
        .for_each(|(out, picture)| write_normalized(picture, statistics, out));
    let shape = [pictures.len(), 3, rows, columns];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Writes the picture's pixels, `[3, rows, cols]`; `mean` and `std` are those of levels scaled to 0..1.
fn write_normalized(picture: &RgbImage, (mean, std): Statistics, out: &mut [f32]) {
    let plane = picture.as_raw().len() / 3;
    // A level has 256 values: each channel is a look-up.
    let values: [[f32; 256]; 3] = std::array::from_fn(|channel| {
        std::array::from_fn(|level| (level as f32 / 255.0 - mean[channel]) / std[channel])
    });
    let (red, rest) = out.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let pixels = picture.as_raw().as_chunks::<3>().0;
    for (((pixel, red), green), blue) in pixels.iter().zip(red).zip(green).zip(blue) {
        *red = values[0][usize::from(pixel[0])];
        *green = values[1][usize::from(pixel[1])];
        *blue = values[2][usize::from(pixel[2])];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, levels: &[u8]) -> RgbImage {
        RgbImage::from_raw(width, 1, levels.to_vec()).expect("three bytes a pixel")
    }

    #[test]
    fn planes_follow_each_other_and_are_normalized() {
        let pictures = [
            picture(2, &[0, 255, 51, 255, 0, 102]),
            picture(2, &[255, 0, 51, 255, 0, 51]),
        ];
        let statistics = ([0.0, 0.5, 0.2], [1.0, 0.5, 2.0]);
        let out = normalized(&pictures, statistics, &Device::flex());
        assert_eq!(out.dims(), [2, 3, 1, 2]);
        let out: Vec<f32> = out.into_data().try_to_vec().unwrap();
        let expected = [
            0.0, 1.0, 1.0, -1.0, 0.0, 0.1, 1.0, 1.0, -1.0, -1.0, 0.0, 0.0,
        ];
        for (found, expected) in out.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    #[should_panic(expected = "pictures of one size")]
    fn pictures_of_two_sizes_are_no_batch() {
        let pictures = [picture(1, &[0; 3]), picture(2, &[0; 6])];
        normalized(&pictures, ([0.0; 3], [1.0; 3]), &Device::flex());
    }
}
