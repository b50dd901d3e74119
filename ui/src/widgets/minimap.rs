//! The minimap: the whole picture, and a frame around what the canvas shows of it.

use egui::{
    Color32, CursorIcon, Id, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, TextureId, Ui,
    Vec2, WidgetInfo, pos2,
};

use crate::{
    text::Text,
    theme::{self, ON_PICTURE},
};

use super::paint;

/// Longer side, in points.
const LONG_SIDE: f32 = 132.0;

/// A small picture in a corner of a canvas; shown only where the canvas is zoomed.
#[derive(Debug, Clone)]
#[must_use = "a minimap does nothing until it is shown"]
pub struct Minimap {
    texture: TextureId,
    picture: Vec2,
    seen: Rect,
    name: Text,
}

impl Minimap {
    /// A map of a picture of `picture` pixels in `texture`. `seen` is what the canvas shows of it, in parts of its
    /// sides from 0 to 1; `name` is what is read aloud.
    pub fn new(texture: TextureId, picture: Vec2, seen: Rect, name: impl Into<Text>) -> Self {
        Self {
            texture,
            picture,
            seen,
            name: name.into(),
        }
    }

    /// Its size in points.
    pub fn size(&self) -> Vec2 {
        let long = self.picture.max_elem();
        if long > 0.0 && long.is_finite() {
            (self.picture * (LONG_SIDE / long)).max(Vec2::splat(16.0))
        } else {
            Vec2::splat(LONG_SIDE)
        }
    }

    /// Draws it with its left bottom corner at `corner`. Gives the place in the picture, in parts of its sides, that
    /// the pointer asks to have in the middle.
    pub fn show(self, ui: &Ui, id: Id, corner: Pos2) -> (Response, Option<Pos2>) {
        let size = self.size();
        let rect = Rect::from_min_size(pos2(corner.x, corner.y - size.y), size);
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let response = response.on_hover_and_drag_cursor(CursorIcon::Move);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &*self.name));
        self.paint(ui, rect);
        let asked = response.interact_pointer_pos().map(|at| {
            let place = (at - rect.min) / rect.size();
            place.clamp(Vec2::ZERO, Vec2::splat(1.0)).to_pos2()
        });
        paint::focus_ring_at(ui, &response, rect, 0);
        (response, asked)
    }

    fn paint(&self, ui: &Ui, rect: Rect) {
        let painter = ui.painter();
        let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        let frame = rect.expand(1.0);
        painter.rect_filled(frame, 0.0, theme::palette(ui).line);
        painter.image(self.texture, rect, whole, Color32::WHITE);
        painter.rect_filled(rect, 0.0, ON_PICTURE.shade);
        let seen = self.seen.intersect(whole);
        if !seen.is_positive() {
            return;
        }
        let place = |at: Pos2| rect.min + at.to_vec2() * rect.size();
        let seen_rect = Rect::from_min_max(place(seen.min), place(seen.max));
        painter.image(self.texture, seen_rect, seen, Color32::WHITE);
        let stroke = Stroke::new(1.5, ON_PICTURE.line);
        painter.rect_stroke(seen_rect, 0.0, stroke, StrokeKind::Inside);
    }
}

#[cfg(test)]
mod tests {
    use egui::vec2;

    use super::*;

    #[test]
    fn the_longer_side_is_fixed_and_odd_sizes_are_safe() {
        let size = |width, height| {
            Minimap::new(TextureId::default(), vec2(width, height), Rect::NOTHING, "").size()
        };
        assert_eq!(size(451.0, 225.5), vec2(132.0, 66.0));
        assert_eq!(size(10.0, 10_000.0), vec2(16.0, 132.0));
        assert_eq!(size(0.0, 0.0), vec2(132.0, 132.0));
    }
}
