//! What a figure says about itself, in its file and in a bar below an untrained model's picture.
//!
//! Input: provenance, settings, basis. Output: keys and texts of PNG chunks, the recipe, and the bar as shapes.

use serde_json::Value;

use super::canvas::Ink;
use super::recipe::{RECIPE_KEY, Recipe};
use super::scene::{Rect, Scene};
use super::text::{Anchor, Text, Weight, middle_baseline, width};
use crate::feature_map::Provenance;

/// What the bar says; the longest that fits is taken.
const UNTRAINED: [&str; 4] = [
    "Untrained model: random weights, no learned features",
    "Untrained model: random weights",
    "Untrained weights",
    "Untrained",
];
/// Tokens `warn` and `text-0`: 10 to 1 in contrast.
const BAR: [u8; 3] = [0xF0, 0xB9, 0x3F];
const BAR_TEXT: [u8; 3] = [0x12, 0x14, 0x17];
/// Height of the bar, space beside its text and size of the text, in units.
const BAR_UNITS: f32 = 24.0;
const PADDING_UNITS: f32 = 12.0;
const TEXT_UNITS: f32 = 12.0;

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
    /// The basis of projected features, as JSON: what the settings alone do not give again.
    pub basis: Option<Value>,
}

impl Caption {
    /// Everything that the figure can be made again from.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: self.title.clone(),
            pictures: self.pictures.clone(),
            provenance: self.provenance.clone(),
            settings: self.settings.clone(),
            basis: self.basis.clone(),
        }
    }

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
            (RECIPE_KEY, self.recipe().json()),
        ];
        let clean = entries.map(|(key, text)| (key, text.replace('\0', " ")));
        clean
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }

    /// One line for a reader: `pca of cat.png`.
    pub(super) fn headline(&self) -> String {
        match &self.pictures[..] {
            [] => self.title.clone(),
            pictures => format!("{} of {}", self.title, pictures.join(", ")),
        }
    }

    /// One sentence for a reader: where the features came from.
    pub(super) fn sentence(&self) -> String {
        let from = &self.provenance;
        let parts = [
            ("model", &from.model),
            ("size", &from.size),
            ("layer", &from.layer),
            ("norm", &from.norm),
        ];
        let mut said: Vec<String> = parts
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if from.untrained {
            said.push("untrained, random weights".to_owned());
        }
        said.join(", ")
    }
}

/// The same scene with a bar below it that says that the model is untrained; widened if that does not fit.
pub(super) fn with_bar(mut scene: Scene) -> Scene {
    let unit = scene.unit;
    let (size, padding) = (TEXT_UNITS * unit, PADDING_UNITS * unit);
    let needed = |text: &str| width(text, size, Weight::SemiBold) + 2.0 * padding;
    let shortest = UNTRAINED[UNTRAINED.len() - 1];
    let fits = |text: &&str| needed(text) <= scene.width as f32;
    let text = UNTRAINED.into_iter().find(fits).unwrap_or(shortest);
    scene.widen(needed(text));
    let top = scene.height as f32;
    scene.heighten(BAR_UNITS * unit);
    let bar = Rect::new(0.0, top, scene.width as f32, scene.height as f32 - top);
    scene.fill(bar, 0.0, Ink::solid(BAR));
    scene.items.push(super::Item::Text(Text {
        content: text.to_owned(),
        at: [padding, middle_baseline(top, bar.height, size)],
        size,
        weight: Weight::SemiBold,
        anchor: Anchor::Left,
        colour: BAR_TEXT,
    }));
    scene
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

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
            basis: None,
        }
    }

    #[test]
    fn the_png_carries_the_caption_and_the_pixels() {
        let pixels = RgbImage::from_fn(17, 5, |x, y| Rgb([x as u8, y as u8, 9]));
        let scene = Scene::picture(pixels.clone()).unwrap();
        let file = Figure::new(scene, caption(false)).png_bytes(1).unwrap();
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
            let scene = Scene::picture(pixels.clone()).unwrap();
            let found = Figure::new(scene, caption(true)).scene().draw(1).unwrap();
            let top = image::imageops::crop_imm(&found, 0, 0, width, 20).to_image();
            assert!(top == pixels, "width {width}");
            assert_eq!(found.get_pixel(0, 20).0, BAR);
            let dark = found
                .rows()
                .skip(20)
                .flatten()
                .filter(|pixel| pixel.0[0] < 80);
            assert!(dark.count() > 60, "width {width}");
        }
        assert!(
            caption(true)
                .entries()
                .contains(&("untrained", "true".to_owned()))
        );
    }

    #[test]
    fn a_reader_is_told_where_the_features_came_from() {
        let mut caption = caption(true);
        caption.provenance.layer = "11".to_owned();
        assert_eq!(caption.headline(), "pca of 猫.png");
        assert_eq!(
            caption.sentence(),
            "model modèle\0, layer 11, untrained, random weights"
        );
    }
}
