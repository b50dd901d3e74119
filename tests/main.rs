//! Whole-program tests: one binary, one module a subject.

mod golden;
mod gpu;
mod hub_server;
mod layout;
mod parity;
mod store;
