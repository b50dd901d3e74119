//! Legends: what the colors of a figure mean.
//!
//! Input: plain numbers and texts. Output: shapes below each other in the strip under a figure; `pen` draws them.

use super::colormap::Colormap;
use super::pen::Pen;
use super::scene::Scene;

/// Narrowest strip that all legends can be read in, in units.
pub const LEGEND_UNITS: f32 = 280.0;
/// Most labels that are listed.
pub const MAX_LABELS: usize = 32;

/// One legend.
#[derive(Clone, Debug, PartialEq)]
pub enum Legend {
    /// Numbers as colors.
    ColourBar(ColourBar),
    /// Principal components as channels.
    Components(ComponentLegend),
    /// Numbered labels as colors.
    Labels(LabelLegend),
    /// Sentences alone.
    Note(String),
}

/// A gradient with ticks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColourBar {
    /// What the numbers are, for example `cosine similarity`.
    pub title: String,
    /// Their unit; may be empty.
    pub unit: String,
    /// The colors.
    pub colormap: Colormap,
    /// Values of the first and the last color.
    pub limits: (f32, f32),
    /// Sentences below, for example how the map was interpolated; may be empty.
    pub note: String,
}

/// The channels of a map of components.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComponentLegend {
    /// For example `principal components`; may be empty.
    pub title: String,
    /// One a channel, in the order of the channels, at most three.
    pub components: Vec<Component>,
    /// Sentences below; may be empty.
    pub note: String,
}

/// A component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Its number as it is written.
    pub number: usize,
    /// Its share of the variance, in [0, 1].
    pub explained: Option<f32>,
}

/// The labels of a map, largest first or as they are numbered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelLegend {
    /// For example `clusters, patches of each`; may be empty.
    pub title: String,
    /// Entries.
    pub labels: Vec<Label>,
    /// Sentences below; may be empty.
    pub note: String,
}

/// A label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// Its number as it is written.
    pub number: usize,
    /// Its color.
    pub colour: [u8; 3],
    /// Patches that have it.
    pub count: usize,
}

impl Legend {
    /// Draws the legend into a strip from `left`, `top` on, `room` points wide; returns its height in points.
    pub(super) fn draw(&self, scene: &mut Scene, left: f32, top: f32, room: f32) -> f32 {
        let mut pen = Pen::new(scene, left, top, room);
        match self {
            Self::ColourBar(bar) => pen.colour_bar(bar),
            Self::Components(legend) => pen.components(legend),
            Self::Labels(legend) => pen.labels(legend),
            Self::Note(note) => pen.note(note),
        }
        pen.top() - top
    }
}
