//! The bridge to screen readers and other assistive technologies.
//!
//! egui builds its accessibility tree only after an assistive technology has asked for one.

use std::sync::mpsc::{Receiver, Sender, channel};

use egui::accesskit::{
    ActionHandler, ActionRequest, ActivationHandler, DeactivationHandler, TreeUpdate,
};

use adapter::Adapter;
use egui::ViewportInfo;

/// Accessibility of one window.
pub(crate) struct Accessibility {
    adapter: Option<Adapter>,
    requests: Receiver<ActionRequest>,
}

impl Accessibility {
    /// To be called before the window is shown: Windows takes no adapter later.
    pub(crate) fn attach(window: &tauri::Window, ctx: &egui::Context) -> Self {
        let (sender, requests) = channel();
        let switch = Switch(ctx.clone());
        let actions = Actions {
            ctx: ctx.clone(),
            sender,
        };
        Self {
            adapter: adapter::attach(window, switch, actions),
            requests,
        }
    }

    /// What assistive technologies asked for since the last call.
    pub(crate) fn take_requests(&self) -> impl Iterator<Item = egui::Event> {
        self.requests
            .try_iter()
            .map(egui::Event::AccessKitActionRequest)
    }

    pub(crate) fn update(&mut self, tree: TreeUpdate) {
        if let Some(adapter) = &mut self.adapter {
            adapter::update(adapter, tree);
        }
    }

    /// The window was moved or resized, or its focus changed.
    pub(crate) fn set_window(&mut self, info: &ViewportInfo, pixels_per_point: f32) {
        if let Some(adapter) = &mut self.adapter {
            adapter::set_window(adapter, info, pixels_per_point);
        }
    }
}

/// Switches egui's tree on and off. Called on any thread.
#[derive(Clone)]
struct Switch(egui::Context);

impl ActivationHandler for Switch {
    fn request_initial_tree(&mut self) -> Option<TreeUpdate> {
        // The next frame brings it.
        self.0.enable_accesskit();
        self.0.request_repaint();
        None
    }
}

impl DeactivationHandler for Switch {
    fn deactivate_accessibility(&mut self) {
        self.0.disable_accesskit();
    }
}

/// Passes requests on to the next frame. Called on any thread.
struct Actions {
    ctx: egui::Context,
    sender: Sender<ActionRequest>,
}

impl ActionHandler for Actions {
    fn do_action(&mut self, request: ActionRequest) {
        // After the window is closed there is nobody to tell.
        if self.sender.send(request).is_ok() {
            self.ctx.request_repaint();
        }
    }
}

#[cfg(target_os = "linux")]
mod adapter {
    use super::{Actions, Switch, TreeUpdate, ViewportInfo};
    pub(super) use accesskit_unix::Adapter;
    use egui::accesskit::Rect;

    #[expect(clippy::unnecessary_wraps, reason = "Windows may have none")]
    pub(super) fn attach(_: &tauri::Window, switch: Switch, actions: Actions) -> Option<Adapter> {
        Some(Adapter::new(switch.clone(), actions, switch))
    }

    pub(super) fn update(adapter: &mut Adapter, tree: TreeUpdate) {
        adapter.update_if_active(|| tree);
    }

    pub(super) fn set_window(adapter: &mut Adapter, info: &ViewportInfo, pixels_per_point: f32) {
        adapter.update_window_focus_state(info.focused == Some(true));
        if let (Some(outer), Some(inner)) = (info.outer_rect, info.inner_rect) {
            let [outer, inner] = [outer, inner].map(|rect| pixels(rect * pixels_per_point));
            adapter.set_root_window_bounds(outer, inner);
        }
    }

    fn pixels(rect: egui::Rect) -> Rect {
        let [x0, y0, x1, y1] = [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(f64::from);
        Rect { x0, y0, x1, y1 }
    }
}

#[cfg(target_os = "windows")]
mod adapter {
    use super::{Actions, Switch, TreeUpdate, ViewportInfo};
    use accesskit_windows::HWND;
    pub(super) use accesskit_windows::SubclassingAdapter as Adapter;
    use raw_window_handle::{HasWindowHandle, RawWindowHandle};

    pub(super) fn attach(
        window: &tauri::Window,
        switch: Switch,
        actions: Actions,
    ) -> Option<Adapter> {
        if window.is_visible().unwrap_or(true) {
            tracing::warn!("no accessibility: the window was built visible");
            return None;
        }
        let RawWindowHandle::Win32(handle) = window.window_handle().ok()?.as_raw() else {
            return None;
        };
        let hwnd = HWND(handle.hwnd.get() as *mut std::ffi::c_void);
        Some(Adapter::new(hwnd, switch, actions))
    }

    pub(super) fn update(adapter: &mut Adapter, tree: TreeUpdate) {
        if let Some(events) = adapter.update_if_active(|| tree) {
            events.raise();
        }
    }

    /// The adapter reads the window's own messages.
    pub(super) fn set_window(_: &mut Adapter, _: &ViewportInfo, _: f32) {}
}

#[cfg(target_os = "macos")]
mod adapter {
    use super::{Actions, Switch, TreeUpdate, ViewportInfo};
    pub(super) use accesskit_macos::SubclassingAdapter as Adapter;
    use raw_window_handle::{HasWindowHandle, RawWindowHandle};

    #[expect(unsafe_code, reason = "the adapter takes the view as a pointer")]
    pub(super) fn attach(
        window: &tauri::Window,
        switch: Switch,
        actions: Actions,
    ) -> Option<Adapter> {
        let RawWindowHandle::AppKit(handle) = window.window_handle().ok()?.as_raw() else {
            return None;
        };
        // SAFETY: the view belongs to the window, which is alive, and the adapter retains it.
        Some(unsafe { Adapter::new(handle.ns_view.as_ptr(), switch, actions) })
    }

    pub(super) fn update(adapter: &mut Adapter, tree: TreeUpdate) {
        if let Some(events) = adapter.update_if_active(|| tree) {
            events.raise();
        }
    }

    pub(super) fn set_window(adapter: &mut Adapter, info: &ViewportInfo, _: f32) {
        if let Some(events) = adapter.update_view_focus_state(info.focused == Some(true)) {
            events.raise();
        }
    }
}
