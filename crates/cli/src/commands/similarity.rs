//! `dinoscope similarity`: how alike every patch is to the patches at some points.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use dinoscope_engine::analysis::Similarity;
use serde_json::{Value, json};

use crate::args::{Common, Similarity as Arguments};
use crate::found::{Run, lines, subjects};
use crate::session::Session;
use crate::{CancelToken, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments, cancel: &CancelToken) -> Result<()> {
    let paths: Vec<PathBuf> = std::iter::once(&arguments.image)
        .chain(&arguments.against)
        .cloned()
        .collect();
    let figures = figures(common, arguments, &paths)?;
    let values = arguments
        .values
        .as_ref()
        .map(|path| siblings(path, &paths))
        .transpose()?
        .unwrap_or_default();
    pictures::refuse_existing(figures.iter().chain(&values), common)?;
    let settings = Similarity {
        at: arguments
            .at
            .iter()
            .map(|point| [point.x, point.y])
            .collect(),
        not: arguments
            .not
            .iter()
            .map(|point| [point.x, point.y])
            .collect(),
        negative_weight: arguments.not_weight,
        combine: arguments.combine.into(),
        exclude_radius: arguments.exclude_radius,
        top: arguments.top,
        ..Similarity::default()
    };
    let mut session = Session::open(common, &arguments.network)?;
    session.cancel = cancel.clone();
    let subjects = subjects(&mut session, &paths)?;
    let run = Run::new(&mut session, settings.into(), paths, subjects)?;
    let mut results: Vec<Value> = Vec::new();
    for (at, map) in run.maps() {
        let (figure, values) = (figures.get(at), values.get(at));
        figure
            .into_iter()
            .chain(values)
            .try_for_each(|path| pictures::make_parent(path))?;
        // The cheaper file first: if it cannot be written, nothing is left behind.
        if let Some(path) = values {
            run.write_values(&session, common, map, path)?;
        }
        if let Some(path) = figure {
            run.draw(&session, common, &arguments.drawing, map, path)?;
        }
        results.push(run.result(map, figure, values));
    }
    let told: Vec<String> = results.iter().flat_map(lines).collect();
    let json = session.json("similarity", &run.settings(), &json!(results));
    session.finish(common, &json, &told);
    Ok(())
}

/// One figure a picture: `-o`, or a name of its own where neither a figure nor values were asked for.
fn figures(common: &Common, arguments: &Arguments, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    match (&common.output, &arguments.values) {
        (Some(path), _) => siblings(path, paths),
        (None, Some(_)) => Ok(Vec::new()),
        (None, None) => siblings(
            &PathBuf::from(format!("{}-similarity.png", pictures::stem(&paths[0]))),
            paths,
        ),
    }
}

/// `path` for the first picture, `<path's stem>-<picture's stem>.<ending>` for the others.
fn siblings(path: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        bail!(
            "output is a folder, expected a file's name: {}",
            path.display()
        );
    }
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().into_owned())
        .unwrap_or_default();
    let other = |picture: &PathBuf| {
        path.with_file_name(format!(
            "{}-{}.{ending}",
            pictures::stem(path),
            pictures::stem(picture)
        ))
    };
    let all: Vec<PathBuf> = std::iter::once(path.to_owned())
        .chain(paths[1..].iter().map(other))
        .collect();
    for (i, name) in all.iter().enumerate() {
        if all[..i].contains(name) {
            bail!("two pictures would write {}", name.display());
        }
    }
    Ok(all)
}
