//! Rows of thumbnails between the heads of their sections.

use egui::{
    CornerRadius, EventFilter, Id, Key, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use super::cell::{self, Cell};
use super::choose;
use super::index::{Heights, Index, Row, Section};
use crate::cx::Cx;
use crate::document::PictureId;
use crate::icons;
use crate::text::{self, Text, tr, tr_with};
use crate::theme;
use crate::widgets::{Tip, paint, tooltip};

/// Size of a thumbnail, and the space between two, in points.
const CELL: egui::Vec2 = vec2(97.0, 68.0);
const GAP: f32 = 9.0;
/// Height of a name below its thumbnail, with the space above it.
const NAME: f32 = 17.0;

/// Sizes of one layout of the library.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metrics {
    /// Thumbnails in a row.
    pub(super) columns: usize,
    /// Whether names are shown.
    pub(super) names: bool,
    cell: egui::Vec2,
    margin: f32,
    head: f32,
}

impl Metrics {
    /// As many columns as there is room for; thumbnails take up the rest.
    pub(super) fn open(width: f32) -> Self {
        let margin = 12.0;
        let room = (width - 2.0 * margin).max(CELL.x);
        #[expect(clippy::cast_sign_loss, reason = "a width is positive")]
        let columns = (((room + GAP) / (CELL.x + GAP) + 0.05) as usize).max(1);
        let side = (room - GAP * (columns - 1) as f32) / columns as f32;
        Self {
            columns,
            names: true,
            cell: vec2(side, side * CELL.y / CELL.x),
            margin,
            head: 28.0,
        }
    }

    /// One column of small thumbnails without names.
    pub(super) fn folded(width: f32) -> Self {
        let side = width - 16.0;
        Self {
            columns: 1,
            names: false,
            cell: vec2(side, side * CELL.y / CELL.x),
            margin: 8.0,
            head: 28.0,
        }
    }

    /// Heights of a head and of a row of pictures.
    pub(super) fn heights(&self) -> Heights {
        Heights {
            head: self.head,
            pictures: self.cell.y + GAP + if self.names { NAME } else { 0.0 },
        }
    }
}

/// Draws the rows that are in sight.
pub(super) fn rows_ui(ui: &mut Ui, cx: &mut Cx<'_>, index: &Index, metrics: &Metrics) {
    let list = list_ui(ui, cx, index, metrics.columns);
    let spoken = format!("{} {}", tr(ui, "library-pictures"), index.pictures.len());
    let area = ui.available_rect_before_wrap();
    let response = ui.interact(area, list, Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(Role::ListBox, true, &spoken));
    let letters = shown(cx);
    ScrollArea::vertical()
        .auto_shrink(false)
        .show_viewport(ui, |ui, viewport| {
            ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
            ui.set_height(index.height() + 8.0);
            let origin = ui.max_rect().min;
            follow(ui, cx, index);
            for row in index.visible(viewport.top(), viewport.bottom()) {
                let [top, bottom] = index.span(row);
                let min = pos2(origin.x, origin.y + top);
                let rect = Rect::from_min_size(min, vec2(ui.max_rect().width(), bottom - top));
                row_ui(
                    ui,
                    cx,
                    (index, &index.rows[row]),
                    (rect, list),
                    (metrics, &letters),
                );
            }
        });
}

/// Pictures that views show, in the order of their letters.
fn shown(cx: &Cx<'_>) -> Vec<PictureId> {
    let mut shown = Vec::new();
    for &id in cx.document.views.values().flat_map(|view| &view.pictures) {
        if !shown.contains(&id) {
            shown.push(id);
        }
    }
    shown
}

fn letter(shown: &[PictureId], picture: PictureId) -> Option<char> {
    let place = shown.iter().position(|&other| other == picture)?;
    u8::try_from(place)
        .ok()
        .filter(|&place| place < 26)
        .map(|place| char::from(b'A' + place))
}

/// Brings the cursor in sight after a key moved it.
fn follow(ui: &Ui, cx: &mut Cx<'_>, index: &Index) {
    if !std::mem::take(&mut cx.state.library.follow) {
        return;
    }
    let Some(row) = cx
        .state
        .library
        .cursor
        .and_then(|cursor| index.row_of(cursor))
    else {
        return;
    };
    let [top, bottom] = index.span(row);
    let min = ui.max_rect().min + vec2(0.0, top);
    let rect = Rect::from_min_size(min, vec2(1.0, bottom - top));
    ui.scroll_to_rect(rect, None);
}

fn row_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (index, row): (&Index, &Row),
    (rect, list): (Rect, Id),
    (metrics, shown): (&Metrics, &[PictureId]),
) {
    let range = match row {
        Row::Head(section, count) => {
            return head_ui(ui, cx, (section, *count), rect, metrics.names);
        }
        Row::Pictures(range) => range.clone(),
    };
    let focused = ui.memory(|memory| memory.has_focus(list));
    for (column, &picture) in index.pictures[range].iter().enumerate() {
        let x = rect.left() + metrics.margin + column as f32 * (metrics.cell.x + GAP);
        let place = Rect::from_min_size(pos2(x, rect.top() + 2.0), metrics.cell);
        let cell = Cell {
            picture,
            letter: letter(shown, picture),
            name: metrics.names,
            selected: cx.state.presentation.selected.contains(&picture),
            cursor: focused && cx.state.library.cursor == Some(picture),
        };
        let response = cell::cell_ui(ui, cx, &cell, place);
        if response.clicked() || response.drag_started() || response.secondary_clicked() {
            ui.memory_mut(|memory| memory.request_focus(list));
        }
        choose::pressed(ui, cx, index, picture, &response);
    }
}

/// The head of a section: a click folds it.
fn head_ui(ui: &Ui, cx: &mut Cx<'_>, (section, count): (&Section, usize), rect: Rect, words: bool) {
    let folded = cx.state.library.folded.contains(section);
    let name = section_name(ui, section);
    let response = ui.interact(
        rect,
        Id::unique(("library-head", section_key(section))),
        Sense::click(),
    );
    let spoken = format!("{name} {count}");
    response.widget_info(|| WidgetInfo::selected(Role::DisclosureTriangle, true, !folded, &spoken));
    let (palette, painter) = (theme::palette(ui), ui.painter());
    if response.hovered() {
        painter.rect_filled(
            rect.shrink2(vec2(6.0, 1.0)),
            theme::RADIUS[0],
            palette.hover,
        );
    }
    let caret = if folded {
        icons::CARET_RIGHT
    } else {
        icons::CARET_DOWN
    };
    let x = rect.left() + 12.0;
    paint::icon(
        painter,
        pos2(x + 5.0, rect.center().y),
        caret,
        11.0,
        palette.text_2,
    );
    let is_folder = matches!(section, Section::Folder(_));
    let mut x = x + 16.0;
    if is_folder || !words {
        let icon = if is_folder {
            icons::FOLDER_OPEN
        } else {
            icons::IMAGES
        };
        paint::icon(
            painter,
            pos2(x + 7.0, rect.center().y),
            icon,
            14.0,
            palette.text_2,
        );
        x += 20.0;
    }
    if words {
        let right = progress_ui(ui, cx, section, rect);
        let number = text::count(ui, count as u64);
        let number = paint::line_of_text(painter, &number, paint::small(), palette.text_2, 80.0);
        let room = right - x - number.size().x - 14.0;
        let galley = paint::line_of_text(
            painter,
            &name,
            paint::small(),
            palette.text_1,
            room.max(16.0),
        );
        let end = paint::text_in(painter, rect, x, galley);
        paint::text_in(painter, rect, end + 5.0, number);
    }
    paint::focus_ring_at(
        ui,
        &response,
        rect.shrink2(vec2(8.0, 3.0)),
        theme::RADIUS[0],
    );
    let tip = Tip {
        name: Text::from(spoken),
        ..Tip::default()
    };
    if tooltip(response, &tip).clicked() {
        let folds = &mut cx.state.library.folded;
        if !folds.remove(section) {
            folds.insert(section.clone());
        }
    }
}

/// How far a folder is read, at the right; the left side of it.
fn progress_ui(ui: &Ui, cx: &Cx<'_>, section: &Section, rect: Rect) -> f32 {
    let right = rect.right() - 12.0;
    let Section::Folder(folder) = section else {
        return right;
    };
    let Some(&(done, total)) = cx.state.library.reading.get(folder) else {
        return right;
    };
    let done = text::count(ui, done);
    let words = match total {
        Some(total) => {
            let total = text::count(ui, total);
            tr_with(
                ui,
                "library-progress",
                &[("done", done.into()), ("total", total.into())],
            )
        }
        None => Text::from(format!("{done} …")),
    };
    let font = egui::FontId::monospace(11.0);
    let galley = paint::line_of_text(ui.painter(), &words, font, theme::palette(ui).accent, 90.0);
    let x = right - galley.size().x;
    paint::text_in(ui.painter(), rect, x, galley);
    x
}

fn section_name(ui: &Ui, section: &Section) -> Text {
    match section {
        Section::Samples => tr(ui, "library-samples"),
        Section::Single => tr(ui, "library-single"),
        Section::Folder(path) => {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            Text::from(name.unwrap_or_else(|| path.display().to_string()))
        }
    }
}

fn section_key(section: &Section) -> String {
    match section {
        Section::Samples => "samples".to_owned(),
        Section::Single => "single".to_owned(),
        Section::Folder(path) => format!("folder {}", path.display()),
    }
}

/// The list as a whole has the focus; its keys walk over the pictures. Returns its id.
fn list_ui(ui: &Ui, cx: &mut Cx<'_>, index: &Index, columns: usize) -> Id {
    let id = ui.make_persistent_id("library-list");
    if !ui.memory(|memory| memory.has_focus(id)) {
        return id;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    let pressed = |key| ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, key));
    let cursor = cx.state.library.cursor;
    let page = isize::try_from(columns * 6).unwrap_or(isize::MAX);
    let moves = [
        (Key::ArrowLeft, index.step(cursor, -1)),
        (Key::ArrowRight, index.step(cursor, 1)),
        (Key::ArrowUp, index.step_row(cursor, false)),
        (Key::ArrowDown, index.step_row(cursor, true)),
        (Key::PageUp, index.step(cursor, -page)),
        (Key::PageDown, index.step(cursor, page)),
        (Key::Home, index.pictures.first().copied()),
        (Key::End, index.pictures.last().copied()),
    ];
    for (key, to) in moves {
        if pressed(key) {
            choose::walk(cx, index, to, ui.input(|input| input.modifiers.shift));
        }
    }
    choose::keys(ui, cx);
    id
}

/// The ring around a marked thumbnail.
pub(super) fn ring(ui: &Ui, rect: Rect, color: egui::Color32) {
    let stroke = Stroke::new(2.0, color);
    let radius = CornerRadius::same(theme::RADIUS[0] + 2);
    ui.painter()
        .rect_stroke(rect.expand(1.0), radius, stroke, StrokeKind::Outside);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_with_the_width_and_fill_it() {
        for (width, columns) in [(160.0, 1), (228.0, 2), (334.0, 3), (420.0, 3)] {
            let metrics = Metrics::open(width);
            assert_eq!(metrics.columns, columns, "{width}");
            let taken = metrics.cell.x * columns as f32 + GAP * (columns - 1) as f32;
            assert!((taken + 24.0 - width).abs() < 0.01, "{width}: {taken}");
        }
        assert!((Metrics::open(228.0).cell.y - 68.0).abs() < 1.0);
    }

    #[test]
    fn letters_end_with_z() {
        let shown: Vec<PictureId> = (0..30).map(PictureId).collect();
        assert_eq!(letter(&shown, PictureId(0)), Some('A'));
        assert_eq!(letter(&shown, PictureId(25)), Some('Z'));
        assert_eq!(letter(&shown, PictureId(26)), None);
        assert_eq!(letter(&shown, PictureId(99)), None);
    }
}
