//! Similarity: which patches are like the one under the pointer, or like the pins.

use std::sync::{Arc, Weak};

use dinoscope_engine::analysis::prompts::{region_query, region_weights};
use dinoscope_engine::analysis::similarity::{mean_query, unit_patches};
use dinoscope_engine::analysis::{Combine, Patch, Region, Subject, logistic};
use dinoscope_jobs::runner::{Lane, Slot as JobSlot, Spec, Title, Visibility};
use egui::Ui;

use super::numbers::{Cosines, Read};
use super::picture::{self, Shown};
use crate::canvas::{self, CanvasTools, Gesture, PinEvent, Tool, marks};
use crate::cx::Cx;
use crate::document::{Document, PictureId, Pin, PinId, PinShape, Query, Settings, Sign, ViewId};
use crate::parts;
use crate::session::{Answer, Content, Ready, Session, Slot};
use crate::text::{self, tr, tr_with};

mod inspector;

pub use inspector::inspector_ui;

/// What a similarity view keeps.
#[derive(Debug, Default)]
pub struct State {
    cosines: Cosines,
    /// The vector that pins ask for, with what it was made of.
    pinned: Option<Pinned>,
    /// The place that was last asked for: it stays when the pointer leaves.
    last: Option<Asked>,
    /// Result of a combination that is no product with one vector.
    combined: Slot<Combined>,
    combined_of: Option<(Vec<Pin>, Vec<Weak<Ready>>, String)>,
    /// The numbers that the read-out and the inspector show.
    read: Option<Arc<Read>>,
    /// Why the pins give no map.
    problem: Option<String>,
}

#[derive(Debug)]
struct Combined {
    read: Arc<Read>,
}

/// A place with the vector that it has in some features.
#[derive(Debug)]
struct Asked {
    at: (PictureId, [f64; 2]),
    from: Weak<Ready>,
    vector: Arc<[f32]>,
}

#[derive(Debug)]
struct Pinned {
    pins: Vec<Pin>,
    weight: f32,
    /// Features of the pins' pictures.
    from: Vec<Weak<Ready>>,
    vector: Arc<[f32]>,
}

impl State {
    /// The numbers of the map that is shown.
    pub fn read(&self) -> Option<&Arc<Read>> {
        self.read.as_ref()
    }
}

/// Draws the view.
pub fn pane_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(picture) = cx.view(id).and_then(super::View::picture) else {
        return;
    };
    let Some(shown) = picture::begin(ui, cx, (id, picture), cx.state.tool) else {
        return;
    };
    let answer = picture::features(cx, id, picture);
    gestures(cx, id, &shown);
    let document = cx.document;
    let settings = document.settings(id);
    let overlay = settings.look.overlay();
    let content = match answer.ready() {
        Some(ready) => content(cx, id, ready, settings, overlay),
        None => None,
    };
    picture::paint(
        ui,
        cx,
        (id, 0),
        &shown,
        content.as_ref().unwrap_or(&Content::Photo),
    );
    picture::answer_ui(ui, cx, id, &shown, &answer);
    if let Some(ready) = answer.ready() {
        over(ui, cx, id, &shown, ready, settings);
    }
    pins(ui, cx, id, &shown, settings);
    let tools = CanvasTools {
        draws: true,
        grid: settings.look.grid,
        overlay: settings.look.visible,
    };
    picture::finish(ui, cx, id, &shown, &tools);
    if let Some(ready) = answer.ready() {
        read_out(ui, cx, id, &shown, ready);
        chip(ui, cx, id, &shown);
    }
}

/// What is drawn: the map of pins or pointer, or the picture alone before anything was asked.
fn content(
    cx: &mut Cx<'_>,
    id: ViewId,
    ready: &Arc<Ready>,
    settings: &Settings,
    overlay: dinoscope_engine::figure::Overlay,
) -> Option<Content> {
    let map = ready.layer.patches.clone();
    let many = settings.query.asks() && settings.similarity.combine != Combine::Mean;
    if many {
        return combined(cx, id, ready, settings).map(|read| Content::Values {
            values: Arc::clone(&read.values),
            overlay,
        });
    }
    let query = query(cx, id, settings)?;
    if query.len() != map.dim() {
        return None;
    }
    let name = format!("similarity/{}", id.0);
    let runner = Arc::clone(&cx.session.runner);
    let state = &mut cx.session.view(id).similarity;
    state.read = state.cosines.of(&query, &map, &runner, &name).cloned();
    Some(Content::Query {
        map,
        query,
        overlay,
    })
}

/// The vector `[dim]` that is asked for: of the pins, else of the patch under the pointer, else the last one.
fn query(cx: &mut Cx<'_>, id: ViewId, settings: &Settings) -> Option<Arc<[f32]>> {
    if settings.query.asks() {
        return pinned(cx, id, settings);
    }
    cx.session.view(id).similarity.pinned = None;
    let shares = |view| view == id || (cx.is_linked(id) && cx.is_linked(view));
    let here = cx.state.pointer.filter(|pointer| shares(pointer.view));
    let here = here.map(|pointer| (pointer.picture, pointer.at));
    let last = cx.session.view(id).similarity.last.as_ref();
    let last = last.map(|asked| asked.at);
    let mut places = [here, last].into_iter().flatten();
    places.find_map(|place| asked(cx, id, place))
}

/// The patch at a place, of length one, in the features that the view has now.
fn asked(cx: &mut Cx<'_>, id: ViewId, place: (PictureId, [f64; 2])) -> Option<Arc<[f32]>> {
    let Answer::Ready(ready) = picture::features(cx, id, place.0) else {
        return None;
    };
    let state = &mut cx.session.view(id).similarity;
    if let Some(last) = &state.last
        && last.at == place
        && is(&last.from, &ready)
    {
        return Some(Arc::clone(&last.vector));
    }
    let [x, y] = place.1;
    let (row, col) = ready.layer.grid.patch_at(x, y)?;
    let query = unit_patches(&ready.layer.patches, &[Patch { row, col }]).ok()?;
    let vector: Arc<[f32]> = query.into_iter().next()?.into();
    state.last = Some(Asked {
        at: place,
        from: Arc::downgrade(&ready),
        vector: Arc::clone(&vector),
    });
    Some(vector)
}

/// Whether these are the features that something was made of: the weak one keeps others from taking their place.
pub(super) fn is(known: &Weak<Ready>, ready: &Arc<Ready>) -> bool {
    std::ptr::eq(known.as_ptr(), Arc::as_ptr(ready))
}

fn are(known: &[Weak<Ready>], ready: &[&Arc<Ready>]) -> bool {
    let mut pairs = known.iter().zip(ready);
    known.len() == ready.len() && pairs.all(|(known, ready)| is(known, ready))
}

/// The vector of the pins, made again when pins or features change.
fn pinned(cx: &mut Cx<'_>, id: ViewId, settings: &Settings) -> Option<Arc<[f32]>> {
    let sources = sources(cx, id, &settings.query)?;
    let from: Vec<&Arc<Ready>> = sources.iter().map(|(_, ready)| ready).collect();
    let weight = settings.similarity.negative_weight;
    let state = &mut cx.session.view(id).similarity;
    if let Some(known) = &state.pinned
        && known.pins == settings.query.pins
        && are(&known.from, &from)
        && known.weight.to_bits() == weight.to_bits()
    {
        return Some(Arc::clone(&known.vector));
    }
    let vectors = |sign| vectors(&settings.query, sign, &sources);
    let made = vectors(Sign::Positive).and_then(|positive| {
        let negative = vectors(Sign::Negative)?;
        Ok(mean_query(&positive, &negative, weight))
    });
    match made {
        Ok(vector) => {
            let vector: Arc<[f32]> = vector.into();
            state.problem = None;
            state.pinned = Some(Pinned {
                pins: settings.query.pins.clone(),
                weight,
                from: from.into_iter().map(Arc::downgrade).collect(),
                vector: Arc::clone(&vector),
            });
            Some(vector)
        }
        Err(problem) => {
            state.problem = Some(problem);
            None
        }
    }
}

/// Features of all pictures that pins stand on; none until all are there.
fn sources(cx: &mut Cx<'_>, id: ViewId, query: &Query) -> Option<Vec<(PictureId, Arc<Ready>)>> {
    let mut pictures: Vec<PictureId> = query
        .pins
        .iter()
        .filter(|pin| pin.enabled)
        .map(|pin| pin.picture)
        .collect();
    pictures.sort_unstable();
    pictures.dedup();
    let mut sources = Vec::with_capacity(pictures.len());
    for picture in pictures {
        match picture::features(cx, id, picture) {
            Answer::Ready(ready) => sources.push((picture, ready)),
            _ => return None,
        }
    }
    Some(sources)
}

/// One vector of length one for each active pin of a sign.
fn vectors(
    query: &Query,
    sign: Sign,
    sources: &[(PictureId, Arc<Ready>)],
) -> Result<Vec<Vec<f32>>, String> {
    let vector = |pin: &Pin| {
        let source = sources.iter().find(|(picture, _)| *picture == pin.picture);
        let (_, ready) = source.ok_or_else(String::new)?;
        shape_vector(&pin.shape, &ready.subject).map_err(|error| error.to_string())
    };
    query.active(sign).map(vector).collect()
}

/// The vector of length one of what a pin marks: a patch, or the mean of a region.
pub(super) fn shape_vector(
    shape: &PinShape,
    subject: &Subject,
) -> Result<Vec<f32>, dinoscope_engine::analysis::AnalysisError> {
    let points = match shape {
        PinShape::Point(at) => {
            let patch = subject.patch_at(*at)?;
            let found = unit_patches(&subject.features, &[patch])?;
            return Ok(found.into_iter().next().unwrap_or_default());
        }
        PinShape::Box(corners) => corners.to_vec(),
        PinShape::Lasso(corners) => corners.clone(),
    };
    let region = Region {
        points,
        ..Region::default()
    };
    let weights = region_weights(&subject.features, &region.weights(subject)?)?;
    let sum = region_query(&subject.features, &weights)?;
    Ok(unit(sum))
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let scale = 1.0 / length.max(dinoscope_engine::feature_map::NORM_EPS);
    for value in &mut vector {
        *value *= scale;
    }
    vector
}

/// The map of a combination that is no product with one vector, from the background.
fn combined(
    cx: &mut Cx<'_>,
    id: ViewId,
    ready: &Arc<Ready>,
    settings: &Settings,
) -> Option<Arc<Read>> {
    let sources = sources(cx, id, &settings.query)?;
    let mut from: Vec<&Arc<Ready>> = sources.iter().map(|(_, ready)| ready).collect();
    from.push(ready);
    let (combine, weight, regularization) = {
        let similarity = &settings.similarity;
        (
            similarity.combine,
            similarity.negative_weight,
            similarity.regularization,
        )
    };
    let how = format!("{combine:?} {weight} {regularization}");
    let runner = Arc::clone(&cx.session.runner);
    let view = cx.session.view(id);
    let state = &mut view.similarity;
    state.combined.poll();
    if let Some(failure) = state.combined.failure() {
        state.problem = Some(failure.message.clone());
    }
    let known = state.combined_of.as_ref();
    let known = known.is_some_and(|(pins, made_of, made)| {
        *pins == settings.query.pins && are(made_of, &from) && *made == how
    });
    if !known {
        let weak = from.into_iter().map(Arc::downgrade).collect();
        state.combined_of = Some((settings.query.pins.clone(), weak, how));
        state.problem = None;
        let positive = vectors(&settings.query, Sign::Positive, &sources);
        let negative = vectors(&settings.query, Sign::Negative, &sources);
        let (positive, negative) = match positive.and_then(|them| Ok((them, negative?))) {
            Ok(found) => found,
            Err(problem) => {
                state.combined = Slot::Empty;
                state.read = None;
                state.problem = Some(problem);
                return None;
            }
        };
        let map = ready.layer.patches.clone();
        let mut spec = Spec::new(Lane::Analysis, Title::new("job-similarity"));
        spec.slot = Some(JobSlot::new(format!("similarity/{}", id.0)));
        spec.visible = Visibility::Hidden;
        state.combined.start(runner.submit(spec, move |cx| {
            let compute = Session::analysis_context(cx.cancel()).compute;
            let values = match combine {
                Combine::Mean => compute.cosine(&map, &mean_query(&positive, &negative, weight)),
                Combine::Max => compute.cosine_max(&map, &positive, &negative, weight),
                Combine::Logistic => {
                    let fit = logistic::fit(&positive, &negative, regularization)?;
                    compute.logistic(&map, &fit.weights, fit.bias)
                }
            };
            Ok(Combined {
                read: Arc::new(Read::new(Arc::new(values))),
            })
        }));
    }
    view.stale = state.combined.is_busy() && state.read.is_some();
    if let Some(combined) = state.combined.ready() {
        state.read = Some(Arc::clone(&combined.read));
    }
    state.read.clone()
}

/// Outlines, grid, crosshair.
fn over(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    shown: &Shown,
    ready: &Ready,
    settings: &Settings,
) {
    let painter = ui.painter_at(shown.frame.rect());
    let (grid, transform) = (&ready.layer.grid, &shown.frame.transform);
    let place = (transform, shown.frame.shown());
    if settings.look.grid {
        marks::patch_grid(&painter, place, grid);
    }
    let pins = pin_patches(&settings.query, shown.picture, ready);
    let similarity = &settings.similarity;
    let read = cx.session.view(id).similarity.read.clone();
    if similarity.outline
        && let Some(read) = read.filter(|_| settings.query.asks())
        && (read.values.rows, read.values.cols) == (grid.rows, grid.cols)
    {
        let top = read.top(similarity.top, &pins, similarity.skip_radius);
        let patches: Vec<Patch> = top.iter().map(|peak| peak.patch).collect();
        marks::outline(&painter, transform, grid, &patches);
    }
    if let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) {
        marks::crosshair(&painter, place, (Some(grid), Some(patch)), at);
    }
}

/// Patches under the pins of one picture.
fn pin_patches(query: &Query, picture: PictureId, ready: &Ready) -> Vec<Patch> {
    let mine = query
        .active(Sign::Positive)
        .filter(|pin| pin.picture == picture);
    mine.filter_map(|pin| ready.subject.patch_at(pin.shape.center()).ok())
        .collect()
}

/// Clicks, boxes and lassos become pins.
fn gestures(cx: &mut Cx<'_>, id: ViewId, shown: &Shown) {
    let picture = shown.picture;
    for gesture in shown.frame.gestures.clone() {
        let (shape, negative) = match gesture {
            Gesture::Click { at, negative } if cx.state.tool != Tool::Pan => {
                (PinShape::Point(at), negative)
            }
            Gesture::Box(corners, modifiers) => (PinShape::Box(corners), modifiers.shift),
            Gesture::Lasso(points, modifiers) => (PinShape::Lasso(points), modifiers.shift),
            Gesture::Click { .. } | Gesture::Fit => continue,
        };
        let sign = if negative {
            Sign::Negative
        } else {
            Sign::Positive
        };
        add_pin(cx, id, picture, shape, sign);
    }
}

/// Sets a pin as one step of undo.
pub fn add_pin(cx: &mut Cx<'_>, view: ViewId, picture: PictureId, shape: PinShape, sign: Sign) {
    let id = PinId(cx.document.next);
    cx.state.pin = Some(id);
    cx.edit("edit-add-pin", move |document| {
        let id = PinId(document.take_number());
        let pin = Pin {
            shape,
            ..Pin::point(id, picture, [0.0; 2], sign)
        };
        document.settings_mut(view).query.pins.push(pin);
    });
}

fn pins(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, shown: &Shown, settings: &Settings) {
    let mine = settings
        .query
        .pins
        .iter()
        .filter(|pin| pin.picture == shown.picture);
    let selected = cx.state.pin;
    for event in canvas::pins_ui(ui, &shown.frame, mine, selected) {
        apply(cx, id, event);
    }
}

/// Does to a pin what was asked.
#[expect(clippy::needless_pass_by_value, reason = "an event is used up")]
pub fn apply(cx: &mut Cx<'_>, view: ViewId, event: PinEvent) {
    let change = move |document: &mut Document, pin: PinId, change: &dyn Fn(&mut Pin)| {
        if let Some(pin) = document.settings_mut(view).query.get_mut(pin) {
            change(pin);
        }
    };
    match event {
        PinEvent::Select(pin) => {
            cx.state.pin = Some(pin);
            cx.state.presentation.active = Some(view);
        }
        PinEvent::Move(pin, at) => {
            cx.drag("edit-move-pin", format!("pin-{}", pin.0), move |document| {
                change(document, pin, &|pin| pin.shape = pin.shape.moved_to(at));
            });
        }
        PinEvent::Turn(pin) => cx.edit("edit-turn-pin", move |document| {
            change(document, pin, &|pin| {
                pin.sign = match pin.sign {
                    Sign::Positive => Sign::Negative,
                    Sign::Negative => Sign::Positive,
                };
            });
        }),
        PinEvent::Toggle(pin) => cx.edit("edit-toggle-pin", move |document| {
            change(document, pin, &|pin| pin.enabled = !pin.enabled);
        }),
        PinEvent::Remove(pin) => {
            cx.state.pin = None;
            cx.edit("edit-remove-pin", move |document| {
                let pins = &mut document.settings_mut(view).query.pins;
                pins.retain(|other| other.id != pin);
            });
        }
    }
}

/// Numbers beside the pointer; in linked pictures the best patch.
fn read_out(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, shown: &Shown, ready: &Ready) {
    let grid = &ready.layer.grid;
    let Some(read) = cx.session.view(id).similarity.read.clone() else {
        return;
    };
    if (read.values.rows, read.values.cols) != (grid.rows, grid.cols) {
        return;
    }
    if let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) {
        let rows = lines(ui, &read, patch, at);
        picture::read_out(ui, cx, shown, (grid, patch), &rows);
        return;
    }
    let asked = cx.state.pointer.is_some() || cx.document.settings(id).query.asks();
    let elsewhere = cx
        .document
        .settings(id)
        .query
        .pins
        .iter()
        .any(|pin| pin.picture == shown.picture);
    if !asked || elsewhere {
        return;
    }
    if let Some(best) = read.top(1, &[], 0.0).first() {
        let (x, y) = grid.centre_px(best.patch.row, best.patch.col);
        let rows = [
            (
                tr(ui, "canvas-best-here"),
                parts::decimal(best.similarity, 3),
            ),
            (tr(ui, "canvas-pixel"), pixel([x, y])),
        ];
        let painter = ui.painter_at(shown.frame.rect());
        let rect = marks::patch_rect(grid, best.patch);
        let on_screen = shown.frame.transform.rect_to_screen(rect);
        marks::outline(&painter, &shown.frame.transform, grid, &[best.patch]);
        parts::read_out(ui, shown.frame.rect(), on_screen, &rows);
    }
}

/// Lines of the read-out: value, rank, patch and pixel.
fn lines(ui: &Ui, read: &Read, patch: Patch, at: [f64; 2]) -> Vec<(text::Text, String)> {
    let mut rows = Vec::with_capacity(4);
    if let Some(value) = read.at(patch) {
        let rank = [
            ("rank", parts::count(ui, read.rank(value)).into()),
            ("total", parts::count(ui, read.count()).into()),
        ];
        rows.push((tr(ui, "canvas-score"), parts::decimal(value, 3)));
        rows.push((
            tr(ui, "canvas-rank"),
            tr_with(ui, "canvas-rank-of", &rank).to_string(),
        ));
    }
    rows.push((
        tr(ui, "canvas-patch"),
        format!("{}, {}", patch.col, patch.row),
    ));
    rows.push((tr(ui, "canvas-pixel"), pixel(at)));
    rows
}

/// A pixel's coordinates, whole.
pub fn pixel(at: [f64; 2]) -> String {
    format!("{:.0}, {:.0}", at[0].floor(), at[1].floor())
}

/// Says that a picture is searched with the query of another one, or why there is no map.
fn chip(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, shown: &Shown) {
    let query = &cx.document.settings(id).query;
    if let Some(problem) = cx.session.view(id).similarity.problem.clone()
        && query.asks()
    {
        let at = shown.frame.rect().left_bottom() - egui::vec2(-12.0, 56.0);
        let said = tr_with(ui, "canvas-cannot", &[("reason", problem.into())]);
        parts::floating_chip(ui, at, crate::icons::WARNING, &said);
    }
    let from = query
        .pins
        .iter()
        .find(|pin| pin.enabled)
        .map(|pin| pin.picture);
    let from = from.or_else(|| cx.state.pointer.map(|pointer| pointer.picture));
    let Some(from) = from.filter(|&from| from != shown.picture && cx.is_linked(id)) else {
        return;
    };
    let Some(letter) = cx.document.letter(from) else {
        return;
    };
    let text = tr_with(
        ui,
        "canvas-same-query",
        &[("view", letter.to_string().into())],
    );
    let at = shown.frame.rect().right_top() + egui::vec2(-12.0, 12.0);
    parts::floating_chip_right(ui, at, crate::icons::LINK, &text);
}
