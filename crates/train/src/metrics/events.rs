//! `TensorBoard`'s event files: the scalars of a run, one new file a start.
//!
//! The first record of a file tells its version; after a resume the second tells `TensorBoard` to forget what earlier
//! files say from the next step on. Source: TensorFlow, `event.proto`; `TensorBoard`, `event_accumulator.py`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tfrecord::protobuf::event::What;
use tfrecord::protobuf::session_log::SessionStatus;
use tfrecord::protobuf::summary::{Value, value};
use tfrecord::protobuf::{Event, SessionLog, Summary};
use tfrecord::{EventWriter, EventWriterConfig};

use super::MetricsError;
use super::appender::Appender;

/// What the first record of a file says.
const VERSION: &str = "brain.Event:2";
/// Files that one microsecond may see.
const MAX_NAMESAKES: u32 = 1000;

/// An event file that is being written.
#[derive(Debug)]
pub(super) struct Events {
    file: Appender,
}

impl Events {
    /// Makes a new file in `folder`, whose name sorts behind those of earlier starts; `done` steps are kept.
    pub(super) fn create(folder: &Path, done: u64) -> Result<Self, MetricsError> {
        let now = since_epoch();
        let mut file = None;
        let mut path = folder.to_path_buf();
        for turn in 0..MAX_NAMESAKES {
            path = folder.join(format!("events.out.tfevents.{now:017.6}.{turn}.dinoscope"));
            file = Appender::make(&path)?;
            if file.is_some() {
                break;
            }
        }
        let file = file.ok_or_else(|| MetricsError::Write {
            reason: std::io::ErrorKind::AlreadyExists.into(),
            path,
        })?;
        let mut events = Self { file };
        events.record(0, What::FileVersion(VERSION.into()))?;
        if done > 0 {
            let restart = SessionLog {
                status: SessionStatus::Start.into(),
                ..SessionLog::default()
            };
            events.record(done + 1, What::SessionLog(restart))?;
        }
        Ok(events)
    }

    /// Writes the numbers of one step, as one record.
    pub(super) fn write(
        &mut self,
        step: u64,
        numbers: &[(String, f64)],
    ) -> Result<(), MetricsError> {
        let value = |(name, number): &(String, f64)| Value {
            tag: name.clone(),
            value: Some(value::Value::SimpleValue(*number as f32)),
            ..Value::default()
        };
        let value = numbers.iter().map(value).collect();
        self.record(step, What::Summary(Summary { value }))
    }

    fn record(&mut self, step: u64, what: What) -> Result<(), MetricsError> {
        let event = Event {
            wall_time: since_epoch(),
            step: i64::try_from(step).unwrap_or(i64::MAX),
            source_metadata: None,
            what: Some(what),
        };
        // In memory first: a record that the disk takes in part would hide all that follow.
        let mut record = Vec::new();
        EventWriter::from_writer(&mut record, EventWriterConfig::default())
            .and_then(|mut writer| writer.write_event(event))
            .map_err(|error| MetricsError::Write {
                reason: std::io::Error::other(error),
                path: self.file.path().to_path_buf(),
            })?;
        self.file.append(&record)
    }
}

/// Seconds since 1970; 0 with a clock before that.
fn since_epoch() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
pub(super) mod tests {
    use tfrecord::EventIter;

    use super::*;

    /// All records of all event files of a folder, in the order in which `TensorBoard` reads them.
    pub(in super::super) fn records(folder: &Path) -> Vec<Event> {
        let files = std::fs::read_dir(folder).unwrap();
        let mut paths: Vec<_> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.to_string_lossy().contains("tfevents"))
            .collect();
        paths.sort();
        let read = |path| EventIter::open(path, tfrecord::RecordReaderConfig::default()).unwrap();
        paths.iter().flat_map(read).map(Result::unwrap).collect()
    }

    /// Name and value of each scalar.
    pub(in super::super) fn scalars(event: &Event) -> Vec<(String, f32)> {
        let Some(What::Summary(summary)) = &event.what else {
            return Vec::new();
        };
        let scalar = |value: &Value| match value.value {
            Some(value::Value::SimpleValue(number)) => (value.tag.clone(), number),
            _ => panic!("{value:?} is no scalar"),
        };
        summary.value.iter().map(scalar).collect()
    }

    #[test]
    fn a_file_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::create(folder.path(), 0).unwrap();
        let numbers = [("loss/total".to_owned(), 2.5), ("lr".to_owned(), f64::NAN)];
        events.write(3, &numbers).unwrap();
        let found = records(folder.path());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].what, Some(What::FileVersion(VERSION.into())));
        assert!(found[0].wall_time > 1.0e9);
        assert_eq!(found[1].step, 3);
        let scalars = scalars(&found[1]);
        assert_eq!(scalars[0], ("loss/total".to_owned(), 2.5));
        assert!(scalars[1].1.is_nan());
    }

    #[test]
    fn each_start_has_its_file_and_says_where_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        for done in [0, 10, 20] {
            Events::create(folder.path(), done).unwrap();
        }
        let restarts: Vec<_> = records(folder.path())
            .into_iter()
            .filter(|event| matches!(&event.what, Some(What::SessionLog(log)) if log.status == 1))
            .map(|event| event.step)
            .collect();
        assert_eq!(restarts, [11, 21]);
    }
}
