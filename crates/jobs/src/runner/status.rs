//! What a list of running jobs shows.

use std::time::Duration;

use serde::Serialize;

use super::lane::Lane;
use super::spec::{JobId, Progress, Title};

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has no thread yet.
    Waiting,
    /// It works.
    Running,
    /// A pause was asked for, and it has not come to a place where it can stop.
    Pausing,
    /// It waits to be resumed.
    Paused,
    /// It was cancelled, its owner knows, and its thread is not free yet.
    Stopping,
}

/// One job in the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// What [`super::Runner::cancel`] and the like take.
    pub id: JobId,
    /// Threads that it runs on.
    pub lane: Lane,
    /// What it is called.
    pub title: Title,
    /// What it is doing.
    pub state: State,
    /// How far it is.
    pub progress: Progress,
    /// Whether a pause would have an effect.
    pub pausable: bool,
    /// Time that it has worked, pauses left out.
    pub elapsed: Duration,
    /// Time that is left, where its progress tells.
    pub eta: Option<Duration>,
}
