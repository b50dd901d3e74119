//! The picture of a view on a canvas, or why it is not there.

use std::sync::Arc;

use dinoscope_engine::analysis::Patch;
use dinoscope_engine::{FeatureMap, Grid};
use egui::{Rect, Ui, Vec2};

use crate::canvas::{self, CanvasFrame, CanvasTools, Tool, marks};
use crate::commands::Command;
use crate::cx::{Cx, Pointer, Request};
use crate::document::{PictureId, ViewId};
use crate::parts;
use crate::session::{Answer, Content, FeatureKey, Painting, Placed};
use crate::text::{Text, tr, tr_with};

/// A picture that is drawn in this frame.
#[derive(Debug)]
pub struct Shown {
    /// Canvas and input.
    pub frame: CanvasFrame,
    /// The picture on the device.
    pub placed: Arc<Placed>,
    /// The picture's number.
    pub picture: PictureId,
}

/// Takes the room that is left and the input for a picture of a view; draws a note instead where there is no picture.
pub fn begin(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (view, picture): (ViewId, PictureId),
    tool: Tool,
) -> Option<Shown> {
    let placed = placed(ui, cx, view, picture)?;
    let size = Vec2::from(placed.size_px);
    let name = {
        let kind = cx.view(view).map(|view| crate::views::title_id(&view.kind));
        format!(
            "{}, {}",
            cx.document.library.name(picture),
            kind.map(|id| tr(ui, id).to_string()).unwrap_or_default()
        )
    };
    let mut camera = cx.camera(view, picture);
    let focused = ui.memory(egui::Memory::focused);
    let mine = focused.is_none_or(|id| cx.session.is_canvas(id));
    let space = mine && cx.keys.held(ui.ctx(), Command::HoldPan);
    let frame = canvas::begin(ui, &name, size, &mut camera, (tool, space));
    if frame.moved {
        cx.set_camera(view, picture, camera);
    }
    if frame.response.clicked()
        || frame.response.drag_started()
        || frame.response.secondary_clicked()
    {
        cx.state.presentation.active = Some(view);
    }
    let state = cx.session.view(view);
    state.canvas = Some(frame.rect());
    // Of several canvases the one with the focus is the one that keys belong to.
    if frame.response.has_focus() || state.canvas_id.is_none() {
        state.canvas_id = Some(frame.response.id);
    }
    point(cx, view, picture, &frame);
    Some(Shown {
        frame,
        placed,
        picture,
    })
}

/// Keeps where the pointer is, and forgets the arrow keys' place when it moves.
fn point(cx: &mut Cx<'_>, view: ViewId, picture: PictureId, frame: &CanvasFrame) {
    let moved = frame
        .response
        .ctx
        .input(|input| input.pointer.delta() != Vec2::ZERO);
    let mine = cx
        .state
        .pointer
        .filter(|pointer| pointer.view == view && pointer.picture == picture);
    match frame.pointer_px {
        Some(at) if moved || mine.is_none_or(|pointer| !pointer.by_keys) => {
            let by_keys = cx.state.pointer.is_some_and(|pointer| pointer.by_keys);
            if moved || !by_keys {
                cx.state.pointer = Some(Pointer {
                    view,
                    picture,
                    at,
                    by_keys: false,
                });
            }
        }
        None if mine.is_some_and(|pointer| !pointer.by_keys) => cx.state.pointer = None,
        _ => {}
    }
}

fn placed(ui: &mut Ui, cx: &mut Cx<'_>, view: ViewId, picture: PictureId) -> Option<Arc<Placed>> {
    let Some(entry) = cx.document.library.get(picture) else {
        parts::error_note(ui, &tr(ui, "canvas-no-picture"), "", None);
        return None;
    };
    if let Err(failure) = cx.session.pictures.ask(picture, entry, &cx.session.runner) {
        let message = failure.message.clone();
        let missing = !entry.path.exists();
        broken_ui(ui, cx, (view, picture), &message, missing);
        return None;
    }
    match cx.session.pictures.placed(picture, &cx.session.display) {
        None => {
            let args = [("name", cx.document.library.name(picture).into())];
            parts::waiting(ui, &tr_with(ui, "canvas-opening", &args));
            None
        }
        Some(Err(error)) => {
            parts::error_note(ui, &tr(ui, "canvas-broken"), &error, None);
            None
        }
        Some(Ok(placed)) => Some(placed),
    }
}

/// Says why a picture is not there, and offers to find it.
fn broken_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (view, picture): (ViewId, PictureId),
    message: &str,
    missing: bool,
) {
    let cause = tr(
        ui,
        if missing {
            "canvas-missing"
        } else {
            "canvas-broken"
        },
    );
    let (find, again) = (tr(ui, "canvas-find"), tr(ui, "canvas-again"));
    let action = if missing { &find } else { &again };
    if parts::error_note(ui, &cause, message, Some(action)) {
        if missing {
            cx.todo.requests.push_back(Request::Relink(picture));
        } else {
            cx.session.pictures.forget(picture);
        }
    }
    cx.session.view(view).busy = false;
}

/// Features that a view looks at for one of its pictures.
pub fn features(cx: &mut Cx<'_>, view: ViewId, picture: PictureId) -> Answer {
    let settings = &cx.document.settings(view).features;
    let key = FeatureKey::new(picture, settings, &cx.document.model);
    cx.session.features_of(cx.document, &key)
}

/// Draws the map over the picture.
pub fn paint(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (view, index): (ViewId, usize),
    shown: &Shown,
    content: &Content,
) {
    paint_part(ui, cx, (view, index), shown, content, shown.frame.visible);
}

/// The same for a part of what is visible, in pixels of the picture; for a swipe.
pub fn paint_part(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (view, index): (ViewId, usize),
    shown: &Shown,
    content: &Content,
    part: Rect,
) {
    let frame = &shown.frame;
    let on_screen = frame.transform.rect_to_screen(part).intersect(frame.rect());
    if frame.is_hidden() || !on_screen.is_positive() {
        return;
    }
    let size = on_screen.size() * ui.pixels_per_point();
    #[expect(clippy::cast_sign_loss, reason = "clamped at 1")]
    let out_px = [size.x, size.y].map(|side| side.round().clamp(1.0, 16_384.0) as u32);
    let view_px = shown.placed.view(part, out_px);
    let display = cx.session.display.clone();
    let start = std::time::Instant::now();
    let slot = cx.session.view(view).painting(index);
    match Painting::draw(slot, &display, &shown.placed, content, view_px) {
        Ok(painted) => {
            cx.session.times.map = start.elapsed();
            let color = egui::Color32::WHITE;
            ui.painter_at(frame.rect())
                .image(painted.texture, on_screen, painted.uv, color);
        }
        Err(error) => {
            *slot = None;
            let cause = tr(ui, "canvas-gpu-failed");
            let mut child = ui.new_child(egui::UiBuilder::new().max_rect(frame.rect()));
            parts::error_note(&mut child, &cause, &error.to_string(), None);
        }
    }
}

/// Says that features are on their way, or why they do not come.
pub fn answer_ui(ui: &mut Ui, cx: &mut Cx<'_>, view: ViewId, shown: &Shown, answer: &Answer) {
    let busy = matches!(answer, Answer::Busy(_) | Answer::Waiting);
    cx.session.view(view).busy = busy;
    if let Answer::Failed(message) = answer {
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(shown.frame.rect()));
        let cause = tr(ui, "canvas-no-features");
        let again = tr(ui, "canvas-again");
        if parts::error_note(&mut child, &cause, message, Some(&again)) {
            let model = cx.document.model_of(view).to_owned();
            cx.session.try_again(&model);
        }
    }
}

/// The patch of `grid` that the pointer is on, if it is on this picture in a view that shares it.
pub fn pointed(
    cx: &Cx<'_>,
    view: ViewId,
    picture: PictureId,
    grid: &Grid,
) -> Option<(Patch, [f64; 2])> {
    let pointer = cx.state.pointer?;
    let shares = pointer.view == view || (cx.is_linked(view) && cx.is_linked(pointer.view));
    if pointer.picture != picture || !shares {
        return None;
    }
    let (row, col) = grid.patch_at(pointer.at[0], pointer.at[1])?;
    Some((Patch { row, col }, pointer.at))
}

/// Numbers of a patch: beside it, for the clipboard and for screen readers.
pub fn read_out(
    ui: &Ui,
    cx: &mut Cx<'_>,
    shown: &Shown,
    (grid, patch): (&Grid, Patch),
    rows: &[(Text, String)],
) {
    let near = shown
        .frame
        .transform
        .rect_to_screen(marks::patch_rect(grid, patch));
    parts::read_out(ui, shown.frame.rect(), near, rows);
    let spoken: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    cx.session.read_out = Some(spoken.join("\n"));
    parts::announce(ui, shown.frame.response.id, &spoken.join(", "));
}

/// Patch grid, crosshair, tools, zoom, minimap: what every canvas has. Returns what was done to the tools.
pub fn finish(ui: &mut Ui, cx: &mut Cx<'_>, view: ViewId, shown: &Shown, tools: &CanvasTools) {
    canvas::draft_ui(ui, &shown.frame);
    let event = canvas::tools_ui(ui, &shown.frame, tools, cx.state.tool);
    if let Some(event) = event {
        match event {
            canvas::ToolEvent::Tool(tool) => cx.state.tool = tool,
            canvas::ToolEvent::Command(command) => {
                cx.state.presentation.active = Some(view);
                cx.run(command);
            }
        }
    }
    let thumbnail = cx.session.pictures.overview(shown.picture, ui.ctx());
    let mut camera = cx.camera(view, shown.picture);
    if canvas::zoom_ui(ui, &shown.frame, thumbnail, &mut camera) {
        cx.set_camera(view, shown.picture, camera);
    }
}

/// Whether two maps are the same memory.
pub fn same_map(a: &FeatureMap, b: &FeatureMap) -> bool {
    std::ptr::eq(a.values(), b.values())
}
