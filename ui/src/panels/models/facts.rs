//! Two cards below the load report: what the network is, and what it costs on this computer.

use dinoscope_engine::Size;
use dinoscope_model::BackboneConfig;
use dinoscope_model::variants::Data;
use egui::{Label, RichText, Ui};

use super::super::sheet;
use super::report::card;
use crate::cx::Cx;
use crate::icons;
use crate::session::models::{About, Known};
use crate::text::{self, Text, tr, tr_with};
use crate::theme;
use crate::widgets::Button;

/// Sides of square pictures that the costs are told for, in pixels.
const SIDES: [u32; 3] = [512, 1024, 2048];
/// Width of the names, in points.
const LABEL: f32 = 104.0;

/// Draws both cards, beside each other where there is room.
pub(super) fn facts_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known) {
    let about = cx.session.models.about(&model.name);
    if ui.available_width() < 560.0 {
        card(ui, |ui| what_ui(ui, about.as_ref()));
        card(ui, |ui| here_ui(ui, cx, model, about.as_ref()));
        return;
    }
    ui.spacing_mut().item_spacing.x = 16.0;
    // Both cards are as high as the higher one was in the last frame.
    let memory = ui.scope_id().with(("facts", &model.name));
    let height: f32 = ui.data(|data| data.get_temp(memory)).unwrap_or(0.0);
    let heights = ui.columns(2, |columns| {
        let [left, right] = columns else {
            return [0.0; 2];
        };
        let what = half_ui(left, height, |ui| what_ui(ui, about.as_ref()));
        let here = half_ui(right, height, |ui| here_ui(ui, cx, model, about.as_ref()));
        [what, here]
    });
    let higher = heights[0].max(heights[1]);
    if (higher - height).abs() > 0.5 {
        ui.data_mut(|data| data.insert_temp(memory, higher));
        ui.ctx().request_repaint();
    }
}

/// One of the two cards, at least so high; the height that its content needs.
fn half_ui(ui: &mut Ui, height: f32, content: impl FnOnce(&mut Ui)) -> f32 {
    let mut needed = 0.0;
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        content(ui);
        needed = ui.min_rect().height();
        ui.add_space((height - needed).max(0.0));
    });
    needed
}

fn what_ui(ui: &mut Ui, about: Option<&About>) {
    sheet::strong(ui, &tr(ui, "models-what-it-is"));
    ui.spacing_mut().item_spacing.y = 0.0;
    let Some(about) = about else {
        sheet::quiet(ui, &tr(ui, "models-unknown-yet"));
        return;
    };
    row_ui(ui, "models-family", &family(ui, &about.config));
    row_ui(ui, "models-sizes", &sizes(ui, &about.config));
    row_ui(ui, "models-extra-tokens", &extra_tokens(ui, &about.config));
    let count = text::count(ui, about.params);
    let count = tr_with(ui, "models-parameters", &[("count", count.into())]);
    row_ui(
        ui,
        "models-numbers",
        &format!("{} · {count}", about.dtypes.join(", ")),
    );
    if let Some(layout) = &about.layout {
        row_ui(ui, "models-naming", layout_name(ui, layout).as_ref());
    }
    if let Some(data) = about.data {
        let id = match data {
            Data::Lvd => "models-data-lvd",
            Data::Sat => "models-data-sat",
        };
        row_ui(ui, "models-data", &tr(ui, id));
    }
}

fn family(ui: &Ui, config: &BackboneConfig) -> Text {
    let id = match config {
        BackboneConfig::Vit(_) => "models-family-vit",
        BackboneConfig::ConvNext(_) => "models-family-convnext",
    };
    tr_with(ui, id, &[("patch", config.patch().into())])
}

fn sizes(ui: &Ui, config: &BackboneConfig) -> Text {
    let (dim, layers) = (
        ("dim", config.dim().into()),
        ("layers", config.layers().into()),
    );
    match config {
        BackboneConfig::Vit(vit) => tr_with(
            ui,
            "models-sizes-vit",
            &[dim, layers, ("heads", vit.heads.into())],
        ),
        BackboneConfig::ConvNext(_) => tr_with(ui, "models-sizes-convnext", &[dim, layers]),
    }
}

fn extra_tokens(ui: &Ui, config: &BackboneConfig) -> Text {
    match config {
        BackboneConfig::Vit(vit) => tr_with(
            ui,
            "models-extra-vit",
            &[("registers", vit.registers.into())],
        ),
        BackboneConfig::ConvNext(_) => tr(ui, "models-extra-none"),
    }
}

fn layout_name(ui: &Ui, layout: &str) -> Text {
    match layout {
        "meta" => tr(ui, "models-layout-meta"),
        "hf" => tr(ui, "models-layout-hf"),
        "timm" => tr(ui, "models-layout-timm"),
        other => Text::from(other),
    }
}

fn here_ui(ui: &mut Ui, cx: &mut Cx<'_>, model: &Known, about: Option<&About>) {
    sheet::strong(ui, &tr(ui, "models-here"));
    ui.spacing_mut().item_spacing.y = 0.0;
    for side in SIDES {
        let cost = cx
            .session
            .models
            .predict(&model.name, Size::Short(side), (side, side));
        let said = cost.map_or_else(
            || tr(ui, "models-no-prediction").to_string(),
            |cost| {
                let time = text::millis(cost.seconds * 1000.0);
                let id = if cost.is_measured {
                    "models-cost"
                } else {
                    "models-cost-about"
                };
                tr_with(
                    ui,
                    id,
                    &[
                        ("time", time.into()),
                        ("memory", text::bytes(cost.bytes).into()),
                    ],
                )
                .to_string()
            },
        );
        let label = format!("{side} px");
        named_row_ui(ui, &label, &said, true);
    }
    if let Some(device) = cx.session.models.device_name() {
        named_row_ui(ui, &tr(ui, "settings-device"), &device, false);
    }
    if model.is_here() {
        file_ui(ui, model, about);
    } else if let Some(bytes) = model.bytes {
        named_row_ui(ui, &tr(ui, "models-download"), &text::bytes(bytes), true);
    }
}

fn file_ui(ui: &mut Ui, model: &Known, about: Option<&About>) {
    let file = model.path.as_deref().and_then(std::path::Path::file_name);
    let file = file.map(|name| name.to_string_lossy().into_owned());
    let file = file.unwrap_or_else(|| tr(ui, "models-in-the-program").to_string());
    let response = named_row_ui(ui, &tr(ui, "models-file"), &file, true);
    if let Some(path) = &model.path {
        response.on_hover_text(path.display().to_string());
    }
    let Some(sha256) = about.and_then(|about| about.sha256.as_deref()) else {
        return;
    };
    ui.horizontal(|ui| {
        label_ui(ui, "SHA-256");
        let short = shortened(sha256);
        let shown = RichText::new(short)
            .monospace()
            .color(theme::palette(ui).text_0);
        ui.label(shown).on_hover_text(sha256);
        let copy = Button::icon_only(icons::COPY, tr(ui, "models-copy-sum"));
        if ui.add(copy).clicked() {
            ui.ctx().copy_text(sha256.to_owned());
        }
    });
}

/// The two ends of a long sum, by which people compare it.
fn shortened(sum: &str) -> String {
    match (
        sum.get(..4),
        sum.len().checked_sub(4).and_then(|end| sum.get(end..)),
    ) {
        (Some(start), Some(end)) if sum.len() > 12 => format!("{start}…{end}"),
        _ => sum.to_owned(),
    }
}

fn row_ui(ui: &mut Ui, id: &str, value: &str) {
    named_row_ui(ui, &tr(ui, id), value, false);
}

fn named_row_ui(ui: &mut Ui, name: &str, value: &str, is_value: bool) -> egui::Response {
    ui.horizontal(|ui| {
        ui.set_min_height(28.0);
        label_ui(ui, name);
        let mut shown = RichText::new(value).color(theme::palette(ui).text_0);
        if is_value {
            shown = shown.monospace();
        }
        ui.add(Label::new(shown).wrap().selectable(true))
    })
    .inner
}

fn label_ui(ui: &mut Ui, name: &str) {
    let color = theme::palette(ui).text_2;
    ui.allocate_ui_with_layout(
        egui::vec2(LABEL, 28.0),
        egui::Layout::left_to_right(egui::Align::Center),
        |ui| {
            ui.set_min_width(LABEL);
            ui.add(Label::new(RichText::new(name).color(color)).truncate());
        },
    );
}

/// Why half precision is not offered.
pub(super) fn precision_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(icons::INFO).size(15.0).color(palette.text_2));
        sheet::small(ui, &tr(ui, "models-precision"));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_shortened_to_its_ends_and_a_short_text_is_not() {
        assert_eq!(
            shortened(&format!("9f2c{}e81b", "0".repeat(56))),
            "9f2c…e81b"
        );
        assert_eq!(shortened("abc"), "abc");
        assert_eq!(shortened(""), "");
    }
}
