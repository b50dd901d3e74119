//! Resizes a grid of features, as the high-resolution teacher of Gram anchoring is brought to its student's grid.
//!
//! Input: features `[rows, cols, dim]`. Output: the same on another grid. Bicubic with the coefficient −0.75, half-pixel
//! centers, border patches repeated, no antialias: what `torch.nn.functional.interpolate` does by default.
//! Source: `spec/03`, section 1.1; golden case `gram_downsample`.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{AnalysisError, bad_setting};

/// Shape of the kernel; −0.75 is PyTorch's choice.
const COEFFICIENT: f64 = -0.75;
/// Most values that are made at once: 4 GiB of f32.
const MAX_VALUES: usize = 1 << 30;

/// Rows or columns that one output position reads, and what each weighs.
#[derive(Clone, Copy, Debug)]
struct Taps {
    at: [usize; 4],
    weights: [f32; 4],
}

/// Resizes `values` `[rows, cols, dim]` from the grid `from` (rows, cols) to the grid `to` (rows, cols): `[rows, cols, dim]`.
///
/// Errors on an empty side, on values that do not fill `from`, and beyond 2³⁰ values.
pub fn resize_features(
    values: &[f32],
    from: (usize, usize),
    to: (usize, usize),
) -> Result<Vec<f32>, AnalysisError> {
    let dim = channels(values.len(), from)?;
    let count = patches(to).and_then(|patches| patches.checked_mul(dim));
    let Some(count) = count.filter(|&count| count <= MAX_VALUES) else {
        let found = format!("{} x {} of {dim} channels", to.0, to.1);
        let expected = "a grid without an empty side, of at most 2^30 values";
        return Err(bad_setting("resize", expected, &found));
    };
    let (rows, cols) = (taps(from.0, to.0), taps(from.1, to.1));
    let mut out = vec![0.0; count];
    out.par_chunks_mut(dim)
        .enumerate()
        .for_each(|(patch, out)| {
            let (row, col) = (&rows[patch / to.1], &cols[patch % to.1]);
            for (&y, weight_y) in row.at.iter().zip(row.weights) {
                let sources = col.at.map(|x| &values[(y * from.1 + x) * dim..][..dim]);
                let weights = col.weights.map(|weight| weight * weight_y);
                Arch::new().dispatch(AddFour {
                    out,
                    sources,
                    weights,
                });
            }
        });
    Ok(out)
}

/// `out += Σ weights[i] · sources[i]`, all of one length, in one pass.
struct AddFour<'a> {
    out: &'a mut [f32],
    sources: [&'a [f32]; 4],
    weights: [f32; 4],
}

impl WithSimd for AddFour<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (out, out_tail) = S::as_mut_simd_f32s(self.out);
        let [a, b, c, d] = self.sources.map(S::as_simd_f32s);
        let vectors = a.0.iter().zip(b.0).zip(c.0.iter().zip(d.0));
        let weights = self.weights.map(|weight| simd.splat_f32s(weight));
        for (out, ((&a, &b), (&c, &d))) in out.iter_mut().zip(vectors) {
            let mut sum = simd.mul_add_e_f32s(weights[0], a, *out);
            sum = simd.mul_add_e_f32s(weights[1], b, sum);
            sum = simd.mul_add_e_f32s(weights[2], c, sum);
            *out = simd.mul_add_e_f32s(weights[3], d, sum);
        }
        let tails = [a.1, b.1, c.1, d.1];
        for (at, out) in out_tail.iter_mut().enumerate() {
            let terms = tails.iter().zip(self.weights);
            *out += terms.map(|(tail, weight)| weight * tail[at]).sum::<f32>();
        }
    }
}

/// Channels of `count` values on `grid`.
fn channels(count: usize, grid: (usize, usize)) -> Result<usize, AnalysisError> {
    match patches(grid) {
        Some(patches) if count > 0 && count.is_multiple_of(patches) => Ok(count / patches),
        _ => {
            let found = format!("{count} values on {} x {}", grid.0, grid.1);
            let expected = "the same number of channels in every patch";
            Err(bad_setting("features", expected, &found))
        }
    }
}

fn patches((rows, cols): (usize, usize)) -> Option<usize> {
    rows.checked_mul(cols).filter(|&patches| patches > 0)
}

/// The four taps of each of `to` positions along an axis of `from`.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let last = from - 1;
    let scale = from as f64 / to as f64;
    let at = |position: usize| {
        let source = (position as f64 + 0.5) * scale - 0.5;
        let part = source - source.floor();
        let weights = [
            outer(1.0 + part),
            inner(part),
            inner(1.0 - part),
            outer(2.0 - part),
        ];
        Taps {
            at: [-1.0, 0.0, 1.0, 2.0].map(|offset| border(source.floor() + offset, last)),
            weights: weights.map(|weight| weight as f32),
        }
    };
    (0..to).map(at).collect()
}

/// The nearest position of the axis, 0 to `last`.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
fn border(position: f64, last: usize) -> usize {
    (position.max(0.0) as usize).min(last)
}

/// The kernel at a distance `d` in [0, 1].
fn inner(d: f64) -> f64 {
    ((COEFFICIENT + 2.0) * d - (COEFFICIENT + 3.0)) * d * d + 1.0
}

/// The kernel at a distance `d` in [1, 2].
fn outer(d: f64) -> f64 {
    ((COEFFICIENT * d - 5.0 * COEFFICIENT) * d + 8.0 * COEFFICIENT) * d - 4.0 * COEFFICIENT
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, assert_close};
    use super::*;
    use crate::feature_map::FeatureMap;
    use proptest::prelude::*;

    /// The images `[side · side, dim]` of a golden tensor `[images, side · side, dim]`, and the side.
    fn images(golden: &Golden, name: &str) -> (Vec<Vec<f32>>, usize) {
        let [_, patches, dim] = golden.bytes(name).0[..] else {
            panic!("{name} has three axes")
        };
        let images = golden.floats(name);
        let images = images.chunks(patches * dim).map(<[f32]>::to_vec).collect();
        (images, patches.isqrt())
    }

    /// `mean((Xs·Xsᵀ − Xg·Xgᵀ)²)` of L2-normalized rows, averaged over the images (`spec/03`, section 1).
    fn gram_loss(students: &[Vec<f32>], teachers: &[Vec<f32>], patches: usize) -> f64 {
        let unit = |values: &[f32]| {
            let map = FeatureMap::new(1, patches, values.len() / patches, values.to_vec());
            map.unwrap().normalised()
        };
        let product = |map: &FeatureMap, a: usize, b: usize| -> f64 {
            let pairs = map.patch(a).iter().zip(map.patch(b));
            pairs.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
        };
        let mut sum = 0.0;
        for (student, teacher) in students.iter().zip(teachers) {
            let (student, teacher) = (unit(student), unit(teacher));
            for (a, b) in (0..patches * patches).map(|i| (i / patches, i % patches)) {
                let away = product(&student, a, b) - product(&teacher, a, b);
                sum += away * away;
            }
        }
        sum / (students.len() * patches * patches) as f64
    }

    #[test]
    fn every_grid_of_the_golden_case_is_resized_alike() {
        let golden = Golden::open("gram_downsample");
        let names = golden.names();
        let pairs: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".input.patches"))
            .collect();
        assert!(!pairs.is_empty());
        for pair in pairs {
            let (inputs, from) = images(&golden, &format!("{pair}.input.patches"));
            let (expected, to) = images(&golden, &format!("{pair}.expected.patches"));
            for (input, expected) in inputs.iter().zip(&expected) {
                let found = resize_features(input, (from, from), (to, to)).unwrap();
                // The golden case allows 1e-5 + 1e-4 of the value.
                assert_close(&found, expected, 1e-5, pair);
            }
        }
    }

    #[test]
    fn the_gram_loss_after_the_resize_is_the_golden_one() {
        let golden = Golden::open("gram_downsample");
        let (teachers, from) = images(&golden, "from9_to6.input.patches");
        let (students, to) = images(&golden, "loss_after_resize.input.student");
        let resize = |teacher: &Vec<f32>| resize_features(teacher, (from, from), (to, to)).unwrap();
        let teachers: Vec<Vec<f32>> = teachers.iter().map(resize).collect();
        let found = gram_loss(&students, &teachers, to * to);
        let expected = f64::from(golden.floats("loss_after_resize.expected.loss")[0]);
        // The golden case of the loss allows 2e-5 of the value.
        assert!(
            (found - expected).abs() <= 2e-5 * expected,
            "{found}, expected {expected}"
        );
    }

    #[test]
    fn halving_takes_the_four_fixed_weights() {
        let found = resize_features(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], (1, 8), (1, 4));
        let expected = [0.0, 0.593_75, -0.093_75, 0.0];
        assert_close(&found.unwrap(), &expected, 1e-7, "x2");
    }

    #[test]
    fn grids_that_cannot_be_are_errors() {
        let values = [0.0; 12];
        for (from, to) in [
            ((0, 3), (1, 1)),
            ((5, 1), (1, 1)),
            ((usize::MAX, 2), (1, 1)),
            ((2, 3), (0, 4)),
            ((2, 3), (usize::MAX, 2)),
            ((2, 3), (1 << 15, 1 << 15)),
        ] {
            let error = resize_features(&values, from, to).unwrap_err();
            assert!(matches!(error, AnalysisError::Setting { .. }), "{error}");
        }
        assert!(resize_features(&[], (2, 3), (1, 1)).is_err());
    }

    proptest! {
        #[test]
        fn the_same_grid_changes_nothing_and_constants_stay(
            rows in 1_usize..9, cols in 1_usize..9, dim in 1_usize..21, to_rows in 1_usize..19, to_cols in 1_usize..19,
        ) {
            let values: Vec<f32> = (0..rows * cols * dim).map(|i| (i * i % 31) as f32).collect();
            let same = resize_features(&values, (rows, cols), (rows, cols)).unwrap();
            prop_assert_eq!(&same, &values);
            let channel = |i: usize| (i % dim) as f32 - 3.0;
            let constant: Vec<f32> = (0..values.len()).map(channel).collect();
            let resized = resize_features(&constant, (rows, cols), (to_rows, to_cols)).unwrap();
            prop_assert_eq!(resized.len(), to_rows * to_cols * dim);
            for (i, value) in resized.iter().enumerate() {
                prop_assert!((value - channel(i)).abs() < 1e-5, "{} at {}", value, i);
            }
        }

        #[test]
        fn mirrored_features_are_resized_to_the_mirror_image(
            row in proptest::collection::vec(-5.0_f32..5.0, 1..40), to in 1_usize..60,
        ) {
            let mirrored: Vec<f32> = row.iter().rev().copied().collect();
            let found = resize_features(&row, (1, row.len()), (1, to)).unwrap();
            let mut back = resize_features(&mirrored, (row.len(), 1), (to, 1)).unwrap();
            back.reverse();
            for (a, b) in found.iter().zip(&back) {
                prop_assert!((a - b).abs() < 1e-4, "{} {}", a, b);
            }
        }
    }
}
