//! Operations of training whose gradient is ours, so that it is the same on every device.
//!
//! Burn's GELU has an exact backward pass on the CPU and an approximate one (off by up to 9e-4) on graphics devices.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use pulp::Arch;

use crate::cpu;

/// `x/2 · (1 + erf(x/√2))`, elementwise, with its exact derivative as gradient.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Exact>::exact_gelu(x.into_dispatch()))
}

/// What [`gelu`] dispatches to.
#[backend_extension(Flex, Cube, Autodiff)]
pub(crate) trait Exact: Backend {
    /// The function.
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::gelu(x)
    }

    /// `gradient · (Φ(x) + x · φ(x))`.
    fn exact_gelu_backward(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
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
    fn exact_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut x = owned(x);
        cpu::gelu(Arch::new(), x.storage_mut());
        x
    }

    fn exact_gelu_backward(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (x, mut gradient) = (x.to_contiguous(), owned(gradient));
        let x = x.as_slice::<f32>().expect("contiguous copies are slices");
        cpu::gelu_backward(Arch::new(), x, gradient.storage_mut());
        gradient
    }
}

impl<B: Exact, C: CheckpointStrategy> Exact for Autodiff<B, C> {
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
    use burn::tensor::{Device, DeviceKind, TensorData};

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
