//! `dinoscope match`: partners of the patches of one picture in another.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dinoscope_engine::Picture;
use dinoscope_engine::analysis::{Correspondence, Match, Side};
use dinoscope_engine::figure::{Caption, Figure, MatchFigure};
use dinoscope_engine::values::{matches_csv, write_matches};
use serde_json::{Value, json};

use super::features::existing;
use super::similarity::{maps, one_layer, patch};
use crate::args::{Common, Match as Arguments};
use crate::session::Session;
use crate::{out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let paths = [arguments.a.clone(), arguments.b.clone()];
    pictures::refuse_existing(common.output.iter().chain(&arguments.figure), common)?;
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
    let [(grid_a, a), (grid_b, b)] = &maps[..] else {
        unreachable!("two pictures were opened")
    };
    let settings = Match {
        points: arguments
            .points
            .iter()
            .map(|&point| patch(*grid_a, point, &paths[0]))
            .collect::<Result<_>>()?,
        mutual: arguments.mutual,
        stratify_px: arguments.stratify,
        refine: arguments.refine,
        ..Match::default()
    };
    let side = |features, patch_px| Side {
        features,
        patch_px,
        foreground: None,
    };
    let (side_a, side_b) = (side(a, grid_a.patch_px()), side(b, grid_b.patch_px()));
    let found = session
        .timings
        .time("match", || settings.run(&side_a, &side_b))?;
    common
        .output
        .iter()
        .chain(&arguments.figure)
        .try_for_each(|path| pictures::make_parent(path))?;
    if let Some(path) = &common.output {
        write_matches(path, &found, existing(common))?;
    }
    if let Some(path) = &arguments.figure {
        figure(&session, &settings, &found, &opened, &paths)
            .and_then(|figure| Ok(figure.write(path, existing(common))?))?;
    }
    if common.output.is_none() && !common.json {
        session.say(common);
        let mut csv = Vec::new();
        matches_csv(&mut csv, &found).context("cannot write CSV")?;
        out::text(&String::from_utf8(csv).context("CSV is text")?);
        return Ok(());
    }
    let mut results = summary(&found, common.output.as_ref(), arguments.figure.as_ref());
    if common.output.is_none() {
        results["matches"] = json!(found.iter().map(pair).collect::<Vec<_>>());
    }
    let mut lines = vec![format!(
        "{} pairs, {} mutual, mean cosine {:.4}",
        found.len(),
        results["mutual"],
        results["mean_similarity"].as_f64().unwrap_or(f64::NAN)
    )];
    lines.extend(
        common
            .output
            .iter()
            .chain(&arguments.figure)
            .map(|path| path.display().to_string()),
    );
    session.finish(
        common,
        &session.json("match", &json!(settings), &results),
        &lines,
    );
    Ok(())
}

fn figure(
    session: &Session,
    settings: &Match,
    found: &[Correspondence],
    opened: &[Picture],
    paths: &[PathBuf],
) -> Result<Figure> {
    let (a, b) = (
        pictures::rgb(&opened[0], session),
        pictures::rgb(&opened[1], session),
    );
    let caption = Caption {
        title: "match".into(),
        pictures: paths.iter().map(|path| pictures::name(path)).collect(),
        provenance: session.provenance(),
        settings: json!(settings),
    };
    Ok(Figure::new(
        MatchFigure::default().draw(&a, &b, found)?,
        caption,
    ))
}

fn summary(found: &[Correspondence], csv: Option<&PathBuf>, figure: Option<&PathBuf>) -> Value {
    let mean = |of: fn(&Correspondence) -> f32| {
        let sum: f64 = found.iter().map(|pair| f64::from(of(pair))).sum();
        (!found.is_empty()).then(|| sum / found.len() as f64)
    };
    json!({
        "pairs": found.len(), "mutual": found.iter().filter(|pair| pair.mutual).count(),
        "mean_similarity": mean(|pair| pair.similarity), "mean_cycle_error_px": mean(|pair| pair.cycle_error_px),
        "csv": csv, "figure": figure,
    })
}

fn pair(pair: &Correspondence) -> Value {
    json!({
        "ax": out::number(pair.a_px[0]), "ay": out::number(pair.a_px[1]), "bx": out::number(pair.b_px[0]), "by": out::number(pair.b_px[1]),
        "similarity": out::number(pair.similarity), "mutual": pair.mutual, "cycle_error_px": out::number(pair.cycle_error_px),
    })
}
