//! The explorer in a plain window, for daily work on the panels: `cargo run -p dinoscope-ui --example window [FILES…]`.

use std::path::{Path, PathBuf};

use dinoscope_ui::{App, Dialog, DialogKind, Folders, Host, Message, Setup};

/// Answers dialogs from the environment: `DINOSCOPE_PICK` is what every dialog picks.
struct PlainHost {
    answers: std::sync::mpsc::Sender<Message>,
}

impl Host for PlainHost {
    fn dialog(&mut self, dialog: Dialog) {
        let picked = std::env::var_os("DINOSCOPE_PICK").map(PathBuf::from);
        let paths: Vec<PathBuf> = match (dialog.kind, picked) {
            (_, None) => Vec::new(),
            (DialogKind::SaveFile, Some(folder)) if folder.is_dir() => dialog
                .file_name
                .iter()
                .map(|name| folder.join(name))
                .collect(),
            (_, Some(path)) => vec![path],
        };
        // The window reads this in its next frame.
        drop(self.answers.send(Message::Picked {
            id: dialog.id,
            paths,
        }));
    }

    fn notify(&mut self, title: &str, body: &str) {
        tracing::info!(title, body, "notification");
    }

    fn open_help(&mut self, page: &str) {
        tracing::info!(page, "help");
    }

    fn open_url(&mut self, url: &str) {
        tracing::info!(url, "address");
    }

    fn reveal(&mut self, path: &Path) {
        tracing::info!(path = %path.display(), "reveal");
    }
}

struct Window {
    app: App,
    answers: std::sync::mpsc::Receiver<Message>,
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        for answer in self.answers.try_iter() {
            self.app.inbox().send(answer);
        }
        self.app.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.app.ui(ui);
    }

    fn on_exit(&mut self) {
        self.app.exit();
    }
}

fn main() -> eframe::Result {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([960.0, 600.0]),
        ..eframe::NativeOptions::default()
    };
    let start = |creation: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        let render = creation.wgpu_render_state.as_ref().ok_or("no graphics device")?;
        let (sender, answers) = std::sync::mpsc::channel();
        let setup = Setup {
            open: std::env::args_os().skip(1).map(PathBuf::from).collect(),
            host: Box::new(PlainHost { answers: sender }),
            folders: Folders::of_user(),
            device: None,
            model: None,
            safe: false,
        };
        let app = App::new(&creation.egui_ctx, render, setup);
        Ok(Box::new(Window { app, answers }))
    };
    eframe::run_native("Dinoscope", options, Box::new(start))
}
