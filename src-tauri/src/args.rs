//! The command line of the app: what it opens, and how it starts.

use std::ffi::OsString;

use clap::Parser;
use dinoscope_engine::DeviceChoice;

/// Explorer for DINOv3 features.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "dinoscope-app",
    version,
    after_help = "Examples:\n  \
        dinoscope-app cat.jpg photos/\n  \
        dinoscope-app eyes.dinoscope\n  \
        dinoscope-app --model vits16 --device cpu cat.jpg\n\n\
        If the app is already running, it opens the files in its window. The command line without a window is \
        `dinoscope`."
)]
pub(crate) struct Args {
    /// Pictures, folders, projects and models to open; also file:// addresses and dinoscope:// links
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Device of the network, this time: auto, cpu, gpu, gpu:N, cuda, cuda:N
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<DeviceChoice>,
    /// Model to use, this time: builtin, a name of `dinoscope model list`, a file or a folder
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) model: Option<String>,
    /// Start with default settings and restore nothing
    #[arg(long)]
    pub(crate) safe: bool,
    /// Look for a newer version and install it; only in builds that say where from
    #[arg(long)]
    pub(crate) update: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn files_and_options_are_read() {
        let args = [
            "dinoscope-app",
            "--device",
            "gpu:1",
            "a.jpg",
            "b c.png",
            "--safe",
        ];
        let args = Args::try_parse_from(args).unwrap();
        assert_eq!(args.files, ["a.jpg", "b c.png"]);
        assert_eq!(args.device, Some(DeviceChoice::Gpu(Some(1))));
        assert!(args.safe && !args.update && args.model.is_none());
    }

    #[test]
    fn unknown_devices_are_refused() {
        assert!(Args::try_parse_from(["dinoscope-app", "--device", "tpu"]).is_err());
    }
}
