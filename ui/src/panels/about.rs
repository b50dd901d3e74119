//! About the program: name, version, what it is made with, and under which licenses.

use egui::{RichText, Ui};

use super::sheet::{self, Card};
use crate::cx::{Cx, Request};
use crate::icons;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::{Button, ValueRow};

/// The text of the license of the letters, which has to go along with them.
const FONT_LICENSE: &str = include_str!("../../../assets/fonts/OFL.txt");

/// Draws the card.
pub fn about_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let title = tr(ui, "about-title");
    let card = Card {
        id: "about",
        title: &title,
        width: 440.0,
        scrolls: true,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        let palette = theme::palette(ui);
        ui.label(
            RichText::from(tr(ui, "app-name"))
                .text_style(theme::title())
                .color(palette.text_0),
        );
        let version = [("version", env!("CARGO_PKG_VERSION").into())];
        sheet::quiet(ui, &tr_with(ui, "about-version", &version));
        ui.label(&*tr(ui, "about-words"));
        ui.separator();
        ui.add(ValueRow::new(tr(ui, "about-license"), "MIT OR Apache-2.0"));
        let device = cx.session.models.device_name();
        let device = device.map_or_else(|| tr(ui, "about-device-none"), Into::into);
        ui.add(ValueRow::new(tr(ui, "settings-device"), device));
        ui.add(ValueRow::new(tr(ui, "about-window"), "egui, wgpu, Tauri"));
        ui.separator();
        sheet::strong(ui, &tr(ui, "about-weights"));
        sheet::quiet(ui, &tr(ui, "about-weights-words"));
        let read = Button::new(tr(ui, "models-read-licence")).link();
        if ui.add(read).clicked() {
            cx.todo
                .requests
                .push_back(Request::OpenUrl(super::models::DINOV3_CARD.to_owned()));
        }
        fonts_ui(ui);
        ui.separator();
        ui.horizontal(|ui| {
            let copy = Button::new(tr(ui, "about-copy"))
                .icon(icons::COPY)
                .help(tr(ui, "about-copy-help"));
            if ui.add(copy).clicked() {
                ui.ctx().copy_text(facts(cx));
            }
        });
        sheet::small(ui, &tr(ui, "app-local-only"));
    });
}

fn fonts_ui(ui: &mut Ui) {
    let header = egui::CollapsingHeader::new(&*tr(ui, "about-fonts")).id_salt("about-fonts");
    header.show(ui, |ui| {
        sheet::quiet(ui, &tr(ui, "about-fonts-words"));
        let text = RichText::new(FONT_LICENSE).monospace().size(11.0);
        ui.add(egui::Label::new(text).wrap().selectable(true));
    });
}

/// What a report of a fault needs, as lines.
fn facts(cx: &Cx<'_>) -> String {
    let models = &cx.session.models;
    [
        format!("Dinoscope {}", env!("CARGO_PKG_VERSION")),
        format!(
            "system: {} {}",
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        format!(
            "device: {} ({})",
            models.device_choice(),
            models.device_name().unwrap_or_default()
        ),
        format!("model: {}", cx.document.model),
    ]
    .join("\n")
}
