//! Sections of the inspector that several views have: colors of numbers, features.

use std::sync::Arc;

use dinoscope_engine::figure::{Colormap, Sampling};
use dinoscope_engine::{Norm, Size};
use egui::{RichText, Ui};

use super::numbers::Read;
use crate::cx::Cx;
use crate::document::{
    FeatureSettings, MAX_SIDE_PX, MIN_SIDE_PX, PictureId, RangeMode, ScalarLook, Settings, ViewId,
};
use crate::parts;
use crate::text::{self, tr, tr_with};
use crate::theme;
use crate::widgets::{ColorBar, Combo, NumberSlider, Segmented};

/// Lets `draw` change a copy of a view's settings and makes one edit of what it changed.
pub fn editing(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    id: ViewId,
    draw: impl FnOnce(&mut Ui, &mut Cx<'_>, &mut Settings),
) {
    let before = cx.document.settings(id).clone();
    let mut settings = before.clone();
    draw(ui, cx, &mut settings);
    if settings != before {
        cx.drag(
            "edit-setting",
            format!("settings/{}", id.0),
            move |document| {
                *document.settings_mut(id) = settings;
            },
        );
    }
}

/// Names of the color maps in the order of the menu; no rainbow is offered unless it is in use.
pub fn colormaps(ui: &Ui, current: Colormap) -> Vec<(Colormap, crate::text::Text)> {
    let offered = [
        Colormap::Inferno,
        Colormap::Viridis,
        Colormap::Cividis,
        Colormap::Magma,
        Colormap::Grey,
    ];
    let extra = Some(current).filter(|current| !offered.contains(current));
    let all = offered.into_iter().chain(extra);
    all.map(|map| (map, tr(ui, colormap_id(map)))).collect()
}

fn colormap_id(map: Colormap) -> &'static str {
    match map {
        Colormap::Viridis => "canvas-map-viridis",
        Colormap::Magma => "canvas-map-magma",
        Colormap::Inferno => "canvas-map-inferno",
        Colormap::Cividis => "canvas-map-cividis",
        Colormap::Turbo => "canvas-map-turbo",
        Colormap::Grey => "canvas-map-grey",
        Colormap::Diverging => "canvas-map-diverging",
    }
}

/// Colors of a map: histogram and bar with both ends, range, color map, strength, interpolation.
pub fn colors_ui(ui: &mut Ui, look: &mut ScalarLook, read: Option<&Arc<Read>>, unit: &str) {
    parts::section(ui, "similarity-colours", |ui| {
        let range = read.map_or((0.0, 1.0), |read| read.range);
        let mut ends = match look.range {
            RangeMode::Auto => [range.0, range.1],
            RangeMode::Fixed { min, max } => [min, max],
        };
        let colors: Vec<egui::Color32> = look
            .colormap
            .table()
            .into_iter()
            .map(theme::data_color)
            .collect();
        let counts = read.map_or(&[][..], |read| &read.histogram);
        let names = [tr(ui, "canvas-lowest"), tr(ui, "canvas-highest")];
        // A range that was fixed elsewhere may go beyond this map.
        let domain = range.0.min(ends[0])..=range.1.max(ends[1]);
        let bar = ColorBar::new(&mut ends, domain, &colors, names)
            .counts(counts)
            .unit(unit);
        if ui.add(bar).changed() && ends[0] < ends[1] {
            look.range = RangeMode::Fixed {
                min: ends[0],
                max: ends[1],
            };
        }
        parts::row(ui, "similarity-range", |ui| {
            let mut auto = look.range == RangeMode::Auto;
            let choices = [
                (true, tr(ui, "similarity-auto")),
                (false, tr(ui, "similarity-fixed")),
            ];
            if ui.add(Segmented::new(&mut auto, choices)).changed() {
                look.range = if auto {
                    RangeMode::Auto
                } else {
                    RangeMode::Fixed {
                        min: range.0,
                        max: range.1,
                    }
                };
            }
        });
        parts::row(ui, "similarity-colour-map", |ui| {
            let name = tr(ui, "similarity-colour-map");
            let choices = colormaps(ui, look.colormap);
            ui.add(Combo::new(&mut look.colormap, choices, name));
        });
        strength_ui(ui, look);
        parts::row(ui, "canvas-smooth", |ui| {
            let name = tr(ui, "canvas-smooth");
            let choices = Sampling::ALL.map(|sampling| (sampling, tr(ui, sampling_id(sampling))));
            ui.add(Combo::new(&mut look.sampling, choices, name));
        });
    });
}

/// How strongly a map covers the picture, in per cent.
pub fn strength_ui(ui: &mut Ui, look: &mut ScalarLook) {
    parts::row(ui, "similarity-strength", |ui| {
        let name = tr(ui, "similarity-strength");
        let mut percent = look.strength * 100.0;
        let slider = NumberSlider::new(&mut percent, 0.0..=100.0, name)
            .decimals(0)
            .suffix(" %")
            .default(78.0);
        if ui.add(slider).changed() {
            look.strength = percent / 100.0;
        }
    });
}

fn sampling_id(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Nearest => "canvas-smooth-none",
        Sampling::Bilinear => "canvas-smooth-bilinear",
        Sampling::Bicubic => "canvas-smooth-bicubic",
        Sampling::JointBilateral(_) => "canvas-smooth-edges",
    }
}

/// Detail with its cost, layer, norm and model.
pub fn features_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, features: &mut FeatureSettings) {
    parts::section(ui, "similarity-features", |ui| {
        let picture = cx.view(id).and_then(super::View::picture);
        detail_ui(ui, cx, (id, picture), features);
        layer_ui(ui, cx, id, features);
        parts::row(ui, "similarity-norm", |ui| {
            let choices = [
                (Norm::Final, tr(ui, "similarity-norm-final")),
                (Norm::None, tr(ui, "similarity-norm-none")),
            ];
            ui.add(Segmented::new(&mut features.norm, choices));
        });
    });
}

/// Short side of the network's input; what it costs stands below before it runs.
fn detail_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, Option<PictureId>),
    features: &mut FeatureSettings,
) {
    let memory = ui.scope_id().with(("detail", id.0));
    let held: Option<u32> = ui.data(|data| data.get_temp(memory));
    let current = match features.size {
        Size::Short(side) => side,
        Size::Exact { width, height } => width.min(height),
        Size::Native => picture
            .and_then(|it| cx.session.pictures.peek(it))
            .map_or(512, |open| open.size_px().0.min(open.size_px().1)),
    };
    let mut side = held.unwrap_or(current);
    parts::row(ui, "similarity-detail", |ui| {
        let name = tr(ui, "similarity-detail");
        let slider = NumberSlider::new(&mut side, MIN_SIDE_PX..=MAX_SIDE_PX, name)
            .step(16.0)
            .logarithmic()
            .default(512_u32);
        let response = ui.add(slider);
        // The network runs when the handle is let go: each step on the way would cost a forward.
        if response.dragged() {
            ui.data_mut(|data| data.insert_temp(memory, side));
        } else if response.changed() || response.drag_stopped() {
            ui.data_mut(|data| data.remove::<u32>(memory));
            features.size = Size::Short(side);
        } else if held.is_some() {
            ui.data_mut(|data| data.remove::<u32>(memory));
        }
    });
    let model = cx.document.model_of(id).to_owned();
    let picture_px = picture
        .and_then(|it| cx.session.pictures.peek(it))
        .map(|open| open.size_px());
    let cost = picture_px.and_then(|px| cx.session.models.predict(&model, Size::Short(side), px));
    if let Some(cost) = cost {
        let args = [
            ("patches", parts::count(ui, cost.tokens).into()),
            ("time", text::millis(cost.seconds * 1e3).into()),
            ("memory", text::bytes(cost.bytes).into()),
        ];
        let line = tr_with(ui, "canvas-cost", &args);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            let palette = theme::palette(ui);
            let color = if cost.seconds > 30.0 {
                palette.warn
            } else {
                palette.text_2
            };
            ui.label(RichText::from(line).small().color(color));
        });
        if let Size::Short(fitted) = cost.size
            && fitted != side
        {
            let line = tr_with(ui, "canvas-detail-limit", &[("px", fitted.into())]);
            ui.label(parts::faint(ui, &line));
        }
    }
}

fn layer_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, features: &mut FeatureSettings) {
    let model = cx.document.model_of(id).to_owned();
    let Some(layers) = cx.session.models.layers(&model) else {
        return;
    };
    parts::row(ui, "similarity-layer", |ui| {
        let name = tr(ui, "similarity-layer");
        let last = layers.saturating_sub(1);
        let mut layer = features.layer.unwrap_or(last).min(last) + 1;
        let slider = NumberSlider::new(&mut layer, 1..=layers, name)
            .default(layers)
            .shown_as(|layer| format!("{layer:.0}/{layers}"));
        if ui.add(slider).changed() {
            features.layer = Some(layer - 1).filter(|&layer| layer != last);
        }
    });
}
