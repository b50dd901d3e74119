//! Gaussian blur with nine taps a side, as `torchvision` does it.
//!
//! RGB8 → RGB8 of the same size. Separable, in f32, mirrored at the border without repeating it, rounded once. The
//! kernel has nine taps at any σ and any size of the picture. Source: `spec/02`, section 2.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};

/// Taps of the kernel, per side.
pub const TAPS: usize = 9;
/// Taps left of the middle one.
const REACH: usize = TAPS / 2;

/// Weights of the kernel: `exp(−(i − 4)² / 2σ²)`, divided by their sum. `sigma_px` is positive.
pub fn gaussian_kernel(sigma_px: f32) -> [f32; TAPS] {
    let kernel: [f32; TAPS] = std::array::from_fn(|tap| {
        let x = (tap as f32 - REACH as f32) / sigma_px;
        (-0.5 * x * x).exp()
    });
    let total: f32 = kernel.iter().sum();
    kernel.map(|weight| weight / total)
}

/// Blurs in place.
///
/// # Panics
/// If `sigma_px` is not positive.
pub fn gaussian_blur(picture: &mut RgbImage, sigma_px: f32) {
    assert!(
        sigma_px > 0.0,
        "blur: sigma is {sigma_px} px, expected more than 0"
    );
    if picture.is_empty() {
        return;
    }
    let source = picture.as_raw().clone();
    let stride = picture.width() as usize * 3;
    Arch::new().dispatch(Blur {
        source: &source,
        stride,
        kernel: &gaussian_kernel(sigma_px),
        out: picture,
    });
}

/// Both passes, row by row.
struct Blur<'a> {
    source: &'a [u8],
    /// Bytes of one row.
    stride: usize,
    kernel: &'a [f32; TAPS],
    out: &'a mut [u8],
}

impl WithSimd for Blur<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (width, height) = (self.stride / 3, self.source.len() / self.stride);
        let border = REACH * 3;
        let mut row = vec![0.0; self.stride + 2 * border];
        let mut sums = vec![0.0; self.stride];
        for (y, out) in self.out.chunks_exact_mut(self.stride).enumerate() {
            let middle = &mut row[border..border + self.stride];
            middle.fill(0.0);
            for (tap, &weight) in self.kernel.iter().enumerate() {
                let start = mirrored(y + tap, height) * self.stride;
                for (sum, &level) in middle.iter_mut().zip(&self.source[start..]) {
                    *sum += weight * f32::from(level);
                }
            }
            for x in (0..REACH).chain(width + REACH..width + 2 * REACH) {
                let from = (mirrored(x, width) + REACH) * 3;
                row.copy_within(from..from + 3, x * 3);
            }
            sums.fill(0.0);
            for (tap, &weight) in self.kernel.iter().enumerate() {
                for (sum, &level) in sums.iter_mut().zip(&row[tap * 3..]) {
                    *sum += weight * level;
                }
            }
            for (out, &sum) in out.iter_mut().zip(&sums) {
                *out = rounded(sum);
            }
        }
    }
}

/// Position `padded − REACH` of `length`, mirrored at the first and the last position as often as needed.
#[inline(always)]
fn mirrored(padded: usize, length: usize) -> usize {
    let period = (2 * (length - 1)).max(1);
    // Whole periods are added, so that the difference is never negative.
    let position = (padded + REACH * period - REACH) % period;
    position.min(period - position).min(length - 1)
}

/// Nearest level, ties to even.
#[inline(always)]
fn rounded(sum: f32) -> u8 {
    // Adding 2^23 leaves no fractional bits: rounding without a call, in vectors.
    const SHIFT: f32 = 8_388_608.0;
    (sum.min(255.0) + SHIFT).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, parameter};
    use super::*;

    #[test]
    fn kernels_equal_golden() {
        let golden = Golden::open();
        for name in golden.operations("kernel_sigma") {
            let expected = golden.floats(&format!("expected.{name}"));
            let found = gaussian_kernel(parameter(&name, "kernel_sigma"));
            for (found, expected) in found.iter().zip(expected) {
                // The case's tolerance.
                assert!((found - expected).abs() <= 1e-6, "{name}");
            }
        }
    }

    #[test]
    fn blurs_equal_golden() {
        let golden = Golden::open();
        let names = golden.operations("blur9_sigma");
        assert!(!names.is_empty());
        for name in names {
            let mut picture = golden.picture();
            gaussian_blur(&mut picture, parameter(&name, "blur9_sigma"));
            golden.assert_levels(&name, &picture);
            // Two passes instead of one sum of 81: a value near a half may round the other way.
            golden.assert_pillow(&name, &picture, 1);
        }
    }

    #[test]
    fn borders_are_mirrored_without_repeating_them() {
        let found: Vec<usize> = (0..3 + 2 * REACH).map(|x| mirrored(x, 3)).collect();
        assert_eq!(found, [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        assert!((0..9).all(|x| mirrored(x, 1) == 0));
    }

    #[test]
    fn a_flat_picture_of_any_size_stays_flat() {
        for (width, height) in [(1, 1), (2, 3), (40, 1)] {
            let mut picture = RgbImage::from_pixel(width, height, image::Rgb([255, 7, 0]));
            gaussian_blur(&mut picture, 2.0);
            assert!(picture.pixels().all(|pixel| pixel.0 == [255, 7, 0]));
        }
    }
}
