//! What happened to a window since its last frame.
//!
//! Native signal handlers write here and the next frame takes it all. Handlers may run in the
//! middle of a frame (a call on the window can emit a signal at once), so no borrow is held while
//! foreign code runs.

use std::cell::RefCell;
use std::path::PathBuf;

use egui::{Event, HoveredFile, Modifiers, PointerButton, Pos2, RawInput, Rect, pos2, vec2};

use crate::dropped::dropped_file;
use crate::repaint::Repaint;

/// The input of one window, shared between its signal handlers and its host.
pub(crate) struct Input {
    ctx: egui::Context,
    repaint: Repaint,
    state: RefCell<State>,
}

struct State {
    /// Events, hovered and dropped files since the last frame.
    raw: RawInput,
    modifiers: Modifiers,
    /// Where the pointer was last seen; `None` when it is elsewhere.
    pointer: Option<Pos2>,
    buttons_down: u32,
    /// The text of the key press to come was sent already.
    #[cfg(not(target_os = "linux"))]
    committed: bool,
    /// The file drag in progress.
    hovered: Vec<HoveredFile>,
    focused: bool,
    /// Size of the drawing area, in pixels.
    size_px: [u32; 2],
    /// Pixels per logical unit of the window system.
    scale: f32,
    close_requested: bool,
    window_changed: bool,
}

impl Input {
    pub(crate) fn new(ctx: egui::Context, repaint: Repaint) -> Self {
        Self {
            ctx,
            repaint,
            state: RefCell::new(State {
                raw: RawInput::default(),
                modifiers: Modifiers::NONE,
                pointer: None,
                buttons_down: 0,
                #[cfg(not(target_os = "linux"))]
                committed: false,
                hovered: Vec::new(),
                focused: true,
                size_px: [0, 0],
                scale: 1.0,
                close_requested: false,
                window_changed: true,
            }),
        }
    }

    pub(crate) fn push(&self, event: Event) {
        self.change(|state| state.raw.events.push(event));
    }

    pub(crate) fn modifiers(&self) -> Modifiers {
        self.state.borrow().modifiers
    }

    pub(crate) fn set_modifiers(&self, modifiers: Modifiers) {
        if self.modifiers() != modifiers {
            self.change(|state| {
                state.modifiers = modifiers;
                state.raw.events.push(Event::ModifiersChanged(modifiers));
            });
        }
    }

    /// Notes whether the text of the key press to come was sent already; returns the last note.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn set_committed(&self, committed: bool) -> bool {
        std::mem::replace(&mut self.state.borrow_mut().committed, committed)
    }

    pub(crate) fn pointer_moved(&self, pos: Pos2) {
        if self.state.borrow().pointer != Some(pos) {
            self.change(|state| {
                state.pointer = Some(pos);
                state.raw.events.push(Event::PointerMoved(pos));
            });
        }
    }

    /// The pointer left the window. During a drag it stays in use.
    pub(crate) fn pointer_left(&self) {
        self.change(|state| {
            if state.buttons_down == 0 {
                state.pointer = None;
                state.raw.events.push(Event::PointerGone);
            }
        });
    }

    /// A button changed where the pointer is.
    pub(crate) fn pointer_button(&self, button: PointerButton, pressed: bool) {
        self.change(|state| {
            state.buttons_down = if pressed {
                state.buttons_down + 1
            } else {
                state.buttons_down.saturating_sub(1)
            };
            state.raw.events.push(Event::PointerButton {
                pos: state.pointer.unwrap_or_default(),
                button,
                pressed,
                modifiers: state.modifiers,
            });
        });
    }

    pub(crate) fn set_focused(&self, focused: bool) {
        if !focused {
            self.set_modifiers(Modifiers::NONE);
        }
        self.change(|state| {
            state.focused = focused;
            state.window_changed = true;
            state.raw.events.push(Event::WindowFocused(focused));
        });
    }

    pub(crate) fn size_px(&self) -> [u32; 2] {
        self.state.borrow().size_px
    }

    pub(crate) fn set_size_px(&self, size_px: [u32; 2]) {
        if self.size_px() != size_px {
            self.change(|state| {
                state.size_px = size_px;
                state.window_changed = true;
            });
        }
    }

    /// Pixels per logical unit of the window system.
    pub(crate) fn scale(&self) -> f32 {
        self.state.borrow().scale
    }

    pub(crate) fn set_scale(&self, scale: f32) {
        self.change(|state| {
            state.scale = scale;
            state.window_changed = true;
        });
    }

    /// A file drag is over the window with these files; none when it left.
    pub(crate) fn set_hovered(&self, paths: impl IntoIterator<Item = PathBuf>) {
        let hovered = |path| HoveredFile {
            path: Some(path),
            ..HoveredFile::default()
        };
        let files = paths.into_iter().map(hovered).collect();
        self.change(|state| state.hovered = files);
    }

    /// One more file of a drag that is reported file by file.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn add_hovered(&self, path: PathBuf) {
        self.change(|state| {
            state.hovered.push(HoveredFile {
                path: Some(path),
                ..HoveredFile::default()
            });
        });
    }

    /// Files were dropped, which ends the drag.
    pub(crate) fn drop_files(&self, paths: impl IntoIterator<Item = PathBuf>) {
        let files = paths.into_iter().map(dropped_file).collect::<Vec<_>>();
        self.change(|state| {
            state.hovered.clear();
            state.raw.dropped_files.extend(files);
        });
    }

    pub(crate) fn request_close(&self) {
        self.change(|state| state.close_requested = true);
    }

    /// Whether the window was asked to close since the last call.
    pub(crate) fn take_close_request(&self) -> bool {
        std::mem::take(&mut self.state.borrow_mut().close_requested)
    }

    /// The window was moved, resized, minimized, or otherwise changed.
    pub(crate) fn note_window_change(&self) {
        self.change(|state| state.window_changed = true);
    }

    /// The window was changed by the app, in a frame that egui lets another follow.
    pub(crate) fn note_own_change(&self) {
        self.state.borrow_mut().window_changed = true;
    }

    /// Whether the window changed since the last call.
    pub(crate) fn take_window_change(&self) -> bool {
        std::mem::take(&mut self.state.borrow_mut().window_changed)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn request_repaint(&self) {
        self.repaint.now();
    }

    /// egui's position of a point in logical units of the window system.
    pub(crate) fn point_from_logical(&self, (x, y): (f64, f64)) -> Pos2 {
        pos2(x as f32, y as f32) / self.ctx.zoom_factor()
    }

    /// A rectangle of egui in logical units of the window system.
    #[cfg(target_os = "linux")]
    pub(crate) fn logical_from_points(&self, rect: Rect) -> Rect {
        rect * self.ctx.zoom_factor()
    }

    /// Everything since the last call, with the geometry and focus of now.
    pub(crate) fn take(&self) -> RawInput {
        let zoom = self.ctx.zoom_factor();
        let mut state = self.state.borrow_mut();
        let [width, height] = state.size_px;
        let size = vec2(width as f32, height as f32) / (state.scale * zoom);
        let mut raw = std::mem::take(&mut state.raw);
        raw.hovered_files.clone_from(&state.hovered);
        raw.focused = state.focused;
        raw.screen_rect = (width > 0 && height > 0).then(|| Rect::from_min_size(Pos2::ZERO, size));
        raw
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.borrow_mut());
        self.repaint.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Input {
        let repaint = Repaint::start(|| {}).unwrap();
        Input::new(egui::Context::default(), repaint)
    }

    #[test]
    fn a_change_asks_for_a_frame_and_is_taken_once() {
        let input = input();
        assert!(!input.repaint.take_due());
        input.push(Event::Copy);
        assert!(input.repaint.take_due());
        assert_eq!(input.take().events, [Event::Copy]);
        assert!(input.take().events.is_empty());
    }

    #[test]
    fn losing_the_focus_releases_the_modifiers() {
        let input = input();
        input.set_modifiers(Modifiers::CTRL);
        input.set_focused(false);
        let raw = input.take();
        assert!(!raw.focused);
        assert_eq!(
            raw.events,
            [
                Event::ModifiersChanged(Modifiers::CTRL),
                Event::ModifiersChanged(Modifiers::NONE),
                Event::WindowFocused(false),
            ]
        );
    }

    #[test]
    fn geometry_follows_scale_and_zoom() {
        let input = input();
        assert_eq!(input.take().screen_rect, None);
        input.set_size_px([2000, 1000]);
        input.set_scale(2.0);
        let rect = input.take().screen_rect.unwrap();
        assert_eq!(rect.size(), vec2(1000.0, 500.0));
        // The zoom takes effect at the next pass.
        input.ctx.set_zoom_factor(2.0);
        input
            .ctx
            .run_ui(RawInput::default(), |_| {})
            .drop_without_applying_deltas();
        let rect = input.take().screen_rect.unwrap();
        assert_eq!(rect.size(), vec2(500.0, 250.0));
        assert_eq!(input.point_from_logical((100.0, 50.0)), pos2(50.0, 25.0));
    }

    #[test]
    fn a_drop_ends_the_drag() {
        let input = input();
        input.set_hovered([PathBuf::from("a.png")]);
        assert_eq!(input.take().hovered_files.len(), 1);
        assert_eq!(input.take().hovered_files.len(), 1, "the drag goes on");
        input.drop_files([PathBuf::from("a.png")]);
        let raw = input.take();
        assert!(raw.hovered_files.is_empty());
        assert_eq!(raw.dropped_files.len(), 1);
        assert!(input.take().dropped_files.is_empty());
    }
}
