//! The operations with their gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use super::Exact;

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

    fn exact_attention(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        heads: usize,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Attention;
        impl<B: Exact> Backward<B, 1> for Attention {
            type State = ([FloatTensor<B>; 3], usize);
            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let ([qkv, cos, sin], heads) = ops.state;
                unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
                    B::exact_attention_backward(qkv, cos, sin, gradient, heads)
                });
            }
        }
        let prepared = Attention
            .prepare::<C>([qkv.node()])
            .compute_bound()
            .stateful();
        let [qkv, cos, sin] = primitives::<B, C, 3>([qkv, cos, sin]);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(
                ([qkv.clone(), cos.clone(), sin.clone()], heads),
                B::exact_attention(qkv, cos, sin, heads),
            ),
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::exact_attention(qkv, cos, sin, heads))
            }
        }
    }

    fn exact_residual(
        onto: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Residual;
        impl<B: Exact> Backward<B, 3> for Residual {
            type State = [FloatTensor<B>; 2];
            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _: &mut Checkpointer,
            ) {
                let [y, gamma] = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                let [by_onto, by_y, by_gamma] = ops.parents;
                let (of_y, of_gamma) = B::exact_residual_backward(y, gamma, gradient.clone());
                if let Some(node) = by_y {
                    gradients.register::<B>(node.id, of_y);
                }
                if let Some(node) = by_gamma {
                    gradients.register::<B>(node.id, of_gamma);
                }
                if let Some(node) = by_onto {
                    gradients.register::<B>(node.id, gradient);
                }
            }
        }
        let nodes = [onto.node(), y.node(), gamma.node()];
        let prepared = Residual.prepare::<C>(nodes).compute_bound().stateful();
        let [onto, y, gamma] = primitives::<B, C, 3>([onto, y, gamma]);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(
                [y.clone(), gamma.clone()],
                B::exact_residual(onto, y, gamma),
            ),
            OpsKind::UnTracked(prepared) => prepared.finish(B::exact_residual(onto, y, gamma)),
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
