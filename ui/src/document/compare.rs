//! What a comparison varies.

use std::fmt;

use dinoscope_engine::Norm;
use serde::{Deserialize, Serialize};

use super::FeatureSettings;

/// What the columns or rows of a comparison differ in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// The model.
    Models,
    /// The layer.
    #[default]
    Layers,
    /// The size of the network's input.
    Sizes,
    /// With or without the final norm.
    Norms,
    /// Nothing: one row or column.
    Nothing,
}

impl Axis {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 5] = [
        Self::Models,
        Self::Layers,
        Self::Sizes,
        Self::Norms,
        Self::Nothing,
    ];
}

/// One value of an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variation {
    /// A model by name or path.
    Model(String),
    /// A 0-based layer; the last without one.
    Layer(Option<usize>),
    /// Short side in pixels.
    Side(u32),
    /// The norm.
    Norm(Norm),
    /// As the view's settings are.
    Same,
}

impl Variation {
    /// The view's settings with this one value in place.
    #[must_use]
    pub fn apply(&self, settings: &FeatureSettings) -> FeatureSettings {
        let mut settings = settings.clone();
        match self {
            Self::Model(name) => settings.model = Some(name.clone()),
            Self::Layer(layer) => settings.layer = *layer,
            Self::Side(side) => settings.size = dinoscope_engine::Size::Short(*side),
            Self::Norm(norm) => settings.norm = *norm,
            Self::Same => {}
        }
        settings
    }
}

impl fmt::Display for Variation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(name) => f.write_str(name),
            Self::Layer(Some(layer)) => write!(f, "{layer}"),
            Self::Layer(None) => f.write_str("last"),
            Self::Side(side) => write!(f, "{side} px"),
            Self::Norm(Norm::Final) => f.write_str("final"),
            Self::Norm(Norm::None) => f.write_str("none"),
            Self::Same => Ok(()),
        }
    }
}

/// How the cells are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareShow {
    /// All cells at once.
    #[default]
    Grid,
    /// The first two over each other with a line that is dragged.
    Swipe,
    /// The first two in turn.
    Blink,
}

/// Settings of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompareSettings {
    /// What the columns differ in.
    pub columns: Axis,
    /// One entry a column, at least one.
    pub column_values: Vec<Variation>,
    /// What the rows differ in.
    pub rows: Axis,
    /// One entry a row, at least one.
    pub row_values: Vec<Variation>,
    /// How the cells are laid out.
    pub show: CompareShow,
    /// Whether each row ends with the difference of its last and first column.
    pub difference: bool,
    /// Largest difference that the colors show.
    pub difference_range: f32,
    /// Where the swipe line stands, in [0, 1].
    pub swipe: f32,
}

impl Default for CompareSettings {
    fn default() -> Self {
        Self {
            columns: Axis::Layers,
            column_values: vec![Variation::Layer(Some(0)), Variation::Layer(None)],
            rows: Axis::Norms,
            row_values: vec![Variation::Norm(Norm::Final), Variation::Norm(Norm::None)],
            show: CompareShow::Grid,
            difference: true,
            difference_range: 0.6,
            swipe: 0.5,
        }
    }
}
