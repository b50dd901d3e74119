//! From levels to a network's input.
//!
//! RGB8 → f32 `[3, rows, cols]`, written into a batch that the caller owns: scaled to 0..1, minus the mean, divided by
//! the standard deviation. Source: `spec/02`, section 2.

use image::RgbImage;

/// Writes the picture's pixels, `[3, rows, cols]`; `mean` and `std` are those of levels scaled to 0..1.
///
/// # Panics
/// If `out` has another length.
pub fn write_normalized(picture: &RgbImage, mean: [f32; 3], std: [f32; 3], out: &mut [f32]) {
    let plane = picture.as_raw().len() / 3;
    assert_eq!(
        out.len(),
        3 * plane,
        "pixels: {}x{} pixels of 3 channels",
        picture.width(),
        picture.height()
    );
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

    #[test]
    fn planes_follow_each_other_and_are_normalized() {
        let picture = RgbImage::from_raw(2, 1, vec![0, 255, 51, 255, 0, 102])
            .expect("two pixels of three bytes");
        let mut out = [0.0; 6];
        write_normalized(&picture, [0.0, 0.5, 0.2], [1.0, 0.5, 2.0], &mut out);
        let expected = [0.0, 1.0, 1.0, -1.0, 0.0, 0.1];
        for (found, expected) in out.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{out:?}");
        }
    }
}
