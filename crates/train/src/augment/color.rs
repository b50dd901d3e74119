//! Brightness, contrast, saturation, gray and solarization, exactly as Pillow does them.
//!
//! RGB8 in place. The first three blend the picture with black, with its mean gray and with its own gray:
//! `trunc(clamp(other + factor · (level − other)))`, in f32. Source: Pillow, `src/libImaging/Blend.c` and
//! `Convert.c`; `spec/02`, section 2.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};

/// Scales every level; `factor` 1 changes nothing.
pub fn brightness(picture: &mut RgbImage, factor: f32) {
    Arch::new().dispatch(BlendLevel {
        levels: picture,
        other: 0.0,
        factor,
    });
}

/// Blends with the mean gray of the picture; `factor` 1 changes nothing, 0 leaves one gray.
pub fn contrast(picture: &mut RgbImage, factor: f32) {
    let pixels = u64::from(picture.width()) * u64::from(picture.height());
    if pixels == 0 {
        return;
    }
    let total = Arch::new().dispatch(SumGray { levels: picture });
    let mean = (total as f64 / pixels as f64 + 0.5).floor();
    Arch::new().dispatch(BlendLevel {
        levels: picture,
        other: mean as f32,
        factor,
    });
}

/// Blends with the gray picture; `factor` 1 changes nothing, 0 leaves gray.
pub fn saturation(picture: &mut RgbImage, factor: f32) {
    Arch::new().dispatch(BlendGray {
        levels: picture,
        factor,
    });
}

/// Replaces every pixel by its gray on three channels.
pub fn grayscale(picture: &mut RgbImage) {
    for pixel in picture.as_chunks_mut::<3>().0 {
        *pixel = [gray(*pixel) as u8; 3];
    }
}

/// Inverts the levels from `threshold` on.
pub fn solarize(picture: &mut RgbImage, threshold: u8) {
    for level in picture.iter_mut() {
        *level = if *level < threshold {
            *level
        } else {
            255 - *level
        };
    }
}

/// Luma of ITU-R 601 in 16-bit fractions, 0 to 255.
#[inline(always)]
fn gray([red, green, blue]: [u8; 3]) -> u32 {
    (u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16
}

/// `other + factor · (level − other)`, clamped and truncated.
#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "clamped to a level")]
fn blend(other: f32, level: u8, factor: f32) -> u8 {
    let blended = other + factor * (f32::from(level) - other);
    blended.clamp(0.0, 255.0) as i32 as u8
}

struct BlendLevel<'a> {
    levels: &'a mut [u8],
    other: f32,
    factor: f32,
}

impl WithSimd for BlendLevel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for level in self.levels {
            *level = blend(self.other, *level, self.factor);
        }
    }
}

struct BlendGray<'a> {
    levels: &'a mut [u8],
    factor: f32,
}

impl WithSimd for BlendGray<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for pixel in self.levels.as_chunks_mut::<3>().0 {
            let gray = gray(*pixel) as f32;
            let [red, green, blue] = *pixel;
            *pixel = [
                blend(gray, red, self.factor),
                blend(gray, green, self.factor),
                blend(gray, blue, self.factor),
            ];
        }
    }
}

struct SumGray<'a> {
    levels: &'a [u8],
}

impl WithSimd for SumGray<'_> {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> u64 {
        // Per block in 32 bits, which vectorize better: 4,096 pixels of 255 fit.
        let blocks = self.levels.as_chunks::<3>().0.chunks(4096);
        blocks
            .map(|block| u64::from(block.iter().map(|&pixel| gray(pixel)).sum::<u32>()))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, parameter};
    use super::*;

    /// Holds every operation of the case whose name starts with `prefix` against Pillow's result, bit for bit.
    fn equals_pillow(prefix: &str, change: impl Fn(&mut RgbImage, f32)) {
        let golden = Golden::open();
        let names = golden.operations(prefix);
        assert!(!names.is_empty(), "{prefix}");
        for name in names {
            let mut picture = golden.picture();
            change(&mut picture, parameter(&name, prefix));
            golden.assert_pillow(&name, &picture, 0);
            golden.assert_levels(&name, &picture);
        }
    }

    #[test]
    fn brightness_equals_pillow() {
        equals_pillow("brightness", brightness);
    }

    #[test]
    fn contrast_equals_pillow() {
        equals_pillow("contrast", contrast);
    }

    #[test]
    fn saturation_equals_pillow() {
        equals_pillow("saturation", saturation);
    }

    #[test]
    #[expect(clippy::cast_sign_loss, reason = "the threshold is a level")]
    fn solarization_equals_pillow() {
        equals_pillow("solarize", |picture, threshold| {
            solarize(picture, threshold as u8);
        });
    }

    #[test]
    fn gray_equals_pillow() {
        let golden = Golden::open();
        let mut picture = golden.picture();
        grayscale(&mut picture);
        golden.assert_pillow("grayscale3", &picture, 0);
        golden.assert_levels("grayscale3", &picture);
    }
}
