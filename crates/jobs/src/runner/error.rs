//! How jobs fail.

use std::any::Any;
use std::error::Error;

use serde::Serialize;

/// Why a job failed, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// One sentence: what happened, what was expected and found, the path last.
    pub message: String,
    /// What lies behind it, a line each; often empty.
    pub details: Vec<String>,
}

impl Failure {
    /// A failure that is told by one sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// The sentence of `error`, and of its causes what the sentence does not say already.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let message = error.to_string();
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        let details = causes
            .map(ToString::to_string)
            .filter(|cause| !message.contains(cause.as_str()));
        Self {
            details: details.collect(),
            message,
        }
    }

    /// What a panic said.
    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Self::new(format!(
            "the job crashed: {}",
            text.unwrap_or("it did not say why")
        ))
    }
}

/// How a job ends without a result.
///
/// No [`Error`] itself, so that `?` takes any error in a job. An error after a cancel counts as cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// It was asked to stop, and did.
    Cancelled,
    /// It failed.
    Failed(Failure),
}

impl<E: Error + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::Failed(Failure::of(&error))
    }
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
