//! Similarity maps on the cards of the first start: the same features and the same kernels as in the views.

use std::sync::Arc;

use dinoscope_engine::analysis::Patch;
use dinoscope_engine::analysis::similarity::{mean_query, unit_patches};
use egui::{Color32, Pos2, Rect, Response, Ui, Vec2, vec2};

use crate::canvas::{Transform, marks};
use crate::cx::Cx;
use crate::document::{FeatureSettings, PictureId, ScalarLook, Sign};
use crate::samples;
use crate::session::{Answer, Content, FeatureKey, Painting, Ready};
use crate::theme;
use crate::views::numbers::Cosines;
use crate::widgets::{PinShape, busy_bar, paint_pin};

/// How much closer the second card looks at the cat.
const CLOSER: f32 = 1.25;
/// After so many pins the next one begins anew.
const MOST_PINS: usize = 6;
/// Patches that are outlined in the other picture.
const OUTLINED: usize = 6;

/// What the cards keep between frames.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Where the pointer was on the cat.
    at: Option<[f64; 2]>,
    /// Pins that the user set; two eyes and a cheek before.
    pins: Vec<([f64; 2], Sign)>,
    /// The other picture: steps from the second sample on.
    other: usize,
    cosines: Cosines,
}

impl State {
    fn pins(&self) -> Vec<([f64; 2], Sign)> {
        if self.pins.iter().any(|(_, sign)| *sign == Sign::Positive) {
            return self.pins.clone();
        }
        let [left, right] = samples::CAT_EYES;
        let mut pins = vec![(left, Sign::Positive), (right, Sign::Positive)];
        if self.pins.is_empty() {
            pins.push((samples::CAT_CHEEK, Sign::Negative));
        }
        pins.extend(&self.pins);
        pins
    }

    fn add(&mut self, at: [f64; 2], sign: Sign) {
        if self.pins.len() >= MOST_PINS {
            self.pins.clear();
        }
        self.pins.push((at, sign));
    }
}

/// A picture in a rectangle of the window.
struct Shown {
    transform: Transform,
    /// The part that is seen, in pixels of the picture.
    part: Rect,
    size_px: Vec2,
}

impl Shown {
    fn new(size_px: Vec2, rect: Rect, closer: f32) -> Self {
        let part = part(size_px, rect.size(), closer);
        let zoom = rect.width() / part.width();
        let origin = rect.min - part.min.to_vec2() * zoom;
        Self {
            transform: Transform { origin, zoom },
            part,
            size_px,
        }
    }

    /// The point of the picture under the pointer.
    fn pointed(&self, response: &Response) -> Option<[f64; 2]> {
        let at = self.transform.to_picture(response.hover_pos()?);
        let inside = at.clamp(Pos2::ZERO, (self.size_px - vec2(0.5, 0.5)).to_pos2());
        Some([f64::from(inside.x), f64::from(inside.y)])
    }
}

/// The part of a picture that has the form of `room`: a little above the middle, where faces are.
fn part(size_px: Vec2, room: Vec2, closer: f32) -> Rect {
    let scale = (size_px.x / room.x).min(size_px.y / room.y) / closer;
    let size = room * scale;
    let spare = size_px - size;
    Rect::from_min_size(Pos2::new(spare.x * 0.5, spare.y * 0.3), size)
}

/// The first card: the map of the patch under the pointer.
pub(super) fn point(ui: &Ui, cx: &mut Cx<'_>, cat: Option<PictureId>, response: &Response) {
    let Some((cat, shown)) = open(cx, cat, response.rect, 1.0) else {
        return;
    };
    if let Some(at) = shown.pointed(response) {
        cx.state.start_page.live.at = Some(at);
    }
    let at = cx.state.start_page.live.at.unwrap_or(samples::CAT_EYES[0]);
    let ready = features(ui, cx, cat, response.rect);
    let patch = ready.as_ref().and_then(|ready| patch_at(ready, at));
    let content = ready.as_ref().zip(patch).and_then(|(ready, patch)| {
        let query = unit_patches(&ready.layer.patches, &[patch])
            .ok()?
            .into_iter()
            .next()?;
        Some(map(ready, query.into()))
    });
    paint(
        ui,
        cx,
        (cat, 0),
        &shown,
        response.rect,
        &content.unwrap_or(Content::Photo),
    );
    let painter = ui.painter_at(response.rect);
    let grid = ready.as_ref().map(|ready| &ready.layer.grid);
    marks::crosshair(
        &painter,
        (&shown.transform, response.rect),
        (grid, patch),
        at,
    );
}

/// The second card: pins that stay.
pub(super) fn pin(ui: &Ui, cx: &mut Cx<'_>, cat: Option<PictureId>, response: &Response) {
    let Some((cat, shown)) = open(cx, cat, response.rect, CLOSER) else {
        return;
    };
    if let Some(at) = shown.pointed(response) {
        let shift = ui.input(|input| input.modifiers.shift);
        if response.clicked() {
            let sign = if shift {
                Sign::Negative
            } else {
                Sign::Positive
            };
            cx.state.start_page.live.add(at, sign);
        } else if response.secondary_clicked() {
            cx.state.start_page.live.add(at, Sign::Negative);
        }
    }
    let ready = features(ui, cx, cat, response.rect);
    let pins = cx.state.start_page.live.pins();
    let content = ready
        .as_ref()
        .and_then(|ready| Some(map(ready, query(ready, &pins)?)));
    paint(
        ui,
        cx,
        (cat, 1),
        &shown,
        response.rect,
        &content.unwrap_or(Content::Photo),
    );
    let painter = ui.painter_at(response.rect);
    for ([x, y], sign) in pins {
        let shape = match sign {
            Sign::Positive => PinShape::Positive,
            Sign::Negative => PinShape::Negative,
        };
        paint_pin(
            &painter,
            shown.transform.to_screen(x as f32, y as f32),
            shape,
            1.0,
        );
    }
}

/// The third card: the pins of the second one look for their like in another picture; a click takes the next one.
pub(super) fn another(
    ui: &Ui,
    cx: &mut Cx<'_>,
    samples: &[Option<PictureId>; 4],
    response: &Response,
) {
    if response.clicked() {
        cx.state.start_page.live.other += 1;
    }
    // The astronaut has a face, so she comes before the cup.
    let order = [2, 1, 3];
    let other = samples[order[cx.state.start_page.live.other % order.len()]];
    let Some((other, shown)) = open(cx, other, response.rect, 1.0) else {
        return;
    };
    let here = features(ui, cx, other, response.rect);
    let cat = samples[0].and_then(|cat| ask(cx, cat).ready().cloned());
    let pins = cx.state.start_page.live.pins();
    let found = here.as_ref().zip(cat).and_then(|(here, cat)| {
        let query = query(&cat, &pins)?;
        (query.len() == here.layer.patches.dim()).then_some((here, query))
    });
    let content = found
        .as_ref()
        .map(|(here, query)| map(here, Arc::clone(query)));
    paint(
        ui,
        cx,
        (other, 2),
        &shown,
        response.rect,
        &content.unwrap_or(Content::Photo),
    );
    let Some((here, query)) = found else { return };
    let runner = Arc::clone(&cx.session.runner);
    let cosines = &mut cx.state.start_page.live.cosines;
    let Some(read) = cosines.of(&query, &here.layer.patches, &runner, "start-card") else {
        return;
    };
    let patches: Vec<Patch> = read
        .top(OUTLINED, &[], 0.0)
        .iter()
        .map(|peak| peak.patch)
        .collect();
    let painter = ui.painter_at(response.rect);
    let grid = &here.layer.grid;
    if (read.values.rows, read.values.cols) == (grid.rows, grid.cols) {
        marks::outline(&painter, &shown.transform, grid, &patches);
    }
}

/// A sample as it is.
pub(super) fn photo(ui: &Ui, cx: &mut Cx<'_>, (picture, place): (PictureId, usize), rect: Rect) {
    ui.painter()
        .rect_filled(rect, theme::RADIUS[0], theme::palette(ui).raised);
    if let Some((_, shown)) = open(cx, Some(picture), rect, 1.0) {
        paint(ui, cx, (picture, place), &shown, rect, &Content::Photo);
    }
}

fn map(ready: &Ready, query: Arc<[f32]>) -> Content {
    Content::Query {
        map: ready.layer.patches.clone(),
        query,
        overlay: ScalarLook::default().overlay(),
    }
}

fn patch_at(ready: &Ready, [x, y]: [f64; 2]) -> Option<Patch> {
    let (row, col) = ready.layer.grid.patch_at(x, y)?;
    Some(Patch { row, col })
}

/// The vector `[dim]` that pins ask for.
fn query(ready: &Ready, pins: &[([f64; 2], Sign)]) -> Option<Arc<[f32]>> {
    let vectors = |wanted: Sign| {
        let mine = pins.iter().filter(|(_, sign)| *sign == wanted);
        let patches: Vec<Patch> = mine.filter_map(|(at, _)| patch_at(ready, *at)).collect();
        unit_patches(&ready.layer.patches, &patches).ok()
    };
    let positive = vectors(Sign::Positive).filter(|found| !found.is_empty())?;
    Some(mean_query(&positive, &vectors(Sign::Negative)?, 1.0).into())
}

/// A picture with its place in `rect`, once it is decoded.
fn open(
    cx: &mut Cx<'_>,
    picture: Option<PictureId>,
    rect: Rect,
    closer: f32,
) -> Option<(PictureId, Shown)> {
    let picture = picture?;
    let entry = cx.document.library.get(picture)?;
    let session = &mut *cx.session;
    let opened = session
        .pictures
        .ask(picture, entry, &session.runner)
        .ok()??;
    let (width, height) = opened.size_px();
    Some((
        picture,
        Shown::new(vec2(width as f32, height as f32), rect, closer),
    ))
}

fn ask(cx: &mut Cx<'_>, picture: PictureId) -> Answer {
    let key = FeatureKey::new(picture, &FeatureSettings::default(), &cx.document.model);
    cx.session.features_of(cx.document, &key)
}

/// Features of a picture; while they are made, a line runs over the card.
fn features(ui: &Ui, cx: &mut Cx<'_>, picture: PictureId, rect: Rect) -> Option<Arc<Ready>> {
    let answer = ask(cx, picture);
    if matches!(answer, Answer::Busy(_) | Answer::Waiting) {
        busy_bar(ui, rect);
    }
    answer.ready().cloned()
}

fn paint(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (picture, place): (PictureId, usize),
    shown: &Shown,
    rect: Rect,
    content: &Content,
) {
    if !ui.is_rect_visible(rect) {
        return;
    }
    let Some(Ok(placed)) = cx.session.pictures.placed(picture, &cx.session.display) else {
        return;
    };
    let size = rect.size() * ui.pixels_per_point();
    #[expect(clippy::cast_sign_loss, reason = "a rectangle of the window")]
    let out_px = [size.x, size.y].map(|side| side.round().max(1.0) as u32);
    let view = placed.view(shown.part, out_px);
    let slot = &mut cx.state.start_page.paintings[place];
    // What cannot be drawn stays the empty ground: the views tell why.
    if let Ok(painted) = Painting::draw(slot, &cx.session.display, &placed, content, view) {
        let radius = theme::RADIUS[2];
        let corners = if place < 3 {
            egui::CornerRadius {
                nw: radius,
                ne: radius,
                sw: 0,
                se: 0,
            }
        } else {
            egui::CornerRadius::same(theme::RADIUS[0])
        };
        let shape = egui::epaint::RectShape::filled(rect, corners, Color32::WHITE);
        ui.painter()
            .add(shape.with_texture(painted.texture, painted.uv));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_has_the_form_of_its_room_and_lies_inside() {
        let size = vec2(451.0, 300.0);
        for closer in [1.0, CLOSER] {
            let part = part(size, vec2(349.0, 168.0), closer);
            assert!(
                Rect::from_min_size(Pos2::ZERO, size)
                    .expand(1e-3)
                    .contains_rect(part)
            );
            assert!((part.aspect_ratio() - 349.0 / 168.0).abs() < 1e-3);
        }
    }

    #[test]
    fn the_cats_eyes_and_cheek_are_seen_on_both_cards() {
        for (room, closer) in [
            (vec2(349.0, 168.0), 1.0),
            (vec2(349.0, 168.0), CLOSER),
            (vec2(280.0, 168.0), CLOSER),
        ] {
            let part = part(vec2(451.0, 300.0), room, closer).shrink(4.0);
            for [x, y] in samples::CAT_EYES.into_iter().chain([samples::CAT_CHEEK]) {
                assert!(
                    part.contains(Pos2::new(x as f32, y as f32)),
                    "{x}, {y} in {part:?}"
                );
            }
        }
    }

    #[test]
    fn the_first_own_pin_takes_the_place_of_the_shown_ones() {
        let mut state = State::default();
        assert_eq!(state.pins().len(), 3);
        state.add([1.0, 1.0], Sign::Negative);
        assert_eq!(
            state.pins().len(),
            3,
            "an own negative pin needs something to be against"
        );
        state.add([5.0, 5.0], Sign::Positive);
        assert_eq!(
            state.pins(),
            [([1.0, 1.0], Sign::Negative), ([5.0, 5.0], Sign::Positive)]
        );
        for _ in 0..MOST_PINS {
            state.add([2.0, 2.0], Sign::Positive);
        }
        assert!(state.pins().len() <= MOST_PINS);
    }
}
