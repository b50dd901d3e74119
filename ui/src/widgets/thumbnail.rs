//! A picture in the library: small, with its name and with badges for its letter and for a missing file.

use egui::{
    Color32, CornerRadius, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, TextureId,
    Ui, Vec2, Widget, WidgetInfo, epaint::RectShape, pos2, vec2,
};

use crate::{
    icons,
    text::Text,
    theme::{self, ON_PICTURE, RADIUS},
};

use super::{paint, paint_badge};

/// A thumbnail 97 × 68 with its name beneath.
#[derive(Debug, Clone)]
#[must_use = "a thumbnail does nothing until it is added to a ui"]
pub struct Thumbnail {
    texture: Option<(TextureId, Vec2)>,
    name: Text,
    letter: Option<Text>,
    chosen: bool,
    missing: bool,
    size: Vec2,
}

impl Thumbnail {
    /// A picture of a size in pixels; none until it is read.
    pub fn new(texture: Option<(TextureId, Vec2)>, name: impl Into<Text>) -> Self {
        Self {
            texture,
            name: name.into(),
            letter: None,
            chosen: false,
            missing: false,
            size: vec2(97.0, 68.0),
        }
    }

    /// The letter of the view that shows it.
    pub fn letter(mut self, letter: Option<impl Into<Text>>) -> Self {
        self.letter = letter.map(Into::into);
        self
    }

    /// Whether it is open or chosen: an accent line.
    pub const fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }

    /// Whether its file is gone; the thumbnail is kept.
    pub const fn missing(mut self, missing: bool) -> Self {
        self.missing = missing;
        self
    }

    /// The picture this large instead of 97 × 68.
    pub const fn size(mut self, size: Vec2) -> Self {
        self.size = size;
        self
    }

    fn paint(&self, ui: &Ui, rect: Rect, response: &Response) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let picture = Rect::from_min_size(rect.min, self.size);
        let radius = CornerRadius::same(RADIUS[0]);
        painter.rect_filled(picture, radius, palette.canvas);
        match self.texture {
            Some((texture, size)) => {
                let tint = if self.missing { 0.45 } else { 1.0 };
                let tint = Color32::WHITE.gamma_multiply(tint);
                let shape = RectShape::filled(picture, radius, tint)
                    .with_texture(texture, covering(size, self.size));
                painter.add(Shape::Rect(shape));
            }
            None => paint::icon(
                painter,
                picture.center(),
                icons::IMAGE,
                20.0,
                palette.text_2,
            ),
        }
        if let Some(letter) = &self.letter {
            paint_badge(painter, picture.right_top() + vec2(-4.0, 4.0), letter);
        }
        if self.missing {
            let badge =
                Rect::from_min_size(picture.left_bottom() + vec2(4.0, -22.0), vec2(18.0, 18.0));
            painter.rect_filled(badge, radius, ON_PICTURE.box_fill);
            paint::icon(
                painter,
                badge.center(),
                icons::LINK_BREAK,
                13.0,
                theme::DARK.warn,
            );
        }
        let line = match (self.chosen, response.hovered()) {
            (true, _) => Some((2.0, palette.accent)),
            (false, true) => Some((1.0, palette.line_strong)),
            (false, false) => None,
        };
        if let Some((width, color)) = line {
            let outline = picture.expand(1.0);
            let radius = CornerRadius::same(RADIUS[0] + 1);
            painter.rect_stroke(
                outline,
                radius,
                Stroke::new(width, color),
                StrokeKind::Outside,
            );
        }
        let color = if self.chosen {
            palette.text_0
        } else {
            palette.text_2
        };
        let galley = paint::line_of_text(painter, &self.name, paint::tiny(), color, self.size.x);
        let below = Rect::from_min_max(pos2(rect.left(), picture.bottom() + 3.0), rect.max);
        paint::text_in(painter, below, rect.left(), galley);
    }
}

/// The middle part of a picture that covers a frame, in parts of its sides.
fn covering(picture: Vec2, frame: Vec2) -> Rect {
    let scale = (frame.x / picture.x).max(frame.y / picture.y);
    let part = frame / (picture * scale);
    if part.is_finite() {
        Rect::from_center_size(pos2(0.5, 0.5), part)
    } else {
        Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0))
    }
}

impl Widget for Thumbnail {
    fn ui(self, ui: &mut Ui) -> Response {
        let size = self.size + vec2(0.0, 17.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        response.widget_info(|| {
            let name = match &self.letter {
                Some(letter) => format!("{letter} {}", self.name),
                None => self.name.to_string(),
            };
            WidgetInfo::selected(Role::ListItem, true, self.chosen, name)
        });
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect, &response);
        }
        let picture = Rect::from_min_size(rect.min, self.size);
        paint::focus_ring_at(ui, &response, picture, RADIUS[0]);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_covers_its_frame_without_distortion() {
        for picture in [vec2(400.0, 100.0), vec2(100.0, 400.0), vec2(97.0, 68.0)] {
            let part = covering(picture, vec2(97.0, 68.0));
            let shown = part.size() * picture;
            assert!(
                (shown.x / shown.y - 97.0 / 68.0).abs() < 1e-4,
                "{picture:?}"
            );
            assert!(part.width() <= 1.0001 && part.height() <= 1.0001);
        }
        assert!((covering(Vec2::ZERO, vec2(97.0, 68.0)).width() - 1.0).abs() < 1e-6);
    }
}
