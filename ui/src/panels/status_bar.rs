//! The line at the bottom: model, device, times, memory, and what can be done here.

use egui::{Response, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use crate::canvas::Tool;
use crate::cx::Cx;
use crate::document::{ViewKind, Workspace};
use crate::icons;
use crate::text::{self, Text, tr, tr_with};
use crate::theme;
use crate::widgets::paint;

/// Space at both ends and between two entries, in points.
const MARGIN: f32 = 12.0;
const GAP: f32 = 14.0;

/// Draws the line into a panel 26 high.
pub fn status_bar_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let bar = ui.max_rect();
    let room = bar.shrink2(vec2(MARGIN, 0.0));
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut child = ui.new_child(
        UiBuilder::new()
            .id_salt("status")
            .max_rect(room)
            .layout(layout),
    );
    let line = &mut child;
    line.spacing_mut().item_spacing.x = GAP;
    model_ui(line, cx);
    if room.width() > 520.0 {
        rule_ui(line);
        device_ui(line, cx);
    }
    if room.width() > 760.0 {
        rule_ui(line);
        times_ui(line, cx);
    }
    if room.width() > 940.0 {
        rule_ui(line);
        cache_ui(line, cx);
    }
    if room.width() > 1180.0 {
        memory_ui(line, cx);
    }
    let used = line.min_rect().right();
    hint_ui(ui, &hint(ui, cx), room.with_min_x(used + 2.0 * GAP));
    ui.advance_cursor_after_rect(bar);
}

/// Several texts in a row; numbers that change are monospace, so that what follows stays in its place.
fn words_ui(ui: &mut Ui, words: &[(&str, bool)]) -> Response {
    let palette = theme::palette(ui);
    let galleys: Vec<_> = words
        .iter()
        .map(|(word, mono)| {
            let font = if *mono {
                egui::FontId::monospace(11.5)
            } else {
                paint::small()
            };
            paint::line_of_text(ui.painter(), word, font, palette.text_2, 360.0)
        })
        .collect();
    let width: f32 = galleys.iter().map(|galley| galley.size().x).sum();
    let gaps = 4.0 * galleys.len().saturating_sub(1) as f32;
    let (rect, response) = ui.allocate_exact_size(vec2(width + gaps, 18.0), Sense::hover());
    let mut x = rect.left();
    for galley in galleys {
        x = paint::text_in(ui.painter(), rect, x, galley) + 4.0;
    }
    let spoken = words
        .iter()
        .map(|(word, _)| *word)
        .collect::<Vec<_>>()
        .join(" ");
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
    response
}

/// A message whose `marked` value is shown monospace: the texts before, the value, the texts after.
fn value_ui(ui: &mut Ui, message: &str, name: &str, value: &str) -> Response {
    // A mark that no language uses stands for the value while the message is put together.
    const MARK: &str = "\u{1}";
    let text = tr_with(ui, message, &[(name, MARK.into())]);
    let mut words: Vec<(&str, bool)> = Vec::new();
    for (place, part) in text.split(MARK).enumerate() {
        if place > 0 {
            words.push((value, true));
        }
        if !part.trim().is_empty() {
            words.push((part.trim(), false));
        }
    }
    words_ui(ui, &words)
}

fn rule_ui(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(1.0, 12.0), Sense::hover());
    ui.painter().rect_filled(rect, 0.0, theme::palette(ui).line);
}

/// The model of the active view and whether it can be used; a click opens the models.
fn model_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let active = cx.state.presentation.active;
    let name = active
        .map_or(&*cx.document.model, |view| cx.document.model_of(view))
        .to_owned();
    let title = if name == dinoscope_engine::model::BUILTIN {
        tr(ui, "models-built-in-name")
    } else {
        Text::from(cx.session.models.title(ui, &name))
    };
    let palette = theme::palette(ui);
    let session = &mut *cx.session;
    // Asking opens it, so that the first picture does not have to wait for it.
    let opened = session.models.ask(&name, &session.runner);
    let failed = opened.failure().map(|failure| failure.message.clone());
    let (ready, busy) = (opened.ready().is_some(), opened.is_busy());
    let (icon, color, state) = match (ready, busy) {
        _ if failed.is_some() => (icons::X_CIRCLE, palette.error, "status-failed"),
        (true, _) if session.models.is_untrained(&name) => {
            (icons::CHECK_CIRCLE, palette.ok, "status-untrained")
        }
        (true, _) => (icons::CHECK_CIRCLE, palette.ok, "app-ready"),
        (_, true) => (icons::CIRCLE_NOTCH, palette.text_2, "app-loading"),
        _ => (icons::CIRCLE_DASHED, palette.text_2, "status-not-loaded"),
    };
    let state = tr(ui, state);
    let title_galley =
        paint::line_of_text(ui.painter(), &title, paint::small(), palette.text_1, 260.0);
    let state_galley =
        paint::line_of_text(ui.painter(), &state, paint::small(), palette.text_2, 160.0);
    let width = 20.0 + title_galley.size().x + 6.0 + state_galley.size().x;
    let (rect, response) = ui.allocate_exact_size(vec2(width, 24.0), Sense::click());
    let spoken = format!("{title} {state}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &spoken));
    paint::icon_filled(
        ui.painter(),
        pos2(rect.left() + 7.0, rect.center().y),
        icon,
        14.0,
        color,
    );
    let x = paint::text_in(ui.painter(), rect, rect.left() + 20.0, title_galley);
    paint::text_in(ui.painter(), rect, x + 6.0, state_galley);
    paint::focus_ring(ui, &response);
    let tip = failed.unwrap_or_else(|| tr(ui, "status-model-help").to_string());
    if response.on_hover_text(tip).clicked() {
        cx.run(crate::commands::Command::Models);
    }
}

/// Where networks run, and with which numbers.
fn device_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(14.0, 18.0), Sense::hover());
    paint::icon(
        ui.painter(),
        rect.center(),
        icons::CPU,
        14.0,
        palette.text_2,
    );
    ui.add_space(6.0 - GAP);
    let networks = cx.session.models.device_name();
    let shown = networks
        .clone()
        .unwrap_or_else(|| cx.session.display.name());
    // Activations are always f32: DINOv3 is not safe in half precision.
    let response = words_ui(ui, &[(&format!("{shown} · f32"), false)]);
    let display = cx.session.display.name();
    response.on_hover_ui(|ui| {
        let networks = networks.unwrap_or_else(|| tr(ui, "status-not-started").to_string());
        ui.label(tr_with(
            ui,
            "status-networks-on",
            &[("device", networks.into())],
        ));
        ui.label(tr_with(ui, "status-maps-on", &[("device", display.into())]));
    });
}

fn times_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let times = &cx.session.times;
    let features = cx.session.features.last().map(|time| time.as_secs_f64());
    let entries = [
        ("app-features-time", features),
        ("app-map-time", Some(times.map.as_secs_f64())),
        ("app-frame-time", Some(times.frame.as_secs_f64())),
    ];
    for (message, secs) in entries {
        let value = secs.map_or_else(|| "–".to_owned(), |secs| text::millis(secs * 1000.0));
        value_ui(ui, message, "time", &value).on_hover_text(tr(ui, "status-times-help"));
    }
}

/// Memory that features take, and how much they may.
fn cache_ui(ui: &mut Ui, cx: &Cx<'_>) {
    let cache = cx.session.models.cache_use();
    let values = [
        ("used", text::bytes(cache.used).into()),
        ("limit", text::bytes(cache.limit).into()),
    ];
    let words = tr_with(ui, "app-cache", &values);
    let memory = cx.session.models.memory_bytes();
    words_ui(ui, &[(&words, false)]).on_hover_ui(|ui| {
        ui.label(tr(ui, "status-cache-help"));
        if let Some(memory) = memory {
            ui.label(tr_with(
                ui,
                "status-memory",
                &[("size", text::bytes(memory).into())],
            ));
        }
    });
}

/// Main memory that the program takes, where the system tells.
fn memory_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    // The number is as old as the last frame: nothing is drawn only to show a new one.
    if let Some(bytes) = cx.session.memory.bytes() {
        rule_ui(ui);
        value_ui(ui, "app-memory", "size", &text::bytes(bytes))
            .on_hover_text(tr(ui, "status-memory-help"));
    }
}

/// What can be done with the tool in the active view.
fn hint(ui: &Ui, cx: &Cx<'_>) -> Text {
    if cx.state.presentation.workspace == Workspace::Models {
        return tr(ui, "models-drop-hint");
    }
    let Some((_, view)) = cx.active().filter(|_| !cx.state.start) else {
        return tr(ui, "app-local-only");
    };
    let id = match (&view.kind, cx.state.tool) {
        (_, Tool::Pan) => "status-hint-pan",
        (ViewKind::Similarity, Tool::Box) => "status-hint-box",
        (ViewKind::Similarity, Tool::Lasso) => "status-hint-lasso",
        (ViewKind::Similarity, _) => "canvas-hint",
        (ViewKind::Pca, _) => "pca-hint",
        (ViewKind::Matches, _) => "matches-hint",
        (ViewKind::Compare, _) => "compare-hint",
        (ViewKind::Analysis(_), _) => "status-hint-analysis",
    };
    tr(ui, id)
}

fn hint_ui(ui: &Ui, hint: &Text, room: egui::Rect) {
    if room.width() < 80.0 {
        return;
    }
    let palette = theme::palette(ui);
    let galley = paint::line_of_text(
        ui.painter(),
        hint,
        paint::small(),
        palette.text_2,
        room.width(),
    );
    let x = room.right() - galley.size().x;
    let cut = galley.elided;
    let rect = room.with_min_x(x);
    paint::text_in(ui.painter(), room, x, galley);
    let response = ui.interact(rect, ui.scope_id().with("status-hint"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &**hint));
    if cut {
        response.on_hover_text(&**hint);
    }
}
