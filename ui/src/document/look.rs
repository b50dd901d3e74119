//! How numbers over a picture look.

use dinoscope_engine::figure::{Colormap, Overlay, Range, Sampling};
use serde::{Deserialize, Serialize};

/// What the ends of the colors stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeMode {
    /// The smallest and largest value of the map.
    #[default]
    Auto,
    /// Two values that stay.
    Fixed {
        /// Value of the first color.
        min: f32,
        /// Value of the last color.
        max: f32,
    },
}

/// Colors of a scalar map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScalarLook {
    /// Colors of the values.
    pub colormap: Colormap,
    /// Ends of the colors.
    pub range: RangeMode,
    /// Weight of the map over the picture, in [0, 1].
    pub strength: f32,
    /// How grey the picture becomes below the map, in [0, 1].
    pub desaturate: f32,
    /// Interpolation between patches.
    pub sampling: Sampling,
    /// Whether the map is drawn at all.
    pub visible: bool,
    /// Whether the borders of patches are drawn.
    pub grid: bool,
}

impl Default for ScalarLook {
    fn default() -> Self {
        Self {
            colormap: Colormap::Inferno,
            range: RangeMode::Auto,
            strength: 0.78,
            desaturate: 0.75,
            sampling: Sampling::Bicubic,
            visible: true,
            grid: false,
        }
    }
}

impl ScalarLook {
    /// What the engine draws with.
    pub fn overlay(&self) -> Overlay {
        Overlay {
            alpha: if self.visible { self.strength } else { 0.0 },
            colormap: self.colormap,
            range: match self.range {
                RangeMode::Auto => Range::Auto,
                RangeMode::Fixed { min, max } => Range::Fixed { min, max },
            },
            sampling: self.sampling,
            desaturate: if self.visible { self.desaturate } else { 0.0 },
            isolines: None,
        }
    }
}
