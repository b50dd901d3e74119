//! Pictures: a file's bytes → RGBA8 pixels, turned as its EXIF orientation says.
//!
//! JPEG, PNG, WebP, TIFF, BMP and the first frame of a GIF, told apart by content. Sizes are checked before pixels are
//! allocated, so a file that claims to be huge is an error, not a crash. Color profiles are noted, not applied.

use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{
    AnimationDecoder, ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader,
};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// Endings of the files that are taken for pictures, in lower case.
pub const ENDINGS: [&str; 9] = [
    "jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp", "gif", "jfif",
];

/// Whether the name of a file ends as a picture's does, in upper or lower case.
pub fn has_picture_ending(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    ENDINGS.contains(&ending.to_lowercase().as_str())
}

/// Why a file is not a usable picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be read.
    #[error("cannot read picture, {reason}: {}", path.display())]
    Read {
        /// What the system says.
        reason: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The path is a folder or a device.
    #[error("picture is {found}, expected a file: {}", path.display())]
    NotAFile {
        /// What it is.
        found: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("picture has 0 bytes, expected a picture file: {}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than [`Limits::max_file_bytes`].
    #[error("picture file has more than {expected} bytes, the limit: {}", path.display())]
    FileTooLarge {
        /// The limit.
        expected: u64,
        /// The file.
        path: PathBuf,
    },
    /// The content is none of the formats that are read.
    #[error("format of the picture is not known, expected JPEG, PNG, WebP, TIFF, BMP or GIF: {}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// A side or the number of pixels is zero or beyond the [`Limits`].
    #[error(
        "picture is {width}x{height} pixels, expected sides of 1 to {max_side} and at most {max_pixels} pixels: {}",
        path.display()
    )]
    Dimensions {
        /// Width that the file claims.
        width: u32,
        /// Height that the file claims.
        height: u32,
        /// Longest side allowed.
        max_side: u32,
        /// Most pixels allowed.
        max_pixels: u64,
        /// The file.
        path: PathBuf,
    },
    /// Decoding would need more than [`Limits::max_memory_bytes`].
    #[error("picture needs more than {expected} bytes of memory, the limit: {}", path.display())]
    Memory {
        /// The limit.
        expected: u64,
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, cut short, or of a kind that is not read.
    #[error("{format} picture cannot be decoded, {reason}: {}", path.display())]
    Decode {
        /// Name of the format.
        format: &'static str,
        /// What the decoder says, on one line.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// Pixels made in memory do not fill the size that goes with them.
    #[error(
        "{width}x{height} pixels have {found} bytes, expected {expected} and sides of at least 1"
    )]
    Length {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that this size has.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
}

/// What a picture file may ask for before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest side in pixels.
    pub max_side: u32,
    /// Most pixels, width times height.
    pub max_pixels: u64,
    /// Most memory that the decoder may take, in bytes.
    pub max_memory_bytes: u64,
    /// Largest file in bytes.
    pub max_file_bytes: u64,
}

impl Default for Limits {
    /// 65,535 pixels a side, 268 million pixels, 2 GiB for the decoder and for the file.
    fn default() -> Self {
        Self {
            max_side: 65_535,
            max_pixels: 1 << 28,
            max_memory_bytes: 1 << 31,
            max_file_bytes: 1 << 31,
        }
    }
}

/// A decoded picture: RGBA8, straight alpha, the right way up.
#[derive(Clone, PartialEq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
    opaque: bool,
    notes: Vec<String>,
    sha256: String,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Picture({}x{}, sha256 {})",
            self.width, self.height, self.sha256
        )
    }
}

impl Picture {
    /// Reads a picture file within the default [`Limits`].
    pub fn open(path: &Path) -> Result<Self, PictureError> {
        Self::open_with(path, &Limits::default())
    }

    /// Reads a picture file within `limits`.
    pub fn open_with(path: &Path, limits: &Limits) -> Result<Self, PictureError> {
        Self::decode(&read_file(path, limits.max_file_bytes)?, path, limits)
    }

    /// Decodes the bytes of a picture file; `path` is only what errors call it.
    pub fn decode(bytes: &[u8], path: &Path, limits: &Limits) -> Result<Self, PictureError> {
        let file = Encoded::recognize(bytes, path, limits)?;
        let mut decoder = file.decoder()?;
        let (width, height) = decoder.dimensions();
        let notes = file.notes(&mut decoder);
        // Metadata that cannot be read is no reason to refuse the pixels.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let rgba = match DynamicImage::from_decoder(decoder).map_err(|error| file.broken(&error))? {
            DynamicImage::ImageRgb8(rgb) => with_alpha(&rgb),
            other => other.into_rgba8().into_raw(),
        };
        let (width, height, rgba) = turned(width, height, rgba, orientation);
        let sha256 = hex(&Sha256::digest(bytes));
        Ok(Self::new(width, height, rgba, notes, sha256))
    }

    /// A picture of RGB pixels, `[height, width, 3]`.
    pub fn from_rgb(width: u32, height: u32, rgb: &[u8]) -> Result<Self, PictureError> {
        check_length(width, height, 3, rgb.len())?;
        Self::from_rgba(width, height, with_alpha(rgb))
    }

    /// A picture of RGBA pixels with straight alpha, `[height, width, 4]`.
    pub fn from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<Self, PictureError> {
        check_length(width, height, 4, rgba.len())?;
        let hash = Sha256::new()
            .chain_update(width.to_le_bytes())
            .chain_update(height.to_le_bytes());
        let sha256 = hex(&hash.chain_update(&rgba).finalize());
        Ok(Self::new(width, height, rgba, Vec::new(), sha256))
    }

    fn new(width: u32, height: u32, rgba: Vec<u8>, notes: Vec<String>, sha256: String) -> Self {
        let opaque = rgba.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255);
        Self {
            width,
            height,
            rgba,
            opaque,
            notes,
            sha256,
        }
    }

    /// Width in pixels, after the EXIF turn.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, after the EXIF turn.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Pixels, `[height, width, 4]`, straight alpha.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// Whether no pixel is transparent.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Pixels over a background color, `[height, width, 3]`.
    pub fn rgb_over(&self, background: [u8; 3]) -> Vec<u8> {
        let over = |alpha: u8, level: u8, under: u8| {
            let (alpha, level, under) = (u16::from(alpha), u16::from(level), u16::from(under));
            ((level * alpha + under * (255 - alpha) + 127) / 255) as u8
        };
        let mut rgb = vec![0; self.rgba.len() / 4 * 3];
        rgb.par_chunks_mut(3 << 14)
            .zip(self.rgba.par_chunks(4 << 14))
            .for_each(|(colors, pixels)| {
                for (color, pixel) in colors
                    .as_chunks_mut::<3>()
                    .0
                    .iter_mut()
                    .zip(pixels.as_chunks::<4>().0)
                {
                    *color = [0, 1, 2]
                        .map(|channel| over(pixel[3], pixel[channel], background[channel]));
                }
            });
        rgb
    }

    /// What was lost or left out in decoding, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Hash, as 64 hexadecimal digits, of the file's bytes, or of size and pixels when made in memory.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl Limits {
    fn check(&self, width: u32, height: u32, path: &Path) -> Result<(), PictureError> {
        let Self {
            max_side,
            max_pixels,
            ..
        } = *self;
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || pixels > max_pixels || width.max(height) > max_side {
            return Err(PictureError::Dimensions {
                width,
                height,
                max_side,
                max_pixels,
                path: path.to_owned(),
            });
        }
        Ok(())
    }
}

/// Reads a whole file, unless it is larger than `max_bytes`.
fn read_file(path: &Path, max_bytes: u64) -> Result<Vec<u8>, PictureError> {
    let failed = |reason| PictureError::Read {
        reason,
        path: path.to_owned(),
    };
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "a device"
        };
        return Err(PictureError::NotAFile {
            found,
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, also one that grows meanwhile.
    File::open(path)
        .and_then(|file| {
            file.take(max_bytes.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .map_err(failed)?;
    if bytes.len() as u64 > max_bytes {
        return Err(PictureError::FileTooLarge {
            expected: max_bytes,
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

/// The bytes of a picture file of a known format, not yet decoded.
struct Encoded<'a> {
    bytes: &'a [u8],
    path: &'a Path,
    limits: &'a Limits,
    format: ImageFormat,
    /// The format's name.
    name: &'static str,
}

impl<'a> Encoded<'a> {
    fn recognize(
        bytes: &'a [u8],
        path: &'a Path,
        limits: &'a Limits,
    ) -> Result<Self, PictureError> {
        if bytes.is_empty() {
            return Err(PictureError::Empty {
                path: path.to_owned(),
            });
        }
        let unknown = || PictureError::Format {
            path: path.to_owned(),
        };
        // The library knows more formats by sight than it is built to read.
        let format = image::guess_format(bytes).ok().ok_or_else(unknown)?;
        let name = match format {
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::Png => "PNG",
            ImageFormat::WebP => "WebP",
            ImageFormat::Tiff => "TIFF",
            ImageFormat::Bmp => "BMP",
            ImageFormat::Gif => "GIF",
            _ => return Err(unknown()),
        };
        Ok(Self {
            bytes,
            path,
            limits,
            format,
            name,
        })
    }

    /// A decoder that is ready to read the pixels, once the file's claims are within the limits.
    fn decoder(&self) -> Result<impl ImageDecoder + 'a, PictureError> {
        if let Some((width, height)) = png_size(self.bytes) {
            self.limits.check(width, height, self.path)?;
        }
        let broken = |error| self.broken(&error);
        let mut allowed = self.allowed();
        let mut reader = ImageReader::with_format(Cursor::new(self.bytes), self.format);
        reader.limits(allowed.clone());
        let mut decoder = reader.into_decoder().map_err(broken)?;
        let (width, height) = decoder.dimensions();
        self.limits.check(width, height, self.path)?;
        allowed.reserve(decoder.total_bytes()).map_err(broken)?;
        decoder.set_limits(allowed).map_err(broken)?;
        if self.format == ImageFormat::Jpeg && !has_jpeg_end(self.bytes) {
            return Err(self.undecodable("the file ends before the picture does"));
        }
        Ok(decoder)
    }

    fn allowed(&self) -> image::Limits {
        let mut limits = image::Limits::no_limits();
        limits.max_alloc = Some(self.limits.max_memory_bytes);
        limits
    }

    /// What decoding to 8-bit pixels of one frame loses.
    fn notes(&self, decoder: &mut impl ImageDecoder) -> Vec<String> {
        let samples = match decoder.color_type() {
            ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
                Some("16-bit samples reduced to 8")
            }
            ColorType::Rgb32F | ColorType::Rgba32F => {
                Some("float samples clamped to 0..1 and reduced to 8 bits")
            }
            _ => None,
        };
        let profiled = decoder.icc_profile().is_ok_and(|profile| profile.is_some());
        let profile = profiled.then_some("ICC profile left unapplied");
        let frames = self
            .has_more_frames()
            .then_some("first frame of an animation");
        [samples, profile, frames]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect()
    }

    /// Whether the file holds an animation. A broken second frame counts as none.
    fn has_more_frames(&self) -> bool {
        let bytes = Cursor::new(self.bytes);
        let limits = self.allowed();
        match self.format {
            ImageFormat::Png => PngDecoder::with_limits(bytes, limits)
                .and_then(|png| png.is_apng())
                .unwrap_or(false),
            ImageFormat::WebP => WebPDecoder::new(bytes).is_ok_and(|webp| webp.has_animation()),
            ImageFormat::Gif => GifDecoder::new(bytes).is_ok_and(|mut gif| {
                gif.set_limits(limits).is_ok()
                    && gif.into_frames().nth(1).is_some_and(|frame| frame.is_ok())
            }),
            _ => false,
        }
    }

    fn broken(&self, error: &ImageError) -> PictureError {
        match error {
            ImageError::Limits(_) => PictureError::Memory {
                expected: self.limits.max_memory_bytes,
                path: self.path.to_owned(),
            },
            error => self.undecodable(&error.to_string()),
        }
    }

    fn undecodable(&self, reason: &str) -> PictureError {
        // Decoders may put line breaks in their messages; ours are one line.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        PictureError::Decode {
            format: self.name,
            reason,
            path: self.path.to_owned(),
        }
    }
}

/// Width and height in a PNG's first chunk: the decoder would first read on to the pixels.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let (width, rest) = header.split_first_chunk()?;
    Some((
        u32::from_be_bytes(*width),
        u32::from_be_bytes(*rest.first_chunk()?),
    ))
}

/// Whether a JPEG goes on to its end marker: the decoder paints what is missing gray and says nothing.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(at) = rest
        .array_windows()
        .position(|&[lead, code]| lead == 0xFF && !matches!(code, 0 | 1 | 0xD0..=0xD8 | 0xFF))
    {
        if rest[at + 1] == 0xD9 {
            return true;
        }
        // Other markers begin a segment, which states its length; thumbnails in it have end markers of their own.
        let length = rest.get(at + 2..at + 4).map_or(2, |length| {
            usize::from(length[0]) << 8 | usize::from(length[1])
        });
        rest = rest.get(at + 2 + length..).unwrap_or_default();
    }
    false
}

/// RGB pixels → opaque RGBA pixels.
fn with_alpha(rgb: &[u8]) -> Vec<u8> {
    let mut rgba = vec![255; rgb.len() / 3 * 4];
    for (pixel, color) in rgba
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(rgb.as_chunks::<3>().0)
    {
        pixel[..3].copy_from_slice(color);
    }
    rgba
}

/// Turns RGBA pixels the right way up: (width, height, pixels).
fn turned(width: u32, height: u32, rgba: Vec<u8>, orientation: Orientation) -> (u32, u32, Vec<u8>) {
    let (w, h) = (width as usize, height as usize);
    let pixels = rgba.as_chunks::<4>().0;
    // Where the shown pixel (x, y) is stored.
    let stored: fn(usize, usize, usize, usize) -> (usize, usize) = match orientation {
        Orientation::NoTransforms => return (width, height, rgba),
        Orientation::FlipHorizontal => |x, y, w, _| (w - 1 - x, y),
        Orientation::FlipVertical => |x, y, _, h| (x, h - 1 - y),
        Orientation::Rotate180 => |x, y, w, h| (w - 1 - x, h - 1 - y),
        Orientation::Rotate90FlipH => |x, y, _, _| (y, x),
        Orientation::Rotate90 => |x, y, _, h| (y, h - 1 - x),
        Orientation::Rotate270 => |x, y, w, _| (w - 1 - y, x),
        Orientation::Rotate270FlipH => |x, y, w, h| (w - 1 - y, h - 1 - x),
    };
    let upright = [
        Orientation::FlipHorizontal,
        Orientation::FlipVertical,
        Orientation::Rotate180,
    ];
    let (width, height) = if upright.contains(&orientation) {
        (width, height)
    } else {
        (height, width)
    };
    let mut shown = vec![0; rgba.len()];
    shown
        .par_chunks_mut(width as usize * 4)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let (x, y) = stored(x, y, w, h);
                *pixel = pixels[y * w + x];
            }
        });
    (width, height, shown)
}

fn check_length(
    width: u32,
    height: u32,
    channels: usize,
    found: usize,
) -> Result<(), PictureError> {
    let expected = (width as usize)
        .saturating_mul(height as usize)
        .saturating_mul(channels);
    if expected == 0 || expected != found {
        return Err(PictureError::Length {
            width,
            height,
            expected,
            found,
        });
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from_digit(digit.into(), 16).expect("four bits are one digit"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
    use image::{ExtendedColorType, ImageEncoder};

    const FORMATS: [ImageFormat; 6] = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ];

    fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
        Picture::decode(bytes, Path::new("cat"), &Limits::default())
    }

    /// Fails, with one line that ends in the path.
    fn message(result: Result<Picture, PictureError>) -> String {
        let message = result.expect_err("this picture is broken").to_string();
        assert!(
            message.ends_with(": cat") && !message.contains('\n'),
            "{message}"
        );
        message
    }

    fn png(width: u32, height: u32, pixels: &[u8], color: ExtendedColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(pixels, width, height, color)
            .unwrap();
        bytes
    }

    /// A smooth picture with a different color in each corner.
    fn scene() -> DynamicImage {
        let color = |x, y| image::Rgb([x as u8 * 4, y as u8 * 5, (x + y) as u8]);
        DynamicImage::ImageRgb8(image::RgbImage::from_fn(64, 48, color))
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        scene().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// EXIF block whose only entry is the orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        [
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
            &[orientation, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat()
    }

    #[test]
    fn every_format_is_recognized_by_content() {
        let expected = scene().into_rgba8().into_raw();
        for format in FORMATS {
            let picture = decode(&encoded(format)).unwrap();
            assert_eq!((picture.width(), picture.height()), (64, 48), "{format:?}");
            let worst = picture
                .rgba()
                .iter()
                .zip(&expected)
                .map(|(found, level)| found.abs_diff(*level))
                .max()
                .unwrap();
            // JPEG and the GIF's 256 colors lose a little; the others nothing.
            let allowed = if matches!(format, ImageFormat::Jpeg | ImageFormat::Gif) {
                32
            } else {
                0
            };
            assert!(
                worst <= allowed && picture.is_opaque(),
                "{format:?}: {worst}"
            );
        }
    }

    #[test]
    fn a_file_cut_short_is_an_error_in_every_format() {
        for format in FORMATS {
            let bytes = encoded(format);
            for eighths in 0..8 {
                message(decode(&bytes[..bytes.len() * eighths / 8]));
            }
        }
    }

    #[test]
    fn damaged_files_never_panic() {
        let limits = Limits {
            max_memory_bytes: 1 << 24,
            ..Limits::default()
        };
        for format in FORMATS {
            let bytes = encoded(format);
            for round in 0..400_usize {
                let mut damaged = bytes.clone();
                for hit in 0..=round % 4 {
                    let scrambled = (round * 4 + hit).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    // Half of the damage goes to the headers.
                    let reach = if round % 2 == 0 {
                        damaged.len()
                    } else {
                        damaged.len().min(96)
                    };
                    damaged[(scrambled >> 16) % reach] = (scrambled >> 8) as u8;
                }
                if let Err(error) = Picture::decode(&damaged, Path::new("cat"), &limits) {
                    message(Err(error));
                }
            }
        }
    }

    #[test]
    fn the_exif_orientation_is_applied() {
        // Pixels 1 2 3 over 4 5 6, as the eight orientations show them.
        let shown: [(u32, [u8; 6]); 8] = [
            (3, [1, 2, 3, 4, 5, 6]),
            (3, [3, 2, 1, 6, 5, 4]),
            (3, [6, 5, 4, 3, 2, 1]),
            (3, [4, 5, 6, 1, 2, 3]),
            (2, [1, 4, 2, 5, 3, 6]),
            (2, [4, 1, 5, 2, 6, 3]),
            (2, [6, 3, 5, 2, 4, 1]),
            (2, [3, 6, 2, 5, 1, 4]),
        ];
        for (orientation, (width, levels)) in (1..).zip(shown) {
            let mut bytes = Vec::new();
            let mut encoder = PngEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            encoder
                .write_image(&[1, 2, 3, 4, 5, 6], 3, 2, ExtendedColorType::L8)
                .unwrap();
            let picture = decode(&bytes).unwrap();
            assert_eq!(
                (picture.width(), picture.height()),
                (width, 6 / width),
                "orientation {orientation}"
            );
            let found: Vec<u8> = picture.rgba().iter().step_by(4).copied().collect();
            assert_eq!(found, levels, "orientation {orientation}");
        }
    }

    #[test]
    fn a_jpeg_from_a_camera_held_upright_is_turned() {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif(6)).unwrap();
        encoder
            .write_image(scene().as_bytes(), 64, 48, ExtendedColorType::Rgb8)
            .unwrap();
        let picture = decode(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height()), (48, 64));
    }

    #[test]
    fn gray_palette_and_16_bit_pictures_become_rgba8() {
        let gray = decode(&png(2, 1, &[7, 200], ExtendedColorType::L8)).unwrap();
        assert_eq!(gray.rgba(), [7, 7, 7, 255, 200, 200, 200, 255]);
        assert!(gray.notes().is_empty());

        let samples: Vec<u8> = [0_u16, 128, 129, 65_535, 32_896, 257]
            .iter()
            .flat_map(|v| v.to_ne_bytes())
            .collect();
        let deep = decode(&png(2, 1, &samples, ExtendedColorType::Rgb16)).unwrap();
        // Rounded to the nearest of 256 levels, 257 apart.
        assert_eq!(deep.rgba(), [0, 0, 1, 255, 255, 128, 1, 255]);
        assert_eq!(deep.notes(), ["16-bit samples reduced to 8"]);

        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(vec![1, 2, 3, 9, 8, 7]);
        encoder.set_trns(vec![255, 64]);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&[1, 0])
            .unwrap();
        assert_eq!(decode(&bytes).unwrap().rgba(), [9, 8, 7, 64, 1, 2, 3, 255]);
    }

    #[test]
    fn transparent_pixels_show_the_background() {
        let pixels = [200, 0, 100, 255, 200, 0, 100, 0, 200, 0, 100, 51];
        let picture = decode(&png(3, 1, &pixels, ExtendedColorType::Rgba8)).unwrap();
        assert_eq!(picture.rgba(), pixels);
        assert!(!picture.is_opaque());
        // A fifth of the color over four fifths of the background.
        assert_eq!(
            picture.rgb_over([10, 20, 255]),
            [200, 0, 100, 10, 20, 255, 48, 16, 224]
        );
    }

    #[test]
    fn a_color_profile_is_said_and_left() {
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(vec![1; 200]).unwrap();
        encoder
            .write_image(&[1, 2, 3], 1, 1, ExtendedColorType::Rgb8)
            .unwrap();
        let picture = decode(&bytes).unwrap();
        assert_eq!(picture.notes(), ["ICC profile left unapplied"]);
        assert_eq!(picture.rgba(), [1, 2, 3, 255]);
    }

    #[test]
    fn the_first_frame_of_an_animation_is_used_and_said() {
        let frame = |level| {
            image::Frame::new(image::RgbaImage::from_pixel(
                5,
                4,
                image::Rgba([level, 0, 0, 255]),
            ))
        };
        let animation = |levels: &[u8]| {
            let mut bytes = Vec::new();
            image::codecs::gif::GifEncoder::new(&mut bytes)
                .encode_frames(levels.iter().map(|&l| frame(l)))
                .unwrap();
            decode(&bytes).unwrap()
        };
        let moving = animation(&[250, 10]);
        assert_eq!(moving.rgba()[..4], [250, 0, 0, 255]);
        assert_eq!(moving.notes(), ["first frame of an animation"]);
        assert!(animation(&[250]).notes().is_empty());
    }

    #[test]
    fn a_claim_of_3600_million_pixels_is_refused_from_the_header_alone() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 60_000, 60_000);
        encoder.set_color(png::ColorType::Rgb);
        drop(encoder.write_header().unwrap());
        for bytes in [&bytes[..], &bytes[..33]] {
            let found = message(decode(bytes));
            assert!(
                found.contains("60000x60000") && found.contains("268435456"),
                "{found}"
            );
        }
    }

    #[test]
    fn limits_on_sides_pixels_memory_and_file_are_kept() {
        let bytes = png(30, 20, &[9; 1800], ExtendedColorType::Rgb8);
        let refusal = |limits: Limits| message(Picture::decode(&bytes, Path::new("cat"), &limits));
        let limits = Limits {
            max_side: 30,
            max_pixels: 600,
            ..Limits::default()
        };
        assert!(Picture::decode(&bytes, Path::new("cat"), &limits).is_ok());
        assert!(
            refusal(Limits {
                max_side: 29,
                ..limits
            })
            .contains("30x20")
        );
        assert!(
            refusal(Limits {
                max_pixels: 599,
                ..limits
            })
            .contains("30x20")
        );
        assert!(
            refusal(Limits {
                max_memory_bytes: 1500,
                ..limits
            })
            .contains("1500 bytes of memory")
        );

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat");
        std::fs::write(&path, &bytes).unwrap();
        let size = bytes.len() as u64;
        assert!(
            Picture::open_with(
                &path,
                &Limits {
                    max_file_bytes: size,
                    ..limits
                }
            )
            .is_ok()
        );
        let found = Picture::open_with(
            &path,
            &Limits {
                max_file_bytes: size - 1,
                ..limits
            },
        )
        .unwrap_err();
        assert!(
            matches!(found, PictureError::FileTooLarge { .. }),
            "{found}"
        );
    }

    #[test]
    fn what_is_no_picture_is_named() {
        assert!(message(decode(&[])).contains("0 bytes"));
        assert!(message(decode(b"a text that is called cat.png")).contains("expected JPEG, PNG"));
        let folder = tempfile::tempdir().unwrap();
        let found = Picture::open(folder.path()).unwrap_err().to_string();
        assert!(
            found.starts_with("picture is a folder, expected a file: "),
            "{found}"
        );
        let found = Picture::open(&folder.path().join("none.png"))
            .unwrap_err()
            .to_string();
        assert!(
            found.starts_with("cannot read picture, ") && found.ends_with("none.png"),
            "{found}"
        );
    }

    #[test]
    fn the_hash_is_of_the_file_or_of_size_and_pixels() {
        let bytes = png(1, 1, &[1, 2, 3], ExtendedColorType::Rgb8);
        assert_eq!(
            decode(&bytes).unwrap().sha256(),
            hex(&Sha256::digest(&bytes))
        );
        let wide = Picture::from_rgb(2, 1, &[0; 6]).unwrap();
        let tall = Picture::from_rgb(1, 2, &[0; 6]).unwrap();
        assert_eq!(wide.sha256().len(), 64);
        assert_ne!(wide.sha256(), tall.sha256());
        assert_eq!(wide.rgba(), [0, 0, 0, 255, 0, 0, 0, 255]);
    }

    #[test]
    fn pixels_that_do_not_fill_their_size_are_refused() {
        assert!(Picture::from_rgb(2, 2, &[0; 11]).is_err());
        assert!(Picture::from_rgba(0, 2, Vec::new()).is_err());
        assert!(Picture::from_rgba(u32::MAX, u32::MAX, vec![0; 4]).is_err());
    }
}
