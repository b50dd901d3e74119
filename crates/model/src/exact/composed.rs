//! The operations out of those that every backend has.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, Slice};

/// See [`super::Exact::exact_layer_norm_backward`].
pub(super) fn layer_norm_backward<B: Backend>(
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

/// See [`super::Exact::exact_residual`].
pub(super) fn residual<B: Backend>(
    onto: FloatTensor<B>,
    y: FloatTensor<B>,
    gamma: FloatTensor<B>,
) -> FloatTensor<B> {
    B::float_add(onto, B::float_mul(y, wide::<B>(gamma)))
}

/// See [`super::Exact::exact_residual_backward`].
pub(super) fn residual_backward<B: Backend>(
    y: FloatTensor<B>,
    gamma: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = gamma.shape();
    let by_y = B::float_mul(gradient.clone(), wide::<B>(gamma));
    let products = B::float_mul(gradient, y);
    let sums = B::float_sum_dim(B::float_sum_dim(products, 0), 1);
    (by_y, B::float_reshape(sums, shape))
}

/// `[channels]` → `[1, 1, channels]`.
fn wide<B: Backend>(gamma: FloatTensor<B>) -> FloatTensor<B> {
    let channels = gamma.shape().num_elements();
    B::float_reshape(gamma, Shape::from(vec![1, 1, channels]))
}

/// Queries that meet all keys at once: no more scores than this times the tokens are in memory.
const QUERIES: usize = 1024;

/// See [`super::Exact::exact_attention`].
pub(super) fn attention<B: Backend>(
    qkv: FloatTensor<B>,
    table: [FloatTensor<B>; 2],
    heads: usize,
) -> FloatTensor<B> {
    let parts = Parts::<B>::new(qkv, table, heads);
    let blocks = parts.blocks();
    let mixed = blocks.map(|block| B::float_matmul(parts.weights(block), parts.values.clone()));
    parts.tokens_first(&[B::float_cat(mixed.collect(), 2)])
}

/// See [`super::Exact::exact_attention_backward`].
pub(super) fn attention_backward<B: Backend>(
    qkv: FloatTensor<B>,
    table: [FloatTensor<B>; 2],
    gradient: FloatTensor<B>,
    heads: usize,
) -> FloatTensor<B> {
    let parts = Parts::<B>::new(qkv, table, heads);
    let [batch, tokens, head_dim] = [parts.batch, parts.tokens, parts.head_dim];
    let gradient = B::float_reshape(gradient, Shape::from(vec![batch, tokens, heads, head_dim]));
    let gradient = B::float_swap_dims(gradient, 1, 2);
    let across = |tensor: &FloatTensor<B>| B::float_swap_dims(tensor.clone(), 2, 3);
    let add = |sum: Option<FloatTensor<B>>, term| match sum {
        None => Some(term),
        Some(sum) => Some(B::float_add(sum, term)),
    };
    let (mut by_queries, mut by_keys, mut by_values) = (Vec::new(), None, None);
    for block in parts.blocks() {
        let weights = parts.weights(block);
        let gradient = narrow::<B>(gradient.clone(), 2, block);
        let queries = narrow::<B>(parts.queries.clone(), 2, block);
        by_values = add(
            by_values,
            B::float_matmul(across(&weights), gradient.clone()),
        );
        let by_weights = B::float_matmul(gradient, across(&parts.values));
        let along = B::float_sum_dim(B::float_mul(weights.clone(), by_weights.clone()), 3);
        let by_scores = B::float_mul(weights, B::float_sub(by_weights, along));
        by_keys = add(by_keys, B::float_matmul(across(&by_scores), queries));
        by_queries.push(B::float_matmul(by_scores, parts.keys.clone()));
    }
    let by_queries = B::float_mul_scalar(B::float_cat(by_queries, 2), parts.scale().into());
    let (by_keys, by_values) = (
        by_keys.expect("a picture has tokens"),
        by_values.expect("a picture has tokens"),
    );
    parts.tokens_first(&[
        parts.turned(by_queries, true),
        parts.turned(by_keys, true),
        by_values,
    ])
}

/// Queries, keys and values of an attention layer, `[batch, heads, tokens, head size]` each.
struct Parts<B: Backend> {
    /// Turned and scaled.
    queries: FloatTensor<B>,
    /// Turned.
    keys: FloatTensor<B>,
    values: FloatTensor<B>,
    /// Cosines and sines, `[1, 1, patches, head size / 2]`.
    table: [FloatTensor<B>; 2],
    batch: usize,
    heads: usize,
    tokens: usize,
    head_dim: usize,
    patches: usize,
}

impl<B: Backend> Parts<B> {
    fn new(qkv: FloatTensor<B>, table: [FloatTensor<B>; 2], heads: usize) -> Self {
        let [batch, tokens, width] = qkv.shape().dims::<3>();
        let head_dim = width / 3 / heads;
        let [patches, half] = table[0].shape().dims::<2>();
        let qkv = B::float_reshape(qkv, Shape::from(vec![batch, tokens, 3, heads, head_dim]));
        let qkv = B::float_permute(qkv, &[2, 0, 3, 1, 4]);
        let part = |i| {
            let part = narrow::<B>(qkv.clone(), 0, (i, 1));
            B::float_reshape(part, Shape::from(vec![batch, heads, tokens, head_dim]))
        };
        let table =
            table.map(|table| B::float_reshape(table, Shape::from(vec![1, 1, patches, half])));
        let (queries, keys, values) = (part(0), part(1), part(2));
        let mut parts = Self {
            queries: queries.clone(),
            keys: keys.clone(),
            values,
            table,
            batch,
            heads,
            tokens,
            head_dim,
            patches,
        };
        parts.queries = B::float_mul_scalar(parts.turned(queries, false), parts.scale().into());
        parts.keys = parts.turned(keys, false);
        parts
    }

    fn scale(&self) -> f64 {
        1.0 / (self.head_dim as f64).sqrt()
    }

    /// First query and count of each block.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<B> {
        let tokens = self.tokens;
        (0..tokens)
            .step_by(QUERIES)
            .map(move |first| (first, QUERIES.min(tokens - first)))
    }

    /// Attention weights of a block of queries, `[batch, heads, queries, tokens]`.
    fn weights(&self, block: (usize, usize)) -> FloatTensor<B> {
        let queries = narrow::<B>(self.queries.clone(), 2, block);
        let scores = B::float_matmul(queries, B::float_swap_dims(self.keys.clone(), 2, 3));
        B::softmax(scores, 3)
    }

    /// The patches among `x` turned by their positions, or back.
    fn turned(&self, x: FloatTensor<B>, back: bool) -> FloatTensor<B> {
        let (half, prefix) = (self.head_dim / 2, self.tokens - self.patches);
        let [cos, sin] = self.table.clone();
        let sin = if back { B::float_neg(sin) } else { sin };
        let patches = narrow::<B>(x.clone(), 2, (prefix, self.patches));
        let a = narrow::<B>(patches.clone(), 3, (0, half));
        let b = narrow::<B>(patches, 3, (half, half));
        let times =
            |x: &FloatTensor<B>, table: &FloatTensor<B>| B::float_mul(x.clone(), table.clone());
        let turned = [
            B::float_sub(times(&a, &cos), times(&b, &sin)),
            B::float_add(times(&b, &cos), times(&a, &sin)),
        ];
        let turned = B::float_cat(turned.to_vec(), 3);
        if prefix == 0 {
            return turned;
        }
        B::float_cat(vec![narrow::<B>(x, 2, (0, prefix)), turned], 2)
    }

    /// `[batch, heads, tokens, head size]` each → `[batch, tokens, parts · heads · head size]`.
    fn tokens_first(&self, parts: &[FloatTensor<B>]) -> FloatTensor<B> {
        let [batch, heads, tokens, head_dim] = [self.batch, self.heads, self.tokens, self.head_dim];
        let flat = parts.iter().map(|part| {
            let part = B::float_swap_dims(part.clone(), 1, 2);
            B::float_reshape(part, Shape::from(vec![batch, tokens, heads * head_dim]))
        });
        B::float_cat(flat.collect(), 2)
    }
}

/// `count` indices from `first` of one axis.
fn narrow<B: Backend>(
    tensor: FloatTensor<B>,
    axis: usize,
    (first, count): (usize, usize),
) -> FloatTensor<B> {
    let shape = tensor.shape();
    let slices: Vec<Slice> = (0..shape.num_dims())
        .map(|i| {
            if i == axis {
                Slice::from(first..first + count)
            } else {
                Slice::from(0..shape[i])
            }
        })
        .collect();
    B::float_slice(tensor, &slices)
}
