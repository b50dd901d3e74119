//! Settings of correspondence.

use egui::Ui;

use super::verdict;
use crate::cx::{Cx, Request};
use crate::document::{LineColor, MatchShow, Settings, ViewId};
use crate::icons;
use crate::parts;
use crate::text::{tr, tr_with};
use crate::views::{sections, similarity};
use crate::widgets::{Button, Note, NumberSlider, ProgressBar, Segmented, Tone};

/// Draws the sections.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    under_ui(ui, cx, id);
    let state = &cx.session.view(id).matches;
    let counts = state
        .kept
        .as_ref()
        .zip(state.pairs.as_ref())
        .map(|(kept, pairs)| (kept.pairs.len(), pairs.len()));
    sections::editing(ui, cx, id, |ui, cx, settings| {
        filters_ui(ui, settings, counts);
        lines_ui(ui, settings);
        keypoints_ui(ui, cx, id, settings);
        parts::section(ui, "similarity-colours", |ui| {
            sections::strength_ui(ui, &mut settings.look);
        });
        sections::features_ui(ui, cx, id, &mut settings.features);
    });
}

fn under_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    parts::section(ui, "matches-under", |ui| {
        let Some(under) = cx.session.view(id).matches.under else {
            ui.label(parts::faint(ui, &tr(ui, "matches-point")));
            return;
        };
        let line = |at: [f64; 2], cosine: f32| {
            format!("{}   {}", similarity::pixel(at), parts::decimal(cosine, 3))
        };
        parts::value_row(
            ui,
            &tr(ui, "matches-best"),
            &line(under.best.0, under.best.1),
        );
        if let Some((at, cosine)) = under.second {
            parts::value_row(ui, &tr(ui, "matches-second-best"), &line(at, cosine));
        }
        let (good, text) = verdict(ui, &under);
        let tone = if good { Tone::Ok } else { Tone::Warn };
        Note::new(tone, text).show(ui);
    });
}

/// A limit that can be off: off at the end of its slider.
fn limit_ui(
    ui: &mut Ui,
    label: &'static str,
    value: &mut Option<f32>,
    (range, off): (std::ops::RangeInclusive<f32>, f32),
    digits: usize,
    suffix: &'static str,
) {
    parts::row(ui, label, |ui| {
        let name = tr(ui, label);
        let none = tr(ui, "app-off");
        let mut number = value.unwrap_or(off);
        let shown = |number: f64| {
            if (number as f32 - off).abs() < 1e-6 {
                none.to_string()
            } else {
                format!("{number:.digits$}{suffix}")
            }
        };
        let slider = NumberSlider::new(&mut number, range, name)
            .decimals(digits)
            .default(off)
            .shown_as(shown);
        if ui.add(slider).changed() {
            *value = Some(number).filter(|number| (number - off).abs() > 1e-6);
        }
    });
}

fn filters_ui(ui: &mut Ui, settings: &mut Settings, counts: Option<(usize, usize)>) {
    let matches = &mut settings.matches;
    parts::section(ui, "matches-keep", |ui| {
        parts::switch_row(ui, "matches-holds-both-ways", &mut matches.mutual);
        limit_ui(
            ui,
            "matches-round-trip",
            &mut matches.max_cycle_px,
            (0.0..=200.0, 200.0),
            0,
            " px",
        );
        limit_ui(
            ui,
            "matches-second-over-best",
            &mut matches.max_ratio,
            (0.5..=1.0, 1.0),
            2,
            "",
        );
        limit_ui(
            ui,
            "matches-cosine-over",
            &mut matches.min_cosine,
            (-1.0..=1.0, -1.0),
            2,
            "",
        );
        if let Some((kept, all)) = counts {
            let share = kept as f32 / all.max(1) as f32;
            ui.add(ProgressBar::new(Some(share), tr(ui, "matches-kept")));
            let args = [
                ("kept", parts::count(ui, kept).into()),
                ("total", parts::count(ui, all).into()),
            ];
            parts::value_row(
                ui,
                &tr(ui, "matches-kept"),
                &tr_with(ui, "matches-kept-of", &args),
            );
        }
    });
}

fn lines_ui(ui: &mut Ui, settings: &mut Settings) {
    let matches = &mut settings.matches;
    parts::section(ui, "matches-lines", |ui| {
        parts::row(ui, "matches-spread", |ui| {
            let name = tr(ui, "matches-spread");
            ui.add(
                NumberSlider::new(&mut matches.spread_px, 0.0..=200.0, name)
                    .decimals(0)
                    .suffix(" px")
                    .default(48.0_f32),
            );
        });
        parts::row(ui, "matches-color-by", |ui| {
            let choices = [
                (LineColor::Place, tr(ui, "matches-place")),
                (LineColor::Cosine, tr(ui, "matches-cosine")),
            ];
            ui.add(Segmented::new(&mut matches.color, choices));
        });
        parts::row(ui, "matches-show", |ui| {
            let choices = [
                (MatchShow::Lines, tr(ui, "matches-show-lines")),
                (MatchShow::Dots, tr(ui, "matches-show-dots")),
                (MatchShow::Colors, tr(ui, "matches-show-colors")),
            ];
            ui.add(Segmented::new(&mut matches.show, choices));
        });
        parts::switch_row(ui, "matches-heat", &mut matches.heat);
        parts::switch_row(ui, "matches-refine", &mut matches.refine);
    });
}

fn keypoints_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, settings: &mut Settings) {
    parts::section(ui, "matches-keypoints", |ui| {
        let pair = cx
            .view(id)
            .map(|view| view.pictures.clone())
            .unwrap_or_default();
        let mine = settings
            .matches
            .keypoints
            .iter()
            .filter(|point| point.pair[..] == pair[..])
            .count();
        ui.label(parts::faint(ui, &tr(ui, "matches-keypoints-help")));
        for (index, point) in settings.matches.keypoints.iter_mut().enumerate() {
            if point.pair[..] != pair[..] {
                continue;
            }
            ui.horizontal(|ui| {
                let name = tr(ui, "matches-keypoint-name");
                let field = egui::TextEdit::singleline(&mut point.name)
                    .desired_width(96.0)
                    .id_salt(("keypoint", index));
                ui.add(field)
                    .widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, &*name));
                ui.label(egui::RichText::new(similarity::pixel(point.a)).monospace());
                if point.b.is_some() {
                    ui.label(parts::faint(ui, &tr(ui, "matches-corrected")));
                }
            });
        }
        ui.horizontal(|ui| {
            let none = (mine == 0).then(|| tr(ui, "matches-no-keypoints"));
            let export = Button::new(tr(ui, "matches-coco"))
                .icon(icons::EXPORT)
                .disabled_because(none.clone());
            if ui.add(export).clicked() {
                cx.todo.requests.push_back(Request::Keypoints(id));
            }
            let clear = Button::new(tr(ui, "similarity-clear"))
                .icon(icons::TRASH)
                .ghost()
                .disabled_because(none);
            if ui.add(clear).clicked() {
                settings
                    .matches
                    .keypoints
                    .retain(|point| point.pair[..] != pair[..]);
            }
        });
    });
}
