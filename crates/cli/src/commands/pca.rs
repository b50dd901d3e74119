//! `dinoscope pca`: common principal components of pictures as colors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use dinoscope_engine::analysis::{Pca, PcaBasis, Subject};
use image::RgbImage;
use serde_json::{Value, json};

use super::features::existing;
use crate::args::{Common, Pca as Arguments};
use crate::found::{Run, one_layer, subject};
use crate::session::Session;
use crate::{CancelToken, out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments, cancel: &CancelToken) -> Result<()> {
    let (images, values) = images_and_values(arguments);
    let paths = pictures::expand(&images)?;
    if paths.is_empty() {
        bail!("no picture named, expected at least one");
    }
    let (figures, values) = targets(common, arguments, &paths, values)?;
    // Before the networks run: a file that is no basis is told at once.
    arguments
        .basis
        .iter()
        .chain(&arguments.align)
        .try_for_each(|path| PcaBasis::load(path).map(drop))?;
    let mut session = Session::open(common, &arguments.network)?;
    session.cancel = cancel.clone();
    one_layer(&session)?;
    let settings = Pca {
        components: arguments.components.clone(),
        foreground: arguments.foreground,
        whiten: arguments.whiten,
        basis: arguments.basis.clone(),
        align: arguments.align.clone(),
        ..Pca::default()
    };
    let mut opened: BTreeMap<usize, (Subject, RgbImage)> = BTreeMap::new();
    let rgb = session.request.preprocess.background;
    let broken = pictures::extract(
        &mut session,
        common,
        &paths,
        cancel,
        |index, picture, mut features| {
            let layer = features.layers.pop().context("the network gave no layer")?;
            opened.insert(index, subject(rgb, &paths[index], &picture, layer));
            Ok(())
        },
    )?;
    if opened.is_empty() {
        return pictures::report_broken(&broken, paths.len());
    }
    let indices: Vec<usize> = opened.keys().copied().collect();
    let kept: Vec<PathBuf> = indices.iter().map(|&at| paths[at].clone()).collect();
    let mut run = Run::new(
        &mut session,
        settings.into(),
        kept,
        opened.into_values().unzip(),
    )?;
    if let Some(basis) = run
        .found
        .basis
        .as_mut()
        .filter(|_| arguments.basis.is_none())
    {
        basis.origin.provenance = session.provenance();
        basis.origin.pictures = run.paths.iter().map(|path| pictures::name(path)).collect();
    }
    let written = figures.iter().chain(&values).chain(&arguments.save_basis);
    written
        .into_iter()
        .try_for_each(|path| pictures::make_parent(path))?;
    let basis = run
        .found
        .basis
        .as_ref()
        .context("the analysis gave no basis")?;
    if let Some(path) = &arguments.save_basis {
        basis.save(path, existing(common))?;
    }
    let mut results = Vec::new();
    for (at, map) in run.maps() {
        let index = indices[at];
        let (figure, values) = (&figures[index], values.get(index));
        if let Some(path) = values {
            run.write_values(&session, common, map, path)?;
        }
        run.draw(&session, common, &arguments.drawing, map, figure)?;
        results.push(run.result(map, Some(figure), values));
    }
    let (json, lines) = told(
        &session,
        arguments,
        &run.settings(),
        basis,
        &results,
        &broken,
    );
    session.finish(common, &json, &lines);
    pictures::report_broken(&broken, paths.len())
}

/// Names of the figures and of the values, none of which is there already unless it may be replaced.
#[expect(
    clippy::option_option,
    reason = "absent, given alone, given with a name"
)]
fn targets(
    common: &Common,
    arguments: &Arguments,
    paths: &[PathBuf],
    values: Option<Option<PathBuf>>,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let folder = common.output.clone().unwrap_or_else(|| PathBuf::from("."));
    let figures = pictures::outputs(paths, &folder, "png")?;
    let values = match values {
        None => Vec::new(),
        Some(None) => pictures::outputs(paths, &folder, "npy")?,
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
    Ok((figures, values))
}

/// The JSON object and the lines of a run.
fn told(
    session: &Session,
    arguments: &Arguments,
    settings: &Value,
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
    let mut json = session.json("pca", settings, &json!(results));
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
