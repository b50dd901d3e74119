//! Lines of menus: icon, words, key.

use egui::containers::menu::{SubMenuButton, menu_style};
use egui::{Atom, Button, Popup, Response, RichText, Ui, Vec2};

use crate::text::Text;
use crate::theme;
use crate::widgets::paint;

/// A menu that a press on a button opens below it.
pub(super) fn below(button: &Response, content: impl FnOnce(&mut Ui)) {
    Popup::menu(button).style(menu_style).show(|ui| {
        ui.set_min_width(200.0);
        content(ui);
    });
}

/// One line; true if it was taken.
pub(super) fn item(ui: &mut Ui, icon: Option<&'static str>, text: &Text, key: &str) -> bool {
    item_if(ui, true, icon, text, key)
}

/// One line that can be taken only where something is there for it.
pub(super) fn item_if(
    ui: &mut Ui,
    enabled: bool,
    icon: Option<&'static str>,
    text: &Text,
    key: &str,
) -> bool {
    let mut button = Button::new((atom(icon), words(ui, text, enabled))).gap(8.0);
    if !key.is_empty() {
        let color = theme::palette(ui).text_2;
        button = button.right_text(RichText::new(key).text_style(theme::tiny()).color(color));
    }
    let clicked = ui.add_enabled(enabled, button).clicked();
    if clicked {
        ui.close();
    }
    clicked
}

/// One line with a mark where it is on.
pub(super) fn check(ui: &mut Ui, on: bool, text: &Text) -> bool {
    item(ui, on.then_some(crate::icons::CHECK), text, "")
}

/// A line that opens a menu of its own.
pub(super) fn sub(
    ui: &mut Ui,
    icon: Option<&'static str>,
    text: &Text,
    content: impl FnOnce(&mut Ui),
) {
    let button = Button::new((atom(icon), words(ui, text, true))).gap(8.0);
    let button = button.right_text(SubMenuButton::arrow_atom(None));
    SubMenuButton::from_button(button).ui(ui, |ui| {
        ui.set_min_width(180.0);
        content(ui);
    });
}

/// An icon of 16, or its place left free. Painted, not written: a letter of the icon font is no part of the name.
fn atom(icon: Option<&'static str>) -> Atom<'static> {
    Atom::paint(Vec2::splat(16.0), move |ui, args| {
        if let Some(icon) = icon {
            paint::icon(
                ui.painter(),
                args.rect.center(),
                icon,
                16.0,
                args.fallback_text_color,
            );
        }
    })
}

fn words(ui: &Ui, text: &Text, enabled: bool) -> RichText {
    let words = RichText::new(&**text);
    if enabled {
        words
    } else {
        words.color(theme::palette(ui).text_3)
    }
}
