//! Below a PCA view: its components one at a time, and the hovered patch on all of them.

use std::sync::Arc;

use dinoscope_engine::figure::Sampling;
use dinoscope_engine::figure::channels::{ChannelOverlay, Channels};
use egui::{Panel, Rect, RichText, Sense, Ui, Vec2, vec2};

use super::pca;
use crate::cx::Cx;
use crate::document::{PictureId, ViewId};
use crate::parts;
use crate::session::{Content, Fit, Painting};
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::{self, BarChart};

/// Height of the strip, and width of one component, in points.
const HEIGHT: f32 = 144.0;
const WIDTH: f32 = 144.0;

/// Takes a strip from the bottom of `ui`.
pub(super) fn strip_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, picture: PictureId) {
    let Some(fit) = cx.session.view(id).pca.fit.clone() else {
        return;
    };
    Panel::bottom(("pca-strip", id.0))
        .exact_size(HEIGHT)
        .frame(
            egui::Frame::new()
                .fill(theme::palette(ui).panel)
                .inner_margin(10),
        )
        .show(ui, |ui| {
            ui.horizontal_top(|ui| {
                intro_ui(ui, cx, picture);
                let components = cx.document.settings(id).pca.components;
                for (place, component) in components.into_iter().enumerate() {
                    component_ui(ui, cx, (id, picture), &fit, (place, component));
                }
                if ui.available_width() > 120.0 {
                    bars_ui(ui, cx, id, &fit);
                }
            });
        });
}

fn intro_ui(ui: &mut Ui, cx: &Cx<'_>, picture: PictureId) {
    ui.vertical(|ui| {
        ui.set_width(108.0);
        ui.label(parts::strong(ui, &tr(ui, "pca-one-at-a-time")));
        let letter = cx
            .document
            .letter(picture)
            .map(String::from)
            .unwrap_or_default();
        let help = tr_with(ui, "pca-one-at-a-time-help", &[("view", letter.into())]);
        ui.label(
            RichText::from(help)
                .small()
                .color(theme::palette(ui).text_2),
        );
    });
}

fn component_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    fit: &Arc<Fit>,
    (place, component): (usize, usize),
) {
    ui.vertical(|ui| {
        ui.set_width(WIDTH);
        ui.horizontal(|ui| {
            let (dot, _) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
            ui.painter()
                .rect_filled(dot, 3.0, theme::palette(ui).channels[place]);
            let number = [("number", (component + 1).to_string().into())];
            ui.label(RichText::from(tr_with(ui, "pca-component", &number)).small());
            let share = fit.basis.explained_variance_ratio.get(component).copied();
            let share = format!("{} %", parts::decimal(share.unwrap_or(0.0) * 100.0, 0));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(RichText::new(share).monospace());
            });
        });
        let (rect, response) = ui.allocate_exact_size(vec2(WIDTH, 86.0), Sense::click());
        paint(ui, cx, (id, picture), fit, (place, component), rect);
        let settings = &cx.document.settings(id).pca;
        let alone = settings.single == Some(component);
        if alone {
            let stroke = egui::Stroke::new(2.0, theme::palette(ui).accent);
            ui.painter()
                .rect_stroke(rect, 4.0, stroke, egui::StrokeKind::Inside);
        }
        let number = [("number", (component + 1).to_string().into())];
        let name = tr_with(ui, "pca-component", &number);
        response
            .widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, alone, &*name));
        widgets::focus_ring(ui, &response);
        if response
            .on_hover_text(&*tr(ui, "pca-component-tip"))
            .clicked()
        {
            cx.edit("edit-component", move |document| {
                let pca = &mut document.settings_mut(id).pca;
                pca.single = (pca.single != Some(component)).then_some(component);
            });
        }
    });
}

fn paint(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (id, picture): (ViewId, PictureId),
    fit: &Arc<Fit>,
    (place, component): (usize, usize),
    rect: Rect,
) {
    let Some(Ok(placed)) = cx.session.pictures.placed(picture, &cx.session.display) else {
        return;
    };
    let Some(projected) = fit.picture(picture) else {
        return;
    };
    let flipped = cx.document.settings(id).pca.flip[place];
    let content = Content::Components {
        map: projected.map.clone(),
        basis: Arc::clone(&fit.basis),
        foreground: projected.foreground.clone(),
        overlay: ChannelOverlay {
            alpha: 1.0,
            desaturate: 1.0,
            darken: 0.0,
            sampling: Sampling::Bilinear,
            channels: Channels {
                channels: [Some(component).filter(|&at| at < fit.basis.len()); 3],
                inverted: [flipped; 3],
                logistic: true,
            },
        },
    };
    let size = rect.size() * ui.pixels_per_point();
    #[expect(clippy::cast_sign_loss, reason = "a rectangle of the window")]
    let out_px = [size.x, size.y].map(|side| side.round().max(1.0) as u32);
    let view = placed.view(cover(Vec2::from(placed.size_px), rect.size()), out_px);
    let display = cx.session.display.clone();
    let slot = cx.session.view(id).painting(1 + place);
    if let Ok(painted) = Painting::draw(slot, &display, &placed, &content, view) {
        let white = egui::Color32::WHITE;
        ui.painter().image(painted.texture, rect, painted.uv, white);
    }
}

/// The middle of a picture that has the form of `room`.
pub(super) fn cover(size: Vec2, room: Vec2) -> Rect {
    let scale = (size.x / room.x).min(size.y / room.y);
    Rect::from_center_size((size * 0.5).to_pos2(), room * scale)
}

fn bars_ui(ui: &mut Ui, cx: &Cx<'_>, id: ViewId, fit: &Fit) {
    ui.vertical(|ui| {
        ui.label(
            RichText::from(tr(ui, "pca-hovered"))
                .small()
                .color(theme::palette(ui).text_2),
        );
        let values = pca::pointed_values(cx, id, fit).unwrap_or_default();
        let shown = cx.document.settings(id).pca.components;
        let palette = theme::palette(ui);
        let color = |at: usize| {
            let place = shown.iter().position(|&component| component == at);
            place.map(|place| palette.channels[place])
        };
        let values = &values[..values.len().min(12)];
        let chart = BarChart::new(values, tr(ui, "pca-hovered"))
            .colors((0..values.len()).map(color))
            .bare()
            .height(86.0);
        ui.add(chart);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_has_the_form_of_its_room_and_lies_inside() {
        let part = cover(vec2(400.0, 300.0), vec2(144.0, 86.0));
        let picture = Rect::from_min_size(egui::Pos2::ZERO, vec2(400.0, 300.0));
        assert!(picture.expand(1e-3).contains_rect(part));
        assert!((part.aspect_ratio() - 144.0 / 86.0).abs() < 1e-4);
    }
}
