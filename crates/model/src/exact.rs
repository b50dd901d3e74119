//! Operations of training whose gradient is ours: the same on every device, and fused on the CPU.
//!
//! Burn's GELU has an exact backward pass on the CPU and an approximate one (off by up to 9e-4) on graphics devices.
//! Linear layers and layer norms are here for speed alone: where no kernel is written, they are the backend's own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor, TensorData};
use pulp::Arch;

use crate::cpu;

/// `x/2 · (1 + erf(x/√2))`, elementwise, with its exact derivative as gradient.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_gelu(x.into_dispatch()))
}

/// `x · weight + bias`: `[batch, tokens, inputs]`, `[inputs, outputs]`, `[outputs]` → `[batch, tokens, outputs]`.
pub(crate) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => <Dispatch as Exact>::exact_linear(x, weight, bias.into_dispatch()),
        None => <Dispatch as Exact>::exact_product(x, weight),
    })
}

/// Layer norm over the last axis; `gain` and `shift` `[channels]`.
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gain: Tensor<1>,
    shift: Tensor<1>,
    eps: f32,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_layer_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        shift.into_dispatch(),
        eps,
    ))
}

/// What the functions above dispatch to.
#[backend_extension(Flex, Cube, Autodiff)]
pub(crate) trait Exact: Backend {
    /// See [`linear`].
    fn exact_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::linear(x, weight, Some(bias))
    }

    /// See [`linear`].
    fn exact_product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear(x, weight, None)
    }

    /// `gradient · weightᵀ`.
    fn exact_linear_x(weight: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_x_backward(weight, gradient)
    }

    /// `xᵀ · gradient`, over all rows.
    fn exact_linear_weight(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_weight_backward(x, gradient)
    }

    /// Sums of the gradient over all rows.
    fn exact_linear_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_bias_backward(gradient)
    }

    /// See [`layer_norm`].
    fn exact_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, gain, Some(shift), f64::from(eps))
    }

    /// Gradients by `x`, `gain` and shift.
    fn exact_layer_norm_backward(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        layer_norm_backward::<Self>(x, gain, gradient, eps)
    }

    /// The function.
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::gelu(x)
    }

    /// `gradient · (Φ(x) + x · φ(x))`.
    fn exact_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let slope = {
            let root = std::f64::consts::FRAC_1_SQRT_2;
            let erf = Self::float_erf(Self::float_mul_scalar(x.clone(), root.into()));
            let below = Self::float_mul_scalar(Self::float_add_scalar(erf, 1.0.into()), 0.5.into());
            let square = Self::float_mul(x.clone(), x.clone());
            let bell = Self::float_exp(Self::float_mul_scalar(square, (-0.5).into()));
            // 1/√(2π).
            let bell = Self::float_mul_scalar(bell, 0.398_942_280_401_432_7.into());
            Self::float_add(below, Self::float_mul(x, bell))
        };
        Self::float_mul(gradient, slope)
    }
}

impl Exact for Cube {}

impl Exact for Flex {
    fn exact_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let bias = bias.to_contiguous();
        dense(&x, &weight, values(&bias))
    }

    fn exact_product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        dense(&x, &weight, &[])
    }

    fn exact_linear_x(weight: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let sizes @ [inputs, outputs] = weight.layout().shape().dims::<2>();
        let mut out = vec![0.0; values(&gradient).len() / outputs * inputs];
        cpu::dense_input_backward(
            Arch::new(),
            values(&gradient),
            values(&weight),
            sizes,
            &mut out,
        );
        tensor(out, with_last(&gradient, inputs))
    }

    fn exact_linear_weight(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let sizes @ [inputs, outputs] = [last(&x), last(&gradient)];
        let mut out = vec![0.0; inputs * outputs];
        cpu::dense_weight_backward(Arch::new(), values(&x), values(&gradient), sizes, &mut out);
        tensor(out, Shape::from(vec![inputs, outputs]))
    }

    fn exact_linear_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let gradient = gradient.to_contiguous();
        let outputs = last(&gradient);
        let sums = cpu::column_sums(Arch::new(), values(&gradient), outputs);
        tensor(sums, Shape::from(vec![outputs]))
    }

    fn exact_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let [x, gain, shift] = [x, gain, shift].map(|tensor| tensor.to_contiguous());
        let mut out = vec![0.0; values(&x).len()];
        cpu::layer_norm(
            Arch::new(),
            values(&x),
            values(&gain),
            values(&shift),
            eps,
            &mut out,
        );
        tensor(out, x.layout().shape().clone())
    }

    fn exact_layer_norm_backward(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        eps: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [x, gain, gradient] = [x, gain, gradient].map(|tensor| tensor.to_contiguous());
        let [by_x, by_gain, by_shift] = cpu::layer_norm_backward(
            Arch::new(),
            values(&x),
            values(&gain),
            eps,
            values(&gradient),
        );
        let channels = gain.layout().shape().clone();
        (
            tensor(by_x, x.layout().shape().clone()),
            tensor(by_gain, channels.clone()),
            tensor(by_shift, channels),
        )
    }

    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut x = owned(x);
        cpu::gelu(Arch::new(), x.storage_mut());
        x
    }

    fn exact_gelu_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, mut gradient) = (x.to_contiguous(), owned(gradient));
        let x = x.as_slice::<f32>().expect("contiguous copies are slices");
        cpu::gelu_backward(Arch::new(), x, gradient.storage_mut());
        gradient
    }
}

impl<B: Exact, C: CheckpointStrategy> Exact for Autodiff<B, C> {
    fn exact_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Linear;
        impl<B: Exact> Backward<B, 3> for Linear {
            type State = [FloatTensor<B>; 2];
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let [x, weight] = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                let [by_x, by_weight, by_bias] = ops.parents;
                if let Some(node) = by_x {
                    let found = B::exact_linear_x(weight, gradient.clone());
                    gradients.register::<B>(node.id, found);
                }
                if let Some(node) = by_weight {
                    let found = B::exact_linear_weight(x, gradient.clone());
                    gradients.register::<B>(node.id, found);
                }
                if let Some(node) = by_bias {
                    gradients.register::<B>(node.id, B::exact_linear_bias(gradient));
                }
            }
        }
        let nodes = [x.node(), weight.node(), bias.node()];
        let prepared = Linear.prepare::<C>(nodes).compute_bound().stateful();
        let [x, weight, bias] = primitives::<B, C, 3>([x, weight, bias]);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(
                [x.clone(), weight.clone()],
                B::exact_linear(x, weight, bias),
            ),
            OpsKind::UnTracked(prepared) => prepared.finish(B::exact_linear(x, weight, bias)),
        }
    }

    fn exact_product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Product;
        impl<B: Exact> Backward<B, 2> for Product {
            type State = [FloatTensor<B>; 2];
            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let [x, weight] = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                let [by_x, by_weight] = ops.parents;
                if let Some(node) = by_x {
                    let found = B::exact_linear_x(weight, gradient.clone());
                    gradients.register::<B>(node.id, found);
                }
                if let Some(node) = by_weight {
                    gradients.register::<B>(node.id, B::exact_linear_weight(x, gradient));
                }
            }
        }
        let nodes = [x.node(), weight.node()];
        let prepared = Product.prepare::<C>(nodes).compute_bound().stateful();
        let [x, weight] = primitives::<B, C, 2>([x, weight]);
        match prepared {
            OpsKind::Tracked(prepared) => {
                prepared.finish([x.clone(), weight.clone()], B::exact_product(x, weight))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::exact_product(x, weight)),
        }
    }

    fn exact_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Norm;
        impl<B: Exact> Backward<B, 3> for Norm {
            type State = (FloatTensor<B>, FloatTensor<B>, f32);
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let (x, gain, eps) = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                let (by_x, by_gain, by_shift) =
                    B::exact_layer_norm_backward(x, gain, gradient, eps);
                for (node, found) in ops.parents.into_iter().zip([by_x, by_gain, by_shift]) {
                    if let Some(node) = node {
                        gradients.register::<B>(node.id, found);
                    }
                }
            }
        }
        let nodes = [x.node(), gain.node(), shift.node()];
        let prepared = Norm.prepare::<C>(nodes).compute_bound().stateful();
        let [x, gain, shift] = primitives::<B, C, 3>([x, gain, shift]);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(
                (x.clone(), gain.clone(), eps),
                B::exact_layer_norm(x, gain, shift, eps),
            ),
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::exact_layer_norm(x, gain, shift, eps))
            }
        }
    }

    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Gelu;
        impl<B: Exact> Backward<B, 1> for Gelu {
            type State = FloatTensor<B>;
            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let x = ops.state;
                unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
                    B::exact_gelu_backward(x, gradient)
                });
            }
        }
        match Gelu.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let x = x.into_primitive();
                prepared.finish(x.clone(), B::exact_gelu(x))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::exact_gelu(x.into_primitive())),
        }
    }
}

/// The tensors without their graph.
fn primitives<B: Backend, C: CheckpointStrategy, const N: usize>(
    tensors: [FloatTensor<Autodiff<B, C>>; N],
) -> [FloatTensor<B>; N] {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method's type has no public path"
    )]
    tensors.map(|tensor| tensor.into_primitive())
}

/// See [`Exact::exact_layer_norm_backward`]; composed.
fn layer_norm_backward<B: Backend>(
    x: FloatTensor<B>,
    gain: FloatTensor<B>,
    gradient: FloatTensor<B>,
    eps: f32,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let axes = shape.num_dims();
    let channels = shape[axes - 1];
    let rows = shape.num_elements() / channels;
    let flat = |tensor| B::float_reshape(tensor, Shape::from(vec![rows, channels]));
    let mean = |tensor| B::float_mean_dim(tensor, 1);
    let (x, gradient) = (flat(x), flat(gradient));
    let centered = B::float_sub(x.clone(), mean(x));
    let variance = mean(B::float_mul(centered.clone(), centered.clone()));
    let deviation = B::float_sqrt(B::float_add_scalar(variance, f64::from(eps).into()));
    let unit = B::float_div(centered, deviation.clone());
    let gain = B::float_reshape(gain, Shape::from(vec![1, channels]));
    let scaled = B::float_mul(gradient.clone(), gain);
    let along = mean(B::float_mul(scaled.clone(), unit.clone()));
    let left = B::float_sub(scaled.clone(), mean(scaled));
    let left = B::float_sub(left, B::float_mul(unit.clone(), along));
    let by_x = B::float_reshape(B::float_div(left, deviation), shape);
    let sums = |tensor| {
        let sums = B::float_sum_dim(tensor, 0);
        B::float_reshape(sums, Shape::from(vec![channels]))
    };
    let by_gain = sums(B::float_mul(gradient.clone(), unit));
    (by_x, by_gain, sums(gradient))
}

/// `x · weight + bias` on the CPU; `bias` may be empty.
fn dense(x: &FlexTensor, weight: &FlexTensor, bias: &[f32]) -> FlexTensor {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let sizes @ [inputs, outputs] = weight.layout().shape().dims::<2>();
    let mut out = vec![0.0; values(&x).len() / inputs * outputs];
    cpu::dense(
        Arch::new(),
        values(&x),
        values(&weight),
        bias,
        sizes,
        &mut out,
    );
    tensor(out, with_last(&x, outputs))
}

type FlexTensor = FloatTensor<Flex>;

/// The values of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("copies made by `to_contiguous` are slices")
}

fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The last axis.
fn last(tensor: &FlexTensor) -> usize {
    let shape = tensor.layout().shape();
    shape[shape.num_dims() - 1]
}

/// The shape of `x` with another last axis.
fn with_last(x: &FlexTensor, last: usize) -> Shape {
    let mut dims = x.layout().shape().to_vec();
    dims.pop();
    dims.push(last);
    Shape::from(dims)
}

/// A contiguous tensor whose whole storage may be written; a copy where someone else holds it.
fn owned(tensor: FloatTensor<Flex>) -> FloatTensor<Flex> {
    if tensor.is_contiguous() && tensor.is_unique() {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, DeviceKind, Distribution, TensorData};

    use super::*;

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
            let expected = 0.5 * (1.0 + erf(x / 2f64.sqrt()))
                + x * (-0.5 * x * x).exp() * 0.398_942_280_401_432_7;
            assert!(
                (f64::from(*found) - expected).abs() < 2e-6,
                "{x}: {found}, expected {expected}"
            );
        }
    }

    #[test]
    #[ignore = "needs a Vulkan driver; tests/ runs it on lavapipe"]
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
                &|x: Tensor<3>, weight, bias| {
                    x.matmul(weight.reshape([1, 6, 6])) + bias.unsqueeze()
                },
            ],
        );
        same_gradients(
            ([3, 4, 6], [36], [6]),
            [
                &|x, weight, bias| linear(x, weight.reshape([6, 6]), None) * bias.unsqueeze(),
                &|x: Tensor<3>, weight, bias| {
                    x.matmul(weight.reshape([1, 6, 6])) * bias.unsqueeze()
                },
            ],
        );
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
}
