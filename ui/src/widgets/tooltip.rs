//! Tooltips: name, key, one sentence.

use egui::{Response, RichText};

use crate::{text::Text, theme};

use super::KeyCap;

/// What a tooltip says.
#[derive(Debug, Default, Clone)]
pub struct Tip {
    /// The name of the control, or why it is off and what switches it on.
    pub name: Text,
    /// The key that does the same, such as `Ctrl E`.
    pub key: Option<Text>,
    /// One sentence more.
    pub sentence: Option<Text>,
}

/// Shows `tip` over the control after half a second, also while it is disabled.
pub fn tooltip(response: Response, tip: &Tip) -> Response {
    let show = |ui: &mut egui::Ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = 18.0;
        ui.horizontal(|ui| {
            ui.label(&tip.name);
            if let Some(key) = &tip.key {
                ui.add(KeyCap::new(key));
            }
        });
        if let Some(sentence) = &tip.sentence {
            let color = theme::palette(ui).text_2;
            ui.label(RichText::new(&**sentence).small().color(color));
        }
    };
    response.on_hover_ui(show).on_disabled_hover_ui(show)
}
