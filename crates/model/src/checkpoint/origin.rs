//! Where weights come from: released variant, training data, picture statistics and licence, and how that was decided.

use super::hf_config;
use super::source::Source;
use crate::config::BackboneConfig;
use crate::variants::{Data, VARIANTS, Variant};

/// Per-channel mean and standard deviation of the input, for values in 0..1.
pub type Statistics = ([f32; 3], [f32; 3]);

const LVD: Statistics = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
const SAT: Statistics = ([0.430, 0.411, 0.296], [0.213, 0.156, 0.143]);

/// Keys of the metadata of files that Dinoscope wrote.
pub(super) const MEAN_KEY: &str = "mean";
pub(super) const STD_KEY: &str = "std";
pub(super) const DATA_KEY: &str = "data";
pub(super) const LICENSE_KEY: &str = "license";

/// What was found out.
pub(super) struct Origin {
    pub(super) variant: Option<&'static Variant>,
    pub(super) data: Option<Data>,
    /// In words, for people.
    pub(super) decided_by: String,
    pub(super) statistics: Statistics,
    pub(super) license: Option<String>,
}

/// Decides variant, data and statistics.
pub(super) fn origin(source: &Source, config: &BackboneConfig) -> Origin {
    let stated = statistics(source);
    let same_shape: Vec<_> = VARIANTS
        .iter()
        .filter(|variant| same_shape(&variant.config(), config))
        .collect();
    let (data, decided_by) = decide(source, stated, &same_shape, config);
    let variant = same_shape
        .iter()
        .find(|variant| Some(variant.data) == data)
        .copied();
    let license = source.metadata.get(LICENSE_KEY).cloned();
    Origin {
        variant,
        data,
        decided_by,
        statistics: stated.unwrap_or(if data == Some(Data::Sat) { SAT } else { LVD }),
        // Every released model is under Meta's licence; what has its shape and says nothing else is taken for one.
        license: license.or_else(|| variant.map(|_| "dinov3-license".to_owned())),
    }
}

fn decide(
    source: &Source,
    stated: Option<Statistics>,
    same_shape: &[&'static Variant],
    config: &BackboneConfig,
) -> (Option<Data>, String) {
    if let Some(data) = source
        .metadata
        .get(DATA_KEY)
        .and_then(|text| data_by_name(text))
    {
        return (Some(data), "the metadata of the file".to_owned());
    }
    // A file that Dinoscope wrote always has statistics, assumed ones too: these tell nothing new.
    let told = stated.filter(|_| !source.metadata.contains_key(MEAN_KEY));
    if let Some(data) = told.and_then(data_by_statistics) {
        return (
            Some(data),
            "the picture statistics beside the weights".to_owned(),
        );
    }
    if let Some((data, name)) = by_path(&source.path_names()) {
        return (Some(data), format!("the name {name:?}"));
    }
    let has_local_norm = matches!(config, BackboneConfig::Vit(vit) if vit.local_cls_norm);
    match same_shape {
        [] => (None, "nothing: web statistics are assumed".to_owned()),
        [only] => (Some(only.data), format!("the shape of {}", only.name)),
        // The satellite ViT-L has a norm that the other lacks; the two 7B have the same tensors.
        [first, second, ..] => match local_norm(&first.config()) == local_norm(&second.config()) {
            true => (
                Some(Data::Lvd),
                format!(
                    "nothing: {} has the same tensors for both data sets, web is assumed",
                    first.name
                ),
            ),
            false if has_local_norm => (Some(Data::Sat), "the norm for local crops".to_owned()),
            false => (
                Some(Data::Lvd),
                "the absence of a norm for local crops".to_owned(),
            ),
        },
    }
}

/// The statistics that the file or its folder states.
fn statistics(source: &Source) -> Option<Statistics> {
    let triple = |key: &str| serde_json::from_str::<[f32; 3]>(source.metadata.get(key)?).ok();
    let stated = triple(MEAN_KEY).zip(triple(STD_KEY)).or_else(|| {
        hf_config::statistics(
            source.preprocessor.as_ref().map(|sidecar| &sidecar.json),
            source.config.as_ref().map(|sidecar| &sidecar.json),
        )
    });
    let sane = |(mean, std): &Statistics| {
        mean.iter().all(|value| value.is_finite())
            && std.iter().all(|value| value.is_finite() && *value > 0.0)
    };
    stated.filter(sane)
}

fn data_by_name(text: &str) -> Option<Data> {
    match text {
        "lvd" => Some(Data::Lvd),
        "sat" => Some(Data::Sat),
        _ => None,
    }
}

fn data_by_statistics(stated: Statistics) -> Option<Data> {
    let near = |(mean, std): Statistics| {
        let values = mean.iter().chain(&std);
        values
            .zip(stated.0.iter().chain(&stated.1))
            .all(|(a, b)| (a - b).abs() < 1e-3)
    };
    if near(SAT) {
        Some(Data::Sat)
    } else {
        near(LVD).then_some(Data::Lvd)
    }
}

/// Names of the file (first) and of its folders, lower case → data, and the name that told.
fn by_path(names: &[String]) -> Option<(Data, String)> {
    let file = names.first()?;
    // Meta's files end in eight digits of their hash.
    let stem = file.strip_suffix(".pth").unwrap_or(file);
    if let Some(variant) = VARIANTS
        .iter()
        .find(|v| stem.ends_with(&format!("-{}", v.meta_hash)))
    {
        return Some((variant.data, file.clone()));
    }
    for (depth, name) in names.iter().enumerate() {
        // A bare word counts in the name of the file and of its own folder, the full names further up too: a download
        // from the hub lies in folders that are named after the repository.
        let word = |wanted: &str| {
            depth < 2
                && name
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|word| word == wanted)
        };
        if name.contains("sat493m") || word("sat") {
            return Some((Data::Sat, name.clone()));
        }
        if name.contains("lvd1689m") || word("lvd") {
            return Some((Data::Lvd, name.clone()));
        }
    }
    None
}

fn local_norm(config: &BackboneConfig) -> bool {
    matches!(config, BackboneConfig::Vit(vit) if vit.local_cls_norm)
}

/// Whether a checkpoint has the sizes of a released model. Layouts drop zero biases, the local norm and the periods,
/// so these do not count.
fn same_shape(released: &BackboneConfig, found: &BackboneConfig) -> bool {
    match (released, found) {
        (BackboneConfig::Vit(a), BackboneConfig::Vit(b)) => {
            (a.dim, a.depth, a.heads, a.ffn) == (b.dim, b.depth, b.heads, b.ffn)
                && (a.ffn_hidden, a.patch, a.registers) == (b.ffn_hidden, b.patch, b.registers)
        }
        (BackboneConfig::ConvNext(a), BackboneConfig::ConvNext(b)) => {
            a.depths == b.depths && a.dims == b.dims
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str]) -> Option<Data> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        by_path(&names).map(|(data, _)| data)
    }

    #[test]
    fn names_tell_the_data() {
        assert_eq!(
            told(&["dinov3_vitl16_pretrain-eadcf0ff.pth"]),
            Some(Data::Sat)
        );
        assert_eq!(told(&["x-a955f4ea.pth"]), Some(Data::Lvd));
        let hub = [
            "model.safetensors",
            "0a1b",
            "snapshots",
            "models--facebook--dinov3-vitl16-pretrain-sat493m",
        ];
        assert_eq!(told(&hub), Some(Data::Sat));
        assert_eq!(
            told(&["model.safetensors", "vit_swiglu_sat"]),
            Some(Data::Sat)
        );
        assert_eq!(told(&["model.safetensors", "saturday"]), None);
        assert_eq!(told(&["model.safetensors", "b", "sat"]), None);
    }

    #[test]
    fn statistics_tell_the_data() {
        assert_eq!(data_by_statistics(SAT), Some(Data::Sat));
        assert_eq!(data_by_statistics(LVD), Some(Data::Lvd));
        assert_eq!(data_by_statistics(([0.5; 3], [0.5; 3])), None);
    }

    #[test]
    fn every_variant_has_its_own_shape() {
        for variant in VARIANTS {
            let same = VARIANTS
                .iter()
                .filter(|other| same_shape(&other.config(), &variant.config()));
            let names: Vec<_> = same
                .map(|other| other.name.trim_end_matches("-sat"))
                .collect();
            assert!(
                names
                    .iter()
                    .all(|name| *name == variant.name.trim_end_matches("-sat")),
                "{names:?}"
            );
        }
    }
}
