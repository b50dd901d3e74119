//! What can go wrong when an app is put into a window, or later with its GPU.

/// Why a window can not show an egui app.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// [`crate::install`] was called before the plugin was added, or not on the main thread.
    #[error(
        "no egui plugin on this thread: add `egui_tauri::plugin()` before `run` and install on the main thread"
    )]
    NoPlugin,
    /// The window shows an app already.
    #[error("the window already shows an egui app: {label}")]
    AlreadyInstalled {
        /// Label of the window.
        label: String,
    },
    /// The window system gave no handle to draw into.
    #[error("no native handle of the window")]
    Handle(#[from] raw_window_handle::HandleError),
    /// The native window is not what this crate can draw into.
    #[error("the native window can not be drawn into: expected {expected}, found {found}")]
    NativeWindow {
        /// The kind of window needed.
        expected: &'static str,
        /// What there was.
        found: String,
    },
    /// The GPU library refused the window.
    #[error("no surface to draw on")]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// No GPU can draw into the window.
    #[error("no graphics adapter can draw into the window")]
    Adapter(#[from] wgpu::RequestAdapterError),
    /// The GPU could not be opened.
    #[error("the graphics adapter could not be opened")]
    Device(#[from] wgpu::RequestDeviceError),
    /// The GPU offers no pixel format for the window.
    #[error("the graphics adapter offers no pixel format for the window: {adapter}")]
    NoFormat {
        /// Name of the adapter.
        adapter: String,
    },
    /// Tauri refused a call on the window.
    #[error("the window refused a call")]
    Window(#[from] tauri::Error),
}
