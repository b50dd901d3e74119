//! The models that can be named: built in, in the store, on the hub, and the user's own files.

use std::path::{Path, PathBuf};

use dinoscope_engine::model::BUILTIN;

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
    /// Short name of the released model that it is, if it is one.
    pub variant: Option<String>,
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
    /// Whether it can be run from this computer as it is.
    pub fn is_here(&self) -> bool {
        matches!(self.place, Place::BuiltIn | Place::Store | Place::File)
    }

    /// A file or folder of which nothing is known yet.
    pub fn file(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: Place::File,
            variant: None,
            params: None,
            bytes: None,
            repository: None,
            path: Some(name.into()),
        }
    }
}

/// What a model is called on screen: `DINOv3 ViT-S/16`, or the name of its file.
pub(super) fn title(name: &str) -> String {
    if name == BUILTIN {
        return "Built-in".to_owned();
    }
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
        Some(shape) => (shape, " SAT-493M"),
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
            ("vit7b16-sat", "DINOv3 ViT-7B/16 SAT-493M"),
            ("convnext_tiny", "DINOv3 ConvNeXt-T"),
            ("/models/meadow.safetensors", "meadow.safetensors"),
            ("someone--vitals", "someone--vitals"),
            ("convnext_", "convnext_"),
        ] {
            assert_eq!(title(name), expected);
        }
    }
}
