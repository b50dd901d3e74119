//! Headers: of a panel, 36 high, and of a section that folds, 28 high.

use egui::{
    Id, InnerResponse, Layout, Margin, Rect, Response, Role, Sense, Ui, UiBuilder, WidgetInfo,
    collapsing_header::CollapsingState, pos2, vec2,
};

use crate::{icons, text::Text, theme};

use super::paint;

/// The header of a panel: its title, and buttons at the right.
#[derive(Debug, Clone)]
#[must_use = "a header does nothing until it is shown"]
pub struct PanelHeader {
    title: Text,
    count: Option<Text>,
}

impl PanelHeader {
    /// A header with a title.
    pub fn new(title: impl Into<Text>) -> Self {
        Self {
            title: title.into(),
            count: None,
        }
    }

    /// Shows a number after the title.
    pub fn count(mut self, count: impl Into<Text>) -> Self {
        self.count = Some(count.into());
        self
    }

    /// Draws it over the whole width; `trailing` adds buttons from right to left.
    pub fn show<R>(self, ui: &mut Ui, trailing: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
        let palette = theme::palette(ui);
        let size = vec2(ui.available_width(), 36.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let title = &self.title;
        response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &**title));
        let inside = rect
            .with_min_x(rect.left() + 12.0)
            .with_max_x(rect.right() - 6.0);
        let (inner, left) = trailing_in(ui, inside, 4.0, trailing);
        let painter = ui.painter();
        let room = left - inside.left() - 8.0;
        let galley =
            paint::line_of_text(painter, &self.title, paint::strong(), palette.text_0, room);
        let x = paint::text_in(painter, rect, inside.left(), galley);
        if let Some(count) = &self.count {
            let room = left - x - 12.0;
            let galley = paint::line_of_text(painter, count, paint::body(), palette.text_2, room);
            paint::text_in(painter, rect, x + 6.0, galley);
        }
        InnerResponse::new(inner, response)
    }
}

/// A part of a panel that folds, with a line beneath.
///
/// `Section::new(tr(ui, "similarity-colours")).show(ui, |ui| ..)`. Whether it is open is kept by egui under its title
/// or [`Section::id`].
#[derive(Debug, Clone)]
#[must_use = "a section does nothing until it is shown"]
pub struct Section {
    title: Text,
    id: Option<Id>,
    open: bool,
}

impl Section {
    /// An open section with a title.
    pub fn new(title: impl Into<Text>) -> Self {
        Self {
            title: title.into(),
            id: None,
            open: true,
        }
    }

    /// What the fold is kept under: the title changes with the language.
    pub fn id(mut self, id: &'static str) -> Self {
        self.id = Some(Id::unique(id));
        self
    }

    /// Folded at first.
    pub const fn folded(mut self) -> Self {
        self.open = false;
        self
    }

    /// Draws header and body; none is returned while it is folded.
    pub fn show<R>(self, ui: &mut Ui, body: impl FnOnce(&mut Ui) -> R) -> Option<R> {
        self.show_with(ui, |_| (), body)
    }

    /// As [`Section::show`], with controls at the right of the header, from right to left.
    pub fn show_with<R>(
        self,
        ui: &mut Ui,
        trailing: impl FnOnce(&mut Ui),
        body: impl FnOnce(&mut Ui) -> R,
    ) -> Option<R> {
        let id = self
            .id
            .unwrap_or_else(|| Id::unique(&*self.title))
            .with("section");
        let mut state = CollapsingState::load_with_default_open(ui.ctx(), id, self.open);
        let before = ui.spacing().item_spacing;
        ui.spacing_mut().item_spacing.y = 0.0;
        let clicked = self.header(ui, id, &state, trailing).clicked();
        if clicked {
            state.toggle(ui);
        }
        let margin = egui::Frame::new().inner_margin(Margin {
            left: 12,
            right: 12,
            top: 2,
            bottom: 12,
        });
        let shown = state.show_body_unindented(ui, |ui| {
            margin
                .show(ui, |ui| {
                    ui.spacing_mut().item_spacing = before;
                    ui.set_min_width(ui.available_width());
                    body(ui)
                })
                .inner
        });
        if shown.is_none() {
            ui.add_space(6.0);
        }
        line_below(ui);
        ui.spacing_mut().item_spacing = before;
        shown.map(|it| it.inner)
    }

    fn header(
        &self,
        ui: &mut Ui,
        id: Id,
        state: &CollapsingState,
        trailing: impl FnOnce(&mut Ui),
    ) -> Response {
        ui.add_space(6.0);
        let palette = theme::palette(ui);
        let size = vec2(ui.available_width(), 28.0);
        let (_, rect) = ui.allocate_space(size);
        let response = ui.interact(rect, id.with("header"), Sense::click());
        let (open, title) = (state.is_open(), &self.title);
        response
            .widget_info(|| WidgetInfo::selected(Role::DisclosureTriangle, true, open, &**title));
        let inside = rect.shrink2(vec2(12.0, 0.0));
        let ((), left) = trailing_in(ui, inside, 4.0, trailing);
        let color = if response.hovered() {
            palette.text_0
        } else {
            palette.text_2
        };
        let painter = ui.painter();
        let icon = if open {
            icons::CARET_DOWN
        } else {
            icons::CARET_RIGHT
        };
        let center = pos2(inside.left() + 6.0, rect.center().y);
        paint::icon(painter, center, icon, 12.0, color);
        let room = left - inside.left() - 24.0;
        let galley = paint::line_of_text(painter, title, paint::strong(), palette.text_0, room);
        paint::text_in(painter, rect, inside.left() + 18.0, galley);
        paint::focus_ring_at(
            ui,
            &response,
            rect.shrink2(vec2(8.0, 2.0)),
            theme::RADIUS[0],
        );
        response
    }
}

/// Adds controls from the right side of `rect` on. Returns also where they begin.
fn trailing_in<R>(ui: &mut Ui, rect: Rect, gap: f32, add: impl FnOnce(&mut Ui) -> R) -> (R, f32) {
    let layout = Layout::right_to_left(egui::Align::Center);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    child.spacing_mut().item_spacing.x = gap;
    let inner = add(&mut child);
    let used = child.min_rect();
    (
        inner,
        if used.width() > 0.0 {
            used.left()
        } else {
            rect.right()
        },
    )
}

/// Draws a separator over the whole width.
fn line_below(ui: &mut Ui) {
    let size = vec2(ui.available_width(), 1.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_filled(rect, 0.0, theme::palette(ui).line);
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    #[test]
    fn a_section_folds_and_opens_again() {
        let mut harness = Harness::builder()
            .with_context_setup(crate::widgets::set_up)
            .build_ui(|ui| {
                Section::new("Colours").show(ui, |ui| ui.label("inside"));
            });
        for shown in [true, false, true] {
            assert_eq!(harness.query_by_label("inside").is_some(), shown);
            harness.get_by_label("Colours").click();
            harness.run();
        }
    }
}
