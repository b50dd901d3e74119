//! One window that shows one app: its frames, from input to picture.

use std::rc::Rc;
use std::time::{Duration, Instant};

use egui::{
    CursorIcon, Event, FullOutput, OutputCommand, PlatformOutput, RawInput, ScreenshotCallback,
    ViewportCommand, ViewportEvent, ViewportId, ViewportInfo,
};

use crate::accessibility::Accessibility;
use crate::app::{App, Creation, Options};
use crate::commands::{self, Action};
use crate::device::{Painted, Target};
use crate::gpu::{Gpu, Scene};
use crate::input::Input;
use crate::keys::ClipboardCommand;
use crate::native::Native;
use crate::order::Order;
use crate::repaint::Repaint;
use crate::{Error, FrameTimes, output, viewport};

/// Time between two calls of [`App::logic`] of a hidden window that keeps asking for frames.
const HIDDEN_TICK: Duration = Duration::from_millis(100);

/// A driver that was just reset needs a moment: how often and how long to try for a new device.
const REOPEN_TRIES: u32 = 10;
const REOPEN_PAUSE: Duration = Duration::from_millis(500);

/// What to do with the window after a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Stay,
    Close,
}

/// An app, its egui context, and the window and GPU that it is drawn with.
pub(crate) struct Host {
    window: tauri::Window,
    ctx: egui::Context,
    app: Box<dyn App>,
    options: Options,
    /// `None` when drawing was given up.
    gpu: Option<Gpu>,
    reopen_tries: u32,
    native: Native,
    accessibility: Accessibility,
    input: Rc<Input>,
    repaint: Repaint,
    created: Instant,
    info: ViewportInfo,
    theme: Option<egui::Theme>,
    /// egui's zoom when `info` was made.
    zoom: f32,
    /// Input of frames in which the window was hidden, for the next one in which it is not.
    unseen: RawInput,
    order: Order,
    last_hidden_tick: Option<Instant>,
    cursor: Option<CursorIcon>,
    screenshots: Vec<ScreenshotCallback>,
    paint_while_hidden: bool,
    times: FrameTimes,
}

impl Host {
    /// Puts an app into a window, which is then shown if the options say so.
    pub(crate) fn new(
        window: tauri::Window,
        options: Options,
        input: (Rc<Input>, egui::Context, Repaint),
        display: raw_window_handle::RawDisplayHandle,
        make: impl FnOnce(&Creation<'_>) -> Box<dyn App>,
    ) -> Result<Self, Error> {
        let (input, ctx, repaint) = input;
        let accessibility = Accessibility::attach(&window, &ctx);
        let (native, handle) = Native::attach(&window, &input)?;
        let target = Target {
            display,
            window: handle,
        };
        let wake = repaint.clone();
        let gpu = Gpu::open(target, input.size_px(), options.vsync, wake)?;
        let app = make(&Creation {
            ctx: &ctx,
            render: gpu.render(),
        });
        let host = Self {
            window,
            ctx,
            app,
            options,
            gpu: Some(gpu),
            reopen_tries: 0,
            native,
            accessibility,
            input,
            repaint,
            created: Instant::now(),
            info: ViewportInfo::default(),
            theme: None,
            zoom: 1.0,
            unseen: RawInput::default(),
            order: Order::default(),
            last_hidden_tick: None,
            cursor: None,
            screenshots: Vec::new(),
            paint_while_hidden: false,
            times: FrameTimes::default(),
        };
        // An X11 window has to be mapped to be drawn into; elsewhere the first frame comes first.
        if cfg!(target_os = "linux") && host.options.show {
            host.window.show()?;
        }
        host.repaint.now();
        Ok(host)
    }

    /// Runs one frame, or only the app's logic while the window can not be seen.
    pub(crate) fn frame(&mut self) -> After {
        self.look_after_gpu();
        self.refresh_info();
        let hidden = self.is_hidden();
        if hidden && !self.hidden_tick_is_due() {
            return After::Stay;
        }
        let raw = self.take_input();
        let closing = raw.viewport().close_requested();
        self.info.events.clear();
        let canceled = if hidden {
            self.run_hidden(raw)
        } else {
            self.run(raw)
        };
        if closing && !canceled {
            After::Close
        } else {
            After::Stay
        }
    }

    /// Tells the app and lets go of the native window, which may then be destroyed.
    pub(crate) fn exit(&mut self) {
        self.app.exit();
        self.gpu = None;
    }

    /// A full frame; returns whether the app vetoed a close.
    fn run(&mut self, raw: RawInput) -> bool {
        let start = Instant::now();
        let app = &mut self.app;
        let output = self.ctx.run_ui(raw, |ui| {
            app.logic(ui.ctx());
            app.ui(ui);
        });
        self.times.ui = start.elapsed();
        let FullOutput {
            platform_output,
            textures_delta,
            shapes,
            pixels_per_point,
            mut viewport_output,
        } = output;
        let commands = viewport_output
            .remove(&ViewportId::ROOT)
            .map_or_else(Vec::new, |root| root.commands);
        let canceled = self.run_commands(commands);
        self.platform_output(platform_output);

        let start = Instant::now();
        let primitives = self.ctx.tessellate(shapes, pixels_per_point);
        self.times.tessellate = start.elapsed();
        let scene = Scene {
            primitives,
            textures: textures_delta,
            pixels_per_point,
            size_px: self.input.size_px(),
            screenshots: std::mem::take(&mut self.screenshots),
        };
        self.paint(scene);
        canceled
    }

    /// A tick without a picture; returns whether the app vetoed a close.
    fn run_hidden(&mut self, raw: RawInput) -> bool {
        let app = &mut self.app;
        let mut output = self.ctx.run_logic(&raw, |ctx| app.logic(ctx));
        self.unseen = raw;
        let commands = output.viewport_commands.remove(&ViewportId::ROOT);
        let canceled = self.run_commands(commands.unwrap_or_default());
        self.platform_output(output.platform_output);
        canceled
    }

    fn paint(&mut self, mut scene: Scene) {
        let Some(gpu) = &mut self.gpu else {
            scene.textures.clear();
            return;
        };
        let start = Instant::now();
        match gpu.paint(scene) {
            Painted::Presented => self.presented(start),
            Painted::Skipped => {}
            Painted::Retry => self.repaint.request(Duration::from_millis(16)),
        }
    }

    fn presented(&mut self, start: Instant) {
        self.times.paint = start.elapsed();
        self.times.frames += 1;
        if self.times.first_frame.is_none() {
            let since_start = self.options.started.elapsed();
            tracing::info!(?since_start, "first frame");
            self.times.first_frame = Some(since_start);
            if self.options.show && !cfg!(target_os = "linux") {
                self.log("show", self.window.show());
            }
        }
        self.times.store(&self.ctx);
    }

    /// Replaces a lost GPU, or gives up after a while.
    fn look_after_gpu(&mut self) {
        let Some(gpu) = self.gpu.as_mut().filter(|gpu| gpu.is_lost()) else {
            return;
        };
        match gpu.reopen() {
            Ok(()) => {
                tracing::info!("the graphics device was replaced");
                self.reopen_tries = 0;
                self.app.device_changed(gpu.render());
            }
            Err(error) if self.reopen_tries < REOPEN_TRIES => {
                tracing::warn!(%error, "no new graphics device yet");
                self.reopen_tries += 1;
                self.repaint.request(REOPEN_PAUSE);
            }
            Err(error) => {
                self.gpu = None;
                (self.options.failed)(&error);
            }
        }
    }

    fn refresh_info(&mut self) {
        let zoom = self.ctx.zoom_factor();
        let zoomed = std::mem::replace(&mut self.zoom, zoom).to_bits() != zoom.to_bits();
        if self.input.take_window_change() || zoomed {
            viewport::refresh(&mut self.info, &self.window, self.input.scale(), zoom);
            self.theme = viewport::system_theme(&self.window);
            let pixels_per_point = self.input.scale() * zoom;
            self.accessibility.set_window(&self.info, pixels_per_point);
        }
        if self.input.take_close_request() {
            self.info.events.push(ViewportEvent::Close);
        }
    }

    /// Whether a picture would be seen by nobody. The first frame is drawn in any case: on some
    /// systems the window waits for it to be shown.
    fn is_hidden(&self) -> bool {
        let can_draw = self.gpu.as_ref().is_some_and(|gpu| !gpu.is_lost());
        if !can_draw || self.input.size_px().contains(&0) {
            return true;
        }
        let wanted = self.paint_while_hidden || !self.screenshots.is_empty();
        let unseen = self.info.minimized == Some(true) || self.info.occluded == Some(true);
        unseen && self.times.frames > 0 && !wanted
    }

    /// Holds the app's logic to [`HIDDEN_TICK`], since no display slows it down.
    fn hidden_tick_is_due(&mut self) -> bool {
        if !self.info.events.is_empty() {
            return true;
        }
        let now = Instant::now();
        let next = self.last_hidden_tick.map(|last| last + HIDDEN_TICK);
        if let Some(next) = next.filter(|&next| now < next) {
            self.repaint.request(next - now);
            return false;
        }
        self.last_hidden_tick = Some(now);
        true
    }

    fn take_input(&mut self) -> RawInput {
        let mut raw = std::mem::take(&mut self.unseen);
        let mut came = self.input.take();
        let (events, more) = self.order.next(std::mem::take(&mut came.events));
        came.events = events;
        if more {
            self.repaint.now();
        }
        raw.append(came);
        raw.events.extend(self.accessibility.take_requests());
        raw.time = Some(self.created.elapsed().as_secs_f64());
        raw.system_theme = self.theme;
        raw.max_texture_side = self.gpu.as_ref().map(Gpu::max_texture_side);
        raw.viewports.insert(ViewportId::ROOT, self.info.clone());
        raw
    }

    /// Carries out the app's commands; returns whether one of them vetoes a close.
    fn run_commands(&mut self, commands: Vec<ViewportCommand>) -> bool {
        self.paint_while_hidden = false;
        let canceled = commands.contains(&ViewportCommand::CancelClose);
        if commands.is_empty() {
            return canceled;
        }
        let pixels_per_point = self.input.scale() * self.ctx.zoom_factor();
        for command in commands {
            match commands::run(command, &self.window, &mut self.info, pixels_per_point) {
                Some(Action::Screenshot(callback)) => self.screenshots.push(callback),
                Some(Action::PaintWhileHidden) => self.paint_while_hidden = true,
                Some(Action::Clipboard(command)) => self.clipboard_command(command),
                None => {}
            }
        }
        self.input.note_own_change();
        canceled
    }

    fn clipboard_command(&mut self, command: ClipboardCommand) {
        match command {
            ClipboardCommand::Copy => self.input.push(Event::Copy),
            ClipboardCommand::Cut => self.input.push(Event::Cut),
            ClipboardCommand::Paste => self.native.paste(),
        }
    }

    fn platform_output(&mut self, output: PlatformOutput) {
        for command in output.commands {
            match command {
                OutputCommand::CopyText(text) => self.native.copy_text(&text),
                OutputCommand::TextSelectionSettled(text) => self.native.select_text(&text),
                OutputCommand::CopyImage(image) => self.native.copy_image(&image),
                OutputCommand::OpenUrl(open) => (self.options.open_url)(&open.url),
            }
        }
        self.set_cursor(output.cursor_icon);
        self.native.set_ime(output.ime);
        if let Some(tree) = output.accesskit_update {
            self.accessibility.update(tree);
        }
    }

    fn set_cursor(&mut self, icon: CursorIcon) {
        let before = self.cursor.replace(icon);
        if before == Some(icon) {
            return;
        }
        let native = output::cursor(icon);
        if let Some(native) = native {
            self.log("cursor", self.window.set_cursor_icon(native));
        }
        if native.is_none() || before == Some(CursorIcon::None) {
            let visible = native.is_some();
            self.log("cursor", self.window.set_cursor_visible(visible));
        }
    }

    fn log(&self, what: &str, result: tauri::Result<()>) {
        if let Err(error) = result {
            tracing::warn!(%error, window = self.window.label(), what, "the window refused a call");
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.repaint.stop();
    }
}
