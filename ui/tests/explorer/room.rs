//! The whole explorer without a window: real frames, real jobs, a host that remembers what it was asked.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use dinoscope_ui::commands::Command;
use dinoscope_ui::{App, Dialog, DialogKind, Folders, Host, Message, Setup};
use egui::{Key, Modifiers, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use tempfile::TempDir;

/// How long a test waits for jobs: other tests share the machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the host was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub dialogs: Vec<Dialog>,
    /// What the next dialogs pick.
    pub picks: Vec<PathBuf>,
    answers: Vec<Message>,
    /// What the explorer's frames took of the processor, on the thread that draws.
    pub cpu: Duration,
}

struct TestHost(Rc<RefCell<Asked>>);

impl Host for TestHost {
    fn dialog(&mut self, dialog: Dialog) {
        let mut asked = self.0.borrow_mut();
        let mut paths = Vec::new();
        if !asked.picks.is_empty() {
            let pick = asked.picks.remove(0);
            let named = dialog.kind == DialogKind::SaveFile && pick.is_dir();
            paths.push(match (&dialog.file_name, named) {
                (Some(name), true) => pick.join(name),
                _ => pick,
            });
        }
        asked.answers.push(Message::Picked {
            id: dialog.id,
            paths,
        });
        asked.dialogs.push(dialog);
    }

    fn notify(&mut self, _title: &str, _body: &str) {}
    fn open_help(&mut self, _page: &str) {}
    fn open_url(&mut self, _url: &str) {}
    fn reveal(&mut self, _path: &Path) {}
}

/// The explorer with its own folders.
pub(crate) struct Room {
    pub folder: TempDir,
    pub asked: Rc<RefCell<Asked>>,
    pub harness: Harness<'static, Option<App>>,
}

/// A photograph of the repository.
pub(crate) fn photo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("assets/photos")
        .join(name)
}

impl Room {
    /// An explorer of 1440 × 900 with some files open.
    pub(crate) fn new(open: &[PathBuf]) -> Self {
        Self::with(open, Vec2::new(1440.0, 900.0), |_| {})
    }

    /// The same with another size, and folders that `prepare` fills before.
    pub(crate) fn with(open: &[PathBuf], size: Vec2, prepare: impl FnOnce(&Folders)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::below(folder.path());
        prepare(&folders);
        let asked = Rc::new(RefCell::new(Asked::default()));
        let options = egui_wgpu::RendererOptions::PREDICTABLE;
        let render = create_render_state(default_wgpu_setup(), options);
        let made: Rc<RefCell<Option<App>>> = Rc::default();
        let setup = {
            let (render, host, open, made) = (
                render.clone(),
                Rc::clone(&asked),
                open.to_vec(),
                Rc::clone(&made),
            );
            move |ctx: &egui::Context| {
                let setup = Setup {
                    open,
                    host: Box::new(TestHost(host)),
                    folders,
                    device: Some(dinoscope_engine::DeviceChoice::Cpu),
                    model: None,
                    safe: false,
                };
                let mut app = App::new(ctx, &render, setup);
                app.preferences_mut().language = Some("en".to_owned());
                *made.borrow_mut() = Some(app);
            }
        };
        let host = Rc::clone(&asked);
        let frame = move |ui: &mut egui::Ui, app: &mut Option<App>| {
            let app = app.get_or_insert_with(|| made.borrow_mut().take().unwrap());
            let answers = std::mem::take(&mut host.borrow_mut().answers);
            for answer in answers {
                app.inbox().send(answer);
            }
            let cpu = ThreadTime::now();
            app.logic(ui.ctx());
            app.ui(ui);
            host.borrow_mut().cpu += cpu.elapsed();
        };
        let harness = Harness::builder()
            .with_size(size)
            .with_max_steps(64)
            .renderer(WgpuTestRenderer::from_render_state(render))
            .with_context_setup(setup)
            .build_ui_state(frame, None);
        let mut room = Self {
            folder,
            asked,
            harness,
        };
        room.settle();
        room
    }

    /// The explorer.
    pub(crate) fn app(&self) -> &App {
        self.harness.state().as_ref().unwrap()
    }

    /// The same, to be changed.
    pub(crate) fn app_mut(&mut self) -> &mut App {
        self.harness.state_mut().as_mut().unwrap()
    }

    /// Frames until all jobs are done and what they brought is drawn.
    pub(crate) fn settle(&mut self) {
        let end = Instant::now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 4 {
            self.harness.step();
            let busy = self.harness.state().as_ref().is_none_or(App::is_busy);
            quiet = if busy { 0 } else { quiet + 1 };
            if busy {
                std::thread::yield_now();
            }
            assert!(Instant::now() < end, "jobs do not end");
        }
    }

    /// Runs a command.
    pub(crate) fn run(&mut self, command: Command) {
        self.app_mut().run(command);
        self.settle();
    }

    /// Presses a key.
    pub(crate) fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.step();
        self.settle();
    }

    /// Puts the pointer somewhere.
    pub(crate) fn hover(&mut self, at: Pos2) {
        self.harness.hover_at(at);
        self.harness.step();
        self.harness.step();
    }

    /// Presses and releases a button of the pointer.
    pub(crate) fn click(&mut self, at: Pos2, button: egui::PointerButton, modifiers: Modifiers) {
        self.hover(at);
        for pressed in [true, false] {
            let event = egui::Event::PointerButton {
                pos: at,
                button,
                pressed,
                modifiers,
            };
            self.harness.event_modifiers(event, modifiers);
            self.harness.step();
        }
        self.settle();
    }

    /// Keeps a picture of the window as an artefact and returns it.
    pub(crate) fn picture(&mut self, name: &str) -> image::RgbaImage {
        let image = self.harness.render().unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explorer");
        std::fs::create_dir_all(&folder).unwrap();
        image.save(folder.join(format!("{name}.png"))).unwrap();
        image
    }

    /// The middle of the canvas of the active view.
    pub(crate) fn middle(&mut self) -> Pos2 {
        let view = self.app().state().presentation.active.unwrap();
        let canvas = self.app_mut().session_mut().view(view).canvas.unwrap();
        canvas.center()
    }
}
