//! Why a curation could not be done.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Why a curation could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CurationError {
    /// A file could not be opened, mapped or written.
    #[error("cannot {action} the file, {source}: {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A file holds no table of features, or no hierarchy.
    #[error("the file is not {expected}, {reason}: {}", path.display())]
    File {
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// Tables, labels or vectors do not fit together.
    #[error("{what}: found {found}, expected {expected}")]
    Shape {
        /// What was looked at.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A feature is infinite or undefined.
    #[error("row {row} of the features has a value that is not finite")]
    NotFinite {
        /// The row, from 0.
        row: usize,
    },
    /// A setting makes no sense for this table.
    #[error("setting {name} is {found}, expected {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The watch asked for the end.
    #[error("the curation was cancelled")]
    Cancelled,
}

/// Names the action and the file of an error of the system.
pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> CurationError {
    let path = path.to_path_buf();
    move |source| CurationError::Io {
        action,
        source,
        path,
    }
}

/// A file that is not what it should be.
pub(super) fn bad_file(expected: &'static str, reason: impl Display, path: &Path) -> CurationError {
    CurationError::File {
        expected,
        reason: reason.to_string(),
        path: path.to_path_buf(),
    }
}

/// Things that do not fit together.
pub(super) fn bad_shape(
    what: &'static str,
    expected: impl Display,
    found: impl Display,
) -> CurationError {
    CurationError::Shape {
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

/// A setting that makes no sense.
pub(super) fn bad_setting(
    name: &'static str,
    expected: &'static str,
    found: impl Display,
) -> CurationError {
    CurationError::Setting {
        name,
        expected,
        found: found.to_string(),
    }
}
