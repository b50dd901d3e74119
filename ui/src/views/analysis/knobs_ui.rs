//! Settings that an analysis describes, as controls: the third reader of [`Knobs`] beside the command line's two.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use dinoscope_engine::analysis::{Analysis, Knobs, Point};
use egui::Ui;

use crate::cx::{Cx, Purpose, Request};
use crate::document::ViewId;
use crate::host::{Dialog, DialogKind};
use crate::icons;
use crate::parts;
use crate::text::{Text, tr, tr_or};
use crate::widgets::{Button, Combo, NumberField, NumberSlider, Switch};

/// Draws all settings of an analysis.
pub(super) fn knobs_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &mut Analysis) {
    let of = analysis.get().id();
    let mut panel = Panel { ui, cx, id, of };
    analysis.get_mut().knobs(&mut panel);
}

struct Panel<'a, 'b> {
    ui: &'a mut Ui,
    cx: &'a mut Cx<'b>,
    id: ViewId,
    /// Id of the analysis.
    of: &'static str,
}

/// The name as it is read: underscores are spaces, the first letter is large.
fn label(name: &str) -> String {
    let mut letters = name.replace('_', " ").chars().collect::<Vec<char>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

impl Panel<'_, '_> {
    /// What the setting is called in the language of the window.
    fn label(&self, name: &str) -> Text {
        let id = format!("analyses-{}-{name}", self.of);
        tr_or(self.ui, &id, &label(name))
    }

    fn row(&mut self, name: &'static str, help: &'static str, content: impl FnOnce(&mut Ui, Text)) {
        let label = self.label(name);
        let help = tr_or(self.ui, &format!("analyses-{}-{name}-help", self.of), help);
        parts::labelled(self.ui, &label, |ui| {
            let area = ui.available_rect_before_wrap();
            content(ui, label.clone());
            // The sentence of the command line is the tooltip of the label.
            let left = egui::Rect::from_min_max(
                egui::pos2(area.left() - 100.0, area.top()),
                egui::pos2(area.left() - 4.0, area.bottom().min(area.top() + 28.0)),
            );
            ui.interact(left, ui.scope_id().with(name), egui::Sense::hover())
                .on_hover_text(&*help);
        });
    }
}

impl Knobs for Panel<'_, '_> {
    fn int(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut usize,
        range: RangeInclusive<usize>,
    ) {
        let short = range.end() - range.start() <= 256;
        self.row(name, help, |ui, label| {
            if short {
                ui.add(NumberSlider::new(value, range, label));
            } else {
                ui.add(NumberField::new(value, label).range(range));
            }
        });
    }

    fn real(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut f32,
        range: RangeInclusive<f32>,
    ) {
        let narrow = range.end() - range.start() <= 1000.0;
        self.row(name, help, |ui, label| {
            if narrow {
                ui.add(NumberSlider::new(value, range, label).exact());
            } else {
                ui.add(NumberField::new(value, label).range(range).exact());
            }
        });
    }

    fn maybe(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut Option<f32>,
        range: RangeInclusive<f32>,
    ) {
        self.row(name, help, |ui, label| {
            let mut on = value.is_some();
            if ui.add(Switch::new(&mut on, label.clone())).changed() {
                let start = range.start().max(0.0).min(*range.end());
                *value = on.then_some(start);
            }
            if let Some(number) = value {
                ui.add(NumberField::new(number, label).range(range).exact());
            }
        });
    }

    fn toggle(&mut self, name: &'static str, help: &'static str, value: &mut bool) {
        self.row(name, help, |ui, label| {
            ui.add(Switch::new(value, label));
        });
    }

    fn choice(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: &mut usize,
        names: &'static [&'static str],
    ) {
        self.row(name, help, |ui, text| {
            let choice = |ui: &Ui, name: &str| {
                tr_or(ui, &format!("analyses-choice-{name}"), &label(name)).to_string()
            };
            let choices: Vec<(usize, String)> = names
                .iter()
                .map(|name| choice(ui, name))
                .enumerate()
                .collect();
            ui.add(Combo::new(value, choices, text));
        });
    }

    fn ints(&mut self, name: &'static str, help: &'static str, value: &mut Vec<usize>) {
        self.row(name, help, |ui, label| {
            let current: Vec<String> = value.iter().map(usize::to_string).collect();
            let typed = typed_ui(ui, name, &label, current.join(", "));
            if let Some(text) = typed {
                let numbers: Option<Vec<usize>> = text
                    .split([',', ' '])
                    .filter(|part| !part.is_empty())
                    .map(|part| part.parse().ok())
                    .collect();
                if let Some(numbers) = numbers {
                    *value = numbers;
                }
            }
        });
    }

    fn points(&mut self, name: &'static str, help: &'static str, value: &mut Vec<Point>) {
        self.row(name, help, |ui, label| {
            let current: Vec<String> = value
                .iter()
                .map(|[x, y]| format!("{x:.0},{y:.0}"))
                .collect();
            if let Some(text) = typed_ui(ui, name, &label, current.join("; ")) {
                let point = |part: &str| {
                    let (x, y) = part.split_once(',')?;
                    let number =
                        |text: &str| text.trim().parse::<f64>().ok().filter(|it| it.is_finite());
                    Some([number(x)?, number(y)?])
                };
                let parts = text.split(';').filter(|part| !part.trim().is_empty());
                if let Some(points) = parts.map(point).collect() {
                    *value = points;
                }
            }
        });
    }

    fn file(&mut self, name: &'static str, help: &'static str, value: &mut Option<PathBuf>) {
        let id = self.id;
        let mut asks = false;
        self.row(name, help, |ui, label| {
            let shown = value
                .as_deref()
                .and_then(|path| path.file_name())
                .map(|it| it.to_string_lossy().into_owned());
            let text = shown.unwrap_or_else(|| tr(ui, "groups-no-file").to_string());
            asks = ui.add(Button::new(text).icon(icons::FOLDER_OPEN)).clicked();
            if value.is_some() && ui.add(Button::icon_only(icons::X, label)).clicked() {
                *value = None;
            }
        });
        if asks {
            let dialog = Dialog {
                id: 0,
                kind: DialogKind::OpenFiles,
                title: self.label(name).to_string(),
                filters: Vec::new(),
                file_name: None,
                folder: None,
            };
            self.cx
                .todo
                .requests
                .push_back(Request::Dialog(dialog, Purpose::Setting(id, name)));
        }
    }
}

/// A text that counts when it is finished: Enter, or another control is taken.
fn typed_ui(ui: &mut Ui, name: &str, label: &Text, current: String) -> Option<String> {
    let memory = ui.scope_id().with(("typed", name));
    let mut text = ui
        .data(|data| data.get_temp::<String>(memory))
        .unwrap_or(current);
    let width = ui.available_width();
    let response = ui.add(egui::TextEdit::singleline(&mut text).desired_width(width));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, &**label));
    if response.lost_focus() {
        ui.data_mut(|data| data.remove::<String>(memory));
        return Some(text);
    }
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(memory, text));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn names_become_labels() {
        assert_eq!(label("max_cycle_px"), "Max cycle px");
        assert_eq!(label(""), "");
    }
}
