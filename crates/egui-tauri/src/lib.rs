//! An egui app in a Tauri window.
