//! Patches of a larger picture on the grid of a smaller one, for a Gram teacher that sees more pixels.

use burn::tensor::{Tensor, TensorData};

/// Sharpness of the cubic, as PyTorch has it.
const A: f64 = -0.75;

/// Resizes patches `[pictures, rows · columns, dim]` of the grid `from` to the grid `to`, bicubic and not antialiased.
///
/// `align_corners` is false, and the edges are repeated. Equal grids pass unchanged. Source: `spec/03`, section 1.1.
///
/// # Panics
/// If the patches are not those of the grid `from`.
pub fn downsample(patches: Tensor<3>, from: [usize; 2], to: [usize; 2]) -> Tensor<3> {
    let [pictures, count, dim] = patches.dims();
    let [rows, columns] = from;
    assert_eq!(
        count,
        rows * columns,
        "downsample: {count} patches, grid is {rows}x{columns}"
    );
    if from == to {
        return patches;
    }
    let device = patches.device();
    let matrix = |from: usize, to: usize| {
        Tensor::<2>::from_data(TensorData::new(weights(from, to), [to, from]), &device)
    };
    let down = matrix(rows, to[0]).unsqueeze::<3>();
    let across = matrix(columns, to[1]).unsqueeze::<4>();
    let tall = down
        .expand([pictures, to[0], rows])
        .matmul(patches.reshape([pictures, rows, columns * dim]))
        .reshape([pictures, to[0], columns, dim]);
    across
        .expand([pictures, to[0], to[1], columns])
        .matmul(tall)
        .reshape([pictures, to[0] * to[1], dim])
}

/// Weights `[to, from]` of the four values around each place.
fn weights(from: usize, to: usize) -> Vec<f32> {
    let scale = from as f64 / to as f64;
    let mut out = vec![0.0; to * from];
    for (i, row) in out.chunks_exact_mut(from).enumerate() {
        let place = (i as f64 + 0.5) * scale - 0.5;
        let first = place.floor();
        for step in -1..=2 {
            let at = first + f64::from(step);
            let weight = cubic((place - at).abs());
            #[expect(clippy::cast_sign_loss, reason = "clamped to the row")]
            let at = at.clamp(0.0, (from - 1) as f64) as usize;
            row[at] += weight as f32;
        }
    }
    out
}

/// The cubic convolution kernel at a distance.
fn cubic(distance: f64) -> f64 {
    let d = distance;
    if d <= 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_grid_samples_midway_between_tokens() {
        let found = weights(8, 4);
        // The third place lies between tokens 4 and 5.
        let expected = [0.0, 0.0, 0.0, -0.09375, 0.59375, 0.59375, -0.09375, 0.0];
        for (found, expected) in found[16..24].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn weights_add_up_to_one_also_at_the_edges() {
        for (from, to) in [(3, 2), (7, 5), (4, 4), (2, 9), (1, 3)] {
            for row in weights(from, to).chunks_exact(from) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }
}
