//! The largest eigenvalues of a symmetric matrix and their vectors.
//!
//! Input: a matrix `[side, side]` in f64 and how many pairs. Output: `Eigenpairs`. Large matrices go through a block
//! Krylov iteration that finds the few wanted pairs only. Source: Musco and Musco 2015, "Randomized Block Krylov
//! Methods".

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::{Accum, Conj, Mat, MatRef, Par, Spec};
use rayon::prelude::*;

use crate::analysis::AnalysisError;

/// Largest side that is decomposed in full; beyond it the iteration is faster.
const FULL_SIDE: usize = 256;
/// Eigenvectors that the iteration carries beyond the wanted ones, so that near ties do not slow it down.
const SPARE: usize = 6;
/// Powers of the matrix in one Krylov block.
const POWERS: usize = 6;
/// Restarts before the iteration gives way to the full decomposition.
const RESTARTS: usize = 60;
/// Rows of a matrix that one task multiplies.
const BAND: usize = 128;
/// Allowed `‖A·v − λ·v‖`, relative to the largest eigenvalue.
const RESIDUAL: f64 = 1e-9;

/// Eigenvalues, descending, and their unit eigenvectors `[side, values]`.
pub type Eigenpairs = (Vec<f64>, Mat<f64>);

/// The `k` largest eigenvalues of a symmetric matrix `[side, side]` and their eigenvectors.
pub fn largest_eigenpairs(matrix: MatRef<'_, f64>, k: usize) -> Result<Eigenpairs, AnalysisError> {
    // The iteration's Krylov basis must be clearly narrower than the matrix to be worth it.
    let small = matrix.nrows() <= FULL_SIDE || (k + SPARE) * POWERS * 2 > matrix.nrows();
    if !small && let Some(pairs) = krylov_eigenpairs(matrix, k)? {
        return Ok(pairs);
    }
    full_eigenpairs(matrix, k)
}

/// On one thread, as `orthonormal`: the last bits of faer's decompositions depend on the number of threads.
fn full_eigenpairs(matrix: MatRef<'_, f64>, k: usize) -> Result<Eigenpairs, AnalysisError> {
    let size = matrix.nrows();
    let (mut values, mut vectors) = (Diag::zeros(size), Mat::zeros(size, size));
    let settings = Spec::default();
    let scratch =
        self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, settings);
    let mut scratch = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut scratch);
    let (into, axes) = (values.as_mut(), Some(vectors.as_mut()));
    // The solver's error says only that it did not converge; the size is what a reader needs.
    let Ok(()) = self_adjoint_evd(matrix, into, axes, Par::Seq, stack, settings) else {
        return Err(AnalysisError::Eigenvalues { size });
    };
    let values = values.column_vector();
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
            let block = orthonormal(start);
            start = product(matrix, block.as_ref());
            krylov.subcols_mut(power * width, width).copy_from(&block);
        }
        let basis = orthonormal(krylov);
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
pub(super) fn scattered(rows: usize, cols: usize) -> Mat<f64> {
    Mat::from_fn(rows, cols, |row, col| {
        // The finaliser of SplitMix64: neighbouring counters give unrelated bits.
        let mut bits = ((row * cols + col) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    })
}

/// Orthonormal columns that span those of `a` `[rows, cols]`, `cols ≤ rows`.
fn orthonormal(mut a: Mat<f64>) -> Mat<f64> {
    let (rows, cols) = a.shape();
    let block = recommended_block_size::<f64>(rows, cols);
    let mut factors = Mat::zeros(block, cols);
    let settings = Spec::default();
    let scratch = qr_in_place_scratch::<f64>(rows, cols, block, Par::Seq, settings);
    let mut scratch = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut scratch);
    qr_in_place(a.as_mut(), factors.as_mut(), Par::Seq, stack, settings);
    let mut out = Mat::identity(rows, cols);
    let scratch =
        apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(rows, block, cols);
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        a.as_ref(),
        factors.as_ref(),
        Conj::No,
        out.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    out
}

/// `a · b`, in parallel over bands of `a` that do not depend on the number of threads.
pub(super) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    out.par_row_chunks_mut(BAND)
        .zip(a.par_row_chunks(BAND))
        .for_each(|(out, a)| matmul(out, Accum::Replace, a, b, 1.0, Par::Seq));
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{features, slices};
    use super::super::{covariance, mean, mirror_lower};
    use super::*;

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
}
