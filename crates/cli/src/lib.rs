//! The `dinoscope` command line: arguments in, files and a table or JSON out.
//!
//! One file a command in `commands/`; what they share is in `session.rs` (model, device, cache) and `pictures.rs`.

mod args;
mod commands;
mod found;
mod out;
mod pictures;
mod session;

use std::ffi::{c_int, c_long};
use std::process::ExitCode;

use clap::Parser;
pub(crate) use dinoscope_engine::analysis::CancelToken;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};

/// Training and features take and give back the same large buffers at each step; the system's allocator returns them to
/// the kernel, whose fresh pages cost a step an eighth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parses the arguments of the process and runs the command.
///
/// 0 done, 1 failed (one line on stderr), 2 usage, 130 interrupted. To be called first in `main`, before any thread.
pub fn main() -> ExitCode {
    keep_pages();
    quiet_drivers();
    let cli = Cli::parse();
    start_logging(cli.common.verbose);
    let cancel = cancel_on_interrupt();
    quiet_panics();
    if let Some(threads) = cli.common.threads {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global();
        if let Err(error) = pool {
            return out::failed(&anyhow::anyhow!("cannot start {threads} threads: {error}"));
        }
    }
    let common = &cli.common;
    let outcome = match cli.command {
        Command::Devices => {
            commands::devices::run(common);
            Ok(())
        }
        Command::Model(model) => commands::model::run(common, model, &cancel),
        Command::Features(features) => commands::features::run(common, &features, &cancel),
        Command::Similarity(similarity) => commands::similarity::run(common, &similarity, &cancel),
        Command::Pca(pca) => commands::pca::run(common, &pca, &cancel),
        Command::Match(matching) => commands::matching::run(common, &matching, &cancel),
        Command::Analyze(analyze) => commands::analyze::run(common, &analyze, &cancel),
        Command::Train(arguments) => commands::train::run(common, &arguments, &cancel),
        Command::Curate(arguments) => commands::curate::run(common, &arguments, &cancel),
        Command::Bench(bench) => commands::bench::run(common, &bench),
    };
    match outcome {
        _ if cancel.is_cancelled() => ExitCode::from(130),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => out::failed(&error),
    }
}

/// Keeps the pages of freed buffers, which the next step fills again; the process ends before anybody misses them.
#[expect(unsafe_code, reason = "the allocator's options are set in C")]
fn keep_pages() {
    unsafe extern "C" {
        /// Sets an option of mimalloc, with which this program is linked.
        fn mi_option_set(option: c_int, value: c_long);
    }
    /// `mi_option_purge_delay`, in ms: after how long a freed page goes back to the kernel.
    const PURGE_DELAY: c_int = 15;
    const NEVER: c_long = -1;
    // SAFETY: declared as in mimalloc.h of versions 2 and 3; it stores a number, and no other thread runs yet.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}

/// A token that the first Ctrl-C cancels; commands look at it between pictures.
fn cancel_on_interrupt() -> CancelToken {
    let cancel = CancelToken::default();
    let token = cancel.clone();
    // The second Ctrl-C ends the process at once. Without a handler the first one does, which is no worse.
    let handler = move || {
        if token.is_cancelled() {
            std::process::exit(130);
        }
        token.cancel();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::debug!(%error, "no handler for Ctrl-C");
    }
    cancel
}

fn start_logging(verbose: u8) {
    let level =
        ["error", "dinoscope=info,warn", "dinoscope=debug,info"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_env("DINOSCOPE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

/// A panic inside a driver is caught and told as an error: its message goes to the log, not between the results.
fn quiet_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            default(info);
        } else {
            tracing::error!("{info}");
        }
    }));
}

/// Keeps Mesa's adapter-ordering layer out of the process, unless the user set it.
///
/// Asked for adapters on a machine without a session, that layer prints four lines beginning with `error:` to
/// stderr, where only our own belong. Adapters are ordered by the engine anyway.
fn quiet_drivers() {
    const LAYER: &str = "NODEVICE_SELECT";
    if std::env::var_os(LAYER).is_none() {
        #[expect(
            unsafe_code,
            reason = "the Vulkan loader reads nothing but the environment"
        )]
        // SAFETY: called before any thread starts, so nothing else reads the environment meanwhile.
        unsafe {
            std::env::set_var(LAYER, "1");
        }
    }
}
