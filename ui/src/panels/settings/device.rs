//! Where networks run: the adapters of this computer, listed once by a job, and what `auto` makes of them.

use dinoscope_engine::device::{Adapter, Cpu, adapters, cpu};
use dinoscope_jobs::runner::{Lane, Runner, Spec, Title, Visibility};
use egui::Ui;

use super::{heading, help, row, value};
use crate::cx::Cx;
use crate::session::Slot;
use crate::text::{self, Text, tr, tr_with};
use crate::widgets::Combo;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct State {
    found: Slot<(Vec<Adapter>, Cpu)>,
}

impl State {
    /// Looks once: enumerating adapters starts drivers, which takes a while.
    fn refresh(&mut self, runner: &Runner) {
        if self.found.is_empty() {
            let mut spec = Spec::new(Lane::Network, Title::new("job-adapters"));
            spec.visible = Visibility::Hidden;
            self.found
                .start(runner.submit(spec, |_| Ok((adapters(), cpu()))));
        }
        self.found.poll();
    }
}

/// Draws the page.
pub(super) fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    cx.state.settings.device.refresh(&cx.session.runner);
    let found = cx.state.settings.device.found.ready();
    let none = Vec::new();
    let adapters = found.map_or(&none, |(adapters, _)| adapters);
    let mut choice = cx.preferences.device.clone();
    let choices = choices(ui, adapters, &choice);
    row(ui, "settings-device", |ui| {
        ui.add(Combo::new(&mut choice, choices, tr(ui, "settings-device")))
    });
    help(ui, &auto_words(ui, adapters, found.is_some()));
    if choice != cx.preferences.device {
        cx.preferences.device = choice;
    }
    let now = cx.session.models.device_name();
    let now: Text = now.map_or_else(|| tr(ui, "about-device-none"), Into::into);
    value(ui, tr(ui, "settings-device-now"), &now);
    value(
        ui,
        tr(ui, "settings-device-maps"),
        &cx.session.display.name(),
    );
    if let Some((adapters, cpu)) = cx.state.settings.device.found.ready() {
        here_ui(ui, adapters, cpu);
    }
    if let Some(failure) = cx.state.settings.device.found.failure() {
        super::sheet::small(ui, &failure.message);
    }
}

/// What there is, in the driver's words.
fn here_ui(ui: &mut Ui, adapters: &[Adapter], cpu: &Cpu) {
    heading(ui, "models-on-this-computer");
    let values = [("cores", cpu.cores.into()), ("simd", cpu.simd.into())];
    let facts = tr_with(ui, "settings-cpu-facts", &values);
    value(ui, tr(ui, "settings-processor"), &facts);
    if let Some(memory) = cpu.memory_bytes {
        value(ui, tr(ui, "settings-memory"), &text::bytes(memory));
    }
    for adapter in adapters {
        let name = format!("gpu:{}", adapter.index);
        let facts = format!(
            "{} · {} · {}",
            adapter.name,
            adapter.backend,
            kind(ui, adapter)
        );
        value(ui, name, &facts).on_hover_text(&adapter.driver);
    }
    if adapters.is_empty() {
        super::sheet::small(ui, &tr(ui, "settings-no-adapter"));
    }
}

fn kind(ui: &Ui, adapter: &Adapter) -> Text {
    match adapter.kind {
        "discrete" => tr(ui, "settings-gpu-discrete"),
        "integrated" => tr(ui, "settings-gpu-integrated"),
        "virtual" => tr(ui, "settings-gpu-virtual"),
        "software" => tr(ui, "settings-gpu-software"),
        _ => tr(ui, "settings-gpu-other"),
    }
}

/// Everything that can be chosen; what is chosen is among it even if it is not there any more.
fn choices(ui: &Ui, adapters: &[Adapter], chosen: &str) -> Vec<(String, Text)> {
    let mut choices = vec![
        ("auto".to_owned(), tr(ui, "settings-device-auto")),
        ("cpu".to_owned(), tr(ui, "settings-processor")),
    ];
    choices.extend(adapters.iter().map(|adapter| {
        let facts = format!("{} ({})", adapter.name, kind(ui, adapter));
        (format!("gpu:{}", adapter.index), facts.into())
    }));
    if !choices.iter().any(|(name, _)| name == chosen) {
        choices.push((chosen.to_owned(), chosen.into()));
    }
    choices
}

/// What `auto` takes here, and why.
fn auto_words(ui: &Ui, adapters: &[Adapter], is_known: bool) -> Text {
    if !is_known {
        return tr(ui, "settings-device-looking");
    }
    match adapters.iter().find(|adapter| !adapter.is_software()) {
        Some(adapter) => tr_with(
            ui,
            "settings-auto-gpu",
            &[("name", adapter.name.as_str().into())],
        ),
        None if adapters.is_empty() => tr(ui, "settings-auto-none"),
        None => tr(ui, "settings-auto-software"),
    }
}
