//! Value files: `.npy` grids and the CSV of matches, written beside the asked-for name and then renamed.
//!
//! Input: numbers and a path. Output: a complete file, or none and an error; an existing one is replaced only when
//! that was asked for. Source: `CLI.md`, "Everywhere" and `match`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use serde::{Deserialize, Serialize};

use crate::analysis::Correspondence;

/// First line of the CSV of matches.
pub const MATCH_HEADER: &str = "ax,ay,bx,by,similarity,mutual,cycle_error_px";

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
    /// Writing or renaming failed.
    #[error("cannot write, {source}: {}", path.display())]
    Write {
        /// The cause.
        source: io::Error,
        /// The file.
        path: PathBuf,
    },
}

/// Writes f32 `values` of `shape` (for example `[rows, cols]` or `[rows, cols, k]`), row-major, as `.npy`.
pub fn write_npy(
    path: &Path,
    shape: &[usize],
    values: &[f32],
    existing: Existing,
) -> Result<(), ValuesError> {
    let expected = shape
        .iter()
        .try_fold(1_usize, |n, side| n.checked_mul(*side));
    if expected != Some(values.len()) {
        return Err(ValuesError::Shape {
            shape: shape.to_vec(),
            found: values.len(),
            path: path.to_owned(),
        });
    }
    let shape: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
    write_file(path, existing, |out| {
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut npy = options.writer(out).begin_nd()?;
        npy.extend(values.iter().copied())?;
        npy.finish()
    })
}

/// Writes matches as CSV: patch centres in pixels of the original pictures, `mutual` as 1 or 0.
pub fn write_matches(
    path: &Path,
    matches: &[Correspondence],
    existing: Existing,
) -> Result<(), ValuesError> {
    write_file(path, existing, |out| matches_csv(out, matches))
}

/// The CSV of matches, to any writer: the command line sends it to stdout when no file is asked for.
pub fn matches_csv(mut out: impl Write, matches: &[Correspondence]) -> io::Result<()> {
    writeln!(out, "{MATCH_HEADER}")?;
    for found in matches {
        let ([ax, ay], [bx, by]) = (found.a_px, found.b_px);
        let (similarity, cycle) = (found.similarity, found.cycle_error_px);
        let mutual = u8::from(found.mutual);
        writeln!(out, "{ax},{ay},{bx},{by},{similarity},{mutual},{cycle}")?;
    }
    Ok(())
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

    #[test]
    fn npy_reads_back_with_its_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        let values: Vec<f32> = (0..24).map(|i| i as f32 / 7.0).collect();
        write_npy(&path, &[2, 3, 4], &values, Existing::Keep).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(npy.shape(), [2, 3, 4]);
        assert_eq!(npy.into_vec::<f32>().unwrap(), values);
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

    #[test]
    fn a_match_is_one_csv_line() {
        let found = Correspondence {
            a: 1,
            b: 2,
            a_px: [24.0, 8.5],
            b_px: [40.25, 8.0],
            similarity: 0.75,
            second: 0.5,
            mutual: true,
            cycle_error_px: 0.0,
        };
        let mut text = Vec::new();
        matches_csv(&mut text, &[found]).unwrap();
        let expected = format!("{MATCH_HEADER}\n24,8.5,40.25,8,0.75,1,0\n");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
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
