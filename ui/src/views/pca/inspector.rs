//! Settings of principal components.

use egui::Ui;

use super::pictures;
use crate::cx::{Cx, Purpose, Request};
use crate::document::{Outside, Settings, ViewId};
use crate::host::{Dialog, DialogKind};
use crate::icons;
use crate::parts;
use crate::session::Fit;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::views::sections;
use crate::widgets::{BarChart, Button, Combo, Histogram, NumberSlider, Segmented};

/// Draws the sections.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    basis_ui(ui, cx, id);
    let fit = cx.session.view(id).pca.fit.clone();
    sections::editing(ui, cx, id, |ui, cx, settings| {
        let available = fit
            .as_ref()
            .map_or(crate::session::COMPONENTS, |fit| fit.basis.len());
        colors_ui(ui, settings, available);
        if let Some(fit) = &fit {
            variance_ui(ui, fit, settings);
            foreground_ui(ui, fit, settings);
        }
        sections::features_ui(ui, cx, id, &mut settings.features);
    });
}

fn basis_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    parts::section(ui, "pca-basis", |ui| {
        let frozen = cx.document.settings(id).pca.frozen.clone();
        let count = pictures(cx, id).len();
        let mut is_frozen = frozen.is_some();
        let choices = [
            (false, tr_with(ui, "pca-these", &[("count", count.into())])),
            (true, tr(ui, "pca-frozen")),
        ];
        if ui.add(Segmented::new(&mut is_frozen, choices)).changed() {
            if is_frozen {
                cx.run(crate::commands::Command::FreezeBasis);
            } else {
                cx.edit("edit-unfreeze", move |document| {
                    document.settings_mut(id).pca.frozen = None;
                });
            }
        }
        if let Some(frozen) = &frozen {
            let name = frozen
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let args = [
                ("name", name.unwrap_or_default().into()),
                ("count", frozen.pictures.into()),
            ];
            ui.label(parts::faint(ui, &tr_with(ui, "pca-frozen-from", &args)));
        }
        ui.horizontal(|ui| {
            if ui
                .add(Button::new(tr(ui, "app-save")).icon(icons::FLOPPY_DISK))
                .clicked()
            {
                cx.todo.requests.push_back(Request::SaveBasis(id));
            }
            if ui
                .add(Button::new(tr(ui, "app-load")).icon(icons::FOLDER_OPEN))
                .clicked()
            {
                let dialog = Dialog {
                    id: 0,
                    kind: DialogKind::OpenFiles,
                    title: tr(ui, "pca-load-title").to_string(),
                    filters: vec![(
                        tr(ui, "pca-basis-kind").to_string(),
                        vec!["safetensors".to_owned()],
                    )],
                    file_name: None,
                    folder: None,
                };
                cx.todo
                    .requests
                    .push_back(Request::Dialog(dialog, Purpose::LoadBasis(id)));
            }
            let freeze = Button::new(tr(ui, "pca-freeze"))
                .icon(icons::SNOWFLAKE)
                .ghost()
                .on(frozen.is_some());
            if ui.add(freeze).clicked() {
                cx.run(crate::commands::Command::FreezeBasis);
            }
        });
    });
}

fn colors_ui(ui: &mut Ui, settings: &mut Settings, available: usize) {
    parts::section(ui, "similarity-colours", |ui| {
        let pca = &mut settings.pca;
        for place in 0..3 {
            ui.horizontal(|ui| {
                let (rect, _) =
                    ui.allocate_exact_size(egui::vec2(12.0, 28.0), egui::Sense::hover());
                let dot = egui::Rect::from_center_size(rect.center(), egui::Vec2::splat(11.0));
                ui.painter()
                    .rect_filled(dot, 3.0, theme::palette(ui).channels[place]);
                let component = |ui: &Ui, at: usize| {
                    tr_with(
                        ui,
                        "pca-component",
                        &[("number", (at + 1).to_string().into())],
                    )
                };
                let choices: Vec<_> = (0..available.max(1))
                    .map(|at| (at, component(ui, at)))
                    .collect();
                let name = tr(ui, ["pca-red", "pca-green", "pca-blue"][place]);
                let width = ui.available_width() - 72.0;
                ui.add(Combo::new(&mut pca.components[place], choices, name).width(width));
                let next = (place + 1) % 3;
                let swap = Button::icon_only(icons::SWAP, tr(ui, "pca-swap")).framed();
                if ui.add(swap).clicked() {
                    pca.components.swap(place, next);
                    pca.flip.swap(place, next);
                }
                let flip = Button::icon_only(icons::FLIP_HORIZONTAL, tr(ui, "pca-flip"))
                    .framed()
                    .on(pca.flip[place]);
                if ui.add(flip).clicked() {
                    pca.flip[place] = !pca.flip[place];
                }
            });
        }
        ui.horizontal(|ui| {
            if ui
                .add(Button::new(tr(ui, "pca-next-three")).icon(icons::SHUFFLE))
                .clicked()
            {
                pca.components = next_three(pca.components, available);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let name = tr(ui, "pca-align");
                ui.add(crate::widgets::Switch::new(&mut pca.align, name.clone()));
                ui.label(parts::faint(ui, &name));
            });
        });
        parts::row(ui, "pca-alike-range", |ui| {
            let name = tr(ui, "pca-alike-range");
            ui.add(NumberSlider::new(&mut pca.alike, 0.05..=3.0, name).default(0.5_f32));
        });
    });
}

/// The three components after those that are shown; the first ones again at the end.
fn next_three(shown: [usize; 3], available: usize) -> [usize; 3] {
    let first = shown.into_iter().max().unwrap_or(0) + 1;
    if first + 3 <= available {
        [first, first + 1, first + 2]
    } else {
        [
            0,
            1.min(available.saturating_sub(1)),
            2.min(available.saturating_sub(1)),
        ]
    }
}

fn variance_ui(ui: &mut Ui, fit: &Fit, settings: &Settings) {
    parts::section(ui, "pca-variance", |ui| {
        let palette = theme::palette(ui);
        let shown = settings.pca.components;
        let ratio = &fit.basis.explained_variance_ratio;
        let shares: Vec<f32> = ratio
            .iter()
            .take(crate::session::COMPONENTS)
            .map(|share| share * 100.0)
            .collect();
        let color = |at: usize| {
            let place = shown.iter().position(|&component| component == at);
            place.map(|place| palette.channels[place])
        };
        let chart =
            BarChart::new(&shares, tr(ui, "pca-variance")).colors((0..shares.len()).map(color));
        ui.add(chart);
        let sum: f32 = shown.iter().filter_map(|&at| ratio.get(at)).sum();
        let text = format!("{} %", parts::decimal(sum * 100.0, 1));
        parts::value_row(ui, &tr(ui, "pca-shown-explain"), &text);
    });
}

fn foreground_ui(ui: &mut Ui, fit: &Fit, settings: &mut Settings) {
    let pca = &mut settings.pca;
    parts::section(ui, "pca-foreground", |ui| {
        parts::switch_row(ui, "pca-foreground-on", &mut pca.foreground);
        if !pca.foreground {
            return;
        }
        let mut cut = pca.threshold.unwrap_or(fit.cut);
        let read = crate::views::numbers::bars(&fit.scores);
        let name = tr(ui, "pca-threshold");
        let histogram =
            Histogram::new(&mut cut, read.1.0..=read.1.1, &read.0, name).keeps_below(pca.invert);
        if ui.add(histogram).changed() {
            pca.threshold = Some(cut);
        }
        parts::row(ui, "pca-threshold", |ui| {
            let name = tr(ui, "pca-threshold");
            let range = read.1.0..=read.1.1.max(read.1.0 + 0.01);
            let slider = NumberSlider::new(&mut cut, range, name)
                .unfilled()
                .default(fit.cut);
            if ui.add(slider).changed() {
                pca.threshold = Some(cut);
            }
        });
        parts::row(ui, "pca-outside", |ui| {
            let choices = [
                (Outside::Dim, tr(ui, "pca-dim")),
                (Outside::Hide, tr(ui, "pca-hide")),
                (Outside::Show, tr(ui, "pca-show")),
            ];
            ui.add(Segmented::new(&mut pca.outside, choices));
        });
        let (kept, all) = fit.kept();
        let args = [
            ("kept", parts::count(ui, kept).into()),
            ("total", parts::count(ui, all).into()),
        ];
        ui.horizontal(|ui| {
            ui.label(parts::faint(ui, &tr_with(ui, "pca-kept", &args)));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let flip = Button::new(tr(ui, "pca-other-side"))
                    .icon(icons::SWAP)
                    .ghost();
                if ui.add(flip).clicked() {
                    pca.invert = !pca.invert;
                }
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_three_start_again_at_the_end() {
        assert_eq!(next_three([0, 1, 2], 8), [3, 4, 5]);
        assert_eq!(next_three([3, 4, 5], 8), [0, 1, 2]);
        assert_eq!(next_three([0, 1, 2], 2), [0, 1, 1]);
    }
}
