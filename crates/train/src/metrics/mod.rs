//! Numbers of a run in files that others read: one JSON object a line, and `TensorBoard`'s events.
//!
//! Input: a step and its numbers by name (`loss/total`, `lr`, `monitor/rankme`). Output: [`FILE`] and, if wanted, one
//! event file a start, both in the folder of the run. A resumed run first forgets what came after its checkpoint.

mod appender;
mod error;
mod events;
mod reader;
mod writer;

pub use error::MetricsError;
pub use reader::{Line, read_metrics, series};
pub use writer::{FILE, Metrics};
