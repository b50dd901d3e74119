//! A matrix in a safetensors file, mapped into memory: path → bytes of `[rows, dim]`, read only.
//!
//! The header is not trusted: sizes are checked against the length of the file before anything is read. The one place
//! of the folder that needs `unsafe`.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use super::CurationError;
use super::error::{bad_file, io_error};

/// What the file should be, for messages.
const EXPECTED: &str = "a table of features";

/// A matrix of a mapped file.
#[derive(Debug)]
pub(super) struct Mapped {
    file: Mmap,
    /// Where its bytes are in the file.
    place: Range<usize>,
    /// F32 or F16.
    pub(super) dtype: Dtype,
    pub(super) rows: usize,
    pub(super) dim: usize,
}

impl Mapped {
    /// Maps `tensor` of a file, or its only matrix of f32 or f16.
    pub(super) fn open(path: &Path, tensor: Option<&str>) -> Result<Self, CurationError> {
        let bad = |reason: String| bad_file(EXPECTED, reason, path);
        let file = map(path)?;
        let (header, metadata) =
            SafeTensors::read_metadata(&file).map_err(|error| bad(error.to_string()))?;
        let names = metadata.offset_keys();
        let is_table = |name: &&String| {
            let info = metadata.info(name);
            info.is_some_and(|info| info.shape.len() == 2 && is_float(info.dtype))
        };
        let name = if let Some(name) = tensor {
            name
        } else {
            let tables: Vec<&String> = names.iter().filter(is_table).collect();
            let [only] = tables[..] else {
                let reason = format!("it has {} matrices of f32 or f16, not one", tables.len());
                return Err(bad(reason));
            };
            only
        };
        let Some(info) = metadata.info(name) else {
            return Err(bad(format!("it has no tensor {name:?}")));
        };
        let [rows, dim] = info.shape[..] else {
            return Err(bad(format!("{name:?} has shape {:?}", info.shape)));
        };
        if !is_float(info.dtype) {
            return Err(bad(format!("{name:?} has values of {:?}", info.dtype)));
        }
        // The library has checked that offsets, shapes and the length of the file agree.
        let first = size_of::<u64>() + header;
        let place = first + info.data_offsets.0..first + info.data_offsets.1;
        Ok(Self {
            dtype: info.dtype,
            file,
            place,
            rows,
            dim,
        })
    }

    /// The bytes of the matrix, row by row, little-endian, at any alignment.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.file[self.place.clone()]
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16)
}

/// Maps a file for reading; a folder and an empty file are errors.
pub(super) fn map(path: &Path) -> Result<Mmap, CurationError> {
    let file = File::open(path).map_err(io_error("open", path))?;
    let metadata = file.metadata().map_err(io_error("read", path))?;
    if metadata.is_dir() {
        return Err(io_error("read", path)(Error::from(ErrorKind::IsADirectory)));
    }
    if metadata.len() == 0 {
        return Err(bad_file("a safetensors file", "it is empty", path));
    }
    map_file(&file).map_err(io_error("map", path))
}

#[expect(
    unsafe_code,
    reason = "a memory map is the only way to read tables larger than the memory by rows"
)]
fn map_file(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is private to this folder and only read, as plain bytes of which every pattern is a valid value.
    // We rely on no other process changing or truncating the file while it is mapped: writers of safetensors, ours
    // included, write beside the file and rename.
    unsafe { Mmap::map(file) }
}
