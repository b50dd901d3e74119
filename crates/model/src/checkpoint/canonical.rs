//! Tensors by their Meta names, whatever the file's layout: joined, masked and recomputed where layouts differ.

use std::borrow::Cow;

use super::dtype::DType;
use super::report::same_shape;
use super::source::Located;
use super::tensors::{Role, TensorSpec};
use super::{Checkpoint, CheckpointError, Layout, carried};
use crate::config::{AttentionBias, BackboneConfig};
use crate::rope;

impl Checkpoint {
    /// Reads one tensor as `f32`, row-major, in the shape that [`super::tensors`] lists for its Meta name.
    ///
    /// Query, key and value come as one fused tensor; biases that do not count are zero. A mask token that the layout
    /// dropped is zero, as in a new model. Converts from `f16`, `bf16` and `f64`.
    pub fn read(&self, meta_name: &str) -> Result<Vec<f32>, CheckpointError> {
        let spec = self.spec(meta_name)?;
        let (dtype, bytes) = self.canonical(spec)?;
        Ok(dtype.decode(&bytes))
    }

    /// Whether [`Self::read`] can succeed: the model has this tensor and the file has what it is made of.
    pub fn contains(&self, meta_name: &str) -> bool {
        self.spec(meta_name)
            .is_ok_and(|spec| self.parts(spec).is_ok())
    }

    fn spec(&self, meta_name: &str) -> Result<&TensorSpec, CheckpointError> {
        let index = self
            .by_name
            .get(meta_name)
            .ok_or_else(|| CheckpointError::UnknownTensor {
                name: meta_name.to_owned(),
                path: self.path().to_path_buf(),
            })?;
        Ok(&self.specs[*index])
    }

    /// Element type that [`Self::canonical`] gives.
    pub(super) fn canonical_dtype(&self, spec: &TensorSpec) -> DType {
        match spec.role {
            Role::Periods => DType::F32,
            Role::BiasMask => self.sibling_dtype(spec.name.trim_end_matches("_mask")),
            Role::Alias => self.sibling_dtype(aliased(spec)),
            Role::Weight => match self.parts(spec) {
                Ok(parts) if !parts.is_empty() => common_dtype(&parts),
                _ => carried::read(&self.source, &spec.name, spec.len())
                    .map_or_else(|| self.sibling_dtype("cls_token"), |(dtype, _)| dtype),
            },
        }
    }

    /// The bytes of a tensor in its own element type.
    pub(super) fn canonical(
        &self,
        spec: &TensorSpec,
    ) -> Result<(DType, Cow<'_, [u8]>), CheckpointError> {
        let dtype = self.canonical_dtype(spec);
        let bytes = match (spec.role, derived(spec.role, &self.config, dtype)) {
            (_, Some(bytes)) => Cow::Owned(bytes),
            (Role::Alias, None) => return self.canonical(self.spec(aliased(spec))?),
            (_, None) => self.weight(spec, dtype)?,
        };
        Ok((dtype, bytes))
    }

    fn weight(&self, spec: &TensorSpec, dtype: DType) -> Result<Cow<'_, [u8]>, CheckpointError> {
        let parts = self.parts(spec)?;
        let mut bytes = match parts.as_slice() {
            [] => match carried::read(&self.source, &spec.name, spec.len()) {
                Some((_, bytes)) => Cow::Owned(bytes),
                None => Cow::Owned(vec![0; spec.len() * dtype.size()]),
            },
            [(None, tensor)] => self.source.bytes(tensor, dtype),
            thirds => Cow::Owned(self.join(thirds, spec.len() / 3 * dtype.size(), dtype)),
        };
        if let BackboneConfig::Vit(vit) = &self.config
            && spec.name.ends_with("attn.qkv.bias")
        {
            self.silence(bytes.to_mut(), spec, vit.attention_bias, dtype);
        }
        Ok(bytes)
    }

    /// The tensors of the file that make up a canonical one. An absent or unusable one is an error.
    fn parts(&self, spec: &TensorSpec) -> Result<Vec<(Option<usize>, &Located)>, CheckpointError> {
        let parts = spec.parts(self.layout);
        let usable = |name: &str, shape: &[usize]| {
            let tensor = self.source.tensors.get(name)?;
            let fits = tensor.element.float().is_some() && same_shape(name, &tensor.shape, shape);
            fits.then_some(tensor)
        };
        let mut found = Vec::with_capacity(parts.len());
        for part in parts {
            match usable(&part.name, &part.shape) {
                Some(tensor) => found.push((part.third, tensor)),
                // These can be made from the others.
                None if spec.role != Role::Weight || spec.is_empty() => return Ok(Vec::new()),
                None => return Err(self.incomplete(&part.name)),
            }
        }
        Ok(found)
    }

    fn incomplete(&self, name: &str) -> CheckpointError {
        let named = |names: Vec<String>| {
            names
                .into_iter()
                .filter(|text| text.split(' ').next() == Some(name))
                .collect::<Vec<_>>()
        };
        let (missing, wrong) = (named(self.report.missing()), named(self.report.wrong()));
        CheckpointError::Incomplete {
            missing,
            wrong,
            path: self.path().to_path_buf(),
        }
    }

    fn join(
        &self,
        thirds: &[(Option<usize>, &Located)],
        third_len: usize,
        dtype: DType,
    ) -> Vec<u8> {
        let mut joined = vec![0; 3 * third_len];
        for (third, tensor) in thirds {
            let own = tensor.element.float().unwrap_or(dtype);
            let bytes = self.source.bytes(tensor, own);
            let bytes = if own == dtype {
                bytes
            } else {
                Cow::Owned(widen(own, dtype, &bytes))
            };
            let start = third.unwrap_or(0) * third_len;
            joined[start..start + third_len].copy_from_slice(&bytes);
        }
        joined
    }

    /// Sets biases to zero that a mask or the configuration says do not count.
    fn silence(&self, bytes: &mut [u8], spec: &TensorSpec, bias: AttentionBias, dtype: DType) {
        let size = dtype.size();
        let mask = if self.layout == Layout::Meta {
            self.source.values(&format!("{}_mask", spec.name))
        } else {
            None
        };
        for (element, value) in bytes.chunks_exact_mut(size).zip(mask.unwrap_or_default()) {
            if value == 0.0 {
                element.fill(0);
            }
        }
        let third_len = bytes.len() / 3;
        for (third, counts) in bytes
            .chunks_exact_mut(third_len)
            .zip([bias.query, bias.key, bias.value])
        {
            if !counts {
                third.fill(0);
            }
        }
    }

    fn sibling_dtype(&self, name: &str) -> DType {
        let spec = self.spec(name).ok();
        spec.and_then(|spec| Some(common_dtype(&self.parts(spec).ok()?)))
            .unwrap_or(DType::F32)
    }
}

/// The tensor that an alias of Meta's layout repeats: `norms.3.weight` is `norm.weight`.
pub(super) fn aliased(spec: &TensorSpec) -> &'static str {
    if spec.name.ends_with("weight") {
        "norm.weight"
    } else {
        "norm.bias"
    }
}

/// The one type of all parts, or one that holds them all.
fn common_dtype(parts: &[(Option<usize>, &Located)]) -> DType {
    let mut dtypes = parts
        .iter()
        .filter_map(|(_, tensor)| tensor.element.float());
    let Some(first) = dtypes.next() else {
        return DType::F32;
    };
    // f16 and bf16 have no order: together they need f32.
    dtypes.fold(first, |common, dtype| {
        if common == dtype {
            common
        } else {
            common.max(dtype).max(DType::F32)
        }
    })
}

fn widen(from: DType, to: DType, bytes: &[u8]) -> Vec<u8> {
    to.encode(&from.decode(bytes))
        .expect("a wider type holds every value of a narrower one")
}

/// The buffers that follow from the configuration: rotary periods, and the mask of the fused bias.
pub(super) fn derived(role: Role, config: &BackboneConfig, dtype: DType) -> Option<Vec<u8>> {
    let BackboneConfig::Vit(vit) = config else {
        return None;
    };
    let values = match role {
        Role::Periods => rope::periods(&vit.rope.periods, vit.head_dim()),
        Role::BiasMask => mask(vit.attention_bias, vit.dim),
        Role::Weight | Role::Alias => return None,
    };
    dtype.encode(&values).ok()
}

fn mask(bias: AttentionBias, dim: usize) -> Vec<f32> {
    let thirds = [bias.query, bias.key, bias.value].map(|counts| if counts { 1.0 } else { 0.0 });
    thirds
        .into_iter()
        .flat_map(|value| std::iter::repeat_n(value, dim))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_zero_on_the_thirds_that_do_not_count() {
        assert_eq!(
            mask(AttentionBias::MASKED_KEY, 2),
            [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
        );
    }
}
