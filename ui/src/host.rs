//! What the panels need of the owner of the window, and what he tells them.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What only the owner of the window can do. Nothing of it may block.
pub trait Host {
    /// Shows a native file dialog; the answer comes as [`Message::Picked`].
    fn dialog(&mut self, dialog: Dialog);
    /// Shows a notification of the system.
    fn notify(&mut self, title: &str, body: &str);
    /// Shows a page of the manual in a window of its own.
    fn open_help(&mut self, page: &str);
    /// Shows an address in the browser.
    fn open_url(&mut self, url: &str);
    /// Shows a file in the file manager.
    fn reveal(&mut self, path: &Path);
}

/// What a dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKind {
    /// One or several files that exist.
    OpenFiles,
    /// A folder that exists.
    OpenFolder,
    /// A name to save under.
    SaveFile,
}

/// A native file dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// Comes back with the answer.
    pub id: u64,
    /// What it asks for.
    pub kind: DialogKind,
    /// Its title.
    pub title: String,
    /// Kinds of files, each with its endings; the first is the default.
    pub filters: Vec<(String, Vec<String>)>,
    /// The name that is offered.
    pub file_name: Option<String>,
    /// The folder that it starts in.
    pub folder: Option<PathBuf>,
}

/// What the owner of the window tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The answer to a dialog; no path if it was cancelled.
    Picked {
        /// The dialog's number.
        id: u64,
        /// What was picked.
        paths: Vec<PathBuf>,
    },
    /// Files that the system wants opened: by the file manager, or by a second start.
    Open(Vec<PathBuf>),
    /// A `dinoscope://` link that somebody followed; the user is asked first.
    Link(String),
}

/// Where messages go; wakes the window.
#[derive(Clone)]
pub struct Inbox {
    sender: Sender<Message>,
    ctx: egui::Context,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inbox")
    }
}

impl Inbox {
    /// An inbox and what is read at its other end.
    pub(crate) fn new(ctx: &egui::Context) -> (Self, Receiver<Message>) {
        let (sender, receiver) = channel();
        let inbox = Self {
            sender,
            ctx: ctx.clone(),
        };
        (inbox, receiver)
    }

    /// Tells the window something. After the window is gone nobody listens.
    pub fn send(&self, message: Message) {
        if self.sender.send(message).is_ok() {
            self.ctx.request_repaint();
        }
    }
}
