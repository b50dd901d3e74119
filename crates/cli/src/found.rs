//! Pictures as subjects of an analysis, and what it found as files and JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use dinoscope_engine::analysis::{
    Analysis, Correspondence, Found, FoundMap, Layer, Number, Patch, Peak, Subject,
};
use dinoscope_engine::figure::{Caption, Figure, Legend, Look, Mark, MatchFigure};
use dinoscope_engine::values::{Array, Values, write_values};
use dinoscope_engine::{Grid, LayerFeatures, Picture};
use image::RgbImage;
use serde_json::{Map, Value, json};

use crate::args::{Common, Drawing};
use crate::commands::features::existing;
use crate::session::Session;
use crate::{out, pictures};

/// What the colors of a match figure mean.
const MATCH_NOTE: &str = "Equal color: a patch of the first picture and its best partner in the second. \
    Hue runs from left to right of the first picture, darker is further down.";

/// An analysis with its pictures and its findings.
pub(crate) struct Run {
    pub(crate) analysis: Analysis,
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) images: Vec<RgbImage>,
    pub(crate) found: Found,
}

/// Analyses look at one layer.
pub(crate) fn one_layer(session: &Session) -> Result<()> {
    match session.request.layers.len() {
        0 | 1 => Ok(()),
        count => bail!("--layer names {count} layers, expected one"),
    }
}

/// A picture with the features of its only layer.
pub(crate) fn subject(
    background: [u8; 3],
    path: &Path,
    picture: &Picture,
    layer: LayerFeatures,
) -> (Subject, RgbImage) {
    let image = pictures::rgb(picture, background);
    let subject = Subject {
        name: pictures::name(path),
        grid: layer.grid,
        features: layer.patches,
        cls: layer.cls.into(),
        registers: layer.registers.into(),
        picture: Some(Arc::new(image.clone())),
    };
    (subject, image)
}

/// Opens the pictures and computes their features, each of which must succeed.
pub(crate) fn subjects(
    session: &mut Session,
    paths: &[PathBuf],
) -> Result<(Vec<Subject>, Vec<RgbImage>)> {
    one_layer(session)?;
    // All of them before the first forward: a missing file is told at once.
    let opened: Vec<Picture> = paths
        .iter()
        .map(|path| Ok(Picture::open(path)?))
        .collect::<Result<_>>()?;
    let one = |(picture, path): (&Picture, &PathBuf)| {
        session.note(picture, path);
        let (extractor, request) = (&session.extractor, &session.request);
        let features = session
            .timings
            .time("features", || extractor.features(picture, request));
        let mut features = features.map_err(|error| pictures::at(error, path))?;
        let layer = features.layers.pop().context("the network gave no layer")?;
        Ok(subject(
            session.request.preprocess.background,
            path,
            picture,
            layer,
        ))
    };
    let all: Vec<(Subject, RgbImage)> = opened.iter().zip(paths).map(one).collect::<Result<_>>()?;
    Ok(all.into_iter().unzip())
}

impl Run {
    /// Runs `analysis` on pictures whose features are there.
    pub(crate) fn new(
        session: &mut Session,
        analysis: Analysis,
        paths: Vec<PathBuf>,
        (subjects, images): (Vec<Subject>, Vec<RgbImage>),
    ) -> Result<Self> {
        let cx = session.context();
        let name = analysis.get().id();
        let found = session.timings.time(name, || analysis.run(&subjects, &cx));
        let found = found.map_err(|error| match (&error, &paths[..]) {
            // With one picture it is clear which one is meant.
            (dinoscope_engine::analysis::AnalysisError::PointOutside { .. }, [path, ..]) => {
                pictures::at(&error, path)
            }
            _ => error.into(),
        })?;
        session.note_fallback();
        Ok(Self {
            analysis,
            paths,
            subjects,
            images,
            found,
        })
    }

    /// All maps with their places; an analysis may give a subject several.
    pub(crate) fn maps(&self) -> impl Iterator<Item = (usize, &FoundMap)> {
        self.found.maps.iter().enumerate()
    }

    /// What a figure or a file of values says about its making.
    pub(crate) fn caption(
        &self,
        session: &Session,
        drawing: Option<&Look>,
        of: &[usize],
    ) -> Caption {
        let basis = self.found.basis.as_ref().map(|basis| {
            json!({
                "origin": basis.origin,
                "explained_variance_ratio": out::numbers(&basis.explained_variance_ratio),
            })
        });
        Caption {
            title: self.analysis.get().id().to_owned(),
            pictures: of
                .iter()
                .map(|&at| pictures::name(&self.paths[at]))
                .collect(),
            provenance: session.provenance(),
            settings: match drawing {
                Some(look) => json!({ self.analysis.get().id(): self.settings(), "look": look }),
                None => json!({ self.analysis.get().id(): self.settings() }),
            },
            basis,
        }
    }

    /// The settings of the analysis alone.
    pub(crate) fn settings(&self) -> Value {
        let mut all = json!(self.analysis);
        all.as_object_mut()
            .and_then(|all| all.values_mut().next().map(Value::take))
            .unwrap_or(all)
    }

    /// Draws a map into `path`.
    pub(crate) fn draw(
        &self,
        session: &Session,
        common: &Common,
        drawing: &Drawing,
        map: &FoundMap,
        path: &Path,
    ) -> Result<()> {
        let look = drawing.look();
        let scene = look.scene(map, &self.images, &self.marks(map.subject))?;
        let caption = self.caption(session, Some(&look), &[map.subject]);
        Ok(Figure::new(scene, caption).write(path, drawing.scale, existing(common))?)
    }

    /// Draws the correspondences into `path`.
    pub(crate) fn draw_matches(
        &self,
        session: &Session,
        common: &Common,
        drawing: &Drawing,
        matches: &[Correspondence],
        path: &Path,
    ) -> Result<()> {
        let [a, b] = [0, 1].map(|at| self.images[at].clone());
        let mut scene = MatchFigure::default().scene(a, b, matches)?;
        if !drawing.no_legend {
            scene = scene.with_legends(&[Legend::Note(MATCH_NOTE.to_owned())]);
        }
        let caption = self.caption(session, None, &[0, 1]);
        Ok(Figure::new(scene, caption).write(path, drawing.scale, existing(common))?)
    }

    /// Pins at the points of a similarity, on the picture that they are in.
    fn marks(&self, subject: usize) -> Vec<Mark> {
        let Analysis::Similarity(settings) = &self.analysis else {
            return Vec::new();
        };
        if subject != 0 {
            return Vec::new();
        }
        let at = |point: &[f64; 2]| point.map(|value| value as f32);
        let negative = settings.not.iter().map(|point| Mark::Negative(at(point)));
        let positive = settings.at.iter().map(|point| Mark::Positive(at(point)));
        negative.chain(positive).collect()
    }

    /// Writes the numbers of a map into `path`.
    pub(crate) fn write_values(
        &self,
        session: &Session,
        common: &Common,
        map: &FoundMap,
        path: &Path,
    ) -> Result<()> {
        let as_floats: Vec<f32>;
        let (rows, cols, channels, values) = match &map.layer {
            Layer::Scalar { map, .. } => (map.rows, map.cols, None, &map.values),
            Layer::Components { map, .. } => (map.rows, map.cols, Some(map.k), &map.values),
            Layer::Labels {
                rows, cols, labels, ..
            } => {
                as_floats = labels.iter().map(|&label| label as f32).collect();
                (*rows, *cols, None, &as_floats)
            }
            Layer::Transfer {
                rows,
                cols,
                colours,
                ..
            } => (*rows, *cols, Some(3), colours),
        };
        let shape: Vec<usize> = [rows, cols].into_iter().chain(channels).collect();
        let recipe = self.caption(session, None, &[map.subject]).recipe().json();
        let values = Values {
            arrays: vec![Array {
                name: "values",
                shape: &shape,
                values,
            }],
            metadata: BTreeMap::from([("recipe".to_owned(), recipe)]),
            patch_px: self.subjects[map.subject].grid.patch_px(),
        };
        Ok(write_values(path, &values, existing(common))?)
    }

    /// The JSON of a map.
    pub(crate) fn result(
        &self,
        map: &FoundMap,
        figure: Option<&PathBuf>,
        values: Option<&PathBuf>,
    ) -> Value {
        let grid = self.subjects[map.subject].grid;
        let mut result = json!({
            "picture": self.paths[map.subject], "title": map.title, "figure": figure, "values": values,
            "rows": grid.rows, "cols": grid.cols,
        });
        let more = match &map.layer {
            Layer::Scalar {
                map, top, marked, ..
            } => {
                let finite = || map.values.iter().copied().filter(|value| value.is_finite());
                json!({
                    "min": finite().reduce(f32::min).map(out::number),
                    "max": finite().reduce(f32::max).map(out::number),
                    "top": top.iter().map(|peak| peak_json(grid, peak)).collect::<Vec<_>>(),
                    "marked": marked.iter().map(|&patch| patch_json(grid, patch)).collect::<Vec<_>>(),
                })
            }
            Layer::Components {
                map, components, ..
            } => json!({
                "k": map.k, "components": components,
                "foreground_patches": map.foreground.as_ref().map(|mask| mask.iter().filter(|&&inside| inside).count()),
            }),
            Layer::Labels { sizes, .. } => json!({ "labels": sizes.len(), "sizes": sizes }),
            Layer::Transfer {
                partners, other, ..
            } => json!({
                "from": self.paths[*other],
                "matched_patches": partners.iter().filter(|&&at| at != u32::MAX).count(),
            }),
        };
        if let (Some(result), Value::Object(more)) = (result.as_object_mut(), more) {
            result.extend(more);
        }
        result
    }

    /// The numbers of the table: over all pictures, and of each.
    pub(crate) fn numbers(&self) -> Value {
        let table = |subject: Option<usize>| -> Value {
            let own = self
                .found
                .numbers
                .iter()
                .filter(|number| number.subject == subject);
            let map: Map<String, Value> = own.map(number_json).collect();
            Value::Object(map)
        };
        let each: Vec<Value> = (0..self.subjects.len()).map(|at| table(Some(at))).collect();
        json!({ "all": table(None), "pictures": each })
    }

    /// The same numbers, for people.
    pub(crate) fn number_lines(&self) -> Vec<String> {
        let line = |number: &Number| {
            let of = number
                .subject
                .map_or("all pictures", |at| &self.subjects[at].name);
            vec![of.to_owned(), number.title.to_owned(), shown(number.value)]
        };
        out::table(&self.found.numbers.iter().map(line).collect::<Vec<_>>())
    }
}

fn number_json(number: &Number) -> (String, Value) {
    (number.name.to_owned(), json!(number.value))
}

fn shown(value: f64) -> String {
    let whole = value.fract() == 0.0 && value.abs() < 1e9;
    if whole {
        format!("{value}")
    } else {
        format!("{value:.4}")
    }
}

fn patch_json(grid: Grid, Patch { row, col }: Patch) -> Value {
    let (x, y) = grid.centre_px(row, col);
    json!({ "row": row, "col": col, "x": x, "y": y })
}

fn peak_json(grid: Grid, peak: &Peak) -> Value {
    let mut json = patch_json(grid, peak.patch);
    json["similarity"] = out::number(peak.similarity);
    json
}

/// What is printed of a map for people.
pub(crate) fn lines(result: &Value) -> Vec<String> {
    let written = ["figure", "values"]
        .iter()
        .filter_map(|name| result[*name].as_str());
    let rounded = |value: &Value, digits: usize| {
        value
            .as_f64()
            .map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let range = if result["min"].is_number() {
        let ends = ["min", "max"].map(|name| rounded(&result[name], 4));
        format!(", {} to {}", ends[0], ends[1])
    } else {
        String::new()
    };
    let size = format!("{}x{} patches", result["rows"], result["cols"]);
    let mut lines: Vec<String> = written
        .map(|path| format!("{path}  {size}{range}"))
        .collect();
    for peak in result["top"].as_array().into_iter().flatten() {
        lines.push(format!(
            "  {}  at {},{}",
            rounded(&peak["similarity"], 4),
            rounded(&peak["x"], 1),
            rounded(&peak["y"], 1)
        ));
    }
    lines
}
