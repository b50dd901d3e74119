//! A file that grows by whole pieces: what could be written only in part is taken back.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::MetricsError;

/// A file that grows by whole pieces.
#[derive(Debug)]
pub(super) struct Appender {
    file: File,
    /// Bytes of the whole pieces.
    length: u64,
    path: PathBuf,
}

impl Appender {
    /// Opens or makes the file and cuts it after `keep` bytes.
    pub(super) fn open(path: &Path, keep: u64) -> Result<Self, MetricsError> {
        let open = || {
            // Not the append mode: on Windows such a file could not be cut.
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(false);
            let mut file = options.open(path)?;
            file.set_len(keep)?;
            file.seek(SeekFrom::Start(keep))?;
            Ok(file)
        };
        let file = open().map_err(|reason| failed(reason, path))?;
        Ok(Self {
            file,
            length: keep,
            path: path.to_path_buf(),
        })
    }

    /// Makes the file; `None` if there is one already.
    pub(super) fn make(path: &Path) -> Result<Option<Self>, MetricsError> {
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).open(path) {
            Ok(file) => Ok(Some(Self {
                file,
                length: 0,
                path: path.to_path_buf(),
            })),
            Err(reason) if reason.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(reason) => Err(failed(reason, path)),
        }
    }

    /// Writes a piece; on an error the file ends with the piece before.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), MetricsError> {
        let written = self.file.write_all(piece).and_then(|()| self.file.flush());
        let Err(reason) = written else {
            self.length += piece.len() as u64;
            return Ok(());
        };
        // A disk that is full can still be freed. Should this fail too, readers leave out a half last piece.
        let _ = self.file.set_len(self.length);
        let _ = self.file.seek(SeekFrom::Start(self.length));
        Err(failed(reason, &self.path))
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn failed(reason: io::Error, path: &Path) -> MetricsError {
    MetricsError::Write {
        reason,
        path: path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_kept_part_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let mut file = Appender::open(&path, 4).unwrap();
        file.append(b"new\n").unwrap();
        file.append(b"end\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nnew\nend\n");
        assert!(Appender::make(&path).unwrap().is_none());
    }

    #[test]
    fn a_file_that_takes_nothing_is_an_error_with_the_path_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one\n").unwrap();
        let mut closed = Appender {
            file: File::open(&path).unwrap(),
            length: 4,
            path: path.clone(),
        };
        let error = closed.append(b"two\n").unwrap_err().to_string();
        assert!(error.starts_with("cannot write metrics, "), "{error}");
        assert!(error.ends_with("file"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
        assert!(Appender::open(&path.join("below"), 0).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let path = PathBuf::from("/dev/full");
        let mut full = Appender {
            file: OpenOptions::new().write(true).open(&path).unwrap(),
            length: 0,
            path,
        };
        let error = full.append(b"one\n").unwrap_err().to_string();
        assert!(error.ends_with(": /dev/full"), "{error}");
    }
}
