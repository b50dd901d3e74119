//! What a figure says about itself: metadata, and a bar of text for untrained models.
//!
//! Input: provenance and settings. Output: key and text of PNG chunks; pixels with a bar in the public-domain 8 × 8
//! font of the crate `font8x8`.

use font8x8::legacy::BASIC_LEGACY;
use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::feature_map::Provenance;

/// What the bar says, the longest that fits into one line.
const UNTRAINED: [&str; 3] = [
    "untrained model: random weights, no learned features",
    "untrained: random weights",
    "untrained",
];
/// Side of a letter in the font.
const LETTER_PX: u32 = 8;
/// Widths from which the letters are drawn two, three … times as large.
const WIDTH_PER_SCALE: u32 = 420;
const BAR: Rgb<u8> = Rgb([255, 200, 0]);
const INK: Rgb<u8> = Rgb([0, 0, 0]);

/// How a figure was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caption {
    /// Name of the analysis, for example `pca`.
    pub title: String,
    /// Names of the pictures.
    pub pictures: Vec<String>,
    /// Model, size, layer, norm of the features.
    pub provenance: Provenance,
    /// The settings of the analysis and of the drawing, as JSON.
    pub settings: Value,
}

impl Caption {
    /// Keys and texts of the PNG's text chunks, without NUL bytes; empty ones are left out.
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let from = &self.provenance;
        let untrained = if from.untrained { "true" } else { "" };
        let settings = match &self.settings {
            Value::Null => String::new(),
            settings => settings.to_string(),
        };
        let entries = [
            (
                "Software",
                concat!("Dinoscope ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("Title", self.title.clone()),
            ("pictures", self.pictures.join(", ")),
            ("model", from.model.clone()),
            ("sha256", from.sha256.clone()),
            ("size", from.size.clone()),
            ("layer", from.layer.clone()),
            ("norm", from.norm.clone()),
            ("settings", settings),
            ("untrained", untrained.to_owned()),
        ];
        let clean = entries.map(|(key, text)| (key, text.replace('\0', " ")));
        clean
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }
}

/// The same pixels with a bar below them that says that the model is untrained.
pub fn with_bar(pixels: &RgbImage) -> RgbImage {
    let (width, height) = pixels.dimensions();
    let scale = (width / WIDTH_PER_SCALE).max(1);
    let letter = LETTER_PX * scale;
    let per_line = (width / letter).saturating_sub(1).max(1) as usize;
    let shortest = UNTRAINED[UNTRAINED.len() - 1];
    let text = UNTRAINED
        .into_iter()
        .find(|text| text.len() <= per_line)
        .unwrap_or(shortest);
    let lines: Vec<&[u8]> = text.as_bytes().chunks(per_line).collect();
    let bar = letter * (lines.len() as u32 + 1);
    let mut out = RgbImage::from_pixel(width, height + bar, BAR);
    image::imageops::replace(&mut out, pixels, 0, 0);
    for (number, line) in lines.into_iter().enumerate() {
        let top = height + letter / 2 + letter * number as u32;
        draw_text(&mut out, line, (letter / 2, top), scale);
    }
    out
}

/// Draws ASCII `text` from its upper left corner (x, y); what does not fit is cut off.
fn draw_text(image: &mut RgbImage, text: &[u8], (left, top): (u32, u32), scale: u32) {
    for (at, letter) in text.iter().enumerate() {
        let glyph = BASIC_LEGACY[usize::from(letter & 0x7f)];
        let x0 = left + at as u32 * LETTER_PX * scale;
        for dy in 0..LETTER_PX * scale {
            for dx in 0..LETTER_PX * scale {
                let bits = glyph[(dy / scale) as usize];
                let inked = bits >> (dx / scale) & 1 == 1;
                if let Some(pixel) = image
                    .get_pixel_mut_checked(x0 + dx, top + dy)
                    .filter(|_| inked)
                {
                    *pixel = INK;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Figure;
    use super::*;

    fn caption(untrained: bool) -> Caption {
        Caption {
            title: "pca".to_owned(),
            pictures: vec!["猫.png".to_owned()],
            provenance: Provenance {
                model: "modèle\0".to_owned(),
                untrained,
                ..Provenance::default()
            },
            settings: serde_json::json!({"components": [0, 1, 2]}),
        }
    }

    #[test]
    fn the_png_carries_the_caption_and_the_pixels() {
        let pixels = RgbImage::from_fn(17, 5, |x, y| Rgb([x as u8, y as u8, 9]));
        let mut file = Vec::new();
        Figure::new(pixels.clone(), caption(false))
            .encode(&mut file)
            .unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file))
            .read_info()
            .unwrap();
        let info = reader.info();
        let texts = &info.uncompressed_latin1_text;
        let text = |key: &str| {
            texts
                .iter()
                .find(|chunk| chunk.keyword == key)
                .map(|chunk| chunk.text.as_str())
        };
        assert_eq!(text("model"), Some("modèle "));
        assert_eq!(text("settings"), Some(r#"{"components":[0,1,2]}"#));
        assert_eq!(text("untrained"), None);
        assert_eq!(info.utf8_text[0].get_text().unwrap(), "猫.png");
        let mut bytes = vec![0; pixels.as_raw().len()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(&bytes, pixels.as_raw());
    }

    #[test]
    fn an_untrained_figure_says_so_below_the_picture_at_any_width() {
        for width in [1, 30, 100, 450, 1300] {
            let pixels = RgbImage::from_pixel(width, 20, Rgb([7; 3]));
            let figure = Figure::new(pixels, caption(true));
            let found = figure.pixels();
            assert!(found.height() > 20);
            assert!(
                found
                    .rows()
                    .take(20)
                    .flatten()
                    .all(|pixel| pixel.0 == [7; 3])
            );
            let bar: Vec<_> = found.rows().skip(20).flatten().collect();
            assert!(width < 9 || bar.contains(&&INK), "width {width}");
        }
        assert!(
            caption(true)
                .entries()
                .contains(&("untrained", "true".to_owned()))
        );
    }
}
