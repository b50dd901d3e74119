//! Paths in JSON: as text where they are text, and without loss where they are not.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path as it is written into files.
///
/// serde itself refuses a path that is not Unicode, which would make a whole project unsavable because of one oddly
/// named picture.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathText(pub PathBuf);

impl From<&Path> for PathText {
    fn from(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Serialize for PathText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => to.serialize_str(text),
            None => self.0.as_os_str().serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Raw(OsString),
        }
        Ok(Self(match Written::deserialize(from)? {
            Written::Text(text) => text.into(),
            Written::Raw(raw) => raw.into(),
        }))
    }
}

/// The same for a plain path, as `#[serde(with = "path_text::plain")]`.
pub(crate) mod plain {
    use super::{Deserialize, Deserializer, Path, PathBuf, PathText, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        PathText::from(path).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(PathText::deserialize(from)?.0)
    }
}

/// The same for a path that may be absent, as `#[serde(with = "path_text::optional")]`.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, PathBuf, PathText, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_deref().map(PathText::from).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<PathText>::deserialize(from)?.map(|path| path.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let path = PathText("/a/图片.png".into());
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(json, "\"/a/图片.png\"");
        assert_eq!(serde_json::from_str::<PathText>(&json).unwrap(), path);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_text_come_back() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathText(OsString::from_vec(b"/a/\xff\xfe.png".to_vec()).into());
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<PathText>(&json).unwrap(), path);
    }
}
