//! The configuration of an opened checkpoint: what it states about itself, checked and completed by its tensors.

use super::hf_config;
use super::infer::{MAX_DEPTH, infer};
use super::layout::{Family, Layout};
use super::names::vit_name;
use super::periods::same_bits;
use super::source::{Format, Source};
use super::{CheckpointError, carried};
use crate::config::{BackboneConfig, RopePeriods, VitConfig};
use crate::rope;

/// Bounds on what a configuration may ask for, far above any model: they keep hostile numbers from costing memory.
const MAX_DIM: usize = 1 << 16;
const MAX_HIDDEN: usize = 1 << 20;
const MAX_PATCH: usize = 256;
const MAX_REGISTERS: usize = 1 << 12;

/// Key of the configuration in the metadata of files that Dinoscope wrote.
pub(super) const CONFIG_KEY: &str = "config";

/// Finds the configuration: from the metadata, from `config.json`, or from the tensors, in this order.
pub(super) fn config(
    source: &Source,
    layout: Layout,
    family: Family,
) -> Result<BackboneConfig, CheckpointError> {
    let refuse = |reason: String| CheckpointError::Config {
        reason,
        path: source.path.clone(),
    };
    let mut config = match stated(source, layout)? {
        Some(config) => config,
        None => infer(source, layout, family)?,
    };
    if matches!(config, BackboneConfig::Vit(_)) != (family == Family::Vit) {
        let other = if family == Family::Vit {
            "vit"
        } else {
            "convnext"
        };
        return Err(refuse(format!(
            "it describes a {}, the tensors are those of a {other}",
            config.family()
        )));
    }
    check(&config).map_err(refuse)?;
    if let BackboneConfig::Vit(vit) = &mut config {
        complete(vit, source, layout);
        check_vit(vit).map_err(refuse)?;
    }
    Ok(config)
}

fn stated(source: &Source, layout: Layout) -> Result<Option<BackboneConfig>, CheckpointError> {
    if let Some(config) = source
        .metadata
        .get(CONFIG_KEY)
        .and_then(|text| serde_json::from_str(text).ok())
    {
        return Ok(Some(config));
    }
    match &source.config {
        // In the other layouts, a config.json may belong to something else in the same folder.
        Some(sidecar) if layout == Layout::Hf || hf_config::is_dinov3(&sidecar.json) => {
            hf_config::parse(&sidecar.json)
                .map(Some)
                .map_err(|reason| CheckpointError::Json {
                    reason,
                    path: sidecar.path.clone(),
                })
        }
        _ => Ok(None),
    }
}

/// Adds what only the tensors know: the local norm and the stored periods.
fn complete(vit: &mut VitConfig, source: &Source, layout: Layout) {
    let in_file = |name: &str| {
        vit_name(layout, name, 0, 0).is_some_and(|name| source.tensors.contains_key(&name))
    };
    let has = |name: &str| in_file(name) || carried::has(source, name);
    vit.local_cls_norm |= has("local_cls_norm.weight") || has("local_cls_norm.bias");

    let stored = vit_name(layout, "rope_embed.periods", 0, 0).and_then(|name| source.values(&name));
    // Periods of another length are a damaged tensor; the report says so.
    let Some(stored) = stored.filter(|stored| stored.len() == vit.head_dim() / 4) else {
        return;
    };
    let same = same_bits(&stored, &rope::periods(&vit.rope.periods, vit.head_dim()));
    if source.format == Format::Pth || !same {
        vit.rope.periods = RopePeriods::Stored(stored);
    }
}

fn check(config: &BackboneConfig) -> Result<(), String> {
    match config {
        BackboneConfig::Vit(vit) => check_vit(vit),
        BackboneConfig::ConvNext(convnext) => {
            for (&depth, &dim) in convnext.depths.iter().zip(&convnext.dims) {
                within("a stage's depth", depth, 1, MAX_DEPTH)?;
                within("a stage's dim", dim, 1, MAX_DIM)?;
            }
            positive("norm_eps", convnext.norm_eps)
        }
    }
}

fn check_vit(vit: &VitConfig) -> Result<(), String> {
    within("dim", vit.dim, 4, MAX_DIM)?;
    within("depth", vit.depth, 1, MAX_DEPTH)?;
    within("heads", vit.heads, 1, vit.dim)?;
    within("ffn_hidden", vit.ffn_hidden, 1, MAX_HIDDEN)?;
    within("patch", vit.patch, 1, MAX_PATCH)?;
    within("registers", vit.registers, 0, MAX_REGISTERS)?;
    if !vit.dim.is_multiple_of(4 * vit.heads) {
        return Err(format!(
            "dim {} with {} heads, expected a multiple of 4 channels a head",
            vit.dim, vit.heads
        ));
    }
    positive("norm_eps", vit.norm_eps)?;
    check_periods(vit)
}

fn check_periods(vit: &VitConfig) -> Result<(), String> {
    if let RopePeriods::Range { min, max } = vit.rope.periods {
        positive("the smallest rotary period", min)?;
        positive("the largest rotary period", max)?;
    }
    let count = vit.head_dim() / 4;
    if let RopePeriods::Stored(stored) = &vit.rope.periods
        && stored.len() != count
    {
        return Err(format!("{} rotary periods, expected {count}", stored.len()));
    }
    rope::periods(&vit.rope.periods, vit.head_dim())
        .iter()
        .try_for_each(|&period| positive("a rotary period", f64::from(period)))
}

fn within(what: &str, value: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{what} is {value}, expected {least} to {most}"))
    }
}

fn positive(what: &str, value: f64) -> Result<(), String> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(format!("{what} is {value}, expected a positive number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RopePeriods;
    use crate::variants::VARIANTS;

    fn vit(change: impl Fn(&mut VitConfig)) -> BackboneConfig {
        let BackboneConfig::Vit(mut vit) = VARIANTS[0].config() else {
            panic!("vits16 is a ViT")
        };
        change(&mut vit);
        BackboneConfig::Vit(vit)
    }

    #[test]
    fn every_released_model_passes_the_check() {
        for variant in VARIANTS {
            assert_eq!(check(&variant.config()), Ok(()), "{}", variant.name);
        }
    }

    #[test]
    fn numbers_that_no_network_can_have_are_refused_by_name() {
        let cases = [
            (vit(|c| c.depth = usize::MAX), "depth"),
            (vit(|c| c.dim = 1 << 40), "dim"),
            (vit(|c| c.dim = 0), "dim"),
            (vit(|c| c.heads = 0), "heads"),
            (vit(|c| c.heads = 7), "heads"),
            (vit(|c| c.norm_eps = f64::NAN), "norm_eps"),
            (
                vit(|c| c.rope.periods = RopePeriods::Base(-1.0)),
                "rotary period",
            ),
            (
                vit(|c| c.rope.periods = RopePeriods::Base(f64::INFINITY)),
                "rotary period",
            ),
            (
                vit(|c| c.rope.periods = RopePeriods::Stored(vec![1.0])),
                "rotary periods",
            ),
            (
                vit(|c| c.rope.periods = RopePeriods::Stored(vec![0.0; 16])),
                "rotary period",
            ),
        ];
        for (config, field) in cases {
            let error = check(&config).unwrap_err();
            assert!(error.contains(field), "{error}");
        }
    }
}
