//! The bar at the top: project, menu, undo, workspaces, search for commands.

use egui::{Rect, Response, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

mod menu_bar;

use crate::commands::Command;
use crate::cx::{Cx, ProjectState};
use crate::document::Workspace;
use crate::icons;
use crate::text::{Text, tr, tr_with};
use crate::theme;
use crate::widgets::{Button, Segmented, paint};

/// Space at both ends, in points.
const MARGIN: f32 = 12.0;
/// Width of the field that opens the list of commands.
const SEARCH: f32 = 212.0;
/// Width of the workspaces with and without words.
const WORKSPACES: [f32; 2] = [282.0, 120.0];

/// Draws the bar into a panel 44 high.
pub fn top_bar_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let bar = ui.max_rect();
    let inside = bar.shrink2(vec2(MARGIN, 0.0));
    let right = ends_ui(ui, cx, inside);
    let left = start_ui(
        ui,
        cx,
        Rect::from_min_max(inside.min, pos2(right - 8.0, inside.bottom())),
    );
    workspaces_ui(ui, cx, (left + 12.0, right - 12.0), bar);
    ui.advance_cursor_after_rect(bar);
}

/// The left end: mark, name, menu, undo, redo. Returns its right side.
fn start_ui(ui: &mut Ui, cx: &mut Cx<'_>, room: Rect) -> f32 {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut ui = ui.new_child(
        UiBuilder::new()
            .id_salt("top-bar-start")
            .max_rect(room)
            .layout(layout),
    );
    let ui = &mut ui;
    ui.spacing_mut().item_spacing.x = 8.0;
    mark_ui(ui);
    let words = room.width() > 560.0;
    name_ui(ui, &cx.state.project, if words { 220.0 } else { 110.0 });
    if words {
        ui.add_space(8.0);
    }
    ui.spacing_mut().item_spacing.x = 4.0;
    let menu = ui.add(Button::icon_only(icons::LIST, tr(ui, "app-menu")));
    super::menu::below(&menu, |ui| menu_bar::menu_ui(ui, cx));
    let project = cx.state.project.clone();
    let undo = (
        Command::Undo,
        icons::ARROW_U_UP_LEFT,
        "app-undo",
        "top-undo",
        "top-nothing-to-undo",
    );
    history_ui(ui, cx, undo, project.undo);
    let redo = (
        Command::Redo,
        icons::ARROW_U_UP_RIGHT,
        "app-redo",
        "top-redo",
        "top-nothing-to-redo",
    );
    history_ui(ui, cx, redo, project.redo);
    ui.min_rect().right()
}

/// The program's mark: patches, the found ones brighter.
fn mark_ui(ui: &mut Ui) {
    let (rect, response) = ui.allocate_exact_size(vec2(24.0, 24.0), Sense::hover());
    let palette = theme::palette(ui);
    let painter = ui.painter();
    painter.rect_filled(rect.shrink(1.0), 6.0, palette.accent_bg);
    let patches = [
        (5.0, 13.0, 1.0),
        (10.0, 13.0, 1.0),
        (10.0, 8.0, 1.0),
        (15.0, 8.0, 0.55),
        (15.0, 13.0, 0.35),
        (5.0, 8.0, 0.35),
    ];
    for (x, y, strength) in patches {
        let patch = Rect::from_min_size(rect.min + vec2(x, y), vec2(4.0, 4.0));
        painter.rect_filled(patch, 1.0, palette.accent.gamma_multiply(strength));
    }
    let name = tr(ui, "app-name");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &*name));
}

/// Name of the project and whether its file has everything.
fn name_ui(ui: &mut Ui, project: &ProjectState, room: f32) {
    let palette = theme::palette(ui);
    let file = project.path.as_deref().and_then(|path| path.file_name());
    let name = file.map_or_else(
        || tr(ui, "app-untitled"),
        |name| Text::from(&*name.to_string_lossy()),
    );
    let state = match (project.busy, project.path.is_some(), project.saved) {
        (true, ..) => "top-saving",
        (_, false, _) => "app-not-saved",
        (_, true, true) => "app-saved",
        (_, true, false) => "app-unsaved",
    };
    let response = text_ui(ui, &name, paint::strong(), palette.text_0, room);
    if let Some(path) = &project.path {
        response.on_hover_text(path.display().to_string());
    }
    text_ui(ui, &tr(ui, state), paint::small(), palette.text_2, 140.0);
}

fn text_ui(
    ui: &mut Ui,
    text: &Text,
    font: egui::FontId,
    color: egui::Color32,
    room: f32,
) -> Response {
    let galley = paint::line_of_text(ui.painter(), text, font, color, room);
    let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::hover());
    paint::text_in(ui.painter(), rect, rect.left(), galley);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &**text));
    response
}

/// Undo or redo; its tooltip says what it takes back.
fn history_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (command, icon, plain, named, nothing): (Command, &'static str, &str, &str, &str),
    label: Option<&'static str>,
) {
    let name = match label {
        Some(label) => tr_with(ui, named, &[("what", tr(ui, label).to_string().into())]),
        None => tr(ui, plain),
    };
    let reason = label.is_none().then(|| tr(ui, nothing));
    let button = Button::icon_only(icon, name).disabled_because(reason);
    if ui.add(super::with_key(ui, button, cx, command)).clicked() {
        cx.run(command);
    }
}

/// The right end: search, help, settings. Returns its left side.
fn ends_ui(ui: &mut Ui, cx: &mut Cx<'_>, room: Rect) -> f32 {
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    let mut ui = ui.new_child(
        UiBuilder::new()
            .id_salt("top-bar-end")
            .max_rect(room)
            .layout(layout),
    );
    let ui = &mut ui;
    ui.spacing_mut().item_spacing.x = 8.0;
    let settings = Button::icon_only(icons::GEAR, tr(ui, "app-settings"));
    if ui
        .add(super::with_key(ui, settings, cx, Command::Settings))
        .clicked()
    {
        cx.run(Command::Settings);
    }
    let help = ui.add(Button::icon_only(icons::QUESTION, tr(ui, "app-help")));
    super::menu::below(&help, |ui| menu_bar::help_ui(ui, cx));
    if room.width() > 860.0 {
        search_ui(ui, cx);
    } else {
        let search = Button::icon_only(icons::MAGNIFYING_GLASS, tr(ui, "app-find-command"));
        if ui
            .add(super::with_key(ui, search, cx, Command::Palette))
            .clicked()
        {
            cx.run(Command::Palette);
        }
    }
    ui.min_rect().left()
}

/// Looks like a field, and opens the list of commands, where the field is.
fn search_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (rect, response) = ui.allocate_exact_size(vec2(SEARCH, 28.0), Sense::click());
    let palette = theme::palette(ui);
    let words = tr(ui, "app-find-command");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &*words));
    let line = if response.hovered() {
        palette.line_strong
    } else {
        palette.line
    };
    let stroke = egui::Stroke::new(1.0, line);
    ui.painter().rect(
        rect,
        theme::RADIUS[1],
        palette.field,
        stroke,
        egui::StrokeKind::Inside,
    );
    paint::icon(
        ui.painter(),
        pos2(rect.left() + 16.0, rect.center().y),
        icons::MAGNIFYING_GLASS,
        14.0,
        palette.text_2,
    );
    let keys = super::key_of(ui, cx, Command::Palette);
    let mut right = rect.right() - 8.0;
    if !keys.is_empty() {
        let galley = paint::line_of_text(ui.painter(), &keys, paint::tiny(), palette.text_2, 90.0);
        let size = vec2(galley.size().x + 10.0, 18.0);
        let cap = Rect::from_center_size(pos2(right - size.x / 2.0, rect.center().y), size);
        let stroke = egui::Stroke::new(1.0, palette.line);
        ui.painter().rect(
            cap,
            theme::RADIUS[0],
            palette.canvas,
            stroke,
            egui::StrokeKind::Inside,
        );
        paint::text_in(ui.painter(), cap, cap.left() + 5.0, galley);
        right = cap.left() - 6.0;
    }
    let x = rect.left() + 28.0;
    let galley = paint::line_of_text(
        ui.painter(),
        &words,
        paint::body(),
        palette.text_2,
        right - x,
    );
    paint::text_in(ui.painter(), rect, x, galley);
    paint::focus_ring(ui, &response);
    if response.clicked() {
        cx.run(Command::Palette);
    }
}

/// Explore, Compare, Models: in the middle of the window while there is room, else beside the left end.
fn workspaces_ui(ui: &mut Ui, cx: &mut Cx<'_>, (left, right): (f32, f32), bar: Rect) {
    let [wide, narrow] = WORKSPACES;
    let words = right - left >= wide;
    let width = if words {
        wide
    } else {
        narrow.min(right - left)
    };
    if width < narrow {
        return;
    }
    let middle = bar.center().x.clamp(
        left + width / 2.0,
        (right - width / 2.0).max(left + width / 2.0),
    );
    let place = Rect::from_center_size(pos2(middle, bar.center().y), vec2(width, 28.0));
    let choices = [
        (Workspace::Explore, "app-explore", icons::IMAGES),
        (Workspace::Compare, "app-compare", icons::COLUMNS),
        (Workspace::Models, "app-models", icons::CUBE),
    ];
    let mut workspace = cx.state.presentation.workspace;
    let mut ui = ui.new_child(UiBuilder::new().id_salt("workspaces").max_rect(place));
    if words {
        let texts = choices.map(|(workspace, id, _)| (workspace, tr(&ui, id)));
        let chosen = Segmented::new(&mut workspace, texts)
            .icons(choices.map(|(.., icon)| icon))
            .width(width);
        ui.add(chosen);
    } else {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (choice, id, icon) in choices {
                if ui
                    .add(Button::icon_only(icon, tr(ui, id)).on(choice == workspace))
                    .clicked()
                {
                    workspace = choice;
                }
            }
        });
    }
    if workspace != cx.state.presentation.workspace {
        cx.run(match workspace {
            Workspace::Explore => Command::Explore,
            Workspace::Compare => Command::Compare,
            Workspace::Models => Command::Models,
        });
    }
}
