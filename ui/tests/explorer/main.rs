//! The explorer as people use it, without a window: every view and panel in both themes and both languages, keys alone,
//! projects, bad luck, and a monkey.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod half_model;
mod keys;
mod luck;
mod monkey;
mod panels;
mod projects;
mod room;
mod sheets;
mod views;

/// Counts what is held, for the tests that watch it.
#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);
