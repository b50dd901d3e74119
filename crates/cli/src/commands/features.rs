//! `dinoscope features`: one file of tensors a picture.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dinoscope_engine::features::norm_name;
use dinoscope_engine::values::{Existing, write_file};
use dinoscope_engine::{Features, LayerFeatures, Picture};
use npyz::WriterBuilder;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::CancelToken;
use crate::args::{Common, FeatureFormat, Features as Arguments};
use crate::session::Session;
use crate::{out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments, cancel: &CancelToken) -> Result<()> {
    let paths = pictures::expand(&arguments.images)?;
    let outputs = outputs(common, arguments, &paths)?;
    pictures::refuse_existing(&outputs, common)?;
    let mut session = Session::open(common, &arguments.network)?;
    let mut results: BTreeMap<usize, Value> = BTreeMap::new();
    let provenance = provenance(&session);
    let broken = pictures::extract(
        &mut session,
        common,
        &paths,
        cancel,
        |index, picture, features| {
            let metadata = metadata(&provenance, &paths[index], &picture, &features);
            let tensors = tensors(&features);
            write(
                &outputs[index],
                arguments.format,
                &tensors,
                &metadata,
                common,
            )?;
            results.insert(index, result(&paths[index], &outputs[index], &features));
            Ok(())
        },
    )?;
    let lines: Vec<String> = results.values().map(line).collect();
    let results: Vec<Value> = results.into_values().collect();
    let errors: Vec<&String> = broken.iter().map(|(_, error)| error).collect();
    let mut json = session.json(
        "features",
        &json!({ "format": format!("{:?}", arguments.format).to_lowercase() }),
        &json!(results),
    );
    json["errors"] = json!(errors);
    if !results.is_empty() {
        session.finish(common, &json, &lines);
    }
    pictures::report_broken(&broken, paths.len())
}

/// `DIR/<stem>.<ending>`; for one picture the file's own name may be given.
fn outputs(common: &Common, arguments: &Arguments, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let ending = match arguments.format {
        FeatureFormat::Safetensors => "safetensors",
        FeatureFormat::Npz => "npz",
    };
    let target = common.output.clone().unwrap_or_else(|| PathBuf::from("."));
    let is_file = target.extension().is_some_and(|found| found == ending) && !target.is_dir();
    match (is_file, paths.len()) {
        (true, 1) => Ok(vec![target]),
        (true, count) => bail!(
            "{count} pictures need a folder as output, found a file's name: {}",
            target.display()
        ),
        (false, _) => pictures::outputs(paths, &target, ending),
    }
}

fn provenance(session: &Session) -> BTreeMap<String, String> {
    let (model, preprocess) = (
        session.model(),
        session.extractor.preprocess(&session.request),
    );
    let provenance = session.provenance();
    let list = |values: [f32; 3]| out::numbers(&values).to_string();
    let entries = [
        ("model", model.name.clone()),
        ("sha256", model.sha256.clone()),
        ("license", model.license.clone().unwrap_or_default()),
        ("untrained", model.untrained.to_string()),
        ("size", provenance.size),
        ("layer", provenance.layer),
        ("norm", norm_name(session.request.norm).to_owned()),
        ("mean", list(preprocess.statistics.mean)),
        ("std", list(preprocess.statistics.std)),
        ("resample", preprocess.resample.to_string()),
        ("device", model.device.name().to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn metadata(
    provenance: &BTreeMap<String, String>,
    path: &Path,
    picture: &Picture,
    features: &Features,
) -> BTreeMap<String, String> {
    let (width, height) = features.input_px;
    let mut metadata = provenance.clone();
    let entries = [
        ("picture", pictures::name(path)),
        ("picture_sha256", picture.sha256().to_owned()),
        (
            "picture_size",
            format!("{}x{}", picture.width(), picture.height()),
        ),
        ("input_size", format!("{width}x{height}")),
    ];
    metadata.extend(entries.map(|(name, value)| (name.to_owned(), value)));
    let several = features.layers.len() > 1;
    for LayerFeatures { layer, grid, .. } in &features.layers {
        let name = |part: &str| part_name(several, *layer, part);
        metadata.insert(name("grid"), format!("{}x{}", grid.rows, grid.cols));
        metadata.insert(name("patch"), grid.patch.to_string());
    }
    metadata
}

/// `part` for the only layer, `layer.<i>.part` for one of several.
fn part_name(several: bool, layer: usize, part: &str) -> String {
    if several {
        format!("layer.{layer}.{part}")
    } else {
        part.to_owned()
    }
}

/// Name, shape and values of each tensor: plain names for one layer, `layer.<i>.…` for several.
type Tensors<'a> = Vec<(String, Vec<usize>, &'a [f32])>;

fn tensors(features: &Features) -> Tensors<'_> {
    let several = features.layers.len() > 1;
    let mut tensors = Vec::with_capacity(3 * features.layers.len());
    for LayerFeatures {
        layer,
        cls,
        registers,
        patches,
        ..
    } in &features.layers
    {
        let name = |part: &str| part_name(several, *layer, part);
        let dim = patches.dim();
        tensors.push((
            name("patches"),
            vec![patches.rows(), patches.cols(), dim],
            patches.values(),
        ));
        tensors.push((name("cls"), vec![dim], cls.as_slice()));
        tensors.push((
            name("registers"),
            vec![registers.len() / dim, dim],
            registers.as_slice(),
        ));
    }
    tensors
}

fn write(
    path: &Path,
    format: FeatureFormat,
    tensors: &Tensors<'_>,
    metadata: &BTreeMap<String, String>,
    common: &Common,
) -> Result<()> {
    pictures::make_parent(path)?;
    let bytes = match format {
        FeatureFormat::Safetensors => safetensors_bytes(tensors, metadata),
        FeatureFormat::Npz => npz_bytes(tensors, metadata),
    }
    .with_context(|| format!("cannot encode features: {}", path.display()))?;
    Ok(write_file(path, existing(common), |out| {
        out.write_all(&bytes)
    })?)
}

/// `--force` replaces, else files stay.
pub(crate) fn existing(common: &Common) -> Existing {
    if common.force {
        Existing::Replace
    } else {
        Existing::Keep
    }
}

fn safetensors_bytes(
    tensors: &Tensors<'_>,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let data: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
        Ok((
            name.clone(),
            TensorView::new(Dtype::F32, shape.clone(), data)?,
        ))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let metadata = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(safetensors::serialize(views, Some(metadata))?)
}

/// The tensors as arrays, and the metadata as `metadata.json` bytes (u8), since npz has no place of its own for it.
fn npz_bytes(tensors: &Tensors<'_>, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut npz = npyz::npz::NpzWriter::new(Cursor::new(Vec::new()));
    for (name, shape, values) in tensors {
        let shape: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
        let mut array = npz
            .array(name, npyz::zip::write::FileOptions::default())?
            .default_dtype()
            .shape(&shape)
            .begin_nd()?;
        array.extend(values.iter().copied())?;
        array.finish()?;
    }
    let text = serde_json::to_vec(metadata)?;
    let mut array = npz
        .array("metadata.json", npyz::zip::write::FileOptions::default())?
        .default_dtype()
        .shape(&[text.len() as u64])
        .begin_nd()?;
    array.extend(text)?;
    array.finish()?;
    Ok(npz.zip_writer().finish()?.into_inner())
}

fn result(picture: &Path, output: &Path, features: &Features) -> Value {
    let layer = |layer: &LayerFeatures| {
        let map = &layer.patches;
        json!({ "layer": layer.layer, "rows": map.rows(), "cols": map.cols(), "dim": map.dim() })
    };
    json!({
        "picture": picture, "output": output, "layers": features.layers.iter().map(layer).collect::<Vec<_>>(),
        "input_size": features.input_px, "cached": features.cached,
    })
}

fn line(result: &Value) -> String {
    let output = result["output"].as_str().unwrap_or_default();
    let layer = |layer: &Value| format!("{}x{}x{}", layer["rows"], layer["cols"], layer["dim"]);
    let layers: Vec<String> = result["layers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(layer)
        .collect();
    format!("{output}  {}", layers.join(", "))
}
