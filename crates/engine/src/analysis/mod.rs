//! Analyses of feature maps on the CPU: similarity, principal components, matching.
//!
//! Input: `FeatureMap`s and a settings struct. Output: plain values on the patch grid; figures and files are made
//! elsewhere. Each numerical step is a public function, so that a GPU kernel can be compared with it.
//! Source: `spec/05`, sections 1 to 3.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub mod basis;
mod basis_file;
pub mod foreground;
pub mod matching;
pub mod nearest;
pub mod pca;
pub mod refine;
pub mod similarity;
pub mod spectrum;
pub mod stratify;

pub use basis::{BasisOrigin, PcaBasis};
pub use matching::{Correspondence, Match, Side};
pub use pca::{Pca, PcaMap, PcaResult};
pub use similarity::{Combine, Peak, Similarity, SimilarityMap};

use crate::feature_map::FeatureMap;

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
    #[error(
        "principal components are fitted on {found} foreground patches, expected at least {needed}"
    )]
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
