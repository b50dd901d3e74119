//! Checks of a downloaded file: size, SHA-256, and without a listed hash, its own structure.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::hub::Remote;

/// Longest safetensors header that is looked into; the format itself allows no more.
const HEADER_LIMIT: u64 = 100_000_000;
const CHUNK: usize = 1 << 20;

/// SHA-256 of a file, 64 hexadecimal digits, read in pieces.
///
/// `step` gets the bytes read so far; returning `false` ends with [`StoreError::Cancelled`].
pub fn sha256_file(path: &Path, mut step: impl FnMut(u64) -> bool) -> Result<String, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("read", path))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let len = match file.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            len => len.map_err(StoreError::io("read", path))?,
        };
        if len == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&piece[..len]);
        done += len as u64;
        if !step(done) {
            return Err(StoreError::Cancelled);
        }
    }
}

/// Checks `path` against what the hub says of it; returns its size and SHA-256.
pub(super) fn verify(
    path: &Path,
    remote: &Remote,
    url: &str,
    step: impl FnMut(u64) -> bool,
) -> Result<(u64, String), StoreError> {
    let file = || remote.name.clone();
    let size = fs::metadata(path)
        .map_err(StoreError::io("read", path))?
        .len();
    if let Some(expected) = remote.size
        && expected != size
    {
        return Err(StoreError::Size {
            file: file(),
            expected,
            found: size,
            url: url.to_owned(),
        });
    }
    let found = sha256_file(path, step)?;
    match &remote.sha256 {
        Some(expected) if *expected != found => {
            let expected = expected.clone();
            Err(StoreError::Hash {
                file: file(),
                expected,
                found,
                url: url.to_owned(),
            })
        }
        Some(_) => Ok((size, found)),
        None => match flaw(path, &remote.name, size) {
            Some(reason) => Err(StoreError::Content {
                file: file(),
                reason,
                url: url.to_owned(),
            }),
            None => Ok((size, found)),
        },
    }
}

/// `Some` when the digits are those of a SHA-256, in lower case.
pub(super) fn as_sha256(digits: &str) -> Option<String> {
    let whole = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    whole.then(|| digits.to_ascii_lowercase())
}

/// What shows that a file is not of the kind that its name says; a login page, for one.
fn flaw(path: &Path, name: &str, size: u64) -> Option<String> {
    let extension = Path::new(name).extension()?.to_str()?;
    match extension {
        "json" => {
            let text = fs::read(path).ok()?;
            let value: Result<IgnoredAny, _> = serde_json::from_slice(&text);
            value.err().map(|error| format!("not JSON: {error}"))
        }
        "safetensors" => {
            let expected = match safetensors_len(path, size) {
                Ok(expected) => expected,
                Err(reason) => return Some(reason),
            };
            (expected != size).then(|| format!("expected {expected} bytes, found {size}"))
        }
        _ => None,
    }
}

/// What a tensor's line in the header says of its place.
#[derive(Deserialize)]
struct Entry {
    data_offsets: Option<[u64; 2]>,
}

/// Length in bytes that the header of a safetensors file promises.
fn safetensors_len(path: &Path, size: u64) -> Result<u64, String> {
    let broken = |error: &dyn std::fmt::Display| format!("not a safetensors file: {error}");
    let mut file = File::open(path).map_err(|error| broken(&error))?;
    let mut start = [0; 8];
    file.read_exact(&mut start)
        .map_err(|error| broken(&error))?;
    let header_len = u64::from_le_bytes(start);
    if header_len > HEADER_LIMIT.min(size) {
        return Err(broken(&format_args!("header of {header_len} bytes")));
    }
    let mut header = Vec::new();
    file.take(header_len)
        .read_to_end(&mut header)
        .map_err(|error| broken(&error))?;
    let header: BTreeMap<String, Entry> =
        serde_json::from_slice(&header).map_err(|error| broken(&error))?;
    let ends = header
        .values()
        .filter_map(|entry| Some(entry.data_offsets?[1]));
    Ok((8 + header_len).saturating_add(ends.max().unwrap_or(0)))
}

/// Two digits a byte, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn remote(name: &str, size: Option<u64>, sha256: Option<&str>) -> Remote {
        Remote {
            name: name.into(),
            size,
            sha256: sha256.map(Into::into),
        }
    }

    fn check(content: &[u8], remote: &Remote) -> Result<(u64, String), StoreError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, content).unwrap();
        verify(&path, remote, "http://hub/file", |_| true)
    }

    #[test]
    fn size_and_hash_must_both_fit() {
        let good = check(b"abc", &remote("a.txt", Some(3), Some(ABC))).unwrap();
        assert_eq!(good, (3, ABC.to_owned()));
        let error = check(b"abd", &remote("a.txt", Some(3), Some(ABC))).unwrap_err();
        assert!(matches!(error, StoreError::Hash { .. }), "{error}");
        let error = check(b"ab", &remote("a.txt", Some(3), Some(ABC))).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Size {
                    expected: 3,
                    found: 2,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn without_a_hash_the_structure_must_fit() {
        let header = br#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
        let mut weights = (header.len() as u64).to_le_bytes().to_vec();
        weights.extend(header);
        weights.extend([1, 2, 3, 4]);
        let unknown = remote("model.safetensors", None, None);
        assert!(check(&weights, &unknown).is_ok());
        let page = b"<html>Log in to continue</html>";
        for wrong in [&weights[..weights.len() - 1], &weights[..5], page, b""] {
            let error = check(wrong, &unknown).unwrap_err();
            assert!(matches!(error, StoreError::Content { .. }), "{error}");
        }
        assert!(check(page, &remote("config.json", None, None)).is_err());
        assert!(check(b"{}", &remote("config.json", None, None)).is_ok());
        assert!(check(page, &remote("LICENSE.md", None, None)).is_ok());
    }

    #[test]
    fn hashing_stops_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, vec![0; 3 * CHUNK]).unwrap();
        let mut seen = Vec::new();
        let result = sha256_file(&path, |done| {
            seen.push(done);
            seen.len() < 2
        });
        assert!(matches!(result, Err(StoreError::Cancelled)));
        assert_eq!(seen, [CHUNK as u64, 2 * CHUNK as u64]);
    }

    #[test]
    fn only_64_hexadecimal_digits_are_a_hash() {
        assert_eq!(as_sha256(&ABC.to_uppercase()).as_deref(), Some(ABC));
        assert_eq!(as_sha256(&ABC[1..]), None);
        assert_eq!(as_sha256(&"g".repeat(64)), None);
    }
}
