//! Header of a safetensors file: bytes → tensors (type, shape, range) and metadata. Nothing is copied.
//!
//! Layout: 8 bytes little-endian header length, a JSON header, then the data that its offsets count from.
//! Source: the format description of the `safetensors` project.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dtype::Element;
use super::error::one_line;

/// One tensor of the header.
#[derive(Debug)]
pub(super) struct HeaderTensor {
    pub(super) name: String,
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    /// First byte in the file.
    pub(super) start: usize,
}

/// A parsed header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) tensors: Vec<HeaderTensor>,
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Json {
    #[serde(rename = "__metadata__", default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    tensors: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// Parses the header of a whole file. The error is the reason, on one line.
pub(super) fn parse(file: &[u8]) -> Result<Header, String> {
    let (length, rest) = file
        .split_first_chunk::<8>()
        .ok_or_else(|| format!("the file has {} bytes, expected at least 8", file.len()))?;
    let length = u64::from_le_bytes(*length);
    let header_len = usize::try_from(length)
        .ok()
        .filter(|&len| len <= rest.len())
        .ok_or_else(|| {
            format!(
                "the header claims {length} bytes, the file has {} after its length",
                rest.len()
            )
        })?;
    let (header, data) = rest.split_at(header_len);
    let json: Json = serde_json::from_slice(header)
        .map_err(|e| format!("its header is not valid: {}", one_line(e)))?;

    let data_start = 8 + header_len;
    let mut covered = 0;
    let mut tensors = Vec::with_capacity(json.tensors.len());
    for (name, entry) in json.tensors {
        let tensor = locate(name, &entry, data_start, data.len())?;
        covered = covered.max(entry.data_offsets.1);
        tensors.push(tensor);
    }
    if covered != data.len() {
        return Err(format!(
            "its tensors end at byte {covered} of the data, the file has {}",
            data.len()
        ));
    }
    Ok(Header {
        tensors,
        metadata: json.metadata.unwrap_or_default(),
    })
}

fn locate(
    name: String,
    entry: &Entry,
    data_start: usize,
    data_len: usize,
) -> Result<HeaderTensor, String> {
    let (start, end) = entry.data_offsets;
    if start > end || end > data_len {
        return Err(format!(
            "tensor {name:?} is at bytes {start}..{end}, the file has {data_len} bytes of data"
        ));
    }
    let element = Element::from_safetensors(&entry.dtype);
    if let Some(dtype) = element.float() {
        let expected = entry
            .shape
            .iter()
            .try_fold(dtype.size(), |size, &side| size.checked_mul(side));
        if expected != Some(end - start) {
            let shape = &entry.shape;
            return Err(format!(
                "tensor {name:?} of shape {shape:?} and type {dtype} has {} bytes",
                end - start
            ));
        }
    }
    Ok(HeaderTensor {
        name,
        element,
        shape: entry.shape.clone(),
        start: data_start + start,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.resize(file.len() + data, 1);
        file
    }

    #[test]
    fn a_sound_header_gives_ranges_in_the_file_and_metadata() {
        let bytes = file(
            r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                "b":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#,
            16,
        );
        let header = parse(&bytes).unwrap();
        assert_eq!(header.metadata["format"], "pt");
        assert_eq!(header.tensors[0].start, bytes.len() - 16);
        assert_eq!(header.tensors[1].element, Element::Other("i64".into()));
    }

    #[test]
    fn every_lie_in_the_header_is_told_and_none_panics() {
        let tensor = |shape: &str, offsets: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        let cases = [
            (b"abc".to_vec(), "at least 8"),
            (
                b"this is a text file, not weights".to_vec(),
                "header claims",
            ),
            (u64::MAX.to_le_bytes().to_vec(), "header claims"),
            (file("not json", 0), "header is not valid"),
            (file(&tensor("[2]", "[0,16]"), 8), "is at bytes 0..16"),
            (file(&tensor("[2]", "[8,0]"), 8), "is at bytes 8..0"),
            (file(&tensor("[3]", "[0,8]"), 8), "has 8 bytes"),
            (
                file(&tensor("[18446744073709551615,2]", "[0,8]"), 8),
                "has 8 bytes",
            ),
            (file(&tensor("[2]", "[0,8]"), 9), "end at byte 8"),
            (file(&tensor("[-2]", "[0,8]"), 8), "header is not valid"),
        ];
        for (bytes, reason) in cases {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn every_truncation_of_a_sound_file_is_refused() {
        let bytes = file(
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            8,
        );
        for len in 0..bytes.len() {
            assert!(parse(&bytes[..len]).is_err(), "{len} bytes");
        }
    }
}
