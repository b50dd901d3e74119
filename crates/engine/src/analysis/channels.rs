//! Mean, deviation and largest magnitude of each channel, and the channels that outweigh all others.
//!
//! Input: a map. Output: `[dim]` numbers in one pass over the features. Channels far larger than the rest grow with
//! the depth of a network; they decide every cosine and do not fit into 16-bit floats.
//! Source: DINOv3 paper, appendix A.2.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::norms::median;
use super::{AnalysisError, bad_setting};
use crate::feature_map::{FeatureMap, PATCHES_PER_TASK};

/// Channels that are added together: two AVX2 registers wide, one of AVX-512.
const LANES: usize = 16;
/// Patches that are added up before a channel's sums are read and written again.
const PATCHES_AT_ONCE: usize = 4;

/// Moments of every channel over the patches of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMoments {
    /// `[dim]`.
    pub mean: Vec<f32>,
    /// Standard deviation `[dim]` with the divisor `patches`.
    pub deviation: Vec<f32>,
    /// Largest absolute value `[dim]`.
    pub largest_magnitude: Vec<f32>,
}

/// Settings of a search for channels that outweigh the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Channels {
    /// Least root mean square of an outlier in units of the median channel's, above 1.
    pub factor: f32,
    /// How many of the strongest channels count for `ChannelsResult::top_share`, at least 1.
    pub top: usize,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            factor: 10.0,
            top: 1,
        }
    }
}

/// Moments and strongest channels of one map.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelsResult {
    /// Of every channel.
    pub moments: ChannelMoments,
    /// Root mean square of every channel over the patches, `[dim]`.
    pub rms: Vec<f32>,
    /// The middle of `rms`.
    pub median_rms: f32,
    /// Channels above `factor` times the median, strongest first.
    pub outliers: Vec<usize>,
    /// Part of the energy (sum of all squares) in the `top` strongest channels, in [0, 1]; 0 without any energy.
    pub top_share: f32,
}

/// Sums that moments are made of; `x` is taken relative to a shift that is the same for all patches.
struct Sums {
    sum: Vec<f64>,
    squares: Vec<f64>,
    largest: Vec<f32>,
}

impl Channels {
    /// Finds the channels that outweigh the others among those with these moments.
    pub fn judge(&self, moments: ChannelMoments) -> Result<ChannelsResult, AnalysisError> {
        if !self.factor.is_finite() || self.factor <= 1.0 {
            return Err(bad_setting("factor", "a number above 1", &self.factor));
        }
        if self.top == 0 {
            return Err(bad_setting("top", "at least 1", &self.top));
        }
        let energy = moments.energy();
        let median_rms = median(energy.iter().map(|energy| energy.sqrt()).collect());
        let mut order: Vec<usize> = (0..energy.len()).collect();
        // Stable: of equal channels the lower number comes first.
        order.sort_by(|&a, &b| energy[b].total_cmp(&energy[a]));
        let strongest: f64 = order.iter().take(self.top).map(|&at| energy[at]).sum();
        let total: f64 = order.iter().map(|&at| energy[at]).sum();
        let limit = f64::from(self.factor) * median_rms;
        order.retain(|&at| energy[at].sqrt() > limit);
        Ok(ChannelsResult {
            moments,
            rms: energy.iter().map(|energy| energy.sqrt() as f32).collect(),
            median_rms: median_rms as f32,
            outliers: order,
            top_share: if total > 0.0 {
                (strongest / total) as f32
            } else {
                0.0
            },
        })
    }
}

impl ChannelMoments {
    /// Mean square of each channel, `[dim]`.
    fn energy(&self) -> Vec<f64> {
        let pairs = self.mean.iter().zip(&self.deviation);
        let square = |value: f32| f64::from(value) * f64::from(value);
        pairs
            .map(|(&mean, &deviation)| square(mean) + square(deviation))
            .collect()
    }
}

/// Mean, standard deviation and largest magnitude of each channel of `map`.
///
/// The sums are f64 and relative to the first patch, so that a large common offset costs no digits.
pub fn moments(map: &FeatureMap) -> ChannelMoments {
    let shift = map.patch(0);
    // Collected in order before the last sum: the result does not depend on the threads.
    let blocks: Vec<Sums> = map
        .values()
        .par_chunks(PATCHES_PER_TASK * map.dim())
        .map(|patches| Arch::new().dispatch(BlockSums { patches, shift }))
        .collect();
    let mut total = Sums::zero(map.dim());
    for block in &blocks {
        total.add(block);
    }
    let patches = map.patches() as f64;
    let away = |at: usize| total.sum[at] / patches;
    let mean = |at| (f64::from(shift[at]) + away(at)) as f32;
    let deviation = |at| {
        let variance = total.squares[at] / patches - away(at) * away(at);
        variance.max(0.0).sqrt() as f32
    };
    ChannelMoments {
        mean: (0..map.dim()).map(mean).collect(),
        deviation: (0..map.dim()).map(deviation).collect(),
        largest_magnitude: total.largest,
    }
}

/// The sums of some patches. A type and not a closure: its loop is sure to be compiled for the vector units at hand.
struct BlockSums<'a> {
    /// `[patches, dim]`.
    patches: &'a [f32],
    /// `[dim]`.
    shift: &'a [f32],
}

impl WithSimd for BlockSums<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Sums {
        let dim = self.shift.len();
        let mut sums = Sums::zero(dim);
        let groups = self.patches.chunks_exact(PATCHES_AT_ONCE * dim);
        let rest = groups.remainder();
        for group in groups {
            let (first, group) = group.split_at(dim);
            let (second, group) = group.split_at(dim);
            let (third, fourth) = group.split_at(dim);
            sums.offer([first, second, third, fourth], self.shift);
        }
        for patch in rest.chunks_exact(dim) {
            sums.offer([patch], self.shift);
        }
        sums
    }
}

impl Sums {
    fn zero(dim: usize) -> Self {
        Self {
            sum: vec![0.0; dim],
            squares: vec![0.0; dim],
            largest: vec![0.0; dim],
        }
    }

    /// Adds the terms of a few patches `[dim]`.
    #[inline(always)]
    fn offer<const N: usize>(&mut self, patches: [&[f32]; N], shift: &[f32]) {
        let (shift, shift_tail) = shift.as_chunks::<LANES>();
        let (sum, sum_tail) = self.sum.as_chunks_mut::<LANES>();
        let (squares, squares_tail) = self.squares.as_chunks_mut::<LANES>();
        let (largest, largest_tail) = self.largest.as_chunks_mut::<LANES>();
        let chunks = patches.map(<[f32]>::as_chunks::<LANES>);
        for at in 0..shift.len() {
            let (mut one, mut two, mut most) = (sum[at], squares[at], largest[at]);
            for (body, _) in chunks {
                for lane in 0..LANES {
                    let sums = (&mut one[lane], &mut two[lane], &mut most[lane]);
                    add_term(body[at][lane], shift[at][lane], sums);
                }
            }
            (sum[at], squares[at], largest[at]) = (one, two, most);
        }
        for at in 0..shift_tail.len() {
            for (_, tail) in chunks {
                let sums = (
                    &mut sum_tail[at],
                    &mut squares_tail[at],
                    &mut largest_tail[at],
                );
                add_term(tail[at], shift_tail[at], sums);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        for at in 0..self.sum.len() {
            self.sum[at] += other.sum[at];
            self.squares[at] += other.squares[at];
            self.largest[at] = self.largest[at].max(other.largest[at]);
        }
    }
}

/// Adds a value to the sum, the sum of squares and the largest magnitude of its channel.
#[inline(always)]
fn add_term(value: f32, shift: f32, (sum, squares, largest): (&mut f64, &mut f64, &mut f32)) {
    let away = f64::from(value) - f64::from(shift);
    *sum += away;
    *squares += away * away;
    *largest = if value.abs() > *largest {
        value.abs()
    } else {
        *largest
    };
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::super::golden::assert_close;
    use super::*;
    use proptest::prelude::*;

    fn map(rows: usize, dim: usize, value: impl Fn(usize, usize) -> f32) -> FeatureMap {
        let values: Vec<f32> = (0..rows * dim).map(|i| value(i / dim, i % dim)).collect();
        FeatureMap::new(rows, 1, dim, values).unwrap()
    }

    #[test]
    fn a_deviation_of_one_is_exact_under_an_offset_of_a_thousand() {
        // Alternating ± 1 around 1000; 37 channels and 131 patches leave tails everywhere; the first patch is far off.
        let value = |row: usize, channel: usize| match row {
            0 => 0.0,
            _ => {
                1000.0
                    + if (row + channel).is_multiple_of(2) {
                        1.0
                    } else {
                        -1.0
                    }
            }
        };
        let found = moments(&map(131, 37, value));
        let expected = |channel: usize| {
            let column: Vec<f64> = (0..131).map(|row| f64::from(value(row, channel))).collect();
            let mean = column.iter().sum::<f64>() / 131.0;
            let squares = column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            (mean as f32, (squares / 131.0).sqrt() as f32)
        };
        let (mean, deviation): (Vec<f32>, Vec<f32>) = (0..37).map(expected).unzip();
        assert_close(&found.mean, &mean, 1e-3, "mean");
        assert_close(&found.deviation, &deviation, 1e-4, "deviation");
        let even = moments(&map(128, 5, |row, channel| value(row + 1, channel)));
        assert_close(&even.mean, &[1000.0; 5], 0.0, "mean");
        assert_close(&even.deviation, &[1.0; 5], 1e-6, "deviation");
        assert_eq!(even.largest_magnitude, [1001.0; 5]);
    }

    #[test]
    fn constant_channels_deviate_by_nothing_and_signs_do_not_hide_magnitudes() {
        let found = moments(&map(70, 3, |row, channel| match channel {
            0 => 1000.1,
            1 => -(row as f32),
            _ => 0.0,
        }));
        assert_eq!((found.deviation[0], found.deviation[2]), (0.0, 0.0));
        assert_eq!(found.largest_magnitude, [1000.1, 69.0, 0.0]);
    }

    #[test]
    fn loud_channels_are_outliers_and_hold_the_energy() {
        let features = map(40, 32, |row, channel| {
            let sign = if row.is_multiple_of(2) { 1.0 } else { -1.0 };
            match channel {
                7 => 20.0,
                11 => 50.0 * sign,
                12 => 9.0 * sign,
                _ => sign,
            }
        });
        let settings = Channels {
            top: 2,
            ..Channels::default()
        };
        let found = settings.judge(moments(&features)).unwrap();
        assert_eq!(found.outliers, [11, 7]);
        assert_eq!(found.median_rms, 1.0);
        let energy = 2500.0 + 400.0 + 81.0 + 29.0;
        assert!((found.top_share - 2900.0 / energy).abs() < 1e-6);
        assert_close(&found.rms[11..13], &[50.0, 9.0], 1e-5, "rms");
    }

    #[test]
    fn nothing_stands_out_of_zeros_and_bad_settings_are_errors() {
        let zeros = map(3, 4, |_, _| 0.0);
        let found = Channels::default().judge(moments(&zeros)).unwrap();
        assert_eq!((found.outliers.len(), found.top_share), (0, 0.0));
        for (factor, top) in [(1.0, 1), (f32::NAN, 1), (10.0, 0)] {
            let error = Channels { factor, top }.judge(moments(&zeros)).unwrap_err();
            assert!(matches!(error, AnalysisError::Setting { .. }), "{error}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_the_patches_is_of_no_effect(
            values in proptest::collection::vec(-9.0_f32..9.0, 3..900), turn: usize,
        ) {
            let rows = values.len() / 3;
            let forward = moments(&map(rows, 3, |row, channel| values[row * 3 + channel]));
            let turned = moments(&map(rows, 3, |row, channel| {
                values[(rows - 1 - (row + turn % rows) % rows) * 3 + channel]
            }));
            prop_assert_eq!(&forward.largest_magnitude, &turned.largest_magnitude);
            for at in 0..3 {
                prop_assert!((forward.mean[at] - turned.mean[at]).abs() < 1e-5);
                // The square root magnifies rounding where the deviation is near 0.
                prop_assert!((forward.deviation[at] - turned.deviation[at]).abs() < 1e-4);
            }
        }
    }
}
