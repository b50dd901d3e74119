//! Which pictures a batch has: a function of the seed and the batch's number alone.
//!
//! Every epoch is a new permutation of all pictures, computed place by place without a list (a Feistel network that
//! walks until it lands inside). Some batches come from one named set alone. Source: `spec/02`, section 10.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::error::DataError;
use super::set::DataSet;
use crate::config::Config;

/// Rounds of the permutation's network; four mix well.
const ROUNDS: u64 = 6;

/// The order of pictures.
#[derive(Clone, Debug)]
pub struct Order {
    seed: u64,
    batch: usize,
    /// Pictures that most batches come from.
    others: Vec<u32>,
    /// Pictures of each set that some batches come from alone.
    sets: Vec<Vec<u32>>,
    /// Part of the batches that come from one set.
    share: f64,
}

/// The row of pictures that a batch is cut from: the epochs of one pool.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    pool: &'a [u32],
    epoch: u64,
    /// Where the batch starts in the epoch.
    first: u64,
}

/// One place of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The picture's place in the data set.
    pub index: usize,
    /// How often it has come before.
    pub epoch: u64,
}

impl Order {
    /// The order of a configuration. `salt` tells apart several orders of one run.
    pub fn new(config: &Config, data: &DataSet, salt: u64) -> Result<Self, DataError> {
        let named = (&*config.data.homogeneous, config.data.homogeneous_share);
        let seed = config.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self::mixed(seed, config.run.batch, data, named)
    }

    /// The order in which a share of the batches comes from one of the named sets alone.
    pub(super) fn mixed(
        seed: u64,
        batch: usize,
        data: &DataSet,
        (names, share): (&[String], f64),
    ) -> Result<Self, DataError> {
        let sets = names
            .iter()
            .map(|name| {
                let known = data.sets().iter().position(|set| set == name);
                let set = known.ok_or_else(|| DataError::NoSet {
                    name: name.clone(),
                    found: data.sets().join(", "),
                })?;
                filled(
                    format!("set \"{name}\""),
                    pictures(data, |own| own == set as u32),
                )
            })
            .collect::<Result<Vec<Vec<u32>>, DataError>>()?;
        let all = filled("the data".into(), pictures(data, |_| true))?;
        let mut in_a_set = vec![false; all.len()];
        for &index in sets.iter().flatten() {
            in_a_set[index as usize] = true;
        }
        let others = all
            .iter()
            .copied()
            .filter(|&index| !in_a_set[index as usize]);
        let others: Vec<u32> = others.collect();
        Ok(Self {
            seed,
            batch: batch.max(1),
            others: if others.is_empty() { all } else { others },
            share: if sets.is_empty() { 0.0 } else { share },
            sets,
        })
    }

    /// The order over pictures `0..count`, for tests.
    #[cfg(test)]
    pub(super) fn plain(seed: u64, batch: usize, count: u32) -> Self {
        Self {
            seed,
            batch,
            others: (0..count).collect(),
            sets: Vec::new(),
            share: 0.0,
        }
    }

    /// Number of pictures in a batch.
    pub(super) fn batch_size(&self) -> usize {
        self.batch
    }

    /// The pictures of a batch, counted from 0. No picture comes twice where there are enough.
    pub fn batch(&self, number: u64) -> Vec<Place> {
        let row = self.row(number);
        (0..self.batch as u64)
            .map(|at| self.place(row, row.first + at))
            .collect()
    }

    fn row(&self, number: u64) -> Row<'_> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        if self.share > 0.0 && rng.random_bool(self.share) {
            return Row {
                pool: &self.sets[rng.random_range(0..self.sets.len())],
                epoch: rng.random::<u64>() >> 2,
                first: 0,
            };
        }
        let pool = &self.others;
        let count = pool.len() as u64;
        let batch = self.batch as u64;
        if count < batch {
            // Fewer pictures than a batch: each about as often as the others, every batch with epochs of its own.
            return Row {
                pool,
                epoch: number * batch.div_ceil(count),
                first: 0,
            };
        }
        // The tail of an epoch that fills no batch is left out: the next epoch has it elsewhere.
        let whole = count / batch;
        Row {
            pool,
            epoch: number / whole,
            first: number % whole * batch,
        }
    }

    /// What takes the place of the `at`-th picture of a batch when that cannot be read: one of the same pool.
    ///
    /// Each place has its own pictures behind the batch in the epoch, so that none comes twice where there are enough:
    /// which others are broken need not be known.
    pub(super) fn instead_of(&self, number: u64, at: usize, attempt: u64) -> Place {
        let row = self.row(number);
        let (batch, at, count) = (self.batch as u64, at as u64, row.pool.len() as u64);
        let spare = count.saturating_sub(batch);
        let own = attempt * batch + at;
        let after = if own < spare {
            batch + own
        } else if attempt < spare {
            batch + (at + attempt) % spare
        } else {
            at + 1 + attempt
        };
        let place = self.place(row, (row.first + after) % count);
        Place {
            // Its other crops are left to its own turn.
            epoch: place.epoch | 1 << 63,
            ..place
        }
    }

    /// The `at`-th picture of a row of epochs.
    fn place(&self, row: Row<'_>, at: u64) -> Place {
        let count = row.pool.len() as u64;
        let epoch = row.epoch + at / count;
        Place {
            index: row.pool[self.permuted(epoch, at % count, count) as usize] as usize,
            epoch,
        }
    }

    /// Where `at` goes in a permutation of `0..count` that belongs to the epoch.
    fn permuted(&self, epoch: u64, at: u64, count: u64) -> u64 {
        // The smallest square of a power of two that holds all places: at most four times as many.
        let bits = (u64::BITS - (count - 1).leading_zeros()).div_ceil(2).max(1);
        let mask = (1 << bits) - 1;
        let mut at = at;
        loop {
            let (mut left, mut right) = (at >> bits, at & mask);
            for round in 0..ROUNDS {
                let mixed =
                    mix(right
                        ^ mix(self.seed ^ mix(epoch.wrapping_mul(ROUNDS).wrapping_add(round))));
                (left, right) = (right, left ^ (mixed & mask));
            }
            at = left << bits | right;
            if at < count {
                return at;
            }
        }
    }
}

fn pictures(data: &DataSet, of: impl Fn(u32) -> bool) -> Vec<u32> {
    (0..data.len())
        .filter(|&index| of(data.item(index).set()))
        .map(|index| index as u32)
        .collect()
}

fn filled(what: String, pictures: Vec<u32>) -> Result<Vec<u32>, DataError> {
    if pictures.is_empty() {
        return Err(DataError::NothingLeft { what });
    }
    Ok(pictures)
}

/// The finalizer of `MurmurHash3`: every bit depends on every other.
fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}
