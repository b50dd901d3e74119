//! The three cards: point, click to keep, open another. Their maps are real and follow the pointer.

use egui::{
    Align2, CornerRadius, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::{NARROW, live};
use crate::cx::Cx;
use crate::document::PictureId;
use crate::fonts;
use crate::text::tr;
use crate::theme;
use crate::widgets::paint;

/// Height of a card's picture and of the words below it, in points.
const PICTURE: f32 = 168.0;
const WORDS: f32 = 88.0;
/// Space between two cards.
const GAP: f32 = 16.0;

/// Draws the cards; `samples` are the sample pictures in the library, the cat first.
pub(super) fn cards_ui(ui: &mut Ui, cx: &mut Cx<'_>, samples: &[Option<PictureId>; 4]) {
    let columns = if ui.available_width() < NARROW { 1 } else { 3 };
    let width = (ui.available_width() - GAP * (columns - 1) as f32) / columns as f32;
    let texts = [
        ("start-point", "start-point-help"),
        ("start-pin", "start-pin-help"),
        ("start-another", "start-another-help"),
    ];
    let rows = texts.len().div_ceil(columns);
    let height = rows as f32 * (PICTURE + WORDS + GAP) - GAP;
    let (all, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    for (place, text) in texts.into_iter().enumerate() {
        let (row, column) = (place / columns, place % columns);
        let corner = vec2(
            column as f32 * (width + GAP),
            row as f32 * (PICTURE + WORDS + GAP),
        );
        let rect = Rect::from_min_size(all.min + corner, vec2(width, PICTURE + WORDS));
        card_ui(ui, cx, (place, text), rect, samples);
    }
}

fn card_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (place, (title, help)): (usize, (&str, &str)),
    rect: Rect,
    samples: &[Option<PictureId>; 4],
) {
    let palette = theme::palette(ui);
    let radius = theme::RADIUS[2];
    ui.painter().rect_filled(rect, radius, palette.raised);
    let picture = rect.with_max_y(rect.top() + PICTURE);
    let top = CornerRadius {
        nw: radius,
        ne: radius,
        sw: 0,
        se: 0,
    };
    ui.painter().rect_filled(picture, top, palette.canvas);
    let response = ui.interact(
        picture,
        ui.scope_id().with(("start-card", place)),
        Sense::click(),
    );
    let (title, help) = (tr(ui, title), tr(ui, help));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{title}: {help}")));
    match place {
        0 => live::point(ui, cx, samples[0], &response),
        1 => live::pin(ui, cx, samples[0], &response),
        _ => live::another(ui, cx, samples, &response),
    }
    paint::focus_ring_at(ui, &response, picture.shrink(3.0), radius);
    let stroke = Stroke::new(1.0, palette.line);
    ui.painter()
        .rect_stroke(rect, radius, stroke, StrokeKind::Inside);
    let center = pos2(rect.left() + 28.0, picture.bottom() + 26.0);
    ui.painter().circle_filled(center, 12.0, palette.accent_bg);
    let number = (place + 1).to_string();
    let font = FontId::new(13.0, fonts::semibold());
    ui.painter()
        .text(center, Align2::CENTER_CENTER, number, font, palette.accent);
    let x = rect.left() + 52.0;
    let room = rect.right() - x - 14.0;
    let font = FontId::new(14.0, fonts::semibold());
    let galley = paint::line_of_text(ui.painter(), &title, font, palette.text_0, room);
    let line = Rect::from_min_size(pos2(x, picture.bottom() + 14.0), vec2(room, 20.0));
    paint::text_in(ui.painter(), line, x, galley);
    let galley = ui
        .painter()
        .layout(help.to_string(), paint::body(), palette.text_2, room);
    ui.painter_at(rect)
        .galley(pos2(x, line.bottom() + 2.0), galley, palette.text_2);
}
