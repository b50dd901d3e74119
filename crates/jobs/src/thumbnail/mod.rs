//! Thumbnails: the middle of a picture at a fixed size, kept on disk.
//!
//! Path → RGB pixels. A kept thumbnail belongs to a path, a length and a time of change; a picture that changes gets a
//! new one. The folder is bounded: what was not used for longest goes first. A folder that cannot be written costs
//! time, not thumbnails.

mod entry;
mod folder;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dinoscope_engine::picture::PictureError;
use dinoscope_engine::resize::{Packed, Resample, resize_uint8};
use dinoscope_engine::{Picture, Preprocess};
use image::RgbImage;

use entry::Key;
use folder::Folder;

/// Size of a thumbnail in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// From left to right, at least 1.
    pub width: u32,
    /// From top to bottom, at least 1.
    pub height: u32,
}

impl Size {
    /// The library's 97 × 68 points on a screen of two pixels a point.
    pub const LIBRARY: Self = Self {
        width: 194,
        height: 136,
    };
}

/// Why thumbnails are not kept; they are made all the same.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep thumbnails, {reason}: {}", path.display())]
pub struct KeepError {
    reason: io::Error,
    path: PathBuf,
}

/// What a [`Thumbnails`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Found on disk.
    pub kept: u64,
    /// Made from the picture.
    pub made: u64,
    /// Found damaged, and made again.
    pub damaged: u64,
    /// Made, and not kept because the folder could not be written.
    pub unkept: u64,
}

/// Makes thumbnails and keeps them in a folder; shared by threads.
#[derive(Debug)]
pub struct Thumbnails {
    folder: Option<Folder>,
    log: Mutex<(Stats, Option<KeepError>)>,
}

impl Thumbnails {
    /// Bytes of thumbnails that are kept unless told otherwise: about 6,700 of the library's.
    pub const LIMIT_BYTES: u64 = 512 << 20;

    /// Keeps at most `limit_bytes` in `folder`, which is made on the first write; keeps nothing without a folder.
    pub fn new(folder: Option<PathBuf>, limit_bytes: u64) -> Self {
        Self {
            folder: folder.map(|path| Folder::new(path, limit_bytes)),
            log: Mutex::default(),
        }
    }

    /// The thumbnail of a picture file, upright and over the background that networks see: as large as possible,
    /// its middle shown.
    pub fn load(&self, path: &Path, size: Size) -> Result<RgbImage, PictureError> {
        let key = self.folder.as_ref().and(Key::of(path, size).ok());
        if let Some(found) = key.as_ref().and_then(|key| self.recall(key)) {
            return Ok(found);
        }
        let thumbnail = cover(&Picture::open(path)?, size);
        self.count(|stats| stats.made += 1);
        if let Some(key) = key {
            self.keep(&key, &thumbnail);
        }
        Ok(thumbnail)
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        self.log().0
    }

    /// Why thumbnails are not kept, the first time that one was not; the next call is silent until it happens again.
    pub fn take_trouble(&self) -> Option<KeepError> {
        self.log().1.take()
    }

    fn recall(&self, key: &Key) -> Option<RgbImage> {
        let bytes = self.folder.as_ref()?.read(&key.file_name())?;
        let found = entry::decode(&bytes, key);
        self.count(|stats| match found {
            Some(_) => stats.kept += 1,
            None => stats.damaged += 1,
        });
        found
    }

    fn keep(&self, key: &Key, thumbnail: &RgbImage) {
        let Some(folder) = &self.folder else { return };
        let bytes = entry::encode(key, thumbnail);
        if let Err(reason) = folder.write(&key.file_name(), &bytes) {
            let mut log = self.log();
            log.0.unkept += 1;
            let path = folder.path().to_owned();
            log.1.get_or_insert(KeepError { reason, path });
        }
    }

    fn count(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.log().0);
    }

    fn log(&self) -> std::sync::MutexGuard<'_, (Stats, Option<KeepError>)> {
        // Counters are valid whatever a panicking thread was doing.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The middle of a picture, as large as fits `size` in its proportions.
#[expect(clippy::missing_panics_doc, reason = "the resize fills its size")]
pub fn cover(picture: &Picture, size: Size) -> RgbImage {
    let (width, height) = (size.width.max(1), size.height.max(1));
    let [x, y, across, down] = middle(picture.width(), picture.height(), [width, height]);
    let pixels = cropped(picture, [x, y, across, down]);
    let source = Packed::rgb(&pixels, across, down);
    let pixels = resize_uint8(&source, width, height, Resample::Bilinear);
    RgbImage::from_raw(width, height, pixels).expect("the resize fills its size")
}

/// Left, top, width and height of the largest part of a picture, in its middle, with the proportions of `size`.
fn middle(width: u32, height: u32, size: [u32; 2]) -> [u32; 4] {
    let [across, down] = size.map(u64::from);
    let (wide, tall) = (u64::from(width), u64::from(height));
    let part = |side: u64, times: u64, over: u64| ((side * times + over / 2) / over).max(1) as u32;
    if wide * down > tall * across {
        let part = part(tall, across, down).min(width);
        [(width - part) / 2, 0, part, height]
    } else {
        let part = part(wide, down, across).min(height);
        [0, (height - part) / 2, width, part]
    }
}

/// Part of a picture over the background: `[height, width, 3]`.
fn cropped(picture: &Picture, [x, y, across, down]: [u32; 4]) -> Vec<u8> {
    let background = Preprocess::default().background.map(u16::from);
    let [x, y, across, down] = [x, y, across, down].map(|side| side as usize);
    let stride = picture.width() as usize * 4;
    let rows = picture.rgba().chunks_exact(stride).skip(y).take(down);
    let mut pixels = Vec::with_capacity(across * down * 3);
    for row in rows {
        for pixel in row[x * 4..][..across * 4].as_chunks::<4>().0 {
            let alpha = u16::from(pixel[3]);
            let over = |level: u8, under: u16| {
                ((u16::from(level) * alpha + under * (255 - alpha) + 127) / 255) as u8
            };
            pixels.extend([0, 1, 2].map(|channel| over(pixel[channel], background[channel])));
        }
    }
    pixels
}
