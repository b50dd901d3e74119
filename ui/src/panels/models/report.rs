//! The load report of a model: what the network expects, what the file has, part by part.

use dinoscope_engine::model::{ModelReport, TensorGroup};
use dinoscope_model::BackboneConfig;
use dinoscope_model::checkpoint::Group;
use egui::{Align, Color32, Grid, Label, Layout, Margin, RichText, Ui, vec2};

use super::super::sheet;
use super::tensors;
use crate::cx::Cx;
use crate::icons;
use crate::session::Slot;
use crate::session::models::{Inspected, Known};
use crate::text::{self, Text, tr, tr_with};
use crate::theme;
use crate::widgets::{Button, Card, Note, ProgressBar, Tone};

/// Names that are listed before the rest is left to the table.
const LISTED: usize = 6;

/// Draws the report, or why there is none.
pub(super) fn report_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    if !model.is_here() {
        card(ui, |ui| {
            sheet::strong(ui, &tr(ui, "models-report-later"));
            sheet::quiet(ui, &tr(ui, "models-report-later-help"));
        });
        return;
    }
    let seen = match cx.session.models.report(&model.name, &cx.session.runner) {
        Slot::Ready(seen) => Ok(seen.clone()),
        Slot::Failed(failure) => Err(Some(failure.message.clone())),
        Slot::Busy(..) | Slot::Empty => Err(None),
    };
    match seen {
        Ok(Inspected::Read(report)) => {
            refused_ui(ui, &report);
            not_opened_ui(ui, cx, model, report.is_complete());
            card(ui, |ui| content_ui(ui, cx, &report));
        }
        Ok(Inspected::Blocked(message)) => {
            failed_ui(ui, cx, model, (Tone::Warn, "models-blocked-cause", message));
        }
        Err(Some(message)) => {
            failed_ui(ui, cx, model, (Tone::Error, "models-failed-cause", message));
        }
        Err(None) => card(ui, |ui| {
            sheet::quiet(ui, &tr(ui, "models-reading-file"));
            ui.add(ProgressBar::new(None, tr(ui, "models-reading-file")));
        }),
    }
}

/// A model whose file is right can still fail on its device: too little memory, a driver.
fn not_opened_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, is_whole: bool) {
    let models = &cx.session.models;
    // What is incomplete is refused for that reason, which is told above.
    if let Some(failure) = models.failure(&model.name).filter(|_| is_whole) {
        let message = failure.message.clone();
        failed_ui(ui, cx, model, (Tone::Error, "models-open-failed", message));
    }
}

/// A card of the middle column: an outline without a ground of its own.
pub(super) fn card(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let card = Card::new().outlined().margin(Margin::symmetric(18, 14));
    card.show(ui, |ui| {
        ui.set_width(ui.available_width());
        content(ui);
    });
}

fn failed_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    model: &Known,
    (tone, cause, message): (Tone, &str, String),
) {
    let note = Note::new(tone, message)
        .cause(tr(ui, cause))
        .action(tr(ui, "errors-try-again"));
    if note.show(ui).action {
        cx.session.models.forget_failure(&model.name);
    }
}

/// A model with something missing is refused; says so with what is missing.
fn refused_ui(ui: &mut Ui, report: &ModelReport) {
    if report.is_complete() {
        return;
    }
    let tensors = report.tensors.as_ref();
    let names: Vec<String> = tensors
        .into_iter()
        .flat_map(|it| it.missing().into_iter().chain(it.wrong()))
        .collect();
    let mut list: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
    let more = names.len().saturating_sub(LISTED);
    let rest = tr_with(ui, "models-and-more", &[("count", more.into())]);
    if more > 0 {
        list.push(&rest);
    }
    let text = tr_with(
        ui,
        "models-refused-names",
        &[("names", list.join(", ").into())],
    );
    Note::new(Tone::Error, text)
        .cause(tr(ui, "models-refused"))
        .show(ui);
    ui.add_space(8.0);
}

fn content_ui(ui: &mut Ui, cx: &mut Cx<'_>, report: &ModelReport) {
    heading_ui(ui, report);
    ui.add_space(4.0);
    groups_ui(ui, report);
    ui.add_space(4.0);
    ui.separator();
    counts_ui(ui, cx, report);
    if cx.state.models.shows_tensors {
        tensors::tensors_ui(ui, cx, report);
    }
}

fn heading_ui(ui: &mut Ui, report: &ModelReport) {
    let palette = theme::palette(ui);
    let is_whole = report.is_complete();
    ui.horizontal(|ui| {
        let (icon, color) = if is_whole {
            (icons::CHECK_CIRCLE, palette.ok)
        } else {
            (icons::WARNING_CIRCLE, palette.error)
        };
        ui.label(
            RichText::new(icon)
                .font(egui::FontId::new(24.0, crate::fonts::fill()))
                .color(color),
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let total = tr_with(
                ui,
                "models-tensors",
                &[("total", report.counts.expected.into())],
            );
            ui.label(RichText::from(total).size(14.0).color(palette.text_2));
            let loaded = text::count(ui, report.counts.loaded as u64);
            let shown = RichText::new(loaded)
                .size(24.0)
                .family(crate::fonts::semibold())
                .color(palette.text_0);
            ui.label(shown);
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                let (title, help) = match (is_whole, report.path.is_none()) {
                    (true, true) => ("models-load-report", "models-report-built-in"),
                    (true, false) => ("models-load-report", "models-report-whole"),
                    (false, _) => ("models-load-report-faults", "models-report-faults"),
                };
                sheet::strong(ui, &tr(ui, title));
                sheet::small(ui, &tr(ui, help));
            });
        });
    });
}

fn groups_ui(ui: &mut Ui, report: &ModelReport) {
    let width = ui.available_width();
    let bar = (width - 190.0 - 100.0 - 20.0 - 3.0 * 14.0).max(60.0);
    Grid::new("models-groups")
        .num_columns(4)
        .spacing(vec2(14.0, 4.0))
        .min_row_height(20.0)
        .show(ui, |ui| {
            for group in &report.groups {
                group_ui(ui, &part_name(ui, group.group, &report.config), group, bar);
                ui.end_row();
            }
        });
}

fn group_ui(ui: &mut Ui, name: &str, TensorGroup { counts, .. }: &TensorGroup, bar: f32) {
    let palette = theme::palette(ui);
    let is_whole = counts.loaded == counts.expected;
    let color = if is_whole { palette.ok } else { palette.error };
    ui.scope(|ui| {
        ui.set_min_width(190.0);
        ui.add(Label::new(RichText::new(name).color(palette.text_1)).truncate());
    });
    bar_ui(
        ui,
        bar,
        counts.loaded as f32 / counts.expected.max(1) as f32,
        color,
    );
    let values = [
        ("found", counts.loaded.into()),
        ("total", counts.expected.into()),
    ];
    let said = tr_with(ui, "models-found-of", &values);
    let layout = Layout::right_to_left(Align::Center);
    ui.allocate_ui_with_layout(vec2(100.0, 20.0), layout, |ui| {
        ui.set_min_width(100.0);
        ui.label(RichText::from(said).monospace().color(palette.text_1));
    });
    let (icon, id) = if is_whole {
        (icons::CHECK, "models-part-whole")
    } else {
        (icons::WARNING, "models-part-faulty")
    };
    let response = ui.label(RichText::new(icon).size(14.0).color(color));
    let spoken = tr(ui, id);
    response.on_hover_text(&*spoken);
}

fn bar_ui(ui: &mut Ui, width: f32, part: f32, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(width, 20.0), egui::Sense::hover());
    let rail = egui::Rect::from_center_size(rect.center(), vec2(width, 6.0));
    ui.painter()
        .rect_filled(rail, 3.0, theme::palette(ui).active);
    let mut filled = rail;
    filled.set_width(width * part.clamp(0.0, 1.0));
    ui.painter().rect_filled(filled, 3.0, color);
}

/// What a part of a network is called.
fn part_name(ui: &Ui, group: Group, config: &BackboneConfig) -> Text {
    let id = match (group, config) {
        (Group::Blocks, BackboneConfig::Vit(vit)) => {
            return tr_with(
                ui,
                "models-part-blocks",
                &[("last", (vit.depth - 1).into())],
            );
        }
        (Group::Blocks, BackboneConfig::ConvNext(_)) => "models-part-stages",
        (Group::PatchEmbedding, _) => "models-part-patches",
        (Group::ClassToken, _) => "models-part-class",
        (Group::Registers, _) => "models-part-registers",
        (Group::MaskToken, _) => "models-part-mask",
        (Group::Rope, _) => "models-part-positions",
        (Group::Downsampling, _) => "models-part-reductions",
        (Group::FinalNorm, _) => "models-part-norm",
    };
    tr(ui, id)
}

fn counts_ui(ui: &mut Ui, cx: &mut Cx<'_>, report: &ModelReport) {
    let heads = report
        .tensors
        .as_ref()
        .map_or(0, |tensors| tensors.heads.len());
    let counts = [
        ("models-missing", report.counts.missing),
        ("models-unexpected", report.counts.unexpected),
        ("models-wrong-shape", report.counts.wrong),
        ("models-heads", heads),
    ];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        for (id, count) in counts {
            if id == "models-heads" && count == 0 {
                continue;
            }
            let palette = theme::palette(ui);
            ui.label(RichText::from(tr(ui, id)).small().color(palette.text_2));
            let faulty = count > 0 && matches!(id, "models-missing" | "models-wrong-shape");
            let color = if faulty {
                palette.error
            } else {
                palette.text_0
            };
            ui.label(
                RichText::new(text::count(ui, count as u64))
                    .monospace()
                    .color(color),
            );
            ui.add_space(12.0);
        }
        let id = if cx.state.models.shows_tensors {
            "models-hide-all"
        } else {
            "models-show-all"
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(Button::new(tr(ui, id)).link()).clicked() {
                cx.state.models.shows_tensors ^= true;
            }
        });
    });
}
