//! egui's cursor icons as Tauri's.

use egui::CursorIcon as E;
use tauri::CursorIcon as T;

/// The native cursor for an icon; `None` hides the cursor.
pub(crate) fn cursor(icon: E) -> Option<T> {
    Some(match icon {
        E::None => return None,
        E::Default => T::Default,
        E::ContextMenu => T::ContextMenu,
        E::Help => T::Help,
        E::PointingHand => T::Hand,
        E::Progress => T::Progress,
        E::Wait => T::Wait,
        E::Cell => T::Cell,
        E::Crosshair => T::Crosshair,
        E::Text => T::Text,
        E::VerticalText => T::VerticalText,
        E::Alias => T::Alias,
        E::Copy => T::Copy,
        E::Move => T::Move,
        E::NoDrop => T::NoDrop,
        E::NotAllowed => T::NotAllowed,
        E::Grab => T::Grab,
        E::Grabbing => T::Grabbing,
        E::AllScroll => T::AllScroll,
        E::ResizeHorizontal => T::EwResize,
        E::ResizeNeSw => T::NeswResize,
        E::ResizeNwSe => T::NwseResize,
        E::ResizeVertical => T::NsResize,
        E::ResizeEast => T::EResize,
        E::ResizeSouthEast => T::SeResize,
        E::ResizeSouth => T::SResize,
        E::ResizeSouthWest => T::SwResize,
        E::ResizeWest => T::WResize,
        E::ResizeNorthWest => T::NwResize,
        E::ResizeNorth => T::NResize,
        E::ResizeNorthEast => T::NeResize,
        E::ResizeColumn => T::ColResize,
        E::ResizeRow => T::RowResize,
        E::ZoomIn => T::ZoomIn,
        E::ZoomOut => T::ZoomOut,
    })
}
