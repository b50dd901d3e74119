//! Writing a safetensors file tensor by tensor, beside its final name; only a finished file is renamed.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::{CheckpointError, DType};

/// One tensor of the file to come.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: DType,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.size()
    }
}

/// A file in the making. Dropped before [`Self::finish`], it leaves nothing behind.
pub(super) struct SafetensorsWriter {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    /// Bytes of the tensors that are still to come, the next one last.
    remaining: Vec<usize>,
    written: u64,
}

impl SafetensorsWriter {
    /// Writes the header. The tensors follow by [`Self::push`] in the order of `entries`.
    pub(super) fn create(
        path: &Path,
        entries: &[Entry],
        metadata: &BTreeMap<String, String>,
    ) -> Result<Self, CheckpointError> {
        let header = header(entries, metadata);
        let mut writer = Self {
            path: path.to_path_buf(),
            file: BufWriter::with_capacity(1 << 20, file_beside(path)?),
            remaining: entries.iter().rev().map(Entry::bytes).collect(),
            written: 0,
        };
        writer.write(&(header.len() as u64).to_le_bytes())?;
        writer.write(&header)?;
        Ok(writer)
    }

    /// Appends the next tensor. Panics if it has not the announced number of bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        let expected = self.remaining.pop().unwrap_or(0);
        assert_eq!(
            bytes.len(),
            expected,
            "tensor bytes: {}, the header announces {expected}",
            bytes.len()
        );
        self.write(bytes)
    }

    /// Gives the file its name and returns its length in bytes. Panics if a tensor is missing.
    pub(super) fn finish(self, force: bool) -> Result<u64, CheckpointError> {
        assert!(
            self.remaining.is_empty(),
            "{} announced tensors were not written",
            self.remaining.len()
        );
        let file = self
            .file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error);
        persist(
            file.map_err(CheckpointError::io("write", &self.path))?,
            &self.path,
            force,
        )?;
        Ok(self.written)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.file
            .write_all(bytes)
            .map_err(CheckpointError::io("write", &self.path))?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Writes a small JSON file in the same way.
pub(super) fn write_json(path: &Path, json: &Value, force: bool) -> Result<(), CheckpointError> {
    let mut file = file_beside(path)?;
    writeln!(file, "{json:#}").map_err(CheckpointError::io("write", path))?;
    persist(file, path, force)
}

fn header(entries: &[Entry], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut json = Map::new();
    json.insert("__metadata__".to_owned(), json!(metadata));
    let mut start = 0;
    for entry in entries {
        let end = start + entry.bytes();
        let dtype = entry.dtype.safetensors_name();
        json.insert(
            entry.name.clone(),
            json!({ "dtype": dtype, "shape": entry.shape, "data_offsets": [start, end] }),
        );
        start = end;
    }
    let mut header = Value::Object(json).to_string().into_bytes();
    // The data start at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    header
}

fn file_beside(path: &Path) -> Result<NamedTempFile, CheckpointError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dinoscope-").suffix(".part");
    // A temporary file is private by default; this one becomes an ordinary file, as the user's umask wants it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
        .tempfile_in(folder)
        .map_err(CheckpointError::io("write in", folder))
}

fn persist(file: NamedTempFile, path: &Path, force: bool) -> Result<(), CheckpointError> {
    let persisted = if force {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    persisted.map(drop).map_err(|error| {
        if error.error.kind() == std::io::ErrorKind::AlreadyExists {
            CheckpointError::Exists {
                path: path.to_path_buf(),
            }
        } else {
            CheckpointError::Io {
                action: "write",
                source: error.error,
                path: path.to_path_buf(),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> [Entry; 2] {
        [
            Entry {
                name: "a".into(),
                shape: vec![2],
                dtype: DType::F32,
            },
            Entry {
                name: "b\n".into(),
                shape: vec![3],
                dtype: DType::F16,
            },
        ]
    }

    #[test]
    fn the_safetensors_library_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let metadata = BTreeMap::from([("license".to_owned(), "a \"b\"".to_owned())]);
        let mut writer = SafetensorsWriter::create(&path, &entries(), &metadata).unwrap();
        writer.push(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        writer.push(&[9, 10, 11, 12, 13, 14]).unwrap();
        let len = writer.finish(false).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(len, bytes.len() as u64);
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("b\n").unwrap().data(), [9, 10, 11, 12, 13, 14]);
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["license"], "a \"b\"");
    }

    #[test]
    fn an_unfinished_file_leaves_nothing_and_an_existing_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        drop(SafetensorsWriter::create(&path, &entries(), &BTreeMap::new()).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        std::fs::write(&path, "mine").unwrap();
        let writer = SafetensorsWriter::create(&path, &[], &BTreeMap::new()).unwrap();
        assert!(matches!(
            writer.finish(false),
            Err(CheckpointError::Exists { .. })
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        SafetensorsWriter::create(&path, &[], &BTreeMap::new())
            .unwrap()
            .finish(true)
            .unwrap();
        assert_ne!(std::fs::read(&path).unwrap(), b"mine");
    }
}
