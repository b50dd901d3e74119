//! Something that is there, or being made, or could not be made.

use dinoscope_jobs::runner::{Failure, Poll, Progress, Ticket};

/// The four states of something that a job makes.
#[derive(Debug, Default)]
pub enum Slot<T> {
    /// Nobody asked for it.
    #[default]
    Empty,
    /// A job makes it.
    Busy(Ticket<T>, Progress),
    /// It is there.
    Ready(T),
    /// It could not be made.
    Failed(Failure),
}

impl<T> Slot<T> {
    /// Takes the outcome of its job, if there is one; true if the state changed.
    pub fn poll(&mut self) -> bool {
        let Self::Busy(ticket, progress) = self else {
            return false;
        };
        *self = match ticket.poll() {
            Poll::Waiting => return false,
            Poll::Running(now) => {
                *progress = now;
                return false;
            }
            Poll::Done(value) => Self::Ready(value),
            Poll::Failed(failure) => Self::Failed(failure),
            Poll::Cancelled | Poll::Over => Self::Empty,
        };
        true
    }

    /// Starts a job whose result will be kept.
    pub fn start(&mut self, ticket: Ticket<T>) {
        *self = Self::Busy(ticket, Progress::default());
    }

    /// What is there.
    pub fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// Why it is not there.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether nobody asked for it yet.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether a job makes it.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(..))
    }

    /// How far its job is.
    pub fn progress(&self) -> Option<Progress> {
        match self {
            Self::Busy(_, progress) => Some(*progress),
            _ => None,
        }
    }
}
