//! Cards: raised boxes for things that belong together.

use egui::{CornerRadius, Frame, InnerResponse, Margin, Stroke, Ui};

use crate::theme::{self, RADIUS};

/// A box with a line around it, radius 8.
#[derive(Debug, Clone, Copy)]
#[must_use = "a card does nothing until it is shown"]
pub struct Card {
    raised: bool,
    chosen: bool,
    margin: Margin,
}

impl Default for Card {
    fn default() -> Self {
        Self::new()
    }
}

impl Card {
    /// A raised card.
    pub const fn new() -> Self {
        Self {
            raised: true,
            chosen: false,
            margin: Margin::symmetric(16, 14),
        }
    }

    /// Only the line, on the ground of the panel.
    pub const fn outlined(mut self) -> Self {
        self.raised = false;
        self
    }

    /// Whether it is the chosen one: an accent line.
    pub const fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }

    /// Room inside.
    pub const fn margin(mut self, margin: Margin) -> Self {
        self.margin = margin;
        self
    }

    /// Draws the card around what `add` adds.
    pub fn show<R>(self, ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
        let palette = theme::palette(ui);
        let stroke = if self.chosen {
            Stroke::new(2.0, palette.accent)
        } else {
            Stroke::new(1.0, palette.line)
        };
        let frame = Frame::new()
            .inner_margin(self.margin)
            .corner_radius(CornerRadius::same(RADIUS[2]))
            .stroke(stroke);
        let frame = if self.raised {
            frame.fill(palette.raised)
        } else {
            frame
        };
        frame.show(ui, add)
    }
}
