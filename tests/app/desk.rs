//! A display without a screen with the app on it, driven as a person drives it: pointer, keys, native dialogs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take: other tests share the machine, and shaders run on the processor.
const PATIENCE: Duration = Duration::from_mins(1);
/// The window.
pub(super) const SIZE: (u32, u32) = (1440, 900);

/// Xvfb, a session bus and a window manager.
pub(super) struct Desk {
    programs: Vec<Child>,
    variables: Vec<(String, String)>,
    pub folder: TempDir,
}

impl Desk {
    /// Starts the display. `scripts/setup` installs what it needs.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Self {
            programs: Vec::new(),
            variables: Vec::new(),
            folder,
        };
        let (width, height) = SIZE;
        let screen = format!("{width}x{height}x24");
        let number = desk.told(
            "Xvfb",
            &[
                "-displayfd",
                "1",
                "-screen",
                "0",
                &screen,
                "-nolisten",
                "tcp",
            ],
        );
        desk.set("DISPLAY", &format!(":{}", number.trim()));
        let bus = desk.told(
            "dbus-daemon",
            &["--session", "--nofork", "--print-address=1"],
        );
        desk.set("DBUS_SESSION_BUS_ADDRESS", bus.trim());
        let home = desk.folder.path().join("home");
        fs::create_dir_all(&home).unwrap();
        for (name, below) in [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            desk.set(name, home.join(below).to_str().unwrap());
        }
        desk.set("LANG", "C.UTF-8");
        desk.set("NO_COLOR", "1");
        desk.set("GDK_BACKEND", "x11");
        desk.set("NO_AT_BRIDGE", "1");
        let software = Path::new("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json");
        if software.exists() {
            desk.set("VK_DRIVER_FILES", software.to_str().unwrap());
        }
        let manager = desk
            .command("openbox")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        desk.programs.push(manager);
        desk.until("a window manager", |desk| {
            desk.xdotool(&["get_num_desktops"]).is_some()
        });
        desk
    }

    /// Lets the GPU be lost: the next submission after the file that is returned appears fails, and removes it.
    ///
    /// A loader of Vulkan of ours comes before the real one; none where that is not found.
    pub(super) fn with_gpu_that_can_be_lost(&mut self) -> Option<PathBuf> {
        let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];
        let mut loaders = folders
            .map(|folder| Path::new(folder).join("libvulkan.so.1"))
            .into_iter();
        let real = loaders.find(|loader| loader.exists())?;
        let folder = self.folder.path().join("loader");
        fs::create_dir_all(&folder).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("app/lost_gpu.rs");
        let compiler = std::env::var("RUSTC").unwrap_or_else(|_unset| "rustc".into());
        let done = Command::new(compiler)
            .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
            .args([&folder.join("libvulkan.so.1"), &source])
            .status()
            .unwrap();
        assert!(done.success(), "the loader does not compile");
        let signal = self.folder.path().join("lose-the-gpu");
        self.set("LD_LIBRARY_PATH", folder.to_str().unwrap());
        self.set("LOST_GPU_LOADER", real.to_str().unwrap());
        self.set("LOST_GPU_SIGNAL", signal.to_str().unwrap());
        Some(signal)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Starts a program that says something on its first line.
    fn told(&mut self, program: &str, arguments: &[&str]) -> String {
        let mut command = self.command(program);
        command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start, {error}: run scripts/setup"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        self.programs.push(child);
        line
    }

    /// Waits until `is` gives true.
    pub(super) fn until(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is(self) {
            assert!(Instant::now() < end, "no {what} in {PATIENCE:?}");
            pause(Duration::from_millis(50));
        }
    }

    /// Output of xdotool; none if it failed.
    pub(super) fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command("xdotool").args(arguments).output().unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Keeps a picture of the screen as an artefact beside the test's binary.
    pub(super) fn screenshot(&self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        let done = self
            .command("import")
            .args(["-window", "root"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(done.success(), "import failed");
        path
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// Waits on a condition that nobody sets: sleeping is what tests of a whole program do between looks.
pub(super) fn pause(time: Duration) {
    let never = Mutex::new(());
    let guard = never.lock().unwrap();
    drop(Condvar::new().wait_timeout(guard, time).unwrap());
}

/// The running app.
pub(super) struct Running<'a> {
    pub desk: &'a Desk,
    child: Child,
    window: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl<'a> Running<'a> {
    /// Starts the app on some files and waits for its window.
    pub(super) fn start(desk: &'a Desk, files: &[&Path]) -> Self {
        let mut command = desk.command(env!("CARGO_BIN_EXE_dinoscope-app-under-test"));
        command
            .args(files)
            .env("DINOSCOPE_LOG", "info,dinoscope_ui=debug")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let mut running = Self {
            desk,
            child,
            window: String::new(),
            log,
        };
        running.window = running.find_window("Dinoscope");
        running.key_free(&["windowmove", &running.window, "0", "0"]);
        running.key_free(&["windowsize", "--sync", &running.window, "1440", "900"]);
        running.key_free(&["windowfocus", "--sync", &running.window]);
        running.said("first frame");
        running
    }

    fn find_window(&self, name: &str) -> String {
        let mut found = String::new();
        self.desk
            .until(&format!("window {name}: {}", self.all_said()), |desk| {
                let Some(ids) = desk.xdotool(&["search", "--onlyvisible", "--name", name]) else {
                    return false;
                };
                ids.lines()
                    .last()
                    .unwrap_or_default()
                    .clone_into(&mut found);
                !found.is_empty()
            });
        found
    }

    fn key_free(&self, arguments: &[&str]) {
        self.desk.xdotool(arguments);
    }

    fn all_said(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits until the log has a line with `text`.
    pub(super) fn said(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self
            .log
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
        {
            assert!(
                Instant::now() < end,
                "no {text:?} in the log:\n{}",
                self.all_said()
            );
            pause(Duration::from_millis(50));
        }
    }

    /// Moves the pointer in steps, as a hand does, and lets some frames pass.
    pub(super) fn move_to(&self, x: i32, y: i32) {
        for step in [(8, 5), (3, 2), (0, 0)] {
            let (x, y) = ((x - step.0).to_string(), (y - step.1).to_string());
            self.key_free(&["mousemove", "--window", &self.window, &x, &y]);
            pause(Duration::from_millis(60));
        }
        self.rest();
    }

    /// Clicks with a button of the pointer.
    pub(super) fn click(&self, x: i32, y: i32, button: &str) {
        self.move_to(x, y);
        self.key_free(&["click", button]);
        self.rest();
    }

    /// Presses keys, for example `ctrl+s`.
    pub(super) fn key(&self, keys: &str) {
        self.key_free(&["key", "--clearmodifiers", keys]);
        self.rest();
    }

    /// Types letters.
    pub(super) fn key_text(&self, text: &str) {
        self.key_free(&["type", "--delay", "20", text]);
        self.rest();
    }

    /// Waits until the log tells of a finished job of this kind.
    pub(super) fn said_about(&self, job: &str) {
        self.said(&format!("done job=\"{job}"));
        self.rest();
    }

    /// Types into a native file dialog and accepts it.
    pub(super) fn dialog(&self, title: &str, path: &Path) {
        let dialog = self.find_window(title);
        self.key_free(&["windowfocus", "--sync", &dialog]);
        pause(Duration::from_millis(400));
        self.key_free(&["key", "ctrl+a"]);
        self.key_free(&["type", "--delay", "8", path.to_str().unwrap()]);
        pause(Duration::from_millis(500));
        self.key_free(&["key", "Return"]);
        self.desk
            .until(&format!("end of the dialog {title}"), |desk| {
                desk.xdotool(&["search", "--onlyvisible", "--name", title])
                    .is_none_or(|ids| ids.trim().is_empty())
            });
        self.key_free(&["windowfocus", "--sync", &self.window]);
        self.rest();
    }

    /// A moment for the window to draw.
    #[expect(clippy::unused_self, reason = "it is the app that is waited for")]
    pub(super) fn rest(&self) {
        pause(Duration::from_millis(350));
    }

    /// Color of the screen at a point of the window.
    pub(super) fn pixel(&self, name: &str, x: u32, y: u32) -> [u8; 3] {
        let path = self.desk.screenshot(name);
        image::open(path).unwrap().into_rgb8().get_pixel(x, y).0
    }

    /// Kills the app without a word.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end of the app and returns its exit status.
    pub(super) fn end(mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                Instant::now() < end,
                "the app does not end:\n{}",
                self.all_said()
            );
            pause(Duration::from_millis(50));
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
