//! `dinoscope analyze`: any analysis by its name, with its settings as `--set name=value`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use dinoscope_engine::analysis::Analysis;
use dinoscope_engine::values::write_matches;
use serde_json::{Value, json};

use super::features::existing;
use super::matching::summary;
use crate::args::{Analyze as Arguments, Common};
use crate::found::{Run, lines, subjects};
use crate::session::Session;
use crate::{CancelToken, out, pictures};

pub(crate) fn run(common: &Common, arguments: &Arguments, cancel: &CancelToken) -> Result<()> {
    let Some(name) = &arguments.name else {
        list(common);
        return Ok(());
    };
    let Some(mut analysis) = Analysis::from_id(name) else {
        let known: Vec<&str> = Analysis::all()
            .iter()
            .map(|entry| entry.get().id())
            .collect();
        bail!(
            "no analysis {name}, expected one of {} (see `dinoscope analyze`)",
            known.join(", ")
        );
    };
    analysis.set(&arguments.set)?;
    if arguments.images.is_empty() {
        describe(common, &analysis);
        return Ok(());
    }
    let paths = pictures::expand(&arguments.images)?;
    let folder = common.output.clone().unwrap_or_else(|| PathBuf::from("."));
    // How many maps there will be is known only afterwards: the names are checked before any file is written.
    pictures::outputs(&paths, &folder, "png")?;
    let mut session = Session::open(common, &arguments.network)?;
    session.cancel = cancel.clone();
    let subjects = subjects(&mut session, &paths)?;
    let run = Run::new(&mut session, analysis, paths, subjects)?;
    let files = Files::of(&run, &folder, arguments);
    pictures::refuse_existing(files.all(), common)?;
    files
        .all()
        .try_for_each(|path| pictures::make_parent(path))?;
    let results = write(&session, common, arguments, &run, &files)?;
    let mut told: Vec<String> = results.iter().flat_map(lines).collect();
    let mut json = session.json(run.analysis.get().id(), &run.settings(), &json!(results));
    json["command"] = json!("analyze");
    json["analysis"] = json!(run.analysis.get().id());
    json["numbers"] = run.numbers();
    json["verdict"] = json!(run.found.verdict);
    if let Some(matches) = &run.found.matches {
        json["matches"] = summary(matches, files.matches.as_ref(), files.lines.as_ref());
        let paths = files.matches.iter().chain(&files.lines);
        told.extend(paths.map(|path| format!("{}  {} pairs", path.display(), matches.len())));
    }
    told.extend(run.number_lines());
    told.extend(run.found.verdict.clone());
    session.finish(common, &json, &told);
    Ok(())
}

/// Names of what is written.
struct Files {
    figures: Vec<PathBuf>,
    values: Vec<PathBuf>,
    /// CSV of correspondences.
    matches: Option<PathBuf>,
    /// Figure of correspondences.
    lines: Option<PathBuf>,
}

impl Files {
    /// `FOLDER/<stem>-<analysis>.<ending>`; further maps of the same picture are numbered.
    fn of(run: &Run, folder: &Path, arguments: &Arguments) -> Self {
        let id = run.analysis.get().id();
        let name = |at: usize, ending: &str| {
            let map = &run.found.maps[at];
            let earlier = &run.found.maps[..at];
            let nth = earlier
                .iter()
                .filter(|other| other.subject == map.subject)
                .count();
            let number = if nth == 0 {
                String::new()
            } else {
                format!("-{}", nth + 1)
            };
            let stem = pictures::stem(&run.paths[map.subject]);
            folder.join(format!("{stem}-{id}{number}.{ending}"))
        };
        let all = |ending: &str| {
            (0..run.found.maps.len())
                .map(|at| name(at, ending))
                .collect()
        };
        let pair = |ending: &str| {
            let stems = [0, 1].map(|at| pictures::stem(&run.paths[at]));
            folder.join(format!("{}-{}-{id}.{ending}", stems[0], stems[1]))
        };
        let format = arguments.format.ending();
        let has_matches = run.found.matches.is_some();
        Self {
            figures: all(format),
            values: arguments
                .values
                .map_or_else(Vec::new, |values| all(values.ending())),
            matches: has_matches.then(|| pair("csv")),
            lines: has_matches.then(|| pair(format)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        let pairs = self.matches.iter().chain(&self.lines);
        self.figures.iter().chain(&self.values).chain(pairs)
    }
}

fn write(
    session: &Session,
    common: &Common,
    arguments: &Arguments,
    run: &Run,
    files: &Files,
) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    for (at, map) in run.maps() {
        let (figure, values) = (&files.figures[at], files.values.get(at));
        if let Some(path) = values {
            run.write_values(session, common, map, path)?;
        }
        run.draw(session, common, &arguments.drawing, map, figure)?;
        results.push(run.result(map, Some(figure), values));
    }
    let matches = run.found.matches.as_deref().unwrap_or_default();
    if let Some(path) = &files.matches {
        write_matches(path, matches, existing(common))?;
    }
    if let Some(path) = &files.lines {
        run.draw_matches(session, common, &arguments.drawing, matches, path)?;
    }
    Ok(results)
}

/// Every analysis with one sentence.
fn list(common: &Common) {
    let all = Analysis::all();
    let row = |entry: &Analysis| vec![entry.get().id().to_owned(), entry.get().about().to_owned()];
    let json: Vec<Value> = all.iter().map(described).collect();
    let lines = out::table(&all.iter().map(row).collect::<Vec<_>>());
    out::results(common, &json!({ "analyses": json }), &lines);
}

/// One analysis with its settings.
fn describe(common: &Common, analysis: &Analysis) {
    let mut lines = vec![analysis.get().about().to_owned()];
    let rows: Vec<Vec<String>> = analysis
        .settings()
        .into_iter()
        .map(|knob| {
            let current = format!("[{}]", knob.current);
            vec![
                knob.name.to_owned(),
                current,
                knob.values,
                knob.help.to_owned(),
            ]
        })
        .collect();
    lines.extend(out::table(&rows));
    out::results(common, &described(analysis), &lines);
}

fn described(analysis: &Analysis) -> Value {
    let settings: Vec<Value> = analysis
        .settings()
        .iter()
        .map(|knob| {
            json!({ "name": knob.name, "help": knob.help, "values": knob.values, "default": knob.current })
        })
        .collect();
    let pictures = analysis.get().pictures();
    json!({
        "name": analysis.get().id(), "title": analysis.get().title(), "about": analysis.get().about(),
        "pictures": { "least": pictures.start(), "most": Some(pictures.end()).filter(|&&most| most < usize::MAX) },
        "settings": settings,
    })
}
