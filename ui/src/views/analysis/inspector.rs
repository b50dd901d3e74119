//! Settings and numbers of any analysis.

use dinoscope_engine::analysis::{Analysis, Number, PATCHES_ALIKE};
use egui::{RichText, Ui};

use super::{Drawn, Outcome, knobs_ui, pictures};
use crate::cx::Cx;
use crate::document::{PictureId, ViewId, ViewKind};
use crate::parts;
use crate::text::{Value, tr, tr_if_known, tr_or, tr_with};
use crate::theme;
use crate::views::sections;
use crate::widgets::{Combo, Note, Tone};

/// Draws the sections.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis) {
    settings_ui(ui, cx, id, analysis);
    numbers_ui(ui, cx, id, analysis);
    let picture = cx.view(id).and_then(crate::views::View::picture);
    let state = &cx.session.view(id).analysis;
    let read = picture.and_then(|picture| state.read(picture).cloned());
    let kind = ViewKind::Analysis(analysis.clone());
    sections::editing(ui, cx, id, |ui, cx, settings| {
        let mut look = settings.look_of(&kind);
        match &read {
            Some(read) => sections::colors_ui(ui, &mut look, Some(read), ""),
            None => parts::section(ui, "similarity-colours", |ui| {
                sections::strength_ui(ui, &mut look);
            }),
        }
        settings.set_look(&kind, look);
        sections::features_ui(ui, cx, id, &mut settings.features);
    });
}

fn settings_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis) {
    parts::section(ui, "groups-settings", |ui| {
        let (id_of, about) = (analysis.get().id(), analysis.get().about());
        let about = tr_or(ui, &format!("analyses-{id_of}-about"), about);
        ui.label(parts::faint(ui, &about));
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

fn numbers_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, analysis: &Analysis) {
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
        if let Some(verdict) = verdict(ui, cx, &outcome, analysis.get().id()) {
            Note::new(Tone::Info, verdict).show(ui);
        }
        let mine = outcome
            .numbers
            .iter()
            .filter(|number| number.subject.is_none() || number.subject == place);
        for number in mine {
            let title = format!("analyses-number-{}", number.name);
            let title = tr_or(ui, &title, number.title);
            parts::value_row(ui, &title, &number_text(number.value));
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

/// What the numbers say about each picture; the engine's sentences where the language has none of its own.
fn verdict(ui: &Ui, cx: &Cx<'_>, outcome: &Outcome, of: &str) -> Option<String> {
    let english = outcome.verdict.as_ref()?;
    let id = format!("analyses-{of}-verdict");
    let sentence = |(at, &picture): (usize, &PictureId)| {
        let name = cx.document.library.get(picture)?.name();
        let mine = outcome.numbers.iter();
        let mine: Vec<&Number> = mine.filter(|it| it.subject == Some(at)).collect();
        let texts: Vec<String> = mine.iter().map(|it| format!("{}_text", it.name)).collect();
        let alike = mine
            .iter()
            .any(|it| it.name == "patch_patch_cosine" && it.value > f64::from(PATCHES_ALIKE));
        let alike = if alike { "yes" } else { "no" };
        let mut values: Vec<(&str, Value<'_>)> =
            vec![("name", name.into()), ("alike", alike.into())];
        for (number, text) in mine.iter().zip(&texts) {
            values.push((number.name, number.value.into()));
            values.push((text, number_text(number.value).into()));
        }
        tr_if_known(ui, &id, &values).map(String::from)
    };
    let sentences = outcome.pictures.iter().enumerate().map(sentence);
    let known: Option<Vec<String>> = sentences.collect();
    Some(known.map_or_else(|| english.clone(), |sentences| sentences.join(" ")))
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
