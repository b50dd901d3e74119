//! Cache of network outputs: memory first, then disk.
//!
//! [`CacheKey`] → [`Tensors`]. A key names everything that the values depend on, so an entry never
//! goes stale: it is only ever dropped for room. Memory is least recently used, limited in bytes;
//! disk is one safetensors file per key (see `disk.rs`) and may be shared by several processes.

mod disk;
mod file;
mod memory;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::hex;
use disk::{Disk, Found};
use memory::Memory;

/// Layout of keys and files; raised when either changes, which turns older entries into misses.
const FORMAT: u32 = 1;

/// Everything that a stored output depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CacheKey {
    /// SHA-256 of the picture's content, in hexadecimal digits.
    pub picture: String,
    /// SHA-256 of the model's weights, in hexadecimal digits.
    pub model: String,
    /// Every preprocessing setting that changes a pixel: size, resampling, road, statistics.
    pub preprocessing: BTreeMap<String, String>,
    /// Zero-based block that the output was taken from.
    pub layer: usize,
    /// Norm applied to the output: `final` or `none`.
    pub norm: String,
}

impl CacheKey {
    /// SHA-256 of the key's canonical JSON (fields in order, settings sorted), 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.canonical_json()))
    }

    fn canonical_json(&self) -> Vec<u8> {
        serde_json::to_vec(&(FORMAT, self)).expect("strings and integers always encode")
    }
}

/// Named f32 arrays with their shapes, and text about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// Name → (shape, values in row-major order).
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Free text, stored in the file's header. `cache.digest` and `cache.sha256` are reserved.
    pub metadata: BTreeMap<String, String>,
}

impl Tensors {
    /// Memory that the values and names take, in bytes.
    pub fn bytes(&self) -> u64 {
        let arrays = self.tensors.iter().map(|(name, (shape, values))| {
            name.len() + size_of_val(shape.as_slice()) + size_of_val(values.as_slice())
        });
        let texts = self
            .metadata
            .iter()
            .map(|(name, text)| name.len() + text.len());
        arrays.chain(texts).sum::<usize>() as u64
    }
}

/// Why an entry could not be stored on disk; memory holds it all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A file or folder could not be written: a full disk, a read-only folder.
    #[error("cannot {action} the feature cache: {source}: {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The tensors do not make a safetensors file, as when a shape does not fit its values.
    #[error("cannot encode features: {reason}: {}", path.display())]
    Encode {
        /// What is wrong with them.
        reason: String,
        /// File that was to be written.
        path: PathBuf,
    },
}

/// Limits and place of a cache.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// Most bytes of tensors kept in memory.
    pub memory_bytes: u64,
    /// Most bytes of files kept on disk.
    pub disk_bytes: u64,
    /// Folder of the files; `None` keeps everything in memory.
    pub dir: Option<PathBuf>,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            disk_bytes: 4 << 30,
            dir: None,
        }
    }
}

/// What a cache has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// Answers from memory.
    pub memory_hits: u64,
    /// Answers from disk.
    pub disk_hits: u64,
    /// Keys that were in neither.
    pub misses: u64,
    /// Torn or altered files, each deleted and counted as a miss too.
    pub torn: u64,
    /// Files deleted to stay under the limit, by this instance.
    pub evicted: u64,
    /// Bytes of tensors in memory now.
    pub memory_bytes: u64,
    /// Entries in memory now.
    pub memory_entries: u64,
}

/// The cache; share it between threads by reference or `Arc`.
#[derive(Debug)]
pub struct FeatureCache {
    state: Mutex<State>,
    disk: Option<Disk>,
}

#[derive(Debug)]
struct State {
    memory: Memory,
    stats: CacheStats,
}

impl FeatureCache {
    /// An empty memory over the files that `options.dir` already holds; touches no file yet.
    pub fn new(options: CacheOptions) -> Self {
        let memory = Memory::new(options.memory_bytes);
        Self {
            state: Mutex::new(State {
                memory,
                stats: CacheStats::default(),
            }),
            disk: options.dir.map(|dir| Disk::new(dir, options.disk_bytes)),
        }
    }

    /// The tensors stored under `key`, or `None`: never stored, dropped for room, or damaged.
    pub fn get(&self, key: &CacheKey) -> Option<Arc<Tensors>> {
        let digest = key.digest();
        if let Some(tensors) = self.remembered(&digest) {
            return Some(tensors);
        }
        // The lock is not held here: reading a file must not stop other threads' memory hits.
        let found = self
            .disk
            .as_ref()
            .map_or(Found::Nothing, |disk| disk.read(&digest));
        let mut state = self.lock();
        match found {
            Found::Tensors(tensors) => {
                let tensors = Arc::new(tensors);
                state.stats.disk_hits += 1;
                state.memory.insert(digest, Arc::clone(&tensors));
                Some(tensors)
            }
            Found::Torn => {
                state.stats.torn += 1;
                state.stats.misses += 1;
                None
            }
            Found::Nothing => {
                state.stats.misses += 1;
                None
            }
        }
    }

    /// Stores `tensors` under `key`, on disk and in memory.
    ///
    /// An error speaks of the disk only: memory holds the entry all the same, so the caller logs
    /// it and goes on. An entry larger than a limit is not kept on that side.
    pub fn put(&self, key: &CacheKey, tensors: Arc<Tensors>) -> Result<(), CacheError> {
        let digest = key.digest();
        let written = self
            .disk
            .as_ref()
            .map(|disk| disk.write(&digest, &tensors))
            .transpose();
        let mut state = self.lock();
        state.memory.insert(digest, tensors);
        state.stats.evicted += written?.unwrap_or(0);
        Ok(())
    }

    /// Sets the most bytes of tensors kept in memory and drops what is over it.
    pub fn set_memory_limit(&self, bytes: u64) {
        self.lock().memory.set_limit(bytes);
    }

    /// Counters, and what memory holds now.
    pub fn stats(&self) -> CacheStats {
        let state = self.lock();
        let (memory_bytes, memory_entries) = state.memory.size();
        CacheStats {
            memory_bytes,
            memory_entries,
            ..state.stats
        }
    }

    fn remembered(&self, digest: &str) -> Option<Arc<Tensors>> {
        let mut state = self.lock();
        let tensors = state.memory.get(digest)?;
        state.stats.memory_hits += 1;
        Some(tensors)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counters and a map of `Arc`s stay valid whatever a panicking thread was doing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(picture: usize) -> CacheKey {
        CacheKey {
            picture: format!("{picture:064x}"),
            model: "ab".repeat(32),
            preprocessing: BTreeMap::from([("size".into(), "512".into())]),
            layer: 11,
            norm: "final".into(),
        }
    }

    fn tensors(value: f32, len: usize) -> Arc<Tensors> {
        let patches = ("patches".to_owned(), (vec![len], vec![value; len]));
        Arc::new(Tensors {
            tensors: BTreeMap::from([patches]),
            metadata: BTreeMap::new(),
        })
    }

    #[test]
    fn every_field_changes_the_digest_and_the_order_of_settings_does_not() {
        let base = key(1);
        let mut sized = base.clone();
        sized.preprocessing.insert("size".into(), "256".into());
        let others = [
            key(2),
            CacheKey {
                model: "cd".repeat(32),
                ..base.clone()
            },
            CacheKey {
                layer: 10,
                ..base.clone()
            },
            CacheKey {
                norm: "none".into(),
                ..base.clone()
            },
            sized,
        ];
        assert_eq!(base.digest().len(), 64);
        for other in others {
            assert_ne!(base.digest(), other.digest(), "{other:?}");
        }
        let settings = [
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        let forward = CacheKey {
            preprocessing: settings.clone().into_iter().collect(),
            ..key(1)
        };
        let backward = CacheKey {
            preprocessing: settings.into_iter().rev().collect(),
            ..key(1)
        };
        assert_eq!(forward.digest(), backward.digest());
    }

    #[test]
    fn memory_drops_the_least_recently_used_and_keeps_its_limit() {
        let one = tensors(1.0, 100).bytes();
        let cache = FeatureCache::new(CacheOptions {
            memory_bytes: 2 * one,
            disk_bytes: 0,
            dir: None,
        });
        cache.put(&key(1), tensors(1.0, 100)).unwrap();
        cache.put(&key(2), tensors(2.0, 100)).unwrap();
        assert!(cache.get(&key(1)).is_some());
        cache.put(&key(3), tensors(3.0, 100)).unwrap();
        assert!(cache.get(&key(2)).is_none(), "2 was used longest ago");
        assert_eq!(cache.get(&key(1)), Some(tensors(1.0, 100)));
        assert_eq!(cache.get(&key(3)), Some(tensors(3.0, 100)));
        cache.put(&key(4), tensors(4.0, 1000)).unwrap();
        let stats = cache.stats();
        assert_eq!((stats.memory_bytes, stats.memory_entries), (2 * one, 2));
        assert_eq!((stats.memory_hits, stats.misses), (3, 1));
    }

    #[test]
    fn storing_a_key_again_replaces_its_bytes() {
        let cache = FeatureCache::new(CacheOptions::default());
        cache.put(&key(1), tensors(1.0, 100)).unwrap();
        cache.put(&key(1), tensors(2.0, 10)).unwrap();
        assert_eq!(cache.get(&key(1)), Some(tensors(2.0, 10)));
        assert_eq!(cache.stats().memory_bytes, tensors(2.0, 10).bytes());
    }

    #[test]
    fn a_second_instance_finds_the_files_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let options = CacheOptions {
            dir: Some(dir.path().into()),
            ..CacheOptions::default()
        };
        let first = FeatureCache::new(options.clone());
        first.put(&key(1), tensors(1.5, 8)).unwrap();
        let second = FeatureCache::new(options);
        assert_eq!(second.get(&key(1)), Some(tensors(1.5, 8)));
        assert_eq!(second.get(&key(1)), Some(tensors(1.5, 8)));
        assert!(second.get(&key(2)).is_none());
        let stats = second.stats();
        assert_eq!(
            (stats.disk_hits, stats.memory_hits, stats.misses),
            (1, 1, 1)
        );
    }

    #[test]
    fn two_instances_with_two_threads_each_never_read_wrong_values() {
        let dir = tempfile::tempdir().unwrap();
        // Room for about half of the twelve files and for no entry in memory: reads go to disk.
        let disk_bytes = 12 * tensors(0.0, 64).bytes();
        let options = CacheOptions {
            memory_bytes: 0,
            disk_bytes,
            dir: Some(dir.path().into()),
        };
        let caches = [
            FeatureCache::new(options.clone()),
            FeatureCache::new(options),
        ];
        std::thread::scope(|scope| {
            for worker in 0..4_usize {
                let cache = &caches[worker % 2];
                scope.spawn(move || {
                    for round in 0..60 {
                        let id = (round * 7 + worker) % 12;
                        if let Some(found) = cache.get(&key(id)) {
                            assert_eq!(found, tensors(id as f32, 64));
                        }
                        cache.put(&key(id), tensors(id as f32, 64)).unwrap();
                    }
                });
            }
        });
        let stats = caches.map(|cache| cache.stats());
        assert_eq!(stats[0].torn + stats[1].torn, 0);
        assert!(stats[0].disk_hits + stats[1].disk_hits > 0);
        assert!(stats[0].evicted + stats[1].evicted > 0);
    }

    #[test]
    fn an_unusable_folder_is_an_error_and_memory_still_answers() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("not-a-folder");
        std::fs::write(&file, b"x").unwrap();
        let cache = FeatureCache::new(CacheOptions {
            dir: Some(file),
            ..CacheOptions::default()
        });
        let error = cache.put(&key(1), tensors(1.0, 8)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot write the feature cache: "),
            "{error}"
        );
        assert_eq!(cache.get(&key(1)), Some(tensors(1.0, 8)));
        assert!(cache.get(&key(2)).is_none());
    }
}
