//! Value files: `.npy`, `.safetensors` and CSV, written beside the asked-for name and then renamed.
//!
//! Input: numbers and a path, whose ending chooses the format. Output: a complete file, or none and an error; an
//! existing one is replaced only when that was asked for. Source: `CLI.md`, "Everywhere" and `match`.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod csv;
mod tensors;

pub use csv::{MATCH_HEADER, map_csv, matches_csv, write_matches};
pub use tensors::write_npy;

/// What to do when the asked-for file is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Refuse, the file stays as it is.
    #[default]
    Keep,
    /// Replace it in one step.
    Replace,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The file is there and was not to be replaced.
    #[error("file exists already, expected a free name or leave to replace it: {}", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The values do not fill the shape.
    #[error("shape {shape:?} does not hold {found} values: {}", path.display())]
    Shape {
        /// The shape asked for.
        shape: Vec<usize>,
        /// Values given.
        found: usize,
        /// The file.
        path: PathBuf,
    },
    /// The ending of the name is that of no format, or of one that cannot hold these values.
    #[error("{found}, expected {expected}: {}", path.display())]
    Format {
        /// What was expected.
        expected: &'static str,
        /// The ending, or the values.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Writing or renaming failed.
    #[error("cannot write, {source}: {}", path.display())]
    Write {
        /// The cause.
        source: io::Error,
        /// The file.
        path: PathBuf,
    },
}

/// A named array of f32, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    /// Its name in files that hold several.
    pub name: &'a str,
    /// For example `[rows, cols]` or `[rows, cols, k]`.
    pub shape: &'a [usize],
    /// So many as the product of the shape.
    pub values: &'a [f32],
}

/// What a file of values holds.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// The first one is the map: `.npy` and `.csv` hold it alone, `.safetensors` all.
    pub arrays: Vec<Array<'a>>,
    /// Texts of a `.safetensors` file, for example `recipe`.
    pub metadata: BTreeMap<String, String>,
    /// Width and height of a patch in pixels of the original picture, for the patch centers of a `.csv`.
    pub patch_px: (f64, f64),
}

/// Writes `.npy`, `.safetensors` or `.csv`, as the ending of `path` says.
pub fn write_values(
    path: &Path,
    values: &Values<'_>,
    existing: Existing,
) -> Result<(), ValuesError> {
    let format = ValuesFormat::of(path)?;
    let Some(map) = values.arrays.first() else {
        return Err(ValuesError::Format {
            expected: "at least 1",
            found: "values have no array".to_owned(),
            path: path.to_owned(),
        });
    };
    for array in &values.arrays {
        array.check(path)?;
    }
    match format {
        ValuesFormat::Npy => write_npy(path, map.shape, map.values, existing),
        ValuesFormat::Safetensors => tensors::write_safetensors(path, values, existing),
        ValuesFormat::Csv => csv::write_map(path, map, values.patch_px, existing),
    }
}

/// Kinds of value files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValuesFormat {
    /// One array, for numpy.
    Npy,
    /// Named arrays and texts.
    Safetensors,
    /// A line a patch.
    Csv,
}

impl ValuesFormat {
    /// The format that the ending of `path` names, in small or capital letters.
    pub fn of(path: &Path) -> Result<Self, ValuesError> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        match &ending[..] {
            "npy" => Ok(Self::Npy),
            "safetensors" => Ok(Self::Safetensors),
            "csv" => Ok(Self::Csv),
            _ => Err(ValuesError::Format {
                expected: ".npy, .safetensors or .csv",
                found: format!("values have the ending {ending:?}"),
                path: path.to_owned(),
            }),
        }
    }
}

impl Array<'_> {
    /// The error for values that do not fill their shape.
    fn check(&self, path: &Path) -> Result<(), ValuesError> {
        let mut sides = self.shape.iter();
        if sides.try_fold(1_usize, |n, side| n.checked_mul(*side)) == Some(self.values.len()) {
            return Ok(());
        }
        Err(ValuesError::Shape {
            shape: self.shape.to_vec(),
            found: self.values.len(),
            path: path.to_owned(),
        })
    }
}

/// Writes a file through `content`: beside `path` first, renamed when complete.
pub fn write_file(
    path: &Path,
    existing: Existing,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ValuesError> {
    let exists = || ValuesError::Exists {
        path: path.to_owned(),
    };
    let failed = |source| ValuesError::Write {
        source,
        path: path.to_owned(),
    };
    // Said before the work; the rename below holds it against a file that appears meanwhile.
    if existing == Existing::Keep && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let mut file = BufWriter::new(beside(path).map_err(failed)?);
    content(&mut file).map_err(failed)?;
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    match existing {
        Existing::Replace => file.persist(path).map_err(|error| failed(error.error))?,
        Existing::Keep => file.persist_noclobber(path).map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                exists()
            } else {
                failed(error.error)
            }
        })?,
    };
    Ok(())
}

/// An empty file in the folder of `path`, so that the rename stays on one file system; removed when dropped.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dinoscope-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A result is a normal file (the umask still applies), not a private temporary one.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(shape: &'a [usize], numbers: &'a [f32]) -> Values<'a> {
        let map = Array {
            name: "map",
            shape,
            values: numbers,
        };
        Values {
            arrays: vec![map],
            metadata: BTreeMap::new(),
            patch_px: (16.0, 16.0),
        }
    }

    #[test]
    fn the_ending_chooses_the_format_and_others_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            let done = write_values(&path, &values(&[1, 2], &[1.0, 2.0]), Existing::Keep);
            done.map(|()| std::fs::read(path).unwrap())
        };
        assert!(write("a.npy").unwrap().starts_with(b"\x93NUMPY"));
        assert!(write("a.CSV").unwrap().starts_with(b"row,col,x,y,value\n"));
        assert_eq!(write("a.safetensors").unwrap()[8], b'{');
        for name in ["a", "a.npz", "a.txt"] {
            let error = write(name).unwrap_err().to_string();
            assert!(
                error.contains("expected .npy, .safetensors or .csv"),
                "{error}"
            );
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 3);
    }

    #[test]
    fn no_arrays_and_arrays_that_do_not_fill_their_shape_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let mut none = values(&[1], &[0.0]);
        none.arrays.clear();
        for name in ["a.npy", "a.csv", "a.safetensors"] {
            let path = folder.path().join(name);
            let wrong = values(&[usize::MAX, 3], &[0.0]);
            let error = write_values(&path, &wrong, Existing::Keep).unwrap_err();
            assert!(matches!(error, ValuesError::Shape { .. }), "{error}");
            assert!(write_values(&path, &none, Existing::Keep).is_err());
        }
    }

    #[test]
    fn an_existing_file_is_kept_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        std::fs::write(&path, "precious").unwrap();
        let error = write_npy(&path, &[1], &[0.0], Existing::Keep).unwrap_err();
        assert!(matches!(error, ValuesError::Exists { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        write_npy(&path, &[1], &[0.0], Existing::Replace).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"\x93NUMPY"));
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.csv");
        let failing = |out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(io::Error::other("stopped"))
        };
        let error = write_file(&path, Existing::Keep, failing).unwrap_err();
        assert!(error.to_string().contains("stopped"), "{error}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let shape = write_npy(&path, &[usize::MAX, 2], &[0.0], Existing::Keep);
        assert!(matches!(shape, Err(ValuesError::Shape { .. })));
        let missing = folder.path().join("none").join("map.csv");
        let error = write_matches(&missing, &[], Existing::Keep).unwrap_err();
        assert!(matches!(error, ValuesError::Write { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_result_is_not_a_private_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
        write_matches(&ours, &[], Existing::Keep).unwrap();
        std::fs::write(&plain, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
