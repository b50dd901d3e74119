//! Everything that is printed: results on stdout, errors, notes and progress on stderr.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place that prints"
)]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::args::Common;

/// One line on stderr, exit status 1.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", message(error));
    ExitCode::FAILURE
}

/// What went wrong with its causes, in one line; a cause that the text before it tells already is left out.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(|cause| one_line(&cause.to_string())) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// A line on stderr that is no failure of the command.
pub(crate) fn note(common: &Common, text: &str) {
    if !common.quiet {
        eprintln!("{}", one_line(text));
    }
}

/// A picture that failed while the others went on.
pub(crate) fn broken(text: &str) {
    eprintln!("error: {}", one_line(text));
}

/// Results: the JSON object with `--json`, else the lines unless `--quiet`.
pub(crate) fn results(common: &Common, json: &Value, lines: &[String]) {
    let mut stdout = std::io::stdout().lock();
    // A reader that went away, as `head` does, is no error of ours.
    let written = if common.json {
        let mut json = json.clone();
        let total = common.started.elapsed().as_secs_f64() * 1e3;
        json["timings_ms"]["total"] = serde_json::json!((total * 1e3).round() / 1e3);
        writeln!(stdout, "{json}")
    } else if common.quiet {
        Ok(())
    } else {
        lines.iter().try_for_each(|line| writeln!(stdout, "{line}"))
    };
    drop(written.and_then(|()| stdout.flush()));
}

/// One line of a served conversation, sent at once. False when the reader is gone.
pub(crate) fn answer(json: &Value) -> bool {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{json}")
        .and_then(|()| stdout.flush())
        .is_ok()
}

/// Raw text on stdout, such as CSV.
pub(crate) fn text(text: &str) {
    print!("{text}");
}

/// A bar over `count` pictures, on a terminal only.
pub(crate) fn progress(common: &Common, count: u64, unit: &str) -> ProgressBar {
    let visible = count > 1 && !common.quiet && !common.json && std::io::stderr().is_terminal();
    let target = if visible {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let template = match unit {
        "bytes" => "{msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        _ => "{msg} {bar:32} {pos}/{len} {eta}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::with_draw_target(Some(count), target).with_style(style)
}

/// Columns padded to their widest cell, the first row underlined by capitals alone.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell_width =
        |row: &Vec<String>, i: usize| row.get(i).map_or(0, |cell| cell.chars().count());
    let widths: Vec<usize> = (0..columns)
        .map(|i| rows.iter().map(|row| cell_width(row, i)).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// An f32 as the shortest decimal that reads back as the same f32; JSON would widen it to 17 digits.
pub(crate) fn number(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, |value| serde_json::json!(value))
}

/// [`number`] of each.
pub(crate) fn numbers(values: &[f32]) -> Value {
    values.iter().map(|&value| number(value)).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), ["a    bb", "ccc  d"]);
    }

    #[test]
    fn a_cause_is_told_once() {
        let inner = std::io::Error::other("disk on fire");
        let outer = anyhow::Error::new(inner).context("cannot write, disk on fire: a.png");
        assert_eq!(message(&outer), "cannot write, disk on fire: a.png");
        let outer = anyhow::anyhow!("disk on fire").context("no store");
        assert_eq!(message(&outer), "no store: disk on fire");
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(
            numbers(&[0.485, 1.0, -3e-7]).to_string(),
            "[0.485,1.0,-3e-7]"
        );
        assert_eq!(number(f32::NAN), Value::Null);
    }

    #[test]
    fn errors_are_one_line() {
        assert_eq!(one_line("a\n  b\tc"), "a b c");
    }
}
