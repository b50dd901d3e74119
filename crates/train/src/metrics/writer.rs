//! Metrics while a run goes on.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value};

use super::MetricsError;
use super::appender::Appender;
use super::events::Events;
use super::reader::Line;

/// Name of the file in the folder of a run.
pub const FILE: &str = "metrics.jsonl";

/// Writes metrics of a run: lines of JSON and, if wanted, `TensorBoard`'s events.
///
/// A line is an object: `step` (steps that are done), `time` (seconds of work since the run's first start), then the
/// numbers; what is not finite becomes `null`.
#[derive(Debug)]
pub struct Metrics {
    lines: Appender,
    events: Option<Events>,
    /// Seconds of work before this start.
    earlier_secs: f64,
    started: Instant,
}

impl Metrics {
    /// Opens the files in `folder` to go on after `done` steps, 0 for a new run.
    ///
    /// The file ends after its last line of a step up to `done`, so that a run that was interrupted and resumed has
    /// the same lines as one that was not, except for `time`. A damaged line, and all that follow, are dropped too.
    pub fn open(folder: &Path, done: u64, tensorboard: bool) -> Result<Self, MetricsError> {
        let path = folder.join(FILE);
        let (keep, earlier_secs) = kept(&path, done)?;
        Ok(Self {
            lines: Appender::open(&path, keep)?,
            events: tensorboard
                .then(|| Events::create(folder, done))
                .transpose()?,
            earlier_secs,
            started: Instant::now(),
        })
    }

    /// Writes the numbers of a step, which may be the step of the line before. They are in the file when this returns.
    ///
    /// # Panics
    /// If a number is called `step` or `time`.
    pub fn write(&mut self, step: u64, numbers: &[(String, f64)]) -> Result<(), MetricsError> {
        let mut line = Map::new();
        line.insert("step".into(), step.into());
        let time = self.earlier_secs + self.started.elapsed().as_secs_f64();
        // Milliseconds: more digits would only make files longer.
        line.insert("time".into(), ((time * 1e3).round() / 1e3).into());
        for (name, number) in numbers {
            assert!(
                name != "step" && name != "time",
                "metrics: a number is called {name}"
            );
            // An f64 that is not finite becomes null.
            line.insert(name.clone(), Value::from(*number));
        }
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        self.lines.append(text.as_bytes())?;
        match &mut self.events {
            Some(events) => events.write(step, numbers),
            None => Ok(()),
        }
    }
}

/// Bytes of the lines up to step `done`, and the time of the last of them in seconds.
fn kept(path: &Path, done: u64) -> Result<(u64, f64), MetricsError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok((0, 0.0)),
        Err(reason) => {
            return Err(MetricsError::Read {
                reason,
                path: path.to_path_buf(),
            });
        }
    };
    let (mut length, mut time) = (0, 0.0);
    for text in bytes.split_inclusive(|byte| *byte == b'\n') {
        match Line::parse(text) {
            Ok(line) if text.ends_with(b"\n") && line.step <= done => {
                time = if line.time.is_finite() {
                    line.time
                } else {
                    time
                };
            }
            _ => break,
        }
        length += text.len() as u64;
    }
    Ok((length, time))
}

#[cfg(test)]
mod tests {
    use super::super::events::tests::{records, scalars};
    use super::super::read_metrics;
    use super::*;

    fn numbers(step: u64) -> Vec<(String, f64)> {
        vec![
            ("loss/total".into(), 6.0 - step as f64 / 7.0),
            ("lr".into(), 1e-4),
        ]
    }

    fn lines(folder: &Path) -> Vec<(u64, Vec<(String, f64)>)> {
        let lines = read_metrics(&folder.join(FILE)).unwrap();
        lines.into_iter().map(|l| (l.step, l.numbers)).collect()
    }

    #[test]
    fn a_line_is_an_object_and_what_is_not_finite_is_null() {
        let folder = tempfile::tempdir().unwrap();
        let mut metrics = Metrics::open(folder.path(), 0, false).unwrap();
        let numbers = [
            ("loss/total".to_owned(), f64::INFINITY),
            ("lr".to_owned(), 0.25),
        ];
        metrics.write(7, &numbers).unwrap();
        // Without closing the file: the line is there at once.
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(text.starts_with("{\"step\":7,\"time\":0.0"), "{text}");
        assert!(
            text.ends_with("\"loss/total\":null,\"lr\":0.25}\n"),
            "{text}"
        );
        assert!(records(folder.path()).is_empty());
    }

    #[test]
    fn a_resumed_run_has_the_lines_of_one_that_went_through() {
        let (through, resumed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |folder: &Path, done: u64, last: u64| {
            let mut metrics = Metrics::open(folder, done, true).unwrap();
            for step in done + 1..=last {
                metrics.write(step, &numbers(step)).unwrap();
                if step % 4 == 0 {
                    let score = vec![("knn".to_owned(), step as f64)];
                    metrics.write(step, &score).unwrap();
                }
            }
        };
        write(through.path(), 0, 12);
        write(resumed.path(), 0, 7);
        let path = resumed.path().join(FILE);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"step\":8,\"time\":3.5,\"lo");
        std::fs::write(&path, text).unwrap();
        // The checkpoint is of step 4, whose evaluation has a line of its own.
        write(resumed.path(), 4, 12);
        assert_eq!(lines(resumed.path()), lines(through.path()));
        let events = records(resumed.path());
        let steps: Vec<i64> = events
            .iter()
            .filter(|event| scalars(event).len() == 2)
            .map(|event| event.step)
            .collect();
        assert_eq!(steps, [1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn time_goes_on_and_a_damaged_line_ends_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let first = "{\"step\":1,\"time\":100.5,\"lr\":1.0}\n";
        std::fs::write(
            &path,
            format!("{first}\0\0\0\n{{\"step\":2,\"time\":200.0}}\n"),
        )
        .unwrap();
        let mut metrics = Metrics::open(folder.path(), 2, false).unwrap();
        metrics.write(2, &numbers(2)).unwrap();
        let lines = read_metrics(&path).unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].time >= 100.5 && lines[1].time < 200.0);
    }

    #[test]
    fn a_run_without_a_checkpoint_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut metrics = Metrics::open(folder.path(), 0, false).unwrap();
        metrics.write(1, &numbers(1)).unwrap();
        drop(metrics);
        Metrics::open(folder.path(), 0, false).unwrap();
        assert!(lines(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = Metrics::open(&missing, 0, true).unwrap_err().to_string();
        assert!(error.ends_with("metrics.jsonl"), "{error}");
    }
}
