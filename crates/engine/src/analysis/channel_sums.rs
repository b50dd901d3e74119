//! Sums over the channels of several patches at once: the inner loop of cosines and projections.
//!
//! Input: rows of features and vectors that all rows share. Output: a few sums a row. Every vector of a row is read
//! once and the sums stay in registers: the loop runs at the speed of memory.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the caller's dispatch"
)]

use pulp::Simd;

/// Rows summed together while a map is in the cache: they share the loads of the shared vectors, and their sums hide
/// the latency of an addition.
pub(super) const ROWS: usize = 4;

/// A map of at most so many bytes is taken to be in the last-level cache. From memory one row at a time is faster: four
/// rows are four streams, and the hardware fetches a single one best.
const CACHED_BYTES: usize = 16 << 20;

/// Whether `ROWS` rows of `values` at a time are faster than one. Either way the results are the same.
pub(super) fn rows_together(values: &[f32]) -> bool {
    size_of_val(values) <= CACHED_BYTES
}

/// `out[row][sum] = Σ_c step(rows[row][c], shared[..][c], ..)[sum]`, in as many partial sums as a vector has lanes.
///
/// `rows` and `shared`: vectors `[dim]`. `step` adds the terms of one vector of channels to the sums of one row, and
/// adds nothing where all its inputs are zero. A row's result does not depend on the rows beside it.
#[inline(always)]
pub(super) fn channel_sums<S: Simd, const ROWS: usize, const SHARED: usize, const SUMS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    shared: [&[f32]; SHARED],
    step: impl Fn([S::f32s; SUMS], S::f32s, [S::f32s; SHARED]) -> [S::f32s; SUMS],
) -> [[f32; SUMS]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); SUMS]; ROWS];
    let count = rows[0].len() / S::F32_LANES;
    // Loops throughout: `array::map` would not take on the vector features.
    let mut bodies: [&[S::f32s]; ROWS] = [&[]; ROWS];
    for (body, row) in bodies.iter_mut().zip(rows) {
        *body = &S::as_simd_f32s(row).0[..count];
    }
    let mut shared_bodies: [&[S::f32s]; SHARED] = [&[]; SHARED];
    for (body, vector) in shared_bodies.iter_mut().zip(shared) {
        *body = &S::as_simd_f32s(vector).0[..count];
    }
    let mut channels = [simd.splat_f32s(0.0); SHARED];
    for at in 0..count {
        for (channels, body) in channels.iter_mut().zip(shared_bodies) {
            *channels = body[at];
        }
        for (sums, body) in sums.iter_mut().zip(bodies) {
            *sums = step(*sums, body[at], channels);
        }
    }
    if !rows[0].len().is_multiple_of(S::F32_LANES) {
        // What is left of a row is filled up with zeros.
        for (channels, vector) in channels.iter_mut().zip(shared) {
            *channels = simd.partial_load_f32s(S::as_simd_f32s(vector).1);
        }
        for (sums, row) in sums.iter_mut().zip(rows) {
            let values = simd.partial_load_f32s(S::as_simd_f32s(row).1);
            *sums = step(*sums, values, channels);
        }
    }
    let mut out = [[0.0; SUMS]; ROWS];
    for (out, sums) in out.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
        *out = simd.reduce_sum_f32s(*sums);
    }
    out
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Product<'a, const ROWS: usize> {
        rows: [&'a [f32]; ROWS],
        shared: &'a [f32],
    }

    impl<const ROWS: usize> WithSimd for Product<'_, ROWS> {
        type Output = [[f32; 1]; ROWS];

        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            channel_sums(simd, self.rows, [self.shared], |[sum], value, [shared]| {
                [simd.mul_add_e_f32s(value, shared, sum)]
            })
        }
    }

    #[test]
    fn every_length_is_summed_to_its_end_and_alone_as_in_company() {
        let vector = |seed: usize, dim: usize| -> Vec<f32> {
            (0..dim).map(|i| ((i * seed) % 29) as f32 - 14.0).collect()
        };
        for dim in [1, 3, 15, 16, 17, 31, 33, 384] {
            let (a, b, shared) = (vector(7, dim), vector(11, dim), vector(5, dim));
            let rows = [a.as_slice(), b.as_slice()];
            let shared = shared.as_slice();
            let both = Arch::new().dispatch(Product { rows, shared });
            for (row, found) in rows.into_iter().zip(both) {
                // Small whole numbers: exact in f32.
                let expected: f32 = row.iter().zip(shared).map(|(a, b)| a * b).sum();
                assert_eq!(found, [expected], "{dim} channels");
                let rows = [row];
                assert_eq!(Arch::new().dispatch(Product { rows, shared }), [found]);
            }
        }
    }

    #[test]
    fn small_maps_are_summed_together() {
        assert!(rows_together(&[0.0; 64]));
        assert!(!rows_together(&vec![0.0; CACHED_BYTES / 4 + 1]));
    }
}
