//! A `.pth` file: the zip that `torch.save` writes → tensors (type, shape, strides, range). Nothing is copied.
//!
//! Entries are `<prefix>/data.pkl`, `<prefix>/data/<key>` and `<prefix>/byteorder`, all stored without compression,
//! so that a tensor is a range of the file. Source: `torch.serialization`.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;

use super::dtype::Element;
use super::error::one_line;
use super::pickle::{self, PickleError, PickledTensor};

/// One tensor of the file.
#[derive(Debug)]
pub(super) struct PthTensor {
    pub(super) name: String,
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    /// Elements between neighbours along each axis.
    pub(super) strides: Vec<usize>,
    /// First byte in the file.
    pub(super) start: usize,
}

/// A state dict of a few hundred tensors takes 100 kB; the machine's memory is a multiple of this.
const MAX_PICKLE: usize = 16 << 20;

/// Whether the bytes start like a zip file.
pub(super) fn is_zip(file: &[u8]) -> bool {
    file.starts_with(b"PK\x03\x04")
}

/// Whether the bytes start like the format that torch wrote before version 1.6: a bare pickle.
pub(super) fn is_legacy(file: &[u8]) -> bool {
    file.starts_with(&[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46])
}

/// Lists the tensors of the state dict.
pub(super) fn parse(file: &[u8]) -> Result<Vec<PthTensor>, PickleError> {
    let entries = stored_entries(file).map_err(PickleError::Malformed)?;
    let pickle = entries
        .keys()
        .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let pickle = pickle.ok_or_else(|| malformed("the zip has no data.pkl"))?;
    let prefix = pickle.strip_suffix("data.pkl").unwrap_or_default();
    let bytes = |name: &str| entries.get(name).and_then(|range| file.get(range.clone()));

    if bytes(&format!("{prefix}byteorder")).is_some_and(|order| order != b"little") {
        return Err(malformed("its byte order is not little-endian"));
    }
    let pickle = bytes(pickle).unwrap_or_default();
    if pickle.len() > MAX_PICKLE {
        return Err(malformed(&format!(
            "its pickle has {} bytes, expected at most {MAX_PICKLE}",
            pickle.len()
        )));
    }
    let tensors = pickle::state_dict(pickle)?;
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            let storage = entries.get(&format!("{prefix}data/{}", tensor.storage));
            locate(name, tensor, storage).map_err(PickleError::Malformed)
        })
        .collect()
}

/// Names and byte ranges of the uncompressed entries.
fn stored_entries(file: &[u8]) -> Result<BTreeMap<String, Range<usize>>, String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(file)).map_err(one_line)?;
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(one_line)?;
        let name = entry.name().map_err(one_line)?.into_owned();
        if entry.compression() != zip::CompressionMethod::Stored || entry.encrypted() {
            return Err(format!(
                "entry {name:?} is compressed or encrypted, expected plain bytes as torch writes them"
            ));
        }
        let start = entry
            .data_start()
            .and_then(|start| usize::try_from(start).ok());
        let len = usize::try_from(entry.compressed_size()).ok();
        let range = start
            .zip(len)
            .and_then(|(start, len)| Some(start..start.checked_add(len)?));
        match range.filter(|range| range.end <= file.len()) {
            Some(range) => entries.insert(name, range),
            None => return Err(format!("entry {name:?} ends after the file")),
        };
    }
    Ok(entries)
}

fn locate(
    name: String,
    tensor: PickledTensor,
    storage: Option<&Range<usize>>,
) -> Result<PthTensor, String> {
    let storage =
        storage.ok_or_else(|| format!("tensor {name:?} has no storage {:?}", tensor.storage))?;
    let size = tensor.element.float().map_or(1, super::DType::size);
    let len = (storage.end - storage.start) / size;
    let count = tensor
        .shape
        .iter()
        .try_fold(1_usize, |count, &side| count.checked_mul(side));
    let reach = reach(&tensor).filter(|&reach| reach <= len);
    // A view that repeats elements could ask for more memory than the file has bytes.
    if reach.is_none() || count.is_none_or(|count| count > len) {
        return Err(format!(
            "tensor {name:?} of shape {:?} does not fit its storage of {len} elements",
            tensor.shape
        ));
    }
    let start = storage.start + tensor.offset * size;
    let PickledTensor {
        element,
        shape,
        strides,
        ..
    } = tensor;
    Ok(PthTensor {
        name,
        element,
        shape,
        strides,
        start,
    })
}

/// One past the last element of the storage that the tensor touches; `None` on overflow.
fn reach(tensor: &PickledTensor) -> Option<usize> {
    if tensor.shape.contains(&0) {
        return Some(tensor.offset);
    }
    let mut last = tensor.offset;
    for (&side, &stride) in tensor.shape.iter().zip(&tensor.strides) {
        last = last.checked_add((side - 1).checked_mul(stride)?)?;
    }
    last.checked_add(1)
}

fn malformed(reason: &str) -> PickleError {
    PickleError::Malformed(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::DType;

    fn tensor(offset: usize, shape: &[usize], strides: &[usize]) -> PickledTensor {
        let element = Element::Float(DType::F32);
        PickledTensor {
            storage: "0".into(),
            element,
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        }
    }

    #[test]
    fn a_tensor_must_lie_inside_its_storage() {
        let storage = 100..124;
        let fits = |tensor| locate("w".into(), tensor, Some(&storage)).map(|t| t.start);
        assert_eq!(fits(tensor(0, &[2, 3], &[3, 1])), Ok(100));
        assert_eq!(fits(tensor(2, &[2, 2], &[1, 2])), Ok(108));
        assert!(fits(tensor(1, &[2, 3], &[3, 1])).is_err());
        assert!(fits(tensor(0, &[1 << 40, 1 << 40], &[0, 0])).is_err());
        assert!(fits(tensor(usize::MAX, &[1], &[1])).is_err());
        assert!(fits(tensor(usize::MAX, &[0], &[1])).is_err());
        assert!(
            locate("w".into(), tensor(0, &[1], &[1]), None)
                .unwrap_err()
                .contains("no storage")
        );
    }

    #[test]
    fn a_view_that_repeats_elements_is_refused() {
        let storage = 0..4;
        assert!(locate("w".into(), tensor(0, &[1_000_000], &[0]), Some(&storage)).is_err());
    }

    #[test]
    fn a_zip_without_a_pickle_is_told() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        zip.start_file("readme", stored).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        let error = parse(&bytes).unwrap_err();
        assert_eq!(error, malformed("the zip has no data.pkl"));
        assert!(is_zip(&bytes) && parse(&bytes[..bytes.len() - 5]).is_err());
    }
}
