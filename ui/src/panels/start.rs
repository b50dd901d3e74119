//! What is seen before anything is open: what the program does, on live pictures, and the ways to begin.

use egui::{Rect, RichText, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

mod cards;
mod live;

use super::menu;
use crate::commands::Command;
use crate::cx::{Cx, Request};
use crate::document::{Library, PictureId, Shared, ViewKind};
use crate::icons;
use crate::samples::{self, ALL, Sample};
use crate::session::Painting;
use crate::text::{Text, tr};
use crate::theme;
use crate::widgets::{Button, EmptyState, KeyCap, paint};

/// Most width of the page, and the space beside it, in points.
const WIDTH: f32 = 1080.0;
const MARGIN: f32 = 24.0;
/// Space between two parts of the page.
const GAP: f32 = 26.0;
/// Height of a sample.
const SAMPLE: f32 = 124.0;
/// A page narrower than this has one card in a row.
const NARROW: f32 = 720.0;

/// What the page keeps between frames.
#[derive(Debug, Default)]
pub struct State {
    /// The samples' numbers in the library that they were looked up in.
    known: Option<(Shared<Library>, [Option<PictureId>; 4])>,
    /// Drawings of the three cards, then of the samples.
    paintings: [Option<Painting>; 3 + ALL.len()],
    live: live::State,
}

/// Draws the page.
pub fn start_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let samples = find_samples(cx);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let room = ui.available_size();
        let width = WIDTH.min(room.x - 2.0 * MARGIN).max(240.0);
        let id = ui.make_persistent_id("start-height");
        // In the middle of the window: by the height of the frame before.
        let height: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(640.0);
        ui.add_space(((room.y - height) * 0.5).max(20.0));
        let left = (room.x - width) * 0.5;
        let page = ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(left.max(0.0));
            ui.vertical(|ui| {
                ui.set_width(width);
                page_ui(ui, cx, &samples);
            });
        });
        let height = page.response.rect.height();
        ui.data_mut(|data| data.insert_temp(id, height));
        ui.add_space(20.0);
    });
}

/// What the workspace of comparisons shows before there is one.
pub fn compare_start_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let selected = cx.state.presentation.selected.first().copied();
    let picture = selected.or_else(|| cx.document.library.iter().next().map(|(id, _)| id));
    let empty = EmptyState::new(icons::COLUMNS, tr(ui, "compare-empty"));
    let (label, icon) = match picture {
        Some(_) => ("compare-begin", icons::PLUS),
        None => ("library-open", icons::FOLDER_OPEN),
    };
    if empty.button(tr(ui, label), Some(icon)).show(ui) {
        match picture {
            Some(picture) => cx
                .todo
                .requests
                .push_back(Request::Show(ViewKind::Compare, picture)),
            None => cx.run(Command::OpenPictures),
        }
    }
}

fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>, samples: &[Option<PictureId>; 4]) {
    ui.spacing_mut().item_spacing.y = 0.0;
    head_ui(ui, cx, samples[0]);
    ui.add_space(GAP);
    cards::cards_ui(ui, cx, samples);
    ui.add_space(GAP);
    samples_ui(ui, cx, samples);
    ui.add_space(GAP);
    drop_ui(ui, cx);
}

/// The samples in the library, in their order, looked up anew when it has changed.
pub(super) fn find_samples(cx: &mut Cx<'_>) -> [Option<PictureId>; 4] {
    if let Some((library, found)) = &cx.state.start_page.known
        && library.is_same(&cx.document.library)
    {
        return *found;
    }
    let folder = samples::folder(&cx.session.folders.data);
    let mut found = [None; 4];
    for (id, entry) in cx
        .document
        .library
        .iter()
        .filter(|(_, entry)| entry.path.parent() == Some(&folder))
    {
        let place = ALL.iter().position(|sample| {
            entry
                .path
                .file_name()
                .is_some_and(|name| name == sample.file)
        });
        if let Some(place) = place {
            found[place] = Some(id);
        }
    }
    cx.state.start_page.known = Some((cx.document.library.clone(), found));
    found
}

/// Headline, and the two ways to begin.
fn head_ui(ui: &mut Ui, cx: &mut Cx<'_>, cat: Option<PictureId>) {
    let palette = theme::palette(ui);
    let words = |ui: &mut Ui| {
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            ui.label(
                RichText::from(tr(ui, "start-title"))
                    .text_style(theme::display())
                    .color(palette.text_0),
            );
            ui.label(
                RichText::from(tr(ui, "start-subtitle"))
                    .size(15.0)
                    .color(palette.text_2),
            );
        });
    };
    if ui.available_width() < NARROW {
        words(ui);
        ui.add_space(12.0);
        ui.horizontal(|ui| begin_ui(ui, cx, cat));
        return;
    }
    let top = ui.cursor().top();
    let row = ui.horizontal_top(|ui| {
        words(ui);
        let room = ui.available_size();
        ui.allocate_space(vec2(room.x, 0.0));
    });
    let bottom = row.response.rect.bottom().max(top + 62.0);
    let place = Rect::from_min_max(
        pos2(ui.max_rect().left(), bottom - 36.0),
        pos2(ui.max_rect().right(), bottom),
    );
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("begin")
            .max_rect(place)
            .layout(layout),
    );
    begin_ui(&mut child, cx, cat);
    ui.advance_cursor_after_rect(row.response.rect.with_max_y(bottom));
}

fn begin_ui(ui: &mut Ui, cx: &mut Cx<'_>, cat: Option<PictureId>) {
    ui.spacing_mut().item_spacing.x = 8.0;
    let lesson = Button::new(tr(ui, "start-lesson"))
        .icon(icons::GRADUATION_CAP)
        .large()
        .primary();
    if ui.add(lesson).clicked() {
        super::lesson::begin(cx, cat);
    }
    let open = Button::new(tr(ui, "library-open"))
        .icon(icons::FOLDER_OPEN)
        .large();
    if ui
        .add(super::with_key(ui, open, cx, Command::OpenPictures).show_key())
        .clicked()
    {
        cx.run(Command::OpenPictures);
    }
}

fn samples_ui(ui: &mut Ui, cx: &mut Cx<'_>, samples: &[Option<PictureId>; 4]) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let title = RichText::from(tr(ui, "start-samples"))
            .text_style(theme::strong())
            .size(14.0);
        ui.label(title.color(palette.text_0));
        ui.label(RichText::from(tr(ui, "start-samples-help")).color(palette.text_2));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            model_ui(ui, cx);
        });
    });
    ui.add_space(10.0);
    let shown: Vec<(usize, PictureId)> = samples
        .iter()
        .enumerate()
        .filter_map(|(at, id)| Some((at, (*id)?)))
        .collect();
    if shown.is_empty() {
        ui.label(RichText::from(tr(ui, "start-no-samples")).color(palette.text_2));
        return;
    }
    let columns = if ui.available_width() < NARROW {
        2
    } else {
        ALL.len()
    };
    let width = (ui.available_width() - 14.0 * (columns - 1) as f32) / columns as f32;
    egui::Grid::new("samples")
        .num_columns(columns)
        .spacing(vec2(14.0, 14.0))
        .show(ui, |ui| {
            for (place, &(sample, id)) in shown.iter().enumerate() {
                sample_ui(ui, cx, (&ALL[sample], sample, id), width);
                if (place + 1) % columns == 0 {
                    ui.end_row();
                }
            }
        });
}

/// One sample: a click opens it.
fn sample_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (sample, place, id): (&Sample, usize, PictureId),
    width: f32,
) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, SAMPLE + 42.0), Sense::click());
    let (title, hint) = (tr(ui, sample.title), tr(ui, sample.hint));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &*title));
    let picture = rect.with_max_y(rect.top() + SAMPLE);
    live::photo(ui, cx, (id, 3 + place), picture);
    let palette = theme::palette(ui);
    if response.hovered() {
        let stroke = Stroke::new(2.0, palette.line_strong);
        ui.painter()
            .rect_stroke(picture.expand(1.0), 5.0, stroke, egui::StrokeKind::Outside);
    }
    paint::focus_ring_at(ui, &response, picture, theme::RADIUS[0]);
    let lines = Rect::from_min_max(pos2(rect.left(), picture.bottom() + 6.0), rect.max);
    let (upper, lower) = lines.split_top_bottom_at_fraction(0.5);
    let name = paint::line_of_text(ui.painter(), &title, paint::body(), palette.text_0, width);
    paint::text_in(ui.painter(), upper, rect.left(), name);
    let hint = paint::line_of_text(ui.painter(), &hint, paint::small(), palette.text_2, width);
    paint::text_in(ui.painter(), lower, rect.left(), hint);
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand);
    if response.clicked() {
        cx.todo.requests.push_back(Request::Look(id));
    }
}

/// Whether the model is ready, and honestly what it has learned.
fn model_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let palette = theme::palette(ui);
    let session = &mut *cx.session;
    let model = &cx.document.model;
    let opened = session.models.ask(model, &session.runner);
    let (ready, failed) = (opened.ready().is_some(), opened.failure().is_some());
    let untrained = session.models.is_untrained(model);
    let built_in = model == dinoscope_engine::model::BUILTIN;
    let (icon, color, id) = match (failed, ready) {
        (true, _) => (icons::X_CIRCLE, palette.error, "start-model-failed"),
        (_, false) => (icons::CIRCLE_DASHED, palette.text_2, "start-model-loading"),
        (_, true) if untrained => (icons::INFO, palette.info, "start-model-untrained"),
        (_, true) if built_in => (icons::CHECK_CIRCLE, palette.ok, "models-built-in-ready"),
        (_, true) => (icons::CHECK_CIRCLE, palette.ok, "start-model-ready"),
    };
    ui.spacing_mut().item_spacing.x = 6.0;
    ui.label(RichText::from(tr(ui, id)).small().color(palette.text_2));
    let (rect, _) = ui.allocate_exact_size(vec2(15.0, 15.0), Sense::hover());
    paint::icon_filled(ui.painter(), rect.center(), icon, 15.0, color);
}

/// That anything can be dropped anywhere, and where more models and old work are.
fn drop_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    dashed(ui, rect);
    let inside = rect.shrink2(vec2(18.0, 0.0));
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("drop")
            .max_rect(inside)
            .layout(layout),
    );
    let ui = &mut child;
    ui.spacing_mut().item_spacing.x = 12.0;
    let recent = ui.add(Button::new(tr(ui, "start-recent")).icon(icons::CLOCK));
    menu::below(&recent, |ui| recent_ui(ui, cx));
    if ui
        .add(Button::new(tr(ui, "models-get-larger")).icon(icons::CUBE))
        .clicked()
    {
        cx.run(Command::Models);
    }
    let right = ui.min_rect().left() - 12.0;
    words_ui(
        ui,
        cx,
        Rect::from_min_max(inside.min, pos2(right, inside.bottom())),
    );
}

fn words_ui(ui: &mut Ui, cx: &Cx<'_>, room: Rect) {
    let palette = theme::palette(ui);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut child = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("drop-words")
            .max_rect(room)
            .layout(layout),
    );
    let ui = &mut child;
    ui.spacing_mut().item_spacing.x = 6.0;
    let (icon, _) = ui.allocate_exact_size(vec2(28.0, 28.0), Sense::hover());
    paint::icon(
        ui.painter(),
        icon.left_center() + vec2(11.0, 0.0),
        icons::IMAGES,
        22.0,
        palette.text_2,
    );
    ui.add(
        egui::Label::new(RichText::from(tr(ui, "app-drop-here")).color(palette.text_1)).truncate(),
    );
    let keys = super::key_of(ui, cx, Command::PastePicture);
    if ui.available_width() > 180.0 && !keys.is_empty() {
        ui.label(RichText::from(tr(ui, "start-paste")).color(palette.text_2));
        ui.add(KeyCap::new(keys));
    }
}

fn dashed(ui: &Ui, rect: Rect) {
    let rect = rect.shrink(0.5);
    let stroke = Stroke::new(1.0, theme::palette(ui).line_strong);
    let corners = [
        rect.left_top(),
        rect.right_top(),
        rect.right_bottom(),
        rect.left_bottom(),
        rect.left_top(),
    ];
    ui.painter()
        .extend(egui::Shape::dashed_line(&corners, stroke, 4.0, 3.0));
}

/// Projects, folders and pictures of before.
fn recent_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let recent = super::recent(cx);
    if recent.is_empty() {
        menu::item_if(ui, false, None, &tr(ui, "start-nothing-recent"), "");
    }
    for (icon, path) in recent {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let text = Text::from(name.unwrap_or_else(|| path.display().to_string()));
        if menu::item(ui, Some(icon), &text, "") {
            cx.todo.requests.push_back(Request::Open(vec![path]));
        }
    }
}
