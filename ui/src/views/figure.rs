//! A view as a figure and as values: what is exported is what is seen, at the resolution of the picture.
//!
//! A [`Plan`] holds all that is needed, so that drawing and writing happen in the background. The recipe in the file
//! has the view's settings and the pictures' hashes: the file opens as the same view again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dinoscope_engine::analysis::matching::Match;
use dinoscope_engine::analysis::projection::colours;
use dinoscope_engine::analysis::{Correspondence, FoundMap, Layer, PcaMap, ScalarMap, Scale};
use dinoscope_engine::figure::{
    Caption, Colormap, Figure, FigureError, Legend, Look, Mark, MatchFigure, Panel, Range, Scene,
    panels,
};
use dinoscope_engine::values::{Array, Existing, Values, ValuesError, write_matches, write_values};
use dinoscope_engine::{Grid, Provenance};
use image::RgbImage;
use serde_json::{Value, json};

use super::analysis::Drawn;
use super::pca;
use crate::document::{
    Document, MatchShow, PictureId, PinShape, RangeMode, Settings, Sign, View, ViewId, ViewKind,
};
use crate::keep::PathText;
use crate::session::{FeatureKey, Ready, Session};

/// Columns of a figure with several panels.
const COLUMNS: usize = 3;
/// What the colors of a match figure mean.
const MATCH_NOTE: &str = "Equal color: a patch of the first picture and its best partner in the second. \
    Hue runs from left to right of the first picture, darker is further down.";

/// All that a figure and its values need.
#[derive(Clone, Debug)]
pub struct Plan {
    panels: Vec<PanelPlan>,
    columns: usize,
    caption: Caption,
    /// Pairs, where the view has them.
    pairs: Option<Arc<Vec<Correspondence>>>,
    patch_px: (f64, f64),
    /// The name that is offered, without ending.
    pub stem: String,
}

#[derive(Clone, Debug)]
enum PanelPlan {
    Map(Box<MapPlan>),
    Matches {
        pictures: [Arc<RgbImage>; 2],
        pairs: Vec<Correspondence>,
        dots: bool,
    },
}

#[derive(Clone, Debug)]
struct MapPlan {
    title: String,
    found: FoundMap,
    look: Look,
    picture: Arc<RgbImage>,
    marks: Vec<Mark>,
}

impl Plan {
    /// What view `id` shows now; the message that says why not, if there is nothing yet.
    pub fn of(
        document: &Document,
        session: &mut Session,
        id: ViewId,
    ) -> Result<Self, &'static str> {
        let view = document.views.get(&id).ok_or("export-nothing")?;
        let picture = view.picture().ok_or("export-nothing")?;
        let settings = document.settings(id);
        let source = Source {
            document,
            settings,
            view,
            id,
        };
        let ready = source.ready(session, picture).ok_or("export-nothing")?;
        let (panels, columns, pairs) = match &view.kind {
            ViewKind::Similarity => (vec![source.similarity(session, picture)?], 1, None),
            ViewKind::Pca => (vec![source.pca(session, picture)?], 1, None),
            ViewKind::Matches => {
                let (panel, pairs) = source.matches(session)?;
                (vec![panel], 1, Some(pairs))
            }
            ViewKind::Compare => {
                let columns = settings.compare.column_values.len();
                (
                    source.compare(session, picture)?,
                    columns.min(COLUMNS),
                    None,
                )
            }
            ViewKind::Analysis(_) => (source.analysis(session, picture)?, COLUMNS, None),
        };
        let name = document.library.name(picture);
        let stem = Path::new(&name)
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        Ok(Self {
            caption: source.caption(&ready.provenance),
            patch_px: ready.layer.grid.patch_px(),
            stem: format!("{}-{}", stem.unwrap_or(name), source.kind_name()),
            panels,
            columns,
            pairs,
        })
    }

    /// The figure, with its legends and its recipe.
    pub fn figure(&self) -> Result<Figure, FigureError> {
        let scene = match &self.panels[..] {
            [only] => only.scene(false)?,
            many => {
                let drawn = many.iter().map(|panel| {
                    Ok(Panel {
                        title: panel.title(),
                        scene: panel.scene(true)?,
                    })
                });
                panels(drawn.collect::<Result<_, FigureError>>()?, self.columns)?
            }
        };
        Ok(Figure::new(scene, self.caption.clone()))
    }

    /// Writes the figure; an existing file was confirmed by the dialog and is replaced in one step.
    pub fn write_figure(&self, path: &Path, scale: u32) -> Result<(), FigureError> {
        self.figure()?.write(path, scale, Existing::Replace)
    }

    /// The figure's pixels for the clipboard, without legends.
    pub fn image(&self) -> Result<RgbImage, FigureError> {
        match &self.panels[..] {
            [only] => only.scene(true)?.draw(1),
            _ => self.figure()?.scene().draw(1),
        }
    }

    /// Writes the numbers: pairs as CSV, maps as npy, CSV or safetensors.
    pub fn write_values(&self, path: &Path) -> Result<(), ValuesError> {
        if let Some(pairs) = &self.pairs {
            return write_matches(path, pairs, Existing::Replace);
        }
        let maps: Vec<(String, Vec<usize>, &[f32])> = self
            .panels
            .iter()
            .enumerate()
            .filter_map(|(at, panel)| panel.values(at))
            .collect();
        let labels = self.labels();
        let mut arrays: Vec<Array<'_>> = maps
            .iter()
            .map(|(name, shape, values)| Array {
                name,
                shape,
                values,
            })
            .collect();
        if let Some((shape, values)) = &labels {
            arrays.push(Array {
                name: "labels",
                shape,
                values,
            });
        }
        let metadata = BTreeMap::from([("recipe".to_owned(), self.caption.recipe().json())]);
        let values = Values {
            arrays,
            metadata,
            patch_px: self.patch_px,
        };
        write_values(path, &values, Existing::Replace)
    }

    /// The numbers as text with tabs, for a spreadsheet.
    pub fn table(&self) -> String {
        if let Some(pairs) = &self.pairs {
            let line = |pair: &Correspondence| {
                let ([ax, ay], [bx, by]) = (pair.a_px, pair.b_px);
                format!(
                    "{ax}\t{ay}\t{bx}\t{by}\t{}\t{}\n",
                    pair.similarity, pair.cycle_error_px
                )
            };
            let header = "ax\tay\tbx\tby\tsimilarity\tcycle_error_px\n".to_owned();
            return pairs.iter().map(line).fold(header, |all, line| all + &line);
        }
        let labels = self.labels();
        let first = self
            .panels
            .iter()
            .enumerate()
            .find_map(|(at, panel)| panel.values(at));
        let (shape, values) = match (&first, &labels) {
            (Some((_, shape, values)), _) => (shape.clone(), *values),
            (None, Some((shape, values))) => (shape.clone(), &values[..]),
            (None, None) => return String::new(),
        };
        let line = shape[1..].iter().product::<usize>().max(1);
        let text = |row: &[f32]| {
            row.iter()
                .map(f32::to_string)
                .collect::<Vec<_>>()
                .join("\t")
        };
        values.chunks(line).map(text).collect::<Vec<_>>().join("\n")
    }

    fn labels(&self) -> Option<(Vec<usize>, Vec<f32>)> {
        self.panels.iter().find_map(|panel| match panel {
            PanelPlan::Map(map) => match &map.found.layer {
                Layer::Labels {
                    rows, cols, labels, ..
                } => {
                    let values = labels.iter().map(|&label| label as f32).collect();
                    Some((vec![*rows, *cols], values))
                }
                _ => None,
            },
            PanelPlan::Matches { .. } => None,
        })
    }
}

impl PanelPlan {
    fn title(&self) -> String {
        match self {
            Self::Map(map) => map.title.clone(),
            Self::Matches { .. } => String::new(),
        }
    }

    fn scene(&self, bare: bool) -> Result<Scene, FigureError> {
        match self {
            Self::Map(map) => {
                let look = Look {
                    bare,
                    ..map.look.clone()
                };
                // The engine looks pictures up by the subject's place.
                let found = FoundMap {
                    subject: 0,
                    ..map.found.clone()
                };
                let pictures = [map.picture.as_ref().clone()];
                look.scene(&found, &pictures, &map.marks)
            }
            Self::Matches {
                pictures,
                pairs,
                dots,
            } => {
                let figure = MatchFigure {
                    max_lines: if *dots {
                        0
                    } else {
                        MatchFigure::default().max_lines.max(400)
                    },
                    ..MatchFigure::default()
                };
                let [a, b] = pictures.each_ref().map(|picture| picture.as_ref().clone());
                let scene = figure.scene(a, b, pairs)?;
                Ok(if bare {
                    scene
                } else {
                    scene.with_legends(&[Legend::Note(MATCH_NOTE.to_owned())])
                })
            }
        }
    }

    fn values(&self, at: usize) -> Option<(String, Vec<usize>, &[f32])> {
        let Self::Map(map) = self else { return None };
        let name = if at == 0 {
            "map".to_owned()
        } else {
            format!("map.{at}")
        };
        match &map.found.layer {
            Layer::Scalar { map, .. } => Some((name, vec![map.rows, map.cols], &map.values)),
            Layer::Components { map, .. } => {
                Some((name, vec![map.rows, map.cols, map.k], &map.values))
            }
            Layer::Transfer {
                rows,
                cols,
                colours,
                ..
            } => Some((name, vec![*rows, *cols, 3], colours)),
            Layer::Labels { .. } => None,
        }
    }
}

/// Where a plan comes from.
struct Source<'a> {
    document: &'a Document,
    settings: &'a Settings,
    view: &'a View,
    id: ViewId,
}

impl Source<'_> {
    fn ready(&self, session: &Session, picture: PictureId) -> Option<Arc<Ready>> {
        let key = FeatureKey::new(picture, &self.settings.features, &self.document.model);
        session.features.peek(&key).cloned()
    }

    fn kind_name(&self) -> &'static str {
        match &self.view.kind {
            ViewKind::Similarity => "similarity",
            ViewKind::Pca => "pca",
            ViewKind::Matches => "match",
            ViewKind::Compare => "compare",
            ViewKind::Analysis(analysis) => analysis.get().id(),
        }
    }

    fn look(&self) -> Look {
        let look = self.settings.look_of(&self.view.kind);
        Look {
            alpha: Some(if look.visible { look.strength } else { 0.0 }),
            colormap: Some(look.colormap),
            range: match look.range {
                RangeMode::Auto => Range::Auto,
                RangeMode::Fixed { min, max } => Range::Fixed { min, max },
            },
            sampling: Some(look.sampling),
            desaturate: look.desaturate,
            darken: 0.0,
            isolines: None,
            bare: false,
        }
    }

    fn pins(&self, picture: PictureId) -> Vec<Mark> {
        let pins = self.settings.query.pins.iter();
        let mine = pins.filter(|pin| pin.enabled && pin.picture == picture);
        mine.map(|pin| {
            let [x, y] = pin.shape.center();
            let at = [x as f32, y as f32];
            match pin.sign {
                Sign::Positive => Mark::Positive(at),
                Sign::Negative => Mark::Negative(at),
            }
        })
        .collect()
    }

    fn scalar(
        &self,
        session: &Session,
        picture: PictureId,
        (title, map): (String, ScalarMap),
        scale: Scale,
        look: Look,
    ) -> Result<PanelPlan, &'static str> {
        Ok(PanelPlan::Map(Box::new(MapPlan {
            found: FoundMap::scalar(0, title.clone(), map, scale, 0),
            title,
            look,
            picture: pixels(session, picture)?,
            marks: self.pins(picture),
        })))
    }

    fn similarity(
        &self,
        session: &mut Session,
        picture: PictureId,
    ) -> Result<PanelPlan, &'static str> {
        let read = session
            .view(self.id)
            .similarity
            .read()
            .cloned()
            .ok_or("export-nothing")?;
        let negative = self.settings.query.active(Sign::Negative).next().is_some();
        let scale = if negative {
            Scale::Difference
        } else {
            Scale::Cosine
        };
        let title = format!("similarity in {}", self.document.library.name(picture));
        let panel = self.scalar(
            session,
            picture,
            (title, read.values.as_ref().clone()),
            scale,
            self.look(),
        )?;
        let (PanelPlan::Map(mut map), Some(ready)) = (panel, self.ready(session, picture)) else {
            return Err("export-nothing");
        };
        let similarity = &self.settings.similarity;
        if similarity.outline && self.settings.query.asks() {
            let pins = self.pin_patches(picture, &ready.layer.grid);
            let top = read.top(similarity.top, &pins, similarity.skip_radius);
            map.marks
                .splice(0..0, top.iter().map(|peak| Mark::Patch(peak.patch)));
        }
        Ok(PanelPlan::Map(map))
    }

    fn pin_patches(
        &self,
        picture: PictureId,
        grid: &Grid,
    ) -> Vec<dinoscope_engine::analysis::Patch> {
        let pins = self.settings.query.active(Sign::Positive);
        let mine = pins.filter(|pin| pin.picture == picture);
        mine.filter_map(|pin| {
            let PinShape::Point([x, y]) = pin.shape else {
                return None;
            };
            let (row, col) = grid.patch_at(x, y)?;
            Some(dinoscope_engine::analysis::Patch { row, col })
        })
        .collect()
    }

    fn pca(&self, session: &mut Session, picture: PictureId) -> Result<PanelPlan, &'static str> {
        let fit = session
            .view(self.id)
            .pca
            .fit
            .clone()
            .ok_or("export-nothing")?;
        let projected = fit.picture(picture).ok_or("export-nothing")?;
        let (rows, cols) = (projected.map.rows(), projected.map.cols());
        let pca = &self.settings.pca;
        let components: Vec<usize> = match pca.single {
            Some(single) => vec![single],
            None => pca.components.to_vec(),
        };
        let all = pca::components(projected);
        if components.iter().any(|&at| at >= all) {
            return Err("export-nothing");
        }
        let flip = |at: usize| {
            let place = pca.components.iter().position(|&it| it == at);
            place.is_some_and(|place| pca.flip[place])
        };
        let values: Vec<f32> = projected
            .values
            .chunks_exact(all)
            .flat_map(|patch| {
                components
                    .iter()
                    .map(|&at| if flip(at) { -patch[at] } else { patch[at] })
                    .collect::<Vec<_>>()
            })
            .collect();
        let k = components.len();
        let mut colors = colours(&values);
        if let Some(mask) = &projected.foreground {
            dinoscope_engine::analysis::pca::blacken(&mut colors, mask, k);
        }
        let ratio = &fit.basis.explained_variance_ratio;
        let layer = Layer::Components {
            map: PcaMap {
                rows,
                cols,
                k,
                colours: colors,
                values,
                foreground: projected.foreground.as_ref().map(|mask| mask.to_vec()),
            },
            explained: components.iter().map(|&at| ratio[at]).collect(),
            components,
        };
        let (desaturate, darken) = pca::below(pca.outside);
        let title = format!(
            "principal components of {}",
            self.document.library.name(picture)
        );
        Ok(PanelPlan::Map(Box::new(MapPlan {
            found: FoundMap {
                subject: 0,
                title: title.clone(),
                layer,
            },
            title,
            look: Look {
                alpha: Some(1.0),
                desaturate,
                darken,
                ..self.look()
            },
            picture: pixels(session, picture)?,
            marks: Vec::new(),
        })))
    }

    fn matches(
        &self,
        session: &mut Session,
    ) -> Result<(PanelPlan, Arc<Vec<Correspondence>>), &'static str> {
        let [a, b] = <[PictureId; 2]>::try_from(&self.view.pictures[..])
            .map_err(|_other| "export-nothing")?;
        let pictures = [pixels(session, a)?, pixels(session, b)?];
        let kept = session
            .view(self.id)
            .matches
            .kept
            .clone()
            .ok_or("export-nothing")?;
        let shown: Vec<Correspondence> = kept.shown.iter().map(|&at| kept.pairs[at]).collect();
        let dots = self.settings.matches.show != MatchShow::Lines;
        let panel = PanelPlan::Matches {
            pictures,
            pairs: shown,
            dots,
        };
        Ok((panel, kept.pairs))
    }

    fn compare(
        &self,
        session: &mut Session,
        picture: PictureId,
    ) -> Result<Vec<PanelPlan>, &'static str> {
        let compare = &self.settings.compare;
        let columns = compare.column_values.len();
        let (range, reads) = {
            let state = &session.view(self.id).compare;
            (state.range, state.reads())
        };
        let mut look = self.look();
        if let (Range::Auto, Some((min, max))) = (look.range, range) {
            look.range = Range::Fixed { min, max };
        }
        let mut panels = Vec::new();
        for (at, read) in reads.into_iter().enumerate() {
            let read = read.ok_or("export-nothing")?;
            let (row, column) = (
                &compare.row_values[at / columns],
                &compare.column_values[at % columns],
            );
            let title = format!("{column} {row}").trim().to_owned();
            let map = (title, read.values.as_ref().clone());
            panels.push(self.scalar(session, picture, map, Scale::Cosine, look.clone())?);
        }
        if compare.difference {
            let differences = session.view(self.id).compare.differences.clone();
            for (difference, row) in differences.into_iter().flatten().zip(&compare.row_values) {
                let limit = compare.difference_range;
                let look = Look {
                    colormap: Some(Colormap::Diverging),
                    range: Range::Fixed {
                        min: -limit,
                        max: limit,
                    },
                    ..self.look()
                };
                let map = (
                    format!("last − first {row}"),
                    difference.read.values.as_ref().clone(),
                );
                panels.push(self.scalar(session, picture, map, Scale::Difference, look)?);
            }
        }
        Ok(panels)
    }

    fn analysis(
        &self,
        session: &mut Session,
        picture: PictureId,
    ) -> Result<Vec<PanelPlan>, &'static str> {
        let outcome = session
            .view(self.id)
            .analysis
            .outcome
            .clone()
            .ok_or("export-nothing")?;
        let place = outcome
            .pictures
            .iter()
            .position(|&it| it == picture)
            .ok_or("export-nothing")?;
        let mut panels = Vec::new();
        for (found, drawable) in outcome.found.maps.iter().zip(&outcome.maps) {
            if found.subject != place || matches!(drawable.kind, Drawn::Other | Drawn::Warp(..)) {
                continue;
            }
            panels.push(PanelPlan::Map(Box::new(MapPlan {
                title: found.title.clone(),
                found: found.clone(),
                look: self.look(),
                picture: pixels(session, picture)?,
                marks: Vec::new(),
            })));
        }
        if panels.is_empty() {
            Err("export-nothing")
        } else {
            Ok(panels)
        }
    }

    fn caption(&self, provenance: &Provenance) -> Caption {
        let library = &self.document.library;
        let files: Vec<Value> = self
            .view
            .pictures
            .iter()
            .filter_map(|&id| library.get(id))
            .map(|entry| json!({ "path": PathText::from(&*entry.path), "sha256": entry.sha256 }))
            .collect();
        Caption {
            title: self.kind_name().to_owned(),
            pictures: self
                .view
                .pictures
                .iter()
                .map(|&id| library.name(id))
                .collect(),
            provenance: provenance.clone(),
            settings: json!({
                "app": { "view": self.view.kind, "settings": self.settings, "files": files },
            }),
            basis: None,
        }
    }
}

/// Pixels of a picture that is open.
fn pixels(session: &Session, picture: PictureId) -> Result<Arc<RgbImage>, &'static str> {
    let open = session.pictures.peek(picture).ok_or("export-nothing")?;
    Ok(Arc::clone(&open.rgb))
}

/// The pairing of a match view as the command line runs it.
pub fn pairing(settings: &Settings) -> Match {
    let matches = &settings.matches;
    Match {
        mutual: matches.mutual,
        max_ratio: matches.max_ratio,
        max_cycle_px: matches.max_cycle_px,
        stratify_px: Some(matches.spread_px).filter(|&px| px > 0.0),
        ..matches.pairing()
    }
}
