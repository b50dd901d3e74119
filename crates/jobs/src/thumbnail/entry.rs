//! One kept thumbnail as bytes: what it belongs to, its pixels, a checksum over both.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use image::RgbImage;

use super::Size;

/// Begins every file; raised when the layout changes, which makes older files damaged ones.
const MAGIC: &[u8; 8] = b"DINOTHB1";

/// What a thumbnail belongs to: magic, path, length, time of change and size, as bytes.
pub(super) struct Key {
    bytes: Vec<u8>,
    size: Size,
}

impl Key {
    /// The key of a picture file as it is now.
    pub(super) fn of(path: &Path, size: Size) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        // Files from before 1970 or without a time share one.
        let changed = metadata.modified().ok();
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let changed = changed.unwrap_or_default().as_nanos() as u64;
        let path = std::path::absolute(path)?;
        let path = path.as_os_str().as_encoded_bytes();
        let mut bytes = MAGIC.to_vec();
        for number in [
            path.len() as u64,
            metadata.len(),
            changed,
            size.width.into(),
            size.height.into(),
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(path);
        Ok(Self { bytes, size })
    }

    /// Name of its file. Two keys of one name are told apart by the file's content.
    pub(super) fn file_name(&self) -> String {
        format!("{:016x}.thumb", hash(&self.bytes))
    }
}

pub(super) fn encode(key: &Key, thumbnail: &RgbImage) -> Vec<u8> {
    let mut bytes = key.bytes.clone();
    bytes.extend(thumbnail.as_raw());
    bytes.extend(hash(&bytes).to_le_bytes());
    bytes
}

/// The pixels, if the bytes are whole and belong to `key`.
pub(super) fn decode(bytes: &[u8], key: &Key) -> Option<RgbImage> {
    let (content, sum) = bytes.split_last_chunk()?;
    if hash(content) != u64::from_le_bytes(*sum) {
        return None;
    }
    let pixels = content.strip_prefix(key.bytes.as_slice())?;
    let Size { width, height } = key.size;
    let expected = width as usize * height as usize * 3;
    if pixels.len() != expected {
        return None;
    }
    RgbImage::from_raw(width, height, pixels.to_vec())
}

/// FNV-1a over words of 8 bytes, then bytes: finds torn files, holds off no attacker.
fn hash(bytes: &[u8]) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let all = words.chain(rest.iter().map(|&byte| byte.into()));
    // The shift brings high bits down, which a product alone never does.
    let mix = |sum: u64, word: u64| {
        let sum = (sum ^ word).wrapping_mul(PRIME);
        sum ^ (sum >> 29)
    };
    all.fold(START, mix)
}
