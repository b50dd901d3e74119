//! What egui is told about the state of the native window.

use egui::{Pos2, Rect, Theme, Vec2, ViewportInfo, pos2, vec2};
use tauri::{PhysicalPosition, PhysicalSize, Window};

/// Brings `info` up to date. `scale` is that of the window system, `zoom` that of egui.
pub(crate) fn refresh(info: &mut ViewportInfo, window: &Window, scale: f32, zoom: f32) {
    let pixels_per_point = scale * zoom;
    info.title = window.title().ok();
    info.native_pixels_per_point = Some(scale);
    info.minimized = window.is_minimized().ok();
    info.maximized = window.is_maximized().ok();
    info.fullscreen = window.is_fullscreen().ok();
    info.focused = window.is_focused().ok();
    // A window hidden by the app is as good as covered.
    info.occluded = window.is_visible().ok().map(|visible| !visible);
    let monitor = window.current_monitor().ok().flatten();
    info.monitor_size = monitor.map(|monitor| vector(*monitor.size()) / pixels_per_point);
    let shown = info.minimized != Some(true);
    let rect = |position: tauri::Result<_>, size: tauri::Result<_>| match (position, size) {
        (Ok(position), Ok(size)) if shown => {
            Some(Rect::from_min_size(position_px(position), vector(size)) / pixels_per_point)
        }
        _ => None,
    };
    info.inner_rect = rect(window.inner_position(), window.inner_size());
    info.outer_rect = rect(window.outer_position(), window.outer_size());
}

/// The theme of the system, if it is known.
pub(crate) fn system_theme(window: &Window) -> Option<Theme> {
    match window.theme().ok()? {
        tauri::Theme::Light => Some(Theme::Light),
        tauri::Theme::Dark => Some(Theme::Dark),
        _ => None,
    }
}

fn vector(size: PhysicalSize<u32>) -> Vec2 {
    vec2(size.width as f32, size.height as f32)
}

fn position_px(position: PhysicalPosition<i32>) -> Pos2 {
    pos2(position.x as f32, position.y as f32)
}
