//! Settings and numbers of any analysis.

use dinoscope_engine::analysis::Analysis;
use egui::{RichText, Ui};

use super::{Drawn, knobs_ui, pictures};
use crate::cx::Cx;
use crate::document::{ViewId, ViewKind};
use crate::parts;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::views::sections;
use crate::widgets::{Combo, Note, Tone};

/// Draws the sections.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis) {
    settings_ui(ui, cx, id, analysis);
    numbers_ui(ui, cx, id);
    let outcome = cx.session.view(id).analysis.outcome.clone();
    let picture = cx.view(id).and_then(crate::views::View::picture);
    let at = cx.session.view(id).analysis.map;
    let read = outcome
        .as_ref()
        .zip(picture)
        .and_then(|(outcome, picture)| {
            let drawable = outcome
                .of(picture)
                .nth(at)
                .or_else(|| outcome.of(picture).next())?;
            match &drawable.kind {
                Drawn::Scalar(read, _, _) => Some(std::sync::Arc::clone(read)),
                _ => None,
            }
        });
    sections::editing(ui, cx, id, |ui, cx, settings| {
        match &read {
            Some(read) => sections::colors_ui(ui, &mut settings.look, Some(read), ""),
            None => parts::section(ui, "similarity-colours", |ui| {
                sections::strength_ui(ui, &mut settings.look);
            }),
        }
        sections::features_ui(ui, cx, id, &mut settings.features);
    });
}

fn settings_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis) {
    parts::section(ui, "groups-settings", |ui| {
        ui.label(parts::faint(ui, analysis.get().about()));
        let count = pictures(cx, id, analysis).len();
        ui.label(parts::faint(
            ui,
            &tr_with(ui, "groups-pictures", &[("count", count.into())]),
        ));
        let mut changed = analysis.clone();
        knobs_ui::knobs_ui(ui, cx, id, &mut changed);
        if changed != *analysis {
            cx.drag(
                "edit-setting",
                format!("analysis/{}", id.0),
                move |document| {
                    if let Some(view) = document.views.get_mut(&id) {
                        view.kind = ViewKind::Analysis(changed);
                    }
                },
            );
        }
    });
}

fn numbers_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(outcome) = cx.session.view(id).analysis.outcome.clone() else {
        return;
    };
    let picture = cx.view(id).and_then(crate::views::View::picture);
    let place = picture.and_then(|picture| outcome.pictures.iter().position(|&it| it == picture));
    parts::section(ui, "groups-numbers", |ui| {
        let maps: Vec<String> = picture
            .map(|picture| outcome.of(picture).map(|map| map.title.clone()).collect())
            .unwrap_or_default();
        if maps.len() > 1 {
            let choices: Vec<_> = maps.into_iter().enumerate().collect();
            let name = tr(ui, "groups-map");
            let state = &mut cx.session.view(id).analysis;
            ui.add(Combo::new(&mut state.map, choices, name));
        }
        if let Some(verdict) = &outcome.verdict {
            Note::new(Tone::Info, verdict.as_str()).show(ui);
        }
        let mine = outcome
            .numbers
            .iter()
            .filter(|number| number.subject.is_none() || number.subject == place);
        for number in mine {
            parts::value_row(ui, number.title, &number_text(number.value));
        }
        let labels = picture.and_then(|picture| {
            outcome.of(picture).find_map(|map| match &map.kind {
                Drawn::Labels(_, sizes) => Some(sizes.clone()),
                _ => None,
            })
        });
        if let Some(sizes) = labels {
            groups_ui(ui, cx, id, &sizes);
        }
    });
}

/// A number with as many digits as say something.
fn number_text(value: f64) -> String {
    if value.fract().abs() < 1e-9 && value.abs() < 1e9 {
        format!("{value:.0}")
    } else if value.abs() >= 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.4}")
    }
}

/// Groups with their colors and sizes; a click shows one alone.
fn groups_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, sizes: &[usize]) {
    ui.label(parts::faint(ui, &tr(ui, "groups-click")));
    for (group, &size) in sizes.iter().enumerate() {
        let label = group as u32;
        let only = cx.session.view(id).analysis.only;
        let response = ui
            .horizontal(|ui| {
                let (rect, _) =
                    ui.allocate_exact_size(egui::vec2(16.0, 28.0), egui::Sense::hover());
                let color =
                    theme::data_color(dinoscope_engine::figure::palette::label_color(label));
                let dot = egui::Rect::from_center_size(rect.center(), egui::Vec2::splat(12.0));
                ui.painter().rect_filled(dot, 3.0, color);
                let name = tr_with(
                    ui,
                    "groups-group-number",
                    &[("number", (group + 1).to_string().into())],
                );
                let chosen = only == Some(label);
                let response = ui.selectable_label(chosen, &*name);
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.label(RichText::new(parts::count(ui, size)).monospace());
                });
                response
            })
            .inner;
        if response.clicked() {
            let state = &mut cx.session.view(id).analysis;
            state.only = if only == Some(label) {
                None
            } else {
                Some(label)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number_text;

    #[test]
    fn whole_numbers_have_no_point() {
        assert_eq!(number_text(12.0), "12");
        assert_eq!(number_text(123.456), "123.5");
        assert_eq!(number_text(0.123_456), "0.1235");
    }
}
