//! Comparison: the same similarity map for several models, layers, sizes or norms, one pointer over all.

use std::sync::{Arc, Weak};

use dinoscope_engine::Grid;
use dinoscope_engine::analysis::resample::resize_features;
use dinoscope_engine::analysis::similarity::{mean_query, top_k};
use dinoscope_engine::analysis::{Patch, ScalarMap};
use dinoscope_engine::figure::{Colormap, Overlay, Range};
use egui::{Rect, RichText, Sense, Ui, vec2};

use super::numbers::{Cosines, Read};
use super::picture::{self, Shown};
use crate::canvas::{self, CanvasTools, Gesture, Tool, marks};
use crate::cx::Cx;
use crate::document::{
    CompareSettings, CompareShow, FeatureSettings, PictureId, PinShape, Settings, Sign, Variation,
    ViewId,
};
use crate::icons;
use crate::parts;
use crate::session::{Answer, Content, FeatureKey, Ready};
use crate::text::{tr, tr_with};
use crate::theme;
use crate::views::similarity;
use crate::widgets::SwipeHandle;

mod difference;
mod inspector;

pub use difference::Difference;
pub use inspector::inspector_ui;

/// Heights of the column heads and of the line above a cell, in points.
const HEAD: f32 = 36.0;
const TITLE: f32 = 28.0;
/// Width of the row names.
const SIDE: f32 = 36.0;

/// What a comparison keeps.
#[derive(Debug, Default)]
pub struct State {
    cells: Vec<Cell>,
    /// For each row: last column against the first.
    pub differences: Vec<Option<Arc<Difference>>>,
    /// Smallest and largest value of all cells.
    pub range: Option<(f32, f32)>,
    last: Option<[f64; 2]>,
}

impl State {
    /// The numbers of all cells, row by row.
    pub fn reads(&self) -> Vec<Option<Arc<Read>>> {
        self.cells.iter().map(|cell| cell.read.clone()).collect()
    }
}

#[derive(Debug, Default)]
struct Cell {
    cosines: Cosines,
    read: Option<Arc<Read>>,
    asked: Option<Asked>,
}

/// The vector of what is looked for in the features of a cell.
#[derive(Debug)]
struct Asked {
    wanted: Vec<(Sign, PinShape)>,
    weight: f32,
    from: Weak<Ready>,
    vector: Option<Arc<[f32]>>,
}

/// One cell in one frame.
struct Shape {
    row: usize,
    column: usize,
    features: FeatureSettings,
}

/// Draws the view.
pub fn pane_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(picture) = cx.view(id).and_then(super::View::picture) else {
        return;
    };
    let settings = cx.document.settings(id).clone();
    let compare = &settings.compare;
    let shapes = shapes(&settings);
    let answers: Vec<Answer> = shapes
        .iter()
        .map(|shape| ask(cx, id, picture, &shape.features))
        .collect();
    update(cx, id, (&settings, picture), &answers);
    let blink = cx.state.blink || compare.show == CompareShow::Blink && blinks(ui);
    match compare.show {
        CompareShow::Grid if !cx.state.blink => {
            grid_ui(ui, cx, (id, picture), &settings, (&shapes, &answers));
        }
        CompareShow::Swipe if !cx.state.blink => {
            swipe_ui(ui, cx, (id, picture), &settings, (&shapes, &answers));
        }
        _ => {
            let at = if blink { shapes.len().min(2) - 1 } else { 0 };
            single_ui(ui, cx, (id, picture), &settings, (&shapes, &answers, at));
        }
    }
    let waiting = answers
        .iter()
        .any(|answer| matches!(answer, Answer::Busy(_) | Answer::Waiting));
    cx.session.view(id).busy = waiting;
}

/// True in every second half second, for as long as the view is seen.
fn blinks(ui: &Ui) -> bool {
    let time = ui.input(|input| input.time);
    ui.request_repaint_after(std::time::Duration::from_millis(100));
    (time * 2.0) as i64 % 2 == 1
}

fn shapes(settings: &Settings) -> Vec<Shape> {
    let CompareSettings {
        column_values,
        row_values,
        ..
    } = &settings.compare;
    let mut shapes = Vec::new();
    for (row, vertical) in row_values.iter().enumerate() {
        for (column, horizontal) in column_values.iter().enumerate() {
            let features = horizontal.apply(&vertical.apply(&settings.features));
            shapes.push(Shape {
                row,
                column,
                features,
            });
        }
    }
    shapes
}

fn ask(cx: &mut Cx<'_>, _id: ViewId, picture: PictureId, features: &FeatureSettings) -> Answer {
    let key = FeatureKey::new(picture, features, &cx.document.model);
    cx.session.features_of(cx.document, &key)
}

/// What all cells look for: of the pins, else of the pointer, else the last one.
fn wanted(
    cx: &mut Cx<'_>,
    id: ViewId,
    settings: &Settings,
    picture: PictureId,
) -> Vec<(Sign, PinShape)> {
    let pins: Vec<(Sign, PinShape)> = settings
        .query
        .pins
        .iter()
        .filter(|pin| pin.enabled && pin.picture == picture)
        .map(|pin| (pin.sign, pin.shape.clone()))
        .collect();
    if pins.iter().any(|(sign, _)| *sign == Sign::Positive) {
        return pins;
    }
    let pointer = cx
        .state
        .pointer
        .filter(|pointer| pointer.picture == picture);
    let state = &mut cx.session.view(id).compare;
    if let Some(pointer) = pointer {
        state.last = Some(pointer.at);
    }
    state
        .last
        .map(|at| (Sign::Positive, PinShape::Point(at)))
        .into_iter()
        .collect()
}

/// The query of a cell, from its own features; made again when those or what is wanted change.
fn query(
    known: &mut Option<Asked>,
    ready: &Arc<Ready>,
    wanted: &[(Sign, PinShape)],
    weight: f32,
) -> Option<Arc<[f32]>> {
    let same = known.as_ref().filter(|known| {
        known.wanted == wanted
            && known.weight.to_bits() == weight.to_bits()
            && similarity::is(&known.from, ready)
    });
    if let Some(same) = same {
        return same.vector.clone();
    }
    let vector = vector(ready, wanted, weight);
    *known = Some(Asked {
        wanted: wanted.to_vec(),
        weight,
        from: Arc::downgrade(ready),
        vector: vector.clone(),
    });
    vector
}

fn vector(ready: &Ready, wanted: &[(Sign, PinShape)], weight: f32) -> Option<Arc<[f32]>> {
    let vectors = |sign: Sign| -> Option<Vec<Vec<f32>>> {
        let mine = wanted.iter().filter(|(other, _)| *other == sign);
        mine.map(|(_, shape)| similarity::shape_vector(shape, &ready.subject).ok())
            .collect()
    };
    let (positive, negative) = (vectors(Sign::Positive)?, vectors(Sign::Negative)?);
    (!positive.is_empty()).then(|| mean_query(&positive, &negative, weight).into())
}

/// Numbers of all cells, the common range, and the differences of the rows.
fn update(
    cx: &mut Cx<'_>,
    id: ViewId,
    (settings, picture): (&Settings, PictureId),
    answers: &[Answer],
) {
    let wanted = wanted(cx, id, settings, picture);
    let runner = Arc::clone(&cx.session.runner);
    let state = &mut cx.session.view(id).compare;
    state.cells.resize_with(answers.len(), Cell::default);
    for (index, (cell, answer)) in state.cells.iter_mut().zip(answers).enumerate() {
        let weight = settings.similarity.negative_weight;
        let query = answer
            .ready()
            .and_then(|ready| Some((ready, query(&mut cell.asked, ready, &wanted, weight)?)));
        cell.read = query.and_then(|(ready, query)| {
            let name = format!("compare/{}/{index}", id.0);
            cell.cosines
                .of(&query, &ready.layer.patches, &runner, &name)
                .cloned()
        });
    }
    let ranges = state
        .cells
        .iter()
        .filter_map(|cell| Some(cell.read.as_ref()?.range));
    state.range = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let columns = settings.compare.column_values.len().max(1);
    let rows = settings.compare.row_values.len();
    let reads: Vec<Option<Arc<Read>>> = state.cells.iter().map(|cell| cell.read.clone()).collect();
    state.differences.resize_with(rows, || None);
    for row in 0..rows {
        let a = reads.get(row * columns).cloned().flatten();
        let b = reads.get(row * columns + columns - 1).cloned().flatten();
        let (Some(a), Some(b), true) = (a, b, columns > 1) else {
            state.differences[row] = None;
            continue;
        };
        let known = state.differences[row].as_ref();
        if known.is_none_or(|known| !known.is_of(&a, &b)) {
            state.differences[row] = Some(Arc::new(Difference::new(&a, &b)));
        }
    }
}

fn overlay(settings: &Settings, range: Option<(f32, f32)>) -> Overlay {
    let mut overlay = settings.look.overlay();
    if let (Range::Auto, Some((min, max))) = (overlay.range, range) {
        overlay.range = Range::Fixed { min, max };
    }
    overlay
}

fn content(cx: &mut Cx<'_>, id: ViewId, settings: &Settings, index: usize) -> Option<Content> {
    let state = &cx.session.view(id).compare;
    let read = state.cells.get(index)?.read.clone()?;
    let overlay = overlay(settings, state.range);
    Some(Content::Values {
        values: Arc::clone(&read.values),
        overlay,
    })
}

fn grid_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    settings: &Settings,
    (shapes, answers): (&[Shape], &[Answer]),
) {
    let compare = &settings.compare;
    let columns = compare.column_values.len().max(1);
    let extra = usize::from(compare.difference && columns > 1);
    let rows = compare.row_values.len().max(1);
    let all = ui.available_rect_before_wrap();
    let width = (all.width() - SIDE) / (columns + extra) as f32;
    let height = (all.height() - HEAD) / rows as f32;
    for column in 0..columns + extra {
        let head = Rect::from_min_size(
            all.min + vec2(SIDE + column as f32 * width, 0.0),
            vec2(width, HEAD),
        );
        head_ui(ui, cx, compare, column, head);
    }
    for row in 0..rows {
        let side = Rect::from_min_size(
            all.min + vec2(0.0, HEAD + row as f32 * height),
            vec2(SIDE, height),
        );
        row_name_ui(ui, compare, row, side);
        for column in 0..columns + extra {
            let min = all.min + vec2(SIDE + column as f32 * width, HEAD + row as f32 * height);
            let cell = Rect::from_min_size(min, vec2(width, height));
            let mut child = ui.new_child(
                egui::UiBuilder::new()
                    .max_rect(cell)
                    .id_salt(("cell", row, column)),
            );
            if column < columns {
                let index = row * columns + column;
                cell_ui(
                    &mut child,
                    cx,
                    (id, picture),
                    settings,
                    (&shapes[index], &answers[index], index),
                );
            } else {
                difference_ui(
                    &mut child,
                    cx,
                    (id, picture),
                    settings,
                    (row, shapes.len() + row, &answers[row * columns]),
                );
            }
            let stroke = ui.visuals().widgets.noninteractive.bg_stroke;
            ui.painter()
                .rect_stroke(cell, 0.0, stroke, egui::StrokeKind::Inside);
        }
    }
}

fn head_ui(ui: &mut Ui, cx: &Cx<'_>, compare: &CompareSettings, column: usize, rect: Rect) {
    let stroke = ui.visuals().widgets.noninteractive.bg_stroke;
    ui.painter().rect(
        rect,
        0.0,
        theme::palette(ui).panel,
        stroke,
        egui::StrokeKind::Inside,
    );
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(10.0, 0.0)))
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    if let Some(value) = compare.column_values.get(column) {
        parts::letter(&mut child, &letter(column));
        child.label(parts::strong(&child, &variation_name(&child, cx, value)));
    } else {
        let last = letter(compare.column_values.len() - 1);
        let args = [("a", "A".into()), ("b", last.into())];
        let title = tr_with(&child, "compare-against", &args);
        child.label(parts::strong(&child, &title));
    }
}

/// Name of a column: A, B, ….
pub fn letter(column: usize) -> String {
    let place = u8::try_from(column).unwrap_or(25).min(25);
    char::from(b'A' + place).to_string()
}

/// What a row or column stands for, in words.
pub fn variation_name(ui: &Ui, cx: &Cx<'_>, value: &Variation) -> String {
    match value {
        Variation::Model(name) => cx.session.models.title(ui, name),
        Variation::Layer(Some(layer)) => tr_with(
            ui,
            "compare-layer",
            &[("layer", (layer + 1).to_string().into())],
        )
        .to_string(),
        Variation::Layer(None) => tr(ui, "compare-last-layer").to_string(),
        Variation::Side(px) => format!("{px} px"),
        Variation::Norm(dinoscope_engine::Norm::Final) => tr(ui, "compare-norm-final").to_string(),
        Variation::Norm(dinoscope_engine::Norm::None) => tr(ui, "compare-norm-none").to_string(),
        Variation::Same => tr(ui, "compare-all").to_string(),
    }
}

/// The name of a row, turned by a quarter.
fn row_name_ui(ui: &Ui, compare: &CompareSettings, row: usize, rect: Rect) {
    let Some(value) = compare.row_values.get(row) else {
        return;
    };
    let name = match value {
        Variation::Layer(Some(layer)) => tr_with(
            ui,
            "compare-layer",
            &[("layer", (layer + 1).to_string().into())],
        )
        .to_string(),
        Variation::Layer(None) => tr(ui, "compare-last-layer").to_string(),
        Variation::Norm(dinoscope_engine::Norm::Final) => tr(ui, "compare-norm-final").to_string(),
        Variation::Norm(dinoscope_engine::Norm::None) => tr(ui, "compare-norm-none").to_string(),
        other => other.to_string(),
    };
    let palette = theme::palette(ui);
    let stroke = ui.visuals().widgets.noninteractive.bg_stroke;
    ui.painter()
        .rect(rect, 0.0, palette.panel, stroke, egui::StrokeKind::Inside);
    let font = egui::FontId::new(12.0, crate::fonts::semibold());
    let galley = ui.painter().layout_no_wrap(name, font, palette.text_0);
    let at = rect.center() + vec2(-galley.size().y / 2.0, galley.size().x / 2.0);
    let shape = egui::epaint::TextShape::new(at, galley, palette.text_0)
        .with_angle(-std::f32::consts::FRAC_PI_2);
    ui.painter().add(shape);
}

fn title_ui(ui: &mut Ui, icon: Option<&str>, (title, detail): (&str, &str), value: Option<String>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), TITLE), Sense::hover());
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(10.0, 0.0)))
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    if let Some(icon) = icon {
        child.label(icon);
    }
    child.label(parts::strong(&child, title));
    let color = theme::palette(&child).text_2;
    child.label(RichText::new(detail).small().color(color));
    if let Some(value) = value {
        child.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(
                RichText::new(value)
                    .monospace()
                    .color(theme::palette(ui).text_0),
            );
        });
    }
}

fn detail(ui: &Ui, cx: &Cx<'_>, compare: &CompareSettings, shape: &Shape) -> String {
    let value = &compare.row_values[shape.row];
    if matches!(value, Variation::Same) {
        return variation_name(ui, cx, &compare.column_values[shape.column]);
    }
    variation_name(ui, cx, value)
}

fn cell_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    settings: &Settings,
    (shape, answer, index): (&Shape, &Answer, usize),
) {
    let value = value_here(cx, id, picture, answer, index);
    let detail = detail(ui, cx, &settings.compare, shape);
    title_ui(
        ui,
        None,
        (&tr(ui, "similarity-title"), &detail),
        value.map(|value| parts::decimal(value, 2)),
    );
    let content = content(cx, id, settings, index);
    canvas_ui(
        ui,
        cx,
        (id, picture),
        (settings, answer, index),
        content.as_ref(),
        (shape.row, shape.column) == (0, 0),
    );
}

/// The value of a cell under the pointer, or at the place of the pin.
fn value_here(
    cx: &mut Cx<'_>,
    id: ViewId,
    picture: PictureId,
    answer: &Answer,
    index: usize,
) -> Option<f32> {
    let ready = answer.ready()?;
    let at = cx
        .state
        .pointer
        .filter(|pointer| pointer.picture == picture)?
        .at;
    let (row, col) = ready.layer.grid.patch_at(at[0], at[1])?;
    let read = cx.session.view(id).compare.cells.get(index)?.read.clone()?;
    read.at(Patch { row, col })
}

/// One canvas with map, pins and crosshair.
fn canvas_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    (settings, answer, index): (&Settings, &Answer, usize),
    content: Option<&Content>,
    with_tools: bool,
) -> Option<Shown> {
    let tool = if cx.state.tool == Tool::Pan {
        Tool::Pan
    } else {
        Tool::Pointer
    };
    let shown = picture::begin(ui, cx, (id, picture), tool)?;
    gestures(cx, id, &shown);
    picture::paint(
        ui,
        cx,
        (id, index),
        &shown,
        content.unwrap_or(&Content::Photo),
    );
    if let Answer::Failed(_) = answer {
        picture::answer_ui(ui, cx, id, &shown, answer);
    }
    marks_ui(
        ui,
        cx,
        id,
        &shown,
        (settings, answer.ready().map(|ready| &ready.layer.grid)),
    );
    if with_tools {
        let tools = CanvasTools {
            draws: false,
            grid: settings.look.grid,
            overlay: settings.look.visible,
        };
        picture::finish(ui, cx, id, &shown, &tools);
    }
    Some(shown)
}

fn marks_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    shown: &Shown,
    (settings, grid): (&Settings, Option<&Grid>),
) {
    let painter = ui.painter_at(shown.frame.rect());
    let place = (&shown.frame.transform, shown.frame.shown());
    if let Some(grid) = grid {
        if settings.look.grid {
            marks::patch_grid(&painter, place, grid);
        }
        if let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) {
            marks::crosshair(&painter, place, (Some(grid), Some(patch)), at);
        }
    }
    let mine = settings
        .query
        .pins
        .iter()
        .filter(|pin| pin.picture == shown.picture);
    let selected = cx.state.pin;
    for event in canvas::pins_ui(ui, &shown.frame, mine, selected) {
        similarity::apply(cx, id, event);
    }
}

fn gestures(cx: &mut Cx<'_>, id: ViewId, shown: &Shown) {
    for gesture in shown.frame.gestures.clone() {
        if let Gesture::Click { at, negative } = gesture
            && cx.state.tool != Tool::Pan
        {
            let sign = if negative {
                Sign::Negative
            } else {
                Sign::Positive
            };
            similarity::add_pin(cx, id, shown.picture, PinShape::Point(at), sign);
        }
    }
}

fn difference_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    settings: &Settings,
    (row, index, first): (usize, usize, &Answer),
) {
    let difference = cx
        .session
        .view(id)
        .compare
        .differences
        .get(row)
        .cloned()
        .flatten();
    let value = difference.as_ref().and_then(|difference| {
        let ready = first.ready()?;
        let at = cx
            .state
            .pointer
            .filter(|pointer| pointer.picture == picture)?
            .at;
        let (row, col) = ready.layer.grid.patch_at(at[0], at[1])?;
        difference.read.at(Patch { row, col })
    });
    let last = letter(settings.compare.column_values.len() - 1);
    let detail = format!("{last} − A");
    let shown = value.map(|value| parts::signed(value, 2));
    title_ui(
        ui,
        Some(icons::SUBTRACT),
        (&tr(ui, "compare-difference"), &detail),
        shown,
    );
    let limit = settings.compare.difference_range;
    let content = difference.map(|difference| Content::Values {
        values: Arc::clone(&difference.read.values),
        overlay: Overlay {
            colormap: Colormap::Diverging,
            range: Range::Fixed {
                min: -limit,
                max: limit,
            },
            ..settings.look.overlay()
        },
    });
    canvas_ui(
        ui,
        cx,
        (id, picture),
        (settings, first, index),
        content.as_ref(),
        false,
    );
}

/// The first two columns of the first row over each other, with a line that is dragged.
fn swipe_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    settings: &Settings,
    (shapes, answers): (&[Shape], &[Answer]),
) {
    let other = 1.min(shapes.len() - 1);
    let Some(shown) = picture::begin(ui, cx, (id, picture), Tool::Pan) else {
        return;
    };
    let visible = shown.frame.visible;
    let part = settings.compare.swipe.clamp(0.0, 1.0);
    let split = visible.left() + visible.width() * part;
    let halves = [
        Rect::from_min_max(visible.min, egui::pos2(split, visible.bottom())),
        Rect::from_min_max(egui::pos2(split, visible.top()), visible.max),
    ];
    for (place, (index, half)) in [(0, halves[0]), (other, halves[1])].into_iter().enumerate() {
        let content = content(cx, id, settings, index);
        picture::paint_part(
            ui,
            cx,
            (id, place),
            &shown,
            content.as_ref().unwrap_or(&Content::Photo),
            half,
        );
    }
    let grid = answers[0].ready().map(|ready| &ready.layer.grid);
    marks_ui(ui, cx, id, &shown, (settings, grid));
    for (index, left) in [(0, true), (other, false)] {
        let name = format!(
            "{} · {}",
            letter(shapes[index].column),
            variation_name(
                ui,
                cx,
                &settings.compare.column_values[shapes[index].column]
            )
        );
        let rect = shown.frame.shown();
        let at = if left {
            rect.left_top() + vec2(10.0, 10.0)
        } else {
            rect.right_top() + vec2(-10.0, 10.0)
        };
        if left {
            parts::floating_chip(ui, at, icons::COLUMNS, &name);
        } else {
            parts::floating_chip_right(ui, at, icons::COLUMNS, &name);
        }
    }
    let area = shown.frame.shown();
    let mut place = part;
    let name = tr(ui, "compare-swipe");
    let handle = shown.frame.response.id.with("swipe");
    SwipeHandle::new(&mut place, name).show(ui, handle, area);
    if (place - part).abs() > 1e-4 {
        cx.drag("edit-swipe", "swipe", move |document| {
            document.settings_mut(id).compare.swipe = place;
        });
    }
    let tools = CanvasTools {
        draws: false,
        grid: settings.look.grid,
        overlay: settings.look.visible,
    };
    picture::finish(ui, cx, id, &shown, &tools);
}

/// One cell alone.
fn single_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    settings: &Settings,
    (shapes, answers, at): (&[Shape], &[Answer], usize),
) {
    let shape = &shapes[at];
    let detail = variation_name(ui, cx, &settings.compare.column_values[shape.column]);
    let value = value_here(cx, id, picture, &answers[at], at);
    title_ui(
        ui,
        Some(icons::EYE),
        (&letter(shape.column), &detail),
        value.map(|value| parts::decimal(value, 2)),
    );
    let content = content(cx, id, settings, at);
    canvas_ui(
        ui,
        cx,
        (id, picture),
        (settings, &answers[at], at),
        content.as_ref(),
        true,
    );
}

/// Brings a map onto another grid, for a difference of two resolutions.
pub(super) fn on_grid(map: &ScalarMap, rows: usize, cols: usize) -> ScalarMap {
    if (map.rows, map.cols) == (rows, cols) {
        return map.clone();
    }
    let values = resize_features(&map.values, (map.rows, map.cols), (rows, cols));
    // Maps that are shown have sides; what cannot be resized shows no difference.
    let values = values.unwrap_or_else(|_| vec![f32::NAN; rows * cols]);
    ScalarMap { rows, cols, values }
}

/// How many of the best patches two maps of one grid share.
pub(super) fn common_top(a: &ScalarMap, b: &ScalarMap, count: usize) -> usize {
    let best = |map: &ScalarMap| -> Vec<Patch> {
        top_k(map, count).iter().map(|peak| peak.patch).collect()
    };
    let (a, b) = (best(a), best(b));
    a.iter().filter(|patch| b.contains(patch)).count()
}
