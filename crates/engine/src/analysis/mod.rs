//! Analyses of feature maps: similarity, principal components, correspondence, groups, health.
//!
//! Input: [`Subject`]s and a settings struct. Output: [`Found`]: plain values on the patch grid; figures and files are
//! made elsewhere. [`Analysis`] lists them all. Each numerical step is a public function and has a kernel of the same
//! result; [`Compute`] takes one or the other. Source: `spec/05`, sections 1 to 3.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

pub(crate) mod assignment;
pub mod basis;
mod basis_file;
mod channel_sums;
pub mod channels;
pub mod clusters;
mod compute;
pub mod cosine;
mod error;
pub mod foreground;
#[cfg(test)]
pub(crate) mod golden;
pub mod health;
pub mod knobs;
pub mod logistic;
pub mod matching;
pub mod nearest;
pub mod norms;
pub mod patch_means;
pub mod pca;
pub mod projection;
pub mod prompts;
pub mod refine;
mod region;
pub mod regions;
mod registry;
pub mod resample;
mod seeding;
mod shared_colours;
pub mod similarity;
pub mod spectrum;
pub mod stratify;
mod subject;
mod token;
pub mod transfer;

pub use basis::{BasisOrigin, PcaBasis};
pub use clusters::KMeans;
pub use compute::Compute;
pub use error::AnalysisError;
pub use health::{DenseHealth, Health, PATCHES_ALIKE};
pub use knobs::{Knobs, Point};
pub use matching::{Correspondence, Match};
pub use norms::Norms;
pub use pca::{Pca, PcaMap};
pub use region::Region;
pub use shared_colours::SharedColours;
pub use similarity::{Combine, Peak, Similarity};
pub use subject::{CancelToken, Context, Found, FoundMap, Layer, Number, Scale, Subject};
pub use token::Token;
pub use transfer::Transfer;

pub(crate) use error::{bad_setting, same_channels};
use registry::registry;

use crate::feature_map::FeatureMap;

/// What every analysis is.
pub trait Analyze {
    /// Name on the command line and in saved projects: one word, `snake_case`.
    fn id(&self) -> &'static str;

    /// Name in menus.
    fn title(&self) -> &'static str;

    /// What it shows, in one sentence.
    fn about(&self) -> &'static str;

    /// How many pictures it takes.
    fn pictures(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    /// Visits every setting.
    fn knobs(&mut self, knobs: &mut dyn Knobs);

    /// Computes. There are as many subjects as [`Analyze::pictures`] allows, all with the same number of channels.
    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError>;
}

registry! {
    /// Every analysis, with its settings.
    pub enum Analysis: Analyze {
        Similarity,
        Region,
        Token,
        Pca,
        Match,
        Transfer,
        SharedColours,
        KMeans,
        Norms,
        DenseHealth,
    }
}

impl Analysis {
    /// Sets `name=value` texts; an unknown name is told with the nearest known one.
    pub fn set<S: AsRef<str>>(&mut self, texts: &[S]) -> Result<(), AnalysisError> {
        let mut assign = knobs::Assign::new(texts);
        self.get_mut().knobs(&mut assign);
        assign.finish()
    }

    /// Every setting with what it may be and what it is.
    pub fn settings(&self) -> Vec<knobs::Description> {
        let mut described = knobs::Describe::default();
        self.clone().get_mut().knobs(&mut described);
        described.found
    }

    /// Checks the subjects and runs.
    pub fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let allowed = self.get().pictures();
        if !allowed.contains(&subjects.len()) {
            return Err(AnalysisError::Pictures {
                analysis: self.get().id(),
                least: *allowed.start(),
                most: Some(*allowed.end()).filter(|&most| most < usize::MAX),
                found: subjects.len(),
            });
        }
        for subject in subjects {
            let first = subjects[0].features.dim();
            same_channels("a picture", first, subject.features.dim())?;
        }
        cx.cancel.check()?;
        self.get().run(subjects, cx)
    }
}

/// A patch by its place on the grid, 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Patch {
    /// From the top.
    pub row: usize,
    /// From the left.
    pub col: usize,
}

impl Patch {
    /// The patch with the flat number `index = row · cols + col`.
    pub fn from_index(index: usize, cols: usize) -> Self {
        Self {
            row: index / cols,
            col: index % cols,
        }
    }

    /// Flat number of this patch of `map`, or an error outside of it.
    pub fn index_in(self, map: &FeatureMap) -> Result<usize, AnalysisError> {
        let (rows, cols) = (map.rows(), map.cols());
        if self.row < rows && self.col < cols {
            return Ok(self.row * cols + self.col);
        }
        Err(AnalysisError::PatchOutside {
            row: self.row,
            col: self.col,
            rows,
            cols,
        })
    }
}

/// One number a patch: `[rows, cols]` f32, row-major. NaN marks a patch that was left out.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalarMap {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// `[rows, cols]`.
    pub values: Vec<f32>,
}
