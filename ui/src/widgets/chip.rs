//! Chips on panels and badges on pictures.

use egui::{
    Align2, Color32, Painter, Pos2, Rect, Response, Role, Sense, Ui, Widget, WidgetInfo, pos2, vec2,
};

use crate::{
    icons,
    text::Text,
    theme::{self, ON_PICTURE, Palette, RADIUS},
};

use super::paint::{self, Look};

/// What a chip, a note or a state says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// In use, linked.
    Accent,
    /// Passed.
    Ok,
    /// Look at this.
    Warn,
    /// Failed.
    Error,
    /// Good to know.
    Info,
}

impl Tone {
    /// Color of the sign, and of the ground.
    pub const fn colors(self, palette: &Palette) -> (Color32, Color32) {
        match self {
            Self::Plain => (palette.text_2, palette.raised),
            Self::Accent => (palette.accent, palette.accent_bg),
            Self::Ok => (palette.ok, palette.ok_bg),
            Self::Warn => (palette.warn, palette.warn_bg),
            Self::Error => (palette.error, palette.error_bg),
            Self::Info => (palette.info, palette.info_bg),
        }
    }

    /// The filled icon of the state.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Plain | Self::Accent | Self::Info => icons::INFO,
            Self::Ok => icons::CHECK_CIRCLE,
            Self::Warn => icons::WARNING,
            Self::Error => icons::X_CIRCLE,
        }
    }
}

/// A word on a small ground, 20 high: "ready", "older settings".
#[derive(Debug, Clone)]
#[must_use = "a chip does nothing until it is added to a ui"]
pub struct Chip {
    text: Text,
    icon: Option<&'static str>,
    tone: Tone,
}

impl Chip {
    /// A plain chip.
    pub fn new(text: impl Into<Text>) -> Self {
        Self {
            text: text.into(),
            icon: None,
            tone: Tone::Plain,
        }
    }

    /// Puts an icon before the word.
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Gives it a meaning; the word has to say the same.
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

impl Widget for Chip {
    fn ui(self, ui: &mut Ui) -> Response {
        let (color, ground) = self.tone.colors(theme::palette(ui));
        let icon = if self.icon.is_some() { 17.0 } else { 0.0 };
        let room = (ui.available_width() - 14.0 - icon).max(24.0);
        let galley = paint::line_of_text(ui.painter(), &self.text, paint::tiny(), color, room);
        let size = vec2(galley.size().x + icon + 14.0, 20.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &*self.text));
        let painter = ui.painter();
        let look = Look {
            fill: ground,
            line: ground,
            text: color,
        };
        paint::frame(painter, rect, RADIUS[0], look);
        let left = rect.left() + 7.0;
        if let Some(sign) = self.icon {
            paint::icon(
                painter,
                pos2(left + 6.0, rect.center().y),
                sign,
                13.0,
                color,
            );
        }
        paint::text_in(painter, rect, left + icon, galley);
        response
    }
}

/// Draws a letter or an icon on a dark ground over a picture, its right top corner at `corner`.
pub fn paint_badge(painter: &Painter, corner: Pos2, text: &str) -> Rect {
    let font = paint::tiny();
    let color = ON_PICTURE.value;
    let galley = painter.layout_no_wrap(text.to_owned(), font.clone(), color);
    let width = (galley.size().x + 8.0).max(18.0);
    let rect = Rect::from_min_size(pos2(corner.x - width, corner.y), vec2(width, 18.0));
    painter.rect_filled(rect, RADIUS[0], ON_PICTURE.box_fill);
    painter.text(rect.center(), Align2::CENTER_CENTER, text, font, color);
    rect
}
