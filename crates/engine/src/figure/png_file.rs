//! Pixels as a PNG with text chunks.
//!
//! Input: RGB8, keys and texts. Output: the bytes of the file. Latin-1 texts are `tEXt` chunks, others `iTXt`.

use image::RgbImage;

use super::FigureError;

/// Pixels from which speed counts more than size: a figure of 16 million is written several times as fast, in a quarter
/// more bytes.
const LARGE: u64 = 1 << 21;

/// Encodes the picture; the texts stand before the pixels.
pub(super) fn encode(
    image: &RgbImage,
    texts: &[(&'static str, String)],
) -> Result<Vec<u8>, FigureError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, image.width(), image.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    if u64::from(image.width()) * u64::from(image.height()) >= LARGE {
        encoder.set_compression(png::Compression::Fast);
    }
    for (key, text) in texts {
        if text.chars().all(|letter| u32::from(letter) < 256) {
            encoder.add_text_chunk((*key).to_owned(), text.clone())?;
        } else {
            encoder.add_itxt_chunk((*key).to_owned(), text.clone())?;
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image)?;
    writer.finish()?;
    Ok(file)
}
