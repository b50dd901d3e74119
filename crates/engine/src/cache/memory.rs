//! The memory side of the feature cache: digest of a key → tensors, limited in bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Tensors;

/// Least recently used map, limited in bytes. `order` holds each entry's last use, oldest first.
#[derive(Debug)]
pub(super) struct Memory {
    limit: u64,
    bytes: u64,
    clock: u64,
    entries: HashMap<String, Entry>,
    order: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct Entry {
    tensors: Arc<Tensors>,
    bytes: u64,
    used: u64,
}

impl Memory {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            bytes: 0,
            clock: 0,
            entries: HashMap::new(),
            order: BTreeMap::new(),
        }
    }

    /// The entry of `digest`, which becomes the most recently used.
    pub(super) fn get(&mut self, digest: &str) -> Option<Arc<Tensors>> {
        let entry = self.entries.get_mut(digest)?;
        self.clock += 1;
        self.order.remove(&entry.used);
        self.order.insert(self.clock, digest.to_owned());
        entry.used = self.clock;
        Some(Arc::clone(&entry.tensors))
    }

    /// Adds or replaces an entry and drops older ones for it; one over the limit is not kept.
    pub(super) fn insert(&mut self, digest: String, tensors: Arc<Tensors>) {
        self.remove(&digest);
        let bytes = tensors.bytes();
        if bytes > self.limit {
            return;
        }
        self.shrink(self.limit - bytes);
        self.clock += 1;
        self.bytes += bytes;
        self.order.insert(self.clock, digest.clone());
        self.entries.insert(
            digest,
            Entry {
                tensors,
                bytes,
                used: self.clock,
            },
        );
    }

    /// Sets the limit and drops what is over it.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        self.shrink(limit);
    }

    /// Bytes of tensors and number of entries.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.bytes, self.entries.len() as u64)
    }

    /// Drops the least recently used until at most `goal` bytes are left.
    fn shrink(&mut self, goal: u64) {
        while self.bytes > goal {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, digest: &str) {
        if let Some(entry) = self.entries.remove(digest) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}
