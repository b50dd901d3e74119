//! How many directions features really use.
//!
//! Input: features `[rows, dim]`. Output: `RankMe`, from 1 to `min(rows, dim)`. Source: Garrido et al. 2022, "`RankMe`:
//! Assessing the Downstream Performance of Pretrained Self-Supervised Representations by Their Rank"; `spec/06`,
//! section 7.

use rayon::prelude::*;

use super::eigenvalues::eigenvalues;
use super::rows_of;

/// Eigenvalues below this part of the largest are rounding: they count as zero.
const NO_VARIANCE: f64 = 1e-13;

/// `exp(−Σ p·ln p)` with `p` the singular values of `rows` `[rows, dim]` divided by their sum, not centered.
///
/// The size of an orthonormal set, 1 for rows that all point one way, 0 for zero rows, NaN if a value is not finite.
/// The singular values are the roots of the eigenvalues of the smaller matrix of products, summed in f64.
///
/// # Panics
/// Without whole rows.
pub fn rankme(rows: &[f32], dim: usize) -> f64 {
    let count = rows_of("rankme", rows, dim);
    let side = count.min(dim);
    let matrix = if count <= dim {
        products_of_rows(rows, dim)
    } else {
        products_of_channels(rows, dim)
    };
    let Some(values) = eigenvalues(matrix, side) else {
        return f64::NAN;
    };
    let largest = values.iter().fold(0.0, |most: f64, value| most.max(*value));
    if largest == 0.0 {
        return 0.0;
    }
    let singular = values
        .iter()
        .filter(|value| **value > NO_VARIANCE * largest);
    let singular: Vec<f64> = singular.map(|value| value.sqrt()).collect();
    let total: f64 = singular.iter().sum();
    let entropy: f64 = singular
        .iter()
        .map(|value| value / total)
        .map(|part| -part * part.ln())
        .sum();
    entropy.exp()
}

/// `Z·Zᵀ`, `[rows, rows]`.
fn products_of_rows(rows: &[f32], dim: usize) -> Vec<f64> {
    let wide: Vec<f64> = rows.iter().map(|&value| f64::from(value)).collect();
    let row = |own: &[f64]| -> Vec<f64> {
        let product = |other: &[f64]| own.iter().zip(other).map(|(a, b)| a * b).sum();
        wide.chunks_exact(dim).map(product).collect()
    };
    let rows: Vec<Vec<f64>> = wide.par_chunks_exact(dim).map(row).collect();
    rows.concat()
}

/// `Zᵀ·Z`, `[dim, dim]`; each of its rows is summed over the rows of `Z` in their order, on whatever thread.
fn products_of_channels(rows: &[f32], dim: usize) -> Vec<f64> {
    let row = |channel: usize| {
        let mut sums = vec![0.0; dim];
        for row in rows.chunks_exact(dim) {
            let own = f64::from(row[channel]);
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += own * f64::from(value);
            }
        }
        sums
    };
    let rows: Vec<Vec<f64>> = (0..dim).into_par_iter().map(row).collect();
    rows.concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn an_orthonormal_set_has_its_size_as_rank() {
        let mut rows = vec![0.0; 5 * 8];
        for at in 0..5 {
            rows[at * 8 + at + 2] = 3.0;
        }
        close(rankme(&rows, 8), 5.0);
        // Each twice: more rows than channels.
        close(rankme(&rows.repeat(2), 8), 5.0);
    }

    #[test]
    fn rows_that_point_one_way_have_rank_one() {
        let rows: Vec<f32> = (1..=90).map(|i| i as f32 * 0.3).collect();
        close(rankme(&rows[..9].repeat(4), 9), 1.0);
        close(rankme(&rows[..9].repeat(40), 9), 1.0);
        close(rankme(&rows[..9], 9), 1.0);
        close(rankme(&[0.0; 12], 4), 0.0);
    }

    #[test]
    fn two_singular_values_have_the_rank_worked_out_by_hand() {
        // Parts 3/4 and 1/4.
        let entropy = -0.75 * 0.75_f64.ln() - 0.25 * 0.25_f64.ln();
        close(rankme(&[3.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3), entropy.exp());
    }

    #[test]
    fn a_value_that_is_not_finite_has_no_rank() {
        assert!(rankme(&[1.0, f32::NAN, 0.0, 2.0], 2).is_nan());
        assert!(rankme(&[1.0, f32::INFINITY, 0.0, 2.0, 1.0, 1.0], 2).is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_rank_is_bounded_and_does_not_see_scale_or_transposition(
            count in 1_usize..20, dim in 1_usize..20, seed: u32,
        ) {
            let value = |i: u32| (i ^ seed).wrapping_mul(2_654_435_761) as f32 / 4e9 - 0.5;
            let rows: Vec<f32> = (0..(count * dim) as u32).map(value).collect();
            let mut turned = vec![0.0; rows.len()];
            for (at, value) in rows.iter().enumerate() {
                turned[at % dim * count + at / dim] = value * 8.0;
            }
            let rank = rankme(&rows, dim);
            prop_assert!(rank >= 1.0 - 1e-9 && rank <= count.min(dim) as f64 + 1e-9);
            // Singular values near the cut may fall on either side of it.
            prop_assert!((rank - rankme(&turned, count)).abs() < 1e-3);
        }
    }
}
