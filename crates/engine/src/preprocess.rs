//! From a picture to a network's input: target size, resize, scale to 0..1, mean and standard deviation.
//!
//! [`Picture`] → [`NetworkInput`]. The float road is that of `transformers` (scale, resize in floats, normalize), the
//! 8-bit road that of `torchvision` on pictures (resize in 8 bits, scale, normalize). Source: `spec/01`, section 5.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::grid::Grid;
use crate::picture::Picture;
pub use crate::resize::Resample;
use crate::resize::{Packed, resize_float, resize_uint8};

/// Longest side of a network's input, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// Most patches of a network's input.
pub const MAX_PATCHES: u64 = 1_048_576;

/// Why a picture cannot become a network's input.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PreprocessError {
    /// A size that is none of the accepted forms.
    #[error(
        "size {found:?} is not understood, expected `native`, a short side such as `512`, or `640x480`"
    )]
    Size {
        /// What was given.
        found: String,
    },
    /// A filter's or road's name that does not exist.
    #[error("{what} {found:?} does not exist, expected `{}`", accepted.join("` or `"))]
    Name {
        /// What the name is for.
        what: &'static str,
        /// What was given.
        found: String,
        /// The names that exist.
        accepted: [&'static str; 2],
    },
    /// A picture without pixels.
    #[error("picture is {width}x{height} pixels, expected sides of at least 1")]
    NoPixels {
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// A patch of no pixels.
    #[error("patch is 0 pixels, expected at least 1")]
    NoPatch,
    /// A network input beyond [`MAX_SIDE`] or [`MAX_PATCHES`].
    #[error(
        "network input would be {width}x{height} pixels with {patches} patches, \
         expected sides of at most {MAX_SIDE} and at most {MAX_PATCHES} patches"
    )]
    TooLarge {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// Number of patches.
        patches: u64,
    },
    /// Statistics that cannot normalize.
    #[error(
        "statistics have mean {mean:?} and std {std:?}, expected finite means and positive finite deviations"
    )]
    Statistics {
        /// Mean of each channel.
        mean: [f32; 3],
        /// Standard deviation of each channel.
        std: [f32; 3],
    },
}

/// How large the network sees the picture. Written `native`, `512` (short side) or `640x480`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Size {
    /// The picture's own size; sides that are multiples of the patch are not resampled.
    Native,
    /// The short side in pixels; the aspect is kept.
    Short(u32),
    /// Both sides in pixels; the aspect may change.
    Exact {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl Default for Size {
    fn default() -> Self {
        Self::Short(512)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native"),
            Self::Short(side) => write!(f, "{side}"),
            Self::Exact { width, height } => write!(f, "{width}x{height}"),
        }
    }
}

impl FromStr for Size {
    type Err = PreprocessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pixels = |text: &str| text.parse().ok().filter(|&pixels: &u32| pixels > 0);
        let size = match text.split_once(['x', 'X']) {
            Some((width, height)) => pixels(width)
                .zip(pixels(height))
                .map(|(width, height)| Self::Exact { width, height }),
            None if text == "native" => Some(Self::Native),
            None => pixels(text).map(Self::Short),
        };
        size.ok_or_else(|| PreprocessError::Size {
            found: text.to_owned(),
        })
    }
}

impl TryFrom<String> for Size {
    type Error = PreprocessError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl FromStr for Resample {
    type Err = PreprocessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        named(
            "filter",
            text,
            [("bilinear", Self::Bilinear), ("bicubic", Self::Bicubic)],
        )
    }
}

impl fmt::Display for Resample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
        })
    }
}

/// Where the resize happens: before or after the pixels become floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Road {
    /// Scale to 0..1, then resize, as `transformers` does. Nothing is rounded.
    #[default]
    Float,
    /// Resize in 8 bits, then scale, as `torchvision` does on decoded pictures.
    Uint8,
}

impl FromStr for Road {
    type Err = PreprocessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        named(
            "road",
            text,
            [("float", Self::Float), ("uint8", Self::Uint8)],
        )
    }
}

impl fmt::Display for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float => "float",
            Self::Uint8 => "uint8",
        })
    }
}

/// The one of two values that `text` names.
fn named<T>(
    what: &'static str,
    text: &str,
    values: [(&'static str, T); 2],
) -> Result<T, PreprocessError> {
    let accepted = [values[0].0, values[1].0];
    let found = values
        .into_iter()
        .find_map(|(name, value)| (name == text).then_some(value));
    found.ok_or_else(|| PreprocessError::Name {
        what,
        found: text.to_owned(),
        accepted,
    })
}

/// Mean and standard deviation of the training pictures, red, green, blue, on levels of 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Mean of each channel.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub std: [f32; 3],
}

impl Statistics {
    /// Of the weights trained on web pictures (LVD-1689M); the same as `ImageNet`'s.
    pub const LVD: Self = Self {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
    /// Of the weights trained on satellite pictures (SAT-493M).
    pub const SAT: Self = Self {
        mean: [0.430, 0.411, 0.296],
        std: [0.213, 0.156, 0.143],
    };

    fn check(&self) -> Result<(), PreprocessError> {
        let Self { mean, std } = *self;
        let usable = mean.iter().all(|mean| mean.is_finite())
            && std.iter().all(|std| std.is_finite() && *std > 0.0);
        if usable {
            Ok(())
        } else {
            Err(PreprocessError::Statistics { mean, std })
        }
    }

    /// Level of 0 to 255 of one channel → `(level / 255 - mean) / std`.
    fn normalize(&self, channel: usize) -> impl Fn(f32) -> f32 + Sync {
        let (mean, std) = (self.mean[channel], self.std[channel]);
        move |level| (level / 255.0 - mean) / std
    }
}

impl Default for Statistics {
    fn default() -> Self {
        Self::LVD
    }
}

/// How pictures become a network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preprocess {
    /// Size of the input before rounding to the patch.
    pub size: Size,
    /// Filter of the resize.
    pub resample: Resample,
    /// Whether the resize is done in floats or in 8 bits.
    pub road: Road,
    /// Mean and standard deviation that the network expects.
    pub statistics: Statistics,
    /// Side of a patch in pixels; both sides of the input are multiples of it.
    pub patch: u32,
    /// Color (red, green, blue) under transparent pixels.
    pub background: [u8; 3],
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            size: Size::default(),
            resample: Resample::default(),
            road: Road::default(),
            statistics: Statistics::default(),
            patch: 16,
            background: [255; 3],
        }
    }
}

/// A picture as the network takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkInput {
    /// Normalized pixels, `[3, height, width]`.
    pub pixels: Vec<f32>,
    /// Width in pixels, a multiple of the patch.
    pub width: u32,
    /// Height in pixels, a multiple of the patch.
    pub height: u32,
    /// The patches over the picture.
    pub grid: Grid,
}

impl Preprocess {
    /// Size (width, height) of the network's input for a picture of `width` x `height` pixels.
    ///
    /// Each side is rounded to the nearest multiple of the patch (a tie goes up) and is at least one patch.
    pub fn target(&self, width: u32, height: u32) -> Result<(u32, u32), PreprocessError> {
        if width == 0 || height == 0 {
            return Err(PreprocessError::NoPixels { width, height });
        }
        if self.patch == 0 {
            return Err(PreprocessError::NoPatch);
        }
        let (cols, rows) = match self.size {
            Size::Native => (self.patches(width, 1, 1), self.patches(height, 1, 1)),
            Size::Exact { width, height } => {
                (self.patches(width, 1, 1), self.patches(height, 1, 1))
            }
            Size::Short(side) => {
                let short = width.min(height);
                (
                    self.patches(width, side, short),
                    self.patches(height, side, short),
                )
            }
        };
        self.within_limits(cols, rows)
    }

    /// This size, or where the input of a picture would be beyond the limits the largest short side that is not.
    ///
    /// A size that names both sides stays, and so does the size of a picture whose one patch is too much already.
    pub fn fitted(&self, width: u32, height: u32) -> Size {
        let fits = |size| {
            let wanted = Self {
                size,
                ..self.clone()
            };
            wanted.target(width, height).is_ok()
        };
        if matches!(self.size, Size::Exact { .. }) || fits(self.size) || self.patch == 0 {
            return self.size;
        }
        let (mut least, mut most) = (0, MAX_SIDE / self.patch);
        while least < most {
            let middle = (least + most).div_ceil(2);
            if fits(Size::Short(middle * self.patch)) {
                least = middle;
            } else {
                most = middle - 1;
            }
        }
        match least {
            0 => self.size,
            patches => Size::Short(patches * self.patch),
        }
    }

    /// Decoded picture → normalized network input.
    pub fn run(&self, picture: &Picture) -> Result<NetworkInput, PreprocessError> {
        self.statistics.check()?;
        let (width, height) = self.target(picture.width(), picture.height())?;
        let grid = Grid::new(
            (picture.width(), picture.height()),
            (width, height),
            self.patch,
        );
        let flattened;
        let source = if picture.is_opaque() {
            Packed::rgba(picture.rgba(), picture.width(), picture.height())
        } else {
            flattened = picture.rgb_over(self.background);
            Packed::rgb(&flattened, picture.width(), picture.height())
        };
        let pixels = match self.road {
            Road::Float => self.normalized(resize_float(&source, width, height, self.resample)),
            Road::Uint8 => {
                self.normalized(planes(&resize_uint8(&source, width, height, self.resample)))
            }
        };
        Ok(NetworkInput {
            pixels,
            width,
            height,
            grid,
        })
    }

    /// Patches along a side of `side * numerator / denominator` pixels.
    fn patches(&self, side: u32, numerator: u32, denominator: u32) -> u64 {
        let pixels = u128::from(side) * u128::from(numerator);
        let patch = u128::from(denominator) * u128::from(self.patch);
        let patches = (2 * pixels + patch) / (2 * patch);
        u64::try_from(patches).unwrap_or(u64::MAX).max(1)
    }

    fn within_limits(&self, cols: u64, rows: u64) -> Result<(u32, u32), PreprocessError> {
        let (width, height) = (
            cols.saturating_mul(self.patch.into()),
            rows.saturating_mul(self.patch.into()),
        );
        let patches = cols.saturating_mul(rows);
        if width.max(height) > MAX_SIDE.into() || patches > MAX_PATCHES {
            return Err(PreprocessError::TooLarge {
                width,
                height,
                patches,
            });
        }
        Ok((width as u32, height as u32))
    }

    /// Levels of 0 to 255 → normalized, in place; `[3, height, width]`.
    fn normalized(&self, mut levels: Vec<f32>) -> Vec<f32> {
        let plane = levels.len() / 3;
        for (channel, plane) in levels.chunks_exact_mut(plane).enumerate() {
            let normalize = self.statistics.normalize(channel);
            plane.par_chunks_mut(1 << 16).for_each(|levels| {
                for level in levels {
                    *level = normalize(*level);
                }
            });
        }
        levels
    }
}

/// `[height, width, 3]` bytes → `[3, height, width]` floats.
fn planes(packed: &[u8]) -> Vec<f32> {
    let pixels = packed.as_chunks::<3>().0;
    let mut planes = vec![0.0; packed.len()];
    for (channel, plane) in planes.chunks_exact_mut(pixels.len()).enumerate() {
        plane
            .iter_mut()
            .zip(pixels)
            .for_each(|(value, pixel)| *value = f32::from(pixel[channel]));
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use safetensors::SafeTensors;
    use serde_json::Value;
    use std::path::PathBuf;

    const PHOTOS: [&str; 3] = ["astronaut", "chelsea", "coffee"];

    struct Golden {
        folder: PathBuf,
        data: Vec<u8>,
        case: Value,
    }

    impl Golden {
        fn load() -> Self {
            let default =
                || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden"));
            let folder = std::env::var_os("DINOSCOPE_GOLDEN")
                .map_or_else(default, PathBuf::from)
                .join("preprocess");
            let data = std::fs::read(folder.join("data.safetensors")).unwrap();
            let case =
                serde_json::from_slice(&std::fs::read(folder.join("case.json")).unwrap()).unwrap();
            Self { folder, data, case }
        }

        fn picture(&self, photo: &str) -> Picture {
            Picture::open(&self.folder.join(format!("{photo}.png"))).unwrap()
        }

        /// The tensors of one photo whose names begin with `prefix`: (rest of the name, shape, bytes).
        fn tensors(&self, prefix: &str) -> Vec<(String, [usize; 3], Vec<u8>)> {
            let tensors = SafeTensors::deserialize(&self.data).unwrap();
            let found = tensors.iter().filter_map(|(name, tensor)| {
                let shape = tensor.shape().try_into().unwrap();
                Some((
                    name.strip_prefix(prefix)?.to_owned(),
                    shape,
                    tensor.data().to_vec(),
                ))
            });
            let found: Vec<_> = found.collect();
            assert!(
                !found.is_empty(),
                "no tensor {prefix}* in {}",
                self.folder.display()
            );
            found
        }

        fn tolerance(&self, name: &str) -> f32 {
            self.case["tolerance"][name].as_f64().unwrap() as f32
        }

        fn statistics(&self, name: &str) -> Statistics {
            serde_json::from_value(self.case["statistics"][name].clone()).unwrap()
        }

        /// Input of `photo` in 8 bits: `tv256` is a square, `tv320` a short side.
        fn torchvision(&self, photo: &str, kind: &str, statistics: &str) -> NetworkInput {
            let size = if kind == "tv256" {
                Size::Exact {
                    width: 256,
                    height: 256,
                }
            } else {
                Size::Short(320)
            };
            let statistics = self.statistics(statistics);
            let input = Preprocess {
                size,
                road: Road::Uint8,
                statistics,
                ..Preprocess::default()
            }
            .run(&self.picture(photo));
            input.unwrap()
        }
    }

    fn floats(bytes: &[u8]) -> Vec<f32> {
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|&chunk| f32::from_le_bytes(chunk))
            .collect()
    }

    /// `[3, height, width]` → every `step`-th row and column, beginning at (`row`, `col`).
    fn sampled(
        input: &NetworkInput,
        (row, col): (usize, usize),
        step: usize,
    ) -> (Vec<f32>, [usize; 3]) {
        let (width, height) = (input.width as usize, input.height as usize);
        let rows: Vec<_> = (0..3 * height)
            .filter(|y| y % height >= row && (y % height - row) % step == 0)
            .collect();
        let cols = (col..width).step_by(step);
        let values = rows
            .iter()
            .flat_map(|y| cols.clone().map(move |x| input.pixels[y * width + x]))
            .collect();
        (values, [3, rows.len() / 3, cols.len()])
    }

    fn worst(found: &[f32], expected: &[f32]) -> f32 {
        assert_eq!(found.len(), expected.len());
        found
            .iter()
            .zip(expected)
            .map(|(found, expected)| (found - expected).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_picture_that_is_too_long_gets_the_largest_input_within_the_limits() {
        let size = |size, width, height| {
            let wanted = Preprocess {
                size,
                ..Preprocess::default()
            };
            wanted.fitted(width, height)
        };
        assert_eq!(size(Size::Short(512), 640, 480), Size::Short(512));
        assert_eq!(size(Size::Short(512), 10_000, 100), Size::Short(160));
        assert_eq!(size(Size::Native, 10_000, 100), Size::Native);
        assert_eq!(size(Size::Native, 100, 20_000), Size::Short(80));
        let exact = Size::Exact {
            width: 20_000,
            height: 16,
        };
        assert_eq!(size(exact, 10_000, 100), exact);
        // One patch is too much already.
        assert_eq!(size(Size::Native, 40_000, 20), Size::Native);
    }

    #[test]
    fn the_float_road_equals_the_transformers_processor() {
        let golden = Golden::load();
        for photo in PHOTOS {
            let picture = golden.picture(photo);
            for (name, shape, bytes) in golden.tensors(&format!("{photo}.expected.hf224.")) {
                let (statistics, part) = name.split_once('.').unwrap();
                let preprocess = Preprocess {
                    size: Size::Exact {
                        width: 224,
                        height: 224,
                    },
                    statistics: golden.statistics(statistics),
                    ..Preprocess::default()
                };
                let input = preprocess.run(&picture).unwrap();
                let (found, found_shape) = match part {
                    "full" => sampled(&input, (0, 0), 1),
                    "every3" => sampled(&input, (1, 2), 3),
                    _ => panic!("unknown part {part}"),
                };
                assert_eq!(found_shape, shape, "{photo} {name}");
                // 1e-4 allowed; 3e-6 observed: f32 sums in another order.
                let worst = worst(&found, &floats(&bytes));
                assert!(
                    worst <= golden.tolerance("hf224_abs"),
                    "{photo} {name}: {worst}"
                );
            }
        }
    }

    #[test]
    fn the_uint8_road_equals_torchvision() {
        let golden = Golden::load();
        for (photo, kind) in PHOTOS
            .iter()
            .flat_map(|photo| ["tv256", "tv320"].map(|kind| (photo, kind)))
        {
            for (name, shape, bytes) in golden.tensors(&format!("{photo}.expected.{kind}.")) {
                let input = golden.torchvision(
                    photo,
                    kind,
                    if name.starts_with("sat") {
                        "sat"
                    } else {
                        "lvd"
                    },
                );
                let (found, found_shape) = match name.as_str() {
                    "u8" => sampled(&input, (0, 0), 1),
                    "u8_every3" => sampled(&input, (1, 2), 3),
                    _ => sampled(&input, (3, 5), 8),
                };
                assert_eq!(found_shape, shape, "{photo} {kind} {name}");
                if !name.starts_with("u8") {
                    // Equal levels leave only the rounding of f32.
                    let worst = worst(&found, &floats(&bytes));
                    assert!(worst <= 1e-6, "{photo} {kind} {name}: {worst}");
                    continue;
                }
                let plane = shape[1] * shape[2];
                let level = |index: usize, value: f32| {
                    let Statistics { mean, std } = golden.statistics("lvd");
                    ((value * std[index / plane] + mean[index / plane]) * 255.0).round()
                };
                let found: Vec<f32> = found
                    .iter()
                    .enumerate()
                    .map(|(index, &value)| level(index, value))
                    .collect();
                let expected: Vec<f32> = bytes.iter().map(|&level| f32::from(level)).collect();
                // One level is allowed; the integer kernel is reproduced exactly.
                assert!(
                    worst(&found, &expected) < f32::EPSILON,
                    "{photo} {kind} {name}"
                );
            }
        }
    }

    #[test]
    fn a_native_multiple_of_the_patch_is_not_resampled() {
        let rgb: Vec<u8> = (0..48 * 32 * 3_u32)
            .map(|index| (index * 37 % 256) as u8)
            .collect();
        let picture = Picture::from_rgb(48, 32, &rgb).unwrap();
        for road in [Road::Float, Road::Uint8] {
            let preprocess = Preprocess {
                size: Size::Native,
                road,
                ..Preprocess::default()
            };
            let input = preprocess.run(&picture).unwrap();
            assert_eq!(
                (input.width, input.height, input.grid.cols, input.grid.rows),
                (48, 32, 3, 2)
            );
            for (index, &level) in rgb.iter().enumerate() {
                let expected = preprocess.statistics.normalize(index % 3)(f32::from(level));
                assert_eq!(
                    input.pixels[index % 3 * 48 * 32 + index / 3].to_bits(),
                    expected.to_bits(),
                    "{road} {index}"
                );
            }
        }
    }

    #[test]
    fn transparent_pixels_take_the_background() {
        let picture = Picture::from_rgba(16, 16, [[255, 0, 0, 0]; 256].concat()).unwrap();
        let preprocess = Preprocess {
            size: Size::Native,
            background: [0, 255, 0],
            ..Preprocess::default()
        };
        let input = preprocess.run(&picture).unwrap();
        let expected = [0.0, 255.0, 0.0]
            .into_iter()
            .enumerate()
            .map(|(c, level)| Statistics::LVD.normalize(c)(level));
        for (plane, expected) in input.pixels.chunks_exact(256).zip(expected) {
            assert!(
                plane.iter().all(|found| (found - expected).abs() < 1e-5),
                "{} {expected}",
                plane[0]
            );
        }
    }

    #[test]
    fn sides_round_to_the_nearest_multiple_of_the_patch() {
        let target = |size, width, height| {
            Preprocess {
                size,
                ..Preprocess::default()
            }
            .target(width, height)
            .unwrap()
        };
        assert_eq!(target(Size::Short(320), 317, 251), (400, 320));
        assert_eq!(target(Size::Short(512), 4000, 3000), (688, 512));
        assert_eq!(target(Size::Short(512), 3000, 4000), (512, 688));
        assert_eq!(target(Size::Short(500), 100, 100), (496, 496));
        assert_eq!(target(Size::Native, 23, 24), (16, 32));
        assert_eq!(target(Size::Native, 1, 7), (16, 16));
        assert_eq!(
            target(
                Size::Exact {
                    width: 640,
                    height: 481
                },
                10,
                10
            ),
            (640, 480)
        );
        // A tie goes up.
        assert_eq!(target(Size::Short(512), 65, 64), (528, 512));
        // The long side is rounded from the exact scale, not from the rounded short side.
        assert_eq!(target(Size::Short(24), 1000, 100), (240, 32));
    }

    proptest! {
        #[test]
        fn targets_are_multiples_within_half_a_patch_or_refused(
            width in 1..100_000_u32, height in 1..100_000_u32, side in 1..20_000_u32, patch in 1..64_u32,
        ) {
            let preprocess = Preprocess { size: Size::Short(side), patch, ..Preprocess::default() };
            let scale = f64::from(side) / f64::from(width.min(height));
            match preprocess.target(width, height) {
                Ok((to_width, to_height)) => for (from, to) in [(width, to_width), (height, to_height)] {
                    prop_assert!(to >= patch && to % patch == 0 && to <= MAX_SIDE);
                    let wanted = (f64::from(from) * scale).max(f64::from(patch));
                    prop_assert!((wanted - f64::from(to)).abs() <= f64::from(patch) / 2.0 + 1e-6);
                },
                Err(PreprocessError::TooLarge { width, height, patches }) => {
                    prop_assert!(width.max(height) > MAX_SIDE.into() || patches > MAX_PATCHES);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }

    #[test]
    fn impossible_settings_are_errors_with_their_numbers() {
        let settings = Preprocess::default();
        let refusal = |settings: &Preprocess, width, height| {
            settings.target(width, height).unwrap_err().to_string()
        };
        assert!(refusal(&settings, 0, 5).contains("0x5"));
        assert!(refusal(&settings, u32::MAX, 1).contains("patches"));
        assert!(
            refusal(
                &Preprocess {
                    patch: 0,
                    ..settings.clone()
                },
                5,
                5
            )
            .contains("patch is 0")
        );
        let huge = Preprocess {
            size: Size::Exact {
                width: u32::MAX,
                height: u32::MAX,
            },
            ..settings.clone()
        };
        assert!(refusal(&huge, 5, 5).contains("4294967296x4294967296"));
        let small_patch = Preprocess {
            size: Size::Short(2000),
            patch: 1,
            ..settings.clone()
        };
        assert!(refusal(&small_patch, 5, 5).contains("4000000 patches"));

        let picture = Picture::from_rgb(16, 16, &[0; 768]).unwrap();
        for std in [[0.2, 0.2, 0.0], [0.2, f32::NAN, 0.2], [-1.0, 0.2, 0.2]] {
            let statistics = Statistics {
                std,
                ..Statistics::LVD
            };
            let found = Preprocess {
                statistics,
                ..settings.clone()
            }
            .run(&picture)
            .unwrap_err();
            assert!(
                matches!(found, PreprocessError::Statistics { .. }),
                "{found}"
            );
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["native", "512", "640x480"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "0",
            "-5",
            "12.5",
            "640x",
            "0x480",
            "x",
            "full",
            "5000000000",
            "1x2x3",
        ] {
            let found = text.parse::<Size>().unwrap_err().to_string();
            assert!(
                found.contains("`640x480`") && found.contains("`native`"),
                "{found}"
            );
        }
        for resample in [Resample::Bilinear, Resample::Bicubic] {
            assert_eq!(resample.to_string().parse(), Ok(resample));
        }
        for road in [Road::Float, Road::Uint8] {
            assert_eq!(road.to_string().parse(), Ok(road));
        }
        let found = "lanczos".parse::<Resample>().unwrap_err().to_string();
        assert_eq!(
            found,
            "filter \"lanczos\" does not exist, expected `bilinear` or `bicubic`"
        );
    }

    #[test]
    fn settings_survive_json() {
        let settings = Preprocess {
            size: Size::Exact {
                width: 640,
                height: 480,
            },
            resample: Resample::Bicubic,
            road: Road::Uint8,
            statistics: Statistics::SAT,
            patch: 14,
            background: [1, 2, 3],
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(
            text.contains(r#""size":"640x480","resample":"bicubic","road":"uint8""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), settings);
        assert_eq!(
            serde_json::from_str::<Preprocess>("{}").unwrap(),
            Preprocess::default()
        );
        assert!(serde_json::from_str::<Preprocess>(r#"{"size":"huge"}"#).is_err());
    }
}
