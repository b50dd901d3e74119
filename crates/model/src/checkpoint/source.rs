//! An opened checkpoint before anything is recognised: mapped files, where each tensor lies, and the texts beside it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use memmap2::Mmap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::watch::Stop;

use super::carried::to_hex;
use super::dtype::{DType, Element};

/// How the weights are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Safetensors,
    Pth,
}

/// Where a tensor lies. The range was checked against the file when it was opened.
#[derive(Debug)]
pub(super) struct Located {
    /// Index into [`Source::files`].
    pub(super) file: usize,
    /// First byte in that file.
    pub(super) start: usize,
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    /// Elements between neighbours along each axis; `None` where the elements are in order without gaps.
    pub(super) strides: Option<Vec<usize>>,
}

/// One mapped file.
pub(super) struct MappedFile {
    pub(super) path: PathBuf,
    pub(super) bytes: Mmap,
}

/// A JSON file beside the weights.
#[derive(Clone, Debug)]
pub(super) struct Sidecar {
    pub(super) path: PathBuf,
    pub(super) json: Value,
}

/// Everything that the files say.
pub(super) struct Source {
    /// As asked for by the user; ends every message.
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) files: Vec<MappedFile>,
    /// By name, without the prefixes of training exports.
    pub(super) tensors: BTreeMap<String, Located>,
    /// Tensors of training heads, which no backbone has: known, and not used.
    pub(super) heads: Vec<String>,
    /// `__metadata__` of the safetensors file.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) config: Option<Sidecar>,
    pub(super) preprocessor: Option<Sidecar>,
}

impl Source {
    /// The bytes of a tensor in row-major order, borrowed from the map where they already are.
    pub(super) fn bytes(&self, tensor: &Located, dtype: DType) -> Cow<'_, [u8]> {
        let file = &self.files[tensor.file].bytes[..];
        match &tensor.strides {
            None => {
                let len = tensor.shape.iter().product::<usize>() * dtype.size();
                Cow::Borrowed(&file[tensor.start..tensor.start + len])
            }
            Some(strides) => Cow::Owned(gather(
                &file[tensor.start..],
                dtype.size(),
                &tensor.shape,
                strides,
            )),
        }
    }

    /// Shape of a tensor.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The values of a tensor, if it is there and of a floating-point type.
    pub(super) fn values(&self, name: &str) -> Option<Vec<f32>> {
        let tensor = self.tensors.get(name)?;
        let dtype = tensor.element.float()?;
        Some(dtype.decode(&self.bytes(tensor, dtype)))
    }

    /// SHA-256 of the files, one after the other, in hexadecimal digits; nothing once `stop` is set.
    pub(super) fn sha256_until(&self, stop: &Stop) -> Option<String> {
        /// Read between two looks at `stop`: some 20 ms.
        const PIECE: usize = 8 << 20;
        let mut hash = Sha256::new();
        for piece in self.files.iter().flat_map(|file| file.bytes.chunks(PIECE)) {
            if stop.is_set() {
                return None;
            }
            hash.update(piece);
        }
        Some(to_hex(&hash.finalize()))
    }

    /// Last components of the path of the weights, the file first: names tell where weights come from.
    pub(super) fn path_names(&self) -> Vec<String> {
        let Some(file) = self.files.first() else {
            return Vec::new();
        };
        let absolute = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
        absolute
            .iter()
            .rev()
            .take(4)
            .map(|name| name.to_string_lossy().to_lowercase())
            .collect()
    }
}

/// Drops strides that describe plain row-major order.
pub(super) fn strides_unless_plain(shape: &[usize], strides: Vec<usize>) -> Option<Vec<usize>> {
    let mut plain = 1_usize;
    let mut in_order = true;
    for (&side, &stride) in shape.iter().zip(&strides).rev() {
        in_order &= side == 1 || stride == plain;
        plain = plain.saturating_mul(side);
    }
    (!in_order && !shape.contains(&0)).then_some(strides)
}

/// Copies a strided view into row-major order.
fn gather(bytes: &[u8], size: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut packed = Vec::with_capacity(count * size);
    let mut index = vec![0; shape.len()];
    for _ in 0..count {
        let element: usize = index
            .iter()
            .zip(strides)
            .map(|(i, stride)| i * stride)
            .sum();
        packed.extend_from_slice(&bytes[element * size..(element + 1) * size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_view_is_put_in_order() {
        // Stored [2, 3] as 0..6, seen as its transpose [3, 2].
        assert_eq!(
            gather(&[0, 1, 2, 3, 4, 5], 1, &[3, 2], &[1, 3]),
            [0, 3, 1, 4, 2, 5]
        );
        assert_eq!(gather(&[0, 1, 2, 3, 4, 5], 2, &[2], &[2]), [0, 1, 4, 5]);
    }

    #[test]
    fn plain_order_needs_no_strides() {
        assert_eq!(strides_unless_plain(&[2, 3], vec![3, 1]), None);
        // The stride of an axis of one element says nothing.
        assert_eq!(strides_unless_plain(&[1, 3], vec![99, 1]), None);
        assert_eq!(strides_unless_plain(&[], Vec::new()), None);
        assert_eq!(strides_unless_plain(&[3, 2], vec![1, 3]), Some(vec![1, 3]));
        assert_eq!(strides_unless_plain(&[0, 2], vec![7, 7]), None);
    }
}
