//! The command palette: one field that finds commands, pictures, views, models and recent projects.

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Align2, Color32, Frame, Key, Label, Layout, Modifiers, RichText, ScrollArea, Sense,
    TextStyle, Ui, WidgetInfo, vec2,
};

use super::sheet;
use crate::cx::{Cx, Request, Sheet};
use crate::text::{Lang, tr};
use crate::theme;
use crate::widgets::{KeyCap, TextField, paint};

mod found;
mod reasons;

pub use found::Found;
use found::{Entry, Target};

/// Width of the palette, height of a line, and most lines at once.
const WIDTH: f32 = 560.0;
const LINE: f32 = 32.0;
const LINES: f32 = 11.0;
/// Room above the palette.
const TOP: f32 = 56.0;

/// Draws the palette.
pub fn palette_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.panel)
        .stroke(egui::Stroke::new(1.0, palette.line_strong))
        .corner_radius(theme::RADIUS[2])
        .inner_margin(8);
    let place = (Align2::CENTER_TOP, vec2(0.0, TOP));
    sheet::modal_ui(ui, cx, ("palette", place, frame), |ui, cx| {
        let room = ui.ctx().content_rect().width() - 48.0;
        ui.set_width(WIDTH.min(room));
        sheet::name(ui, &tr(ui, "commands-title"));
        if sheet::is_new(ui) {
            cx.state.palette = crate::cx::PaletteState::default();
        }
        let pressed = keys(ui);
        let hint = tr(ui, "commands-hint");
        let field = ui.add(
            TextField::new(&mut cx.state.palette.text, hint).icon(crate::icons::MAGNIFYING_GLASS),
        );
        sheet::first_focus(ui, &field);
        find(ui, cx);
        let walked = walk(cx, pressed);
        let chosen = list_ui(ui, cx, walked);
        if let Some(line) =
            chosen.or_else(|| (pressed == Some(Pressed::Enter)).then_some(cx.state.palette.line))
        {
            take(cx, line);
        }
    });
}

/// Keys that belong to the list although the field has the focus.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pressed {
    Enter,
    Down,
    Up,
    PageDown,
    PageUp,
}

fn keys(ui: &Ui) -> Option<Pressed> {
    let known = [
        (Key::Enter, Pressed::Enter),
        (Key::ArrowDown, Pressed::Down),
        (Key::ArrowUp, Pressed::Up),
        (Key::PageDown, Pressed::PageDown),
        (Key::PageUp, Pressed::PageUp),
    ];
    ui.input_mut(|input| {
        let mut hit = known
            .into_iter()
            .filter(|(key, _)| input.consume_key(Modifiers::NONE, *key));
        hit.next().map(|(_, pressed)| pressed)
    })
}

/// Searches again if text or language changed.
fn find(ui: &Ui, cx: &mut Cx<'_>) {
    let lang: Lang = crate::text::lang(ui);
    let text = cx.state.palette.text.clone();
    let is_old = cx
        .state
        .palette
        .found
        .as_ref()
        .is_none_or(|found| found.lang != lang || found.text != text);
    if is_old {
        let found = Found::new(ui, cx, text, lang);
        cx.state.palette.line = 0;
        cx.state.palette.found = Some(found);
    }
}

/// Moves the chosen line; true if it moved by key.
fn walk(cx: &mut Cx<'_>, pressed: Option<Pressed>) -> bool {
    let state = &mut cx.state.palette;
    let last = state
        .found
        .as_ref()
        .map_or(0, |found| found.entries.len())
        .saturating_sub(1);
    let line = state.line.min(last);
    #[expect(clippy::cast_sign_loss, reason = "a constant above 1")]
    let page = LINES as usize - 1;
    state.line = match pressed {
        Some(Pressed::Down) => {
            if line == last {
                0
            } else {
                line + 1
            }
        }
        Some(Pressed::Up) => line.checked_sub(1).unwrap_or(last),
        Some(Pressed::PageDown) => (line + page).min(last),
        Some(Pressed::PageUp) => line.saturating_sub(page),
        Some(Pressed::Enter) | None => line,
    };
    matches!(pressed, Some(pressed) if pressed != Pressed::Enter)
}

/// Draws the lines; the one that was clicked.
fn list_ui(ui: &mut Ui, cx: &mut Cx<'_>, walked: bool) -> Option<usize> {
    let line = cx.state.palette.line;
    let found = cx.state.palette.found.as_ref()?;
    if found.entries.is_empty() {
        sheet::quiet(ui, &tr(ui, "app-nothing-found"));
        return None;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut scroll = ScrollArea::vertical()
        .id_salt("palette")
        .max_height(LINE * LINES)
        .auto_shrink([false, true]);
    if walked {
        let half = LINE * (LINES / 2.0).floor();
        scroll = scroll.vertical_scroll_offset((line as f32 * LINE - half).max(0.0));
    }
    let mut clicked = None;
    scroll.show_rows(ui, LINE, found.entries.len(), |ui, range| {
        for at in range {
            if line_ui(ui, &found.entries[at], at == line) {
                clicked = Some(at);
            }
        }
    });
    clicked
}

fn line_ui(ui: &mut Ui, entry: &Entry, is_chosen: bool) -> bool {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::click());
    let fill = match (is_chosen, response.hovered()) {
        (true, _) => palette.active,
        (false, true) => palette.hover,
        (false, false) => palette.panel,
    };
    ui.painter().rect_filled(rect, theme::RADIUS[1], fill);
    let is_on = entry.why_not.is_none();
    let (text, icon) = if is_on {
        (palette.text_0, palette.text_1)
    } else {
        (palette.text_3, palette.text_3)
    };
    let inner = rect.shrink2(vec2(10.0, 0.0));
    let mut line = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(inner)
            .layout(Layout::left_to_right(Align::Center)),
    );
    line.label(RichText::new(entry.icon).size(16.0).color(icon));
    line.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if !entry.keys.is_empty() {
            ui.add(KeyCap::new(entry.keys.as_str()));
        }
        let section = RichText::new(&entry.section).small().color(palette.text_2);
        ui.add(Label::new(section).selectable(false));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(
                Label::new(marked(ui, entry, text))
                    .truncate()
                    .selectable(false),
            );
            if let Some(why) = &entry.why_not {
                let why = RichText::new(why).small().color(palette.text_2);
                ui.add(Label::new(why).truncate().selectable(false));
            }
        });
    });
    let spoken = [&entry.name, &entry.section, &entry.keys]
        .into_iter()
        .filter(|part| !part.is_empty());
    let spoken = spoken
        .chain(&entry.why_not)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    response
        .widget_info(|| WidgetInfo::selected(egui::Role::ListBoxOption, is_on, is_chosen, &spoken));
    paint::focus_ring(ui, &response);
    response.clicked()
}

/// The name with the letters that were typed in bold.
fn marked(ui: &Ui, entry: &Entry, color: Color32) -> LayoutJob {
    let plain = TextFormat::simple(TextStyle::Body.resolve(ui.style()), color);
    let bold = TextFormat::simple(theme::strong().resolve(ui.style()), color);
    let mut job = LayoutJob::default();
    for (at, letter) in entry.name.chars().enumerate() {
        let format = if entry.marks.binary_search(&at).is_ok() {
            &bold
        } else {
            &plain
        };
        job.append(letter.encode_utf8(&mut [0; 4]), 0.0, format.clone());
    }
    job
}

/// Does what a line is for and closes the palette; a line that is off does nothing.
fn take(cx: &mut Cx<'_>, line: usize) {
    let found = cx.state.palette.found.as_ref();
    let Some(entry) = found
        .and_then(|found| found.entries.get(line))
        .filter(|entry| entry.why_not.is_none())
    else {
        return;
    };
    let target = entry.target.clone();
    cx.state.sheet = Sheet::None;
    match target {
        Target::Command(command) => cx.run(command),
        Target::Picture(picture) => cx.todo.requests.push_back(Request::Look(picture)),
        Target::View(view) => cx.todo.requests.push_back(Request::Activate(view)),
        Target::Model(name) => cx.todo.requests.push_back(Request::UseModel(name)),
        Target::Project(path) => cx.todo.requests.push_back(Request::Open(vec![path])),
    }
}
