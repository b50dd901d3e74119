//! Native file dialogs. They open at once and answer later, as a message to the UI.

use std::future::Future;
use std::path::PathBuf;

use dinoscope_ui::{Dialog, DialogKind, Message};
use rfd::{AsyncFileDialog, FileHandle};
use tauri::{AppHandle, Manager, Window};

use crate::mail::Mail;

/// Shows `dialog` over `window`. Called on the main thread, where some systems want dialogs to begin.
pub(crate) fn open(dialog: Dialog, window: &Window) {
    let (id, kind) = (dialog.id, dialog.kind);
    let app = window.app_handle().clone();
    let native = native(dialog, window);
    match kind {
        DialogKind::OpenFiles => answer(id, app, native.pick_files(), |files| files),
        DialogKind::OpenFolder => answer(id, app, native.pick_folder(), |folder| vec![folder]),
        DialogKind::SaveFile => answer(id, app, native.save_file(), |file| vec![file]),
    }
}

fn native(dialog: Dialog, window: &Window) -> AsyncFileDialog {
    let mut native = AsyncFileDialog::new()
        .set_title(dialog.title)
        .set_parent(window);
    for (name, extensions) in &dialog.filters {
        native = native.add_filter(name, extensions);
    }
    if let Some(name) = dialog.file_name {
        native = native.set_file_name(name);
    }
    if let Some(folder) = dialog.folder {
        native = native.set_directory(folder);
    }
    native
}

/// Waits elsewhere for what was picked; no path means cancelled.
fn answer<T: Send + 'static>(
    id: u64,
    app: AppHandle,
    picked: impl Future<Output = Option<T>> + Send + 'static,
    handles: impl FnOnce(T) -> Vec<FileHandle> + Send + 'static,
) {
    tauri::async_runtime::spawn(async move {
        let handles = picked.await.map(handles).unwrap_or_default();
        let paths: Vec<PathBuf> = handles
            .iter()
            .map(|handle| handle.path().to_owned())
            .collect();
        app.state::<Mail>().send(Message::Picked { id, paths });
    });
}
