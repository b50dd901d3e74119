//! Why features could not be evaluated.

/// Why features could not be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The number of values is not what the sizes say.
    #[error("{what} has {found} values, expected {expected}")]
    Shape {
        /// What it is.
        what: &'static str,
        /// In words.
        expected: String,
        /// Values given.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error("{what} has the value {value} in row {row}, expected finite values")]
    NotFinite {
        /// What it is.
        what: &'static str,
        /// The first such row.
        row: usize,
        /// The value.
        value: f32,
    },
    /// Two sets of features have different widths.
    #[error("{what} has {found} channels, expected {expected}")]
    Channels {
        /// What it is.
        what: &'static str,
        /// Channels of the other set.
        expected: usize,
        /// Channels of this one.
        found: usize,
    },
    /// There is nothing to tell apart.
    #[error("{what} has {found} classes with a row, expected at least 2")]
    Classes {
        /// What it is.
        what: &'static str,
        /// Classes that occur.
        found: usize,
    },
    /// A label is too large to be a class number.
    #[error("row {row} of {what} has the label {found}, expected one below {expected}")]
    Label {
        /// What it is.
        what: &'static str,
        /// The row.
        row: usize,
        /// Classes there may be.
        expected: u32,
        /// The label.
        found: u32,
    },
    /// A setting is outside of its range.
    #[error("setting {name} is {found}, expected {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// In words.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A solver came to numbers that are not finite.
    #[error("{what} diverged, expected finite weights: a smaller learning rate may help")]
    Diverged {
        /// What was solved.
        what: &'static str,
    },
}

/// An error unless `fine`.
pub(super) fn ensure(
    fine: bool,
    name: &'static str,
    expected: &'static str,
    found: &impl std::fmt::Debug,
) -> Result<(), EvaluationError> {
    if fine {
        return Ok(());
    }
    Err(EvaluationError::Setting {
        name,
        expected,
        found: format!("{found:?}"),
    })
}
