//! Whole-program tests: one binary, one module a subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod analyses;
#[cfg(target_os = "linux")]
mod app;
mod cli;
mod features;
mod golden;
mod gpu;
mod hostile;
mod hub_server;
mod kernels;
mod layout;
mod parity;
mod room;
mod store;
mod train;
