//! Pictures that are not learned from but tested with.

use std::collections::BTreeMap;

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
                ..Source::default()
            })?;
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
