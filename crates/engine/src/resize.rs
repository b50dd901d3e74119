//! Antialiased resizing as `PyTorch` does it: packed 8-bit pixels → planar floats, or → packed 8-bit pixels.
//!
//! Both are separable: each output pixel is a weighted mean of the input pixels under a filter that is widened by the
//! factor of reduction (`antialias=True, align_corners=False`). The float road keeps every fraction. The 8-bit road
//! rounds the weights to 16-bit integers and the picture to 8 bits between its two passes, as Pillow and `torchvision`
//! do. Source: `PyTorch`, `aten/src/ATen/native/cpu/UpSampleKernel.cpp`.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Filter of a resize, antialiased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resample {
    /// Triangle over two pixels.
    #[default]
    Bilinear,
    /// Cubic over four pixels with `a = -0.5`; overshoots at edges.
    Bicubic,
}

impl Resample {
    /// Half the filter's width at scale 1, in pixels.
    fn radius(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The filter at `x` pixels from its middle.
    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}

/// A borrowed picture of 8-bit channels, packed pixel by pixel. A fourth channel is carried but never read.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    pixels: &'a [u8],
    channels: usize,
    width: u32,
    height: u32,
}

impl<'a> Packed<'a> {
    /// RGB pixels, `[height, width, 3]`.
    ///
    /// # Panics
    /// If the length differs or a side is zero.
    pub fn rgb(pixels: &'a [u8], width: u32, height: u32) -> Self {
        Self::new(pixels, 3, width, height)
    }

    /// RGBA pixels, `[height, width, 4]`, of which only the colors are used.
    ///
    /// # Panics
    /// If the length differs or a side is zero.
    pub fn rgba(pixels: &'a [u8], width: u32, height: u32) -> Self {
        Self::new(pixels, 4, width, height)
    }

    fn new(pixels: &'a [u8], channels: usize, width: u32, height: u32) -> Self {
        let expected = width as usize * height as usize * channels;
        assert!(
            expected > 0,
            "resize: picture is {width}x{height}, expected sides of at least 1"
        );
        assert_eq!(
            pixels.len(),
            expected,
            "resize: {width}x{height} pixels of {channels} bytes"
        );
        Self {
            pixels,
            channels,
            width,
            height,
        }
    }

    /// Bytes of one row.
    fn stride(&self) -> usize {
        self.width as usize * self.channels
    }

    fn row(&self, y: usize) -> &'a [u8] {
        &self.pixels[y * self.stride()..][..self.stride()]
    }
}

/// Resizes in floats: `[3, height, width]`, in levels of 0 to 255, unrounded (bicubic may leave that range).
///
/// At the picture's own size this is the picture.
///
/// # Panics
/// If a side is zero.
pub fn resize_float(source: &Packed<'_>, width: u32, height: u32, resample: Resample) -> Vec<f32> {
    // The reference places the filters in f32, which moves edges of large pictures by some 1e-5: so do we.
    let [columns, rows] =
        [(source.width, width), (source.height, height)].map(|(input, output)| {
            let scale = input as f32 / output as f32;
            let middle = |index: u32| f64::from(scale * (index as f32 + 0.5));
            Taps::new(input, output, resample, middle).map(|weight| weight as f32)
        });
    let width = width as usize;
    let plane = width * height as usize;
    let mut planes = vec![0.0; 3 * plane];
    let (red, rest) = planes.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    // Rows first: one output row then needs no more memory than one blended input row.
    (
        red.par_chunks_mut(width),
        green.par_chunks_mut(width),
        blue.par_chunks_mut(width),
    )
        .into_par_iter()
        .enumerate()
        .for_each_init(
            || vec![0.0; source.stride()],
            |blended, (y, (red, green, blue))| {
                blend_rows(source, &rows, y, blended);
                match source.channels {
                    3 => blend_columns::<3>(blended, &columns, [red, green, blue]),
                    _ => blend_columns::<4>(blended, &columns, [red, green, blue]),
                }
            },
        );
    planes
}

/// Resizes in 8 bits: `[height, width, 3]`, equal to `PyTorch`'s integer kernel.
///
/// At the picture's own size this is the picture.
///
/// # Panics
/// If a side is zero.
pub fn resize_uint8(source: &Packed<'_>, width: u32, height: u32, resample: Resample) -> Vec<u8> {
    let [columns, rows] =
        [(source.width, width), (source.height, height)].map(|(input, output)| {
            let scale = f64::from(input) / f64::from(output);
            let middle = |index: u32| scale * (f64::from(index) + 0.5);
            Fixed::new(&Taps::new(input, output, resample, middle))
        });
    let stride = width as usize * 3;
    let mut narrowed = vec![0; stride * source.height as usize];
    narrowed
        .par_chunks_mut(stride)
        .enumerate()
        .for_each(|(y, out)| match source.channels {
            3 => columns.blend_columns::<3>(source.row(y), out),
            _ => columns.blend_columns::<4>(source.row(y), out),
        });
    let narrowed = Packed::rgb(&narrowed, width, source.height);
    let mut resized = vec![0; stride * height as usize];
    resized.par_chunks_mut(stride).enumerate().for_each_init(
        || vec![0; stride],
        |sums, (y, out)| rows.blend_rows(&narrowed, y, sums, out),
    );
    resized
}

/// For every output position, the input positions that it averages and their weights.
struct Taps<T> {
    /// Of each output: its first input, and where its weights end; they begin where those of the output before end.
    spans: Vec<(usize, usize)>,
    weights: Vec<T>,
}

impl Taps<f64> {
    /// Taps of `output` pixels over `input` pixels; `middle` places an output among the inputs.
    fn new(input: u32, output: u32, resample: Resample, middle: impl Fn(u32) -> f64) -> Self {
        assert!(output > 0, "resize: target side is 0, expected at least 1");
        let stretch = (f64::from(input) / f64::from(output)).max(1.0);
        let radius = resample.radius() * stretch;
        let mut taps = Self {
            spans: Vec::with_capacity(output as usize),
            weights: Vec::new(),
        };
        for index in 0..output {
            let middle = middle(index);
            // The cast rounds towards zero and clamps below at 0, as the reference does.
            let first = (middle - radius + 0.5).max(0.0).floor();
            let end = (middle + radius + 0.5).floor().min(f64::from(input));
            taps.push(first, end, |position| {
                resample.weight((position - middle + 0.5) / stretch)
            });
        }
        taps
    }

    /// Appends one output that averages the inputs `first..end`, leaving out zero weights at both ends.
    #[expect(clippy::cast_sign_loss, reason = "positions are clamped to the input")]
    fn push(&mut self, first: f64, end: f64, weight: impl Fn(f64) -> f64) {
        let start = self.weights.len();
        let count = (end - first) as u32;
        let mut first = first as usize;
        for step in 0..count {
            let weight = weight(first as f64 + f64::from(step));
            self.weights.push(weight);
        }
        let total: f64 = self.weights[start..].iter().sum();
        self.weights[start..]
            .iter_mut()
            .for_each(|weight| *weight /= total);
        let zeros = self.weights[start..]
            .iter()
            .take_while(|weight| **weight == 0.0)
            .count();
        self.weights.drain(start..start + zeros);
        first += zeros;
        while self.weights.last() == Some(&0.0) {
            self.weights.pop();
        }
        self.spans.push((first, self.weights.len()));
    }
}

impl<T> Taps<T> {
    fn map<U>(&self, change: impl Fn(f64) -> U) -> Taps<U>
    where
        T: Copy + Into<f64>,
    {
        Taps {
            spans: self.spans.clone(),
            weights: self
                .weights
                .iter()
                .map(|&weight| change(weight.into()))
                .collect(),
        }
    }

    /// First input of the output at `index`, and its weights.
    fn get(&self, index: usize) -> (usize, &[T]) {
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.spans[before].1);
        let (first, end) = self.spans[index];
        (first, &self.weights[start..end])
    }
}

/// Weighted mean of the rows under output row `y`; `out` is `[width * channels]`.
fn blend_rows(source: &Packed<'_>, rows: &Taps<f32>, y: usize, out: &mut [f32]) {
    let (first, weights) = rows.get(y);
    out.fill(0.0);
    for (step, &weight) in weights.iter().enumerate() {
        for (sum, &level) in out.iter_mut().zip(source.row(first + step)) {
            *sum += weight * f32::from(level);
        }
    }
}

/// Weighted means along one row of `C`-channel pixels, written to the three planes' rows.
fn blend_columns<const C: usize>(row: &[f32], columns: &Taps<f32>, planes: [&mut [f32]; 3]) {
    let pixels = row.as_chunks::<C>().0;
    let [red, green, blue] = planes;
    for (x, ((red, green), blue)) in red.iter_mut().zip(green).zip(blue).enumerate() {
        let (first, weights) = columns.get(x);
        let mut sums = [0.0; C];
        for (weight, pixel) in weights.iter().zip(&pixels[first..]) {
            for (sum, level) in sums.iter_mut().zip(pixel) {
                *sum += weight * level;
            }
        }
        [*red, *green, *blue] = [sums[0], sums[1], sums[2]];
    }
}

/// Weights as 16-bit integers: `weight * 2^shift`, the largest of them just within range.
struct Fixed {
    taps: Taps<i16>,
    shift: u32,
}

impl Fixed {
    fn new(taps: &Taps<f64>) -> Self {
        let largest = taps.weights.iter().copied().fold(0.0, f64::max);
        let fits = |shift: u32| 0.5 + largest * f64::from(1_u32 << (shift + 1)) < 32_768.0;
        let shift = (0..22).find(|&shift| !fits(shift)).unwrap_or(22);
        let scale = f64::from(1_u32 << shift);
        Self {
            taps: taps.map(|weight| (weight * scale).round() as i16),
            shift,
        }
    }

    /// Half a level, so that the shift in [`Fixed::level`] rounds.
    fn half(&self) -> i32 {
        (1 << self.shift) >> 1
    }

    #[expect(clippy::cast_sign_loss, reason = "clamped to a level")]
    fn level(&self, sum: i32) -> u8 {
        (sum >> self.shift).clamp(0, 255) as u8
    }

    /// Weighted means along one row of `C`-channel pixels; `out` is `[width * 3]`.
    fn blend_columns<const C: usize>(&self, row: &[u8], out: &mut [u8]) {
        let pixels = row.as_chunks::<C>().0;
        for (x, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (first, weights) = self.taps.get(x);
            let mut sums = [self.half(); C];
            for (&weight, pixel) in weights.iter().zip(&pixels[first..]) {
                for (sum, &level) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(weight) * i32::from(level);
                }
            }
            *out = [
                self.level(sums[0]),
                self.level(sums[1]),
                self.level(sums[2]),
            ];
        }
    }

    /// Weighted mean of the rows under output row `y`; `sums` is scratch of the same length as `out`.
    fn blend_rows(&self, source: &Packed<'_>, y: usize, sums: &mut [i32], out: &mut [u8]) {
        let (first, weights) = self.taps.get(y);
        sums.fill(self.half());
        for (step, &weight) in weights.iter().enumerate() {
            for (sum, &level) in sums.iter_mut().zip(source.row(first + step)) {
                *sum += i32::from(weight) * i32::from(level);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&*sums) {
            *out = self.level(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A picture whose levels are a fixed scramble of their index.
    fn noise(width: u32, height: u32, channels: u32) -> Vec<u8> {
        (0..width * height * channels)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect()
    }

    proptest! {
        #[test]
        fn the_own_size_changes_nothing(width in 1..40_u32, height in 1..40_u32, cubic: bool) {
            let resample = if cubic { Resample::Bicubic } else { Resample::Bilinear };
            let pixels = noise(width, height, 3);
            let source = Packed::rgb(&pixels, width, height);
            prop_assert_eq!(resize_uint8(&source, width, height, resample), &pixels[..]);
            let planes = resize_float(&source, width, height, resample);
            let plane = (width * height) as usize;
            for (index, &level) in pixels.iter().enumerate() {
                let found = planes[index % 3 * plane + index / 3];
                prop_assert!((found - f32::from(level)).abs() < f32::EPSILON, "{index}: {found} {level}");
            }
        }

        #[test]
        fn a_flat_picture_stays_flat_at_every_size(
            from in (1..60_u32, 1..60_u32), to in (1..60_u32, 1..60_u32), level: u8, cubic: bool,
        ) {
            let resample = if cubic { Resample::Bicubic } else { Resample::Bilinear };
            let pixels = vec![level; (from.0 * from.1 * 4) as usize];
            let source = Packed::rgba(&pixels, from.0, from.1);
            let floats = resize_float(&source, to.0, to.1, resample);
            prop_assert_eq!(floats.len(), (3 * to.0 * to.1) as usize);
            // Weights sum to 1 within f32 rounding: 255 * 60 * 6e-8 is under 1e-3.
            prop_assert!(floats.iter().all(|found| (found - f32::from(level)).abs() < 1e-3));
            let bytes = resize_uint8(&source, to.0, to.1, resample);
            prop_assert!(bytes.iter().all(|found| found.abs_diff(level) <= 1));
        }

        #[test]
        fn the_fourth_channel_is_never_read(to in (1..30_u32, 1..30_u32)) {
            let rgba = noise(17, 23, 4);
            let rgb: Vec<u8> = rgba.as_chunks::<4>().0.iter().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
            let (rgba, rgb) = (Packed::rgba(&rgba, 17, 23), Packed::rgb(&rgb, 17, 23));
            prop_assert_eq!(
                resize_float(&rgba, to.0, to.1, Resample::Bicubic),
                resize_float(&rgb, to.0, to.1, Resample::Bicubic)
            );
            prop_assert_eq!(
                resize_uint8(&rgba, to.0, to.1, Resample::Bicubic),
                resize_uint8(&rgb, to.0, to.1, Resample::Bicubic)
            );
        }

        #[test]
        fn both_roads_agree_within_a_level(to in (1..50_u32, 1..50_u32), cubic: bool) {
            let resample = if cubic { Resample::Bicubic } else { Resample::Bilinear };
            // Away from 0 and 255: there the 8-bit road clamps between its passes.
            let pixels: Vec<u8> = noise(31, 29, 3).iter().map(|level| 64 + level / 2).collect();
            let source = Packed::rgb(&pixels, 31, 29);
            let floats = resize_float(&source, to.0, to.1, resample);
            let plane = (to.0 * to.1) as usize;
            for (index, &level) in resize_uint8(&source, to.0, to.1, resample).iter().enumerate() {
                let float = floats[index % 3 * plane + index / 3];
                // Half a level from each pass, the first grown by the negative weights, and the weights' own rounding.
                prop_assert!((float - f32::from(level)).abs() <= 1.3, "{float} {level}");
            }
        }
    }

    #[test]
    fn halving_averages_with_the_widened_triangle() {
        // Weights 1, 3, 3, 1 over 8; the border outputs lose their outer weight.
        let pixels: Vec<u8> = [0, 80, 160, 240]
            .iter()
            .flat_map(|&level| [level; 3])
            .collect();
        let resized = resize_float(&Packed::rgb(&pixels, 4, 1), 2, 1, Resample::Bilinear);
        let expected = [
            (80.0 * 3.0 + 160.0) / 7.0,
            (80.0 + 160.0 * 3.0 + 240.0 * 3.0) / 7.0,
        ];
        for (found, expected) in resized.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    #[test]
    #[should_panic(expected = "2x2 pixels of 3 bytes")]
    fn a_wrong_length_is_a_bug() {
        Packed::rgb(&[0; 11], 2, 2);
    }
}
