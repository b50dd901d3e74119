//! How spread out features are: between pictures, between the patches of a picture, against the class token.
//!
//! Input: features `[rows, dim]` or `[pictures, patches, dim]`. Output: dimensionless numbers; `None` where a number
//! needs two rows and there is one; a NaN in the input is a NaN in the output. Source: `spec/06`, section 7.

use dinoscope_engine::analysis::{AnalysisError, Norms};
use rayon::prelude::*;

use super::rows_of;
use crate::evaluation::products;

/// `mean_d std_i(ẑ_id) · √dim` of rows divided by their length: 1 if they point everywhere, 0 if all the same way.
///
/// `rows`: `[rows, dim]`; the deviation has the divisor `rows − 1`.
///
/// # Panics
/// Without whole rows.
pub fn feature_std(rows: &[f32], dim: usize) -> Option<f64> {
    let count = rows_of("feature_std", rows, dim);
    if count < 2 {
        return None;
    }
    let units: Vec<Vec<f64>> = rows.chunks_exact(dim).map(unit).collect();
    let deviation = |channel: usize| {
        let values = || units.iter().map(|unit| unit[channel]);
        let mean = values().sum::<f64>() / count as f64;
        let squares: f64 = values().map(|value| (value - mean).powi(2)).sum();
        (squares / (count - 1) as f64).sqrt()
    };
    let sum: f64 = (0..dim).map(deviation).sum();
    Some(sum / dim as f64 * (dim as f64).sqrt())
}

/// Mean cosine over all pairs of different rows of `[rows, dim]`, in [-1, 1]; a zero row has cosine 0.
///
/// Without a matrix of all pairs: `‖Σ u‖² = Σ ‖u‖² + Σ over pairs`.
///
/// # Panics
/// Without whole rows.
pub fn pair_cosine(rows: &[f32], dim: usize) -> Option<f64> {
    let count = rows_of("pair_cosine", rows, dim);
    if count < 2 {
        return None;
    }
    let mut sum = vec![0.0; dim];
    let mut own = 0.0;
    for row in rows.chunks_exact(dim) {
        for (sum, value) in sum.iter_mut().zip(unit(row)) {
            *sum += value;
            own += value * value;
        }
    }
    let square: f64 = sum.into_iter().map(|value| value * value).sum();
    Some((square - own) / (count * (count - 1)) as f64)
}

/// Mean over pictures of the mean cosine between two different patches: near 1 all patches are alike.
///
/// `patches`: `[pictures, patches, dim]`, of that `shape`. The same as the engine's `health::patch_cosine`.
///
/// # Panics
/// If `patches` has another shape.
pub fn patch_cosine(patches: &[f32], shape: [usize; 3]) -> Option<f64> {
    let [pictures, _, dim] = shape;
    let cosines = pictures_of("patch_cosine", patches, shape);
    let cosines: Option<Vec<f64>> = cosines.map(|picture| pair_cosine(picture, dim)).collect();
    Some(cosines?.into_iter().sum::<f64>() / pictures as f64)
}

/// Mean cosine between the class token of a picture and its patches, in [-1, 1].
///
/// `cls`: `[pictures, dim]`; `patches`: `[pictures, patches, dim]`, of that `shape`.
///
/// # Panics
/// If a shape is another.
pub fn cls_patch_cosine(cls: &[f32], patches: &[f32], shape: [usize; 3]) -> f64 {
    let [pictures, count, dim] = shape;
    assert_eq!(
        cls.len(),
        pictures * dim,
        "cls_patch_cosine: values of class tokens"
    );
    let tokens = cls.chunks_exact(dim).map(unit);
    let pairs = tokens.zip(pictures_of("cls_patch_cosine", patches, shape));
    let sum: f64 = pairs
        .map(|(token, picture)| {
            let cosine = |patch| -> f64 {
                let pairs = unit(patch).into_iter().zip(&token);
                pairs.map(|(patch, token)| patch * token).sum()
            };
            picture.chunks_exact(dim).map(cosine).sum::<f64>()
        })
        .sum();
    sum / (pictures * count) as f64
}

/// How far patch similarities have moved: `mean((A − B)²)`, `A` and `B` the cosines of all pairs of patches of a picture.
///
/// `now`, `before`: `[pictures, patches, dim]`, of that `shape`, of the same pictures, each with its own of the `dims`:
/// networks of two widths can be compared. As the Gram loss; 0 if equal.
///
/// # Panics
/// If a shape is another.
pub fn gram_drift(now: &[f32], before: &[f32], shape: [usize; 2], dims: [usize; 2]) -> f64 {
    let [pictures, patches] = shape;
    let [own, other] = dims;
    let now: Vec<_> = pictures_of("gram_drift", now, [pictures, patches, own]).collect();
    let before: Vec<_> = pictures_of("gram_drift", before, [pictures, patches, other]).collect();
    let drifts: Vec<f64> = now
        .into_par_iter()
        .zip(before)
        .map(|(now, before)| {
            let (now, before) = (cosines(now, own), cosines(before, other));
            let pairs = now.into_iter().zip(before);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        })
        .collect();
    drifts.into_iter().sum::<f64>() / (pictures * patches * patches) as f64
}

/// Part of the patches that are far longer than the others of their picture, as the engine's `Norms` defines it, 0 to 1.
///
/// `patches`: `[pictures, patches, dim]`, of that `shape`.
///
/// # Panics
/// If `patches` has another shape.
pub fn outlier_share(
    patches: &[f32],
    shape: [usize; 3],
    norms: &Norms,
) -> Result<f64, AnalysisError> {
    let [pictures, count, dim] = shape;
    let mut sum = 0.0;
    for picture in pictures_of("outlier_share", patches, shape) {
        let lengths = picture.chunks_exact(dim).map(|patch| length(patch) as f32);
        let lengths: Vec<f32> = lengths.collect();
        if lengths.iter().any(|length| !length.is_finite()) {
            return Ok(f64::NAN);
        }
        sum += f64::from(norms.judge(lengths, (1, count))?.share());
    }
    Ok(sum / pictures as f64)
}

/// The pictures of `[pictures, patches, dim]`.
fn pictures_of<'a>(
    what: &str,
    values: &'a [f32],
    shape: [usize; 3],
) -> impl Iterator<Item = &'a [f32]> {
    let [pictures, patches, dim] = shape;
    let expected = pictures * patches * dim;
    assert!(
        expected > 0 && values.len() == expected,
        "{what}: {} values, expected {shape:?}",
        values.len()
    );
    values.chunks_exact(patches * dim)
}

/// Cosines of all pairs of `rows` `[rows, dim]`: `[rows, rows]`.
fn cosines(rows: &[f32], dim: usize) -> Vec<f32> {
    let units = rows.chunks_exact(dim).flat_map(unit);
    let units: Vec<f32> = units.map(|value| value as f32).collect();
    let count = rows.len() / dim;
    let mut out = vec![0.0; count * count];
    products(&units, &units, dim, &mut out);
    out
}

/// The row divided by its length; a zero row stays zero.
fn unit(row: &[f32]) -> Vec<f64> {
    let length = length(row);
    let scale = if length == 0.0 { 0.0 } else { 1.0 / length };
    row.iter().map(|&value| f64::from(value) * scale).collect()
}

fn length(row: &[f32]) -> f64 {
    let square: f64 = row.iter().map(|&value| f64::from(value).powi(2)).sum();
    square.sqrt()
}

#[cfg(test)]
mod tests {
    use dinoscope_engine::FeatureMap;
    use dinoscope_engine::analysis::health;

    use super::*;

    fn scattered(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: u32| {
            let bits = (i + seed).wrapping_mul(2_654_435_761);
            let bits = (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519);
            (bits >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..count as u32).map(value).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn identical_features_have_no_spread_and_random_ones_have() {
        let row = scattered(64, 1);
        let same = row.repeat(20);
        close(feature_std(&same, 64).unwrap(), 0.0);
        close(pair_cosine(&same, 64).unwrap(), 1.0);
        let random = scattered(64 * 200, 2);
        let std = feature_std(&random, 64).unwrap();
        assert!((std - 1.0).abs() < 0.05, "{std}");
        assert!(pair_cosine(&random, 64).unwrap().abs() < 0.05);
        assert_eq!(feature_std(&row, 64), None);
        assert_eq!(pair_cosine(&row, 64), None);
    }

    #[test]
    fn cosines_are_those_worked_out_by_hand() {
        // Pairs: 0, 1/√2, 1/√2.
        let rows = [2.0, 0.0, 0.0, 3.0, 1.0, 1.0];
        close(pair_cosine(&rows, 2).unwrap(), 2.0_f64.sqrt() / 3.0);
        close(
            patch_cosine(&rows, [1, 3, 2]).unwrap(),
            2.0_f64.sqrt() / 3.0,
        );
        let mean = (1.0 + 0.0 + 0.5_f64.sqrt()) / 3.0;
        close(cls_patch_cosine(&[5.0, 0.0], &rows, [1, 3, 2]), mean);
        // Unit rows e₁ and e₂: each channel has the values 0 and 1, whose deviation is 1/√2.
        close(feature_std(&[4.0, 0.0, 0.0, 1.0], 2).unwrap(), 1.0);
    }

    #[test]
    fn patches_are_as_alike_as_the_engine_says() {
        let mut patches = scattered(2 * 12 * 7, 3);
        patches[7..14].fill(0.0);
        let of = |picture: &[f32]| {
            let map = FeatureMap::new(3, 4, 7, picture).unwrap();
            f64::from(health::patch_cosine(&map).unwrap())
        };
        let expected = f64::midpoint(of(&patches[..84]), of(&patches[84..]));
        close(patch_cosine(&patches, [2, 12, 7]).unwrap(), expected);
    }

    #[test]
    fn drift_is_the_squared_difference_of_cosines() {
        let before = [1.0, 0.0, 0.0, 1.0];
        let now = [1.0, 0.0, 9.0, 0.0];
        close(gram_drift(&before, &before, [1, 2], [2, 2]), 0.0);
        // Two of four entries move from 0 to 1.
        close(gram_drift(&now, &before, [1, 2], [2, 2]), 0.5);
        // The same angles in three channels.
        let wider = [before[0], before[1], 0.0, before[2], before[3], 0.0];
        close(gram_drift(&wider, &before, [1, 2], [3, 2]), 0.0);
        let random = scattered(3 * 20 * 9, 4);
        let longer: Vec<f32> = random.iter().map(|value| value * 3.0).collect();
        assert!(gram_drift(&random, &longer, [3, 20], [9, 9]) < 1e-12);
    }

    #[test]
    fn patches_that_are_far_too_long_are_counted() {
        let mut patches = scattered(2 * 50 * 32, 5);
        let share =
            |patches: &[f32]| outlier_share(patches, [2, 50, 32], &Norms::default()).unwrap();
        close(share(&patches), 0.0);
        for value in &mut patches[..32] {
            *value *= 10.0;
        }
        close(share(&patches), 0.01);
        patches[3] = f32::NAN;
        assert!(share(&patches).is_nan());
    }

    #[test]
    fn a_nan_stays_one_and_a_zero_row_is_none() {
        let nan = [1.0, f32::NAN, 0.5, 0.5];
        assert!(feature_std(&nan, 2).unwrap().is_nan());
        assert!(pair_cosine(&nan, 2).unwrap().is_nan());
        assert!(cls_patch_cosine(&[1.0, 0.0], &nan, [1, 2, 2]).is_nan());
        assert!(gram_drift(&nan, &[1.0; 4], [1, 2], [2, 2]).is_nan());
        close(pair_cosine(&[0.0, 0.0, 1.0, 1.0], 2).unwrap(), 0.0);
    }
}
