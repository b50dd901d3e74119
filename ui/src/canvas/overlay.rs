//! What floats over a picture: tools at the upper left, zoom at the lower right, an overview at the lower left.

use egui::{Frame, Margin, Rect, RichText, Sense, Ui, UiBuilder, Vec2, pos2, vec2};

use super::{CanvasFrame, Tool, camera};
use crate::commands::Command;
use crate::document::Camera;
use crate::icons;
use crate::text::tr;
use crate::theme;
use crate::widgets::{Button, Minimap};

/// Distance from the edges, in points.
const EDGE: f32 = 12.0;
/// Zoom of one press of a button.
const STEP: f32 = 1.25;
/// Smaller canvases have no room for what floats.
const LEAST: Vec2 = Vec2::new(180.0, 140.0);

/// What the bar of tools shows.
#[derive(Clone, Copy, Debug)]
pub struct CanvasTools {
    /// Whether pins, boxes and lassos are of use here.
    pub draws: bool,
    /// Whether the patch grid is shown.
    pub grid: bool,
    /// Whether the map is shown.
    pub overlay: bool,
}

/// What was done in the bar.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolEvent {
    /// Another tool was taken.
    Tool(Tool),
    /// A command that keys have too.
    Command(Command),
}

/// Draws the bar of tools.
pub fn tools_ui(
    ui: &mut Ui,
    frame: &CanvasFrame,
    tools: &CanvasTools,
    current: Tool,
) -> Option<ToolEvent> {
    let rect = frame.rect();
    if rect.width() < LEAST.x || rect.height() < 280.0 {
        return None;
    }
    let mut event = None;
    let room = Rect::from_min_size(
        rect.min + Vec2::splat(EDGE),
        vec2(40.0, rect.height() - 2.0 * EDGE),
    );
    let mut child = ui.new_child(
        UiBuilder::new()
            .max_rect(room)
            .id_salt(("tools", frame.response.id)),
    );
    floating(&child).show(&mut child, |ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 2.0);
        let drawing = tools.draws;
        let offered = Tool::ALL
            .into_iter()
            .filter(|tool| drawing || matches!(tool, Tool::Pointer | Tool::Pan));
        for tool in offered {
            let (icon, name, key) = described(tool);
            let button = Button::icon_only(icon, tr(ui, name))
                .key(key)
                .on(tool == current);
            if ui.add(button).clicked() {
                event = Some(ToolEvent::Tool(tool));
            }
        }
        let (line, _) = ui.allocate_exact_size(vec2(28.0, 7.0), Sense::hover());
        let stroke = egui::Stroke::new(1.0, theme::palette(ui).line);
        ui.painter()
            .hline(line.x_range().shrink(4.0), line.center().y, stroke);
        let grid = Button::icon_only(icons::GRID_FOUR, tr(ui, "canvas-grid"))
            .key("G")
            .on(tools.grid);
        if ui.add(grid).clicked() {
            event = Some(ToolEvent::Command(Command::ToggleGrid));
        }
        let icon = if tools.overlay {
            icons::EYE
        } else {
            icons::EYE_SLASH
        };
        let overlay = Button::icon_only(icon, tr(ui, "canvas-overlay")).key("O");
        if ui.add(overlay).clicked() {
            event = Some(ToolEvent::Command(Command::ToggleOverlay));
        }
    });
    event
}

fn described(tool: Tool) -> (&'static str, &'static str, &'static str) {
    match tool {
        Tool::Pointer => (icons::CURSOR, "canvas-pointer", "V"),
        Tool::Pin => (icons::PUSH_PIN, "canvas-pin", "P"),
        Tool::Box => (icons::SELECTION, "canvas-box", "R"),
        Tool::Lasso => (icons::LASSO, "canvas-lasso", "L"),
        Tool::Pan => (icons::HAND, "canvas-pan", "H"),
    }
}

fn floating(ui: &Ui) -> Frame {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.panel.gamma_multiply(0.94))
        .stroke(egui::Stroke::new(1.0, palette.line))
        .corner_radius(8)
        .inner_margin(Margin::same(3))
}

/// Draws zoom and overview; true if the camera was changed.
pub fn zoom_ui(
    ui: &mut Ui,
    frame: &CanvasFrame,
    thumbnail: Option<egui::TextureId>,
    camera: &mut Camera,
) -> bool {
    let rect = frame.rect();
    if rect.width() < LEAST.x || rect.height() < LEAST.y {
        return false;
    }
    let before = *camera;
    zoom_cluster_ui(ui, frame, camera);
    if camera.zoom.is_some()
        && frame.visible.size() != frame.size_px
        && rect.width() > 420.0
        && rect.height() > 320.0
    {
        overview_ui(ui, frame, thumbnail, camera);
    }
    *camera != before
}

fn zoom_cluster_ui(ui: &mut Ui, frame: &CanvasFrame, camera: &mut Camera) {
    let rect = frame.rect();
    let size = vec2(if rect.width() > 320.0 { 186.0 } else { 124.0 }, 36.0);
    let room = Rect::from_min_size(rect.max - size - Vec2::splat(EDGE), size);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut child = ui.new_child(
        UiBuilder::new()
            .max_rect(room)
            .layout(layout)
            .id_salt(("zoom", frame.response.id)),
    );
    let middle = rect.center();
    let pixels_per_point = child.pixels_per_point();
    let percent = frame.transform.zoom * pixels_per_point * 100.0;
    floating(&child).show(&mut child, |ui| {
        ui.spacing_mut().item_spacing = vec2(2.0, 0.0);
        ui.horizontal(|ui| {
            if ui
                .add(Button::icon_only(icons::MINUS, tr(ui, "canvas-zoom-out")).key("−"))
                .clicked()
            {
                camera::zoom_at(camera, rect, frame.size_px, middle, 1.0 / STEP);
            }
            if rect.width() > 320.0 {
                let text = RichText::new(format!("{percent:.0} %")).monospace();
                ui.add_sized(vec2(52.0, 28.0), egui::Label::new(text));
            }
            if ui
                .add(Button::icon_only(icons::PLUS, tr(ui, "canvas-zoom-in")).key("+"))
                .clicked()
            {
                camera::zoom_at(camera, rect, frame.size_px, middle, STEP);
            }
            let fit = Button::icon_only(icons::FRAME_CORNERS, tr(ui, "canvas-fit"))
                .key("0")
                .on(camera.zoom.is_none());
            if ui.add(fit).clicked() {
                *camera = Camera::default();
            }
            if ui
                .add(Button::new(tr(ui, "canvas-actual-size")).ghost().key("1"))
                .clicked()
            {
                camera::one_to_one(camera, rect, frame.size_px, pixels_per_point);
            }
        });
    });
}

fn overview_ui(
    ui: &mut Ui,
    frame: &CanvasFrame,
    thumbnail: Option<egui::TextureId>,
    camera: &mut Camera,
) {
    let Some(texture) = thumbnail else { return };
    let rect = frame.rect();
    let seen = Rect::from_min_max(
        camera::fraction(frame.visible.min, frame.size_px),
        camera::fraction(frame.visible.max, frame.size_px),
    );
    let corner = pos2(rect.left() + EDGE, rect.bottom() - EDGE);
    let id = frame.response.id.with("overview");
    let map = Minimap::new(texture, frame.size_px, seen, tr(ui, "canvas-overview"));
    if let (_, Some(at)) = map.show(ui, id, corner) {
        let to = at.to_vec2() * frame.size_px;
        camera::look_at(camera, rect, frame.size_px, to.to_pos2());
    }
}
