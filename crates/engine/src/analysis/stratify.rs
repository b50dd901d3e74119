//! Thinning of points to a minimal distance.
//!
//! Input: points in pixels and a distance. Output: the positions of the points that stay. Source: `spec/05`, section
//! 3, step 5; golden case `matching`.

/// Positions (ascending) of the points that stay when no two may be closer than `distance_px`.
///
/// Counts for each point the others strictly closer than the distance; while the largest count is above 0, removes the
/// first point with the largest count and takes it off its neighbours' counts. Points exactly at the distance both
/// stay. `points`: finite (x, y); needs no matrix, `O(points²)` time.
pub fn stratify(points: &[[f32; 2]], distance_px: f32) -> Vec<usize> {
    let limit = f64::from(distance_px) * f64::from(distance_px);
    let close = |a: [f32; 2], b: [f32; 2]| {
        let dx = f64::from(a[0]) - f64::from(b[0]);
        let dy = f64::from(a[1]) - f64::from(b[1]);
        dx * dx + dy * dy < limit
    };
    let mut kept = vec![true; points.len()];
    let mut counts: Vec<usize> = points
        .iter()
        .map(|&a| points.iter().filter(|&&b| close(a, b)).count())
        // Without the point itself, which is closer than any positive distance.
        .map(|count| count.saturating_sub(1))
        .collect();
    while let Some(worst) = first_largest(&counts) {
        kept[worst] = false;
        counts[worst] = 0;
        for (other, count) in counts.iter_mut().enumerate() {
            if kept[other] && close(points[worst], points[other]) {
                *count -= 1;
            }
        }
    }
    (0..points.len()).filter(|&point| kept[point]).collect()
}

/// Position of the first of the largest counts; `None` when all are 0.
fn first_largest(counts: &[usize]) -> Option<usize> {
    let largest = counts.iter().copied().max().filter(|&count| count > 0)?;
    counts.iter().position(|&count| count == largest)
}

#[cfg(test)]
mod tests {
    use super::super::golden::Golden;
    use super::*;

    #[test]
    fn random_points_are_thinned_as_in_the_golden_case() {
        let golden = Golden::open("matching");
        let points = golden.floats("input.free_points");
        let (points, _) = points.as_chunks();
        let prefix = "expected.free_points_stratified.distance";
        let names = golden.names();
        let runs: Vec<&String> = names
            .iter()
            .filter(|name| name.starts_with(prefix))
            .collect();
        assert!(!runs.is_empty());
        for name in runs {
            let distance = name[prefix.len()..].parse().unwrap();
            assert_eq!(stratify(points, distance), golden.indices(name), "{name}");
        }
    }

    #[test]
    fn points_exactly_at_the_distance_both_stay() {
        let row = [[0.0, 0.0], [16.0, 0.0], [32.0, 0.0]];
        assert_eq!(stratify(&row, 16.0), [0, 1, 2]);
        assert_eq!(stratify(&row, 16.1), [0, 2]);
    }

    #[test]
    fn a_distance_of_zero_keeps_everything_even_equal_points() {
        assert_eq!(stratify(&[[3.0, 4.0]; 3], 0.0), [0, 1, 2]);
        assert_eq!(stratify(&[[3.0, 4.0]; 3], 1.0), [2]);
        assert_eq!(stratify(&[], 1.0), [] as [usize; 0]);
    }
}
