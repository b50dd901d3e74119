//! Figures: scenes with a caption, written as PNG or SVG.
//!
//! Input: what the analyses found and the original pictures. Output: files that say in their metadata how they were
//! made, so that they can be made again, and in the picture itself when the model was untrained.
//!
//! A figure is built in the order of its parts: [`Scene::picture`] or [`grid_scene`] → [`Scene::mark`] → [`panels`] →
//! [`Scene::with_legends`] → [`Figure::new`] → [`Figure::write`].

use std::io;
use std::path::{Path, PathBuf};

mod bar;
pub mod canvas;
pub mod caption;
pub mod channels;
pub mod colormap;
pub mod found;
pub mod grid;
pub mod guide;
pub mod isolines;
pub mod labels;
pub mod layout;
pub mod legend;
pub mod marks;
pub mod match_lines;
pub mod overlay;
pub mod palette;
mod pen;
mod png_file;
pub mod range;
pub mod recipe;
pub mod render;
pub mod sampling;
pub mod scene;
mod svg;
pub mod text;
pub mod ticks;
pub mod uniforms;
pub mod view;
pub mod warp;

pub use canvas::Ink;
pub use caption::Caption;
pub use colormap::Colormap;
pub use found::Look;
pub use grid::{grid_figure, grid_scene};
pub use layout::{Panel, panels};
pub use legend::{ColourBar, Component, ComponentLegend, Label, LabelLegend, Legend};
pub use marks::Mark;
pub use match_lines::MatchFigure;
pub use overlay::Overlay;
pub use range::Range;
pub use recipe::{Recipe, read_recipe};
pub use sampling::Sampling;
pub use scene::{Item, Rect, Scaling, Scene};
pub use text::{Anchor, Text, Weight};
pub use view::View;

use crate::values::{Existing, ValuesError, write_file};

/// Why a figure cannot be drawn, written or read.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// A picture or a grid without pixels, or values that do not fill their grid.
    #[error("{what} has {found}, expected {expected}")]
    Sides {
        /// The thing that is wrong.
        what: &'static str,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A setting is outside its range.
    #[error("setting {name} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The ending of a figure's name is that of no format.
    #[error("figure has the ending {found:?}, expected .png or .svg: {}", path.display())]
    Format {
        /// The ending, empty if there is none.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The pixels cannot be encoded.
    #[error("cannot encode a PNG, {0}")]
    Encode(#[from] png::EncodingError),
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] ValuesError),
    /// A figure could not be read.
    #[error("cannot read the figure, {source}: {}", path.display())]
    Read {
        /// The cause.
        source: io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A file holds no recipe.
    #[error("figure has {found}, expected a recipe: {}", path.display())]
    NoRecipe {
        /// What is there instead.
        found: String,
        /// The file.
        path: PathBuf,
    },
}

/// Kinds of figure files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pixels, at a scale.
    Png,
    /// Shapes and texts.
    Svg,
}

impl Format {
    /// The format that the ending of `path` names, in small or capital letters.
    pub fn of(path: &Path) -> Result<Self, FigureError> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        match &ending[..] {
            "png" => Ok(Self::Png),
            "svg" => Ok(Self::Svg),
            _ => Err(FigureError::Format {
                found: ending,
                path: path.to_owned(),
            }),
        }
    }
}

/// A finished scene and how it was made.
#[derive(Clone, Debug)]
pub struct Figure {
    scene: Scene,
    caption: Caption,
}

impl Figure {
    /// Joins scene and caption; an untrained model's figures get a bar at the bottom that says so.
    pub fn new(scene: Scene, caption: Caption) -> Self {
        let scene = if caption.provenance.untrained {
            caption::with_bar(scene)
        } else {
            scene
        };
        Self { scene, caption }
    }

    /// The shapes, bar included.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Writes PNG or SVG, as the ending of `path` says. `scale` is pixels a point of a PNG, 1 to 4; an SVG has none.
    pub fn write(&self, path: &Path, scale: u32, existing: Existing) -> Result<(), FigureError> {
        let bytes = match Format::of(path)? {
            Format::Png => self.png_bytes(scale)?,
            Format::Svg => self.svg_text()?.into_bytes(),
        };
        Ok(write_file(path, existing, |out| out.write_all(&bytes))?)
    }

    /// An RGB8 PNG of `scale` pixels a point, 1 to 4, with the caption as text chunks.
    pub fn png_bytes(&self, scale: u32) -> Result<Vec<u8>, FigureError> {
        png_file::encode(&self.scene.draw(scale)?, &self.caption.entries())
    }

    /// An SVG document with the caption as title, description and metadata.
    pub fn svg_text(&self) -> Result<String, FigureError> {
        svg::document(&self.scene, &self.caption)
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    #[test]
    fn the_ending_chooses_the_format_and_others_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let scene = Scene::picture(RgbImage::new(4, 3)).unwrap();
        let figure = Figure::new(scene, Caption::default());
        let write = |name: &str| {
            let path = folder.path().join(name);
            let done = figure.write(&path, 3, Existing::Keep);
            done.map(|()| std::fs::read(path).unwrap())
        };
        assert_eq!(
            image::load_from_memory(&write("a.png").unwrap())
                .unwrap()
                .into_rgb8()
                .dimensions(),
            (12, 9)
        );
        assert!(write("a.SVG").unwrap().starts_with(b"<?xml"));
        for name in ["a", "a.jpg", "png"] {
            let error = write(name).unwrap_err().to_string();
            assert!(error.contains("expected .png or .svg"), "{error}");
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
        assert!(matches!(write("a.png"), Err(FigureError::Write(_))));
    }
}
