//! What the UI asks of the system: dialogs, notifications, the manual, other programs.

use std::path::Path;

use dinoscope_ui::{Dialog, Host};
use tauri::{Manager, Window};
use tauri_plugin_notification::NotificationExt;

use crate::{dialog, help};

/// The Tauri app behind the UI.
pub(crate) struct TauriHost {
    /// Window over which dialogs open.
    pub(crate) window: Window,
}

impl Host for TauriHost {
    fn dialog(&mut self, dialog: Dialog) {
        dialog::open(dialog, &self.window);
    }

    fn notify(&mut self, title: &str, body: &str) {
        let notification = self.window.notification().builder().title(title).body(body);
        if let Err(error) = notification.show() {
            tracing::warn!(%error, "no notification");
        }
    }

    fn open_help(&mut self, page: &str) {
        help::open(self.window.app_handle(), page);
    }

    fn open_url(&mut self, url: &str) {
        open_url(url);
    }

    fn reveal(&mut self, path: &Path) {
        reveal(path);
    }
}

/// Shows an address of the web in the browser; refuses all others, which could start programs.
pub(crate) fn open_url(url: &str) {
    if !url.starts_with("https://") {
        tracing::warn!(url, "not an https:// address");
    } else if let Err(error) = opener::open_browser(url) {
        tracing::warn!(%error, url, "no browser");
    }
}

/// Shows the folder of a file, or the folder itself, in the file manager.
fn reveal(path: &Path) {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    if let Err(error) = opener::open(folder) {
        tracing::warn!(%error, folder = %folder.display(), "no file manager");
    }
}
