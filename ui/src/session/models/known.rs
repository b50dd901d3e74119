//! The models that can be named: built in, in the store, on the hub, and the user's own files.

use std::path::{Path, PathBuf};

use dinoscope_engine::model::{ListedModel, Presence};
use dinoscope_model::Variant;

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Ships with the program.
    BuiltIn,
    /// In the store of downloads.
    Store,
    /// A file or folder of the user's.
    File,
    /// To be downloaded.
    Hub,
    /// Released, but not on the hub: only as a file.
    Elsewhere,
}

/// A model as the list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// What documents and the command line call it: a short name, or a path.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Whether it is one of the released models, by its name.
    pub is_released: bool,
    /// Learnable parameters.
    pub params: Option<u64>,
    /// Length of its weights in bytes; of a download as far as that can be told before.
    pub bytes: Option<u64>,
    /// `owner/name` on the hub.
    pub repository: Option<String>,
    /// File or folder on this computer.
    pub path: Option<PathBuf>,
}

impl Known {
    /// A file or folder of which nothing is known yet.
    pub fn file(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: Place::File,
            is_released: false,
            params: None,
            bytes: None,
            repository: None,
            path: Some(name.into()),
        }
    }

    /// Whether it can be run from this computer as it is.
    pub fn is_here(&self) -> bool {
        matches!(self.place, Place::BuiltIn | Place::Store | Place::File)
    }

    /// A listed model with the length of its files, where they are here.
    pub(super) fn of(listed: ListedModel, bytes: Option<u64>) -> Self {
        let is_here = bytes.is_some();
        Self {
            is_released: Variant::by_name(&listed.name).is_some(),
            place: match listed.presence {
                Presence::Builtin => Place::BuiltIn,
                Presence::Downloadable => Place::Hub,
                Presence::FileOnly => Place::Elsewhere,
                // The user's files are listed by their paths.
                Presence::Installed if Path::new(&listed.name).is_absolute() => Place::File,
                Presence::Installed => Place::Store,
            },
            params: listed.params,
            bytes: bytes.or(listed.download_bytes.filter(|_| !is_here)),
            repository: listed.repository.map(ToOwned::to_owned),
            path: listed.path,
            name: listed.name,
        }
    }
}

/// The models of this computer first, the built-in one on top; otherwise as they came.
pub(super) fn sorted(mut models: Vec<Known>) -> Vec<Known> {
    models.sort_by_key(|known| match known.place {
        Place::BuiltIn => 0,
        Place::Store => 1,
        Place::File => 2,
        Place::Hub | Place::Elsewhere => 3,
    });
    models
}

/// Bytes of a file, or of the weights in a folder.
pub(super) fn length(path: &Path) -> Option<u64> {
    let about = std::fs::metadata(path).ok()?;
    if about.is_file() {
        return Some(about.len());
    }
    let is_weights = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "safetensors" || end == "pth")
    };
    let files = std::fs::read_dir(path)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let lengths = files
        .filter(is_weights)
        .filter_map(|path| Some(std::fs::metadata(path).ok()?.len()));
    Some(lengths.sum())
}

/// What a model is called in every language: `DINOv3 ViT-S/16`, or the name of its file.
pub(super) fn title(name: &str) -> String {
    released_title(name).unwrap_or_else(|| {
        let file = Path::new(name).file_name();
        file.map_or_else(
            || name.to_owned(),
            |file| file.to_string_lossy().into_owned(),
        )
    })
}

/// The title of a released model, by the parts of its short name.
fn released_title(name: &str) -> Option<String> {
    let (shape, data) = match name.strip_suffix("-sat") {
        Some(shape) => (shape, " SAT"),
        None => (name, ""),
    };
    let written = if let Some(size) = shape.strip_prefix("convnext_") {
        let letter = ["tiny", "small", "base", "large"]
            .contains(&size)
            .then(|| size[..1].to_uppercase());
        format!("ConvNeXt-{}", letter?)
    } else {
        let (size, plus) = match shape.strip_prefix("vit")? {
            "s16" => ("S", ""),
            "s16plus" => ("S", "+"),
            "b16" => ("B", ""),
            "l16" => ("L", ""),
            "l16plus" => ("L", "+"),
            "h16plus" => ("H", "+"),
            "7b16" => ("7B", ""),
            _ => return None,
        };
        format!("ViT-{size}{plus}/16")
    };
    Some(format!("DINOv3 {written}{data}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_those_of_the_model_cards() {
        for (name, expected) in [
            ("vits16", "DINOv3 ViT-S/16"),
            ("vith16plus", "DINOv3 ViT-H+/16"),
            ("vit7b16-sat", "DINOv3 ViT-7B/16 SAT"),
            ("convnext_tiny", "DINOv3 ConvNeXt-T"),
            ("/models/meadow.safetensors", "meadow.safetensors"),
            ("someone--vitals", "someone--vitals"),
            ("convnext_", "convnext_"),
        ] {
            assert_eq!(title(name), expected);
        }
        assert!(
            dinoscope_model::VARIANTS
                .iter()
                .all(|variant| title(variant.name).starts_with("DINOv3 "))
        );
    }

    #[test]
    fn the_list_has_every_model_once_and_those_of_this_computer_first() {
        let listed = dinoscope_engine::model::list(None).unwrap();
        let count = listed.len();
        let mut known: Vec<Known> = listed
            .into_iter()
            .map(|listed| Known::of(listed, None))
            .collect();
        known.push(Known::file("/a/mine.pth"));
        let known = sorted(known);
        assert_eq!(known.len(), count + 1);
        assert_eq!(
            (known[0].place, known[1].place),
            (Place::BuiltIn, Place::File)
        );
        let small = known.iter().find(|known| known.name == "vits16").unwrap();
        assert!(
            small.is_released && small.place == Place::Hub && small.bytes == Some(21_601_152 * 4)
        );
    }
}
