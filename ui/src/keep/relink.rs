//! Moved pictures found again by their content.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use dinoscope_engine::analysis::CancelToken;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::stored_path::StoredPath;

/// Folders within folders that are searched.
const MAX_DEPTH: usize = 24;

/// What tells a file from all others, wherever it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// SHA-256 of the content.
    pub sha256: Sha256Sum,
    /// Length in bytes, which is compared first because it costs nothing.
    pub len: u64,
}

impl Fingerprint {
    /// Reads a file from end to end. A cancel gives an error of kind `Interrupted`.
    pub fn of(path: &Path, cancel: &CancelToken) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0; 1 << 16];
        let mut len = 0;
        loop {
            if cancel.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let read = match file.read(&mut block) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&block[..read]);
            len += read as u64;
        }
        Ok(Self {
            sha256: Sha256Sum(hasher.finalize().into()),
            len,
        })
    }
}

/// A SHA-256 sum, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha256Sum(pub [u8; 32]);

impl Sha256Sum {
    /// A sum from its digits.
    pub fn parse(digits: &str) -> Option<Self> {
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut sum = [0; 32];
        for (i, byte) in sum.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(sum))
    }
}

impl Serialize for Sha256Sum {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let digits = self.0.iter().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        to.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Sha256Sum {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(from)?;
        let bad = || serde::de::Error::custom("a SHA-256 sum is 64 hexadecimal digits");
        Self::parse(&digits).ok_or_else(bad)
    }
}

/// A file to be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it was. Of several copies the one of the same name is taken.
    pub path: StoredPath,
    /// What is in it.
    pub content: Fingerprint,
}

/// Searches `folder` and all below it; for each wanted file, in order, where it lies now.
///
/// Only files of a wanted length are read. Folders and files that cannot be read are passed over. After a cancel,
/// what was found until then is returned.
pub fn relink(folder: &Path, wanted: &[Wanted], cancel: &CancelToken) -> Vec<Option<PathBuf>> {
    let mut found = vec![None; wanted.len()];
    let mut by_length: HashMap<u64, Vec<usize>> = HashMap::new();
    for (i, want) in wanted.iter().enumerate() {
        by_length.entry(want.content.len).or_default().push(i);
    }
    let mut candidates = candidates(folder, &by_length, cancel);
    let names: Vec<String> = wanted.iter().map(|want| want.path.file_name()).collect();
    // Files that kept their name come first: they are right most often, and the better copy if there are several.
    candidates.sort_by_cached_key(|(path, len)| {
        let name = path.file_name().unwrap_or_default();
        let kept = by_length[len].iter().any(|&i| name == names[i].as_str());
        (!kept, path.components().count(), path.clone())
    });
    for (path, len) in candidates {
        let open = by_length[&len].iter().copied();
        let open: Vec<usize> = open.filter(|&i| found[i].is_none()).collect();
        if open.is_empty() {
            continue;
        }
        let Ok(content) = Fingerprint::of(&path, cancel) else {
            continue;
        };
        for i in open {
            if wanted[i].content == content {
                found[i] = Some(path.clone());
            }
        }
    }
    found
}

/// All files of a wanted length, with that length. Links to folders are not followed: they may lead in a circle.
fn candidates(
    folder: &Path,
    by_length: &HashMap<u64, Vec<usize>>,
    cancel: &CancelToken,
) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            if cancel.is_cancelled() {
                return found;
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth < MAX_DEPTH {
                    folders.push((path, depth + 1));
                }
            } else if let Ok(metadata) = fs::metadata(&path)
                && metadata.is_file()
                && by_length.contains_key(&metadata.len())
            {
                found.push((path, metadata.len()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::stored_path::portable_path;

    fn want(folder: &Path, name: &str) -> Wanted {
        let path = folder.join(name);
        Wanted {
            content: Fingerprint::of(&path, &CancelToken::default()).unwrap(),
            path: portable_path(folder, &path),
        }
    }

    #[test]
    fn renamed_and_moved_files_are_found_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for (name, content) in [
            ("cat", "meow"),
            ("dog", "woof"),
            ("cow", "muuh"),
            ("eel", ""),
        ] {
            fs::write(folder.join(name), content).unwrap();
        }
        let wanted = ["cat", "dog", "cow", "eel"].map(|name| want(folder, name));
        let deep = folder.join("new/deep");
        fs::create_dir_all(&deep).unwrap();
        fs::rename(folder.join("cat"), deep.join("tiger")).unwrap();
        fs::rename(folder.join("dog"), deep.join("dog")).unwrap();
        fs::copy(deep.join("dog"), folder.join("another")).unwrap();
        fs::write(folder.join("cow"), "MUUH").unwrap();

        let found = relink(folder, &wanted, &CancelToken::default());
        assert_eq!(found[0], Some(deep.join("tiger")));
        assert_eq!(
            found[1],
            Some(deep.join("dog")),
            "of two copies the one of the same name"
        );
        assert_eq!(found[2], None, "same name and length, other content");
        assert_eq!(found[3], Some(folder.join("eel")));
    }

    #[test]
    fn a_cancelled_or_impossible_search_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cat"), "meow").unwrap();
        let wanted = [want(folder.path(), "cat")];
        let cancel = CancelToken::default();
        cancel.cancel();
        assert_eq!(relink(folder.path(), &wanted, &cancel), [None]);
        let nowhere = folder.path().join("nowhere");
        assert_eq!(relink(&nowhere, &wanted, &CancelToken::default()), [None]);
    }

    #[test]
    fn a_sum_is_written_as_hexadecimal_digits() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("abc"), "abc").unwrap();
        let content = want(folder.path(), "abc").content;
        let json = serde_json::to_string(&content).unwrap();
        // FIPS 180-2, appendix B.1.
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(json, format!(r#"{{"sha256":"{digits}","len":3}}"#));
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), content);
        for bad in ["\"\"", "\"é\"", &format!("\"{}é\"", "a".repeat(62)), "7"] {
            assert!(serde_json::from_str::<Sha256Sum>(bad).is_err(), "{bad}");
        }
    }
}
