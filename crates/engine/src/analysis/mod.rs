//! Analyses of feature maps: similarity, principal components, correspondence, groups, health.
//!
//! Input: [`Subject`]s and a settings struct. Output: [`Found`]: plain values on the patch grid; figures and files are
//! made elsewhere. [`Analysis`] lists them all. Each numerical step is a public function and has a kernel of the same
//! result; [`Compute`] takes one or the other. Source: `spec/05`, sections 1 to 3.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) mod assignment;
pub mod basis;
mod basis_file;
mod channel_sums;
pub mod channels;
pub mod clusters;
mod compute;
pub mod cosine;
pub mod foreground;
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
pub use health::{DenseHealth, Health};
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

/// Why an analysis cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// A patch lies outside its map.
    #[error(
        "patch at row {row}, column {col} is outside the map of {rows} rows and {cols} columns"
    )]
    PatchOutside {
        /// Row asked for.
        row: usize,
        /// Column asked for.
        col: usize,
        /// Rows of the map.
        rows: usize,
        /// Columns of the map.
        cols: usize,
    },
    /// A point lies outside its picture.
    #[error("point {x},{y} is outside the picture, which has {width}x{height} pixels")]
    PointOutside {
        /// Pixels from the left.
        x: f64,
        /// Pixels from the top.
        y: f64,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// Too few or too many pictures.
    #[error("analysis {analysis} takes {} pictures, found {found}", counted(*least, *most))]
    Pictures {
        /// Name of the analysis.
        analysis: &'static str,
        /// Fewest.
        least: usize,
        /// Most, if there is a limit.
        most: Option<usize>,
        /// Given.
        found: usize,
    },
    /// A name that no setting has.
    #[error("no setting {name}{}, expected one of {known}", hint(nearest.as_deref()))]
    UnknownSetting {
        /// What was given.
        name: String,
        /// The known name that is spelled most alike.
        nearest: Option<String>,
        /// All names.
        known: String,
    },
    /// A text that is no value of its setting.
    #[error("setting {name} is \"{found}\", expected {expected}")]
    BadSetting {
        /// Name of the setting.
        name: String,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Something that the analysis needs is not there.
    #[error("{what} is missing, {reason}: {subject}")]
    Missing {
        /// What is needed.
        what: &'static str,
        /// Why it is not there.
        reason: &'static str,
        /// The picture.
        subject: String,
    },
    /// The mask's file is no picture.
    #[error(transparent)]
    MaskFile(#[from] crate::picture::PictureError),
    /// Somebody asked for the end.
    #[error("interrupted")]
    Cancelled,
    /// Two things that are compared have different numbers of channels.
    #[error("{what} has {found} channels, expected {expected}")]
    Channels {
        /// The thing that differs.
        what: &'static str,
        /// Channels of the first one.
        expected: usize,
        /// Channels of this one.
        found: usize,
    },
    /// A setting is outside its range.
    #[error("setting {name} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A foreground mask does not cover its map, or there is not one a map.
    #[error("foreground mask has {found} entries, expected {expected}")]
    Mask {
        /// Patches, or maps.
        expected: usize,
        /// Entries, or masks.
        found: usize,
    },
    /// Too few patches to fit principal components on.
    #[error("principal components are fitted on {found} patches, expected at least {needed}")]
    TooFewPatches {
        /// Patches left.
        found: usize,
        /// Patches needed.
        needed: usize,
    },
    /// A component that the features or the basis do not have.
    #[error("component {asked} was asked for, expected one below {available}")]
    Component {
        /// 0-based number of the component.
        asked: usize,
        /// Components there are.
        available: usize,
    },
    /// The eigensolver gave up.
    #[error("eigenvalues of a {size} x {size} covariance did not converge")]
    Eigenvalues {
        /// Side of the matrix.
        size: usize,
    },
    /// A file is not a basis.
    #[error("basis has {found}, expected {expected}: {}", path.display())]
    Basis {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The basis could not be read.
    #[error("cannot read the basis, {source}: {}", path.display())]
    Read {
        /// The cause.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The basis could not be written.
    #[error(transparent)]
    Write(#[from] crate::values::ValuesError),
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

fn counted(least: usize, most: Option<usize>) -> String {
    match most {
        Some(most) if most == least => least.to_string(),
        Some(most) => format!("{least} to {most}"),
        None => format!("{least} or more"),
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(" (did you mean {nearest}?)"))
}

pub(crate) fn same_channels(
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), AnalysisError> {
    if expected == found {
        return Ok(());
    }
    Err(AnalysisError::Channels {
        what,
        expected,
        found,
    })
}

/// The error for a setting that is not what `expected` says.
pub(crate) fn bad_setting(
    name: &'static str,
    expected: &'static str,
    found: &impl ToString,
) -> AnalysisError {
    AnalysisError::Setting {
        name,
        expected,
        found: found.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod golden {
    //! Reads the golden tensors for the tests of this folder.

    use std::path::PathBuf;

    use safetensors::SafeTensors;

    /// All tensors of one golden case.
    pub(crate) struct Golden(Vec<u8>);

    impl Golden {
        pub(crate) fn open(case: &str) -> Self {
            let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
                || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
                PathBuf::from,
            );
            let path = folder.join(case).join("data.safetensors");
            Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display())))
        }

        pub(crate) fn names(&self) -> Vec<String> {
            let tensors = SafeTensors::deserialize(&self.0).unwrap();
            tensors.names().iter().map(ToString::to_string).collect()
        }

        pub(crate) fn bytes(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
            let tensors = SafeTensors::deserialize(&self.0).unwrap();
            let tensor = tensors
                .tensor(name)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            (tensor.shape().to_vec(), tensor.data().to_vec())
        }

        pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
            let bytes = self.bytes(name).1;
            let (words, _) = bytes.as_chunks();
            words.iter().map(|word| f32::from_le_bytes(*word)).collect()
        }

        pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
            let bytes = self.bytes(name).1;
            let (words, _) = bytes.as_chunks();
            let numbers = words.iter().map(|word| i64::from_le_bytes(*word));
            numbers.map(|n| usize::try_from(n).unwrap()).collect()
        }

        pub(crate) fn map(&self, name: &str) -> crate::feature_map::FeatureMap {
            let [rows, cols, dim] = self.bytes(name).0[..] else {
                panic!("{name} has three axes")
            };
            crate::feature_map::FeatureMap::new(rows, cols, dim, self.floats(name)).unwrap()
        }
    }

    /// A picture whose patches are 16 × 16 pixels, without tokens.
    pub(crate) fn subject(features: &crate::feature_map::FeatureMap) -> super::Subject {
        let size = (features.cols() as u32 * 16, features.rows() as u32 * 16);
        super::Subject {
            name: "picture".to_owned(),
            grid: crate::grid::Grid::new(size, size, 16),
            features: features.clone(),
            cls: [].into(),
            registers: [].into(),
            picture: None,
        }
    }

    /// The middle of a patch of such a picture.
    pub(crate) fn centre(row: usize, col: usize) -> super::Point {
        [col as f64 * 16.0 + 8.0, row as f64 * 16.0 + 8.0]
    }

    /// The values of the scalar map of a subject.
    pub(crate) fn values(found: &super::Found, subject: usize) -> Vec<f32> {
        let map = found.maps.iter().find(|map| map.subject == subject);
        match &map.unwrap_or_else(|| panic!("no map {subject}")).layer {
            super::Layer::Scalar { map, .. } => map.values.clone(),
            other => panic!("no scalar map: {other:?}"),
        }
    }

    /// Panics with the place if two lists differ by more than `allowed`.
    pub(crate) fn assert_close(found: &[f32], expected: &[f32], allowed: f32, what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}: length");
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let difference = (found - expected).abs();
            assert!(
                difference <= allowed,
                "{what}[{at}]: {found}, expected {expected}"
            );
        }
    }
}
