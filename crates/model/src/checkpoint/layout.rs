//! The three layouts, and how a checkpoint's layout and family are told by its names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::CheckpointError;
use super::source::Source;

/// Who named the tensors. The discriminants index the columns of the name tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Meta's own files and training exports.
    Meta = 0,
    /// Hugging Face transformers.
    Hf = 1,
    /// timm.
    Timm = 2,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meta => "meta",
            Self::Hf => "hf",
            Self::Timm => "timm",
        })
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "meta" => Ok(Self::Meta),
            "hf" => Ok(Self::Hf),
            "timm" => Ok(Self::Timm),
            _ => Err(format!(
                "unknown layout {text:?}, expected meta, hf or timm"
            )),
        }
    }
}

/// The two families, before their sizes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Vit,
    ConvNext,
}

/// Parts of names that only one layout of one family has.
const MARKERS: &[(Layout, Family, &[&str])] = &[
    (
        Layout::Meta,
        Family::Vit,
        &[
            "storage_tokens",
            "rope_embed.periods",
            ".ls1.gamma",
            ".ls2.gamma",
        ],
    ),
    (
        Layout::Hf,
        Family::Vit,
        &[
            "embeddings.",
            ".layer_scale1.",
            ".layer_scale2.",
            ".attention.q_proj.",
        ],
    ),
    (
        Layout::Timm,
        Family::Vit,
        &["reg_token", ".gamma_1", ".gamma_2"],
    ),
    (
        Layout::Meta,
        Family::ConvNext,
        &[".dwconv.", ".pwconv1.", ".pwconv2."],
    ),
    (
        Layout::Hf,
        Family::ConvNext,
        &[".depthwise_conv.", ".pointwise_conv1.", ".pointwise_conv2."],
    ),
    (
        Layout::Timm,
        Family::ConvNext,
        &[".conv_dw.", "stem.0.", "head.norm."],
    ),
];

/// The layout and family whose markers the most names have.
pub(super) fn recognise(source: &Source) -> Result<(Layout, Family), CheckpointError> {
    let hits = |markers: &[&str]| {
        source
            .tensors
            .keys()
            .filter(|name| markers.iter().any(|marker| name.contains(marker)))
            .count()
    };
    let scores = MARKERS
        .iter()
        .map(|(layout, family, markers)| (hits(markers), *layout, *family));
    match scores.max_by_key(|(score, ..)| *score) {
        Some((score, layout, family)) if score > 0 => Ok((layout, family)),
        _ => Err(CheckpointError::NotABackbone {
            tensors: source.tensors.len(),
            first: source.tensors.keys().next().cloned(),
            path: source.path.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tensors::all_tensors;
    use crate::variants::VARIANTS;

    #[test]
    fn layouts_are_spoken_as_they_are_parsed() {
        for layout in [Layout::Meta, Layout::Hf, Layout::Timm] {
            assert_eq!(layout.to_string().parse(), Ok(layout));
        }
        assert!("huggingface".parse::<Layout>().is_err());
    }

    #[test]
    fn markers_are_found_in_their_own_layout_and_in_no_other() {
        for variant in VARIANTS {
            let specs = all_tensors(&variant.config());
            for layout in [Layout::Meta, Layout::Hf, Layout::Timm] {
                let names: Vec<_> = specs
                    .iter()
                    .flat_map(|spec| spec.parts(layout))
                    .map(|part| part.name)
                    .collect();
                for (marked, family, markers) in MARKERS {
                    let own = *marked == layout
                        && (*family == Family::Vit) == variant.name.starts_with("vit");
                    let found = markers
                        .iter()
                        .all(|marker| names.iter().any(|name| name.contains(marker)));
                    let any = markers
                        .iter()
                        .any(|marker| names.iter().any(|name| name.contains(marker)));
                    assert_eq!(
                        (found, any),
                        (own, own),
                        "{} {layout}: {markers:?}",
                        variant.name
                    );
                }
            }
        }
    }
}
