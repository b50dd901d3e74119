//! Jobs on threads: each lane has its own, takes the highest priority first, and tells every outcome once.
//!
//! Closure → [`Ticket`] → [`Poll`]. Nothing here polls or sleeps: threads wait on conditions, and the owner is woken by
//! its own `wake` after every outcome and, at most 20 times a second, after progress.

mod context;
mod error;
mod eta;
mod job;
mod lane;
mod notify;
mod pool;
mod spec;
mod status;
#[cfg(test)]
mod tests;
mod ticket;

pub use context::JobContext;
pub use error::{Failure, JobError};
pub use lane::Lane;
pub use pool::{Options, Runner};
pub use spec::{Arg, JobId, Progress, Slot, Spec, Title, Unit, Visibility};
pub use status::{State, Status};
pub use ticket::{Poll, Ticket};
