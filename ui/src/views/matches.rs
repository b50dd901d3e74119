//! Correspondence: which points of two pictures are the same.

use std::sync::Arc;

use dinoscope_engine::analysis::matching::Side;
use dinoscope_engine::analysis::refine::soft_offset;
use dinoscope_engine::analysis::similarity::{exclude, top_k, unit_patches};
use dinoscope_engine::analysis::stratify::stratify;
use dinoscope_engine::analysis::{Correspondence, Patch, Peak, ScalarMap};
use dinoscope_engine::figure::match_lines::place_colour;
use dinoscope_jobs::runner::{Lane, Slot as JobSlot, Spec, Title};
use egui::{Color32, Painter, Pos2, Rect, Stroke, Ui, pos2, vec2};

use super::numbers::Cosines;
use super::picture::{self, Shown};
use super::{matches_table, similarity};
use crate::canvas::{CanvasTools, Gesture, Tool, marks};
use crate::cx::Cx;
use crate::document::{Document, Keypoint, LineColor, MatchSettings, MatchShow, PictureId, ViewId};
use crate::parts;
use crate::session::{Answer, Content, Ready, Slot};
use crate::text::{tr, tr_with};
use crate::theme::{self, ON_PICTURE, PIN_POSITIVE};

mod inspector;
mod keypoints;

pub use inspector::inspector_ui;
pub use keypoints::{carried, coco, csv};

/// More lines than this are drawn as dots: nothing would be seen between them.
const MOST_LINES: usize = 400;
/// More pairs than this are thinned in the background.
const THIN_AT_ONCE: usize = 2500;

/// What a view of correspondence keeps.
#[derive(Debug, Default)]
pub struct State {
    job: Slot<Arc<Vec<Correspondence>>>,
    of: Option<(usize, usize, bool)>,
    /// All pairs of the first picture's patches.
    pub pairs: Option<Arc<Vec<Correspondence>>>,
    thinned_of: Option<(usize, String)>,
    thinning: Slot<Kept>,
    /// The pairs that pass the filters, and those of them that are drawn.
    pub kept: Option<Kept>,
    cosines: [Cosines; 2],
    /// Best and second best for the pointed patch.
    pub under: Option<Under>,
    /// The row of the table that is pointed at, as a number of `kept.shown`.
    pub row: Option<usize>,
    partners: Option<(usize, Arc<[u32]>)>,
}

/// Pairs after the filters.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Those that pass.
    pub pairs: Arc<Vec<Correspondence>>,
    /// Positions in `pairs` of those that are far enough from each other.
    pub shown: Arc<Vec<usize>>,
}

/// What is found for the pointed patch.
#[derive(Clone, Copy, Debug)]
pub struct Under {
    /// 0 if the pointer is on the first picture, 1 on the second.
    pub from: usize,
    /// (x, y) of the best match, and its cosine.
    pub best: ([f64; 2], f32),
    /// The same for the best patch that is not beside it.
    pub second: Option<([f64; 2], f32)>,
    /// Distance of the way there and back in pixels.
    pub round_trip_px: Option<f32>,
}

/// Both pictures with their features.
struct Pair {
    pictures: [PictureId; 2],
    shown: [Option<Shown>; 2],
    answers: [Answer; 2],
}

/// Draws the view.
pub fn pane_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some([a, b]) = cx
        .view(id)
        .and_then(|view| <[PictureId; 2]>::try_from(&view.pictures[..]).ok())
    else {
        return;
    };
    if ui.available_height() > 360.0 {
        matches_table::table_ui(ui, cx, id);
    }
    let rect = ui.available_rect_before_wrap();
    let gap = 10.0;
    let width = (rect.width() - gap) / 2.0;
    let halves = [
        Rect::from_min_size(rect.min, vec2(width, rect.height())),
        Rect::from_min_size(
            rect.min + vec2(width + gap, 0.0),
            vec2(width, rect.height()),
        ),
    ];
    let mut pair = Pair {
        pictures: [a, b],
        shown: [None, None],
        answers: [Answer::Waiting, Answer::Waiting],
    };
    for (place, half) in halves.into_iter().enumerate() {
        let mut child = ui.new_child(
            egui::UiBuilder::new()
                .max_rect(half)
                .id_salt(("half", place)),
        );
        header_ui(&mut child, cx, id, &pair, place);
        let tool = if cx.state.tool == Tool::Pan {
            Tool::Pan
        } else {
            Tool::Pointer
        };
        pair.shown[place] = picture::begin(&mut child, cx, (id, pair.pictures[place]), tool);
        pair.answers[place] = picture::features(cx, id, pair.pictures[place]);
    }
    update(cx, id, &pair);
    keypoints::gestures(cx, id, &pair.shown, pair.pictures);
    for (place, half) in halves.into_iter().enumerate() {
        let mut child = ui.new_child(
            egui::UiBuilder::new()
                .max_rect(half)
                .id_salt(("over", place)),
        );
        half_ui(&mut child, cx, id, &pair, place);
    }
    lines_ui(ui, cx, id, &pair);
    keypoints::points_ui(ui, cx, id, &pair.shown, pair.pictures);
    under_ui(ui, cx, id, &pair);
}

fn header_ui(ui: &mut Ui, cx: &Cx<'_>, id: ViewId, pair: &Pair, place: usize) {
    let letter = if place == 0 { "A" } else { "B" };
    let picture = pair.pictures[place];
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        ui.add_space(12.0);
        parts::letter(ui, letter);
        ui.label(parts::strong(ui, &cx.document.library.name(picture)));
        let detail = match (place, cx.session.pictures.peek(picture)) {
            (1, _) if cx.document.settings(id).matches.heat => {
                tr(ui, "matches-heat-note").to_string()
            }
            (_, Some(open)) => {
                let (width, height) = open.size_px();
                format!("{width} × {height}")
            }
            _ => String::new(),
        };
        ui.label(
            egui::RichText::new(detail)
                .small()
                .color(theme::palette(ui).text_2),
        );
    });
    ui.add_space(6.0);
}

/// Starts what is missing and takes what is done.
fn update(cx: &mut Cx<'_>, id: ViewId, pair: &Pair) {
    let (Some(a), Some(b)) = (pair.answers[0].ready(), pair.answers[1].ready()) else {
        return;
    };
    if a.layer.patches.dim() != b.layer.patches.dim() {
        return;
    }
    let (a, b) = (Arc::clone(a), Arc::clone(b));
    let settings = cx.document.settings(id).matches.clone();
    let of = (
        Arc::as_ptr(&a) as usize,
        Arc::as_ptr(&b) as usize,
        settings.refine,
    );
    let runner = Arc::clone(&cx.session.runner);
    let pointer = cx.state.pointer;
    let view = cx.session.view(id);
    let state = &mut view.matches;
    if state.job.poll()
        && let Some(pairs) = state.job.ready()
    {
        state.pairs = Some(Arc::clone(pairs));
        tracing::debug!(job = "match", "done");
    }
    if state.of != Some(of) {
        state.of = Some(of);
        let title = Title::new("job-match")
            .text("a", a.subject.name.clone())
            .text("b", b.subject.name.clone());
        let mut spec = Spec::new(Lane::Analysis, title);
        spec.slot = Some(JobSlot::new(format!("match/{}", id.0)));
        let pairing = settings.pairing();
        let (a, b) = (Arc::clone(&a.subject), Arc::clone(&b.subject));
        state.job.start(runner.submit(spec, move |cx| {
            let context = crate::session::Session::analysis_context(cx.cancel());
            let pairs = pairing.pairs(&[], &Side::of(&a), &Side::of(&b), &context)?;
            Ok(Arc::new(pairs))
        }));
    }
    view.busy |= view.matches.job.is_busy();
    view.stale = view.matches.job.is_busy() && view.matches.pairs.is_some();
    filter(&mut view.matches, &settings, &runner, id);
    let from = pointer
        .filter(|pointer| pointer.view == id)
        .and_then(|pointer| {
            let place = pair
                .pictures
                .iter()
                .position(|&picture| picture == pointer.picture)?;
            Some((place, pointer.at))
        });
    view.matches.under = from.and_then(|(place, at)| {
        let ready = [&a, &b];
        under(
            &mut view.matches,
            ready,
            (place, at),
            settings.refine,
            (&runner, id),
        )
    });
}

/// Which pairs are kept and drawn; the thinning of many pairs runs in the background.
fn filter(
    state: &mut State,
    settings: &MatchSettings,
    runner: &dinoscope_jobs::runner::Runner,
    id: ViewId,
) {
    if state.thinning.poll()
        && let Some(kept) = state.thinning.ready()
    {
        state.kept = Some(kept.clone());
        state.row = None;
    }
    let Some(pairs) = state.pairs.clone() else {
        return;
    };
    let key = (
        Arc::as_ptr(&pairs) as usize,
        format!(
            "{:?}",
            (
                settings.mutual,
                settings.max_cycle_px,
                settings.max_ratio,
                settings.min_cosine,
                settings.spread_px
            )
        ),
    );
    if state.thinned_of.as_ref() == Some(&key) {
        return;
    }
    state.thinned_of = Some(key);
    let kept: Vec<Correspondence> = pairs
        .iter()
        .filter(|pair| keeps(settings, pair))
        .copied()
        .collect();
    let spread = settings.spread_px;
    if kept.len() <= THIN_AT_ONCE {
        state.kept = Some(thin(kept, spread));
        state.row = None;
        return;
    }
    let mut spec = Spec::new(Lane::Analysis, Title::new("job-thin"));
    spec.slot = Some(JobSlot::new(format!("thin/{}", id.0)));
    spec.visible = dinoscope_jobs::runner::Visibility::Hidden;
    state
        .thinning
        .start(runner.submit(spec, move |_| Ok(thin(kept, spread))));
}

/// Whether a pair passes the filters.
pub fn keeps(settings: &MatchSettings, pair: &Correspondence) -> bool {
    (pair.mutual || !settings.mutual)
        && settings
            .max_cycle_px
            .is_none_or(|limit| pair.cycle_error_px <= limit)
        && settings.max_ratio.is_none_or(|limit| pair.ratio() <= limit)
        && settings
            .min_cosine
            .is_none_or(|least| pair.similarity >= least)
}

/// The pairs in the order of their cosine, and those that are `spread` pixels apart.
fn thin(mut pairs: Vec<Correspondence>, spread: f32) -> Kept {
    pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    let points: Vec<[f32; 2]> = pairs.iter().map(|pair| pair.a_px).collect();
    let shown = if spread > 0.0 {
        stratify(&points, spread)
    } else {
        (0..pairs.len()).collect()
    };
    Kept {
        pairs: Arc::new(pairs),
        shown: Arc::new(shown),
    }
}

/// The best matches of the pointed patch in the other picture.
fn under(
    state: &mut State,
    ready: [&Arc<Ready>; 2],
    (from, at): (usize, [f64; 2]),
    refine: bool,
    (runner, id): (&dinoscope_jobs::runner::Runner, ViewId),
) -> Option<Under> {
    let (here, there) = (ready[from], ready[1 - from]);
    let (row, col) = here.layer.grid.patch_at(at[0], at[1])?;
    let patch = Patch { row, col };
    let query: Arc<[f32]> = unit_patches(&here.layer.patches, &[patch])
        .ok()?
        .into_iter()
        .next()?
        .into();
    let name = format!("under/{}/{from}", id.0);
    let read = state.cosines[from].of(&query, &there.layer.patches, runner, &name)?;
    let best = *top_k(&read.values, 1).first()?;
    let second = second_best(&read.values, best);
    let place = |peak: Peak| there.layer.grid.centre_px(peak.patch.row, peak.patch.col);
    let mut best_px = <[f64; 2]>::from(place(best));
    if refine {
        best_px = refined(&query, there, best.patch);
    }
    Some(Under {
        from,
        best: (best_px, best.similarity),
        second: second.map(|peak| (place(peak).into(), peak.similarity)),
        round_trip_px: round_trip(here, there, patch, best.patch),
    })
}

/// A point between patches, where the cosine peaks.
pub fn refined(query: &[f32], there: &Ready, best: Patch) -> [f64; 2] {
    let grid = &there.layer.grid;
    let (x, y) = grid.centre_px(best.row, best.col);
    let (width, height) = grid.patch_px();
    let index = best.row * grid.cols + best.col;
    let [dx, dy] = soft_offset(query, there.unit(), index, 0.05);
    [x + f64::from(dx) * width, y + f64::from(dy) * height]
}

/// The best patch that does not touch the best one: its neighbors win as well and say nothing.
fn second_best(values: &ScalarMap, best: Peak) -> Option<Peak> {
    let mut rest = values.clone();
    exclude(&mut rest, &[best.patch], 1.5);
    top_k(&rest, 1).first().copied()
}

/// Distance between a patch and the best partner of its partner, in pixels.
fn round_trip(here: &Ready, there: &Ready, patch: Patch, partner: Patch) -> Option<f32> {
    // One pass over the map of `here`: only where that is quick.
    if here.layer.patches.values().len() > 4 << 20 {
        return None;
    }
    let query = unit_patches(&there.layer.patches, &[partner])
        .ok()?
        .into_iter()
        .next()?;
    let back = dinoscope_engine::analysis::cosine::cosine(&here.layer.patches, &query);
    let back = top_k(&back, 1).first()?.patch;
    let grid = &here.layer.grid;
    let (ax, ay) = grid.centre_px(patch.row, patch.col);
    let (bx, by) = grid.centre_px(back.row, back.col);
    Some((ax - bx).hypot(ay - by) as f32)
}

/// Map, grid, crosshair and tools of one picture.
fn half_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, pair: &Pair, place: usize) {
    let Some(shown) = &pair.shown[place] else {
        return;
    };
    let settings = cx.document.settings(id).clone();
    let content = match (settings.matches.show, place) {
        (MatchShow::Colors, 0) => transfer(cx, id, pair),
        _ => heat(cx, id, pair, place),
    };
    picture::paint(
        ui,
        cx,
        (id, place),
        shown,
        content.as_ref().unwrap_or(&Content::Photo),
    );
    picture::answer_ui(ui, cx, id, shown, &pair.answers[place]);
    if let Some(ready) = pair.answers[place].ready() {
        let painter = ui.painter_at(shown.frame.rect());
        let at = (&shown.frame.transform, shown.frame.shown());
        if settings.look.grid {
            marks::patch_grid(&painter, at, &ready.layer.grid);
        }
    }
    let tools = CanvasTools {
        draws: false,
        grid: settings.look.grid,
        overlay: settings.look.visible,
    };
    picture::finish(ui, cx, id, shown, &tools);
}

/// Cosines of the pointed patch over the other picture.
fn heat(cx: &mut Cx<'_>, id: ViewId, pair: &Pair, place: usize) -> Option<Content> {
    let settings = cx.document.settings(id);
    let pointer = cx.state.pointer.filter(|pointer| pointer.view == id)?;
    let from = pair
        .pictures
        .iter()
        .position(|&picture| picture == pointer.picture)?;
    if !settings.matches.heat || from == place {
        return None;
    }
    let (here, there) = (pair.answers[from].ready()?, pair.answers[place].ready()?);
    let (row, col) = here.layer.grid.patch_at(pointer.at[0], pointer.at[1])?;
    let query = unit_patches(&here.layer.patches, &[Patch { row, col }]).ok()?;
    let map = there.layer.patches.clone();
    let query: Arc<[f32]> = query.into_iter().next()?.into();
    (query.len() == map.dim()).then(|| Content::Query {
        map,
        query,
        overlay: settings.look.overlay(),
    })
}

/// The first picture in the colors of the second.
fn transfer(cx: &mut Cx<'_>, id: ViewId, pair: &Pair) -> Option<Content> {
    let (a, b) = (pair.answers[0].ready()?, pair.answers[1].ready()?);
    let other = cx
        .session
        .pictures
        .placed(pair.pictures[1], &cx.session.display)?
        .ok()?;
    let state = &mut cx.session.view(id).matches;
    let kept = state.kept.as_ref()?;
    let of = Arc::as_ptr(&kept.pairs) as usize;
    if state
        .partners
        .as_ref()
        .is_none_or(|(known, _)| *known != of)
    {
        let mut partners = vec![u32::MAX; a.layer.grid.patches()];
        for pair in kept.pairs.iter() {
            if let Some(partner) = partners.get_mut(pair.a) {
                *partner = pair.b as u32;
            }
        }
        state.partners = Some((of, partners.into()));
    }
    let (_, partners) = state.partners.as_ref()?;
    let grid = |ready: &Ready| (ready.layer.grid.rows, ready.layer.grid.cols);
    Some(Content::Warp {
        partners: Arc::clone(partners),
        grids: [grid(a), grid(b)],
        other,
    })
}

/// Color of a pair.
pub fn pair_color(settings: &MatchSettings, pair: &Correspondence, size: (u32, u32)) -> Color32 {
    let [red, green, blue] = match settings.color {
        LineColor::Place => place_colour([
            pair.a_px[0] / size.0.max(1) as f32,
            pair.a_px[1] / size.1.max(1) as f32,
        ]),
        LineColor::Cosine => dinoscope_engine::figure::Colormap::Viridis
            .colour(((pair.similarity + 0.2) / 1.2).clamp(0.0, 1.0)),
    };
    theme::data_color([red, green, blue])
}

/// Lines or dots of the pairs that are shown.
fn lines_ui(ui: &Ui, cx: &mut Cx<'_>, id: ViewId, pair: &Pair) {
    let [Some(a), Some(b)] = &pair.shown else {
        return;
    };
    let settings = cx.document.settings(id).matches.clone();
    let size = cx
        .session
        .pictures
        .peek(pair.pictures[0])
        .map_or((1, 1), |open| open.size_px());
    let state = &cx.session.view(id).matches;
    let Some(kept) = state.kept.clone() else {
        return;
    };
    let row = state.row;
    let painter = ui.painter_at(a.frame.rect().union(b.frame.rect()));
    let with_lines = settings.show == MatchShow::Lines && kept.shown.len() <= MOST_LINES;
    let faint = cx.state.pointer.is_some_and(|pointer| pointer.view == id);
    for (number, &at) in kept.shown.iter().enumerate() {
        let found = &kept.pairs[at];
        let color = pair_color(&settings, found, size);
        let ends = ends(found, a, b);
        let alpha = if faint { 0.35 } else { 0.8 };
        let chosen = row == Some(number);
        if with_lines || chosen {
            clipped_line(
                &painter,
                ends,
                (a, b),
                if chosen { 2.5 } else { 1.0 },
                color.gamma_multiply(if chosen { 1.0 } else { alpha }),
            );
        }
        if settings.show == MatchShow::Colors && !chosen {
            continue;
        }
        for (end, shown) in ends.into_iter().zip([a, b]) {
            if shown.frame.shown().contains(end) {
                let rim = Stroke::new(1.0, ON_PICTURE.halo);
                painter.circle(end, if chosen { 5.0 } else { 3.5 }, color, rim);
            }
        }
    }
}

fn ends(pair: &Correspondence, a: &Shown, b: &Shown) -> [Pos2; 2] {
    [
        a.frame.transform.to_screen(pair.a_px[0], pair.a_px[1]),
        b.frame.transform.to_screen(pair.b_px[0], pair.b_px[1]),
    ]
}

/// A line from one picture to the other; none where an end is out of sight.
fn clipped_line(
    painter: &Painter,
    [from, to]: [Pos2; 2],
    (a, b): (&Shown, &Shown),
    width: f32,
    color: Color32,
) {
    if a.frame.rect().contains(from) && b.frame.rect().contains(to) {
        painter.line_segment([from, to], Stroke::new(width, color));
    }
}

/// The matches of the pointed patch: solid to the best, dashed to the second.
fn under_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, pair: &Pair) {
    let Some(under) = cx.session.view(id).matches.under else {
        return;
    };
    let Some(pointed) = cx.state.pointer else {
        return;
    };
    let (Some(here), Some(there)) = (&pair.shown[under.from], &pair.shown[1 - under.from]) else {
        return;
    };
    let painter = ui.painter_at(here.frame.rect().union(there.frame.rect()));
    let from = here
        .frame
        .transform
        .to_screen(pointed.at[0] as f32, pointed.at[1] as f32);
    let on_screen = |[x, y]: [f64; 2]| there.frame.transform.to_screen(x as f32, y as f32);
    let best = on_screen(under.best.0);
    if let Some((second, _)) = under.second {
        let to = on_screen(second);
        if there.frame.rect().contains(to) {
            painter.extend(egui::Shape::dashed_line(
                &[from, to],
                Stroke::new(1.5, ON_PICTURE.line),
                6.0,
                4.0,
            ));
            number_badge(&painter, to, "2", false);
        }
    }
    if there.frame.rect().contains(best) {
        marks::line(&painter, from, best, 2.0);
        number_badge(&painter, best, "1", true);
    }
    painter.circle_stroke(from, 9.0, Stroke::new(4.0, ON_PICTURE.halo));
    painter.circle_stroke(from, 9.0, Stroke::new(2.0, ON_PICTURE.line));
    read_outs(ui, cx, (here, there), under, (pointed.at, from, best), pair);
}

fn number_badge(painter: &Painter, at: Pos2, number: &str, best: bool) {
    let (fill, ink) = if best {
        (PIN_POSITIVE.fill, PIN_POSITIVE.sign)
    } else {
        (ON_PICTURE.box_fill, ON_PICTURE.value)
    };
    let stroke = Stroke::new(1.5, ON_PICTURE.line);
    if best {
        painter.circle(at, 9.0, fill, stroke);
    } else {
        let rect = Rect::from_center_size(at, vec2(17.0, 17.0));
        painter.rect(rect, 4.0, fill, stroke, egui::StrokeKind::Middle);
    }
    let font = egui::FontId::new(11.0, crate::fonts::semibold());
    painter.text(at, egui::Align2::CENTER_CENTER, number, font, ink);
}

fn read_outs(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (here, there): (&Shown, &Shown),
    under: Under,
    (at, from, best): ([f64; 2], Pos2, Pos2),
    pair: &Pair,
) {
    let mut own = vec![(tr(ui, "canvas-pixel"), similarity::pixel(at))];
    if let Some(ready) = pair.answers[under.from].ready()
        && let Some((row, col)) = ready.layer.grid.patch_at(at[0], at[1])
    {
        own.push((tr(ui, "canvas-patch"), format!("{col}, {row}")));
    }
    let other = [
        (tr(ui, "matches-cosine"), parts::decimal(under.best.1, 3)),
        (tr(ui, "canvas-pixel"), similarity::pixel(under.best.0)),
    ];
    parts::read_out(
        ui,
        here.frame.rect(),
        Rect::from_center_size(from, vec2(18.0, 18.0)),
        &own,
    );
    if there.frame.rect().contains(best) {
        parts::read_out(
            ui,
            there.frame.rect(),
            Rect::from_center_size(best, vec2(18.0, 18.0)),
            &other,
        );
    }
    let spoken: Vec<String> = own
        .iter()
        .chain(&other)
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    cx.session.read_out = Some(spoken.join("\n"));
    parts::announce(ui, here.frame.response.id, &spoken.join(", "));
}

/// What the best match is worth, in a sentence, and whether it is good.
pub fn verdict(ui: &Ui, under: &Under) -> (bool, String) {
    let clear = under
        .second
        .is_none_or(|(_, second)| under.best.1 - second > 0.05);
    let back = under.round_trip_px.map(|px| parts::decimal(px, 0));
    let px = back.unwrap_or_default();
    let value = [("px", px.as_str().into()), ("distance", px.as_str().into())];
    let holds = under.round_trip_px.is_none_or(|px| px <= 16.0);
    match (clear, holds) {
        (true, true) => (true, tr_with(ui, "matches-clear", &value).to_string()),
        (true, false) => (false, tr_with(ui, "matches-one-way", &value).to_string()),
        (false, _) => (false, tr(ui, "matches-ambiguous").to_string()),
    }
}

/// Adds a keypoint of the user as one step of undo.
pub fn add_keypoint(cx: &mut Cx<'_>, id: ViewId, pair: [PictureId; 2], a: [f64; 2]) {
    cx.edit("edit-add-keypoint", move |document| {
        push_keypoint(document, id, pair, a);
    });
}

/// Adds a keypoint with the next number as its name.
pub fn push_keypoint(document: &mut Document, id: ViewId, pair: [PictureId; 2], a: [f64; 2]) {
    let points = &mut document.settings_mut(id).matches.keypoints;
    let number = points.iter().filter(|point| point.pair == pair).count() + 1;
    points.push(Keypoint {
        pair,
        a,
        b: None,
        name: number.to_string(),
    });
}

/// The gesture that places a keypoint.
pub fn places(gesture: &Gesture) -> Option<[f64; 2]> {
    match gesture {
        Gesture::Click {
            at,
            negative: false,
        } => Some(*at),
        _ => None,
    }
}

/// The middle of a point's pixel on the screen.
pub fn on_screen(shown: &Shown, [x, y]: [f64; 2]) -> Pos2 {
    let at = shown.frame.transform.to_screen(x as f32, y as f32);
    pos2(at.x, at.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(similarity: f32, second: f32, mutual: bool, cycle: f32, x: f32) -> Correspondence {
        Correspondence {
            a: 0,
            b: 0,
            a_px: [x, 0.0],
            b_px: [0.0, 0.0],
            similarity,
            second,
            mutual,
            cycle_error_px: cycle,
        }
    }

    #[test]
    fn each_filter_drops_what_it_names() {
        let all = MatchSettings {
            mutual: false,
            max_cycle_px: None,
            ..MatchSettings::default()
        };
        let good = pair(0.9, 0.5, true, 1.0, 0.0);
        assert!(keeps(&all, &good));
        let one_way = pair(0.9, 0.5, false, 1.0, 0.0);
        assert!(!keeps(
            &MatchSettings {
                mutual: true,
                ..all.clone()
            },
            &one_way
        ));
        let far = pair(0.9, 0.5, true, 9.0, 0.0);
        assert!(!keeps(
            &MatchSettings {
                max_cycle_px: Some(8.0),
                ..all.clone()
            },
            &far
        ));
        let unclear = pair(0.9, 0.89, true, 1.0, 0.0);
        assert!(!keeps(
            &MatchSettings {
                max_ratio: Some(0.9),
                ..all.clone()
            },
            &unclear
        ));
        assert!(!keeps(
            &MatchSettings {
                min_cosine: Some(0.95),
                ..all
            },
            &good
        ));
    }

    #[test]
    fn shown_pairs_are_apart_and_the_best_come_first() {
        let pairs = vec![
            pair(0.5, 0.1, true, 0.0, 0.0),
            pair(0.9, 0.1, true, 0.0, 10.0),
            pair(0.7, 0.1, true, 0.0, 100.0),
        ];
        let kept = thin(pairs, 48.0);
        let cosines: Vec<f32> = kept.pairs.iter().map(|pair| pair.similarity).collect();
        assert_eq!(cosines, [0.9, 0.7, 0.5]);
        assert_eq!(kept.shown.len(), 2);
        let all = thin(kept.pairs.to_vec(), 0.0);
        assert_eq!(all.shown.len(), 3);
    }
}
