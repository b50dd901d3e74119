//! The spread loss: no two pictures may have the same features.

use burn::tensor::{Int, Tensor};

use super::normalised;

/// Smallest length that a row is divided by, and what is added to differences and distances.
const EPS: f32 = 1e-8;
/// Distances below this have no gradient: two copies of a picture would have one of 1e8.
const LEAST_DISTANCE: f32 = 1e-4;

/// Kozachenko–Leonenko entropy of features, negated: `−mean ln(‖x_i − x_j + ε‖ + ε)` with `x_j` the nearest other row.
///
/// `features`: `[rows, dim]`, normalised here; `neighbours`: how many nearest rows count for each, 1 in the recipe. The
/// choice of neighbours has no gradient, the distance has one into both rows. Returns `[1]`, in nats.
/// Source: `spec/02`, section 4.4; Sablayrolles et al. 2019, "Spreading vectors for similarity search".
///
/// # Panics
/// Without more rows than neighbours.
pub fn koleo(features: Tensor<2>, neighbours: usize) -> Tensor<1> {
    let [rows, dim] = features.dims();
    assert!(
        neighbours > 0 && rows > neighbours,
        "koleo: {rows} rows, expected more than {neighbours} neighbours"
    );
    let unit = normalised(features, EPS);
    let nearest = nearest(unit.clone().detach(), neighbours);
    let others = unit
        .clone()
        .select(0, nearest.reshape([rows * neighbours]))
        .reshape([rows, neighbours, dim]);
    let away = unit.reshape([rows, 1, dim]) - others;
    let squares = away.add_scalar(EPS).square().sum_dim(2);
    let least = f64::from(LEAST_DISTANCE);
    let distance = squares.clamp_min(least * least).sqrt();
    distance.add_scalar(EPS).log().mean().neg()
}

/// The `count` most similar other rows of each: `[rows, count]`.
fn nearest(unit: Tensor<2>, count: usize) -> Tensor<2, Int> {
    let [rows, _] = unit.dims();
    let own = Tensor::<2>::eye(rows, &unit.device()).mul_scalar(4.0);
    // A row is its own best partner: far below any cosine it is never taken.
    let cosines = unit.clone().matmul(unit.transpose()) - own;
    cosines.topk_with_indices(count, 1).1
}
