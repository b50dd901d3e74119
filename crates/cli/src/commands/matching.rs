//! `dinoscope match`: partners of the patches of one picture in another.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dinoscope_engine::analysis::{Correspondence, Match};
use dinoscope_engine::values::{matches_csv, write_matches};
use serde_json::{Value, json};

use super::features::existing;
use crate::args::{Common, Match as Arguments};
use crate::found::{Run, subjects};
use crate::session::Session;
use crate::{CancelToken, out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments, cancel: &CancelToken) -> Result<()> {
    let paths = vec![arguments.a.clone(), arguments.b.clone()];
    pictures::refuse_existing(common.output.iter().chain(&arguments.figure), common)?;
    let settings = Match {
        points: arguments
            .points
            .iter()
            .map(|point| [point.x, point.y])
            .collect(),
        mutual: arguments.mutual,
        max_ratio: arguments.ratio,
        max_cycle_px: arguments.cycle,
        stratify_px: arguments.stratify,
        refine: arguments.refine,
        ..Match::default()
    };
    let mut session = Session::open(common, &arguments.network)?;
    session.cancel = cancel.clone();
    let subjects = subjects(&mut session, &paths)?;
    let run = Run::new(&mut session, settings.into(), paths, subjects)?;
    let found = run.found.matches.as_deref().unwrap_or_default();
    common
        .output
        .iter()
        .chain(&arguments.figure)
        .try_for_each(|path| pictures::make_parent(path))?;
    if let Some(path) = &common.output {
        write_matches(path, found, existing(common))?;
    }
    if let Some(path) = &arguments.figure {
        run.draw_matches(&session, common, &arguments.drawing, found, path)?;
    }
    if common.output.is_none() && !common.json {
        session.say(common);
        let mut csv = Vec::new();
        matches_csv(&mut csv, found).context("cannot write CSV")?;
        out::text(&String::from_utf8(csv).context("CSV is text")?);
        return Ok(());
    }
    let mut results = summary(found, common.output.as_ref(), arguments.figure.as_ref());
    if common.output.is_none() {
        results["matches"] = pairs(found);
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
    let json = session.json("match", &run.settings(), &results);
    session.finish(common, &json, &lines);
    Ok(())
}

/// Counts and means of correspondences.
pub(super) fn summary(
    found: &[Correspondence],
    csv: Option<&PathBuf>,
    figure: Option<&PathBuf>,
) -> Value {
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

fn pairs(found: &[Correspondence]) -> Value {
    found.iter().map(pair).collect()
}

fn pair(pair: &Correspondence) -> Value {
    json!({
        "ax": out::number(pair.a_px[0]), "ay": out::number(pair.a_px[1]), "bx": out::number(pair.b_px[0]), "by": out::number(pair.b_px[1]),
        "similarity": out::number(pair.similarity), "mutual": pair.mutual, "cycle_error_px": out::number(pair.cycle_error_px),
    })
}
