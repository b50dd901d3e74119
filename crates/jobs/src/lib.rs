//! Work in the background of a program whose own thread never waits.
//!
//! A closure goes into a [`Runner`], a [`Ticket`] comes back and is asked on every frame what has become of it.
//! The other modules are what such closures do, plain functions with cancel and progress: [`scan`], [`thumbnail`] and
//! [`picture`] for files, [`model`] and [`features`] for networks, [`analysis`] for maps; [`predict`] tells beforehand
//! what a network will cost.

pub mod analysis;
pub mod features;
pub mod model;
pub mod picture;
pub mod predict;
pub mod runner;
pub mod scan;
pub mod thumbnail;

pub use runner::{
    Arg, Failure, JobContext, JobError, JobId, Lane, Options, Poll, Progress, Runner, Slot, Spec,
    State, Status, Ticket, Title, Unit, Visibility,
};
