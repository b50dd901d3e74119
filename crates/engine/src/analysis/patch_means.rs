//! Means of a picture's pixels over the patches of a grid.
//!
//! Input: 8-bit pixels of a picture that the grid covers. Output: one value a patch and channel. Pixels on a patch's
//! border count by the part that lies inside, so any picture and any grid go together. Source: `spec/05`, section 1.

use std::ops::Range;

use rayon::prelude::*;

use super::{AnalysisError, bad_setting};

/// Mean of `pixels` `[height, width, channels]` under each patch of the grid `(rows, cols)`: `[rows, cols, channels]`
/// in [0, 1].
///
/// Means are taken of the bytes as they are stored, without undoing their gamma. `size_px` is (width, height).
pub fn patch_means(
    pixels: &[u8],
    size_px: (u32, u32),
    (rows, cols): (usize, usize),
) -> Result<Vec<f32>, AnalysisError> {
    let (width, height) = (size_px.0 as usize, size_px.1 as usize);
    let filled = width
        .checked_mul(height)
        .filter(|&count| count > 0 && !pixels.is_empty() && pixels.len().is_multiple_of(count));
    let Some(count) = filled.filter(|_| rows > 0 && cols > 0) else {
        let found = format!(
            "{} bytes, {width} x {height}, {rows} x {cols} patches",
            pixels.len()
        );
        let expected = "a picture with pixels under a grid with patches";
        return Err(bad_setting("picture", expected, &found));
    };
    let channels = pixels.len() / count;
    let across: Vec<_> = (0..cols).map(|col| span(col, cols, width)).collect();
    let mut out = vec![0.0; rows * cols * channels];
    out.par_chunks_mut(cols * channels)
        .enumerate()
        .for_each(|(row, out)| {
            let mut line = vec![0.0; width * channels];
            let mut total = 0.0;
            for (y, weight) in weights(&span(row, rows, height)) {
                total += weight;
                let bytes = &pixels[y * width * channels..][..width * channels];
                let terms = line.iter_mut().zip(bytes);
                terms.for_each(|(sum, &byte)| *sum += weight * f64::from(byte));
            }
            for (out, span) in out.chunks_exact_mut(channels).zip(&across) {
                for (channel, out) in out.iter_mut().enumerate() {
                    let terms =
                        weights(span).map(|(x, weight)| weight * line[x * channels + channel]);
                    let area = total * (span.end - span.start) * 255.0;
                    *out = (terms.sum::<f64>() / area) as f32;
                }
            }
        });
    Ok(out)
}

/// From where to where the cell `at` of `count` reaches, in pixels of an axis of `side`.
fn span(at: usize, count: usize, side: usize) -> Range<f64> {
    let edge = |at: usize| at as f64 * side as f64 / count as f64;
    edge(at)..edge(at + 1)
}

/// The pixels that a span touches and how much of each it covers.
#[expect(clippy::cast_sign_loss, reason = "a span starts at 0 or later")]
fn weights(span: &Range<f64>) -> impl Iterator<Item = (usize, f64)> {
    let Range { start, end } = *span;
    (start.floor() as usize..end.ceil() as usize).map(move |pixel| {
        let covered = end.min(pixel as f64 + 1.0) - start.max(pixel as f64);
        (pixel, covered)
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_patches_are_plain_means_of_each_channel() {
        // 4 × 2 pixels of two channels, patches of 2 × 2.
        let pixels: Vec<u8> = (0..8).flat_map(|i| [i * 10, 255 - i]).collect();
        let found = patch_means(&pixels, (4, 2), (1, 2)).unwrap();
        let mean = |of: [f32; 4]| of.iter().sum::<f32>() / 4.0 / 255.0;
        let expected = [
            mean([0.0, 10.0, 40.0, 50.0]),
            mean([255.0, 254.0, 251.0, 250.0]),
            mean([20.0, 30.0, 60.0, 70.0]),
            mean([253.0, 252.0, 249.0, 248.0]),
        ];
        assert_close(&found, &expected, 1e-6, "means");
    }

    #[test]
    fn a_pixel_on_a_border_counts_by_its_part() {
        // Three pixels under two patches: the middle one is shared.
        let found = patch_means(&[0, 255, 0], (3, 1), (1, 2)).unwrap();
        assert_close(&found, &[1.0 / 3.0; 2], 1e-6, "shared");
        // More patches than pixels.
        let found = patch_means(&[0, 255], (1, 2), (4, 1)).unwrap();
        assert_close(&found, &[0.0, 0.0, 1.0, 1.0], 1e-6, "enlarged");
    }

    #[test]
    fn pictures_and_grids_without_area_are_errors() {
        for (pixels, size, grid) in [
            (vec![0; 6], (0, 3), (1, 1)),
            (vec![0; 6], (2, 3), (0, 1)),
            (vec![0; 5], (2, 3), (1, 1)),
            (Vec::new(), (2, 3), (1, 1)),
            (vec![0; 6], (u32::MAX, u32::MAX), (1, 1)),
        ] {
            assert!(
                patch_means(&pixels, size, grid).is_err(),
                "{size:?} {grid:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_mean_of_the_patches_is_the_mean_of_the_picture(
            width in 1_u32..23, height in 1_u32..23, rows in 1_usize..17, cols in 1_usize..17, seed: u32,
        ) {
            let byte = |i: u32| ((i + 1).wrapping_mul(seed | 1) >> 13) as u8;
            let pixels: Vec<u8> = (0..width * height).map(byte).collect();
            let found = patch_means(&pixels, (width, height), (rows, cols)).unwrap();
            let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
            let of_patches = mean(found.iter().map(|&value| f64::from(value)).collect());
            let of_pixels = mean(pixels.iter().map(|&byte| f64::from(byte) / 255.0).collect());
            prop_assert!((of_patches - of_pixels).abs() < 1e-6, "{} {}", of_patches, of_pixels);
        }
    }
}
