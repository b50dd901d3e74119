//! Timing, failing disks, and processes killed at any moment.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::SystemTime;

use serde::Deserialize;

use super::*;

/// A document whose parts must fit each other, so that a torn one is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Document {
    edit: u64,
    ballast: Vec<u64>,
}

fn document(edit: u64) -> Arc<Document> {
    Arc::new(Document {
        edit,
        ballast: vec![edit; 2000],
    })
}

const PATIENCE: Duration = Duration::from_secs(20);
const AT_ONCE: Timing = Timing {
    quiet: Duration::ZERO,
    longest: Duration::ZERO,
    retry: Duration::from_hours(1),
};

/// Only a flush writes.
const ON_FLUSH: Timing = Timing {
    quiet: Duration::from_hours(1),
    longest: Duration::from_hours(1),
    ..AT_ONCE
};

/// Lets time pass, which nothing here can wait for otherwise.
fn pass(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}

/// The one orphan. Systems may let go of the locks of a killed process a little later.
fn only_orphan(dir: &Path) -> Orphan<Document> {
    let start = Instant::now();
    loop {
        let mut orphans = orphans(dir);
        if orphans.len() == 1 || start.elapsed() > PATIENCE {
            assert_eq!(orphans.len(), 1);
            return orphans.remove(0);
        }
        pass(Duration::from_millis(5));
    }
}

#[test]
fn a_crash_leaves_an_orphan_and_a_clean_exit_none() {
    let dir = tempfile::tempdir().unwrap();
    let before = SystemTime::now() - Duration::from_secs(2);
    let autosave = Autosave::start(dir.path()).unwrap();
    autosave.note(&document(1), None);
    autosave.note(&document(2), Some(Path::new("/u/图.dinoscope")));
    autosave.flush(PATIENCE).unwrap();
    assert!(
        orphans::<Document>(dir.path()).is_empty(),
        "its process lives"
    );
    autosave.note(&document(3), Some(Path::new("/u/图.dinoscope")));
    drop(autosave);

    let orphan = only_orphan(dir.path());
    assert!(
        orphans::<Document>(dir.path()).is_empty(),
        "offered to one instance only"
    );
    assert_eq!(orphan.project_path(), Some(Path::new("/u/图.dinoscope")));
    assert!(orphan.saved_at() >= before && orphan.saved_at() <= SystemTime::now());
    assert_eq!(orphan.load().unwrap(), *document(3));
    drop(orphan);
    only_orphan(dir.path()).discard().unwrap();
    assert!(orphans::<Document>(dir.path()).is_empty());

    let autosave = Autosave::start(dir.path()).unwrap();
    autosave.note(&document(4), None);
    autosave.flush(PATIENCE).unwrap();
    autosave.note(&document(5), None);
    autosave.finish();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn writes_wait_for_quiet_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let timing = Timing {
        quiet: Duration::from_millis(300),
        longest: Duration::from_millis(1500),
        ..AT_ONCE
    };
    let (told, writes) = mpsc::channel();
    let write: Write = Box::new(move |_, _| told.send(Instant::now()).map_err(io::Error::other));
    let autosave = Autosave::start_with(dir.path(), timing, write).unwrap();
    autosave.note(&document(0), None);
    let start = Instant::now();
    let written = writes.recv_timeout(PATIENCE).unwrap();
    assert!(
        written - start >= Duration::from_millis(290),
        "{:?}",
        written - start
    );

    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        autosave.note(&document(1), None);
        pass(Duration::from_millis(20));
    }
    let during = writes.try_iter().count();
    assert!((1..=2).contains(&during), "{during} writes in 4 s of edits");
    autosave.finish();
}

#[test]
fn a_failing_disk_is_told_and_the_last_good_state_stays() {
    let dir = tempfile::tempdir().unwrap();
    let writes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&writes);
    let write: Write = Box::new(
        move |path, bytes| match count.fetch_add(1, Ordering::Relaxed) {
            1 | 2 => Err(io::ErrorKind::StorageFull.into()),
            3 => panic!("a broken driver"),
            _ => atomic::replace(path, bytes),
        },
    );
    let autosave = Autosave::start_with(dir.path(), ON_FLUSH, write).unwrap();
    let state_path = session::state_path(autosave.folder());
    let state = || {
        project_file::load::<Document>(&state_path)
            .unwrap()
            .document
            .edit
    };
    autosave.note(&document(1), None);
    autosave.flush(PATIENCE).unwrap();
    assert_eq!(state(), 1);

    autosave.note(&document(2), None);
    let full = autosave.flush(PATIENCE).unwrap_err();
    assert_eq!(full.kind, io::ErrorKind::StorageFull);
    assert_eq!(autosave.error(), Some(full));
    assert_eq!(state(), 1);

    assert!(
        autosave.flush(PATIENCE).is_err(),
        "what failed is tried again"
    );
    assert!(
        autosave
            .flush(PATIENCE)
            .unwrap_err()
            .reason
            .contains("broken driver")
    );
    autosave.flush(PATIENCE).unwrap();
    assert_eq!(autosave.error(), None);
    assert_eq!(state(), 2);
    assert_eq!(writes.load(Ordering::Relaxed), 5);
}

#[test]
fn a_failed_write_is_tried_again_without_an_edit() {
    let dir = tempfile::tempdir().unwrap();
    let (told, writes) = mpsc::channel();
    let write: Write = Box::new(move |_, _| {
        told.send(()).map_err(io::Error::other)?;
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    });
    let timing = Timing {
        retry: Duration::from_millis(10),
        ..AT_ONCE
    };
    let autosave = Autosave::start_with(dir.path(), timing, write).unwrap();
    autosave.note(&document(1), None);
    for _ in 0..3 {
        writes.recv_timeout(PATIENCE).unwrap();
    }
    // Ends although nothing can be written.
    drop(autosave);
}

#[test]
fn a_session_that_cannot_be_made_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Autosave::<Document>::start(&file).unwrap_err();
    assert!(error.to_string().ends_with("file"), "{error}");
    assert!(orphans::<Document>(&file).is_empty());
    assert!(orphans::<Document>(&dir.path().join("nowhere")).is_empty());
}

#[test]
fn a_removed_folder_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let autosave = Autosave::start(dir.path()).unwrap();
    fs::remove_dir_all(autosave.folder()).unwrap();
    autosave.note(&document(1), None);
    autosave.flush(PATIENCE).unwrap();
    assert!(orphans::<Document>(dir.path()).is_empty());
    drop(autosave);
    assert_eq!(only_orphan(dir.path()).load().unwrap().edit, 1);
}

#[test]
fn a_damaged_state_is_offered_with_its_error() {
    let dir = tempfile::tempdir().unwrap();
    let autosave = Autosave::start(dir.path()).unwrap();
    autosave.note(&document(1), None);
    drop(autosave);
    let path = only_orphan(dir.path()).state_path();
    fs::write(&path, "{\"dinoscope\": 1, \"docu").unwrap();
    let orphan = only_orphan(dir.path());
    assert!(matches!(
        orphan.load(),
        Err(project_file::ProjectError::Damaged { .. })
    ));
    orphan.discard().unwrap();
    assert!(!path.exists());
}

/// A full disk as the system makes it: a tmpfs of 64 kB, which takes root.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_last_good_state() {
    let dir = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"])
        .arg(dir.path())
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        tell("SKIPPED a_full_disk_keeps_the_last_good_state: cannot mount a tmpfs");
        return;
    }
    let outcome = catch_unwind(|| fill_the_disk(dir.path()));
    Command::new("umount")
        .arg("-l")
        .arg(dir.path())
        .status()
        .unwrap();
    outcome.unwrap();
}

#[cfg(target_os = "linux")]
fn fill_the_disk(dir: &Path) {
    let autosave = Autosave::start(dir).unwrap();
    autosave.note(&document(1), None);
    autosave.flush(PATIENCE).unwrap();
    let large = Arc::new(Document {
        edit: 2,
        ballast: vec![u64::MAX; 20_000],
    });
    autosave.note(&large, None);
    let full = autosave.flush(PATIENCE).unwrap_err();
    assert_eq!(full.kind, io::ErrorKind::StorageFull, "{full}");
    let state_path = session::state_path(autosave.folder());
    let state = project_file::load::<Document>(&state_path)
        .unwrap()
        .document;
    assert_eq!(state, *document(1));
    let project = dir.join("a.dinoscope");
    project_file::save(&project, document(1).as_ref()).unwrap();
    assert!(project_file::save(&project, large.as_ref()).is_err());
    assert_eq!(
        project_file::load::<Document>(&project)
            .unwrap()
            .document
            .edit,
        1
    );
    autosave.note(&document(3), None);
    autosave.flush(PATIENCE).unwrap();
    assert_eq!(autosave.error(), None);
}

#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a test that was skipped has to say so")]
fn tell(text: &str) {
    eprintln!("{text}");
}

/// Where the process below autosaves; set only for it.
const VICTIM: &str = "DINOSCOPE_TEST_AUTOSAVE_DIR";

/// The process that gets killed: edits without end, telling each edit's number once it is noted.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os(VICTIM) else {
        return;
    };
    let timing = Timing {
        quiet: Duration::from_millis(1),
        longest: Duration::from_millis(5),
        ..AT_ONCE
    };
    let write: Write = Box::new(atomic::replace);
    let autosave = Autosave::start_with(Path::new(&dir), timing, write).unwrap();
    for edit in 1.. {
        autosave.note(&document(edit), Some(Path::new("/u/a.dinoscope")));
        if edit == 1 {
            autosave.flush(PATIENCE).unwrap();
        }
        fs::write(Path::new(&dir).join("edit"), edit.to_string()).unwrap();
        pass(Duration::from_micros(300));
    }
}

#[test]
fn fifty_kills_lose_no_document() {
    let dir = tempfile::tempdir().unwrap();
    let mut behind = Vec::new();
    for kill in 0..50_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "keep::autosave::tests::victim", "--nocapture"])
            .env(VICTIM, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = dir.path().join("edit");
        let edit = || {
            fs::read_to_string(&told)
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
        };
        let start = Instant::now();
        while edit().is_none() {
            assert!(start.elapsed() < PATIENCE, "the victim does not start");
            pass(Duration::from_millis(1));
        }
        // Spread over the phases of a write, without a generator: the golden ratio fills an interval evenly.
        let phase = (kill as f64 * 0.618_034).fract();
        pass(Duration::from_secs_f64(phase * 0.04));
        child.kill().unwrap();
        child.wait().unwrap();
        // The last told edit may be cut off in the file; then the one recovered says how far it came.
        let last = edit().unwrap_or(0);
        let orphan = only_orphan(dir.path());
        let recovered = orphan.load().unwrap();
        assert_eq!(recovered, *document(recovered.edit), "whole");
        assert_eq!(orphan.project_path(), Some(Path::new("/u/a.dinoscope")));
        behind.push(last.saturating_sub(recovered.edit));
        orphan.discard().unwrap();
        fs::remove_file(&told).unwrap();
    }
    behind.sort_unstable();
    // 0.3 ms an edit and 5 ms between writes: about 20 edits, and as many for a slow disk's write; a busy machine
    // gets ten times that.
    assert!(behind[behind.len() / 2] < 400, "edits behind: {behind:?}");
}
