//! Foreground without a mask: the first principal component, split in two.
//!
//! Input: one score a patch and the grids. Output: masks. The DINOv2 demonstration thresholds the sign of the first
//! component by eye; here Otsu's threshold finds the gap (the mean of the fit need not lie in it), and the side that
//! is rarer along the pictures' borders is the foreground, because objects are framed. Source: `spec/05`, section 1;
//! Otsu 1979, "A Threshold Selection Method from Gray-Level Histograms".

use super::ScalarMap;

/// Masks `[rows · cols]` a map: `true` where the patch belongs to the foreground.
pub fn foreground(scores: &[ScalarMap]) -> Vec<Vec<bool>> {
    let all: Vec<f32> = scores.iter().flat_map(|map| &map.values).copied().collect();
    let threshold = otsu(&all);
    let above = |map: &ScalarMap| map.values.iter().map(|&value| value > threshold).collect();
    let mut masks: Vec<Vec<bool>> = scores.iter().map(above).collect();
    if is_inside_out(scores, &masks) {
        for mask in &mut masks {
            for inside in mask {
                *inside = !*inside;
            }
        }
    }
    masks
}

/// Otsu's threshold of finite `values`: the split with the largest variance between the two sides.
///
/// Returns a value such that `value > threshold` is the upper side; with fewer than two different values that side is
/// empty. Exact: every split between sorted values is tried.
pub fn otsu(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let total: f64 = sorted.iter().map(|&value| f64::from(value)).sum();
    let (mut below, mut best) = (0.0, 0.0);
    let mut threshold = sorted.last().copied().unwrap_or(0.0);
    for (at, pair) in sorted.windows(2).enumerate() {
        below += f64::from(pair[0]);
        let (low, high) = ((at + 1) as f64, (sorted.len() - at - 1) as f64);
        let gap = (total - below) / high - below / low;
        let between = low * high * gap * gap;
        if pair[0] < pair[1] && between > best {
            best = between;
            threshold = f32::midpoint(pair[0], pair[1]);
            // The midpoint of two neighbouring floats may round up to the upper one.
            if threshold >= pair[1] {
                threshold = pair[0];
            }
        }
    }
    threshold
}

/// Whether the masked side fills a larger part of the border patches than of the inner ones, over all pictures; on a
/// draw, whether it is the larger side.
fn is_inside_out(maps: &[ScalarMap], masks: &[Vec<bool>]) -> bool {
    let (mut border, mut inner) = ([0_usize; 2], [0_usize; 2]);
    for (map, mask) in maps.iter().zip(masks) {
        for (index, &masked) in mask.iter().enumerate() {
            let (row, col) = (index / map.cols, index % map.cols);
            let on_border = row == 0 || col == 0 || row + 1 == map.rows || col + 1 == map.cols;
            let counts = if on_border { &mut border } else { &mut inner };
            counts[usize::from(masked)] += 1;
        }
    }
    let part = |counts: [usize; 2]| counts[1] as f64 / (counts[0] + counts[1]).max(1) as f64;
    let has_inner = inner[0] + inner[1] > 0;
    if has_inner && part(border).total_cmp(&part(inner)).is_ne() {
        return part(border) > part(inner);
    }
    border[1] + inner[1] > border[0] + inner[0]
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;

    /// A 6 × 8 picture with an object of 3 × 4 patches in the middle.
    fn framed(object: f32, ground: f32) -> ScalarMap {
        let inside = |i: usize| (2..5).contains(&(i / 8)) && (2..6).contains(&(i % 8));
        let noise = |i: usize| (i % 5) as f32 * 0.01;
        let value = |i: usize| noise(i) + if inside(i) { object } else { ground };
        ScalarMap {
            rows: 6,
            cols: 8,
            values: (0..48).map(value).collect(),
        }
    }

    #[test]
    fn the_framed_object_is_foreground_whatever_the_sign() {
        for (object, ground) in [(2.0, -1.0), (-2.0, 1.0)] {
            let map = framed(object, ground);
            let mask = foreground(std::slice::from_ref(&map)).remove(0);
            for (inside, value) in mask.iter().zip(&map.values) {
                assert_eq!(*inside, (value - object).abs() < 0.5);
            }
        }
    }

    #[test]
    fn otsu_separates_two_groups_of_unequal_size() {
        let values = [0.0, 0.1, 0.2, 0.1, 0.0, 0.15, 5.0, 5.1];
        let threshold = otsu(&values);
        assert!((0.2..5.0).contains(&threshold), "{threshold}");
    }

    #[test]
    fn equal_values_have_an_empty_upper_side() {
        let threshold = otsu(&[3.0; 7]);
        assert!([3.0_f32; 7].iter().all(|&value| value <= threshold));
        assert_eq!(otsu(&[]), 0.0);
    }

    #[test]
    fn neighbouring_floats_are_still_separated() {
        let next = f32::from_bits(1.0_f32.to_bits() + 1);
        let threshold = otsu(&[1.0, next]);
        assert!(threshold >= 1.0 && next > threshold);
    }
}
