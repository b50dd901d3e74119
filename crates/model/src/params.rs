//! Every learned tensor by Meta's name, to be read or replaced: what optimizers, averages and checkpoints walk over.
//!
//! A network's own path (`blocks.0.qkv.weight`) → the name in Meta's layout (`blocks.0.attn.qkv.weight`) and how its
//! values lie there. Source of the names: `spec/01`, section 4.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::backbone::Backbone;
use crate::head::Head;
use crate::projection::Projection;
use crate::weights::{Weights, WeightsError};

/// A parameter's name in Meta's layout, and how its values lie there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamName {
    /// `blocks.0.attn.qkv.weight`.
    pub name: String,
    form: Form,
}

/// How the values of a tensor in memory become those of Meta's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// They are the same.
    Same,
    /// `[inputs, outputs]` here, `[outputs, inputs]` there.
    Rows,
    /// `[side · side · channels, outputs]` here, `[outputs, channels, side, side]` there.
    Kernel { side: usize },
}

impl ParamName {
    /// A tensor whose values lie the same way in memory and in files.
    pub fn plain(name: String) -> Self {
        Self::new(name, Form::Same)
    }

    fn new(name: String, form: Form) -> Self {
        Self { name, form }
    }

    /// Values in the order of Meta's layout; `shape` is the shape in memory.
    ///
    /// # Panics
    /// If a weight of a linear layer is no matrix.
    #[must_use]
    pub fn to_stored(&self, values: Vec<f32>, shape: &[usize]) -> Vec<f32> {
        match (self.form, shape) {
            (Form::Same, _) => values,
            (Form::Rows, &[inputs, outputs]) => transposed(&values, [inputs, outputs]),
            (Form::Kernel { side }, &[inputs, outputs]) => {
                let area = side * side;
                let channels = inputs / area;
                let mut out = vec![0.0; values.len()];
                for (row, from) in values.chunks_exact(outputs).enumerate() {
                    let (place, channel) = (row / channels, row % channels);
                    for (output, value) in from.iter().enumerate() {
                        out[(output * channels + channel) * area + place] = *value;
                    }
                }
                out
            }
            _ => panic!("{}: shape {shape:?}, expected a matrix", self.name),
        }
    }
}

fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for (row, from) in values.chunks_exact(columns).enumerate() {
        for (column, value) in from.iter().enumerate() {
            out[column * rows + row] = *value;
        }
    }
    out
}

/// Looks at each parameter.
pub trait VisitParams {
    /// One parameter.
    fn visit<const D: usize>(&mut self, name: &ParamName, value: &Tensor<D>);
}

/// Replaces each parameter.
pub trait MapParams {
    /// The tensor that takes the place of `value`, of the same shape.
    fn map<const D: usize>(&mut self, name: &ParamName, value: Tensor<D>) -> Tensor<D>;
}

/// A network whose parameters have names.
pub trait Params: Sized {
    /// Shows every parameter, its name behind `prefix`.
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams);

    /// Replaces every parameter.
    #[must_use]
    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self;

    /// Reads every parameter back, in the order of Meta's layout.
    fn read_params(&self, prefix: &str) -> BTreeMap<String, Vec<f32>> {
        struct Read(BTreeMap<String, Vec<f32>>);
        impl VisitParams for Read {
            fn visit<const D: usize>(&mut self, name: &ParamName, value: &Tensor<D>) {
                let shape = value.dims();
                let values: Vec<f32> = value
                    .clone()
                    .inner_if_tracked()
                    .into_data()
                    .try_to_vec()
                    .expect("parameters are f32");
                self.0
                    .insert(name.name.clone(), name.to_stored(values, &shape));
            }
        }
        let mut read = Read(BTreeMap::new());
        self.visit_params(prefix, &mut read);
        read.0
    }
}

/// The plain tensor below a tracked one.
trait Inner {
    fn inner_if_tracked(self) -> Self;
}

impl<const D: usize> Inner for Tensor<D> {
    fn inner_if_tracked(self) -> Self {
        if self.is_autodiff() {
            self.inner()
        } else {
            self
        }
    }
}

impl Params for Backbone {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        match self {
            Self::Vit(vit) => {
                let gated = vit.config().ffn.is_gated();
                visit(vit, prefix, visitor, &|path| vit_name(path, gated));
            }
            Self::ConvNext(convnext) => visit(convnext, prefix, visitor, &convnext_name),
        }
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        match self {
            Self::Vit(vit) => {
                let gated = vit.config().ffn.is_gated();
                Self::Vit(map(vit, prefix, mapper, &|path| vit_name(path, gated)))
            }
            Self::ConvNext(convnext) => {
                Self::ConvNext(map(convnext, prefix, mapper, &convnext_name))
            }
        }
    }
}

impl Params for Head {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        let layers = self.layers();
        visit(self, prefix, visitor, &|path| head_name(path, layers));
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        let layers = self.layers();
        map(self, prefix, mapper, &|path| head_name(path, layers))
    }
}

impl Params for Projection {
    fn visit_params(&self, prefix: &str, visitor: &mut impl VisitParams) {
        visit(self, prefix, visitor, &projection_name);
    }

    fn map_params(self, prefix: &str, mapper: &mut impl MapParams) -> Self {
        map(self, prefix, mapper, &projection_name)
    }
}

/// Tensors in memory, by Meta's names.
impl Weights for BTreeMap<String, Vec<f32>> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let expected: usize = shape.iter().product();
        let found = BTreeMap::get(self, name).map_or(0, Vec::len);
        match BTreeMap::get(self, name) {
            Some(values) if found == expected => Ok(values.clone()),
            _ => Err(WeightsError::Length {
                name: name.into(),
                expected: shape.into(),
                found,
            }),
        }
    }
}

fn vit_name(path: &str, gated: bool) -> ParamName {
    let weight = path.ends_with(".weight");
    if let Some(part) = path.strip_prefix("patch_embed.") {
        // Its rows are pixels channel by channel, which is how kernels lie too.
        let form = if weight { Form::Rows } else { Form::Same };
        return ParamName::new(format!("patch_embed.proj.{part}"), form);
    }
    if path == "registers" {
        return ParamName::new("storage_tokens".into(), Form::Same);
    }
    let Some((index, part)) = path
        .strip_prefix("blocks.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return ParamName::new(path.into(), Form::Same);
    };
    let (layer, last) = part.rsplit_once('.').unwrap_or((part, ""));
    let (layer, linear) = match layer {
        "qkv" => ("attn.qkv", true),
        "proj" => ("attn.proj", true),
        "scale1" => ("ls1", false),
        "scale2" => ("ls2", false),
        "ffn.gate" => ("mlp.w1", true),
        "ffn.up" if gated => ("mlp.w2", true),
        "ffn.down" if gated => ("mlp.w3", true),
        "ffn.up" => ("mlp.fc1", true),
        "ffn.down" => ("mlp.fc2", true),
        other => (other, false),
    };
    let form = if linear && weight {
        Form::Rows
    } else {
        Form::Same
    };
    ParamName::new(format!("blocks.{index}.{layer}.{last}"), form)
}

fn convnext_name(path: &str) -> ParamName {
    let Some((stage, part)) = path
        .strip_prefix("stages.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return ParamName::new(path.into(), Form::Same);
    };
    if let Some(part) = part.strip_prefix("down.") {
        let stem = stage == "0";
        let side = if stem { 4 } else { 2 };
        return match part.split_once('.') {
            Some(("norm", last)) => {
                let place = u8::from(stem);
                ParamName::new(
                    format!("downsample_layers.{stage}.{place}.{last}"),
                    Form::Same,
                )
            }
            Some((_, last)) => {
                let place = u8::from(!stem);
                let form = if last == "weight" {
                    Form::Kernel { side }
                } else {
                    Form::Same
                };
                ParamName::new(format!("downsample_layers.{stage}.{place}.{last}"), form)
            }
            None => ParamName::new(path.into(), Form::Same),
        };
    }
    let rest = part.strip_prefix("blocks.").unwrap_or(part);
    let (block, part) = rest.split_once('.').unwrap_or((rest, ""));
    let (part, form) = match part {
        "depthwise" => ("dwconv.weight", Form::Same),
        "bias" => ("dwconv.bias", Form::Same),
        "ffn.up.weight" => ("pwconv1.weight", Form::Rows),
        "ffn.up.bias" => ("pwconv1.bias", Form::Same),
        "ffn.down.weight" => ("pwconv2.weight", Form::Rows),
        "ffn.down.bias" => ("pwconv2.bias", Form::Same),
        "scale.gamma" => ("gamma", Form::Same),
        other => (other, Form::Same),
    };
    ParamName::new(format!("stages.{stage}.{block}.{part}"), form)
}

fn head_name(path: &str, layers: usize) -> ParamName {
    let form = if path.ends_with(".weight") {
        Form::Rows
    } else {
        Form::Same
    };
    let Some((index, last)) = path
        .strip_prefix("mlp.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return ParamName::new(path.into(), form);
    };
    let index: usize = index.parse().expect("the place in a list");
    let name = if layers == 1 {
        format!("mlp.{last}")
    } else {
        // Activations stand between the layers and take the odd numbers.
        format!("mlp.{}.{last}", 2 * index)
    };
    ParamName::new(name, form)
}

fn projection_name(path: &str) -> ParamName {
    let form = if path.ends_with("weight") {
        Form::Rows
    } else {
        Form::Same
    };
    let name = path.strip_prefix("linear.").unwrap_or(path);
    ParamName::new(name.into(), form)
}

/// Where a walk through a network is.
struct Path<'a> {
    parts: Vec<String>,
    prefix: &'a str,
    name: &'a dyn Fn(&str) -> ParamName,
}

impl Path<'_> {
    fn here(&self) -> ParamName {
        let mut name = (self.name)(&self.parts.join("."));
        name.name.insert_str(0, self.prefix);
        name
    }
}

fn visit<M: Module>(
    module: &M,
    prefix: &str,
    visitor: &mut impl VisitParams,
    name: &dyn Fn(&str) -> ParamName,
) {
    struct Walk<'a, V> {
        path: Path<'a>,
        visitor: &'a mut V,
    }
    impl<V: VisitParams> ModuleVisitor for Walk<'_, V> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.parts.push(name.into());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.parts.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.visitor.visit(&self.path.here(), &param.val());
        }
    }
    let path = Path {
        parts: Vec::new(),
        prefix,
        name,
    };
    module.visit(&mut Walk { path, visitor });
}

fn map<M: Module>(
    module: M,
    prefix: &str,
    mapper: &mut impl MapParams,
    name: &dyn Fn(&str) -> ParamName,
) -> M {
    struct Walk<'a, V> {
        path: Path<'a>,
        mapper: &'a mut V,
    }
    impl<V: MapParams> ModuleMapper for Walk<'_, V> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.parts.push(name.into());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.parts.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.path.here();
            param.map(|value| self.mapper.map(&name, value))
        }
    }
    let path = Path {
        parts: Vec::new(),
        prefix,
        name,
    };
    module.map(&mut Walk { path, mapper })
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::checkpoint::tensors;
    use crate::config::{BackboneConfig, ConvNextConfig, Ffn};
    use crate::{Fresh, HeadConfig, Placement, Variant};

    fn configs() -> Vec<BackboneConfig> {
        let BackboneConfig::Vit(mut vit) = Variant::by_name("vits16").unwrap().config() else {
            panic!("a ViT");
        };
        (vit.dim, vit.depth, vit.heads, vit.ffn_hidden) = (16, 2, 2, 24);
        let mut gated = vit.clone();
        (gated.ffn, gated.local_cls_norm) = (Ffn::SwiGlu, true);
        let convnext = ConvNextConfig {
            depths: [1, 1, 2, 1],
            dims: [8, 12, 16, 20],
            norm_eps: 1e-6,
        };
        vec![
            BackboneConfig::Vit(vit),
            BackboneConfig::Vit(gated),
            BackboneConfig::ConvNext(convnext),
        ]
    }

    /// Another number for every element of every tensor.
    struct Counting(std::cell::Cell<f32>);

    impl Weights for Counting {
        fn get(&self, _: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
            let first = self.0.get();
            let len: usize = shape.iter().product();
            self.0.set(first + len as f32);
            Ok((0..len).map(|i| first + i as f32).collect())
        }
    }

    #[test]
    fn what_is_read_back_fills_the_same_network() {
        for config in configs() {
            let at = Placement::plain(&Device::flex());
            let source = Counting(std::cell::Cell::new(0.0));
            let network = Backbone::load(&config, &source, &at).unwrap();
            let read = network.read_params("");
            let again = Backbone::load(&config, &read, &at).unwrap();
            assert_eq!(again.read_params(""), read);
            let count: usize = read.values().map(Vec::len).sum();
            assert_eq!(count, network.num_params());
            // In Meta's order each tensor counts up by ones, as it was given.
            for (name, values) in &read {
                for (i, value) in values.iter().enumerate() {
                    assert!((value - values[0] - i as f32).abs() < 0.5, "{name}[{i}]");
                }
            }
        }
    }

    #[test]
    fn names_are_those_of_checkpoints() {
        for config in configs() {
            let at = Placement::plain(&Device::flex());
            let network = Backbone::load(&config, &Fresh { seed: 1 }, &at).unwrap();
            let found: Vec<_> = network.read_params("").into_keys().collect();
            let mut expected: Vec<_> = tensors(&config)
                .into_iter()
                .filter(|spec| spec.role == crate::checkpoint::Role::Weight && !spec.is_empty())
                .map(|spec| spec.name)
                .collect();
            expected.sort();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn heads_have_the_names_of_the_reference() {
        for layers in 1..4 {
            let config = HeadConfig {
                inputs: 8,
                hidden: 12,
                bottleneck: 6,
                prototypes: 10,
                layers,
            };
            let source = Counting(std::cell::Cell::new(0.0));
            let at = Placement::plain(&Device::flex());
            let head = Head::load(&config, &source, "dino_head", &at).unwrap();
            let read = head.read_params("dino_head.");
            let again = Head::load(&config, &read, "dino_head", &at).unwrap();
            assert_eq!(again.read_params("dino_head."), read);
            assert!(read.contains_key("dino_head.last_layer.weight"));
        }
    }
}
