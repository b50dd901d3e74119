//! egui's viewport commands, carried out on a Tauri window.

use std::sync::Arc;

use egui::viewport::{CursorGrab, ResizeDirection, WindowLevel};
use egui::{IconData, Pos2, ScreenshotCallback, SystemTheme, UserAttentionType, Vec2};
use egui::{ViewportCommand, ViewportEvent, ViewportInfo};
use tauri::{PhysicalPosition, PhysicalSize, Window};

use crate::keys::ClipboardCommand;

/// What a command asks of the host rather than of the window.
pub(crate) enum Action {
    Screenshot(ScreenshotCallback),
    PaintWhileHidden,
    Clipboard(ClipboardCommand),
}

/// Carries out one command. `pixels_per_point` is native scale times egui's zoom.
pub(crate) fn run(
    command: ViewportCommand,
    window: &Window,
    info: &mut ViewportInfo,
    pixels_per_point: f32,
) -> Option<Action> {
    match command {
        ViewportCommand::Close => info.events.push(ViewportEvent::Close),
        ViewportCommand::Screenshot(callback) => return Some(Action::Screenshot(callback)),
        ViewportCommand::RequestPaintWhileHidden => return Some(Action::PaintWhileHidden),
        ViewportCommand::RequestCut => return Some(Action::Clipboard(ClipboardCommand::Cut)),
        ViewportCommand::RequestCopy => return Some(Action::Clipboard(ClipboardCommand::Copy)),
        ViewportCommand::RequestPaste => return Some(Action::Clipboard(ClipboardCommand::Paste)),
        command => {
            let name = format!("{command:?}");
            if let Err(error) = run_on_window(command, window, pixels_per_point) {
                tracing::warn!(%error, command = name, "viewport command");
            }
        }
    }
    None
}

fn run_on_window(
    command: ViewportCommand,
    window: &Window,
    pixels_per_point: f32,
) -> tauri::Result<()> {
    use ViewportCommand as C;
    let size = |size| size_px(size, pixels_per_point);
    let position = |at| position_px(at, pixels_per_point);
    match command {
        C::Title(title) => window.set_title(&title),
        C::Visible(true) => window.show(),
        C::Visible(false) => window.hide(),
        C::Minimized(true) => window.minimize(),
        C::Minimized(false) => window.unminimize(),
        C::Maximized(true) => window.maximize(),
        C::Maximized(false) => window.unmaximize(),
        C::Fullscreen(on) => window.set_fullscreen(on),
        C::Focus => window.set_focus(),
        C::InnerSize(inner) => window.set_size(size(inner.max(Vec2::splat(1.0)))),
        C::MinInnerSize(min) => {
            window.set_min_size((min.is_finite() && min != Vec2::ZERO).then(|| size(min)))
        }
        C::MaxInnerSize(max) => window.set_max_size(max.is_finite().then(|| size(max))),
        C::OuterPosition(at) => window.set_position(position(at)),
        C::Resizable(on) => window.set_resizable(on),
        C::Decorations(on) => window.set_decorations(on),
        C::EnableButtons {
            close,
            minimized,
            maximize,
        } => window
            .set_closable(close)
            .and_then(|()| window.set_minimizable(minimized))
            .and_then(|()| window.set_maximizable(maximize)),
        C::WindowLevel(level) => window
            .set_always_on_top(level == WindowLevel::AlwaysOnTop)
            .and_then(|()| window.set_always_on_bottom(level == WindowLevel::AlwaysOnBottom)),
        C::Icon(icon) => set_icon(window, icon),
        C::RequestUserAttention(kind) => window.request_user_attention(attention(kind)),
        C::SetTheme(theme) => window.set_theme(system_theme(theme)),
        C::ContentProtected(on) => window.set_content_protected(on),
        C::StartDrag => window.start_dragging(),
        C::BeginResize(direction) => window.start_resize_dragging(resize_direction(direction)),
        C::CursorPosition(at) => window.set_cursor_position(position(at)),
        C::CursorGrab(grab) => window.set_cursor_grab(grab != CursorGrab::None),
        C::CursorVisible(on) => window.set_cursor_visible(on),
        C::MousePassthrough(on) => window.set_ignore_cursor_events(on),
        // `CancelClose` is answered by the host; the others have no counterpart in Tauri.
        _ => Ok(()),
    }
}

#[expect(clippy::cast_sign_loss, reason = "never below zero")]
fn size_px(size: Vec2, pixels_per_point: f32) -> PhysicalSize<u32> {
    let px = |points: f32| (points * pixels_per_point).round().max(0.0) as u32;
    PhysicalSize::new(px(size.x), px(size.y))
}

fn position_px(at: Pos2, pixels_per_point: f32) -> PhysicalPosition<i32> {
    let px = |points: f32| (points * pixels_per_point).round() as i32;
    PhysicalPosition::new(px(at.x), px(at.y))
}

fn set_icon(window: &Window, icon: Option<Arc<IconData>>) -> tauri::Result<()> {
    // Tauri has no call to take an icon away.
    let Some(icon) = icon.filter(|icon| is_whole(icon)) else {
        return Ok(());
    };
    let image = tauri::image::Image::new(&icon.rgba, icon.width, icon.height);
    window.set_icon(image)
}

/// Whether an icon has as many pixels as it says.
fn is_whole(icon: &IconData) -> bool {
    let pixels = u64::from(icon.width) * u64::from(icon.height);
    pixels > 0 && icon.rgba.len() as u64 == 4 * pixels
}

fn attention(kind: UserAttentionType) -> Option<tauri::UserAttentionType> {
    match kind {
        UserAttentionType::Critical => Some(tauri::UserAttentionType::Critical),
        UserAttentionType::Informational => Some(tauri::UserAttentionType::Informational),
        UserAttentionType::Reset => None,
    }
}

fn system_theme(theme: SystemTheme) -> Option<tauri::Theme> {
    match theme {
        SystemTheme::SystemDefault => None,
        SystemTheme::Light => Some(tauri::Theme::Light),
        SystemTheme::Dark => Some(tauri::Theme::Dark),
    }
}

fn resize_direction(direction: ResizeDirection) -> tauri_runtime::ResizeDirection {
    use tauri_runtime::ResizeDirection as To;
    match direction {
        ResizeDirection::North => To::North,
        ResizeDirection::South => To::South,
        ResizeDirection::East => To::East,
        ResizeDirection::West => To::West,
        ResizeDirection::NorthEast => To::NorthEast,
        ResizeDirection::SouthEast => To::SouthEast,
        ResizeDirection::NorthWest => To::NorthWest,
        ResizeDirection::SouthWest => To::SouthWest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_become_pixels() {
        assert_eq!(
            size_px(Vec2::new(100.0, 50.4), 1.5),
            PhysicalSize::new(150, 76)
        );
        assert_eq!(size_px(Vec2::new(-5.0, 1.0), 1.0), PhysicalSize::new(0, 1));
        let at = position_px(Pos2::new(-10.0, 4.0), 2.0);
        assert_eq!(at, PhysicalPosition::new(-20, 8));
    }

    #[test]
    fn a_broken_icon_is_refused() {
        let icon = |len, width| IconData {
            rgba: vec![0; len],
            width,
            height: 2,
        };
        assert!(is_whole(&icon(16, 2)));
        assert!(!is_whole(&icon(15, 2)));
        assert!(!is_whole(&icon(0, 0)));
        assert!(!is_whole(&icon(16, u32::MAX)));
    }
}
