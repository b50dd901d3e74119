//! What a job is called, where it runs, and how far it is.

use std::borrow::Cow;

use serde::Serialize;

use super::lane::Lane;

/// Number of a job, unique within a runner and ascending with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct JobId(pub(super) u64);

/// A place that holds one job at a time: a newer job takes it and ends the older one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(Cow<'static, str>);

impl Slot {
    /// The slot of that name, such as `view-3/features`.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }
}

/// What a job is called, as data: the program that shows it translates `id` and fills in `args`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Title {
    /// Name of a message.
    pub id: Cow<'static, str>,
    /// Values of the message, by name.
    pub args: Vec<(Cow<'static, str>, Arg)>,
}

/// A value in a [`Title`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Arg {
    /// A name or a path.
    Text(String),
    /// Name of a message that is translated, too.
    Message(Cow<'static, str>),
    /// A count, for plurals.
    Number(f64),
}

impl Title {
    /// A message without values.
    pub fn new(id: impl Into<Cow<'static, str>>) -> Self {
        Self {
            id: id.into(),
            args: Vec::new(),
        }
    }

    /// The same with a text.
    #[must_use]
    pub fn text(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.args.push((name.into(), Arg::Text(value.into())));
        self
    }

    /// The same with a message in it.
    #[must_use]
    pub fn message(mut self, name: impl Into<Cow<'static, str>>, id: &'static str) -> Self {
        self.args.push((name.into(), Arg::Message(id.into())));
        self
    }

    /// The same with a number.
    #[must_use]
    pub fn number(mut self, name: impl Into<Cow<'static, str>>, value: f64) -> Self {
        self.args.push((name.into(), Arg::Number(value)));
        self
    }
}

/// Whether a job is listed among those that run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Listed by [`super::Runner::active`].
    #[default]
    Tray,
    /// Too small to speak of, such as one thumbnail of hundreds.
    Hidden,
}

/// A job's place among the others.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Threads that it runs on.
    pub lane: Lane,
    /// Place that it takes from an older job.
    pub slot: Option<Slot>,
    /// What it is called.
    pub title: Title,
    /// Whether it is listed.
    pub visible: Visibility,
    /// The highest of a lane runs first; among equals, the oldest.
    pub priority: i32,
    /// Whether it calls [`super::JobContext::checkpoint`] and so can be paused while it runs.
    pub pausable: bool,
}

impl Spec {
    /// A listed job of priority 0 without a slot.
    pub fn new(lane: Lane, title: Title) -> Self {
        Self {
            lane,
            slot: None,
            title,
            visible: Visibility::Tray,
            priority: 0,
            pausable: false,
        }
    }
}

/// What [`Progress`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Parts of equal weight without a name of their own.
    #[default]
    Steps,
    /// Bytes.
    Bytes,
    /// Blocks of a network.
    Blocks,
    /// Files.
    Files,
    /// Pictures.
    Pictures,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What is to be done, where that is known.
    pub total: Option<u64>,
    /// What both count.
    pub unit: Unit,
}

impl Progress {
    /// The part that is done, in [0, 1], where the total is known.
    pub fn fraction(&self) -> Option<f32> {
        let total = self.total.filter(|&total| total > 0)?;
        Some((self.done as f32 / total as f32).min(1.0))
    }
}
