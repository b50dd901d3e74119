//! Pictures that are not learned from but tested with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::error::DataError;
use super::set::{DataSet, Source};
use crate::config::Data;

impl Data {
    /// Where the pictures are.
    pub fn source(&self) -> Source {
        Source {
            folder: self.folder.clone(),
            list: self.list.clone(),
            manifest: self.manifest.clone(),
            classes: self.classes,
            masks: self.masks.clone(),
            without: self.held_out.clone(),
        }
    }

    /// What is learned from and what is tested with: a folder of its own, or a share of each class.
    pub fn split(&self, all: DataSet, seed: u64) -> Result<(DataSet, Option<DataSet>), DataError> {
        if !self.held_out.as_os_str().is_empty() {
            let held_out = DataSet::open(&Source {
                folder: self.held_out.clone(),
                classes: true,
                masks: self.held_out_masks(),
                ..Source::default()
            })?
            .warning_with(&all);
            refuse_shared_masks(&all, &held_out)?;
            let held_out = if all.classes().is_empty() {
                held_out
            } else {
                held_out.with_classes(all.classes())
            };
            return Ok((all, Some(held_out)));
        }
        if self.held_out_share <= 0.0 {
            return Ok((all, None));
        }
        let (train, test) = stratified(&all, self.held_out_share, seed);
        if train.is_empty() || test.is_empty() {
            return Ok((all, None));
        }
        Ok((all.subset(&train), Some(all.subset(&test))))
    }

    /// Where the masks of held-out pictures are: in a folder of their folder's name below that of the masks, if there is
    /// one, or else among the others.
    fn held_out_masks(&self) -> PathBuf {
        if self.masks.as_os_str().is_empty() {
            return PathBuf::new();
        }
        let below = self
            .held_out
            .strip_prefix(&self.folder)
            .ok()
            .filter(|_| !self.folder.as_os_str().is_empty());
        let name = below.or_else(|| self.held_out.file_name().map(Path::new));
        let own = name.map(|name| self.masks.join(name));
        own.filter(|own| own.is_dir())
            .unwrap_or_else(|| self.masks.clone())
    }
}

/// Two pictures of one name in two folders must not share a mask by mistake.
fn refuse_shared_masks(all: &DataSet, held_out: &DataSet) -> Result<(), DataError> {
    let mut learned = BTreeMap::new();
    for item in (0..all.len()).map(|index| all.item(index)) {
        if let Some(mask) = item.mask() {
            learned.insert(mask, item.path());
        }
    }
    for item in (0..held_out.len()).map(|index| held_out.item(index)) {
        let Some(mask) = item.mask() else { continue };
        let other = learned.get(mask).filter(|other| **other != item.path());
        if let Some(other) = other {
            return Err(DataError::SharedMask {
                picture: item.path().to_path_buf(),
                other: other.to_path_buf(),
                path: mask.to_path_buf(),
            });
        }
    }
    Ok(())
}

/// Places of the pictures to learn from and to test with: `share` of each class, at least one of a class of several.
pub(crate) fn stratified(data: &DataSet, share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut by_class: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for index in 0..data.len() {
        by_class
            .entry(data.item(index).label())
            .or_default()
            .push(index);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for mut indices in by_class.into_values() {
        indices.shuffle(&mut rng);
        #[expect(clippy::cast_sign_loss, reason = "a part of a count")]
        let wanted = (indices.len() as f64 * share).round() as usize;
        let count = wanted.clamp(
            usize::from(indices.len() > 1),
            indices.len().saturating_sub(1),
        );
        test.extend_from_slice(&indices[..count]);
        train.extend_from_slice(&indices[count..]);
    }
    train.sort_unstable();
    test.sort_unstable();
    (train, test)
}
