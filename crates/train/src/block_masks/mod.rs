//! Which patches of which pictures are hidden from the student: the block masks of iBOT.
//!
//! Input: a patch grid, a number of global crops and a seeded generator. Output: [`BlockMasks`]. Source: `spec/02`,
//! section 3 (the reference's `masking.py` and `collate.py`).

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

mod mask;

use mask::{Block, Mask};

/// How many patches are hidden and in what blocks; the defaults are the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockMasking {
    /// Part of the crops of a batch that have a mask, 0 to 1.
    pub crop_fraction: f64,
    /// Lower end of the masked part of a crop, 0 to 1; the least masked crop has a little more.
    pub min_ratio: f32,
    /// Masked part of the most masked crop, 0 to 1.
    pub max_ratio: f32,
    /// Smallest area that is drawn for a block, in patches, above 0.
    pub min_block: f64,
    /// Smallest ratio of a block's height to its width, above 0 and at most 1; the largest is its inverse.
    pub min_aspect: f64,
    /// Attempts to place a block before the rest is filled with single patches.
    pub attempts: usize,
    /// Whether each mask is moved around the grid's edges by a random offset.
    pub circular_shift: bool,
}

impl Default for BlockMasking {
    fn default() -> Self {
        Self {
            crop_fraction: 0.5,
            min_ratio: 0.1,
            max_ratio: 0.5,
            min_block: 4.0,
            min_aspect: 0.3,
            attempts: 10,
            circular_shift: false,
        }
    }
}

/// Masks of the global crops of a batch, in the order of the crops.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockMasks {
    /// `[crops, patches]`: true where the student sees the mask token; patches row by row.
    pub masks: Vec<bool>,
    /// `[masked]`: places of the true values in `masks`, ascending.
    pub indices: Vec<usize>,
    /// `[masked]`: for each masked patch 1 / (masked patches of its crop).
    pub weights: Vec<f32>,
}

impl BlockMasking {
    /// Draws the masks of `crops` global crops of `rows` by `cols` patches.
    ///
    /// `m = ⌊crop_fraction · crops⌋` crops have a mask. They get exactly `⌊rows · cols · r⌋` masked patches each, `r`
    /// in `m` equal steps up to `max_ratio`, and are then shuffled among all crops.
    ///
    /// # Panics
    /// If a part or ratio is not within 0 to 1.
    pub fn draw(&self, crops: usize, [rows, cols]: [usize; 2], rng: &mut ChaCha8Rng) -> BlockMasks {
        let mut counts = self.counts(crops, rows * cols);
        counts.resize(crops, 0);
        let mut drawn: Vec<Vec<bool>> = counts
            .into_iter()
            .map(|count| self.draw_one(count, [rows, cols], rng))
            .collect();
        drawn.shuffle(rng);
        BlockMasks::new(&drawn)
    }

    /// Masked patches of each masked crop, ascending. Their sum depends only on the sizes, not on the draw.
    ///
    /// # Panics
    /// If a part or ratio is not within 0 to 1.
    pub fn counts(&self, crops: usize, patches: usize) -> Vec<usize> {
        let parts = [
            self.crop_fraction,
            f64::from(self.min_ratio),
            f64::from(self.max_ratio),
        ];
        for part in parts {
            assert!(
                (0.0..=1.0).contains(&part),
                "block masks: {part} is not a part from 0 to 1"
            );
        }
        let masked = truncated(crops as f64 * self.crop_fraction);
        (1..=masked)
            .map(|i| truncated(f64::from(patches as f32 * self.ratio(i, masked))))
            .collect()
    }

    /// The `i`-th of `masked` steps from `min_ratio` to `max_ratio`.
    ///
    /// In f32 and from the nearer end, as PyTorch's `linspace`, since the count is cut to a whole number.
    fn ratio(&self, i: usize, masked: usize) -> f32 {
        let step = (self.max_ratio - self.min_ratio) / masked as f32;
        if i < masked.div_ceil(2) {
            self.min_ratio + step * i as f32
        } else {
            self.max_ratio - step * (masked - i) as f32
        }
    }

    /// One mask with exactly `count` patches: blocks while they fit, then single patches.
    fn draw_one(&self, count: usize, [rows, cols]: [usize; 2], rng: &mut ChaCha8Rng) -> Vec<bool> {
        let mut mask = Mask::empty(rows, cols);
        let max_block = rows / 2 * cols;
        let mut masked = 0;
        while masked < count {
            let cap = (count - masked).min(max_block);
            let placed = (0..self.attempts).find_map(|_| self.place_block(&mut mask, cap, rng));
            let Some(new) = placed else { break };
            masked += new;
        }
        mask.fill(count - masked, rng);
        if self.circular_shift {
            mask.shift(rng.random_range(0..rows), rng.random_range(0..cols));
        }
        mask.hidden
    }

    /// Tries one block; the number of newly masked patches, 1 to `cap`, if it was placed.
    fn place_block(&self, mask: &mut Mask, cap: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
        // With a cap below the smallest block the ends are swapped, as in the reference; the test of `new` still holds.
        let area = self.min_block + (cap as f64 - self.min_block) * rng.random::<f64>();
        let widest = -self.min_aspect.ln();
        let aspect = (widest * (2.0 * rng.random::<f64>() - 1.0)).exp();
        let height = truncated((area * aspect).sqrt().round_ties_even());
        let width = truncated((area / aspect).sqrt().round_ties_even());
        if height >= mask.rows || width >= mask.cols {
            return None;
        }
        let top = rng.random_range(0..=mask.rows - height);
        let left = rng.random_range(0..=mask.cols - width);
        let block = Block {
            rows: top..top + height,
            cols: left..left + width,
        };
        let new = mask.visible_in(&block);
        (1..=cap).contains(&new).then(|| {
            mask.hide(&block);
            new
        })
    }
}

impl BlockMasks {
    fn new(drawn: &[Vec<bool>]) -> Self {
        let masks = drawn.concat();
        let indices = (0..masks.len()).filter(|&at| masks[at]).collect();
        let weights = drawn.iter().flat_map(|mask| {
            let masked = mask.iter().filter(|&&hidden| hidden).count();
            std::iter::repeat_n(1.0 / masked as f32, masked)
        });
        Self {
            weights: weights.collect(),
            masks,
            indices,
        }
    }
}

#[expect(
    clippy::cast_sign_loss,
    reason = "counts and lengths are never negative"
)]
fn truncated(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests;
