//! The kernels of [`crate::cpu`] as operations on burn's CPU backend.
//!
//! Layers call them when their weights are packed (see [`crate::layers`]); everywhere else, and in training,
//! the same formulas run as plain tensor operations. Panics if a tensor is on another device. Once a [`Stop`] is set,
//! what long operations return is of the right shape and worth nothing.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Shape, Tensor, TensorData};
use pulp::Arch;

use crate::cpu::{self, Activation, Attention, Depthwise, Epilogue, Linear};
use crate::watch::Stop;

/// A packed layer: panels as `pack_rows` wrote them, `[panels · inputs, 32]`, and a bias `[outputs]`.
pub(crate) type Packed = (Tensor<2>, Tensor<1>);

/// `x · weight + bias`: `[batch, tokens, inputs]` → `[batch, tokens, outputs]`.
pub(crate) fn linear(x: Tensor<3>, (panels, bias): Packed, stop: &Stop) -> Tensor<3> {
    let (x, panels, bias) = (
        x.into_dispatch(),
        panels.into_dispatch(),
        bias.into_dispatch(),
    );
    Tensor::from_dispatch(<Dispatch as Fused>::fused_linear(
        x,
        panels,
        bias,
        stop.clone(),
    ))
}

/// `onto + scale · (x · weight + bias)`, in place where `onto` has one owner.
pub(crate) fn linear_onto(
    onto: Tensor<3>,
    x: Tensor<3>,
    (panels, bias): Packed,
    scale: Tensor<1>,
    stop: &Stop,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Fused>::fused_linear_onto(
        onto.into_dispatch(),
        x.into_dispatch(),
        panels.into_dispatch(),
        bias.into_dispatch(),
        scale.into_dispatch(),
        stop.clone(),
    ))
}

/// `onto + scale · down(f(up(x)))`, or with a gate `onto + scale · down(f(gate(x)) · up(x))`.
pub(crate) fn ffn(
    onto: Tensor<3>,
    x: Tensor<3>,
    scale: Tensor<1>,
    gate: Option<Packed>,
    [up, down]: [Packed; 2],
    activation: Activation,
    stop: &Stop,
) -> Tensor<3> {
    let stop = stop.clone();
    let [onto, x, scale] = [
        onto.into_dispatch(),
        x.into_dispatch(),
        scale.into_dispatch(),
    ];
    let parts = |(panels, bias): Packed| [panels.into_dispatch(), bias.into_dispatch()];
    let ([up, up_bias], [down, down_bias]) = (parts(up), parts(down));
    Tensor::from_dispatch(match gate.map(parts) {
        None => <Dispatch as Fused>::fused_mlp(
            onto, x, scale, up, up_bias, down, down_bias, activation, stop,
        ),
        Some([gate, gate_bias]) => <Dispatch as Fused>::fused_gated(
            onto, x, scale, gate, gate_bias, up, up_bias, down, down_bias, activation, stop,
        ),
    })
}

/// Layer norm over the last axis; `gain` and `shift` `[channels]`.
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gain: Tensor<1>,
    shift: Tensor<1>,
    eps: f32,
) -> Tensor<D> {
    let (x, gain, shift) = (
        x.into_dispatch(),
        gain.into_dispatch(),
        shift.into_dispatch(),
    );
    Tensor::from_dispatch(<Dispatch as Fused>::fused_layer_norm(x, gain, shift, eps))
}

/// Rotary attention: `qkv` `[batch, tokens, 3 · dim]`, `cos` and `sin` `[patches, head_dim / 2]` → `[batch, tokens, dim]`.
pub(crate) fn attention(
    qkv: Tensor<3>,
    [cos, sin]: [Tensor<2>; 2],
    heads: usize,
    stop: &Stop,
) -> Tensor<3> {
    let (qkv, cos, sin) = (
        qkv.into_dispatch(),
        cos.into_dispatch(),
        sin.into_dispatch(),
    );
    Tensor::from_dispatch(<Dispatch as Fused>::fused_attention(
        qkv,
        cos,
        sin,
        heads,
        stop.clone(),
    ))
}

/// Depthwise 7×7 convolution: `x` `[batch, rows, columns, channels]`, `weight` `[7, 7, channels, 1]`.
pub(crate) fn depthwise(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    stop: &Stop,
) -> Tensor<4> {
    let (x, weight, bias) = (
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    );
    Tensor::from_dispatch(<Dispatch as Fused>::fused_depthwise(
        x,
        weight,
        bias,
        stop.clone(),
    ))
}

/// What the functions above dispatch to; the names of the arguments say what they are.
#[expect(
    clippy::too_many_arguments,
    reason = "the dispatch macro takes tensors one by one"
)]
#[backend_extension(Flex)]
pub(crate) trait Fused: Backend {
    fn fused_linear(
        x: FloatTensor<Self>,
        panels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stop: Stop,
    ) -> FloatTensor<Self>;
    fn fused_linear_onto(
        onto: FloatTensor<Self>,
        x: FloatTensor<Self>,
        panels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        stop: Stop,
    ) -> FloatTensor<Self>;
    fn fused_mlp(
        onto: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        up: FloatTensor<Self>,
        up_bias: FloatTensor<Self>,
        down: FloatTensor<Self>,
        down_bias: FloatTensor<Self>,
        activation: Activation,
        stop: Stop,
    ) -> FloatTensor<Self>;
    fn fused_gated(
        onto: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        gate: FloatTensor<Self>,
        gate_bias: FloatTensor<Self>,
        up: FloatTensor<Self>,
        up_bias: FloatTensor<Self>,
        down: FloatTensor<Self>,
        down_bias: FloatTensor<Self>,
        activation: Activation,
        stop: Stop,
    ) -> FloatTensor<Self>;
    fn fused_layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;
    fn fused_attention(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        heads: usize,
        stop: Stop,
    ) -> FloatTensor<Self>;
    fn fused_depthwise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stop: Stop,
    ) -> FloatTensor<Self>;
}

type FlexTensor = FloatTensor<Flex>;

impl Fused for Flex {
    fn fused_linear(x: FlexTensor, panels: FlexTensor, bias: FlexTensor, stop: Stop) -> FlexTensor {
        let x = x.to_contiguous();
        let (input, layer) = (slice(&x), packed(&panels, &bias, &stop));
        let mut out = vec![0.0; input.len() / layer.inputs * layer.outputs];
        cpu::linear(Arch::new(), layer, input, Epilogue::Store, &mut out);
        tensor(out, with_last(&x, layer.outputs))
    }

    fn fused_linear_onto(
        onto: FlexTensor,
        x: FlexTensor,
        panels: FlexTensor,
        bias: FlexTensor,
        scale: FlexTensor,
        stop: Stop,
    ) -> FlexTensor {
        let (mut out, x) = (owned(onto), x.to_contiguous());
        cpu::linear(
            Arch::new(),
            packed(&panels, &bias, &stop),
            slice(&x),
            Epilogue::Add(slice(&scale)),
            out.storage_mut(),
        );
        out
    }

    fn fused_mlp(
        onto: FlexTensor,
        x: FlexTensor,
        scale: FlexTensor,
        up: FlexTensor,
        up_bias: FlexTensor,
        down: FlexTensor,
        down_bias: FlexTensor,
        activation: Activation,
        stop: Stop,
    ) -> FlexTensor {
        let (mut out, x) = (owned(onto), x.to_contiguous());
        let layers = [
            packed(&up, &up_bias, &stop),
            packed(&down, &down_bias, &stop),
        ];
        cpu::ffn(
            Arch::new(),
            None,
            layers,
            activation,
            slice(&x),
            slice(&scale),
            out.storage_mut(),
        );
        out
    }

    fn fused_gated(
        onto: FlexTensor,
        x: FlexTensor,
        scale: FlexTensor,
        gate: FlexTensor,
        gate_bias: FlexTensor,
        up: FlexTensor,
        up_bias: FlexTensor,
        down: FlexTensor,
        down_bias: FlexTensor,
        activation: Activation,
        stop: Stop,
    ) -> FlexTensor {
        let (mut out, x) = (owned(onto), x.to_contiguous());
        let gate = packed(&gate, &gate_bias, &stop);
        let layers = [
            packed(&up, &up_bias, &stop),
            packed(&down, &down_bias, &stop),
        ];
        cpu::ffn(
            Arch::new(),
            Some(gate),
            layers,
            activation,
            slice(&x),
            slice(&scale),
            out.storage_mut(),
        );
        out
    }

    fn fused_layer_norm(
        x: FlexTensor,
        gain: FlexTensor,
        shift: FlexTensor,
        eps: f32,
    ) -> FlexTensor {
        let x = x.to_contiguous();
        let mut out = vec![0.0; slice(&x).len()];
        cpu::layer_norm(
            Arch::new(),
            slice(&x),
            slice(&gain),
            slice(&shift),
            eps,
            &mut out,
        );
        tensor(out, x.layout().shape().clone())
    }

    fn fused_attention(
        qkv: FlexTensor,
        cos: FlexTensor,
        sin: FlexTensor,
        heads: usize,
        stop: Stop,
    ) -> FlexTensor {
        let qkv = qkv.to_contiguous();
        let [_, tokens, width] = qkv.layout().shape().dims::<3>();
        let shape = Attention {
            tokens,
            heads,
            head_dim: width / 3 / heads,
            cos: slice(&cos),
            sin: slice(&sin),
            stop: &stop,
        };
        let mut out = vec![0.0; slice(&qkv).len() / 3];
        cpu::attention(Arch::new(), shape, slice(&qkv), &mut out);
        tensor(out, with_last(&qkv, width / 3))
    }

    fn fused_depthwise(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        stop: Stop,
    ) -> FlexTensor {
        let x = x.to_contiguous();
        let [_, rows, columns, _] = x.layout().shape().dims::<4>();
        let layer = Depthwise {
            rows,
            columns,
            weight: slice(&weight),
            bias: slice(&bias),
            stop: &stop,
        };
        let mut out = vec![0.0; slice(&x).len()];
        cpu::depthwise(Arch::new(), layer, slice(&x), &mut out);
        tensor(out, x.layout().shape().clone())
    }
}

/// The values of a contiguous tensor.
fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("parameters and copies made by `to_contiguous` are contiguous")
}

/// A contiguous tensor to write into; a copy if someone else holds it too.
fn owned(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The shape of `x` with another last axis.
fn with_last(x: &FlexTensor, last: usize) -> Shape {
    let mut dims = x.layout().shape().to_vec();
    dims.pop();
    dims.push(last);
    Shape::from(dims)
}

/// A layer whose sizes are told by its tensors: `bias` has `outputs` values, `panels` pads them to whole panels.
fn packed<'a>(panels: &'a FlexTensor, bias: &'a FlexTensor, stop: &'a Stop) -> Linear<'a> {
    let (panels, bias) = (slice(panels), slice(bias));
    let outputs = bias.len();
    Linear {
        panels,
        bias,
        inputs: panels.len() / outputs.next_multiple_of(cpu::PANEL),
        outputs,
        stop,
    }
}
