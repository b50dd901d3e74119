//! The disk side of the feature cache: one safetensors file per key, `ab/abcdef….safetensors`.
//!
//! Files are written beside and renamed, so a reader sees a whole file or none, also from another
//! process; a damaged one is deleted. The modification time is the time of last use. Eviction runs
//! under a lock file, so two processes never count at once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::file::{self, io_error};
use super::{CacheError, Tensors};

const EXTENSION: &str = "safetensors";
const LOCK: &str = ".lock";
/// A file being written belongs to a living process for much less than this.
const ABANDONED: Duration = Duration::from_hours(1);

/// Files of one folder, limited in bytes.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    limit: u64,
    count: Mutex<Count>,
}

/// What this instance knows of the folder's size. Others write too, hence the repeated look.
#[derive(Debug, Default)]
struct Count {
    /// Bytes at the last look; `None` before the first.
    seen: Option<u64>,
    /// Bytes written by this instance since then.
    since: u64,
}

/// Outcome of a read.
#[derive(Debug)]
pub(super) enum Found {
    /// A whole file with the right checksum.
    Tensors(Tensors),
    /// No file, or one that cannot be read now.
    Nothing,
    /// A damaged file; it has been deleted.
    Torn,
}

impl Disk {
    /// Files under `dir`, which is made on the first write; at most `limit` bytes of them.
    pub(super) fn new(dir: PathBuf, limit: u64) -> Self {
        Self {
            dir,
            limit,
            count: Mutex::default(),
        }
    }

    /// The entry of `digest`, marked as used now.
    pub(super) fn read(&self, digest: &str) -> Found {
        let path = self.path(digest);
        let Ok(file) = File::open(&path) else {
            return Found::Nothing;
        };
        let Ok(bytes) = self.load(&file) else {
            return Found::Nothing;
        };
        drop(file);
        let Some(tensors) = file::decode(&bytes, digest) else {
            let _ = fs::remove_file(&path);
            return Found::Torn;
        };
        // A read-only folder still answers; its entries merely keep their age.
        if let Ok(file) = File::options().append(true).open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Found::Tensors(tensors)
    }

    /// Writes the entry of `digest` and makes room; returns how many files were deleted for it.
    ///
    /// Files larger than the limit are not written. The folder may pass the limit by a sixteenth
    /// for each process that writes, because each looks again only after that many bytes.
    pub(super) fn write(&self, digest: &str, tensors: &Tensors) -> Result<u64, CacheError> {
        if tensors.bytes() > self.limit {
            return Ok(0);
        }
        let path = self.path(digest);
        let len = file::write(&path, digest, tensors)?;
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.since += len;
        let known = count
            .seen
            .is_some_and(|seen| seen + count.since <= self.limit && count.since <= self.limit / 16);
        if known {
            return Ok(0);
        }
        let (left, evicted) = self.evict()?;
        *count = Count {
            seen: Some(left),
            since: 0,
        };
        Ok(evicted)
    }

    /// Deletes the least recently used files until the limit holds: bytes left, files deleted.
    fn evict(&self) -> Result<(u64, u64), CacheError> {
        let lock_path = self.dir.join(LOCK);
        let lock = File::create(&lock_path).map_err(io_error("lock", &lock_path))?;
        lock.lock().map_err(io_error("lock", &lock_path))?;
        let mut files = self.files().map_err(io_error("list", &self.dir))?;
        files.sort();
        let mut total: u64 = files.iter().map(|(_, len, _)| len).sum();
        let mut evicted = 0;
        for (_, len, path) in files {
            if total <= self.limit {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                evicted += 1;
                total -= len;
            }
        }
        Ok((total, evicted))
    }

    /// Time of last use, length and path of every entry; abandoned temporary files are deleted.
    fn files(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        for shard in fs::read_dir(&self.dir)? {
            let shard = shard?.path();
            if !shard.is_dir() {
                continue;
            }
            for entry in fs::read_dir(shard)? {
                let path = entry?.path();
                // Another process may have deleted it since the folder was listed.
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                let used = metadata.modified()?;
                if path
                    .extension()
                    .is_some_and(|extension| extension == EXTENSION)
                {
                    files.push((used, metadata.len(), path));
                } else if used.elapsed().is_ok_and(|age| age > ABANDONED) {
                    let _ = fs::remove_file(path);
                }
            }
        }
        Ok(files)
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir
            .join(&digest[..2])
            .join(digest)
            .with_extension(EXTENSION)
    }

    /// The file's bytes, or what fits in the limit of them: enough to see that it is not ours.
    fn load(&self, file: &File) -> io::Result<Vec<u8>> {
        // The header takes room that `Tensors::bytes` does not count; 1 MiB is far above it.
        let longest = self.limit.saturating_add(1 << 20);
        let mut bytes = Vec::with_capacity(file.metadata()?.len().min(longest) as usize);
        file.take(longest).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn digest(id: u8) -> String {
        format!("{id:064x}")
    }

    fn tensors(value: f32) -> Tensors {
        let patches = ("patches".to_owned(), (vec![2, 3], vec![value; 6]));
        Tensors {
            tensors: BTreeMap::from([patches]),
            metadata: BTreeMap::new(),
        }
    }

    fn file_len() -> u64 {
        let dir = tempfile::tempdir().unwrap();
        file::write(&dir.path().join("aa/a"), &digest(0), &tensors(0.0)).unwrap()
    }

    fn values(found: Found) -> Option<f32> {
        match found {
            Found::Tensors(tensors) => Some(tensors.tensors["patches"].1[0]),
            Found::Nothing | Found::Torn => None,
        }
    }

    #[test]
    fn a_torn_file_is_deleted_and_then_missing() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().into(), 1 << 20);
        disk.write(&digest(1), &tensors(0.1)).unwrap();
        let path = disk.path(&digest(1));
        let whole = fs::read(&path).unwrap();
        for torn in [&whole[..whole.len() / 2], &[], &vec![0; 3 << 20]] {
            fs::write(&path, torn).unwrap();
            assert!(matches!(disk.read(&digest(1)), Found::Torn));
            assert!(!path.exists());
            assert!(matches!(disk.read(&digest(1)), Found::Nothing));
        }
    }

    #[test]
    fn a_file_under_another_key_s_name_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().into(), 1 << 20);
        disk.write(&digest(1), &tensors(0.1)).unwrap();
        let other = disk.path(&digest(2));
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        fs::rename(disk.path(&digest(1)), other).unwrap();
        assert!(matches!(disk.read(&digest(2)), Found::Torn));
    }

    #[test]
    fn the_file_unread_for_longest_goes_first_and_the_limit_holds() {
        let dir = tempfile::tempdir().unwrap();
        let limit = 3 * file_len();
        let disk = Disk::new(dir.path().into(), limit);
        for id in 1..=3 {
            assert_eq!(disk.write(&digest(id), &tensors(f32::from(id))).unwrap(), 0);
        }
        assert_eq!(values(disk.read(&digest(1))), Some(1.0));
        assert_eq!(disk.write(&digest(4), &tensors(4.0)).unwrap(), 1);
        assert_eq!(values(disk.read(&digest(2))), None);
        for id in [1, 3, 4] {
            assert_eq!(values(disk.read(&digest(id))), Some(f32::from(id)));
        }
        let total: u64 = disk.files().unwrap().iter().map(|(_, len, _)| len).sum();
        assert!(total <= limit, "{total} > {limit}");
    }

    #[test]
    fn the_limit_counts_what_another_instance_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let limit = 4 * file_len();
        let disks = [
            Disk::new(dir.path().into(), limit),
            Disk::new(dir.path().into(), limit),
        ];
        for id in 0..16 {
            disks[usize::from(id) % 2]
                .write(&digest(id), &tensors(0.0))
                .unwrap();
        }
        let total: u64 = disks[0]
            .files()
            .unwrap()
            .iter()
            .map(|(_, len, _)| len)
            .sum();
        assert_eq!(total, limit);
    }

    #[test]
    fn an_entry_over_the_limit_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().into(), 8);
        disk.write(&digest(1), &tensors(0.0)).unwrap();
        assert!(matches!(disk.read(&digest(1)), Found::Nothing));
    }

    #[test]
    fn abandoned_temporary_files_are_swept_and_young_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().into(), 1 << 20);
        fs::create_dir_all(dir.path().join("aa")).unwrap();
        let (old, young) = (dir.path().join("aa/.tmpold"), dir.path().join("aa/.tmpnew"));
        File::create(&young).unwrap();
        let abandoned = SystemTime::now().checked_sub(2 * ABANDONED).unwrap();
        File::create(&old).unwrap().set_modified(abandoned).unwrap();
        disk.write(&digest(1), &tensors(0.0)).unwrap();
        assert!(!old.exists() && young.exists());
    }
}
