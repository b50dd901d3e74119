//! Work in the background of a program whose own thread never waits.
//!
//! A closure goes into a [`Runner`], a [`Ticket`] comes back and is asked on every frame what has become of it.
//! [`picture`], [`thumbnail`] and [`scan`] are what such closures do: plain functions with cancel and progress.

pub mod picture;
pub mod runner;
pub mod scan;
pub mod thumbnail;

pub use runner::{
    Arg, Failure, JobContext, JobError, JobId, Lane, Options, Poll, Progress, Runner, Slot, Spec,
    State, Status, Ticket, Title, Unit, Visibility,
};
