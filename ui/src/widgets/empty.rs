//! What stands where nothing is yet.

use egui::{Align, Layout, RichText, Ui, vec2};

use crate::{text::Text, theme};

use super::{Button, paint};

/// An icon, one sentence and one button in the middle of the room that is left.
#[derive(Debug, Clone)]
#[must_use = "an empty state does nothing until it is shown"]
pub struct EmptyState {
    icon: &'static str,
    sentence: Text,
    button: Option<(Text, Option<&'static str>)>,
}

impl EmptyState {
    /// An icon over a sentence.
    pub fn new(icon: &'static str, sentence: impl Into<Text>) -> Self {
        Self {
            icon,
            sentence: sentence.into(),
            button: None,
        }
    }

    /// The one thing to do, with an icon.
    pub fn button(mut self, label: impl Into<Text>, icon: Option<&'static str>) -> Self {
        self.button = Some((label.into(), icon));
        self
    }

    /// Draws it; whether the button was clicked.
    pub fn show(self, ui: &mut Ui) -> bool {
        let palette = theme::palette(ui);
        let height = if self.button.is_some() { 120.0 } else { 76.0 };
        ui.add_space(((ui.available_height() - height) / 2.0).max(12.0));
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.y = 12.0;
            let (rect, _) = ui.allocate_exact_size(vec2(32.0, 32.0), egui::Sense::hover());
            paint::icon(ui.painter(), rect.center(), self.icon, 32.0, palette.text_2);
            let text = RichText::new(&*self.sentence).color(palette.text_2);
            ui.allocate_ui(vec2(ui.available_width().min(320.0), 0.0), |ui| {
                ui.add(egui::Label::new(text).wrap().halign(Align::Center));
            });
            let Some((label, icon)) = self.button else {
                return false;
            };
            let button = Button::new(label);
            let button = match icon {
                Some(icon) => button.icon(icon),
                None => button,
            };
            ui.add(button).clicked()
        })
        .inner
    }
}
