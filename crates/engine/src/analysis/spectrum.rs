//! The numbers behind principal components: mean, covariance, and its largest eigenpairs, all in f64.
//!
//! Input: rows of f32 features. Output: `Spectrum`. With fewer rows than channels the small matrix of products
//! between rows is decomposed instead of the covariance; both have the same eigenvalues. Large matrices go through a
//! block Krylov iteration that finds the few wanted pairs only (Musco and Musco 2015, "Randomized Block Krylov Methods").

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;

use super::AnalysisError;

/// Rows that are centred and widened to f64 at a time: 16 MB at 4096 channels.
const BLOCK_ROWS: usize = 512;
/// Largest side that is decomposed in full; beyond it the iteration is faster.
const FULL_SIDE: usize = 512;
/// Eigenvectors that the iteration carries beyond the wanted ones, so that near ties do not slow it down.
const SPARE: usize = 6;
/// Powers of the matrix in one Krylov block.
const POWERS: usize = 6;
/// Restarts before the iteration gives way to the full decomposition.
const RESTARTS: usize = 60;
/// Allowed `‖A·v − λ·v‖`, relative to the largest eigenvalue.
const RESIDUAL: f64 = 1e-9;
/// Eigenvalues below this part of their sum are rounding: they count as zero.
const NO_VARIANCE: f64 = 1e-12;

/// Eigenvalues, descending, and their unit eigenvectors `[side, values]`.
pub type Eigenpairs = (Vec<f64>, Mat<f64>);

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
    let vectors = centred.map_or_else(|| vectors.clone(), |rows| rows.transpose() * &vectors);
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
    let mut sum = Mat::zeros(mean.len(), mean.len());
    let divisor = (rows.len() - 1) as f64;
    for block in rows.chunks(BLOCK_ROWS) {
        let centred = centre(block, mean);
        lower_product(&mut sum, centred.transpose(), 1.0 / divisor);
    }
    sum
}

/// Lower triangle of `centred · centredᵀ / (rows − 1)` `[rows, rows]`: the covariance's eigenvalues in less space.
pub fn gram(centred: MatRef<'_, f64>) -> Mat<f64> {
    let mut products = Mat::zeros(centred.nrows(), centred.nrows());
    let divisor = (centred.nrows() - 1) as f64;
    lower_product(&mut products, centred, 1.0 / divisor);
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

/// The `k` largest eigenvalues of a symmetric matrix `[side, side]` and their eigenvectors.
pub fn largest_eigenpairs(matrix: MatRef<'_, f64>, k: usize) -> Result<Eigenpairs, AnalysisError> {
    // The iteration's Krylov basis must be clearly narrower than the matrix to be worth it.
    let small = matrix.nrows() <= FULL_SIDE || (k + SPARE) * POWERS * 2 > matrix.nrows();
    if !small && let Some(pairs) = krylov_eigenpairs(matrix, k)? {
        return Ok(pairs);
    }
    full_eigenpairs(matrix, k)
}

fn full_eigenpairs(matrix: MatRef<'_, f64>, k: usize) -> Result<Eigenpairs, AnalysisError> {
    let size = matrix.nrows();
    // The solver's error says only that it did not converge; the size is what a reader needs.
    let Ok(eigen) = matrix.self_adjoint_eigen(Side::Lower) else {
        return Err(AnalysisError::Eigenvalues { size });
    };
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let descending = (0..k).map(|i| values[size - 1 - i]).collect();
    let vectors = Mat::from_fn(size, k, |row, i| vectors[(row, size - 1 - i)]);
    Ok((descending, vectors))
}

/// Restarted block Krylov iteration with Rayleigh–Ritz; `None` if it did not converge.
fn krylov_eigenpairs(
    matrix: MatRef<'_, f64>,
    k: usize,
) -> Result<Option<Eigenpairs>, AnalysisError> {
    let (size, width) = (matrix.nrows(), k + SPARE);
    let mut start = scattered(size, width);
    for _ in 0..RESTARTS {
        let mut krylov = Mat::zeros(size, width * POWERS);
        for power in 0..POWERS {
            let block = start.qr().compute_thin_Q();
            start = product(matrix, block.as_ref());
            krylov.subcols_mut(power * width, width).copy_from(&block);
        }
        let basis = krylov.qr().compute_thin_Q();
        let image = product(matrix, basis.as_ref());
        let projected = product(basis.transpose(), image.as_ref());
        let (values, rotation) = full_eigenpairs(projected.as_ref(), width)?;
        let ritz = product(basis.as_ref(), rotation.as_ref());
        start = product(image.as_ref(), rotation.as_ref());
        let residual = |i: usize| (start.col(i) - ritz.col(i) * faer::Scale(values[i])).norm_l2();
        let largest = values[0].abs();
        if (0..k).all(|i| residual(i) <= RESIDUAL * largest) {
            let vectors = ritz.subcols(0, k).to_owned();
            return Ok(Some((values[..k].to_vec(), vectors)));
        }
    }
    Ok(None)
}

/// A fixed matrix `[rows, cols]` of scattered numbers in [-0.5, 0.5): a start that no feature direction is blind to.
fn scattered(rows: usize, cols: usize) -> Mat<f64> {
    Mat::from_fn(rows, cols, |row, col| {
        // The finaliser of SplitMix64: neighbouring counters give unrelated bits.
        let mut bits = ((row * cols + col) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    })
}

fn centre(rows: &[&[f32]], mean: &[f64]) -> Mat<f64> {
    Mat::from_fn(rows.len(), mean.len(), |row, channel| {
        f64::from(rows[row][channel]) - mean[channel]
    })
}

/// Adds the lower triangle of `scale · a · aᵀ` to `sum`.
fn lower_product(sum: &mut Mat<f64>, a: MatRef<'_, f64>, scale: f64) {
    triangular::matmul(
        sum.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Add,
        a,
        BlockStructure::Rectangular,
        a.transpose(),
        BlockStructure::Rectangular,
        scale,
        Par::rayon(0),
    );
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::rayon(0));
    out
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
mod tests {
    use super::*;

    /// `[rows][dim]` features with a falling spectrum and a large mean.
    fn features(rows: usize, dim: usize) -> Vec<Vec<f32>> {
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

    fn slices(rows: &[Vec<f32>]) -> Vec<&[f32]> {
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
            assert!((short.variance[i] - value).abs() < 1e-10);
            for (a, b) in short.components[i].iter().zip(&component) {
                assert!((a - b).abs() < 1e-7, "component {i}: {a} and {b}");
            }
        }
    }

    #[test]
    fn the_iteration_agrees_with_the_full_decomposition() {
        let data = features(700, 640);
        let rows = slices(&data);
        let mut matrix = covariance(&rows, &mean(&rows));
        mirror_lower(&mut matrix);
        let (values, vectors) = krylov_eigenpairs(matrix.as_ref(), 4).unwrap().unwrap();
        let (full, full_vectors) = full_eigenpairs(matrix.as_ref(), 4).unwrap();
        for (i, (value, full)) in values.iter().zip(&full).enumerate() {
            assert!((value - full).abs() < 1e-9 * values[0]);
            let cosine = vectors.col(i).transpose() * full_vectors.col(i);
            assert!(cosine.abs() > 1.0 - 1e-9, "component {i}: cosine {cosine}");
        }
    }

    #[test]
    fn a_matrix_of_rank_one_and_a_zero_matrix_converge() {
        let one = Mat::from_fn(600, 600, |row, col| ((row % 7) * (col % 7)) as f64);
        let (values, _) = krylov_eigenpairs(one.as_ref(), 3).unwrap().unwrap();
        assert!(values[0] > 1.0 && values[1].abs() < 1e-6 * values[0]);
        let (values, _) = largest_eigenpairs(Mat::zeros(600, 600).as_ref(), 3).unwrap();
        assert_eq!(values, [0.0; 3]);
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
