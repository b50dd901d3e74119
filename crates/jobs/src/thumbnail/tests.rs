use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use image::{ImageBuffer, Rgb};

use super::*;

const SMALL: Size = Size {
    width: 8,
    height: 6,
};

/// Red on the left, blue on the right, green in the middle half.
fn flag(path: &Path, width: u32, height: u32) {
    let color = |x: u32, _| match 4 * x / width {
        0 => Rgb([255_u8, 0, 0]),
        3 => Rgb([0, 0, 255]),
        _ => Rgb([0, 255, 0]),
    };
    ImageBuffer::from_fn(width, height, color)
        .save(path)
        .unwrap();
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_middle_is_shown_as_large_as_possible() {
    assert_eq!(middle(400, 100, [194, 136]), [128, 0, 143, 100]);
    assert_eq!(middle(100, 400, [194, 136]), [0, 165, 100, 70]);
    assert_eq!(middle(194, 136, [194, 136]), [0, 0, 194, 136]);
    assert_eq!(middle(65_535, 1, [194, 136]), [32_767, 0, 1, 1]);
    assert_eq!(middle(1, 65_535, [1, 4_000_000_000]), [0, 0, 1, 65_535]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flag.png");
    flag(&path, 64, 16);
    let thumbnail = cover(&Picture::open(&path).unwrap(), SMALL);
    assert_eq!(thumbnail.dimensions(), (8, 6));
    assert!(thumbnail.pixels().all(|&pixel| pixel == Rgb([0, 255, 0])));
}

#[test]
fn transparent_pixels_show_the_background_that_networks_see() {
    let picture = Picture::from_rgba(2, 1, vec![0, 0, 0, 0, 10, 20, 30, 255]).unwrap();
    let size = Size {
        width: 2,
        height: 1,
    };
    assert_eq!(cover(&picture, size).as_raw(), &[255, 255, 255, 10, 20, 30]);
}

#[test]
fn a_kept_thumbnail_is_found_again_until_its_picture_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, kept_in) = (folder.path().join("flag.png"), folder.path().join("kept"));
    flag(&path, 40, 30);
    let thumbnails = Thumbnails::new(Some(kept_in.clone()), Thumbnails::LIMIT_BYTES);
    let made = thumbnails.load(&path, SMALL).unwrap();
    assert_eq!(thumbnails.load(&path, SMALL).unwrap(), made);
    let again = Thumbnails::new(Some(kept_in.clone()), Thumbnails::LIMIT_BYTES);
    assert_eq!(again.load(&path, SMALL).unwrap(), made);
    assert_eq!((again.stats().kept, again.stats().made), (1, 0));
    assert_eq!(kept(&kept_in).len(), 1);

    let mut buffer = ImageBuffer::new(40, 30);
    buffer.fill(77_u8);
    let changed: image::RgbImage = buffer;
    changed.save(&path).unwrap();
    assert_eq!(again.load(&path, SMALL).unwrap().as_raw()[0], 77);
    again.load(&path, Size::LIBRARY).unwrap();
    assert_eq!(again.stats().made, 2, "another size is another thumbnail");
}

#[test]
fn damaged_files_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, kept_in) = (folder.path().join("flag.png"), folder.path().join("kept"));
    flag(&path, 40, 30);
    let thumbnails = Thumbnails::new(Some(kept_in.clone()), Thumbnails::LIMIT_BYTES);
    let made = thumbnails.load(&path, SMALL).unwrap();
    let file = kept(&kept_in).pop().unwrap();
    let whole = fs::read(&file).unwrap();
    for (i, torn) in [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        whole.iter().map(|byte| byte ^ 1).collect(),
        [&whole[..], b"more"].concat(),
    ]
    .iter()
    .enumerate()
    {
        fs::write(&file, torn).unwrap();
        assert_eq!(thumbnails.load(&path, SMALL).unwrap(), made);
        assert_eq!(thumbnails.stats().damaged, i as u64 + 1);
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn one_changed_bit_anywhere_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flag.png");
    flag(&path, 40, 30);
    let key = Key::of(&path, SMALL).unwrap();
    let thumbnail = cover(&Picture::open(&path).unwrap(), SMALL);
    let whole = entry::encode(&key, &thumbnail);
    assert_eq!(entry::decode(&whole, &key), Some(thumbnail));
    for bit in 0..whole.len() * 8 {
        let mut torn = whole.clone();
        torn[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(entry::decode(&torn, &key), None, "bit {bit}");
    }
}

#[test]
fn the_folder_stays_within_its_limit_and_the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let kept_in = folder.path().join("kept");
    let first = folder.path().join("0.png");
    flag(&first, 8, 6);
    let thumbnails = Thumbnails::new(Some(kept_in.clone()), 0);
    thumbnails.load(&first, SMALL).unwrap();
    assert!(kept(&kept_in).is_empty(), "larger than the limit");

    let limit = 3000;
    let thumbnails = Thumbnails::new(Some(kept_in.clone()), limit);
    for i in 0..60 {
        let path = folder.path().join(format!("{i}.png"));
        flag(&path, 8, 6);
        thumbnails.load(&path, SMALL).unwrap();
        // Ages a minute apart, whatever the resolution of the file system's clock.
        let age = Duration::from_secs(60 * (100 - i));
        for file in kept(&kept_in) {
            let young = fs::metadata(&file).unwrap().modified().unwrap();
            if young.elapsed().unwrap() < Duration::from_mins(1) {
                let file = fs::File::options().append(true).open(file).unwrap();
                file.set_modified(SystemTime::now() - age).unwrap();
            }
        }
        let bytes: u64 = kept(&kept_in)
            .iter()
            .map(|path| fs::metadata(path).unwrap().len())
            .sum();
        assert!(bytes <= limit, "{bytes} bytes after {i}");
    }
    let again = Thumbnails::new(Some(kept_in), limit);
    for i in 55..60 {
        again
            .load(&folder.path().join(format!("{i}.png")), SMALL)
            .unwrap();
    }
    assert_eq!(again.stats().kept, 5, "the youngest are still there");
}

#[test]
fn a_folder_that_cannot_be_written_costs_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flag.png");
    flag(&path, 40, 30);
    // A file stands where the folder should be: no user, not even root, can write into it.
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, b"").unwrap();
    let thumbnails = Thumbnails::new(Some(blocked.clone()), Thumbnails::LIMIT_BYTES);
    for _ in 0..3 {
        assert_eq!(thumbnails.load(&path, SMALL).unwrap().dimensions(), (8, 6));
    }
    assert_eq!((thumbnails.stats().made, thumbnails.stats().unkept), (3, 3));
    let trouble = thumbnails.take_trouble().unwrap().to_string();
    assert!(
        trouble.ends_with(&blocked.display().to_string()),
        "{trouble}"
    );
    assert!(thumbnails.take_trouble().is_none());
}

/// On a system that has it: every write to this device fails as on a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_no_torn_file() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("tiny");
    fs::create_dir(&full).unwrap();
    let mount = |args: &[&str]| {
        let status = std::process::Command::new(args[0])
            .args(&args[1..])
            .arg(&full)
            .output();
        status.is_ok_and(|output| output.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]) {
        // Only root may mount; the folder that cannot be written stands for the full disk then.
        return;
    }
    let path = folder.path().join("flag.png");
    flag(&path, 40, 30);
    let thumbnails = Thumbnails::new(Some(full.clone()), Thumbnails::LIMIT_BYTES);
    let made = thumbnails
        .load(&path, Size::LIBRARY)
        .map(|thumbnail| thumbnail.dimensions());
    let (left, stats) = (kept(&full), thumbnails.stats());
    let trouble = thumbnails.take_trouble().map(|trouble| trouble.to_string());
    assert!(mount(&["umount"]));
    assert_eq!(made.unwrap(), (194, 136));
    assert_eq!((left, stats.unkept), (Vec::new(), 1));
    assert!(trouble.unwrap().contains("No space left"));
}

#[test]
fn thousands_of_pictures_with_broken_ones_among_them() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.png");
    flag(&good, 32, 24);
    let bytes = fs::read(&good).unwrap();
    let mut paths = Vec::new();
    for i in 0..2000_usize {
        let path = folder.path().join(format!("{i}.png"));
        let content: &[u8] = match i % 10 {
            7 => &bytes[..bytes.len() / 2],
            8 => b"",
            9 => b"not a picture at all",
            _ => &bytes,
        };
        fs::write(&path, content).unwrap();
        paths.push(path);
    }
    let thumbnails = Thumbnails::new(Some(folder.path().join("kept")), Thumbnails::LIMIT_BYTES);
    for path in &paths {
        match thumbnails.load(path, SMALL) {
            Ok(thumbnail) => assert_eq!(thumbnail.dimensions(), (8, 6)),
            Err(error) => assert!(
                error.to_string().ends_with(&path.display().to_string()),
                "{error}"
            ),
        }
    }
    assert_eq!(thumbnails.stats().made, 1400);
}
