//! Cards that lie over the window: centered, one at a time. Esc closes, the focus stays inside and goes back afterwards.

use std::path::Path;

use egui::{
    Align, Align2, Color32, Context, Frame, Id, Label, Layout, Margin, Modal, Response, RichText,
    Role, ScrollArea, Sense, Stroke, Ui, Vec2, WidgetInfo, vec2,
};

use crate::cx::{Cx, Sheet};
use crate::icons;
use crate::text::tr;
use crate::theme;
use crate::widgets::{Button, paint};

/// Room that a card leaves to the edges of the window, in points.
const EDGE: f32 = 24.0;

/// What a card is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card<'a> {
    /// Tells it from other cards.
    pub(super) id: &'static str,
    /// What stands at its top, and its accessible name.
    pub(super) title: &'a str,
    /// Width of its content in points.
    pub(super) width: f32,
    /// Whether its content is scrolled; otherwise it scrolls parts of itself.
    pub(super) scrolls: bool,
}

/// Draws a card over the window until it is closed.
pub(super) fn card_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    card: Card<'_>,
    content: impl FnOnce(&mut Ui, &mut Cx<'_>),
) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.line_strong))
        .corner_radius(theme::RADIUS[2])
        .inner_margin(Margin::same(20));
    let place = (Align2::CENTER_CENTER, Vec2::ZERO);
    modal_ui(ui, cx, (card.id, place, frame), |ui, cx| {
        let room = ui.ctx().content_rect().size() - Vec2::splat(2.0 * (EDGE + 20.0));
        ui.set_width(card.width.min(room.x));
        ui.set_max_height(room.y);
        name(ui, card.title);
        let mut is_closed = false;
        ui.horizontal(|ui| {
            ui.label(RichText::new(card.title).heading().color(palette.text_0));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                is_closed = ui
                    .add(Button::icon_only(icons::X, tr(ui, "app-close")))
                    .clicked();
            });
        });
        ui.add_space(4.0);
        if card.scrolls {
            let height = room.y - 52.0;
            ScrollArea::vertical()
                .max_height(height)
                .auto_shrink([false, true])
                .show(ui, |ui| content(ui, cx));
        } else {
            content(ui, cx);
        }
        if is_closed {
            cx.state.sheet = Sheet::None;
        }
    });
}

/// The same without a title, at a place and in a frame of the caller's.
pub(super) fn modal_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (id, (align, offset), frame): (&'static str, (Align2, Vec2), Frame),
    content: impl FnOnce(&mut Ui, &mut Cx<'_>),
) {
    let ctx = ui.ctx().clone();
    let before = cx.state.sheet.clone();
    remember_focus(&ctx, id);
    let area = Modal::default_area(Id::unique(id)).anchor(align, offset);
    let modal = Modal::new(Id::unique(id)).area(area).frame(frame);
    let shown = modal.show(&ctx, |ui| content(ui, cx));
    if shown.should_close() && cx.state.sheet == before {
        cx.state.sheet = Sheet::None;
    }
    if cx.state.sheet != before {
        return_focus(&ctx);
    }
}

/// What had the focus before a card came, and when the card was last drawn.
#[derive(Clone, Copy)]
struct Before {
    card: &'static str,
    focused: Option<Id>,
    drawn: u64,
    /// Whether the card has not placed its own focus yet.
    is_new: bool,
}

impl Before {
    fn key() -> Id {
        Id::unique("sheet-before")
    }
}

fn remember_focus(ctx: &Context, card: &'static str) {
    let now = ctx.cumulative_frame_nr();
    let focused = ctx.memory(egui::Memory::focused);
    ctx.data_mut(|data| {
        let known = data.get_temp::<Before>(Before::key());
        let still = known.filter(|known| known.card == card && known.drawn + 1 >= now);
        let mut before = still.unwrap_or(Before {
            card,
            focused,
            drawn: now,
            is_new: true,
        });
        before.drawn = now;
        data.insert_temp(Before::key(), before);
    });
}

fn return_focus(ctx: &Context) {
    let known = ctx.data_mut(|data| {
        data.get_temp::<Before>(Before::key())
            .inspect(|_| data.remove::<Before>(Before::key()))
    });
    ctx.memory_mut(|memory| match known.and_then(|known| known.focused) {
        Some(id) => memory.request_focus(id),
        None => {
            if let Some(id) = memory.focused() {
                memory.surrender_focus(id);
            }
        }
    });
}

/// Gives the focus to the widget that a card wants to start with.
pub(super) fn first_focus(ui: &Ui, response: &Response) {
    let is_new = ui.data_mut(|data| {
        let mut before = data.get_temp::<Before>(Before::key())?;
        let is_new = std::mem::take(&mut before.is_new);
        data.insert_temp(Before::key(), before);
        Some(is_new)
    });
    if is_new == Some(true) {
        response.request_focus();
    }
}

/// Whether the card that is drawn has just come.
pub(super) fn is_new(ui: &Ui) -> bool {
    ui.data(|data| data.get_temp::<Before>(Before::key()))
        .is_some_and(|before| before.is_new)
}

/// Names the group that `ui` is for assistive programs.
pub(super) fn name(ui: &Ui, title: &str) {
    let title = title.to_owned();
    ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
        node.set_role(egui::accesskit::Role::Dialog);
        node.set_label(title);
    });
}

/// The name of a project by its file.
pub(super) fn project_name(ui: &Ui, path: Option<&Path>) -> String {
    let name = path
        .and_then(Path::file_stem)
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| tr(ui, "app-untitled").to_string())
}

/// The buttons at the end of a card, from the right.
pub(super) fn actions_ui(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    // In a line of its own: a layout from the right would take all the height that there is.
    ui.horizontal(|ui| ui.with_layout(Layout::right_to_left(Align::Center), add));
}

/// A line of a list of pages: icon and name, on a ground of its own while it is chosen.
pub(super) fn choice_row(ui: &mut Ui, icon: &str, name: &str, is_chosen: bool) -> Response {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 32.0), Sense::click());
    let fill = match (is_chosen, response.hovered()) {
        (true, _) => palette.active,
        (false, true) => palette.hover,
        // Nothing, so that the ring of its neighbor stays whole.
        (false, false) => Color32::TRANSPARENT,
    };
    let color = if is_chosen {
        palette.text_0
    } else {
        palette.text_1
    };
    ui.painter().rect_filled(rect, theme::RADIUS[1], fill);
    paint::icon(
        ui.painter(),
        rect.left_center() + vec2(18.0, 0.0),
        icon,
        16.0,
        color,
    );
    let galley = paint::line_of_text(
        ui.painter(),
        name,
        paint::body(),
        color,
        rect.width() - 48.0,
    );
    paint::text_in(ui.painter(), rect, rect.left() + 36.0, galley);
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_chosen, name));
    paint::focus_ring(ui, &response);
    response
}

/// Text of second rank, wrapped.
pub(super) fn quiet(ui: &mut Ui, text: &str) -> Response {
    let shown = RichText::new(text).color(theme::palette(ui).text_2);
    ui.add(Label::new(shown).wrap())
}

/// The same, smaller.
pub(super) fn small(ui: &mut Ui, text: &str) -> Response {
    let shown = RichText::new(text).small().color(theme::palette(ui).text_2);
    ui.add(Label::new(shown).wrap())
}

/// Bold text of body size.
pub(super) fn strong(ui: &mut Ui, text: &str) -> Response {
    let shown = RichText::new(text)
        .text_style(theme::strong())
        .color(theme::palette(ui).text_0);
    ui.add(Label::new(shown).wrap())
}
