//! What analyses read and what they find.

use std::sync::Arc;

use dinoscope_model::Stop;
use image::RgbImage;

use super::compute::Compute;
use super::similarity::top_k;
use super::{AnalysisError, Correspondence, Patch, PcaBasis, PcaMap, Peak, Point, ScalarMap};
use crate::feature_map::FeatureMap;
use crate::grid::Grid;

/// One picture as an analysis sees it: its features on their grid.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What to call it.
    pub name: String,
    /// Where the patches lie in the picture.
    pub grid: Grid,
    /// Patch features.
    pub features: FeatureMap,
    /// Class token `[dim]`; empty if the network gave none.
    pub cls: Arc<[f32]>,
    /// Register tokens `[registers · dim]`; empty without any.
    pub registers: Arc<[f32]>,
    /// The picture itself, for analyses that move its colours.
    pub picture: Option<Arc<RgbImage>>,
}

impl Subject {
    /// The patch under a point of the picture.
    pub fn patch_at(&self, [x, y]: Point) -> Result<Patch, AnalysisError> {
        let found = self.grid.patch_at(x, y);
        let (row, col) = found.ok_or(AnalysisError::PointOutside {
            x,
            y,
            width: self.grid.picture_width,
            height: self.grid.picture_height,
        })?;
        Ok(Patch { row, col })
    }

    /// The patches under some points.
    pub fn patches_at(&self, points: &[Point]) -> Result<Vec<Patch>, AnalysisError> {
        points.iter().map(|&point| self.patch_at(point)).collect()
    }
}

/// Tells a long computation to stop; a clone tells the same one.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Stop);

impl CancelToken {
    /// Asks for the end.
    pub fn cancel(&self) {
        self.0.set();
    }

    /// Whether the end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_set()
    }

    /// The flag behind it, as networks take it.
    pub fn stop(&self) -> &Stop {
        &self.0
    }

    /// An error once the end was asked for.
    pub fn check(&self) -> Result<(), AnalysisError> {
        if self.is_cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        Ok(())
    }
}

/// Where an analysis runs and how it is stopped.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The CPU, or a graphics device with the CPU behind it.
    pub compute: Compute,
    /// Looked at in everything that takes long.
    pub cancel: CancelToken,
}

/// What an analysis found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Maps to draw, in the order of the subjects.
    pub maps: Vec<FoundMap>,
    /// Correspondences from the first to the second subject.
    pub matches: Option<Vec<Correspondence>>,
    /// The basis of principal components, to be kept or used again.
    pub basis: Option<PcaBasis>,
    /// Numbers for a table.
    pub numbers: Vec<Number>,
    /// A sentence on what the numbers say.
    pub verdict: Option<String>,
}

/// A map of one subject.
#[derive(Clone, Debug)]
pub struct FoundMap {
    /// Its place in the list of subjects.
    pub subject: usize,
    /// What it shows, in a few words.
    pub title: String,
    /// The values.
    pub layer: Layer,
}

impl FoundMap {
    /// A map of numbers with its `top` best patches.
    pub fn scalar(
        subject: usize,
        title: impl Into<String>,
        map: ScalarMap,
        scale: Scale,
        top: usize,
    ) -> Self {
        Self {
            subject,
            title: title.into(),
            layer: Layer::Scalar {
                top: top_k(&map, top),
                map,
                scale,
                marked: Vec::new(),
            },
        }
    }
}

/// Values of a map.
#[derive(Clone, Debug)]
pub enum Layer {
    /// One number a patch.
    Scalar {
        /// The numbers.
        map: ScalarMap,
        /// What they are.
        scale: Scale,
        /// The best patches, best first.
        top: Vec<Peak>,
        /// Patches to point out.
        marked: Vec<Patch>,
    },
    /// Principal components as colours.
    Components {
        /// Projections and colours.
        map: PcaMap,
        /// Numbers of the components shown, 0-based, as many as the map has.
        components: Vec<usize>,
        /// Part of the variance that each of them explains, in [0, 1].
        explained: Vec<f32>,
    },
    /// A group a patch `[rows, cols]`.
    Labels {
        /// Patches from top to bottom.
        rows: usize,
        /// Patches from left to right.
        cols: usize,
        /// `[rows · cols]`, below `groups`.
        labels: Vec<u32>,
        /// Patches of each group over all subjects.
        sizes: Vec<usize>,
    },
    /// Colours of another picture, at the places that match.
    Transfer {
        /// Patches from top to bottom.
        rows: usize,
        /// Patches from left to right.
        cols: usize,
        /// Mean colour of the partner, RGB in [0, 1] `[rows, cols, 3]`; NaN without a partner.
        colours: Vec<f32>,
        /// Flat number of the partner `[rows, cols]`; `u32::MAX` without one.
        partners: Vec<u32>,
        /// Place of the other picture among the subjects.
        other: usize,
        /// Rows and columns of its patches.
        other_grid: (usize, usize),
    },
}

/// What the numbers of a scalar map are, which says how they are best drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A cosine in [−1, 1].
    Cosine,
    /// A difference of cosines.
    Difference,
    /// A probability in [0, 1].
    Probability,
    /// A length, at least 0.
    Length,
    /// A distance in pixels, at least 0.
    DistancePx,
}

impl Scale {
    /// What stands at the colour bar.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cosine => "cosine similarity",
            Self::Difference => "difference of cosines",
            Self::Probability => "probability",
            Self::Length => "length of the patch vector",
            Self::DistancePx => "distance in pixels",
        }
    }
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Machine-readable name, `snake_case` with its unit.
    pub name: &'static str,
    /// What it says, for people.
    pub title: &'static str,
    /// Its value.
    pub value: f64,
    /// The subject that it is of; all of them without one.
    pub subject: Option<usize>,
}
