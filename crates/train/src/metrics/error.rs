//! Why metrics could not be written or read.

use std::io;
use std::path::PathBuf;

/// Why metrics could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// A file could not be made or has no room.
    #[error("cannot write metrics, {reason}: {}", path.display())]
    Write {
        /// What the system says.
        reason: io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read metrics, {reason}: {}", path.display())]
    Read {
        /// What the system says.
        reason: io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A line is no object of numbers with a step.
    #[error("line {line} is no line of metrics, {reason}: {}", path.display())]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
        /// The file.
        path: PathBuf,
    },
}
