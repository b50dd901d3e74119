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
        let sets = config
            .data
            .homogeneous
            .iter()
            .map(|name| {
                let known = data.sets().iter().position(|set| set == name);
                let set = known.ok_or_else(|| DataError::NoSet {
                    name: name.clone(),
                    found: data.sets().join(", "),
                })?;
                Ok(pictures(data, |own| own == set as u32))
            })
            .collect::<Result<Vec<Vec<u32>>, DataError>>()?;
        let named: Vec<u32> = sets.iter().flatten().copied().collect();
        let all = pictures(data, |_| true);
        let others: Vec<u32> = all.iter().copied().filter(|index| !named.contains(index)).collect();
        Ok(Self {
            seed: config.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            batch: config.run.batch,
            others: if others.is_empty() { all } else { others },
            share: if sets.is_empty() {
                0.0
            } else {
                config.data.homogeneous_share
            },
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

    /// The pictures of a batch, counted from 0. No picture comes twice where there are enough.
    pub fn batch(&self, number: u64) -> Vec<Place> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        if self.share > 0.0 && rng.random_bool(self.share) {
            let set = &self.sets[rng.random_range(0..self.sets.len())];
            return self.draw(set, &mut rng);
        }
        let count = self.others.len() as u64;
        let batch = self.batch as u64;
        if count < batch {
            // Fewer pictures than a batch: each about as often as the others, every batch with epochs of its own.
            let first = number * batch.div_ceil(count) * count;
            return (0..batch).map(|at| self.place(first + at)).collect();
        }
        // The tail of an epoch that fills no batch is left out: the next epoch has it elsewhere.
        let whole = count / batch;
        let (epoch, first) = (number / whole, number % whole * batch);
        (0..batch)
            .map(|at| self.place(epoch * count + first + at))
            .collect()
    }

    /// What takes the place of a picture that cannot be read: another one, by the same seed.
    pub(super) fn instead_of(&self, place: Place, attempt: u64) -> Place {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0x5bd1_e995);
        rng.set_stream(place.index as u64 ^ (place.epoch << 32));
        rng.set_word_pos(u128::from(attempt) * 16);
        let at = rng.random_range(0..self.others.len());
        Place {
            index: self.others[at] as usize,
            // Its other crops are left to its own turn.
            epoch: place.epoch | 1 << 63,
        }
    }

    /// The `at`-th picture of the endless row of epochs.
    fn place(&self, at: u64) -> Place {
        let count = self.others.len() as u64;
        let (epoch, at) = (at / count, at % count);
        Place {
            index: self.others[self.permuted(epoch, at, count) as usize] as usize,
            epoch,
        }
    }

    fn draw(&self, set: &[u32], rng: &mut ChaCha8Rng) -> Vec<Place> {
        let epoch = rng.random::<u64>() >> 2;
        let count = set.len() as u64;
        (0..self.batch as u64)
            .map(|at| Place {
                index: set[self.permuted(epoch, at % count, count) as usize] as usize,
                epoch: epoch + at / count,
            })
            .collect()
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
                let mixed = mix(right ^ mix(self.seed ^ mix(epoch * ROUNDS + round)));
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

/// The finalizer of `MurmurHash3`: every bit depends on every other.
fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}
