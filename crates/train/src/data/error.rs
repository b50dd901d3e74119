//! What can be wrong with pictures to learn from.

use std::path::PathBuf;

/// Why pictures cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No source was named.
    #[error("no pictures named, expected data.folder, data.list or data.manifest")]
    NoSource,
    /// A folder or file cannot be read.
    #[error("cannot read {what}, {reason}: {}", path.display())]
    Read {
        /// What it is.
        what: &'static str,
        /// What the system says.
        reason: String,
        /// Where it is.
        path: PathBuf,
    },
    /// There is no picture.
    #[error("{what} has 0 pictures, expected at least 1: {}", path.display())]
    Empty {
        /// The folder, list or manifest.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// A manifest lacks a column.
    #[error("the manifest has the columns {found}, expected a column \"path\": {}", path.display())]
    Column {
        /// Those that it has.
        found: String,
        /// The manifest.
        path: PathBuf,
    },
    /// A row of a manifest cannot be used.
    #[error("row {row} of the manifest is not usable, {reason}: {}", path.display())]
    Row {
        /// Counted from 1, the header not counted.
        row: u64,
        /// Why.
        reason: String,
        /// The manifest.
        path: PathBuf,
    },
    /// No mask for a picture.
    #[error("no mask for {picture}, expected {picture}.png in the folder of masks: {}", path.display())]
    NoMask {
        /// Name of the picture without its ending.
        picture: String,
        /// The folder of masks.
        path: PathBuf,
    },
    /// A picture to test with has the mask of one to learn from.
    #[error("the mask of {picture}, which is tested with, is that of {other}, which is learned from; expected one each: {}", path.display())]
    SharedMask {
        /// The picture that is tested with.
        picture: PathBuf,
        /// The picture that is learned from.
        other: PathBuf,
        /// The mask.
        path: PathBuf,
    },
    /// A set that does not exist.
    #[error("no set \"{name}\" in the manifest, found {found}")]
    NoSet {
        /// The name.
        name: String,
        /// Those that there are.
        found: String,
    },
    /// Nothing is left to learn from.
    #[error("{what} has 0 pictures to learn from, expected at least 1")]
    NothingLeft {
        /// The data, or one of its sets.
        what: String,
    },
    /// Too many pictures cannot be read.
    #[error(
        "{broken} of {tried} pictures cannot be read, more than data.max_broken allows; the last: {last}"
    )]
    Broken {
        /// How many.
        broken: usize,
        /// Of how many.
        tried: usize,
        /// What was said of the last.
        last: String,
    },
    /// A thread of the loader ended by a bug.
    #[error("a thread that makes crops ended: {reason}")]
    Thread {
        /// What it said.
        reason: String,
    },
}
