//! A text file for each crash, in the folder of the log. Nothing is sent.

use std::backtrace::Backtrace;
use std::fs;
use std::io;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reports that are kept; older ones are removed.
const KEPT: usize = 10;
/// Most reports of one run: a panic in every frame would push out the one that began it.
const PER_RUN: usize = 3;

/// Writes a report to `folder` at each panic, also where it is caught, as those in graphics drivers are.
pub(crate) fn install(folder: PathBuf) {
    let default = panic::take_hook();
    let written = AtomicUsize::new(0);
    panic::set_hook(Box::new(move |info| {
        default(info);
        let number = written.fetch_add(1, Ordering::Relaxed);
        if number < PER_RUN {
            // Nothing may panic here, so nothing is logged: a thread that ends has no log any more. Without a report
            // there is still what the default wrote to stderr.
            let _ = write(&folder, number, &describe(info));
        }
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    format!(
        "Dinoscope {} on {} {}\nthread: {}\n{info}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        thread.name().unwrap_or("unnamed"),
        Backtrace::force_capture(),
    )
}

/// Writes `text` to a new file of `folder`, whose name sorts by time, and removes the oldest ones.
fn write(folder: &Path, number: usize, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let secs = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let name = format!("crash-{secs:010}-{}-{number}.txt", std::process::id());
    let path = folder.join(name);
    fs::write(&path, text)?;
    for old in oldest(folder)? {
        fs::remove_file(old)?;
    }
    Ok(path)
}

/// Reports beyond the newest [`KEPT`].
fn oldest(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_report = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("crash-"))
            && path.extension().is_some_and(|ending| ending == "txt")
    };
    let mut reports: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_report)
        .collect();
    reports.sort();
    reports.truncate(reports.len().saturating_sub(KEPT));
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_written_and_the_oldest_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("dinoscope.log"), "kept").unwrap();
        for number in 0..KEPT + 2 {
            let old = format!("crash-{number:010}-1-0.txt");
            fs::write(folder.path().join(old), "").unwrap();
        }
        let path = write(folder.path(), 0, "what happened").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "what happened");
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), KEPT + 1);
        assert_eq!(names[0], "crash-0000000003-1-0.txt");
        assert_eq!(names[KEPT], "dinoscope.log");
    }
}
