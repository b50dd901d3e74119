//! All eigenvalues of a symmetric matrix, without eigenvectors.
//!
//! Input: `[side, side]` in f64. Output: the values, in no order. Householder reflections make the matrix tridiagonal,
//! implicit QL steps make that diagonal. Source: Martin and Wilkinson 1968, "The Implicit QL Algorithm"; EISPACK, `tred1`
//! and `imtql1`.

/// Steps for one eigenvalue; two or three are the rule.
const MAX_STEPS: usize = 60;

/// The eigenvalues of `matrix` `[side, side]`, each to within 1e-15 of the largest or so; `None` if they do not converge,
/// as with a NaN.
pub(super) fn eigenvalues(mut matrix: Vec<f64>, side: usize) -> Option<Vec<f64>> {
    assert_eq!(
        matrix.len(),
        side * side,
        "eigenvalues: values of the matrix"
    );
    let (mut diagonal, mut beside) = tridiagonal(&mut matrix, side);
    diagonalize(&mut diagonal, &mut beside).then_some(diagonal)
}

/// Diagonal and the entries beside it (the last is 0) of a tridiagonal matrix with the same eigenvalues.
fn tridiagonal(matrix: &mut [f64], side: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut diagonal, mut beside) = (vec![0.0; side], vec![0.0; side]);
    for k in 0..side {
        diagonal[k] = matrix[k * side + k];
        if k + 1 == side {
            break;
        }
        // The row is the column, too; rows are together in memory.
        let mut mirror = matrix[k * side + k + 1..(k + 1) * side].to_vec();
        let square: f64 = mirror.iter().map(|x| x * x).sum();
        let rest: f64 = mirror[1..].iter().map(|x| x * x).sum();
        if rest == 0.0 {
            beside[k] = mirror[0];
            continue;
        }
        beside[k] = -square.sqrt().copysign(mirror[0]);
        mirror[0] -= beside[k];
        reflect(matrix, side, k + 1, &mirror);
    }
    (diagonal, beside)
}

/// `H · A · H` of the part of the matrix from row and column `first` on, `H = 1 − 2 v·vᵀ / ‖v‖²`.
fn reflect(matrix: &mut [f64], side: usize, first: usize, v: &[f64]) {
    let beta = 2.0 / v.iter().map(|x| x * x).sum::<f64>();
    let row = |i: usize| (first + i) * side + first..(first + i + 1) * side;
    let mut w: Vec<f64> = (0..v.len())
        .map(|i| beta * dot(&matrix[row(i)], v))
        .collect();
    let half = 0.5 * beta * dot(&w, v);
    for (w, v) in w.iter_mut().zip(v) {
        *w -= half * v;
    }
    for i in 0..v.len() {
        let (left, right) = (v[i], w[i]);
        for ((entry, v), w) in matrix[row(i)].iter_mut().zip(v).zip(&w) {
            *entry -= left * w + right * v;
        }
    }
}

/// Turns the tridiagonal matrix into a diagonal one; false if that does not converge.
fn diagonalize(diagonal: &mut [f64], beside: &mut [f64]) -> bool {
    let side = diagonal.len();
    let largest = |values: &[f64]| values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    // Against the whole matrix: smaller entries are rounding of it.
    let least = f64::EPSILON * largest(diagonal).max(largest(beside));
    if diagonal.iter().chain(beside.iter()).any(|x| !x.is_finite()) {
        return false;
    }
    for l in 0..side {
        let mut steps = 0;
        loop {
            let end = (l..side - 1).find(|&m| beside[m].abs() <= least);
            let m = end.unwrap_or(side - 1);
            if m == l {
                break;
            }
            steps += 1;
            if steps > MAX_STEPS {
                return false;
            }
            ql_step(diagonal, beside, l, m);
        }
    }
    true
}

/// One implicit QL step on the rows `l` to `m`, with Wilkinson's shift.
fn ql_step(d: &mut [f64], e: &mut [f64], l: usize, m: usize) {
    let slope = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let mut g = d[m] - d[l] + e[l] / (slope + slope.hypot(1.0).copysign(slope));
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            d[i + 1] -= p;
            e[m] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        let r = (d[i] - g) * s + 2.0 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0.0;
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn sorted(matrix: Vec<f64>, side: usize) -> Vec<f64> {
        let mut values = eigenvalues(matrix, side).unwrap();
        values.sort_by(f64::total_cmp);
        values
    }

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < tolerance,
                "{found} is not {expected}"
            );
        }
    }

    #[test]
    fn small_matrices_have_the_values_worked_out_by_hand() {
        close(&sorted(vec![7.0], 1), &[7.0], 1e-15);
        close(&sorted(vec![0.0, 1.0, 1.0, 0.0], 2), &[-1.0, 1.0], 1e-14);
        let matrix = vec![2.0, 0.0, 1.0, 0.0, 5.0, 0.0, 1.0, 0.0, 2.0];
        close(&sorted(matrix, 3), &[1.0, 3.0, 5.0], 1e-14);
        close(&sorted(vec![0.0; 16], 4), &[0.0; 4], 1e-15);
    }

    #[test]
    fn a_chain_has_its_known_spectrum() {
        // The second difference: 2 − 2·cos(π·k / (n + 1)).
        let side = 60;
        let mut matrix = vec![0.0; side * side];
        for i in 0..side {
            matrix[i * side + i] = 2.0;
            if i > 0 {
                matrix[i * side + i - 1] = -1.0;
                matrix[(i - 1) * side + i] = -1.0;
            }
        }
        let value = |k: usize| 2.0 - 2.0 * (PI * k as f64 / (side as f64 + 1.0)).cos();
        let expected: Vec<f64> = (1..=side).map(value).collect();
        close(&sorted(matrix, side), &expected, 1e-13);
    }

    #[test]
    fn mirrored_diagonals_keep_their_values() {
        // H · diag(1..n) · H for a few mirrors: dense, the values known.
        let side = 40;
        let mut matrix = vec![0.0; side * side];
        for i in 0..side {
            matrix[i * side + i] = (i % 7) as f64;
        }
        for turn in 0..3 {
            let v: Vec<f64> = (0..side).map(|i| ((i * (turn + 3)) as f64).sin()).collect();
            reflect(&mut matrix, side, 0, &v);
        }
        let mut expected: Vec<f64> = (0..side).map(|i| (i % 7) as f64).collect();
        expected.sort_by(f64::total_cmp);
        close(&sorted(matrix, side), &expected, 1e-12);
    }

    #[test]
    fn a_nan_has_no_eigenvalues() {
        assert!(eigenvalues(vec![f64::NAN; 9], 3).is_none());
        assert!(eigenvalues(vec![1.0, f64::NAN, f64::NAN, 1.0], 2).is_none());
    }
}
