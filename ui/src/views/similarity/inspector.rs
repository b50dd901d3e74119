//! Settings of similarity.

use dinoscope_engine::analysis::Combine;
use egui::Ui;

use super::apply;
use crate::canvas::{PinEvent, Tool, sign_name};
use crate::cx::Cx;
use crate::document::{Pin, Settings, Sign, ViewId};
use crate::icons;
use crate::parts;
use crate::text::{tr, tr_with};
use crate::views::{View, sections};
use crate::widgets::{Button, Combo, NumberSlider, PinRow, PinShape as Badge};

/// Draws the sections.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    pins_ui(ui, cx, id);
    let read = cx.session.view(id).similarity.read().cloned();
    sections::editing(ui, cx, id, |ui, cx, settings| {
        let unit = tr(ui, "similarity-cosine");
        sections::colors_ui(ui, &mut settings.look, read.as_ref(), &unit);
        best_ui(ui, settings);
        sections::features_ui(ui, cx, id, &mut settings.features);
    });
}

fn pins_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    parts::section(ui, "similarity-find", |ui| {
        let pins = cx.document.settings(id).query.pins.clone();
        if pins.is_empty() {
            ui.label(parts::faint(ui, &tr(ui, "similarity-no-pins")));
        }
        let mut wanted = 0;
        for pin in &pins {
            wanted += usize::from(pin.sign == Sign::Positive);
            pin_ui(ui, cx, id, (wanted, pin));
        }
        let combines = cx.document.settings(id).similarity.combine != Combine::Mean;
        if pins.len() > 1 || combines {
            sections::editing(ui, cx, id, combine_ui);
        }
        ui.horizontal(|ui| {
            let tool = |cx: &Cx<'_>, tool| cx.state.tool == tool;
            let boxes = Button::new(tr(ui, "canvas-box"))
                .icon(icons::SELECTION)
                .on(tool(cx, Tool::Box));
            if ui.add(boxes).clicked() {
                cx.state.tool = if tool(cx, Tool::Box) {
                    Tool::Pointer
                } else {
                    Tool::Box
                };
            }
            let lasso = Button::new(tr(ui, "canvas-lasso"))
                .icon(icons::LASSO)
                .on(tool(cx, Tool::Lasso));
            if ui.add(lasso).clicked() {
                cx.state.tool = if tool(cx, Tool::Lasso) {
                    Tool::Pointer
                } else {
                    Tool::Lasso
                };
            }
            let none = pins
                .is_empty()
                .then(|| tr(ui, "similarity-nothing-to-clear"));
            let clear = Button::new(tr(ui, "similarity-clear"))
                .icon(icons::TRASH)
                .ghost()
                .disabled_because(none);
            if ui.add(clear).clicked() {
                cx.edit("edit-clear-pins", move |document| {
                    document.settings_mut(id).query.pins.clear();
                });
            }
        });
    });
}

/// A pin; one that is wanted is called by its place among those.
fn pin_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, (place_among, pin): (usize, &Pin)) {
    let grid = cx
        .view(id)
        .and_then(View::picture)
        .filter(|&picture| picture == pin.picture)
        .and_then(|picture| {
            let key = crate::session::FeatureKey::new(
                picture,
                &cx.document.settings(id).features,
                &cx.document.model,
            );
            cx.session.features.peek(&key).map(|ready| ready.layer.grid)
        });
    let [x, y] = pin.shape.center();
    let place = match grid.and_then(|grid| grid.patch_at(x, y)) {
        Some((row, col)) => format!("{col}, {row}"),
        None => cx
            .document
            .letter(pin.picture)
            .map(String::from)
            .unwrap_or_default(),
    };
    let badge = match pin.sign {
        Sign::Positive => Badge::Positive,
        Sign::Negative => Badge::Negative,
    };
    let fallback = match pin.sign {
        Sign::Positive => {
            let number = [("number", place_among.to_string().into())];
            tr_with(ui, "similarity-pin-name", &number)
        }
        Sign::Negative => tr(ui, sign_name(pin.sign)),
    };
    let name = pin.name.clone().unwrap_or_else(|| fallback.to_string());
    if rename_ui(ui, cx, id, pin, &name) {
        return;
    }
    let toggle = tr(
        ui,
        if pin.enabled {
            "similarity-hide-pin"
        } else {
            "similarity-show-pin"
        },
    );
    let row = PinRow::new(badge, name.as_str(), place, toggle)
        .shown(pin.enabled)
        .chosen(cx.state.pin == Some(pin.id));
    let answer = row.show(ui);
    if answer.toggled {
        apply(cx, id, PinEvent::Toggle(pin.id));
    } else if answer.row.double_clicked() {
        ui.data_mut(|data| data.insert_temp(renaming(pin), name));
    } else if answer.row.clicked() {
        apply(cx, id, PinEvent::Select(pin.id));
    }
    answer.row.context_menu(|ui| {
        let mut entry = |text: &str, event: PinEvent| {
            if ui.button(&*tr(ui, text)).clicked() {
                apply(cx, id, event);
                ui.close();
            }
        };
        entry("similarity-pin-turn", PinEvent::Turn(pin.id));
        entry("similarity-pin-toggle", PinEvent::Toggle(pin.id));
        entry("similarity-pin-remove", PinEvent::Remove(pin.id));
    });
}

/// Where a new name is kept while it is typed.
fn renaming(pin: &Pin) -> egui::Id {
    egui::Id::unique(("rename-pin", pin.id.0))
}

/// A field in place of the row while a pin gets a name; true while it is there.
fn rename_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, pin: &Pin, old: &str) -> bool {
    let memory = renaming(pin);
    let Some(mut name) = ui.data(|data| data.get_temp::<String>(memory)) else {
        return false;
    };
    let response =
        ui.add(egui::TextEdit::singleline(&mut name).desired_width(ui.available_width()));
    let label = tr(ui, "similarity-pin-rename");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, &*label));
    if !response.has_focus() && !response.lost_focus() {
        response.request_focus();
    }
    ui.data_mut(|data| data.insert_temp(memory, name.clone()));
    if response.lost_focus() {
        ui.data_mut(|data| data.remove::<String>(memory));
        let cancelled = ui.input(|input| input.key_pressed(egui::Key::Escape));
        if !cancelled && name != old {
            let pin = pin.id;
            cx.edit("edit-name-pin", move |document| {
                if let Some(pin) = document.settings_mut(id).query.get_mut(pin) {
                    pin.name = Some(name).filter(|name| !name.trim().is_empty());
                }
            });
        }
    }
    true
}

/// How several pins become one map.
fn combine_ui(ui: &mut Ui, _cx: &mut Cx<'_>, settings: &mut Settings) {
    parts::row(ui, "similarity-combine", |ui| {
        let name = tr(ui, "similarity-combine");
        let choices = [
            (Combine::Mean, tr(ui, "similarity-mean")),
            (Combine::Max, tr(ui, "similarity-max")),
            (Combine::Logistic, tr(ui, "similarity-logistic")),
        ];
        ui.add(Combo::new(&mut settings.similarity.combine, choices, name));
    });
    let negative = settings.query.active(Sign::Negative).next().is_some();
    if negative && settings.similarity.combine != Combine::Logistic {
        parts::row(ui, "similarity-weight", |ui| {
            let name = tr(ui, "similarity-weight");
            let weight = &mut settings.similarity.negative_weight;
            ui.add(NumberSlider::new(weight, 0.0..=3.0, name).default(1.0_f32));
        });
    }
}

fn best_ui(ui: &mut Ui, settings: &mut Settings) {
    parts::section(ui, "similarity-best-matches", |ui| {
        parts::row(ui, "similarity-outline-top", |ui| {
            let name = tr(ui, "similarity-outline-top");
            ui.add(NumberSlider::new(&mut settings.similarity.top, 0..=64, name).default(20_usize));
        });
        parts::row(ui, "similarity-skip-around", |ui| {
            let name = tr(ui, "similarity-skip-around");
            let slider = NumberSlider::new(&mut settings.similarity.skip_radius, 0.0..=16.0, name);
            ui.add(slider.decimals(0).step(1.0).default(2.0_f32));
        });
    });
}
