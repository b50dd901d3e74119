//! Two maps against each other, as a map and in numbers.

use std::sync::Arc;

use dinoscope_engine::analysis::ScalarMap;

use super::{common_top, on_grid};
use crate::views::numbers::Read;

/// Patches that are counted as the best ones.
pub(super) const TOP: usize = 20;

/// `B − A` on the grid of A.
#[derive(Debug)]
pub struct Difference {
    of: [Arc<Read>; 2],
    /// The map.
    pub read: Read,
    /// Mean of the absolute differences.
    pub mean: f32,
    /// Largest rise and largest fall.
    pub extremes: (f32, f32),
    /// Pearson's correlation of both maps, in [-1, 1].
    pub correlation: f32,
    /// How many of the best `TOP` patches are the same.
    pub common: usize,
}

impl Difference {
    /// Compares two maps; the second is brought to the grid of the first.
    pub fn new(a: &Arc<Read>, b: &Arc<Read>) -> Self {
        let (rows, cols) = (a.values.rows, a.values.cols);
        let other = on_grid(&b.values, rows, cols);
        let values: Vec<f32> = a
            .values
            .values
            .iter()
            .zip(&other.values)
            .map(|(a, b)| b - a)
            .collect();
        let count = values.len().max(1) as f32;
        let mean = values.iter().map(|value| value.abs()).sum::<f32>() / count;
        let correlation = correlation(&a.values.values, &other.values);
        let common = common_top(&a.values, &other, TOP);
        let read = Read::new(Arc::new(ScalarMap { rows, cols, values }));
        Self {
            of: [Arc::clone(a), Arc::clone(b)],
            mean,
            extremes: (read.range.1, read.range.0),
            correlation,
            common,
            read,
        }
    }

    /// Whether it was made of these two.
    pub fn is_of(&self, a: &Arc<Read>, b: &Arc<Read>) -> bool {
        Arc::ptr_eq(&self.of[0], a) && Arc::ptr_eq(&self.of[1], b)
    }
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let count = a.len().max(1) as f64;
    let mean = |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let mut sums = [0.0f64; 3];
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        sums[0] += a * b;
        sums[1] += a * a;
        sums[2] += b * b;
    }
    let scale = (sums[1] * sums[2]).sqrt();
    if scale > 0.0 {
        (sums[0] / scale) as f32
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[f32]) -> Arc<Read> {
        Arc::new(Read::new(Arc::new(ScalarMap {
            rows: 1,
            cols: values.len(),
            values: values.to_vec(),
        })))
    }

    #[test]
    fn a_map_equals_itself() {
        let a = read(&[0.1, 0.5, 0.9]);
        let same = Difference::new(&a, &a);
        assert_eq!((same.mean, same.extremes), (0.0, (0.0, 0.0)));
        assert!((same.correlation - 1.0).abs() < 1e-6);
        assert_eq!(same.common, 3);
    }

    #[test]
    fn rises_and_falls_have_their_sign() {
        let difference = Difference::new(&read(&[0.0, 0.5]), &read(&[0.25, 0.0]));
        assert_eq!(difference.extremes, (0.25, -0.5));
        assert!((difference.mean - 0.375).abs() < 1e-6);
        assert!(difference.correlation < -0.99);
    }

    #[test]
    fn a_finer_map_is_brought_to_the_grid_of_the_first() {
        let difference = Difference::new(&read(&[0.0, 1.0]), &read(&[0.0, 0.0, 1.0, 1.0]));
        assert_eq!(difference.read.values.cols, 2);
        assert!(difference.mean < 0.2, "{}", difference.mean);
    }
}
