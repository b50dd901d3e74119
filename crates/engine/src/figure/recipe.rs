//! The recipe of a figure: written into its file, and read back from there.
//!
//! Input: a PNG or an SVG that Dinoscope wrote, as a path. Output: the `Recipe`, or an error that says what is missing.
//! A PNG has it in the text chunk `recipe`, an SVG in the element `metadata` of that identifier; nothing else of
//! either file is interpreted, and no more than `MAX_BYTES` are held.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FigureError;
use super::svg::{METADATA_END, METADATA_START, unescape};
use crate::feature_map::Provenance;

/// Keyword of the PNG's text chunk.
pub const RECIPE_KEY: &str = "recipe";
/// Most bytes of a recipe, and of an SVG up to the end of its recipe.
const MAX_BYTES: usize = 32 << 20;
const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// All that a figure can be made again from. Keys that are missing in a file are empty here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Version of Dinoscope that drew the figure.
    pub version: String,
    /// Name of the analysis, for example `pca`.
    pub title: String,
    /// Names of the pictures.
    pub pictures: Vec<String>,
    /// Model, size, layer, norm of the features.
    pub provenance: Provenance,
    /// The settings of the analysis and of the drawing.
    pub settings: Value,
    /// The basis of projected features.
    pub basis: Option<Value>,
}

impl Recipe {
    /// The recipe on one line. Control characters and what XML forbids are escaped, so any text file can hold it.
    #[expect(
        clippy::missing_panics_doc,
        reason = "the expectation holds by construction"
    )]
    pub fn json(&self) -> String {
        let json = serde_json::to_string(self).expect("strings and numbers are JSON");
        // Outside strings JSON is ASCII, so these stand in strings, where an escape means the same.
        json.replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff")
    }
}

/// Reads the recipe of a figure; which kind of file it is, its first bytes tell.
pub fn read_recipe(path: &Path) -> Result<Recipe, FigureError> {
    let failed = |source| FigureError::Read {
        source,
        path: path.to_owned(),
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut first = Vec::new();
    (&mut file)
        .take(PNG_SIGNATURE.len() as u64)
        .read_to_end(&mut first)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    let found = if first == PNG_SIGNATURE {
        from_png(file)
    } else {
        from_svg(file).map_err(failed)?
    };
    let no_recipe = |found| FigureError::NoRecipe {
        found,
        path: path.to_owned(),
    };
    let json = found.map_err(no_recipe)?;
    serde_json::from_str(&json).map_err(|error| no_recipe(format!("bad JSON, {error}")))
}

/// The text of the chunk, or what was found instead.
fn from_png(file: File) -> Result<String, String> {
    let limits = png::Limits { bytes: MAX_BYTES };
    let decoder = png::Decoder::new_with_limits(BufReader::new(file), limits);
    let reader = decoder
        .read_info()
        .map_err(|error| format!("a damaged PNG, {error}"))?;
    let info = reader.info();
    let latin = info.uncompressed_latin1_text.iter();
    if let Some(chunk) = latin.clone().find(|chunk| chunk.keyword == RECIPE_KEY) {
        return Ok(chunk.text.clone());
    }
    let mut wide = info.utf8_text.iter();
    let Some(chunk) = wide.find(|chunk| chunk.keyword == RECIPE_KEY) else {
        return Err("a PNG without one".to_owned());
    };
    let mut chunk = chunk.clone();
    chunk
        .decompress_text_with_limit(MAX_BYTES)
        .and_then(|()| chunk.get_text())
        .map_err(|error| format!("a damaged text chunk, {error}"))
}

/// The text of the element, or what was found instead.
fn from_svg(file: File) -> io::Result<Result<String, String>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(svg_recipe(&bytes))
}

fn svg_recipe(bytes: &[u8]) -> Result<String, String> {
    // The picture that follows the recipe may be cut in the middle of a character.
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    if !text.contains("<svg") {
        return Err("neither a PNG nor an SVG".to_owned());
    }
    let Some((_, rest)) = text.split_once(METADATA_START) else {
        return Err("an SVG without one".to_owned());
    };
    let Some((escaped, _)) = rest.split_once(METADATA_END) else {
        return Err(format!("an SVG whose one has no end in {MAX_BYTES} bytes"));
    };
    unescape(escaped)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{Caption, Figure, Scene};
    use super::*;
    use crate::values::Existing;

    fn caption(title: &str) -> Caption {
        Caption {
            title: title.to_owned(),
            pictures: vec!["a & b <c>.png".to_owned(), "猫.png".to_owned()],
            provenance: Provenance {
                model: "vit_s16 \"x\"".to_owned(),
                ..Provenance::default()
            },
            settings: json!({"text": "]]> </metadata> \u{0} \u{FFFE} &amp; '", "alpha": 0.25}),
            basis: Some(json!({"mean": [0.5, -1.25]})),
        }
    }

    fn figure(title: &str) -> Figure {
        Figure::new(Scene::picture(RgbImage::new(3, 2)).unwrap(), caption(title))
    }

    #[test]
    fn a_recipe_comes_back_from_both_kinds_of_file() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.png", "b.svg", "C.PNG"] {
            let path = folder.path().join(name);
            figure("pca").write(&path, 2, Existing::Keep).unwrap();
            assert_eq!(
                read_recipe(&path).unwrap(),
                caption("pca").recipe(),
                "{name}"
            );
        }
    }

    #[test]
    fn files_without_a_recipe_say_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut png = Vec::new();
        RgbImage::new(2, 2)
            .write_to(&mut io::Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        let svg_without_end = format!("<svg>{METADATA_START}{{");
        let svg_with_bad_json = format!("<svg>{METADATA_START}{{{METADATA_END}");
        for (bytes, expected) in [
            (&png[..], "a PNG without one"),
            (&png[..20], "a damaged PNG"),
            (b"", "neither a PNG nor an SVG"),
            (b"<svg></svg>", "an SVG without one"),
            (svg_without_end.as_bytes(), "has no end"),
            (svg_with_bad_json.as_bytes(), "bad JSON"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = read_recipe(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains('\n') && error.ends_with("/a"), "{error}");
        }
        let missing = read_recipe(&folder.path().join("none"));
        assert!(matches!(missing, Err(FigureError::Read { .. })));
    }

    #[test]
    fn a_png_of_enormous_sides_and_a_deep_recipe_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let deep = format!("<svg>{METADATA_START}{}{METADATA_END}", "[".repeat(1 << 20));
        std::fs::write(&path, deep).unwrap();
        assert!(read_recipe(&path).is_err());
        let mut png = figure("pca").png_bytes(1).unwrap();
        png[16..24].fill(0x7f);
        std::fs::write(&path, png).unwrap();
        assert!(read_recipe(&path).is_err());
    }

    proptest! {
        #[test]
        fn any_title_survives_both_kinds_of_file(title in any::<String>()) {
            let folder = tempfile::tempdir().unwrap();
            for name in ["a.png", "a.svg"] {
                let path = folder.path().join(name);
                figure(&title).write(&path, 1, Existing::Keep).unwrap();
                prop_assert_eq!(read_recipe(&path).unwrap().title, title.clone());
            }
        }

        #[test]
        fn damaged_files_do_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), png in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            let mut bytes = if png {
                figure("pca").png_bytes(1).unwrap()
            } else {
                figure("pca").svg_text().unwrap().into_bytes()
            };
            let at = at.index(bytes.len());
            bytes[at] = byte;
            std::fs::write(&path, &bytes).unwrap();
            let _ = read_recipe(&path);
            std::fs::write(&path, &bytes[..at]).unwrap();
            let _ = read_recipe(&path);
        }
    }
}
