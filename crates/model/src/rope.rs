//! Rotary position table: angles of rows and columns. Source: `spec/01`, section 2.1 and 2.2.

use std::f64::consts::TAU;

use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{RopeConfig, RopeCoords, RopePeriods};

/// Random change of the coordinates in training; the same for both axes unless a pair is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RopeAugment {
    /// Added to the row and the column coordinate.
    pub shift: [f64; 2],
    /// Factor of the row and of the column coordinate.
    pub jitter: [f64; 2],
    /// Factor of both.
    pub rescale: f64,
}

impl Default for RopeAugment {
    fn default() -> Self {
        Self {
            shift: [0.0; 2],
            jitter: [1.0; 2],
            rescale: 1.0,
        }
    }
}

/// Cosines and sines of a grid of patches. Channel `j` of a head is paired with `j + head_dim / 2`.
#[derive(Clone, Debug)]
pub struct Rope {
    /// `[patches, head_dim / 2]`: a quarter for rows, a quarter for columns.
    pub cos: Tensor<2>,
    /// As `cos`.
    pub sin: Tensor<2>,
}

impl Rope {
    /// Table of a grid of `rows` × `columns` patches.
    pub fn new(
        config: &RopeConfig,
        head_dim: usize,
        [rows, columns]: [usize; 2],
        augment: RopeAugment,
        device: &Device,
    ) -> Self {
        let (cos, sin) = table(config, head_dim, [rows, columns], augment);
        let shape = [rows * columns, head_dim / 2];
        let tensor = |values| Tensor::from_data(TensorData::new(values, shape), device);
        Self {
            cos: tensor(cos),
            sin: tensor(sin),
        }
    }

    /// Turns the patches of `x`, the last tokens of `[batch, heads, tokens, head_dim]`; the others stay.
    ///
    /// The formula that the networks' fused attention is checked against.
    ///
    /// # Panics
    /// If the head size of `x` is not that of the table.
    pub fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, tokens, head_dim] = x.dims();
        let [patches, half] = self.cos.dims();
        assert_eq!(
            head_dim,
            2 * half,
            "x: head size {head_dim}, table expects {}",
            2 * half
        );
        let (cos, sin) = (
            self.cos.clone().unsqueeze::<4>(),
            self.sin.clone().unsqueeze::<4>(),
        );
        let turned = x.clone().narrow(2, tokens - patches, patches);
        let (a, b) = (
            turned.clone().narrow(3, 0, half),
            turned.narrow(3, half, half),
        );
        let turned = Tensor::cat(
            vec![
                a.clone() * cos.clone() - b.clone() * sin.clone(),
                b * cos + a * sin,
            ],
            3,
        );
        if tokens == patches {
            return turned;
        }
        Tensor::cat(vec![x.narrow(2, 0, tokens - patches), turned], 2)
    }
}

/// Cosines and sines `[rows · columns, head_dim / 2]`, row-major over the grid.
pub fn table(
    config: &RopeConfig,
    head_dim: usize,
    [rows, columns]: [usize; 2],
    augment: RopeAugment,
) -> (Vec<f32>, Vec<f32>) {
    let periods = periods(&config.periods, head_dim);
    let (down, across) = match config.coords {
        RopeCoords::Separate => (rows, columns),
        RopeCoords::Max => (rows.max(columns), rows.max(columns)),
        RopeCoords::Min => (rows.min(columns), rows.min(columns)),
    };
    // Angles depend on the row alone or the column alone: one short table an axis, then spread.
    let axis = |count: usize, divisor: usize, which: usize| -> Vec<(f32, f32)> {
        (0..count)
            .flat_map(|i| {
                let coordinate = 2.0 * (i as f64 + 0.5) / divisor as f64 - 1.0;
                let moved =
                    (coordinate + augment.shift[which]) * augment.jitter[which] * augment.rescale;
                periods.iter().map(move |period| {
                    let (sin, cos) = (TAU * moved / f64::from(*period)).sin_cos();
                    (cos as f32, sin as f32)
                })
            })
            .collect()
    };
    let (by_row, by_column) = (axis(rows, down, 0), axis(columns, across, 1));
    let quarter = periods.len();
    let mut cos = Vec::with_capacity(rows * columns * 2 * quarter);
    let mut sin = Vec::with_capacity(cos.capacity());
    for row in by_row.chunks_exact(quarter) {
        for column in by_column.chunks_exact(quarter) {
            cos.extend(row.iter().chain(column).map(|(cos, _)| cos));
            sin.extend(row.iter().chain(column).map(|(_, sin)| sin));
        }
    }
    (cos, sin)
}

/// The `head_dim / 4` periods, rounded to f32 as the reference holds them.
///
/// # Panics
/// If stored periods are not one for each quarter of a head's channels.
pub fn periods(spacing: &RopePeriods, head_dim: usize) -> Vec<f32> {
    let count = head_dim / 4;
    let exponents = (0..count).map(|i| i as f64);
    match spacing {
        RopePeriods::Base(base) => exponents
            .map(|i| base.powf(i / count as f64) as f32)
            .collect(),
        RopePeriods::Range { min, max } => {
            let last = (count.max(2) - 1) as f64;
            exponents
                .map(|i| (max * (max / min).powf(i / last - 1.0)) as f32)
                .collect()
        }
        RopePeriods::Stored(values) => {
            assert_eq!(
                values.len(),
                count,
                "rope periods: {} stored, head size {head_dim} expects {count}",
                values.len()
            );
            values.clone()
        }
    }
}
