//! From the command line to the event loop.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};

use crate::args::Args;
use crate::mail::Mail;
use crate::wanted::Wanted;
use crate::{crash, explorer, folders, log, update};

/// Runs the app until its window is closed. A second start hands its files over to the first and ends.
pub fn main() -> ExitCode {
    let started = Instant::now();
    let args = Args::parse();
    let logs = folders::logs();
    log::start(logs.as_deref());
    if let Some(logs) = logs {
        crash::install(logs);
    }
    match run(args, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the app did not start");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args, started: Instant) -> tauri::Result<()> {
    egui_tauri::prefer_x11();
    let context = tauri::generate_context!();
    let updates = update::is_possible(context.config());
    let mut builder = tauri::Builder::default()
        .manage(Mail::default())
        // The first plugin, so that a second start gets no further than this.
        .plugin(tauri_plugin_single_instance::init(second_start))
        .plugin(tauri_plugin_notification::init());
    if updates {
        builder = builder.plugin(tauri_plugin_updater::Builder::new().build());
    }
    let setup = move |app: &mut tauri::App| {
        let app = app.handle();
        if args.update {
            ask_for_update(app, updates);
        }
        if let Err(error) = explorer::open(app, &args, started) {
            explorer::fail(app, &format!("{error:#}"));
        }
        Ok(())
    };
    let mut app = builder.setup(setup).build(context)?;
    app.wry_plugin(egui_tauri::plugin());
    app.run(on_event);
    Ok(())
}

fn ask_for_update(app: &AppHandle, possible: bool) {
    if possible {
        update::start(app);
    } else {
        tracing::warn!("this build does not say where updates come from");
    }
}

/// Called in the first app with what a second one was started with.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the plugin's type of a callback"
)]
fn second_start(app: &AppHandle, args: Vec<String>, folder: String) {
    match Args::try_parse_from(args.into_iter().map(OsString::from)) {
        Ok(args) => {
            let wanted = Wanted::from_args(&args.files, Path::new(&folder));
            app.state::<Mail>().send_wanted(wanted);
        }
        Err(error) => tracing::warn!(%error, "a second start was not understood"),
    }
    explorer::focus(app);
}

fn on_event(app: &AppHandle, event: RunEvent) {
    match event {
        // The manual's window does not keep the app alive.
        RunEvent::WindowEvent {
            label,
            event: WindowEvent::Destroyed,
            ..
        } if label == explorer::LABEL => app.exit(0),
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => app.state::<Mail>().send_wanted(Wanted::from_urls(&urls)),
        _ => {}
    }
}
