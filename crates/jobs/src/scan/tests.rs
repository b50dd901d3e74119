use super::*;

fn found(path: &Path, depth: Depth) -> (Vec<String>, Summary) {
    let mut names = Vec::new();
    let mut take = |paths: Vec<PathBuf>| {
        names.extend(paths.iter().map(|found| {
            let inside = found.strip_prefix(path).unwrap();
            inside.to_string_lossy().replace('\\', "/")
        }));
    };
    let summary = folder(path, depth, &CancelToken::default(), &mut take).unwrap();
    (names, summary)
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn endings_contents_and_hidden_names_decide() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    for name in ["img10.JPG", "img2.jpg", "notes.txt", "archive.tar.gz"] {
        write(&at(name), b"anything");
    }
    write(&at("scan"), png);
    write(&at("letter"), b"BMW is a brand");
    write(&at("bitmap"), b"BM\x08\0\0\0..");
    write(&at(".hidden.png"), png);
    write(&at(".git/object.png"), png);
    write(&at("deep/er/x1.webp"), b"");
    write(&at("deep/x2.tif"), b"");
    let (names, summary) = found(folder.path(), Depth::Flat);
    assert_eq!(names, ["bitmap", "img2.jpg", "img10.JPG", "scan"]);
    assert_eq!(
        (summary.pictures, summary.others, summary.folders),
        (4, 3, 1)
    );
    let (names, summary) = found(folder.path(), Depth::Recursive);
    assert_eq!(names[4..], ["deep/x2.tif", "deep/er/x1.webp"]);
    assert_eq!((summary.folders, summary.unreadable), (3, 0));
}

#[cfg(unix)]
#[test]
fn links_in_circles_end_and_dead_ones_are_named() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    write(&root.join("a/1.png"), b"");
    write(&outer.path().join("elsewhere/2.png"), b"");
    symlink(&root, root.join("a/back")).unwrap();
    symlink("..", root.join("a/up")).unwrap();
    symlink(outer.path().join("elsewhere"), root.join("link")).unwrap();
    symlink("nothing.png", root.join("dead.png")).unwrap();
    symlink("itself", root.join("itself")).unwrap();
    let (names, summary) = found(&root, Depth::Recursive);
    assert_eq!(names, ["a/1.png", "link/2.png"]);
    assert_eq!(summary.unreadable, 2);
    assert!(
        summary.troubles[0].ends_with("dead.png"),
        "{:?}",
        summary.troubles
    );
}

#[test]
fn a_folder_that_is_not_there_is_an_error_with_its_path() {
    let missing = Path::new("/no/such/folder");
    let error = folder(missing, Depth::Flat, &CancelToken::default(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().ends_with(": /no/such/folder"), "{error}");
}

#[test]
fn five_thousand_files_come_in_batches_and_stop_on_cancel() {
    let outer = tempfile::tempdir().unwrap();
    for i in 0..5000 {
        write(&outer.path().join(format!("d{}/img{i}.jpg", i % 50)), b"");
    }
    let mut batches = Vec::new();
    let summary = folder(
        outer.path(),
        Depth::Recursive,
        &CancelToken::default(),
        &mut |paths| batches.push(paths.len()),
    );
    assert_eq!(summary.unwrap().pictures, 5000);
    assert_eq!(batches.iter().sum::<usize>(), 5000);
    assert!(batches.len() == 5000_usize.div_ceil(BATCH) && batches.iter().all(|&len| len <= BATCH));

    let cancel = CancelToken::default();
    let mut seen = 0;
    let stopped = folder(outer.path(), Depth::Recursive, &cancel, &mut |paths| {
        seen += paths.len();
        cancel.cancel();
    });
    assert!(matches!(stopped, Err(ScanError::Cancelled)));
    assert_eq!(seen, BATCH);
}
