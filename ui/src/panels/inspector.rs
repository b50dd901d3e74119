//! The settings of the active view, and what can be taken out of it.

use egui::{Frame, Margin, Panel, RichText, ScrollArea, Ui};

use crate::commands::Command;
use crate::cx::{Cx, Request};
use crate::document::{Settings, ViewId};
use crate::icons;
use crate::text::tr;
use crate::theme;
use crate::views;
use crate::widgets::Button;

/// Draws the inspector of a view.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    head_ui(ui, cx, id);
    Panel::bottom("inspector-exports")
        .exact_size(56.0)
        .frame(Frame::new().inner_margin(Margin::symmetric(12, 10)))
        .show(ui, |ui| exports_ui(ui, cx, id));
    ScrollArea::vertical()
        .id_salt(("inspector", id.0))
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            views::inspector_ui(ui, cx, id);
        });
}

fn head_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(title) = cx.view(id).map(|view| views::title_id(&view.kind)) else {
        return;
    };
    Frame::new()
        .inner_margin(Margin::symmetric(12, 4))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.set_height(28.0);
                let text = RichText::from(tr(ui, title)).text_style(theme::strong());
                ui.label(text.color(theme::palette(ui).text_0));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let values = Button::icon_only(icons::TABLE, tr(ui, "cmd-export-values"));
                    if ui.add(values).clicked() {
                        cx.todo
                            .requests
                            .push_back(Request::Command(id, Command::ExportValues));
                    }
                    let reset =
                        Button::icon_only(icons::ARROW_COUNTER_CLOCKWISE, tr(ui, "app-reset"));
                    if ui.add(reset).clicked() {
                        cx.edit("edit-reset", move |document| {
                            let settings = document.settings_mut(id);
                            *settings = Settings {
                                query: settings.query.clone(),
                                ..Settings::default()
                            };
                        });
                    }
                });
            });
        });
}

fn exports_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    ui.horizontal_centered(|ui| {
        if ui
            .add(Button::new(tr(ui, "app-copy-view")).icon(icons::COPY))
            .clicked()
        {
            cx.todo
                .requests
                .push_back(Request::Command(id, Command::CopyView));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let export = Button::new(tr(ui, "app-export-figure"))
                .icon(icons::EXPORT)
                .primary();
            if ui.add(export).clicked() {
                cx.todo.requests.push_back(Request::Figure(id));
            }
        });
    });
}
