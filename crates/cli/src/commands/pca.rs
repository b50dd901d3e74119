//! `dinoscope pca`: common principal components of pictures as colors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::{Pca, PcaBasis, PcaMap};
use dinoscope_engine::figure::{Caption, Figure, grid_figure};
use dinoscope_engine::values::write_npy;
use serde_json::{Value, json};

use super::features::existing;
use super::similarity::one_layer;
use crate::Cancel;
use crate::args::{Common, Pca as Arguments};
use crate::session::Session;
use crate::{out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments, cancel: &Cancel) -> Result<()> {
    let (images, values) = images_and_values(arguments);
    let paths = pictures::expand(&images)?;
    if paths.is_empty() {
        bail!("no picture named, expected at least one");
    }
    let folder = common.output.clone().unwrap_or_else(|| PathBuf::from("."));
    let figures = pictures::outputs(&paths, &folder, "png")?;
    let values = match values {
        None => Vec::new(),
        Some(None) => pictures::outputs(&paths, &folder, "npy")?,
        Some(Some(path)) if paths.len() == 1 => vec![path],
        Some(Some(path)) => bail!(
            "--values names one file for {} pictures: {}",
            paths.len(),
            path.display()
        ),
    };
    pictures::refuse_existing(
        figures.iter().chain(&values).chain(&arguments.save_basis),
        common,
    )?;
    let frozen = arguments
        .basis
        .as_ref()
        .map(|path| PcaBasis::load(path))
        .transpose()?;
    let mut session = Session::open(common, &arguments.network)?;
    one_layer(&session)?;
    let settings = Pca {
        components: arguments.components.clone(),
        foreground: arguments.foreground,
        whiten: arguments.whiten,
    };
    let mut maps: BTreeMap<usize, ((u32, u32), FeatureMap)> = BTreeMap::new();
    let broken = pictures::extract(
        &mut session,
        common,
        &paths,
        cancel,
        |index, picture, mut features| {
            let layer = features.layers.pop().context("the network gave no layer")?;
            maps.insert(index, ((picture.width(), picture.height()), layer.patches));
            Ok(())
        },
    )?;
    if maps.is_empty() {
        return pictures::report_broken(&broken, paths.len());
    }
    let indices: Vec<usize> = maps.keys().copied().collect();
    let (sizes, maps): (Vec<(u32, u32)>, Vec<FeatureMap>) = maps.into_values().unzip();
    let mut found = session
        .timings
        .time("pca", || settings.run(&maps, None, frozen.as_ref()))?;
    if frozen.is_none() {
        found.basis.origin.provenance = session.provenance();
        found.basis.origin.pictures = indices.iter().map(|&i| pictures::name(&paths[i])).collect();
    }
    let written = figures.iter().chain(&values).chain(&arguments.save_basis);
    written
        .into_iter()
        .try_for_each(|path| pictures::make_parent(path))?;
    if let Some(path) = &arguments.save_basis {
        found.basis.save(path, existing(common))?;
    }
    let mut results = Vec::new();
    for ((&i, map), &size) in indices.iter().zip(&found.maps).zip(&sizes) {
        draw(
            &session,
            &settings,
            map,
            size,
            &paths[i],
            &figures[i],
            common,
        )?;
        if let Some(path) = values.get(i) {
            write_npy(
                path,
                &[map.rows, map.cols, map.k],
                &map.values,
                existing(common),
            )?;
        }
        results.push(result(&paths[i], &figures[i], values.get(i), map));
    }
    let (json, lines) = told(
        &session,
        arguments,
        &settings,
        &found.basis,
        &results,
        &broken,
    );
    session.finish(common, &json, &lines);
    pictures::report_broken(&broken, paths.len())
}

/// The JSON object and the lines of a run.
fn told(
    session: &Session,
    arguments: &Arguments,
    settings: &Pca,
    basis: &PcaBasis,
    results: &[Value],
    broken: &[(usize, String)],
) -> (Value, Vec<String>) {
    let ratio: Vec<f32> = arguments
        .components
        .iter()
        .map(|&i| basis.explained_variance_ratio[i])
        .collect();
    let variance: Vec<f32> = arguments
        .components
        .iter()
        .map(|&i| basis.explained_variance[i])
        .collect();
    let mut json = session.json("pca", &json!(settings), &json!(results));
    json["explained_variance"] = out::numbers(&variance);
    json["explained_variance_ratio"] = out::numbers(&ratio);
    json["basis"] = json!({ "origin": basis.origin, "frozen": arguments.basis.is_some(), "file": arguments.save_basis });
    json["errors"] = json!(broken.iter().map(|(_, error)| error).collect::<Vec<_>>());
    let mut lines: Vec<String> = results
        .iter()
        .map(|result| {
            format!(
                "{}  {}x{} patches",
                result["figure"].as_str().unwrap_or_default(),
                result["rows"],
                result["cols"]
            )
        })
        .collect();
    let shares: Vec<String> = ratio
        .iter()
        .map(|share| format!("{:.1} %", share * 100.0))
        .collect();
    lines.push(format!(
        "explained variance of components {:?}: {}",
        arguments.components,
        shares.join(", ")
    ));
    (json, lines)
}

/// `--values` may swallow a picture that follows it: a name that does not end in `.npy` is a picture.
#[expect(
    clippy::option_option,
    reason = "absent, given alone, given with a name"
)]
fn images_and_values(arguments: &Arguments) -> (Vec<PathBuf>, Option<Option<PathBuf>>) {
    let mut images = arguments.images.clone();
    let values = arguments.values.clone().map(|named| {
        let (values, picture): (Option<PathBuf>, Option<PathBuf>) = match named {
            Some(path) if path.extension().is_some_and(|ending| ending == "npy") => {
                (Some(path), None)
            }
            other => (None, other),
        };
        images.extend(picture);
        values
    });
    (images, values)
}

fn draw(
    session: &Session,
    settings: &Pca,
    map: &PcaMap,
    size: (u32, u32),
    picture: &Path,
    figure: &Path,
    common: &Common,
) -> Result<()> {
    let caption = Caption {
        title: "pca".into(),
        pictures: vec![pictures::name(picture)],
        provenance: session.provenance(),
        settings: json!(settings),
    };
    let drawn = grid_figure(&map.colours, (map.rows, map.cols), size)?;
    Ok(Figure::new(drawn, caption).write(figure, existing(common))?)
}

fn result(picture: &Path, figure: &Path, values: Option<&PathBuf>, map: &PcaMap) -> Value {
    let foreground = map
        .foreground
        .as_ref()
        .map(|mask| mask.iter().filter(|&&inside| inside).count());
    json!({
        "picture": picture, "figure": figure, "values": values, "rows": map.rows, "cols": map.cols, "k": map.k,
        "foreground_patches": foreground,
    })
}
