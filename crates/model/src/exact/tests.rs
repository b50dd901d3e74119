use burn::backend::Flex;
use burn::tensor::{Device, DeviceKind, Distribution, Shape, TensorData, activation};

use super::*;
use crate::config::{RopeConfig, RopeCoords, RopePeriods};
use crate::rope::{Rope, RopeAugment};

fn slope(device: &Device) -> Vec<f32> {
    let x: Vec<f32> = (0..401).map(|i| i as f32 * 0.03 - 6.0).collect();
    let x = Tensor::<2>::from_data(TensorData::new(x, [1, 401]), &device.clone().autodiff());
    let x = x.require_grad();
    let gradients = gelu(x.clone()).sum().backward();
    let slope = x.grad(&gradients).expect("the sum depends on it");
    slope.into_data().try_to_vec().unwrap()
}

#[test]
fn the_slope_is_that_of_the_error_function() {
    let found = slope(&Device::flex());
    for (i, found) in found.iter().enumerate() {
        // Central differences in f64 of the function by its series would be no better than its closed form.
        let x = i as f64 * 0.03 - 6.0;
        let expected =
            0.5 * (1.0 + erf(x / 2f64.sqrt())) + x * (-0.5 * x * x).exp() * 0.398_942_280_401_432_7;
        assert!(
            (f64::from(*found) - expected).abs() < 2e-6,
            "{x}: {found}, expected {expected}"
        );
    }
}

#[test]
fn the_slope_is_the_same_on_a_graphics_device() {
    let found = slope(&Device::wgpu(DeviceKind::DefaultDevice));
    for (a, b) in found.iter().zip(slope(&Device::flex())) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

/// Gradients by three inputs of two ways to compute the same.
fn same_gradients<const D: usize>(
    shapes: ([usize; D], [usize; 1], [usize; 1]),
    ways: [&dyn Fn(Tensor<D>, Tensor<1>, Tensor<1>) -> Tensor<D>; 2],
) {
    let device = Device::flex().autodiff();
    let normal = Distribution::Normal(0.0, 1.0);
    let x = Tensor::<D>::random(shapes.0, normal, &device).require_grad();
    let a = Tensor::<1>::random(shapes.1, normal, &device).require_grad();
    let b = Tensor::<1>::random(shapes.2, normal, &device).require_grad();
    let weights = Tensor::<D>::random(shapes.0, normal, &device);
    let [found, expected] = ways.map(|way| {
        let y = way(x.clone(), a.clone(), b.clone());
        let gradients = (y.clone() * weights.clone()).sum().backward();
        let list = |tensor: Tensor<1>| tensor.into_data().try_to_vec::<f32>().unwrap();
        let flat = |tensor: Tensor<D>| tensor.reshape([-1]);
        [
            list(flat(y.inner())),
            list(flat(x.grad(&gradients).unwrap())),
            list(a.grad(&gradients).unwrap()),
            list(b.grad(&gradients).unwrap()),
        ]
    });
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let off = (found - expected).abs();
            assert!(
                off <= 2e-5 + 1e-5 * expected.abs(),
                "{found}, expected {expected}"
            );
        }
    }
}

#[test]
fn layer_norms_have_the_gradients_of_their_formula() {
    same_gradients(
        ([2, 5, 37], [37], [37]),
        [
            &|x, gain, shift| layer_norm(x, gain, shift, 1e-5),
            &|x: Tensor<3>, gain, shift| {
                let centered = x.clone() - x.mean_dim(2);
                let variance = centered.clone().square().mean_dim(2);
                let unit = centered / variance.add_scalar(1e-5).sqrt();
                unit * gain.unsqueeze() + shift.unsqueeze()
            },
        ],
    );
}

#[test]
fn linear_layers_have_the_gradients_of_their_formula() {
    same_gradients(
        ([3, 4, 6], [36], [6]),
        [
            &|x, weight, bias| linear(x, weight.reshape([6, 6]), Some(bias)),
            &|x: Tensor<3>, weight, bias| x.matmul(weight.reshape([1, 6, 6])) + bias.unsqueeze(),
        ],
    );
    same_gradients(
        ([3, 4, 6], [36], [6]),
        [
            &|x, weight, bias| linear(x, weight.reshape([6, 6]), None) * bias.unsqueeze(),
            &|x: Tensor<3>, weight, bias| x.matmul(weight.reshape([1, 6, 6])) * bias.unsqueeze(),
        ],
    );
}

#[test]
fn residual_branches_have_the_gradients_of_their_formula() {
    same_gradients(
        ([2, 150, 6], [1800], [6]),
        [
            &|x, y, gamma| residual(x, y.reshape([2, 150, 6]), gamma),
            &|x: Tensor<3>, y, gamma| x + y.reshape([2, 150, 6]) * gamma.unsqueeze(),
        ],
    );
}

/// Output and gradient of attention by a weighted sum of its output.
fn attended(
    qkv: &Tensor<3>,
    rope: &Rope,
    heads: usize,
    way: impl Fn(Tensor<3>, &Rope, usize) -> Tensor<3>,
) -> [Vec<f32>; 2] {
    let y = way(qkv.clone(), rope, heads);
    let [batch, tokens, dim] = y.dims();
    let weights = (0..batch * tokens * dim).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0);
    let weights = TensorData::new(weights.collect::<Vec<_>>(), [batch, tokens, dim]);
    let weights = Tensor::<3>::from_data(weights, &qkv.device());
    let gradients = (y.clone() * weights).sum().backward();
    [y.inner(), qkv.grad(&gradients).unwrap()]
        .map(|tensor| tensor.into_data().try_to_vec::<f32>().unwrap())
}

/// Attention out of tensor operations with gradients of their own.
fn attention_of_formula(qkv: Tensor<3>, rope: &Rope, heads: usize) -> Tensor<3> {
    let [batch, tokens, width] = qkv.dims();
    let head_dim = width / 3 / heads;
    let qkv = qkv
        .reshape([batch, tokens, 3, heads, head_dim])
        .permute([2, 0, 3, 1, 4]);
    let part = |i| qkv.clone().narrow(0, i, 1).squeeze_dim::<4>(0);
    let scores = rope
        .apply(part(0))
        .matmul(rope.apply(part(1)).swap_dims(2, 3));
    let weights = activation::softmax(scores.div_scalar((head_dim as f64).sqrt()), 3);
    weights
        .matmul(part(2))
        .swap_dims(1, 2)
        .reshape([batch, tokens, width / 3])
}

fn attention_inputs(
    [batch, heads, head_dim, prefix]: [usize; 4],
    grid: [usize; 2],
    device: &Device,
) -> (Tensor<3>, Rope) {
    let config = RopeConfig {
        periods: RopePeriods::Base(100.0),
        coords: RopeCoords::Separate,
    };
    let rope = Rope::new(&config, head_dim, grid, RopeAugment::default(), device);
    let shape = [batch, prefix + grid[0] * grid[1], 3 * heads * head_dim];
    let values =
        (0..shape.iter().product::<usize>()).map(|i| ((i * 61) % 997) as f32 / 400.0 - 1.2);
    let data = TensorData::new(values.collect::<Vec<_>>(), shape);
    (Tensor::from_data(data, device).require_grad(), rope)
}

fn assert_near(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(
            off <= tolerance * (1.0 + expected.abs()),
            "[{i}]: {found}, expected {expected}"
        );
    }
}

#[test]
fn attention_has_the_gradients_of_its_formula() {
    let device = Device::flex().autodiff();
    let ours = |qkv, rope: &Rope, heads| attention(qkv, rope.cos.clone(), rope.sin.clone(), heads);
    // More tokens than a block of queries; a head that is no whole panel; no prefix.
    for (sizes, grid) in [
        ([2, 3, 64, 5], [9, 11]),
        ([1, 2, 20, 1], [3, 4]),
        ([3, 1, 4, 0], [1, 1]),
    ] {
        let (qkv, rope) = attention_inputs(sizes, grid, &device);
        let found = attended(&qkv, &rope, sizes[1], ours);
        let expected = attended(&qkv, &rope, sizes[1], attention_of_formula);
        for (found, expected) in found.iter().zip(&expected) {
            assert_near(found, expected, 1e-5);
        }
    }
}

#[test]
fn attention_out_of_operations_has_the_same_gradients() {
    let device = Device::flex().autodiff();
    let (qkv, rope) = attention_inputs([2, 2, 8, 3], [40, 30], &device);
    let [y, gradient] = attended(&qkv, &rope, 2, |qkv, rope, heads| {
        attention(qkv, rope.cos.clone(), rope.sin.clone(), heads)
    });
    let inner =
        |tensor: Vec<f32>, shape| FloatTensor::<Flex>::from_data(TensorData::new(tensor, shape));
    let list = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().unwrap();
    let table = || {
        [rope.cos.clone(), rope.sin.clone()].map(|table| {
            let shape = table.dims();
            inner(list(table.inner()), Shape::from(shape.to_vec()))
        })
    };
    let qkv_inner = || {
        let shape = qkv.dims();
        let values = qkv.clone().inner().into_data().try_to_vec::<f32>().unwrap();
        inner(values, Shape::from(shape.to_vec()))
    };
    let found = composed::attention::<Flex>(qkv_inner(), table(), 2).to_contiguous();
    assert_near(found.as_slice::<f32>().unwrap(), &y, 1e-5);
    let weights = (0..y.len()).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0);
    let weights = inner(weights.collect(), found.layout().shape().clone());
    let found =
        composed::attention_backward::<Flex>(qkv_inner(), table(), weights, 2).to_contiguous();
    assert_near(found.as_slice::<f32>().unwrap(), &gradient, 1e-5);
}

#[test]
fn attention_has_the_same_gradients_on_a_graphics_device() {
    let ours = |qkv, rope: &Rope, heads| attention(qkv, rope.cos.clone(), rope.sin.clone(), heads);
    let [found, expected] =
        [Device::wgpu(DeviceKind::DefaultDevice), Device::flex()].map(|device| {
            let (qkv, rope) = attention_inputs([2, 3, 16, 5], [5, 7], &device.autodiff());
            attended(&qkv, &rope, 3, ours)
        });
    for (found, expected) in found.iter().zip(&expected) {
        assert_near(found, expected, 1e-5);
    }
}

/// Error function by its Taylor series, converged for |x| below 4.5.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..160 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}
