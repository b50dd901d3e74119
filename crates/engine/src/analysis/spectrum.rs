//! The numbers behind principal components: mean, covariance, and its largest eigenpairs.
//!
//! Input: rows of f32 features. Output: `Spectrum`. All sums are f64; of the covariance, the products within a block of
//! centred rows are f32. With fewer rows than channels the small matrix of products
//! between rows is decomposed instead of the covariance; both have the same eigenvalues.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::prelude::ReborrowMut;
use faer::traits::ComplexField;
use faer::{Accum, Mat, MatRef, Par};
use pulp::Arch;
use rayon::prelude::*;

use super::AnalysisError;

mod eigenpairs;

use eigenpairs::product;
pub use eigenpairs::{Eigenpairs, largest_eigenpairs};

/// Rows that are summed or centred at a time: 8 MB at 4096 channels. Few enough for f32: a sum of so many products is
/// known to 1e-6 of the largest variance, and the blocks are added in f64.
const BLOCK_ROWS: usize = 512;
/// Eigenvalues below this part of their sum are rounding: they count as zero.
const NO_VARIANCE: f64 = 1e-12;

/// Mean and largest principal axes of a set of rows.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// `[dim]`.
    pub mean: Vec<f64>,
    /// Unit vectors `[k][dim]`, largest variance first; a direction without variance is the zero vector.
    pub components: Vec<Vec<f64>>,
    /// Variance along each component, with the divisor `rows − 1`.
    pub variance: Vec<f64>,
    /// Sum of the variances of all channels.
    pub total_variance: f64,
}

/// The `k` largest principal axes of `rows`; signs are fixed by `fix_sign`.
///
/// `rows`: `[rows][dim]`, at least two, all of one length; `k` at most `min(rows − 1, dim)`.
pub fn spectrum(rows: &[&[f32]], k: usize) -> Result<Spectrum, AnalysisError> {
    let mean = mean(rows);
    let by_rows = rows.len() < mean.len();
    let (mut matrix, centred) = if by_rows {
        let centred = centre(rows, &mean);
        (gram(centred.as_ref()), Some(centred))
    } else {
        (covariance(rows, &mean), None)
    };
    mirror_lower(&mut matrix);
    let total_variance = (0..matrix.nrows()).map(|i| matrix[(i, i)]).sum();
    let (mut variance, vectors) = largest_eigenpairs(matrix.as_ref(), k)?;
    let vectors = match centred {
        Some(rows) => product(rows.transpose(), vectors.as_ref()),
        None => vectors,
    };
    let mut components = Vec::with_capacity(k);
    for (value, vector) in variance.iter_mut().zip(vectors.col_iter()) {
        if *value <= NO_VARIANCE * total_variance {
            *value = 0.0;
            components.push(vec![0.0; mean.len()]);
            continue;
        }
        let length = vector.norm_l2();
        let mut component: Vec<f64> = vector.iter().map(|x| x / length).collect();
        fix_sign(&mut component);
        components.push(component);
    }
    Ok(Spectrum {
        mean,
        components,
        variance,
        total_variance,
    })
}

/// Mean `[dim]` of `rows` `[rows][dim]`. Panics without rows.
pub fn mean(rows: &[&[f32]]) -> Vec<f64> {
    let dim = rows[0].len();
    let sum = |block: &[&[f32]]| {
        let mut sums = vec![0.0; dim];
        for row in block {
            let terms = sums.iter_mut().zip(*row);
            terms.for_each(|(sum, value)| *sum += f64::from(*value));
        }
        sums
    };
    // Collected in order before the last sum: the result does not depend on the threads.
    let blocks: Vec<Vec<f64>> = rows.par_chunks(BLOCK_ROWS).map(sum).collect();
    let mut mean = vec![0.0; dim];
    for block in blocks {
        let terms = mean.iter_mut().zip(block);
        terms.for_each(|(sum, value)| *sum += value);
    }
    mean.into_iter()
        .map(|sum| sum / rows.len() as f64)
        .collect()
}

/// Lower triangle of the covariance `[dim, dim]` of `rows` around `mean`, with the divisor `rows − 1`.
pub fn covariance(rows: &[&[f32]], mean: &[f64]) -> Mat<f64> {
    let dim = mean.len();
    let (mut sum, mut products) = (Mat::<f64>::zeros(dim, dim), Mat::<f32>::zeros(dim, dim));
    let scale = 1.0 / (rows.len() - 1) as f64;
    for block in rows.chunks(BLOCK_ROWS) {
        let centred = centre_narrow(block, mean);
        let centred = MatRef::from_row_major_slice(&centred, block.len(), dim);
        lower_product(&mut products, centred.transpose(), Accum::Replace, 1.0);
        for (at, (mut sum, products)) in sum.col_iter_mut().zip(products.col_iter()).enumerate() {
            let below = sum.rb_mut().iter_mut().zip(products.iter()).skip(at);
            below.for_each(|(sum, product)| *sum += scale * f64::from(*product));
        }
    }
    sum
}

/// Lower triangle of `centred · centredᵀ / (rows − 1)` `[rows, rows]`: the covariance's eigenvalues in less space.
pub fn gram(centred: MatRef<'_, f64>) -> Mat<f64> {
    let mut products = Mat::zeros(centred.nrows(), centred.nrows());
    let divisor = (centred.nrows() - 1) as f64;
    lower_product(&mut products, centred, Accum::Replace, 1.0 / divisor);
    products
}

/// Turns a component so that its entry of largest magnitude (the first of equals) is positive.
pub fn fix_sign(component: &mut [f64]) {
    let largest = component.iter().copied().fold(0.0, |best: f64, value| {
        if value.abs() > best.abs() {
            value
        } else {
            best
        }
    });
    if largest < 0.0 {
        for value in component {
            *value = -*value;
        }
    }
}

fn centre(rows: &[&[f32]], mean: &[f64]) -> Mat<f64> {
    Mat::from_fn(rows.len(), mean.len(), |row, channel| {
        f64::from(rows[row][channel]) - mean[channel]
    })
}

/// As `centre`, row-major. The difference is taken in f64: a large common offset costs no precision.
fn centre_narrow(rows: &[&[f32]], mean: &[f64]) -> Vec<f32> {
    let mut out = vec![0.0; rows.len() * mean.len()];
    out.par_chunks_exact_mut(mean.len())
        .zip(rows)
        .for_each(|(out, row)| {
            Arch::new().dispatch(|| {
                for ((out, value), mean) in out.iter_mut().zip(*row).zip(mean) {
                    *out = (f64::from(*value) - mean) as f32;
                }
            });
        });
    out
}

/// Puts or adds the lower triangle of `scale · a · aᵀ` into `out`.
fn lower_product<T: ComplexField>(out: &mut Mat<T>, a: MatRef<'_, T>, accum: Accum, scale: T) {
    triangular::matmul(
        out.as_mut(),
        BlockStructure::TriangularLower,
        accum,
        a,
        BlockStructure::Rectangular,
        a.transpose(),
        BlockStructure::Rectangular,
        scale,
        Par::rayon(0),
    );
}

fn mirror_lower(matrix: &mut Mat<f64>) {
    for col in 0..matrix.ncols() {
        for row in 0..col {
            matrix[(row, col)] = matrix[(col, row)];
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
pub(super) mod tests {
    use super::eigenpairs::scattered;
    use super::*;

    /// `[rows][dim]` features with a falling spectrum and a large mean.
    pub(super) fn features(rows: usize, dim: usize) -> Vec<Vec<f32>> {
        let (scores, axes) = (scattered(rows, 12), scattered(12, dim));
        let value = |row: usize, channel: usize| {
            let terms =
                (0..12).map(|i| scores[(row, i)] * axes[(i, channel)] * 0.7_f64.powf(i as f64));
            (terms.sum::<f64>() + 3.0) as f32
        };
        (0..rows)
            .map(|row| (0..dim).map(|channel| value(row, channel)).collect())
            .collect()
    }

    pub(super) fn slices(rows: &[Vec<f32>]) -> Vec<&[f32]> {
        rows.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn both_roads_give_the_same_components() {
        let data = features(40, 64);
        let rows = slices(&data);
        let short = spectrum(&rows, 4).unwrap();
        let mut matrix = covariance(&rows, &mean(&rows));
        mirror_lower(&mut matrix);
        let (values, vectors) = largest_eigenpairs(matrix.as_ref(), 4).unwrap();
        for (i, value) in values.into_iter().enumerate() {
            let mut component: Vec<f64> = vectors.col(i).iter().copied().collect();
            fix_sign(&mut component);
            // The covariance has f32 products, the matrix of row products has none: 1e-7 observed.
            assert!((short.variance[i] - value).abs() < 1e-6);
            for (a, b) in short.components[i].iter().zip(&component) {
                assert!((a - b).abs() < 1e-6, "component {i}: {a} and {b}");
            }
        }
    }

    #[test]
    fn the_covariance_is_known_to_a_millionth_of_the_largest_in_spite_of_an_offset() {
        let mut data = features(1300, 40);
        for value in data.iter_mut().flatten() {
            *value += 500.0;
        }
        let rows = slices(&data);
        let mean = mean(&rows);
        let found = covariance(&rows, &mean);
        let plain = |i: usize, j: usize| {
            let terms = rows.iter().map(|row| {
                let centred = |at: usize| f64::from(row[at]) - mean[at];
                centred(i) * centred(j)
            });
            terms.sum::<f64>() / 1299.0
        };
        let largest = (0..40).map(|i| plain(i, i)).fold(0.0, f64::max);
        for i in 0..40 {
            for j in 0..=i {
                let error = (found[(i, j)] - plain(i, j)).abs();
                assert!(
                    error < 1e-6 * largest,
                    "{i}, {j}: off by {error}, largest {largest}"
                );
            }
        }
    }

    #[test]
    fn the_spectrum_does_not_depend_on_the_threads() {
        let data = [features(1100, 640), features(600, 700)];
        for rows in data.iter().map(|data| slices(data)) {
            let with = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let found = pool.build().unwrap().install(|| spectrum(&rows, 6));
                let found = found.unwrap();
                (found.variance, found.components)
            };
            assert!(with(1) == with(3), "{} rows", rows.len());
        }
    }

    #[test]
    fn a_direction_without_variance_is_the_zero_vector() {
        let rows: Vec<Vec<f32>> = (0..9).map(|i| vec![i as f32, 5.0, 5.0]).collect();
        let found = spectrum(&slices(&rows), 2).unwrap();
        assert_eq!(found.variance[1], 0.0);
        assert_eq!(found.components[1], [0.0; 3]);
        assert!((found.variance[0] - 7.5).abs() < 1e-12);
    }

    #[test]
    fn the_largest_entry_is_positive_and_the_first_of_equals_decides() {
        let mut component = [0.1, -0.7, 0.7];
        fix_sign(&mut component);
        assert_eq!(component, [-0.1, 0.7, -0.7]);
    }
}
