//! A file mapped into memory: path → bytes, read only. The one place that needs `unsafe`.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::CheckpointError;

/// Maps a file for reading. An empty file is an error, as no checkpoint is empty.
pub(super) fn map(path: &Path) -> Result<Mmap, CheckpointError> {
    let file = File::open(path).map_err(CheckpointError::io("open", path))?;
    let metadata = file.metadata().map_err(CheckpointError::io("read", path))?;
    if metadata.is_dir() {
        let source = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(CheckpointError::Io {
            action: "read",
            source,
            path: path.to_path_buf(),
        });
    }
    if metadata.len() == 0 {
        return Err(CheckpointError::Empty {
            path: path.to_path_buf(),
        });
    }
    map_file(&file).map_err(CheckpointError::io("map", path))
}

#[expect(
    unsafe_code,
    reason = "a memory map is the only way to load weights without a second copy"
)]
fn map_file(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is private to this crate and only read, as plain bytes that are validated before use. We rely on
    // no other process changing or truncating the file while it is mapped: writers of checkpoints, ours included,
    // write beside the file and rename.
    unsafe { Mmap::map(file) }
}
