//! A picture in a view: zoom, pan, tools, and what lies over it.
//!
//! [`begin`] takes a rectangle of the window and all input that belongs to the picture; the view then draws its map and
//! marks with what it returns. The picture's own numbers are pixels, patches and cosines; points of the screen stay in here.

use std::sync::Arc;

use egui::{
    CursorIcon, Event, Modifiers, MouseWheelUnit, PointerButton, Pos2, Rect, Response, Sense, Ui,
    Vec2, pos2, vec2,
};

pub mod camera;
pub mod marks;
mod overlay;
mod pins;

pub use camera::Transform;
pub use overlay::{CanvasTools, ToolEvent, tools_ui, zoom_ui};
pub use pins::{PinEvent, pins_ui, sign_name};

use crate::document::Camera;

/// Zoom of one notch of a wheel.
const NOTCH: f32 = 1.2;
/// Corners of a lasso are at least this far apart, in points.
const LASSO_STEP: f32 = 3.0;

/// What the primary button does on a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Reads; a click pins, a drag pans.
    #[default]
    Pointer,
    /// A click pins.
    Pin,
    /// A drag is a box.
    Box,
    /// A drag is a lasso.
    Lasso,
    /// A drag pans.
    Pan,
}

impl Tool {
    /// All tools, in the order of the bar.
    pub const ALL: [Self; 5] = [Self::Pointer, Self::Pin, Self::Box, Self::Lasso, Self::Pan];
}

/// Something that was done on the picture; points are in its pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Gesture {
    /// A click with the primary button, or with the secondary one.
    Click {
        /// Where.
        at: [f64; 2],
        /// With the secondary button, or with shift.
        negative: bool,
    },
    /// A finished box between two corners.
    Box([[f64; 2]; 2], Modifiers),
    /// A finished lasso.
    Lasso(Vec<[f64; 2]>, Modifiers),
    /// A double click beside the picture.
    Fit,
}

/// A box or lasso that is being drawn, in pixels of the picture.
#[derive(Clone, Debug, Default)]
struct Draft {
    points: Vec<Pos2>,
}

/// One canvas in one frame.
#[derive(Debug)]
pub struct CanvasFrame {
    /// The whole canvas.
    pub response: Response,
    /// Where the picture is.
    pub transform: Transform,
    /// Width and height of the picture in pixels.
    pub size_px: Vec2,
    /// The part of the picture in sight, in its pixels.
    pub visible: Rect,
    /// The pointer over the picture, in its pixels.
    pub pointer_px: Option<[f64; 2]>,
    /// What was done.
    pub gestures: Vec<Gesture>,
    /// Whether zoom or pan changed the camera.
    pub moved: bool,
    draft: Option<Arc<Draft>>,
    tool: Tool,
}

impl CanvasFrame {
    /// The rectangle of the window that the canvas has.
    pub fn rect(&self) -> Rect {
        self.response.rect
    }

    /// The part of the window that shows the picture.
    pub fn shown(&self) -> Rect {
        self.transform
            .rect_to_screen(self.visible)
            .intersect(self.response.rect)
    }

    /// Physical pixels that the visible part takes.
    pub fn out_px(&self, ui: &Ui) -> [u32; 2] {
        let size = self.shown().size() * ui.pixels_per_point();
        #[expect(clippy::cast_sign_loss, reason = "clamped at 1")]
        let whole = |side: f32| side.round().clamp(1.0, 16_384.0) as u32;
        [whole(size.x), whole(size.y)]
    }

    /// Whether nothing of the picture is in sight.
    pub fn is_hidden(&self) -> bool {
        !(self.visible.is_positive() && self.shown().is_positive())
    }
}

/// Takes the room that is left in `ui` and the input of this frame; a drag pans while `space` is held.
pub fn begin(
    ui: &mut Ui,
    name: &str,
    size_px: Vec2,
    camera: &mut Camera,
    (tool, space): (Tool, bool),
) -> CanvasFrame {
    let (rect, mut response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let before = *camera;
    wheel(ui, &response, (rect, size_px), camera);
    let pans = space || tool == Tool::Pan || matches!(tool, Tool::Pointer | Tool::Pin);
    let dragged_by = |button| response.dragged_by(button);
    if dragged_by(PointerButton::Middle) || (pans && dragged_by(PointerButton::Primary)) {
        camera::pan(camera, rect, size_px, response.drag_delta());
    }
    let transform = Transform::new(camera, rect, size_px);
    let draws = !space && matches!(tool, Tool::Box | Tool::Lasso);
    let mut gestures = Vec::new();
    let draft = if draws {
        draft(ui, &response, &transform, (tool, size_px), &mut gestures)
    } else {
        None
    };
    let pointer_px = response
        .hover_pos()
        .map(|at| transform.to_picture(at))
        .filter(|at| Rect::from_min_size(Pos2::ZERO, size_px).contains(*at))
        .map(|at| {
            [
                f64::from(at.x.min(size_px.x - 1e-3)),
                f64::from(at.y.min(size_px.y - 1e-3)),
            ]
        });
    clicks(ui, &response, (&transform, size_px), &mut gestures);
    if gestures.contains(&Gesture::Fit) {
        *camera = Camera::default();
    }
    if response.clicked() || response.drag_started() || response.secondary_clicked() {
        response.request_focus();
    }
    if response.has_focus() {
        // Arrows walk patches here instead of moving the focus; Tab still leaves.
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: true,
            tab: false,
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
    let shape = cursor(
        if space { Tool::Pan } else { tool },
        &response,
        pointer_px.is_some(),
    );
    response = response.on_hover_cursor(shape);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    CanvasFrame {
        visible: transform.visible(rect, size_px),
        moved: *camera != before,
        response,
        transform,
        size_px,
        pointer_px,
        gestures,
        draft,
        tool,
    }
}

fn cursor(tool: Tool, response: &Response, over: bool) -> CursorIcon {
    match (tool == Tool::Pan, response.dragged()) {
        (true, true) => CursorIcon::Grabbing,
        (true, false) => CursorIcon::Grab,
        (false, true) if matches!(tool, Tool::Pointer | Tool::Pin) => CursorIcon::Grabbing,
        _ if over => CursorIcon::Crosshair,
        _ => CursorIcon::Default,
    }
}

/// A wheel zooms to the pointer; fingers pan, and zoom with a pinch or with the command key.
fn wheel(ui: &Ui, response: &Response, (rect, size_px): (Rect, Vec2), camera: &mut Camera) {
    let Some(at) = response.hover_pos() else {
        return;
    };
    let events = ui.input(|input| input.raw.events.clone());
    for event in events {
        match event {
            Event::MouseWheel {
                unit,
                delta,
                modifiers,
                ..
            } => {
                let fingers = unit == MouseWheelUnit::Point;
                if fingers && !modifiers.command {
                    camera::pan(camera, rect, size_px, delta);
                } else if modifiers.shift {
                    camera::pan(camera, rect, size_px, vec2(delta.x + delta.y, 0.0) * 40.0);
                } else {
                    let notches = if fingers { delta.y / 40.0 } else { delta.y };
                    camera::zoom_at(
                        camera,
                        rect,
                        size_px,
                        at,
                        NOTCH.powf(notches.clamp(-8.0, 8.0)),
                    );
                }
            }
            Event::Zoom(factor) => camera::zoom_at(camera, rect, size_px, at, factor),
            _ => {}
        }
    }
}

fn clicks(
    ui: &Ui,
    response: &Response,
    (transform, size_px): (&Transform, Vec2),
    gestures: &mut Vec<Gesture>,
) {
    let Some(at) = response.interact_pointer_pos() else {
        return;
    };
    let at = transform.to_picture(at);
    let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < size_px.x && at.y < size_px.y;
    let point = [f64::from(at.x), f64::from(at.y)];
    let shift = ui.input(|input| input.modifiers.shift);
    if response.double_clicked() && !inside {
        gestures.push(Gesture::Fit);
    } else if inside && response.clicked() {
        gestures.push(Gesture::Click {
            at: point,
            negative: shift,
        });
    } else if inside && response.secondary_clicked() {
        gestures.push(Gesture::Click {
            at: point,
            negative: true,
        });
    }
}

/// Follows a box or lasso; the finished one becomes a gesture.
fn draft(
    ui: &Ui,
    response: &Response,
    transform: &Transform,
    (tool, size_px): (Tool, Vec2),
    gestures: &mut Vec<Gesture>,
) -> Option<Arc<Draft>> {
    let id = response.id.with("draft");
    let held: Option<Arc<Draft>> = ui.data(|data| data.get_temp(id));
    let inside = |at: Pos2| at.clamp(Pos2::ZERO, size_px.to_pos2());
    let at = response
        .interact_pointer_pos()
        .map(|at| inside(transform.to_picture(at)));
    if response.drag_started_by(PointerButton::Primary) {
        let origin = ui.input(|input| input.pointer.press_origin());
        let start = origin.map(|at| inside(transform.to_picture(at))).or(at)?;
        let draft = Arc::new(Draft {
            points: vec![start],
        });
        ui.data_mut(|data| data.insert_temp(id, Arc::clone(&draft)));
        return Some(draft);
    }
    let mut draft = held?;
    if let Some(at) = at {
        let points = &mut Arc::make_mut(&mut draft).points;
        if tool == Tool::Box {
            points.truncate(1);
            points.push(at);
        } else {
            let last = *points.last()?;
            if (at - last).length() * transform.zoom >= LASSO_STEP {
                points.push(at);
            }
        }
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove::<Arc<Draft>>(id));
        // A drag that ends without its button was given up, with Esc.
        if !ui.input(|input| input.pointer.button_released(PointerButton::Primary)) {
            return None;
        }
        let modifiers = ui.input(|input| input.modifiers);
        let points: Vec<[f64; 2]> = draft
            .points
            .iter()
            .map(|at| [f64::from(at.x), f64::from(at.y)])
            .collect();
        match (tool, &points[..]) {
            (Tool::Box, [a, b]) if (a[0] - b[0]).abs() > 0.5 && (a[1] - b[1]).abs() > 0.5 => {
                gestures.push(Gesture::Box([*a, *b], modifiers));
            }
            (Tool::Lasso, [_, _, _, ..]) => gestures.push(Gesture::Lasso(points, modifiers)),
            _ => {}
        }
        return None;
    }
    ui.data_mut(|data| data.insert_temp(id, Arc::clone(&draft)));
    Some(draft)
}

/// Draws the box or lasso that is being made.
pub fn draft_ui(ui: &Ui, frame: &CanvasFrame) {
    let Some(draft) = &frame.draft else { return };
    let on_screen = |at: &Pos2| frame.transform.to_screen(at.x, at.y);
    let painter = ui.painter_at(frame.rect());
    match (frame.tool, &draft.points[..]) {
        (Tool::Box, [a, b]) => {
            let rect = Rect::from_two_pos(on_screen(a), on_screen(b));
            marks::frame(&painter, rect, 1.5);
        }
        (_, points) => {
            for pair in points.windows(2) {
                marks::line(&painter, on_screen(&pair[0]), on_screen(&pair[1]), 1.5);
            }
            if let [first, .., last] = points {
                marks::line(&painter, on_screen(last), on_screen(first), 1.0);
            }
        }
    }
}

/// The middle of the pixel that a point is in.
pub fn pixel_center(at: [f64; 2]) -> Pos2 {
    pos2(at[0].floor() as f32 + 0.5, at[1].floor() as f32 + 0.5)
}
