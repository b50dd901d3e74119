//! Crop and bicubic resize exactly as Pillow does it.
//!
//! A [`Region`] of an RGB8 picture → RGB8 of any size. Two passes, columns first; each output is a weighted mean under a
//! cubic that is widened by the factor of reduction, with weights of 22 fractional bits, rounded to 8 bits after each
//! pass. The engine's 8-bit resize follows PyTorch's kernel (16-bit weights) and spreads over all threads; here the
//! loader's threads already take one picture each. Source: Pillow, `src/libImaging/Resample.c`.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};

/// Fractional bits of a weight: 8 bits of level and 2 of overshoot still fit 32 bits.
const WEIGHT_BITS: u32 = 22;
/// Half a level, so that the shift in [`level`] rounds.
const HALF: i32 = 1 << (WEIGHT_BITS - 1);
/// Bytes that the pass over rows blends together.
const LANES: usize = 32;

/// A rectangle of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Columns left of it.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Region {
    /// All of a picture.
    pub fn whole(picture: &RgbImage) -> Self {
        Self {
            left: 0,
            top: 0,
            width: picture.width(),
            height: picture.height(),
        }
    }
}

/// The region of the picture, resized to `width` x `height` pixels; what lies outside the region is not used.
///
/// # Panics
/// If a side is zero or the region is not inside the picture.
pub fn crop_bicubic(picture: &RgbImage, region: Region, width: u32, height: u32) -> RgbImage {
    assert!(
        region.width > 0 && region.height > 0 && width > 0 && height > 0,
        "crop: {region:?} to {width}x{height}, expected sides of at least 1"
    );
    assert!(
        u64::from(region.left) + u64::from(region.width) <= u64::from(picture.width())
            && u64::from(region.top) + u64::from(region.height) <= u64::from(picture.height()),
        "crop: {region:?} leaves the picture of {}x{} pixels",
        picture.width(),
        picture.height()
    );
    let mut pixels = vec![0; width as usize * height as usize * 3];
    Arch::new().dispatch(Resize {
        pixels: picture.as_raw(),
        stride: picture.width() as usize * 3,
        region,
        columns: &Taps::new(region.width, width),
        rows: &Taps::new(region.height, height),
        out: &mut pixels,
    });
    RgbImage::from_raw(width, height, pixels).expect("the length is that of the size")
}

/// The whole picture, resized to `width` x `height` pixels.
///
/// # Panics
/// If a side is zero.
pub fn resize_bicubic(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    if picture.dimensions() == (width, height) {
        return picture.clone();
    }
    crop_bicubic(picture, Region::whole(picture), width, height)
}

/// For every output position, the first input position that it averages, and the weights of it and those after it.
struct Taps {
    firsts: Vec<usize>,
    /// `[outputs, most]`, zero where an output has fewer.
    weights: Vec<i32>,
    /// Inputs of each output.
    counts: Vec<usize>,
    most: usize,
}

impl Taps {
    #[expect(clippy::cast_sign_loss, reason = "positions are clamped to the input")]
    fn new(input: u32, output: u32) -> Self {
        let scale = f64::from(input) / f64::from(output);
        let stretch = scale.max(1.0);
        let radius = 2.0 * stretch;
        let most = radius.ceil() as usize * 2 + 1;
        let mut taps = Self {
            firsts: Vec::with_capacity(output as usize),
            weights: vec![0; most * output as usize],
            counts: Vec::with_capacity(output as usize),
            most,
        };
        let mut exact = Vec::with_capacity(most);
        for (index, weights) in (0..output).zip(taps.weights.chunks_exact_mut(most)) {
            let middle = (f64::from(index) + 0.5) * scale;
            let first = (middle - radius + 0.5).max(0.0).floor();
            let end = (middle + radius + 0.5).floor().min(f64::from(input));
            let count = (end - first) as usize;
            exact.clear();
            exact.extend((0..count).map(|step| {
                // The reference divides by multiplying with the inverse.
                cubic((step as f64 + first - middle + 0.5) * (1.0 / stretch))
            }));
            let total: f64 = exact.iter().sum();
            for (weight, exact) in weights.iter_mut().zip(&exact) {
                *weight = (exact / total * f64::from(1 << WEIGHT_BITS)).round() as i32;
            }
            taps.firsts.push(first as usize);
            taps.counts.push(count);
        }
        taps
    }

    /// First input of the output at `index`, and the weights.
    #[inline(always)]
    fn get(&self, index: usize) -> (usize, &[i32]) {
        let weights = &self.weights[index * self.most..][..self.counts[index]];
        (self.firsts[index], weights)
    }
}

/// Keys' cubic with `a = -0.5` at `x` pixels from its middle.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    } else {
        0.0
    }
}

/// Both passes over the region.
struct Resize<'a> {
    pixels: &'a [u8],
    /// Bytes of one row of `pixels`.
    stride: usize,
    region: Region,
    columns: &'a Taps,
    rows: &'a Taps,
    /// `[rows, columns, 3]`.
    out: &'a mut [u8],
}

impl WithSimd for Resize<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let width = self.columns.firsts.len() * 3;
        // Rows are padded to whole blocks, so that the second pass has no tail.
        let padded = width.next_multiple_of(LANES);
        let mut narrowed = vec![0; padded * self.region.height as usize];
        let (left, length) = (
            self.region.left as usize * 3,
            self.region.width as usize * 3,
        );
        // Pixels of four integers: what is blended is then one vector, and is widened once.
        let mut row = vec![[0; 4]; self.region.width as usize];
        for (y, out) in narrowed.chunks_exact_mut(padded).enumerate() {
            let start = (self.region.top as usize + y) * self.stride + left;
            let pixels = self.pixels[start..start + length].as_chunks::<3>().0;
            for (wide, &[red, green, blue]) in row.iter_mut().zip(pixels) {
                *wide = [red, green, blue, 0].map(i32::from);
            }
            blend_columns(&row, self.columns, &mut out[..width]);
        }
        for (y, out) in self.out.chunks_exact_mut(width).enumerate() {
            blend_rows(&narrowed, padded, self.rows, y, out);
        }
    }
}

/// Weighted means along one row of pixels; `out` is `[columns, 3]`.
#[inline(always)]
fn blend_columns(row: &[[i32; 4]], columns: &Taps, out: &mut [u8]) {
    for (x, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (first, weights) = columns.get(x);
        let mut sums = [HALF; 4];
        for (pixel, &weight) in row[first..].iter().zip(weights) {
            for (sum, &level) in sums.iter_mut().zip(pixel) {
                *sum += weight * level;
            }
        }
        *out = [level(sums[0]), level(sums[1]), level(sums[2])];
    }
}

/// Weighted mean of the rows under output row `y`; `pixels` is `[rows, padded]`, `out` shorter than `padded`.
#[inline(always)]
fn blend_rows(pixels: &[u8], padded: usize, rows: &Taps, y: usize, out: &mut [u8]) {
    let (first, weights) = rows.get(y);
    let pixels = &pixels[first * padded..];
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let mut sums = [HALF; LANES];
        for (row, &weight) in pixels.chunks_exact(padded).zip(weights) {
            for (sum, &level) in sums.iter_mut().zip(&row[block * LANES..][..LANES]) {
                *sum += weight * i32::from(level);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = level(sum);
        }
    }
}

#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "clamped to a level")]
fn level(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::super::golden::Golden;
    use super::*;

    #[test]
    fn crops_equal_pillow_bit_for_bit() {
        let golden = Golden::open();
        let region = Region {
            left: 7,
            top: 5,
            width: 42,
            height: 30,
        };
        let mut found = 0;
        for side in [32, 64] {
            let name = format!("resized_crop_bicubic{side}");
            let crop = crop_bicubic(&golden.picture(), region, side, side);
            golden.assert_pillow(&name, &crop, 0);
            // The tensor road has other weights: the case's tolerance.
            golden.assert_levels(&name, &crop);
            found += 1;
        }
        assert_eq!(found, golden.operations("resized_crop_bicubic").len());
    }

    #[test]
    fn the_own_size_changes_nothing() {
        let picture = Golden::open().picture();
        let (width, height) = picture.dimensions();
        assert_eq!(
            crop_bicubic(&picture, Region::whole(&picture), width, height),
            picture
        );
    }

    #[test]
    fn one_pixel_becomes_a_flat_crop() {
        let picture = RgbImage::from_pixel(1, 1, image::Rgb([200, 10, 0]));
        let crop = resize_bicubic(&picture, 5, 3);
        assert!(crop.pixels().all(|pixel| pixel.0 == [200, 10, 0]));
    }

    #[test]
    #[should_panic(expected = "leaves the picture")]
    fn a_region_outside_is_a_bug() {
        let region = Region {
            left: 1,
            top: 0,
            width: 4,
            height: 4,
        };
        crop_bicubic(&RgbImage::new(4, 4), region, 2, 2);
    }
}
