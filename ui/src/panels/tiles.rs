//! The tabs of the explorer: views side by side, dragged, split, closed.

use std::collections::{BTreeSet, VecDeque};

use egui::{
    Align2, Color32, DragAndDrop, Id, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui,
    UiBuilder, Visuals, WidgetInfo, WidgetText, pos2, vec2,
};
use egui_tiles::{
    Behavior, EditAction, ResizeState, SimplificationOptions, TabState, Tile, TileId, Tiles, Tree,
    UiResponse,
};

mod arrange;
mod views_menu;

pub use arrange::{Side, add_tab, empty, move_beside, next_tab, reconcile, show, split, split_at};
pub use views_menu::{kinds_ui, new_view};

use crate::cx::{Cx, Request, UiState};
use crate::document::{Document, PictureId, View, ViewId, ViewKind};
use crate::icons;
use crate::text::{Text, tr};
use crate::theme;
use crate::views;
use crate::widgets::{Button, paint};

/// Height of a tab, in points.
const HEIGHT: f32 = 32.0;
/// Space at both ends of a tab, and the place of its close button.
const PADDING: f32 = 12.0;
const CLOSE: f32 = 28.0;

/// What the tabs keep between frames.
#[derive(Debug, Default)]
pub struct State {
    /// Places of views that the edits of the last frame opened, in their order: at a side of a view.
    pending: VecDeque<(ViewId, Side)>,
    /// The active view of the last frame: another one has to come to the front.
    shown: Option<ViewId>,
}

/// Gives new views a place and takes that of gone ones away; once a frame for each tree, before it is drawn.
///
/// A new view of the picture that the view before it shows is a tab beside that; one of another picture is a pane of its
/// own, while there is room for one.
pub fn follow(tree: &mut Tree<ViewId>, views: &[ViewId], document: &Document, state: &mut UiState) {
    let active = state.presentation.active;
    let mut beside = state
        .tiles
        .shown
        .filter(|view| views.contains(view))
        .or(active);
    let old = arrange::panes(tree).len();
    let new = reconcile(tree, views, beside);
    // A project without a layout is not new: its views become tabs.
    if old == 0 && new.len() > 2 {
        return;
    }
    let pictures = |view| document.views.get(&view).map(|view| &view.pictures);
    for view in new {
        let asked = state.tiles.pending.pop_front();
        // Two pictures side by side need the whole width.
        let single = pictures(view).is_some_and(|pictures| pictures.len() == 1);
        let side =
            beside.filter(|&other| single && other != view && pictures(other) != pictures(view));
        let found = side.and_then(|other| Some((other, arrange::room(tree, other)?)));
        if asked.is_some() {
            state.presentation.active = Some(view);
        }
        if let Some((other, side)) = asked.or(found) {
            move_beside(tree, other, side, view);
        }
        beside = Some(view);
    }
}

/// Draws the views of a tree into the room that is left.
pub fn tiles_ui(ui: &mut Ui, cx: &mut Cx<'_>, tree: &mut Tree<ViewId>) {
    cx.state.tiles.pending.clear();
    let active = cx.state.presentation.active;
    if active != cx.state.tiles.shown
        && let Some(view) = active
    {
        show(tree, view);
    }
    cx.state.presentation.active = arrange::in_front(tree, active);
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, 0.0, theme::palette(ui).line);
    let repeats = arrange::repeats(tree, cx.document);
    tree.ui(&mut Tabs { cx, repeats }, ui);
    cx.state.tiles.shown = cx.state.presentation.active;
}

/// Opens a copy of a view at a side of it when the frame is over.
pub fn split_view(cx: &mut Cx<'_>, view: ViewId, side: Side) {
    if let Some(copy) = cx.view(view).cloned() {
        open_at(cx, view, side, copy);
    }
}

fn open_at(cx: &mut Cx<'_>, beside: ViewId, side: Side, view: View) {
    cx.state.tiles.pending.push_back((beside, side));
    cx.edit("edit-open-view", move |document| {
        document.add_view(view);
    });
}

/// How the tabs look and what they do.
struct Tabs<'a, 'b> {
    cx: &'a mut Cx<'b>,
    /// Views that are not the first of their picture among their tabs.
    repeats: BTreeSet<ViewId>,
}

impl Tabs<'_, '_> {
    /// What stands on a tab. Among tabs of one picture only the first has its name, the others say what they show.
    fn title(&self, ui: &Ui, tiles: &Tiles<ViewId>, at: TileId) -> (&'static str, Text) {
        let Some(id) = first_pane(tiles, at) else {
            return (icons::LAYOUT, Text::default());
        };
        let Some(view) = self.cx.view(id) else {
            return (icons::LAYOUT, Text::default());
        };
        let title = if self.repeats.contains(&id) {
            tr(ui, views::title_id(&view.kind))
        } else {
            Text::from(views::tab_title(self.cx, view))
        };
        (views::icon(&view.kind), title)
    }

    fn activate(&mut self, view: ViewId) {
        self.cx.state.presentation.active = Some(view);
    }

    fn close(&mut self, view: ViewId) {
        self.cx.todo.requests.push_back(Request::Close(view));
    }

    fn paint_tab(ui: &Ui, rect: Rect, active: bool, tone: Tone) {
        let palette = theme::palette(ui);
        let painter = ui.painter();
        if active {
            painter.rect_filled(rect, 0.0, palette.canvas);
            let color = if tone == Tone::Focused {
                palette.accent
            } else {
                palette.line_strong
            };
            painter.rect_filled(rect.with_max_y(rect.top() + 2.0), 0.0, color);
        } else if tone == Tone::Hovered {
            painter.rect_filled(rect, 0.0, palette.hover);
        }
        painter.vline(
            rect.right() - 0.5,
            rect.y_range(),
            Stroke::new(1.0, palette.line),
        );
    }

    /// The cross at the end of a tab; true if it was pressed.
    fn close_ui(ui: &Ui, tab: Rect, id: Id, title: &Text) -> bool {
        let rect = Rect::from_min_max(pos2(tab.right() - CLOSE, tab.top()), tab.max);
        let response = ui.interact(rect, id.with("close"), Sense::click());
        let name = crate::text::tr_with(ui, "tiles-close", &[("name", title.to_string().into())]);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &*name));
        let palette = theme::palette(ui);
        let center = pos2(tab.right() - PADDING - 5.0, tab.center().y);
        let hot = response.hovered() || response.has_focus();
        if hot {
            let ground = Rect::from_center_size(center, vec2(20.0, 20.0));
            ui.painter()
                .rect_filled(ground, theme::RADIUS[0], palette.active);
        }
        let color = if hot { palette.text_0 } else { palette.text_2 };
        paint::icon(ui.painter(), center, icons::X, 12.0, color);
        let tip = crate::widgets::Tip {
            name,
            ..crate::widgets::Tip::default()
        };
        crate::widgets::tooltip(response, &tip).clicked()
    }

    fn bar_buttons_ui(&mut self, ui: &mut Ui, view: ViewId) {
        let wide = ui.available_width() > 240.0;
        let more = ui.add(Button::icon_only(icons::DOTS_THREE, tr(ui, "app-more")));
        super::menu::below(&more, |ui| views_menu::view_menu_ui(ui, self.cx, view));
        if more.clicked() {
            self.activate(view);
        }
        if !wide {
            return;
        }
        let button = Button::icon_only(icons::SQUARE_SPLIT_HORIZONTAL, tr(ui, "canvas-split"));
        if ui.add(button.help(tr(ui, "tiles-split-help"))).clicked() {
            split_view(self.cx, view, Side::Right);
        }
        let linked = self.cx.is_linked(view);
        let button = Button::icon_only(icons::LINK, tr(ui, "canvas-link")).on(linked);
        if ui.add(button.help(tr(ui, "tiles-link-help"))).clicked() {
            self.cx.edit("edit-link", move |document| {
                document.set_linked(view, !linked);
            });
        }
        let pair = self
            .cx
            .view(view)
            .is_some_and(|view| view.pictures.len() == 2);
        if pair && ui.available_width() > 320.0 {
            let button = Button::new(tr(ui, "matches-swap"))
                .icon(icons::SWAP)
                .ghost();
            if ui.add(button).clicked() {
                views_menu::swap(self.cx, view);
            }
        }
    }

    /// Shows where a picture of the library would go, and lets it go there.
    fn drop_ui(&mut self, ui: &Ui, view: ViewId, rect: Rect) {
        let Some(picture) = DragAndDrop::payload::<PictureId>(ui.ctx()) else {
            return;
        };
        let at = ui.input(|input| input.pointer.interact_pos());
        let Some(at) = at.filter(|at| rect.contains(*at)) else {
            return;
        };
        let zone = Zone::at(rect, at);
        let palette = theme::palette(ui);
        let place = zone.rect(rect).shrink(4.0);
        let painter = ui.painter_at(rect);
        painter.rect_filled(place, theme::RADIUS[1], palette.accent.gamma_multiply(0.25));
        let stroke = Stroke::new(2.0, palette.accent);
        painter.rect_stroke(place, theme::RADIUS[1], stroke, StrokeKind::Inside);
        let id = if zone == Zone::Center {
            "tiles-drop-here"
        } else {
            "tiles-drop-beside"
        };
        let text = tr(ui, id);
        let galley = paint::line_of_text(
            &painter,
            &text,
            paint::body(),
            theme::ON_PICTURE.value,
            place.width() - 24.0,
        );
        let ground =
            Align2::CENTER_CENTER.anchor_size(place.center(), galley.size() + vec2(20.0, 12.0));
        painter.rect_filled(ground, theme::RADIUS[1], theme::ON_PICTURE.box_fill);
        paint::text_in(&painter, ground, ground.left() + 10.0, galley);
        if ui.input(|input| input.pointer.any_released()) {
            DragAndDrop::clear_payload(ui.ctx());
            self.dropped(view, zone, *picture, at.x > rect.center().x);
        }
    }

    fn dropped(&mut self, view: ViewId, zone: Zone, picture: PictureId, right: bool) {
        self.activate(view);
        self.cx.state.presentation.selected = vec![picture];
        match zone {
            Zone::Center => self.cx.edit("edit-show-picture", move |document| {
                if let Some(view) = document.views.get_mut(&view) {
                    let place = usize::from(right).min(view.pictures.len().saturating_sub(1));
                    if let Some(old) = view.pictures.get_mut(place) {
                        *old = picture;
                    }
                }
            }),
            Zone::Side(side) => {
                let kind = self.cx.view(view).map(|view| view.kind.clone());
                let kind = kind
                    .filter(|kind| *kind != ViewKind::Matches)
                    .unwrap_or(ViewKind::Similarity);
                open_at(self.cx, view, side, View::new(kind, picture));
            }
        }
    }
}

/// How a tab stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tone {
    /// Keys belong to its view.
    Focused,
    /// The pointer is over it.
    Hovered,
    Idle,
}

/// The first view inside a tile.
fn first_pane(tiles: &Tiles<ViewId>, tile: TileId) -> Option<ViewId> {
    let mut tile = tile;
    // A tree cannot be deeper than it has tiles; a damaged one could go around.
    for _ in 0..=tiles.len() {
        match tiles.get(tile)? {
            Tile::Pane(view) => return Some(*view),
            Tile::Container(container) => tile = *container.children().next()?,
        }
    }
    None
}

impl Behavior<ViewId> for Tabs<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, view: &mut ViewId) -> UiResponse {
        let rect = ui.max_rect();
        let palette = theme::palette(ui);
        ui.painter().rect_filled(rect, 0.0, palette.canvas);
        ui.painter().hline(
            rect.x_range(),
            rect.top() + 0.5,
            Stroke::new(1.0, palette.line),
        );
        if ui.input(|input| input.pointer.any_pressed()) && ui.rect_contains_pointer(rect) {
            self.activate(*view);
        }
        let content = rect.with_min_y(rect.top() + 1.0);
        ui.scope_builder(UiBuilder::new().max_rect(content), |ui| {
            ui.shrink_clip_rect(content);
            views::pane_ui(ui, self.cx, *view);
        });
        self.drop_ui(ui, *view, rect);
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, view: &ViewId) -> WidgetText {
        let title = self
            .cx
            .view(*view)
            .map(|view| views::tab_title(self.cx, view));
        title.unwrap_or_default().into()
    }

    fn tab_ui(
        &mut self,
        tiles: &mut Tiles<ViewId>,
        ui: &mut Ui,
        id: Id,
        at: TileId,
        state: &TabState,
    ) -> Response {
        let (icon, title) = self.title(ui, tiles, at);
        let view = tiles.get_pane(&at).copied();
        let palette = theme::palette(ui);
        let color = if state.active {
            palette.text_0
        } else {
            palette.text_2
        };
        let galley = paint::line_of_text(ui.painter(), &title, paint::body(), color, 220.0);
        let closes = state.active && view.is_some();
        let width = 2.0 * PADDING + 20.0 + galley.size().x + if closes { 18.0 } else { 0.0 };
        let (_, rect) = ui.allocate_space(vec2(width, HEIGHT));
        let response = ui.interact(rect, id, Sense::click_and_drag());
        response.widget_info(|| {
            WidgetInfo::selected(Role::Tab, ui.is_enabled(), state.active, &*title)
        });
        let focused = view.is_some() && self.cx.state.presentation.active == view;
        if !state.is_being_dragged {
            let tone = match (focused, response.hovered()) {
                (true, _) => Tone::Focused,
                (_, true) => Tone::Hovered,
                _ => Tone::Idle,
            };
            Self::paint_tab(ui, rect, state.active, tone);
            let center = pos2(rect.left() + PADDING + 7.0, rect.center().y);
            let color = if state.active && focused {
                palette.text_0
            } else {
                palette.text_2
            };
            paint::icon(ui.painter(), center, icon, 15.0, color);
            paint::text_in(ui.painter(), rect, rect.left() + PADDING + 20.0, galley);
            paint::focus_ring_at(ui, &response, rect.shrink(5.0), 0);
        }
        let Some(view) = view else { return response };
        if response.clicked() {
            self.activate(view);
        }
        let pressed = closes && !state.is_being_dragged && Self::close_ui(ui, rect, id, &title);
        if pressed || response.middle_clicked() {
            self.close(view);
        }
        response.context_menu(|ui| views_menu::view_menu_ui(ui, self.cx, view));
        response
    }

    fn drag_ui(&mut self, tiles: &Tiles<ViewId>, ui: &mut Ui, at: TileId) {
        let (_, title) = self.title(ui, tiles, at);
        egui::Frame::popup(ui.style()).show(ui, |ui| ui.label(&title));
    }

    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<ViewId>,
        ui: &mut Ui,
        _tile: TileId,
        tabs: &egui_tiles::Tabs,
        _scroll: &mut f32,
    ) {
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.add_space(2.0);
        let shown = tabs.active.and_then(|tile| tiles.get_pane(&tile).copied());
        if let Some(view) = shown {
            self.bar_buttons_ui(ui, view);
        }
    }

    fn tab_bar_trailing_ui(
        &mut self,
        tiles: &Tiles<ViewId>,
        ui: &mut Ui,
        _tile: TileId,
        tabs: &egui_tiles::Tabs,
    ) {
        let shown = tabs.active.and_then(|tile| tiles.get_pane(&tile).copied());
        let Some(view) = shown else { return };
        ui.add_space(2.0);
        let button = Button::icon_only(icons::PLUS, tr(ui, "tiles-new-view"));
        let response = ui.add(button);
        super::menu::below(&response, |ui| views_menu::new_views_ui(ui, self.cx, view));
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        HEIGHT
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        1.0
    }

    fn min_size(&self) -> f32 {
        160.0
    }

    fn simplification_options(&self) -> SimplificationOptions {
        arrange::RULES
    }

    fn resize_stroke(&self, style: &egui::Style, state: ResizeState) -> Stroke {
        match state {
            ResizeState::Idle => {
                Stroke::new(1.0, style.visuals.widgets.noninteractive.bg_stroke.color)
            }
            ResizeState::Hovering | ResizeState::Dragging => {
                Stroke::new(2.0, style.visuals.selection.stroke.color)
            }
        }
    }

    fn tab_bar_color(&self, visuals: &Visuals) -> Color32 {
        visuals.panel_fill
    }

    fn drag_preview_color(&self, visuals: &Visuals) -> Color32 {
        visuals.selection.stroke.color.gamma_multiply(0.25)
    }

    fn cycle_tabs_with_keyboard(&self) -> bool {
        // A command does it, with a key that can be changed.
        false
    }

    fn on_edit(&mut self, _action: EditAction) {}
}

/// Where in a pane something is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Zone {
    Center,
    Side(Side),
}

impl Zone {
    /// The outer quarter of each side makes a new pane.
    fn at(rect: Rect, at: egui::Pos2) -> Self {
        let (x, y) = (
            (at.x - rect.left()) / rect.width(),
            (at.y - rect.top()) / rect.height(),
        );
        let sides = [
            (x, Side::Left),
            (1.0 - x, Side::Right),
            (y, Side::Above),
            (1.0 - y, Side::Below),
        ];
        let nearest = sides.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            Some((distance, side)) if distance < 0.25 => Self::Side(side),
            _ => Self::Center,
        }
    }

    /// The part of the pane that it takes.
    fn rect(self, rect: Rect) -> Rect {
        match self {
            Self::Center => rect,
            Self::Side(Side::Left) => rect.split_left_right_at_fraction(0.5).0,
            Self::Side(Side::Right) => rect.split_left_right_at_fraction(0.5).1,
            Self::Side(Side::Above) => rect.split_top_bottom_at_fraction(0.5).0,
            Self::Side(Side::Below) => rect.split_top_bottom_at_fraction(0.5).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_a_pane_make_a_new_one_and_its_middle_does_not() {
        let rect = Rect::from_min_size(pos2(100.0, 100.0), vec2(400.0, 200.0));
        assert_eq!(Zone::at(rect, rect.center()), Zone::Center);
        for (at, side) in [
            (pos2(110.0, 200.0), Side::Left),
            (pos2(490.0, 200.0), Side::Right),
            (pos2(300.0, 105.0), Side::Above),
            (pos2(300.0, 295.0), Side::Below),
        ] {
            let zone = Zone::at(rect, at);
            assert_eq!(zone, Zone::Side(side));
            assert!(zone.rect(rect).contains(at));
            assert!((zone.rect(rect).area() - rect.area() / 2.0).abs() < 1.0);
        }
    }
}
