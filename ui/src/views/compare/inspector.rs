//! Settings of a comparison.

use dinoscope_engine::{Norm, Size};
use egui::Ui;

use super::letter;
use crate::cx::Cx;
use crate::document::{Axis, CompareSettings, CompareShow, FeatureSettings, Variation, ViewId};
use crate::icons;
use crate::parts;
use crate::text::{tr, tr_with};
use crate::views::sections;
use crate::widgets::{Button, Combo, NumberField, NumberSlider, Segmented};

/// Rows or columns at most.
const MOST: usize = 6;

/// Draws the sections.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    sections::editing(ui, cx, id, |ui, cx, settings| {
        let features = settings.features.clone();
        differs_ui(ui, cx, id, &features, &mut settings.compare);
        show_ui(ui, &mut settings.compare);
        let read = cx
            .session
            .view(id)
            .compare
            .reads()
            .into_iter()
            .flatten()
            .next();
        let unit = tr(ui, "compare-shared");
        sections::colors_ui(ui, &mut settings.look, read.as_ref(), &unit);
        numbers_ui(ui, cx, id, &settings.compare);
        sections::features_ui(ui, cx, id, &mut settings.features);
    });
}

fn axis_id(axis: Axis) -> &'static str {
    match axis {
        Axis::Models => "compare-models",
        Axis::Layers => "compare-layers",
        Axis::Sizes => "compare-sizes",
        Axis::Norms => "compare-norms",
        Axis::Nothing => "compare-nothing",
    }
}

fn differs_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    features: &FeatureSettings,
    compare: &mut CompareSettings,
) {
    parts::section(ui, "compare-differs", |ui| {
        let model = cx.document.model_of(id).to_owned();
        let layers = cx.session.models.layers(&model).unwrap_or(1);
        let (columns, rows) = (compare.columns, compare.rows);
        for (label, axis, values, other) in [
            (
                "compare-columns",
                &mut compare.columns,
                &mut compare.column_values,
                rows,
            ),
            (
                "compare-rows",
                &mut compare.rows,
                &mut compare.row_values,
                columns,
            ),
        ] {
            let before = *axis;
            parts::row(ui, label, |ui| {
                let name = tr(ui, label);
                let offered = Axis::ALL
                    .into_iter()
                    .filter(|&it| it == Axis::Nothing || it != other);
                let choices: Vec<_> = offered.map(|it| (it, tr(ui, axis_id(it)))).collect();
                ui.add(Combo::new(axis, choices, name));
            });
            if *axis != before {
                *values = defaults(cx, *axis, features, (&model, layers));
            }
            values_ui(ui, cx, *axis, values, layers);
        }
    });
}

/// What an axis starts with: the ends of what can be chosen.
fn defaults(
    cx: &Cx<'_>,
    axis: Axis,
    features: &FeatureSettings,
    (model, layers): (&str, usize),
) -> Vec<Variation> {
    match axis {
        Axis::Models => {
            let other = cx
                .session
                .models
                .ready_names()
                .into_iter()
                .find(|name| name != model);
            let other = other.unwrap_or_else(|| model.to_owned());
            vec![Variation::Model(model.to_owned()), Variation::Model(other)]
        }
        Axis::Layers => {
            let middle = (layers / 2).min(layers.saturating_sub(1));
            vec![Variation::Layer(Some(middle)), Variation::Layer(None)]
        }
        Axis::Sizes => {
            let side = match features.size {
                Size::Short(side) => side,
                _ => 512,
            };
            vec![Variation::Side((side / 2).max(224)), Variation::Side(side)]
        }
        Axis::Norms => vec![Variation::Norm(Norm::Final), Variation::Norm(Norm::None)],
        Axis::Nothing => vec![Variation::Same],
    }
}

/// The entries of an axis; some can be changed, added and removed.
fn values_ui(ui: &mut Ui, cx: &mut Cx<'_>, axis: Axis, values: &mut Vec<Variation>, layers: usize) {
    let mut gone = None;
    let count = values.len();
    for (at, value) in values.iter_mut().enumerate() {
        ui.horizontal(|ui| {
            parts::letter(ui, &letter(at));
            let room = ui.available_width() - 36.0;
            match value {
                Variation::Model(name) => {
                    let choices: Vec<_> = cx
                        .session
                        .models
                        .ready_names()
                        .into_iter()
                        .map(|name| {
                            let title = cx.session.models.title(ui, &name);
                            (name, title)
                        })
                        .collect();
                    let label = tr(ui, "compare-models");
                    ui.add(Combo::new(name, choices, label).width(room));
                }
                Variation::Layer(layer) => {
                    let last = layers.saturating_sub(1);
                    let mut number = layer.unwrap_or(last).min(last) + 1;
                    let name = tr(ui, "similarity-layer");
                    if ui
                        .add(NumberSlider::new(&mut number, 1..=layers.max(1), name))
                        .changed()
                    {
                        *layer = Some(number - 1).filter(|&it| it != last);
                    }
                }
                Variation::Side(side) => {
                    let name = tr(ui, "similarity-detail");
                    ui.add(
                        NumberField::new(side, name)
                            .range(112..=4096_u32)
                            .suffix(" px"),
                    );
                }
                Variation::Norm(norm) => {
                    let id = if *norm == Norm::Final {
                        "compare-norm-final"
                    } else {
                        "compare-norm-none"
                    };
                    ui.label(&*tr(ui, id));
                }
                Variation::Same => {
                    ui.label(&*tr(ui, "compare-all"));
                }
            }
            let can_go = count > 2 && matches!(axis, Axis::Models | Axis::Layers | Axis::Sizes);
            if can_go
                && ui
                    .add(Button::icon_only(icons::X, tr(ui, "compare-remove")))
                    .clicked()
            {
                gone = Some(at);
            }
        });
    }
    if let Some(at) = gone {
        values.remove(at);
    }
    let grows = count < MOST && matches!(axis, Axis::Models | Axis::Layers | Axis::Sizes);
    if grows
        && ui
            .add(Button::new(tr(ui, "compare-add")).icon(icons::PLUS).ghost())
            .clicked()
    {
        values.push(match values.last() {
            Some(Variation::Side(side)) => Variation::Side((side + 256).min(4096)),
            Some(last) => last.clone(),
            None => Variation::Same,
        });
    }
}

fn show_ui(ui: &mut Ui, compare: &mut CompareSettings) {
    parts::section(ui, "compare-show-as", |ui| {
        let choices = [
            (CompareShow::Grid, tr(ui, "compare-grid")),
            (CompareShow::Swipe, tr(ui, "compare-swipe")),
            (CompareShow::Blink, tr(ui, "compare-blink")),
        ];
        ui.add(Segmented::new(&mut compare.show, choices));
        parts::switch_row(ui, "compare-difference-cells", &mut compare.difference);
        range_ui(ui, compare);
    });
}

fn range_ui(ui: &mut Ui, compare: &mut CompareSettings) {
    parts::row(ui, "compare-difference-range", |ui| {
        let name = tr(ui, "compare-difference-range");
        ui.add(NumberSlider::new(&mut compare.difference_range, 0.05..=2.0, name).default(0.6_f32));
    });
}

fn numbers_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, compare: &CompareSettings) {
    if compare.column_values.len() < 2 {
        return;
    }
    let differences = cx.session.view(id).compare.differences.clone();
    parts::section(ui, "compare-numbers", |ui| {
        for (difference, row) in differences.iter().zip(&compare.row_values) {
            let Some(difference) = difference else {
                continue;
            };
            let last = letter(compare.column_values.len() - 1);
            let args = [
                ("b", last.into()),
                ("row", super::variation_name(ui, cx, row).into()),
            ];
            ui.label(parts::strong(ui, &tr_with(ui, "compare-numbers-of", &args)));
            parts::value_row(
                ui,
                &tr(ui, "compare-mean"),
                &parts::decimal(difference.mean, 3),
            );
            parts::value_row(
                ui,
                &tr(ui, "compare-rise"),
                &parts::signed(difference.extremes.0, 3),
            );
            parts::value_row(
                ui,
                &tr(ui, "compare-fall"),
                &parts::signed(difference.extremes.1, 3),
            );
            parts::value_row(
                ui,
                &tr(ui, "compare-correlation"),
                &parts::decimal(difference.correlation, 3),
            );
            let count = [("count", super::difference::TOP.into())];
            let name = tr_with(ui, "compare-common", &count);
            parts::value_row(ui, &name, &difference.common.to_string());
        }
    });
}
