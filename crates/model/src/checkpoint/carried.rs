//! Small tensors that a layout has no place for travel in the metadata, so that a round trip loses nothing.
//!
//! Key `dinoscope.tensor.<Meta name>`, value `{"dtype": "f32", "hex": "<little-endian bytes>"}`. timm drops the mask
//! token and the local norm and refuses files that have them, so tensors of those names would make a file useless.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::DType;
use super::source::Source;

const PREFIX: &str = "dinoscope.tensor.";

#[derive(Serialize, Deserialize)]
struct Carried {
    dtype: DType,
    hex: String,
}

/// The metadata key of a tensor.
pub(super) fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Whether the metadata carries this tensor.
pub(super) fn has(source: &Source, name: &str) -> bool {
    source.metadata.contains_key(&key(name))
}

/// The carried tensor; `None` if it is absent, damaged or not of `len` elements.
pub(super) fn read(source: &Source, name: &str, len: usize) -> Option<(DType, Vec<u8>)> {
    let carried: Carried = serde_json::from_str(source.metadata.get(&key(name))?).ok()?;
    let bytes = from_hex(&carried.hex)?;
    (bytes.len() == len * carried.dtype.size()).then_some((carried.dtype, bytes))
}

/// Puts a tensor into the metadata.
pub(super) fn write(
    metadata: &mut BTreeMap<String, String>,
    name: &str,
    dtype: DType,
    bytes: &[u8],
) {
    let json = serde_json::to_string(&Carried {
        dtype,
        hex: to_hex(bytes),
    })
    .expect("two strings always serialise");
    metadata.insert(key(name), json);
}

/// Removes everything carried: another layout may have a place for it.
pub(super) fn clear(metadata: &mut BTreeMap<String, String>) {
    metadata.retain(|key, _| !key.starts_with(PREFIX));
}

/// Two lower-case digits a byte.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_come_back_as_the_bytes() {
        assert_eq!(from_hex("00ff7a"), Some(vec![0, 255, 0x7a]));
        assert_eq!(to_hex(&[0, 255, 0x7a]), "00ff7a");
        assert_eq!(from_hex(""), Some(Vec::new()));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0g"), None);
    }

    #[test]
    fn clearing_keeps_what_is_not_carried() {
        let mut metadata = BTreeMap::from([("license".to_owned(), "x".to_owned())]);
        write(&mut metadata, "mask_token", DType::F32, &[1, 2, 3, 4]);
        assert!(metadata.contains_key("dinoscope.tensor.mask_token"));
        clear(&mut metadata);
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["license"]);
    }
}
