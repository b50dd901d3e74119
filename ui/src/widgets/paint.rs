//! What several controls draw: texts, icons, frames, the focus ring.

use std::sync::Arc;

use egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, Response, Stroke,
    StrokeKind, Ui, pos2, text::LayoutJob,
};

use crate::{
    fonts,
    theme::{self, ON_PICTURE, Palette, RADIUS},
};

/// The font of body text, 13.
pub fn body() -> FontId {
    FontId::proportional(13.0)
}

/// The font of help lines and segments, 12.
pub fn small() -> FontId {
    FontId::proportional(12.0)
}

/// The font of badges and key caps, 11.
pub fn tiny() -> FontId {
    FontId::proportional(11.0)
}

/// The font of values, 12.
pub fn mono() -> FontId {
    FontId::monospace(12.0)
}

/// The semibold font of section titles, 13.
pub fn strong() -> FontId {
    FontId::new(13.0, fonts::semibold())
}

/// Draws the ring of keyboard focus: 2 wide, 2 outside of the control. Every control of ours calls it last.
pub fn focus_ring(ui: &Ui, response: &Response) {
    focus_ring_at(ui, response, response.rect, RADIUS[1]);
}

/// As [`focus_ring`], around a part of the control.
pub fn focus_ring_at(ui: &Ui, response: &Response, rect: Rect, radius: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, theme::palette(ui).accent);
        let radius = CornerRadius::same(radius + 3);
        ui.painter()
            .rect_stroke(rect.expand(2.0), radius, stroke, StrokeKind::Outside);
    }
}

/// A text in one line, cut with an ellipsis where it is wider than `max_width`.
pub fn line_of_text(
    painter: &Painter,
    text: &str,
    font: FontId,
    color: Color32,
    max_width: f32,
) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(max_width);
    painter.layout_job(job)
}

/// Draws a laid-out text, its left side at `x` and its middle at the middle of `rect`. Returns its right side.
pub fn text_in(painter: &Painter, rect: Rect, x: f32, galley: Arc<Galley>) -> f32 {
    let size = galley.size();
    let at = pos2(x, rect.center().y - size.y / 2.0);
    painter.galley(at, galley, Color32::PLACEHOLDER);
    x + size.x
}

/// Draws an outlined icon of `size` in the middle of a place.
pub fn icon(painter: &Painter, center: Pos2, icon: &str, size: f32, color: Color32) {
    icon_of(
        painter,
        center,
        icon,
        FontId::new(size, fonts::icons()),
        color,
    );
}

/// Draws a filled icon: for states only.
pub fn icon_filled(painter: &Painter, center: Pos2, icon: &str, size: f32, color: Color32) {
    icon_of(
        painter,
        center,
        icon,
        FontId::new(size, fonts::fill()),
        color,
    );
}

fn icon_of(painter: &Painter, center: Pos2, icon: &str, font: FontId, color: Color32) {
    painter.text(center, Align2::CENTER_CENTER, icon, font, color);
}

/// Draws a line of 1 or 2 on a picture, with the dark line beneath that makes it show everywhere.
pub fn line_on_picture(painter: &Painter, points: [Pos2; 2], width: f32) {
    painter.line_segment(points, Stroke::new(width + 2.0, ON_PICTURE.halo));
    painter.line_segment(points, Stroke::new(width, ON_PICTURE.line));
}

/// Draws an outline on a picture, as [`line_on_picture`].
pub fn rect_on_picture(painter: &Painter, rect: Rect, width: f32) {
    for (width, color) in [(width + 2.0, ON_PICTURE.halo), (width, ON_PICTURE.line)] {
        let stroke = Stroke::new(width, color);
        painter.rect_stroke(rect, 0.0, stroke, StrokeKind::Middle);
    }
}

/// Where a value lies in a range, 0 to 1; 0 where one of them is no number.
pub(super) fn place_in(range: &std::ops::RangeInclusive<f32>, value: f32) -> f32 {
    let place = (value - range.start()) / (range.end() - range.start());
    if place.is_finite() {
        place.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Colors of a control that is pressed, hovered, on or idle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) fill: Color32,
    pub(super) line: Color32,
    pub(super) text: Color32,
}

/// The look of a framed control.
pub(super) fn framed(palette: &Palette, response: &Response, enabled: bool) -> Look {
    if !enabled {
        return Look {
            fill: Color32::TRANSPARENT,
            line: palette.line,
            text: palette.text_3,
        };
    }
    let (fill, line, text) = if response.is_pointer_button_down_on() {
        (palette.active, palette.line_strong, palette.text_0)
    } else if response.hovered() {
        (palette.hover, palette.line_strong, palette.text_0)
    } else {
        (palette.raised, palette.line, palette.text_1)
    };
    Look { fill, line, text }
}

/// Fills and outlines a control.
pub(super) fn frame(painter: &Painter, rect: Rect, radius: u8, look: Look) {
    let stroke = Stroke::new(1.0, look.line);
    let radius = CornerRadius::same(radius);
    painter.rect(rect, radius, look.fill, stroke, StrokeKind::Inside);
}
