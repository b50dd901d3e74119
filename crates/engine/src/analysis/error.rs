//! Why an analysis cannot be done, and the checks that several of them share.

use std::path::PathBuf;

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
