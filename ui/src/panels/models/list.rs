//! The list of models: those on this computer, then those that can be downloaded.

use egui::{
    Align, Frame, Layout, Margin, RichText, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo,
};

use super::super::sheet;
use super::parameters;
use crate::cx::{Cx, Purpose, Request};
use crate::host::{Dialog, DialogKind};
use crate::icons;
use crate::session::Slot;
use crate::session::models::{Download, Known, Place};
use crate::text::{self, tr, tr_with};
use crate::theme;
use crate::widgets::{Button, Chip, ProgressBar, TextField, Tone, paint};

/// Part of the memory that weights may take: activations and the rest of the system need some, too.
const MEMORY_PART: f64 = 0.75;

/// Draws the list; `current` is the model that is described beside it.
pub(super) fn list_ui(ui: &mut Ui, cx: &mut Cx<'_>, known: &[Known], current: &str) {
    Frame::new()
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                sheet::strong(ui, &tr(ui, "models-title"));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let open = Button::new(tr(ui, "models-open-file"))
                        .icon(icons::FOLDER_OPEN)
                        .ghost();
                    if ui.add(open).clicked() {
                        ask_for_file(ui, cx);
                    }
                });
            });
            let hint = tr(ui, "models-search");
            ui.add(TextField::search(&mut cx.state.models.filter, hint));
        });
    let words = cx.state.models.filter.to_lowercase();
    let fits = |model: &&Known| {
        let shown = cx.session.models.title(ui, &model.name).to_lowercase();
        words
            .split_whitespace()
            .all(|word| shown.contains(word) || model.name.contains(word))
    };
    let found: Vec<&Known> = known.iter().filter(fits).collect();
    let (here, away): (Vec<&Known>, Vec<&Known>) =
        found.into_iter().partition(|model| model.is_here());
    ScrollArea::vertical()
        .id_salt("models-list")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            if here.is_empty() && away.is_empty() {
                Frame::new()
                    .inner_margin(Margin::symmetric(20, 8))
                    .show(ui, |ui| {
                        sheet::small(ui, &tr(ui, "app-nothing-found"));
                    });
            }
            for (heading, models) in [
                ("models-on-this-computer", here),
                ("models-to-download", away),
            ] {
                if models.is_empty() {
                    continue;
                }
                Frame::new()
                    .inner_margin(Margin {
                        left: 20,
                        right: 20,
                        top: 8,
                        bottom: 4,
                    })
                    .show(ui, |ui| {
                        sheet::small(ui, &tr(ui, heading));
                    });
                for model in models {
                    row_ui(ui, cx, model, model.name == current);
                }
            }
            ui.add_space(12.0);
        });
}

/// Asks for a model's file.
pub(super) fn ask_for_file(ui: &Ui, cx: &mut Cx<'_>) {
    let dialog = Dialog {
        id: 0,
        kind: DialogKind::OpenFiles,
        title: tr(ui, "models-open-title").to_string(),
        filters: vec![(
            tr(ui, "models-files").to_string(),
            ["safetensors", "pth", "json"].map(str::to_owned).to_vec(),
        )],
        file_name: None,
        folder: None,
    };
    cx.todo
        .requests
        .push_back(Request::Dialog(dialog, Purpose::OpenModel));
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, is_current: bool) {
    let name = cx.session.models.title(ui, &model.name);
    let state = state(ui, cx, model);
    let below = below(ui, cx, model);
    let builder = UiBuilder::new()
        .id_salt(("model", &model.name))
        .sense(Sense::click());
    let response = ui.scope_builder(builder, |ui| {
        let response = ui.response();
        let palette = theme::palette(ui);
        let fill = match (is_current, response.hovered()) {
            (true, _) => palette.active,
            (false, true) => palette.hover,
            (false, false) => palette.panel,
        };
        let frame = Frame::new()
            .fill(fill)
            .corner_radius(theme::RADIUS[2])
            .outer_margin(Margin::symmetric(8, 0))
            .inner_margin(Margin::symmetric(12, 10));
        frame.show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            // The row is the target, not what is in it.
            ui.spacing_mut().interact_size.y = 20.0;
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let mut chip = Chip::new(state.text.clone()).tone(state.tone);
                    if let Some(icon) = state.icon {
                        chip = chip.icon(icon);
                    }
                    ui.add(chip);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        let mut shown = RichText::new(&name).color(palette.text_0);
                        if is_current {
                            shown = shown.text_style(theme::strong());
                        }
                        ui.add(egui::Label::new(shown).truncate().selectable(false));
                    });
                });
            });
            sheet::small(ui, &below);
            progress_ui(ui, cx, model);
        });
    });
    let response = response.response;
    let spoken = format!("{name}, {}, {below}", state.text);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_current, &spoken));
    paint::focus_ring_at(
        ui,
        &response,
        response.rect.shrink2(egui::vec2(8.0, 0.0)),
        theme::RADIUS[2],
    );
    if response.clicked() {
        cx.state.model = Some(model.name.clone());
    }
    if response.double_clicked() && model.is_here() {
        cx.todo
            .requests
            .push_back(Request::UseModel(model.name.clone()));
    }
}

fn progress_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    let download = cx.session.models.download(&model.name).map(Download::slot);
    let Some(progress) = download.and_then(Slot::progress) else {
        return;
    };
    let total = progress.total.or(model.bytes);
    let fraction = total.map(|total| (progress.done as f32 / total.max(1) as f32).min(1.0));
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let stop = Button::icon_only(icons::X, tr(ui, "models-cancel-download"));
            if ui.add(stop).clicked() {
                cx.session.models.cancel_download(&model.name);
            }
            let done = text::bytes(progress.done);
            let said = match total {
                Some(total) => tr_with(
                    ui,
                    "models-bytes-of",
                    &[("done", done.into()), ("total", text::bytes(total).into())],
                ),
                None => done.into(),
            };
            ui.label(
                RichText::from(said)
                    .monospace()
                    .color(theme::palette(ui).text_2),
            );
            ui.add(ProgressBar::new(fraction, tr(ui, "models-downloading")));
        });
    });
}

/// What the chip of a model says.
pub(super) struct State {
    pub(super) text: String,
    pub(super) tone: Tone,
    pub(super) icon: Option<&'static str>,
}

/// What can be done with a model now.
pub(super) fn state(ui: &Ui, cx: &Cx<'_>, model: &Known) -> State {
    let models = &cx.session.models;
    let of = |id: &str, tone, icon| State {
        text: tr(ui, id).to_string(),
        tone,
        icon: Some(icon),
    };
    if let Some(Slot::Busy(_, progress)) = models.download(&model.name).map(Download::slot) {
        let total = progress.total.or(model.bytes).unwrap_or(0).max(1);
        let percent = (progress.done as f64 / total as f64 * 100.0).min(100.0);
        return State {
            text: format!("{percent:.0} %"),
            tone: Tone::Info,
            icon: Some(icons::DOWNLOAD_SIMPLE),
        };
    }
    if models.is_blocked(&model.name) {
        return of("models-blocked", Tone::Warn, icons::WARNING);
    }
    if models.is_broken(&model.name) {
        return of("models-unusable", Tone::Error, icons::WARNING_CIRCLE);
    }
    if models.is_opening(&model.name) {
        return of("app-loading", Tone::Info, icons::HOURGLASS);
    }
    if model.is_here() {
        return if model.name == cx.document.model {
            of("models-in-use", Tone::Accent, icons::CHECK)
        } else {
            of("models-ready", Tone::Ok, icons::CHECK)
        };
    }
    if is_too_large(model, models.memory_bytes()) {
        return of("models-too-large", Tone::Plain, icons::PROHIBIT);
    }
    match model.place {
        Place::Elsewhere => of("models-file-only", Tone::Plain, icons::FILE),
        _ => of("models-needs-approval", Tone::Plain, icons::LOCK_KEY),
    }
}

/// Whether the weights alone take more than this computer's memory allows; unknown sizes and memories do not.
pub(super) fn is_too_large(model: &Known, memory_bytes: Option<u64>) -> bool {
    match (model.bytes, memory_bytes) {
        (Some(bytes), Some(memory)) => bytes as f64 > memory as f64 * MEMORY_PART,
        _ => false,
    }
}

/// The second line: parameters, size, and what else is to be known at a glance.
fn below(ui: &Ui, cx: &Cx<'_>, model: &Known) -> String {
    let mut parts = Vec::new();
    if let Some(params) = model.params {
        parts.push(
            tr_with(
                ui,
                "models-parameters",
                &[("count", parameters(params).into())],
            )
            .to_string(),
        );
    }
    if let Some(bytes) = model.bytes {
        parts.push(text::bytes(bytes));
    }
    if cx.session.models.is_untrained(&model.name) {
        parts.push(tr(ui, "models-untrained").to_string());
    }
    if model.place == Place::File {
        parts.push(tr(ui, "models-your-file").to_string());
    }
    if cx.session.models.is_blocked(&model.name) {
        parts.push(tr(ui, "models-not-opened").to_string());
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_too_large_only_where_both_sizes_are_known() {
        let model = |bytes| Known {
            bytes,
            ..Known::file("/a.safetensors")
        };
        let gib = 1_u64 << 30;
        assert!(is_too_large(&model(Some(27 * gib)), Some(32 * gib)));
        assert!(!is_too_large(&model(Some(2 * gib)), Some(32 * gib)));
        assert!(!is_too_large(&model(Some(27 * gib)), None));
        assert!(!is_too_large(&model(None), Some(gib)));
    }
}
