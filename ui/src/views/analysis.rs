//! Any analysis of the engine: norms, clusters, tokens, health and what comes later.
//!
//! The settings are drawn from the analysis's own description; the result is drawn by what kind of map it is.

use std::sync::Arc;

use dinoscope_engine::analysis::{
    Analysis, Found, Layer, Number, Patch, ScalarMap, Scale, Subject,
};
use dinoscope_engine::figure::labels::{LabelMap, LabelOverlay, NO_LABEL};
use dinoscope_engine::figure::{Colormap, Sampling};
use dinoscope_jobs::runner::{Lane, Slot as JobSlot, Spec, Title};
use egui::{Ui, vec2};

use super::numbers::Read;
use super::picture::{self, Shown};
use super::similarity;
use crate::canvas::{CanvasTools, Gesture, Tool, marks};
use crate::cx::Cx;
use crate::document::{PictureId, Settings, ViewId};
use crate::parts;
use crate::session::{Answer, Content, Ready, Session, Slot};
use crate::text::{Text, tr, tr_with};

mod inspector;
mod knobs_ui;

pub use inspector::inspector_ui;

/// What a view of an analysis keeps.
#[derive(Debug, Default)]
pub struct State {
    job: Slot<Arc<Outcome>>,
    of: Option<(String, Vec<usize>)>,
    /// The result that is shown.
    pub outcome: Option<Arc<Outcome>>,
    /// Why there is none.
    pub problem: Option<String>,
    /// The only group that is shown.
    pub only: Option<u32>,
    filtered: Option<(usize, u32, Arc<LabelMap>)>,
    /// Which of several maps of the picture is shown.
    pub map: usize,
}

impl State {
    /// The map of a picture that is shown.
    pub fn shown(&self, picture: PictureId) -> Option<&Drawable> {
        let outcome = self.outcome.as_ref()?;
        let chosen = outcome.of(picture).nth(self.map);
        chosen.or_else(|| outcome.of(picture).next())
    }

    /// Its numbers.
    pub fn read(&self, picture: PictureId) -> Option<&Arc<Read>> {
        match &self.shown(picture)?.kind {
            Drawn::Scalar(read, _, _) => Some(read),
            _ => None,
        }
    }
}

/// A result, ready to draw.
#[derive(Debug)]
pub struct Outcome {
    /// Maps of each subject, in the order of the subjects.
    pub maps: Vec<Drawable>,
    /// Numbers of the whole.
    pub numbers: Vec<Number>,
    /// What they say.
    pub verdict: Option<String>,
    /// The pictures, in the order of the subjects.
    pub pictures: Vec<PictureId>,
    /// As the engine gave it, for figures.
    pub found: Found,
}

/// One map.
#[derive(Debug)]
pub struct Drawable {
    /// The subject's place.
    pub subject: usize,
    /// What it shows.
    pub title: String,
    /// The values.
    pub kind: Drawn,
}

/// Values of a map.
#[derive(Debug)]
pub enum Drawn {
    /// Numbers, with patches to point out.
    Scalar(Arc<Read>, Scale, Vec<Patch>),
    /// Groups with their sizes.
    Labels(Arc<LabelMap>, Vec<usize>),
    /// Colors of another picture.
    Warp(Arc<[u32]>, [(usize, usize); 2], usize),
    /// Something that this view has no drawing for: its own view shows it.
    Other,
}

impl Outcome {
    fn new(found: Found, pictures: Vec<PictureId>) -> Self {
        let maps = found.maps.iter().map(|map| Drawable {
            subject: map.subject,
            title: map.title.clone(),
            kind: drawn(&map.layer),
        });
        Self {
            maps: maps.collect(),
            numbers: found.numbers.clone(),
            verdict: found.verdict.clone(),
            pictures,
            found,
        }
    }

    /// The maps of a picture.
    pub fn of(&self, picture: PictureId) -> impl Iterator<Item = &Drawable> {
        let place = self.pictures.iter().position(|&other| other == picture);
        self.maps
            .iter()
            .filter(move |map| Some(map.subject) == place)
    }
}

fn drawn(layer: &Layer) -> Drawn {
    match layer {
        Layer::Scalar {
            map,
            scale,
            top,
            marked,
        } => {
            let marked = marked
                .iter()
                .copied()
                .chain(top.iter().map(|peak| peak.patch));
            let map = ScalarMap::clone(map);
            Drawn::Scalar(Arc::new(Read::new(Arc::new(map))), *scale, marked.collect())
        }
        Layer::Labels {
            rows,
            cols,
            labels,
            sizes,
        } => {
            let map = LabelMap {
                rows: *rows,
                cols: *cols,
                labels: labels.clone(),
            };
            Drawn::Labels(Arc::new(map), sizes.clone())
        }
        Layer::Transfer {
            rows,
            cols,
            partners,
            other,
            other_grid,
            ..
        } => Drawn::Warp(
            partners.clone().into(),
            [(*rows, *cols), *other_grid],
            *other,
        ),
        Layer::Components { .. } => Drawn::Other,
    }
}

/// Draws the view.
pub fn pane_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis) {
    let Some(picture) = cx.view(id).and_then(super::View::picture) else {
        return;
    };
    let tool = if cx.state.tool == Tool::Pan {
        Tool::Pan
    } else {
        Tool::Pointer
    };
    let Some(shown) = picture::begin(ui, cx, (id, picture), tool) else {
        return;
    };
    let answer = picture::features(cx, id, picture);
    let pictures = pictures(cx, id, analysis);
    let ready: Vec<(PictureId, Answer)> = pictures
        .iter()
        .map(|&it| (it, picture::features(cx, id, it)))
        .collect();
    update(cx, id, analysis, &ready);
    let outcome = cx.session.view(id).analysis.outcome.clone();
    let settings = cx.document.settings(id).clone();
    let drawable = outcome.as_ref().and_then(|outcome| {
        let at = cx.session.view(id).analysis.map;
        outcome
            .of(picture)
            .nth(at)
            .or_else(|| outcome.of(picture).next())
    });
    let content =
        drawable.and_then(|drawable| content(cx, id, drawable, &settings, outcome.as_deref()?));
    picture::paint(
        ui,
        cx,
        (id, 0),
        &shown,
        content.as_ref().unwrap_or(&Content::Photo),
    );
    picture::answer_ui(ui, cx, id, &shown, &answer);
    cx.session.view(id).busy |= cx.session.view(id).analysis.job.is_busy();
    if let (Some(ready), Some(drawable)) = (answer.ready(), drawable) {
        over(ui, cx, id, &shown, (ready, drawable), &settings);
        click(cx, id, &shown, (ready, drawable));
    }
    if let Some(problem) = cx.session.view(id).analysis.problem.clone() {
        let at = shown.frame.rect().left_bottom() - vec2(-12.0, 56.0);
        let said = tr_with(ui, "canvas-cannot", &[("reason", problem.into())]);
        parts::floating_chip(ui, at, crate::icons::WARNING, &said);
    }
    let tools = CanvasTools {
        draws: false,
        grid: settings.look.grid,
        overlay: settings.look.visible,
    };
    picture::finish(ui, cx, id, &shown, &tools);
    if let (Some(ready), Some(drawable)) = (answer.ready(), drawable) {
        read_out(ui, cx, id, &shown, (ready, drawable));
    }
}

/// The pictures that an analysis runs on: those of all linked views with the same analysis, its own first.
pub fn pictures(cx: &Cx<'_>, id: ViewId, analysis: &Analysis) -> Vec<PictureId> {
    let Some(view) = cx.view(id) else {
        return Vec::new();
    };
    let mut pictures = view.pictures.clone();
    if view.is_linked() {
        let others = cx.document.views.iter().filter(|(other, view)| {
            **other != id && view.is_linked() && matches!(&view.kind, crate::document::ViewKind::Analysis(same) if same == analysis)
        });
        pictures.extend(others.flat_map(|(_, view)| view.pictures.iter().copied()));
    }
    let least = *analysis.get().pictures().start();
    if pictures.len() < least {
        // Analyses of several pictures take the ones that other views show, then those of the library.
        let shown = cx
            .document
            .views
            .values()
            .flat_map(|view| view.pictures.iter().copied());
        let all = cx.document.library.iter().map(|(picture, _)| picture);
        pictures.extend(shown.chain(all).filter(|it| Some(*it) != view.picture()));
    }
    let mut seen = Vec::new();
    pictures.retain(|it| {
        let new = !seen.contains(it) && cx.document.library.get(*it).is_some();
        seen.push(*it);
        new
    });
    let most = *analysis.get().pictures().end();
    pictures.truncate(most.min(least.max(64)));
    pictures
}

fn update(cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis, ready: &[(PictureId, Answer)]) {
    let all: Option<Vec<(PictureId, Arc<Ready>)>> = ready
        .iter()
        .map(|(picture, answer)| Some((*picture, Arc::clone(answer.ready()?))))
        .collect();
    let runner = Arc::clone(&cx.session.runner);
    let view = cx.session.view(id);
    let state = &mut view.analysis;
    if state.job.poll() {
        if let Some(outcome) = state.job.ready() {
            state.outcome = Some(Arc::clone(outcome));
            state.problem = None;
        }
        if let Some(failure) = state.job.failure() {
            state.problem = Some(failure.message.clone());
        }
    }
    let Some(all) = all else {
        return;
    };
    let of = (
        format!("{analysis:?}"),
        all.iter()
            .map(|(_, ready)| Arc::as_ptr(ready) as usize)
            .collect(),
    );
    if state.of.as_ref() != Some(&of) {
        state.of = Some(of);
        state.only = None;
        let title = Title::new("job-analysis").text("name", analysis.get().title());
        let mut spec = Spec::new(Lane::Analysis, title);
        spec.slot = Some(JobSlot::new(format!("analysis/{}", id.0)));
        let analysis = analysis.clone();
        let pictures: Vec<PictureId> = all.iter().map(|(picture, _)| *picture).collect();
        let subjects: Vec<Subject> = all
            .iter()
            .map(|(_, ready)| ready.subject.as_ref().clone())
            .collect();
        state.job.start(runner.submit(spec, move |cx| {
            let found = analysis.run(&subjects, &Session::analysis_context(cx.cancel()))?;
            Ok(Arc::new(Outcome::new(found, pictures)))
        }));
    }
    view.stale = view.analysis.job.is_busy() && view.analysis.outcome.is_some();
}

fn content(
    cx: &mut Cx<'_>,
    id: ViewId,
    drawable: &Drawable,
    settings: &Settings,
    outcome: &Outcome,
) -> Option<Content> {
    let visible = settings.look.visible;
    match &drawable.kind {
        Drawn::Scalar(read, scale, _) => {
            let kind = cx.view(id).map(|view| &view.kind)?;
            let mut overlay = settings.look_of(kind).overlay();
            match scale {
                Scale::Difference => overlay.colormap = Colormap::Diverging,
                Scale::DistancePx => overlay.colormap = Colormap::Cividis,
                Scale::Cosine | Scale::Probability | Scale::Length => {}
            }
            Some(Content::Values {
                values: Arc::clone(&read.values),
                overlay,
            })
        }
        Drawn::Labels(labels, _) => Some(Content::Labels {
            labels: only(cx, id, labels),
            overlay: LabelOverlay {
                alpha: if visible { settings.look.strength } else { 0.0 },
                desaturate: if visible {
                    settings.look.desaturate
                } else {
                    0.0
                },
                sampling: Sampling::Bilinear,
                border_px: if visible { 1.5 } else { 0.0 },
            },
        }),
        Drawn::Warp(partners, grids, other) => {
            let other = *outcome.pictures.get(*other)?;
            let other = cx
                .session
                .pictures
                .placed(other, &cx.session.display)?
                .ok()?;
            Some(Content::Warp {
                partners: Arc::clone(partners),
                grids: *grids,
                other,
            })
        }
        Drawn::Other => None,
    }
}

/// The labels, or those of one group alone after a click on it.
fn only(cx: &mut Cx<'_>, id: ViewId, labels: &Arc<LabelMap>) -> Arc<LabelMap> {
    let state = &mut cx.session.view(id).analysis;
    let Some(wanted) = state.only else {
        return Arc::clone(labels);
    };
    let of = Arc::as_ptr(labels) as usize;
    if let Some((known, group, map)) = &state.filtered
        && (*known, *group) == (of, wanted)
    {
        return Arc::clone(map);
    }
    let keep = |&label: &u32| if label == wanted { label } else { NO_LABEL };
    let map = Arc::new(LabelMap {
        labels: labels.labels.iter().map(keep).collect(),
        ..labels.as_ref().clone()
    });
    state.filtered = Some((of, wanted, Arc::clone(&map)));
    map
}

fn label_at(map: &LabelMap, patch: Patch) -> Option<u32> {
    let inside = patch.row < map.rows && patch.col < map.cols;
    inside.then(|| map.labels[patch.row * map.cols + patch.col])
}

/// A click on a group shows it alone, a second one shows all again.
fn click(cx: &mut Cx<'_>, id: ViewId, shown: &Shown, (ready, drawable): (&Ready, &Drawable)) {
    let Drawn::Labels(labels, _) = &drawable.kind else {
        return;
    };
    for gesture in &shown.frame.gestures {
        if let Gesture::Click { at, .. } = gesture
            && let Some((row, col)) = ready.layer.grid.patch_at(at[0], at[1])
            && let Some(label) = label_at(labels, Patch { row, col })
        {
            let state = &mut cx.session.view(id).analysis;
            state.only = if state.only == Some(label) {
                None
            } else {
                Some(label)
            };
        }
    }
}

fn over(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    shown: &Shown,
    (ready, drawable): (&Ready, &Drawable),
    settings: &Settings,
) {
    let painter = ui.painter_at(shown.frame.rect());
    let (grid, transform) = (&ready.layer.grid, &shown.frame.transform);
    let place = (transform, shown.frame.shown());
    if settings.look.grid {
        marks::patch_grid(&painter, place, grid);
    }
    if let Drawn::Scalar(_, _, marked) = &drawable.kind {
        marks::outline(&painter, transform, grid, marked);
    }
    if let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) {
        marks::crosshair(&painter, place, (Some(grid), Some(patch)), at);
    }
}

fn read_out(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    shown: &Shown,
    (ready, drawable): (&Ready, &Drawable),
) {
    let grid = &ready.layer.grid;
    let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) else {
        return;
    };
    let mut rows: Vec<(Text, String)> = Vec::new();
    match &drawable.kind {
        Drawn::Scalar(read, scale, _) => {
            if let Some(value) = read.at(patch) {
                let rank = [
                    ("rank", parts::count(ui, read.rank(value)).into()),
                    ("total", parts::count(ui, read.count()).into()),
                ];
                rows.push((tr(ui, scale_id(*scale)), parts::decimal(value, 3)));
                rows.push((
                    tr(ui, "canvas-rank"),
                    tr_with(ui, "canvas-rank-of", &rank).to_string(),
                ));
            }
        }
        Drawn::Labels(labels, sizes) => {
            if let Some(label) = label_at(labels, patch) {
                rows.push((tr(ui, "groups-group"), (label + 1).to_string()));
                let size = sizes.get(label as usize).copied().unwrap_or(0);
                rows.push((tr(ui, "groups-patches"), parts::count(ui, size)));
            }
        }
        Drawn::Warp(..) | Drawn::Other => {}
    }
    rows.push((
        tr(ui, "canvas-patch"),
        format!("{}, {}", patch.col, patch.row),
    ));
    rows.push((tr(ui, "canvas-pixel"), similarity::pixel(at)));
    picture::read_out(ui, cx, shown, (grid, patch), &rows);
}

/// Message that names the numbers of a map.
pub fn scale_id(scale: Scale) -> &'static str {
    match scale {
        Scale::Cosine => "groups-cosine",
        Scale::Difference => "groups-difference",
        Scale::Probability => "groups-probability",
        Scale::Length => "groups-length",
        Scale::DistancePx => "groups-distance",
    }
}
