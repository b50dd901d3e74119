//! The lesson: five steps, each of which sees by itself whether it was done.
//!
//! It stands in a strip of its own at the bottom of the views, so that it never covers what it tells about.

use egui::{Align2, FontId, Frame, Margin, Panel, Rect, RichText, Ui, pos2, vec2};

use super::start::find_samples;
use crate::commands::Command;
use crate::cx::{Cx, Request};
use crate::document::{PictureId, Sign, View, ViewKind};
use crate::fonts;
use crate::icons;
use crate::samples;
use crate::text::{Text, tr, tr_with};
use crate::theme;
use crate::widgets::{Button, paint};

/// Height of the strip, in points.
const HEIGHT: f32 = 104.0;
/// Distance of the pointer from the middle of an eye that still counts, in pixels of the photograph.
const EYE_PX: f64 = 32.0;

/// A step, in the order of the lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Point,
    Pin,
    NotLike,
    Another,
    Parts,
}

impl Step {
    const ALL: [Self; 5] = [
        Self::Point,
        Self::Pin,
        Self::NotLike,
        Self::Another,
        Self::Parts,
    ];

    /// Messages: title, what to do, what to see.
    fn messages(self) -> [&'static str; 3] {
        match self {
            Self::Point => ["lesson-point", "lesson-point-do", "lesson-point-see"],
            Self::Pin => ["lesson-pin", "lesson-pin-do", "lesson-pin-see"],
            Self::NotLike => ["lesson-not", "lesson-not-do", "lesson-not-see"],
            Self::Another => ["lesson-another", "lesson-another-do", "lesson-another-see"],
            Self::Parts => ["lesson-parts", "lesson-parts-do", "lesson-parts-see"],
        }
    }

    /// Whether the document or the pointer show that it was done.
    fn is_done(self, cx: &Cx<'_>) -> bool {
        let document = cx.document;
        let views = || document.views.iter();
        let has = |wanted: Sign| {
            let pins = views().flat_map(|(&id, _)| &document.settings(id).query.pins);
            pins.filter(|pin| pin.enabled).any(|pin| pin.sign == wanted)
        };
        match self {
            Self::Point => points_at_an_eye(cx),
            Self::Pin => has(Sign::Positive),
            Self::NotLike => has(Sign::Positive) && has(Sign::Negative),
            Self::Another => {
                let first = views().find_map(|(_, view)| view.picture());
                views().any(|(_, view)| view.picture() != first)
            }
            Self::Parts => views().any(|(_, view)| view.kind == ViewKind::Pca),
        }
    }
}

/// Whether the pointer is at an eye of the cat; on another picture, anywhere.
fn points_at_an_eye(cx: &Cx<'_>) -> bool {
    let Some(pointer) = cx.state.pointer else {
        return false;
    };
    if cx.document.library.name(pointer.picture) != samples::CAT {
        return true;
    }
    let near = |[x, y]: [f64; 2]| (pointer.at[0] - x).hypot(pointer.at[1] - y) <= EYE_PX;
    samples::CAT_EYES.into_iter().any(near)
}

/// What the lesson keeps between frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Steps that were done: the pointer moves on, and what it did still counts.
    done: [bool; Step::ALL.len()],
}

/// Begins with the first step, on the cat.
pub fn begin(cx: &mut Cx<'_>, cat: Option<PictureId>) {
    cx.state.lesson_steps = State::default();
    if let Some(cat) = cat.or_else(|| find_samples(cx)[0]) {
        cx.todo.requests.push_back(Request::Look(cat));
    }
    cx.run(Command::Lesson);
}

/// Takes a strip from the bottom of `ui` while the lesson is open.
pub fn lesson_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(at) = cx.state.lesson else {
        return;
    };
    for (step, done) in Step::ALL.into_iter().zip(cx.state.lesson_steps.done) {
        if !done && step.is_done(cx) && Step::ALL.get(at) == Some(&step) {
            cx.state.lesson_steps.done[at] = true;
        }
    }
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.raised)
        .inner_margin(Margin::symmetric(16, 10));
    Panel::bottom("lesson")
        .exact_size(HEIGHT)
        .frame(frame)
        .show(ui, |ui| match Step::ALL.get(at) {
            Some(&step) => step_ui(ui, cx, (at, step)),
            None => end_ui(ui, cx),
        });
}

fn step_ui(ui: &mut Ui, cx: &mut Cx<'_>, (at, step): (usize, Step)) {
    let done = cx.state.lesson_steps.done[at];
    let [title, task, result] = step.messages();
    let room = ui.max_rect();
    let right = buttons_ui(ui, cx, room, |ui, cx| {
        step_buttons_ui(ui, cx, (at, step), done);
    });
    let left = number_ui(ui, room, at, done);
    let text = Rect::from_min_max(
        pos2(left + 14.0, room.top()),
        pos2(right - 16.0, room.bottom()),
    );
    let count = Step::ALL.len();
    let title = tr(ui, title);
    let numbers = [("number", (at + 1).into()), ("count", count.into())];
    let heading = tr_with(ui, "lesson-step", &numbers);
    let result_id = if done { result } else { task };
    let other = if done { task } else { result };
    texts_ui(
        ui,
        text,
        &title,
        &heading,
        [&tr(ui, result_id), &tr(ui, other)],
    );
}

/// Number of the step in its circle; a check once it was done. Returns its right side.
fn number_ui(ui: &Ui, room: Rect, at: usize, done: bool) -> f32 {
    let palette = theme::palette(ui);
    let center = pos2(room.left() + 16.0, room.top() + 16.0);
    if done {
        paint::icon_filled(ui.painter(), center, icons::CHECK_CIRCLE, 32.0, palette.ok);
    } else {
        ui.painter().circle_filled(center, 15.0, palette.accent_bg);
        let font = FontId::new(14.0, fonts::semibold());
        let number = (at + 1).to_string();
        ui.painter()
            .text(center, Align2::CENTER_CENTER, number, font, palette.accent);
    }
    for step in 0..Step::ALL.len() {
        let dot = pos2(room.left() + 2.0 + step as f32 * 7.0, room.top() + 42.0);
        let color = if step == at {
            palette.accent
        } else {
            palette.active
        };
        ui.painter().circle_filled(dot, 2.5, color);
    }
    room.left() + 34.0
}

/// Title with the number of the step, then two sentences.
fn texts_ui(ui: &mut Ui, room: Rect, title: &Text, step: &Text, sentences: [&Text; 2]) {
    let palette = theme::palette(ui);
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt("lesson-text").max_rect(room));
    child.spacing_mut().item_spacing = vec2(8.0, 3.0);
    child.horizontal(|ui| {
        let title = RichText::new(&**title)
            .text_style(theme::strong())
            .size(14.0);
        ui.label(title.color(palette.text_0));
        ui.label(RichText::new(&**step).small().color(palette.text_2));
    });
    // Long sentences in a narrow window scroll rather than being cut.
    egui::ScrollArea::vertical()
        .min_scrolled_height(0.0)
        .show(&mut child, |ui| {
            let [first, second] = sentences;
            ui.add(egui::Label::new(RichText::new(&**first).color(palette.text_1)).wrap());
            let second = RichText::new(&**second).small().color(palette.text_2);
            ui.add(egui::Label::new(second).wrap());
        });
}

/// Buttons at the right end; returns their left side.
fn buttons_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    room: Rect,
    content: impl FnOnce(&mut Ui, &mut Cx<'_>),
) -> f32 {
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("lesson-buttons")
            .max_rect(room)
            .layout(layout),
    );
    child.spacing_mut().item_spacing.x = 8.0;
    let leave = Button::icon_only(icons::X, tr(&child, "lesson-leave"));
    if child.add(leave).clicked() {
        cx.state.lesson = None;
    }
    content(&mut child, cx);
    child.min_rect().left()
}

fn step_buttons_ui(ui: &mut Ui, cx: &mut Cx<'_>, (at, step): (usize, Step), done: bool) {
    let next = Button::new(tr(ui, "app-next"));
    let next = if done { next.primary() } else { next };
    let next = if done {
        next
    } else {
        next.help(tr(ui, "lesson-skip"))
    };
    if ui.add(next).clicked() {
        cx.state.lesson = Some(at + 1);
    }
    if at > 0 && ui.add(Button::new(tr(ui, "app-back")).ghost()).clicked() {
        cx.state.lesson = Some(at - 1);
    }
    if !done {
        help_ui(ui, cx, step);
    }
}

/// A button that does the part of a step that is not its point.
fn help_ui(ui: &mut Ui, cx: &mut Cx<'_>, step: Step) {
    let shown = cx.active().and_then(|(_, view)| View::picture(view));
    let (id, request) = match step {
        Step::Point | Step::Pin | Step::NotLike => {
            let open = cx.document.views.is_empty();
            let cat = find_samples(cx)[0].filter(|_| open);
            ("lesson-open-cat", cat.map(Request::Look))
        }
        Step::Another => {
            let [cat, _, astronaut, _] = find_samples(cx);
            let other = astronaut.filter(|&other| Some(other) != shown);
            ("lesson-open-another", other.or(cat).map(Request::Beside))
        }
        Step::Parts => (
            "lesson-open-parts",
            shown.map(|picture| Request::Show(ViewKind::Pca, picture)),
        ),
    };
    if let Some(request) = request
        && ui.add(Button::new(tr(ui, id))).clicked()
    {
        cx.todo.requests.push_back(request);
    }
}

/// Where to go from here.
fn end_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let room = ui.max_rect();
    let right = buttons_ui(ui, cx, room, |ui, cx| {
        let finish = Button::new(tr(ui, "lesson-finish")).primary();
        if ui.add(finish).clicked() {
            cx.state.lesson = None;
            cx.preferences.lesson_done = true;
        }
        let experiments = Button::new(tr(ui, "lesson-experiments")).icon(icons::BOOK_OPEN);
        if ui.add(experiments).clicked() {
            let page = Request::Help("lesson".to_owned());
            cx.todo.requests.push_back(page);
        }
        let models = Button::new(tr(ui, "models-get-larger")).icon(icons::CUBE);
        if room.width() > 620.0 && ui.add(models).clicked() {
            cx.run(Command::Models);
        }
        let again = Button::new(tr(ui, "lesson-again")).ghost();
        if room.width() > 760.0 && ui.add(again).clicked() {
            begin(cx, None);
        }
    });
    let center = pos2(room.left() + 16.0, room.top() + 16.0);
    let palette = theme::palette(ui);
    paint::icon(
        ui.painter(),
        center,
        icons::GRADUATION_CAP,
        28.0,
        palette.accent,
    );
    let text = Rect::from_min_max(
        pos2(room.left() + 48.0, room.top()),
        pos2(right - 16.0, room.bottom()),
    );
    let model = &cx.document.model;
    let honest = if cx.session.models.is_untrained(model) {
        "lesson-end-untrained"
    } else {
        "lesson-end-trained"
    };
    texts_ui(
        ui,
        text,
        &tr(ui, "lesson-end"),
        &Text::default(),
        [&tr(ui, "lesson-end-more"), &tr(ui, honest)],
    );
}
