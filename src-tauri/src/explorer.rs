//! The window with the UI in it.

use std::time::Instant;

use anyhow::Context;
use dinoscope_ui::Setup;
use egui_tauri::{Creation, Options, RenderState};
use rfd::{AsyncMessageDialog, MessageLevel};
use tauri::window::WindowBuilder;
use tauri::{AppHandle, Manager, Window};

use crate::args::Args;
use crate::folders;
use crate::host::{self, TauriHost};
use crate::mail::Mail;
use crate::wanted::Wanted;

/// Label of the window.
pub(crate) const LABEL: &str = "main";
/// Size at the first start, in points.
const SIZE: (f64, f64) = (1440.0, 900.0);
/// Smallest size that the layout is made for, in points.
const MIN_SIZE: (f64, f64) = (960.0, 600.0);

/// `dinoscope_ui::App` as `egui_tauri` wants it.
struct Explorer(dinoscope_ui::App);

impl egui_tauri::App for Explorer {
    fn logic(&mut self, ctx: &egui::Context) {
        self.0.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui) {
        self.0.ui(ui);
    }

    fn device_changed(&mut self, render: &RenderState) {
        self.0.device_changed(render);
    }

    fn exit(&mut self) {
        self.0.exit();
    }
}

/// Opens the window. It is shown with its first frame.
pub(crate) fn open(app: &AppHandle, args: &Args, started: Instant) -> anyhow::Result<()> {
    let window = WindowBuilder::new(app, LABEL)
        .title("Dinoscope")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .visible(false)
        .build()?;
    let failed = app.clone();
    let options = Options {
        started,
        open_url: Box::new(host::open_url),
        failed: Box::new(move |error| fail(&failed, &error.to_string())),
        ..Options::default()
    };
    let folder = std::env::current_dir().unwrap_or_default();
    let wanted = Wanted::from_args(&args.files, &folder);
    let (owner, args) = (window.clone(), args.clone());
    egui_tauri::install(window, options, move |creation| {
        Box::new(explorer(creation, owner, &args, wanted))
    })
    .context("the window can not be drawn")
}

fn explorer(creation: &Creation<'_>, window: Window, args: &Args, wanted: Wanted) -> Explorer {
    let mail = window.app_handle().clone();
    let mail = mail.state::<Mail>();
    let setup = Setup {
        open: wanted.files,
        host: Box::new(TauriHost { window }),
        folders: folders::own(),
        device: args.device,
        model: args.model.clone(),
        safe: args.safe,
    };
    let app = dinoscope_ui::App::new(creation.ctx, creation.render, setup);
    mail.send_links(wanted.links);
    mail.deliver_to(app.inbox());
    Explorer(app)
}

/// Brings the window to the front, for what a second start opened in it.
pub(crate) fn focus(app: &AppHandle) {
    let Some(window) = app.get_window(LABEL) else {
        return;
    };
    if let Err(error) = window.unminimize().and_then(|()| window.set_focus()) {
        tracing::debug!(%error, "the window stays where it is");
    }
}

/// Says why there is no window, and ends the app.
pub(crate) fn fail(app: &AppHandle, reason: &str) {
    tracing::error!(reason, "the app ends");
    let said = AsyncMessageDialog::new()
        .set_level(MessageLevel::Error)
        .set_title("Dinoscope")
        .set_description(reason)
        .show();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        said.await;
        app.exit(1);
    });
}
