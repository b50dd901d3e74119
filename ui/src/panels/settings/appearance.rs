//! Language, theme, text size, motion.

use egui::Ui;

use super::{help, row};
use crate::cx::Cx;
use crate::keep::settings::ThemeChoice;
use crate::text::{Lang, Text, tr};
use crate::theme::TEXT_SCALE;
use crate::widgets::{NumberSlider, Segmented};

/// Draws the page.
pub(super) fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    language_ui(ui, cx);
    let themes = [
        (ThemeChoice::System, "settings-theme-system"),
        (ThemeChoice::Dark, "settings-theme-dark"),
        (ThemeChoice::Light, "settings-theme-light"),
    ];
    let themes = themes.map(|(choice, id)| (choice, tr(ui, id)));
    row(ui, "settings-theme", |ui| {
        ui.add(Segmented::new(&mut cx.preferences.theme, themes))
    });
    scale_ui(ui, cx);
    motion_ui(ui, cx);
}

fn language_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let choices: [(Option<Lang>, Text); 3] = [
        (None, tr(ui, "settings-language-system")),
        (Some(Lang::En), Lang::En.name().into()),
        (Some(Lang::ZhCn), Lang::ZhCn.name().into()),
    ];
    let mut chosen = cx.preferences.language.as_deref().map(Lang::of_locale);
    let changed = row(ui, "settings-language", |ui| {
        ui.add(Segmented::new(&mut chosen, choices)).changed()
    });
    if changed {
        cx.preferences.language = chosen.map(|lang| locale(lang).to_owned());
    }
}

/// How a language is kept.
fn locale(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "en",
        Lang::ZhCn => "zh-CN",
    }
}

/// The size takes effect when the handle is let go: the slider itself changes its size with it.
fn scale_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let memory = ui.scope_id().with("text-scale");
    let held: Option<f32> = ui.data(|data| data.get_temp(memory));
    let mut percent = held.unwrap_or(cx.preferences.text_scale * 100.0);
    let range = TEXT_SCALE.start() * 100.0..=TEXT_SCALE.end() * 100.0;
    row(ui, "settings-text-size", |ui| {
        let name = tr(ui, "settings-text-size");
        let slider = NumberSlider::new(&mut percent, range, name)
            .step(5.0)
            .decimals(0)
            .default(100.0_f32)
            .suffix(" %");
        let response = ui.add(slider);
        if response.dragged() {
            ui.data_mut(|data| data.insert_temp(memory, percent));
        } else if response.changed() || held.is_some() {
            ui.data_mut(|data| data.remove::<f32>(memory));
            cx.preferences.text_scale = percent / 100.0;
        }
    });
}

fn motion_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let choices = [
        (None, tr(ui, "settings-theme-system")),
        (Some(true), tr(ui, "app-on")),
        (Some(false), tr(ui, "app-off")),
    ];
    row(ui, "settings-reduce-motion", |ui| {
        ui.add(Segmented::new(&mut cx.preferences.reduced_motion, choices));
    });
    help(ui, &tr(ui, "settings-reduce-motion-help"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_language_is_read_as_the_same() {
        for lang in Lang::ALL {
            assert_eq!(Lang::of_locale(locale(lang)), lang);
        }
    }
}
