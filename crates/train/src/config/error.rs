//! What can be wrong with a configuration.

/// Why a configuration was not taken.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ConfigError {
    /// The text is no TOML.
    #[error("the configuration is not TOML: {reason}")]
    Syntax {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A key that does not exist.
    #[error("unknown key \"{key}\"{}", nearest.as_ref().map_or(String::new(), |nearest| format!(", did you mean \"{nearest}\"?")))]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The known key that is most like it, if any is.
        nearest: Option<String>,
    },
    /// A key that asks for numbers of another precision.
    #[error(
        "unknown key \"{key}\": training is in f32 only, f16 is known not to work (DINOv3's activations overflow it)"
    )]
    Precision {
        /// The key as written.
        key: String,
    },
    /// A value of another type or outside its range.
    #[error("{key} is {found}, expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// What it is.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// `--set` without `=`.
    #[error("\"{text}\" sets nothing, expected key=value")]
    Set {
        /// As written.
        text: String,
    },
    /// There is no such recipe, or none was named.
    #[error("recipe is {found}, expected one of {expected}")]
    Recipe {
        /// What was named.
        found: String,
        /// Those that exist.
        expected: String,
    },
}

impl From<crate::augment::AugmentError> for ConfigError {
    fn from(error: crate::augment::AugmentError) -> Self {
        Self::Value {
            key: format!("crops.{}", error.name),
            found: error.found,
            expected: error.expected.into(),
        }
    }
}

impl ConfigError {
    pub(super) fn value(
        key: impl Into<String>,
        found: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Value {
            key: key.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }
}
