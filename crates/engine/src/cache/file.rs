//! One entry of the feature cache as a safetensors file that tells when it has been damaged.
//!
//! Digest and tensors → file, and back. Beside the tensors and their metadata the header holds the
//! digest of the key and a checksum of everything else.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use safetensors::{SafeTensors, serialize_to_file};
use sha2::{Digest, Sha256};

use super::{CacheError, Tensors};
use crate::store::hex;

const DIGEST: &str = "cache.digest";
const CHECKSUM: &str = "cache.sha256";

/// What a file's bytes hold; `None` if they are not whole or not the entry of `digest`.
pub(super) fn decode(bytes: &[u8], digest: &str) -> Option<Tensors> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let mut metadata: BTreeMap<String, String> = metadata.into_iter().collect();
    let (found, sum) = (metadata.remove(DIGEST)?, metadata.remove(CHECKSUM)?);
    let file = SafeTensors::deserialize(bytes).ok()?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return None;
        }
        let (values, _) = view.data().as_chunks::<4>();
        let values = values.iter().map(|value| f32::from_le_bytes(*value));
        tensors.insert(name.to_owned(), (view.shape().to_vec(), values.collect()));
    }
    let tensors = Tensors { tensors, metadata };
    (found == digest && sum == checksum(&tensors)).then_some(tensors)
}

/// Writes beside `path` and renames; returns the file's length in bytes.
///
/// Nothing is flushed to the medium: after a power cut the checksum tells.
pub(super) fn write(path: &Path, digest: &str, tensors: &Tensors) -> Result<u64, CacheError> {
    let folder = path.parent().expect("an entry lies in a shard folder");
    fs::create_dir_all(folder).map_err(io_error("write", folder))?;
    let views = views(tensors).map_err(encode_error(path))?;
    let mut header: HashMap<String, String> = tensors.metadata.clone().into_iter().collect();
    for (name, text) in [(DIGEST, digest.to_owned()), (CHECKSUM, checksum(tensors))] {
        if header.insert(name.to_owned(), text).is_some() {
            let reason = format!("the metadata name {name:?} is reserved");
            return Err(CacheError::Encode {
                reason,
                path: path.to_owned(),
            });
        }
    }
    serialize_to_file(views, Some(header), path).map_err(encode_error(path))?;
    // Another process may have evicted it by now, so a failure here is none.
    let file = File::options().append(true).open(path);
    Ok(file.map_or(0, |file| {
        // The clock of the file system is coarser than this one, and order matters.
        let _ = file.set_modified(SystemTime::now());
        file.metadata().map_or(0, |metadata| metadata.len())
    }))
}

fn views(tensors: &Tensors) -> Result<Vec<(&str, TensorView<'_>)>, SafeTensorError> {
    let views = tensors.tensors.iter().map(|(name, (shape, values))| {
        let bytes = bytemuck::cast_slice(values);
        Ok((
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), bytes)?,
        ))
    });
    views.collect()
}

/// SHA-256 over names, shapes, values and metadata: a flipped bit anywhere in a file shows.
fn checksum(tensors: &Tensors) -> String {
    let mut hash = Sha256::new();
    for (name, (shape, values)) in &tensors.tensors {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((shape.len() as u64).to_le_bytes());
        for size in shape {
            hash.update((*size as u64).to_le_bytes());
        }
        hash.update(bytemuck::cast_slice::<f32, u8>(values));
    }
    for text in tensors
        .metadata
        .iter()
        .flat_map(|(name, text)| [name, text])
    {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Io {
        action,
        path,
        source,
    }
}

fn encode_error(path: &Path) -> impl FnOnce(SafeTensorError) -> CacheError {
    let path = path.to_owned();
    move |error| match error {
        SafeTensorError::IoError(source) => CacheError::Io {
            action: "write",
            path,
            source,
        },
        other => CacheError::Encode {
            reason: other.to_string(),
            path,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    fn tensors() -> Tensors {
        let values = vec![f32::NAN, -0.0, f32::MIN_POSITIVE, f32::INFINITY, 0.1, -7.5];
        let patches = ("patches".to_owned(), (vec![2, 3], values));
        let cls = ("cls".to_owned(), (vec![3], vec![1.0, 2.0, 3.0]));
        Tensors {
            tensors: BTreeMap::from([patches, cls]),
            metadata: BTreeMap::from([("model".to_owned(), "tiny".to_owned())]),
        }
    }

    fn encoded() -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entry");
        let len = write(&path, ID, &tensors()).unwrap();
        let bytes = fs::read(path).unwrap();
        assert_eq!(bytes.len() as u64, len);
        bytes
    }

    #[test]
    fn values_shapes_and_text_come_back_bit_for_bit() {
        let found = decode(&encoded(), ID).unwrap();
        assert_eq!(found.metadata, tensors().metadata);
        for (name, (shape, values)) in tensors().tensors {
            let (shape_found, values_found) = &found.tensors[&name];
            assert_eq!(*shape_found, shape);
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(values_found), bits(&values));
        }
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unseen() {
        let whole = encoded();
        for position in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[position] ^= 1 << bit;
                assert!(
                    decode(&bytes, ID).is_none(),
                    "bit {bit} of byte {position} unseen"
                );
            }
            assert!(
                decode(&whole[..position], ID).is_none(),
                "cut at {position} unseen"
            );
        }
        assert!(
            decode(&[whole.as_slice(), &[0]].concat(), ID).is_none(),
            "addition unseen"
        );
    }

    #[test]
    fn the_entry_of_another_key_is_refused() {
        assert!(decode(&encoded(), "fedcba9876543210").is_none());
    }

    #[test]
    fn what_makes_no_file_is_an_error_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let misshapen = ("patches".to_owned(), (vec![2, 2], vec![0.0; 3]));
        let reserved = (DIGEST.to_owned(), String::new());
        let bad = [
            Tensors {
                tensors: BTreeMap::from([misshapen]),
                metadata: BTreeMap::new(),
            },
            Tensors {
                tensors: BTreeMap::new(),
                metadata: BTreeMap::from([reserved]),
            },
        ];
        for tensors in bad {
            let error = write(&dir.path().join("entry"), ID, &tensors).unwrap_err();
            assert!(matches!(error, CacheError::Encode { .. }), "{error}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
