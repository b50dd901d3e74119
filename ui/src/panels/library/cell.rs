//! One thumbnail with its name, letter and marks.

use egui::epaint::RectShape;
use egui::{
    Color32, CornerRadius, Id, LayerId, Order, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2,
    vec2,
};

use super::grid::ring;
use crate::cx::Cx;
use crate::document::PictureId;
use crate::icons;
use crate::text::tr;
use crate::theme::{self, ON_PICTURE};
use crate::widgets::paint;

/// What is drawn of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// The picture.
    pub(super) picture: PictureId,
    /// Its letter, while a view shows it.
    pub(super) letter: Option<char>,
    /// Whether its name stands below it.
    pub(super) name: bool,
    /// Whether it is marked.
    pub(super) selected: bool,
    /// Whether the arrow keys are at it.
    pub(super) cursor: bool,
}

/// Draws it into `rect`, its name below; it can be clicked and dragged into views.
pub(super) fn cell_ui(ui: &Ui, cx: &mut Cx<'_>, cell: &Cell, rect: Rect) -> Response {
    let id = Id::unique(("library-picture", cell.picture));
    let target = if cell.name {
        rect.with_max_y(rect.bottom() + 17.0)
    } else {
        rect
    };
    // The list as a whole is one stop of the tab key, so cells take no focus.
    let response = ui.interact(target, id, Sense::CLICK | Sense::DRAG);
    let Some(entry) = cx.document.library.get(cell.picture) else {
        return response;
    };
    let name = entry.name();
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, cell.selected, &name));
    response.dnd_set_drag_payload(cell.picture);
    let session = &mut *cx.session;
    let (texture, failure) = session
        .pictures
        .thumbnail(cell.picture, entry, &session.runner);
    let trouble = failure.map(|failure| failure.message.clone());
    picture(ui, rect, texture);
    if trouble.is_some() {
        badge(
            ui,
            pos2(rect.left() + 4.0, rect.top() + 4.0),
            icons::LINK_BREAK,
        );
    }
    decorate(ui, cell, rect, response.hovered());
    if cell.name {
        let palette = theme::palette(ui);
        let color = if cell.selected || cell.letter.is_some() {
            palette.text_0
        } else {
            palette.text_2
        };
        let galley = paint::line_of_text(ui.painter(), &name, paint::tiny(), color, rect.width());
        let below = Rect::from_min_size(
            rect.left_bottom() + vec2(0.0, 3.0),
            vec2(rect.width(), 14.0),
        );
        paint::text_in(ui.painter(), below, rect.left(), galley);
    }
    if ui.is_being_dragged(id) {
        dragged(ui, id, rect.size(), texture);
    }
    response.on_hover_ui(|ui| {
        ui.label(&name);
        let palette = theme::palette(ui);
        if let Some(folder) = entry.path.parent() {
            ui.label(
                egui::RichText::new(folder.display().to_string())
                    .small()
                    .color(palette.text_2),
            );
        }
        if let Some(trouble) = trouble {
            ui.label(egui::RichText::new(trouble).small().color(palette.error));
        }
        ui.label(
            egui::RichText::from(tr(ui, "library-picture-help"))
                .small()
                .color(palette.text_2),
        );
    })
}

fn picture(ui: &Ui, rect: Rect, texture: Option<egui::TextureId>) {
    let radius = CornerRadius::same(theme::RADIUS[0]);
    if let Some(texture) = texture {
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter()
            .add(RectShape::filled(rect, radius, Color32::WHITE).with_texture(texture, all));
    } else {
        let palette = theme::palette(ui);
        ui.painter().rect_filled(rect, radius, palette.canvas);
        paint::icon(
            ui.painter(),
            rect.center(),
            icons::IMAGE,
            18.0,
            palette.text_3,
        );
    }
}

/// Letter, marks, outline.
fn decorate(ui: &Ui, cell: &Cell, rect: Rect, hovered: bool) {
    let palette = theme::palette(ui);
    if let Some(letter) = cell.letter {
        let place = Rect::from_min_size(
            pos2(rect.right() - 22.0, rect.top() + 4.0),
            vec2(18.0, 18.0),
        );
        ui.painter()
            .rect_filled(place, theme::RADIUS[0], ON_PICTURE.box_fill);
        let mut buffer = [0; 4];
        let letter = letter.encode_utf8(&mut buffer);
        let font = paint::tiny();
        ui.painter().text(
            place.center(),
            egui::Align2::CENTER_CENTER,
            letter,
            font,
            ON_PICTURE.value,
        );
    }
    if cell.selected {
        ring(ui, rect, palette.accent);
    } else if hovered {
        ring(ui, rect, palette.line_strong);
    }
    if cell.cursor {
        ring(ui, rect.expand(3.0), palette.accent);
    }
}

fn badge(ui: &Ui, at: egui::Pos2, icon: &str) {
    let place = Rect::from_min_size(at, vec2(20.0, 20.0));
    ui.painter()
        .rect_filled(place, theme::RADIUS[0], ON_PICTURE.box_fill);
    paint::icon(ui.painter(), place.center(), icon, 14.0, theme::DARK.error);
}

/// The picture under the pointer while it is dragged.
fn dragged(ui: &Ui, id: Id, size: egui::Vec2, texture: Option<egui::TextureId>) {
    let (Some(at), Some(texture)) = (ui.pointer_latest_pos(), texture) else {
        return;
    };
    let layer = LayerId::new(Order::Tooltip, id);
    let rect = Rect::from_min_size(at + vec2(12.0, 12.0), size);
    let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let shape = RectShape::filled(
        rect,
        CornerRadius::same(theme::RADIUS[0]),
        Color32::from_white_alpha(200),
    );
    ui.layer_painter(layer)
        .add(shape.with_texture(texture, all));
}
