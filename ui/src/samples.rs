//! The sample photographs: part of the program, written to the user's data folder when they are first needed.
//!
//! Origin and rights: `assets/photos/README.md`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::keep::atomic;

/// A photograph with what there is to look for.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// File name.
    pub file: &'static str,
    /// Message that names it.
    pub title: &'static str,
    /// Message that says what to point at.
    pub hint: &'static str,
    bytes: &'static [u8],
}

/// The cat: the lesson and the first start know where its eyes are.
pub const CAT: &str = "chelsea.png";
/// Middles of the cat's eyes, and of its cheek, as (x, y) in pixels of the photograph.
pub const CAT_EYES: [[f64; 2]; 2] = [[172.0, 115.0], [320.0, 137.0]];
/// A place on the cat that is no eye.
pub const CAT_CHEEK: [f64; 2] = [214.0, 190.0];

/// All samples, in the order in which they are shown.
pub const ALL: [Sample; 4] = [
    Sample {
        file: CAT,
        title: "sample-cat",
        hint: "sample-cat-hint",
        bytes: include_bytes!("../../assets/photos/chelsea.png"),
    },
    Sample {
        file: "coffee.png",
        title: "sample-coffee",
        hint: "sample-coffee-hint",
        bytes: include_bytes!("../../assets/photos/coffee.png"),
    },
    Sample {
        file: "astronaut.png",
        title: "sample-astronaut",
        hint: "sample-astronaut-hint",
        bytes: include_bytes!("../../assets/photos/astronaut.png"),
    },
    Sample {
        file: "rocket.jpg",
        title: "sample-rocket",
        hint: "sample-rocket-hint",
        bytes: include_bytes!("../../assets/photos/rocket.jpg"),
    },
];

/// The folder of the samples, inside the program's data folder.
pub fn folder(data: &Path) -> PathBuf {
    data.join("samples")
}

/// Where the samples are, whether they are written or not; in the order of [`ALL`].
pub fn paths(data: &Path) -> Vec<PathBuf> {
    let folder = folder(data);
    ALL.iter().map(|sample| folder.join(sample.file)).collect()
}

/// Writes the samples that are not there in full, and returns where they are; for a thread that may wait.
///
/// A file of the right length is taken for whole: others were cut off, since they are written aside and then renamed.
pub fn install(data: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder(data))?;
    let paths = paths(data);
    for (sample, path) in ALL.iter().zip(&paths) {
        let length = sample.bytes.len() as u64;
        let whole = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == length);
        if !whole {
            atomic::replace(path, sample.bytes)?;
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_pictures_and_a_cut_off_file_is_written_again() {
        let data = tempfile::tempdir().unwrap();
        let paths = install(data.path()).unwrap();
        assert_eq!(paths, super::paths(data.path()));
        for path in &paths {
            let (width, height) = image::image_dimensions(path).unwrap();
            assert!(width >= 400 && height >= 300, "{width} × {height}");
        }
        fs::write(&paths[1], b"half").unwrap();
        let kept = fs::metadata(&paths[0]).unwrap().modified().unwrap();
        install(data.path()).unwrap();
        assert_eq!(fs::read(&paths[1]).unwrap(), ALL[1].bytes);
        assert_eq!(fs::metadata(&paths[0]).unwrap().modified().unwrap(), kept);
        assert_eq!(
            fs::read_dir(folder(data.path())).unwrap().count(),
            ALL.len()
        );
    }

    #[test]
    fn the_marked_places_are_on_the_cat() {
        let data = tempfile::tempdir().unwrap();
        let paths = install(data.path()).unwrap();
        let place = ALL.iter().position(|sample| sample.file == CAT).unwrap();
        let (width, height) = image::image_dimensions(&paths[place]).unwrap();
        for [x, y] in CAT_EYES.into_iter().chain([CAT_CHEEK]) {
            assert!(x < f64::from(width) && y < f64::from(height));
        }
    }
}
