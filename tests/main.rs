//! Whole-program tests: one binary, one module a subject.

mod golden;
mod hub_server;
mod parity;
mod store;
