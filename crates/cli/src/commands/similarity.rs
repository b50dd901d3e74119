//! `dinoscope similarity`: how alike every patch is to the patches at some points.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dinoscope_engine::analysis::{Patch, Similarity, SimilarityMap};
use dinoscope_engine::figure::{Caption, Figure, Mark, Overlay};
use dinoscope_engine::values::write_npy;
use dinoscope_engine::{Grid, Picture};
use serde_json::{Value, json};

use super::features::existing;
use crate::args::{Common, Point, Similarity as Arguments};
use crate::session::Session;
use crate::{out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<()> {
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
    let opened: Vec<Picture> = paths
        .iter()
        .map(|path| Ok(Picture::open(path)?))
        .collect::<Result<_>>()?;
    let mut session = Session::open(common, &arguments.network)?;
    one_layer(&session)?;
    opened
        .iter()
        .zip(&paths)
        .for_each(|(picture, path)| session.note(picture, path));
    let maps = maps(&mut session, &opened, &paths)?;
    let grid = maps[0].0;
    let settings = Similarity {
        positive: arguments
            .at
            .iter()
            .map(|&point| patch(grid, point, &paths[0]))
            .collect::<Result<_>>()?,
        negative: arguments
            .not
            .iter()
            .map(|&point| patch(grid, point, &paths[0]))
            .collect::<Result<_>>()?,
        exclude_radius: arguments.exclude_radius,
        top: arguments.top,
        ..Similarity::default()
    };
    let overlay = Overlay {
        alpha: arguments.overlay,
        colormap: arguments.colormap.0,
        ..Overlay::default()
    };
    let (grids, features): (Vec<Grid>, Vec<_>) = maps.into_iter().unzip();
    let found = session
        .timings
        .time("similarity", || settings.run(&features[0], &features[1..]))?;
    let json_settings = json!({ "similarity": settings, "overlay": overlay });
    for (i, map) in found.iter().enumerate() {
        figures
            .get(i)
            .into_iter()
            .chain(values.get(i))
            .try_for_each(|path| pictures::make_parent(path))?;
        if let Some(path) = figures.get(i) {
            let marks = if i == 0 {
                marks(arguments, map)
            } else {
                outlines(map)
            };
            let drawn = overlay.draw(&pictures::rgb(&opened[i], &session), &map.map, &marks)?;
            let caption = Caption {
                title: "similarity".into(),
                pictures: vec![pictures::name(&paths[i])],
                provenance: session.provenance(),
                settings: json_settings.clone(),
            };
            Figure::new(drawn, caption).write(path, existing(common))?;
        }
        if let Some(path) = values.get(i) {
            write_npy(
                path,
                &[map.map.rows, map.map.cols],
                &map.map.values,
                existing(common),
            )?;
        }
    }
    let results: Vec<Value> = found
        .iter()
        .enumerate()
        .map(|(i, map)| result(&paths[i], grids[i], map, figures.get(i), values.get(i)))
        .collect();
    let lines: Vec<String> = results.iter().flat_map(lines).collect();
    session.finish(
        common,
        &session.json("similarity", &json_settings, &json!(results)),
        &lines,
    );
    Ok(())
}

/// Analyses look at one layer.
pub(super) fn one_layer(session: &Session) -> Result<()> {
    match session.request.layers.len() {
        0 | 1 => Ok(()),
        count => bail!("--layer names {count} layers, expected one"),
    }
}

/// Grid and patches of each picture.
pub(super) fn maps(
    session: &mut Session,
    opened: &[Picture],
    paths: &[PathBuf],
) -> Result<Vec<(Grid, dinoscope_engine::FeatureMap)>> {
    let one = |(picture, path): (&Picture, &PathBuf)| {
        let (extractor, request) = (&session.extractor, &session.request);
        let features = session
            .timings
            .time("features", || extractor.features(picture, request));
        let mut features = features.map_err(|error| pictures::at(error, path))?;
        let layer = features.layers.pop().context("the network gave no layer")?;
        Ok((layer.grid, layer.patches))
    };
    opened.iter().zip(paths).map(one).collect()
}

/// The patch under a point, or an error that says how large the picture is.
pub(super) fn patch(grid: Grid, point: Point, path: &Path) -> Result<Patch> {
    let Some((row, col)) = grid.patch_at(point.x, point.y) else {
        let size = format!("{}x{}", grid.picture_width, grid.picture_height);
        bail!(
            "point {point} is outside the picture, which has {size} pixels: {}",
            path.display()
        );
    };
    Ok(Patch { row, col })
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

fn marks(arguments: &Arguments, map: &SimilarityMap) -> Vec<Mark> {
    let at = |point: &Point| [point.x as f32, point.y as f32];
    let mut marks = outlines(map);
    marks.extend(arguments.not.iter().map(|point| Mark::Negative(at(point))));
    marks.extend(arguments.at.iter().map(|point| Mark::Positive(at(point))));
    marks
}

fn outlines(map: &SimilarityMap) -> Vec<Mark> {
    map.top.iter().map(|peak| Mark::Patch(peak.patch)).collect()
}

fn result(
    path: &Path,
    grid: Grid,
    map: &SimilarityMap,
    figure: Option<&PathBuf>,
    values: Option<&PathBuf>,
) -> Value {
    let finite = || {
        map.map
            .values
            .iter()
            .copied()
            .filter(|value| value.is_finite())
    };
    let top: Vec<Value> = map
        .top
        .iter()
        .map(|peak| {
            let Patch { row, col } = peak.patch;
            let (x, y) = grid.centre_px(row, col);
            json!({ "row": row, "col": col, "x": x, "y": y, "similarity": out::number(peak.similarity) })
        })
        .collect();
    json!({
        "picture": path, "figure": figure, "values": values, "rows": grid.rows, "cols": grid.cols,
        "min": finite().reduce(f32::min).map(out::number), "max": finite().reduce(f32::max).map(out::number), "top": top,
    })
}

fn lines(result: &Value) -> Vec<String> {
    let written = ["figure", "values"]
        .iter()
        .filter_map(|name| result[*name].as_str());
    let rounded = |value: &Value, digits: usize| {
        value
            .as_f64()
            .map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let shown = |value: &Value| rounded(value, 4);
    let range = format!("{} to {}", shown(&result["min"]), shown(&result["max"]));
    let mut lines: Vec<String> = written
        .map(|path| {
            format!(
                "{path}  {}x{} patches, {range}",
                result["rows"], result["cols"]
            )
        })
        .collect();
    for peak in result["top"].as_array().into_iter().flatten() {
        lines.push(format!(
            "  {}  at {},{}",
            shown(&peak["similarity"]),
            rounded(&peak["x"], 1),
            rounded(&peak["y"], 1)
        ));
    }
    lines
}
