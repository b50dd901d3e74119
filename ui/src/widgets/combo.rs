//! A choice of four and more: a list that opens, with a search from nine on.

use egui::{
    EventFilter, Key, Popup, PopupCloseBehavior, Response, Role, ScrollArea, Sense, Ui, Widget,
    WidgetInfo, pos2, vec2,
};

use crate::{
    icons,
    text::{Text, tr},
    theme::{self, RADIUS},
};

use super::{
    TextField,
    paint::{self, Look},
};

/// From so many entries on the list has a search field.
const SEARCH_FROM: usize = 9;

/// A combo box 28 high, as wide as there is room.
///
/// `ui.add(Combo::new(&mut map, maps, tr(ui, "similarity-colour-map")))`. The arrow keys change the choice while the
/// list is closed; Enter or Space opens it. The response is `changed` when another entry was taken.
#[must_use = "a choice does nothing until it is added to a ui"]
pub struct Combo<'a, T> {
    value: &'a mut T,
    entries: Vec<(T, Text)>,
    name: Text,
    width: Option<f32>,
}

impl<'a, T: PartialEq + Clone> Combo<'a, T> {
    /// A choice of `entries`; `name` is what is read aloud, the label stands beside it.
    pub fn new<L: Into<Text>>(
        value: &'a mut T,
        entries: impl IntoIterator<Item = (T, L)>,
        name: impl Into<Text>,
    ) -> Self {
        Self {
            value,
            entries: entries
                .into_iter()
                .map(|(it, text)| (it, text.into()))
                .collect(),
            name: name.into(),
            width: None,
        }
    }

    /// This wide.
    pub const fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    fn position(&self) -> Option<usize> {
        self.entries.iter().position(|(it, _)| it == self.value)
    }

    /// The entry that the arrow keys ask for while the list is closed.
    fn walked(&self, ui: &Ui, response: &Response) -> Option<usize> {
        if !response.has_focus()
            || Popup::is_id_open(ui.ctx(), Popup::default_response_id(response))
        {
            return None;
        }
        let filter = EventFilter {
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        let last = self.entries.len().checked_sub(1)?;
        let at = self.position();
        if pressed(Key::ArrowDown) {
            Some(at.map_or(0, |at| (at + 1).min(last)))
        } else if pressed(Key::ArrowUp) {
            Some(at.map_or(0, |at| at.saturating_sub(1)))
        } else {
            None
        }
    }

    fn paint(&self, ui: &Ui, response: &Response) {
        let (palette, painter) = (theme::palette(ui), ui.painter());
        let look = paint::framed(palette, response, ui.is_enabled());
        let rect = response.rect;
        paint::frame(painter, rect, RADIUS[1], look);
        let text = self.position().map_or("", |at| &*self.entries[at].1);
        let room = rect.width() - 32.0;
        let galley = paint::line_of_text(painter, text, paint::body(), look.text, room);
        paint::text_in(painter, rect, rect.left() + 8.0, galley);
        let caret = pos2(rect.right() - 14.0, rect.center().y);
        paint::icon(painter, caret, icons::CARET_DOWN, 12.0, palette.text_2);
        paint::focus_ring(ui, response);
    }

    /// The open list: the entry that was taken.
    fn list(&self, ui: &mut Ui, opened: bool) -> Option<usize> {
        let search = ui.scope_id().with("search");
        let mut sought = String::new();
        let mut first = false;
        if self.entries.len() >= SEARCH_FROM {
            sought = ui.data(|data| data.get_temp(search)).unwrap_or_default();
            if opened {
                sought.clear();
            }
            let field = ui.add(TextField::search(&mut sought, tr(ui, "app-search")));
            if opened {
                field.request_focus();
            }
            first = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            ui.data_mut(|data| data.insert_temp(search, sought.clone()));
        }
        let sought = sought.to_lowercase();
        let fits = |text: &Text| sought.is_empty() || text.to_lowercase().contains(&sought);
        let entries = self.entries.iter().enumerate();
        let shown: Vec<_> = entries.filter(|(_, (_, text))| fits(text)).collect();
        if first && let Some((at, _)) = shown.first() {
            return Some(*at);
        }
        if shown.is_empty() {
            ui.weak(tr(ui, "app-nothing-found"));
        }
        let mut taken = None;
        ScrollArea::vertical()
            .max_height(9.5 * 28.0)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (at, (value, text)) in shown {
                    if entry(ui, text, value == self.value).clicked() {
                        taken = Some(at);
                    }
                }
            });
        taken
    }
}

/// One row of an open list.
fn entry(ui: &mut Ui, text: &Text, on: bool) -> Response {
    let size = vec2(ui.available_width(), 28.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, on, &**text));
    let (palette, painter) = (theme::palette(ui), ui.painter());
    let fill = match (on, response.hovered() || response.has_focus()) {
        (true, _) => palette.active,
        (false, true) => palette.hover,
        (false, false) => egui::Color32::TRANSPARENT,
    };
    let look = Look {
        fill,
        line: egui::Color32::TRANSPARENT,
        text: if on { palette.text_0 } else { palette.text_1 },
    };
    paint::frame(painter, rect, RADIUS[0], look);
    let galley = paint::line_of_text(painter, text, paint::body(), look.text, rect.width() - 36.0);
    paint::text_in(painter, rect, rect.left() + 8.0, galley);
    if on {
        let center = pos2(rect.right() - 14.0, rect.center().y);
        paint::icon(painter, center, icons::CHECK, 14.0, palette.accent);
    }
    response
}

impl<T: PartialEq + Clone> Widget for Combo<'_, T> {
    fn ui(self, ui: &mut Ui) -> Response {
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let (_, mut response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, enabled, &*self.name);
            info.current_text_value = self.position().map(|at| self.entries[at].1.to_string());
            info
        });
        self.paint(ui, &response);
        let mut taken = self.walked(ui, &response);
        let opened = response.clicked();
        let popup = Popup::menu(&response)
            .width(width)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let listed = popup.show(|ui| {
            ui.set_min_width(width - 12.0);
            let taken = self.list(ui, opened);
            if taken.is_some() {
                ui.close();
            }
            taken
        });
        taken = listed.and_then(|it| it.inner).or(taken);
        if let Some((value, _)) = taken.and_then(|at| self.entries.get(at))
            && value != self.value
        {
            *self.value = value.clone();
            response.mark_changed();
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    fn harness(count: usize) -> Harness<'static, usize> {
        Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .with_size(vec2(240.0, 400.0))
            .build_ui_state(
                move |ui, value| {
                    let entries = (0..count).map(|it| (it, format!("Entry {it}")));
                    ui.add(Combo::new(value, entries, "Colour map"));
                },
                0,
            )
    }

    #[test]
    fn an_entry_is_taken_with_the_pointer() {
        let mut harness = harness(4);
        harness.get_by_label("Colour map").click();
        harness.run();
        harness.get_by_label("Entry 2").click();
        harness.run();
        assert_eq!(*harness.state(), 2);
        assert!(
            harness.query_by_label("Entry 3").is_none(),
            "the list is closed"
        );
    }

    #[test]
    fn arrows_walk_the_closed_list() {
        let mut harness = harness(4);
        harness.get_by_label("Colour map").focus();
        harness.run();
        for _ in 0..9 {
            harness.key_press(Key::ArrowDown);
            harness.run();
        }
        harness.key_press(Key::ArrowUp);
        harness.run();
        assert_eq!(*harness.state(), 2);
    }

    #[test]
    fn a_long_list_is_searched() {
        let mut harness = harness(12);
        harness.get_by_label("Colour map").click();
        harness.run();
        harness.get_by_label("Search").type_text("11");
        harness.run();
        assert!(harness.query_by_label("Entry 3").is_none());
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(*harness.state(), 11);
    }
}
