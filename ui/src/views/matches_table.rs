//! The pairs that are shown, as a table below the pictures.

use egui::{Panel, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use super::matches::{Kept, pair_color};
use crate::cx::{Cx, Request};
use crate::document::ViewId;
use crate::icons;
use crate::parts;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::Button;

/// Height of the table's panel at first, and of a row, in points.
const HEIGHT: f32 = 240.0;
const ROW: f32 = 26.0;

/// Takes the lower part of `ui`.
pub(super) fn table_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(kept) = cx.session.view(id).matches.kept.clone() else {
        return;
    };
    let most = ui.available_height() * 0.6;
    Panel::bottom(("match-table", id.0))
        .resizable(true)
        .default_size(HEIGHT.min(most))
        .size_range(80.0..=most.max(81.0))
        .frame(
            egui::Frame::new()
                .fill(theme::palette(ui).panel)
                .inner_margin(10),
        )
        .show(ui, |ui| {
            head_ui(ui, cx, id, &kept);
            rows_ui(ui, cx, id, &kept);
        });
}

fn head_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, kept: &Kept) {
    ui.horizontal(|ui| {
        ui.label(parts::strong(ui, &tr(ui, "matches-title")));
        let args = [
            ("shown", parts::count(ui, kept.shown.len()).into()),
            ("kept", parts::count(ui, kept.pairs.len()).into()),
        ];
        ui.label(parts::faint(ui, &tr_with(ui, "matches-shown-of", &args)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            use crate::commands::Command;
            let coco = Button::new(tr(ui, "matches-coco"))
                .icon(icons::MAP_PIN)
                .ghost();
            if ui.add(coco).clicked() {
                cx.todo.requests.push_back(Request::Keypoints(id));
            }
            if ui
                .add(
                    Button::new(tr(ui, "matches-csv"))
                        .icon(icons::EXPORT)
                        .ghost(),
                )
                .clicked()
            {
                cx.todo
                    .requests
                    .push_back(Request::Command(id, Command::ExportValues));
            }
            if ui
                .add(Button::new(tr(ui, "app-copy")).icon(icons::COPY).ghost())
                .clicked()
            {
                cx.todo.requests.push_back(Request::CopyTable(id));
            }
        });
    });
}

fn rows_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, kept: &Kept) {
    let columns = [
        "matches-in-a",
        "matches-in-b",
        "matches-cosine",
        "matches-second",
        "matches-ratio",
        "matches-round-trip",
        "matches-both-ways",
    ];
    let settings = cx.document.settings(id).matches.clone();
    let first = cx.view(id).and_then(super::View::picture);
    let size = first
        .and_then(|it| cx.session.pictures.peek(it))
        .map_or((1, 1), |open| open.size_px());
    let chosen = cx.session.view(id).matches.row;
    let mut hovered = None;
    TableBuilder::new(ui)
        .id_salt(("matches", id.0))
        .striped(false)
        .sense(egui::Sense::hover())
        .column(Column::exact(24.0))
        .columns(Column::remainder().at_least(64.0).clip(true), columns.len())
        .header(ROW, |mut row| {
            row.col(|_| {});
            for column in columns {
                row.col(|ui| {
                    ui.label(parts::faint(ui, &tr(ui, column)));
                });
            }
        })
        .body(|body| {
            body.rows(ROW, kept.shown.len(), |mut row| {
                let at = row.index();
                let pair = &kept.pairs[kept.shown[at]];
                row.set_selected(chosen == Some(at));
                row.col(|ui| {
                    let center = ui.max_rect().center();
                    ui.painter()
                        .circle_filled(center, 5.0, pair_color(&settings, pair, size));
                });
                let cells = [
                    format!("{:.0}, {:.0}", pair.a_px[0], pair.a_px[1]),
                    format!("{:.0}, {:.0}", pair.b_px[0], pair.b_px[1]),
                    parts::decimal(pair.similarity, 3),
                    parts::decimal(pair.second, 3),
                    parts::decimal(pair.ratio(), 2),
                    format!("{:.1} px", pair.cycle_error_px),
                    if pair.mutual {
                        icons::CHECK.to_owned()
                    } else {
                        String::new()
                    },
                ];
                for cell in cells {
                    row.col(|ui| {
                        ui.label(
                            RichText::new(cell)
                                .monospace()
                                .color(theme::palette(ui).text_1),
                        );
                    });
                }
                if row.response().hovered() {
                    hovered = Some(at);
                }
            });
        });
    cx.session.view(id).matches.row = hovered;
}
