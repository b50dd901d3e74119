//! Lines of metrics, read back for charts and to go on after them.
//!
//! Input: the bytes of [`super::FILE`]. Output: [`Line`]s. A last line without its end is one that was being written
//! when the run ended; it does not count.

use std::path::Path;

use serde_json::Value;

use super::MetricsError;

/// The numbers of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Steps that were done.
    pub step: u64,
    /// Seconds of work since the first start of the run.
    pub time: f64,
    /// The other numbers by name, in the order of the file; NaN for what was not finite.
    pub numbers: Vec<(String, f64)>,
}

impl Line {
    /// The number of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let found = self.numbers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value)
    }

    /// Reads one line, or says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let Value::Object(fields) = value else {
            return Err("expected an object".into());
        };
        let step = fields.get("step").and_then(Value::as_u64);
        let mut line = Self {
            step: step.ok_or("expected a step")?,
            time: 0.0,
            numbers: Vec::with_capacity(fields.len()),
        };
        for (name, value) in fields {
            let number = match value {
                Value::Null => f64::NAN,
                Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
                // Of a later version: charts have no use for it.
                _ => continue,
            };
            match name.as_str() {
                "step" => {}
                "time" => line.time = number,
                _ => line.numbers.push((name, number)),
            }
        }
        Ok(line)
    }
}

/// All whole lines of a file of metrics, first to last; empty lines do not count.
pub fn read_metrics(path: &Path) -> Result<Vec<Line>, MetricsError> {
    let bytes = std::fs::read(path).map_err(|reason| MetricsError::Read {
        reason,
        path: path.to_path_buf(),
    })?;
    let numbered = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    let whole = numbered.filter(|(_, text)| text.ends_with(b"\n") && !text.trim_ascii().is_empty());
    whole
        .map(|(at, text)| {
            Line::parse(text).map_err(|reason| MetricsError::Line {
                line: at + 1,
                reason,
                path: path.to_path_buf(),
            })
        })
        .collect()
}

/// Steps and values of the number `name`: a curve. Lines without it are left out.
pub fn series(lines: &[Line], name: &str) -> Vec<(u64, f64)> {
    let points = lines.iter();
    points
        .filter_map(|line| Some((line.step, line.get(name)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Line>, MetricsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, text).unwrap();
        read_metrics(&path)
    }

    #[test]
    fn a_half_last_line_is_left_out() {
        let text = "{\"step\":1,\"time\":0.5,\"lr\":0.1}\n{\"step\":2,\"time\":1,\"lr\":null}\n\n{\"step\":3,\"ti";
        let lines = read(text).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].step, lines[0].time), (1, 0.5));
        assert_eq!(lines[0].get("lr"), Some(0.1));
        assert_eq!(lines[0].get("loss"), None);
        let curve = series(&lines, "lr");
        assert_eq!(curve[0], (1, 0.1));
        assert!(curve[1].1.is_nan());
        assert!(series(&lines, "loss").is_empty());
    }

    #[test]
    fn a_broken_line_in_between_is_named() {
        for broken in ["{\"step\":", "[1]", "{\"time\":1}", "{\"step\":-1}"] {
            let text = format!("{{\"step\":1}}\n{broken}\n{{\"step\":2}}\n");
            let error = read(&text).unwrap_err().to_string();
            assert!(error.starts_with("line 2 is no line of metrics"), "{error}");
            assert!(error.ends_with("metrics.jsonl"), "{error}");
        }
        assert!(read("").unwrap().is_empty());
        assert!(read_metrics(Path::new("/nowhere/metrics.jsonl")).is_err());
    }
}
