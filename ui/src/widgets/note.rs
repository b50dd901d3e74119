//! Notes: what happened, why, and what next, on a colored ground.

use egui::{Align, CornerRadius, Frame, Layout, Margin, RichText, Ui};

use crate::{
    text::Text,
    theme::{self, RADIUS},
};

use super::{Button, Tone, paint};

/// An icon, a bold cause, a plain sentence and at most one action.
#[derive(Debug, Clone)]
#[must_use = "a note does nothing until it is shown"]
pub struct Note {
    tone: Tone,
    cause: Option<Text>,
    sentence: Text,
    action: Option<Text>,
    details: Option<Text>,
}

impl Note {
    /// A note with one plain sentence.
    pub fn new(tone: Tone, sentence: impl Into<Text>) -> Self {
        Self {
            tone,
            cause: None,
            sentence: sentence.into(),
            action: None,
            details: None,
        }
    }

    /// What failed, and what to do.
    pub fn error(sentence: impl Into<Text>) -> Self {
        Self::new(Tone::Error, sentence)
    }

    /// Puts the cause before the sentence, in bold.
    pub fn cause(mut self, cause: impl Into<Text>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Offers one action.
    pub fn action(mut self, label: impl Into<Text>) -> Self {
        self.action = Some(label.into());
        self
    }

    /// Offers to copy the details of an error, labelled `label`.
    pub fn details(mut self, label: impl Into<Text>) -> Self {
        self.details = Some(label.into());
        self
    }

    /// Draws it over the whole width. Tells what was clicked.
    pub fn show(self, ui: &mut Ui) -> NoteAnswer {
        let palette = theme::palette(ui);
        let (color, ground) = self.tone.colors(palette);
        let frame = Frame::new()
            .fill(ground)
            .corner_radius(CornerRadius::same(RADIUS[1]))
            .inner_margin(Margin::symmetric(10, 8));
        let mut answer = NoteAnswer::default();
        frame.show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.x = 8.0;
                let (rect, _) =
                    ui.allocate_exact_size(egui::vec2(20.0, 20.0), egui::Sense::hover());
                paint::icon_filled(ui.painter(), rect.center(), self.tone.icon(), 20.0, color);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    if let Some(cause) = &self.cause {
                        let text = RichText::new(&**cause)
                            .text_style(theme::strong())
                            .color(palette.text_0);
                        ui.add(egui::Label::new(text).wrap());
                    }
                    let text = RichText::new(&*self.sentence).color(palette.text_1);
                    ui.add(egui::Label::new(text).wrap().selectable(true));
                    answer = self.actions(ui);
                });
            });
        });
        answer
    }

    fn actions(&self, ui: &mut Ui) -> NoteAnswer {
        let mut answer = NoteAnswer::default();
        if self.action.is_none() && self.details.is_none() {
            return answer;
        }
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            if let Some(label) = &self.action {
                answer.action = ui.add(Button::new(label)).clicked();
            }
            if let Some(label) = &self.details {
                answer.details = ui.add(Button::new(label).ghost()).clicked();
            }
        });
        answer
    }
}

/// What was clicked in a [`Note`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct NoteAnswer {
    /// The action.
    pub action: bool,
    /// "Copy details".
    pub details: bool,
}
