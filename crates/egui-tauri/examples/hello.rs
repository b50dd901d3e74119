//! A window that tells on the standard output what happens to it: run it to see, or let
//! `tests/hello.sh` drive it.
//!
//! Keys: F5 frame times, F6 screenshot, F7 minimize, F8 lose the GPU, F9 a second window, F10 title,
//! F11 fullscreen, F12 close, Ctrl+Q end.
#![expect(clippy::print_stdout, reason = "the output is what the script reads")]

use std::borrow::Cow;
use std::error::Error;
use std::time::{Duration, Instant};

use egui::{Color32, ColorImage, Event, Key, Pos2, Rect, Ui, ViewportCommand, pos2, vec2};
use egui_tauri::{App, Creation, FrameTimes, Options, RenderState};
use tauri::utils::assets::{AssetKey, AssetsIter, CspHash};
use tauri::window::WindowBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    tracing_subscriber::fmt().init();
    egui_tauri::prefer_x11();
    let mut app = tauri::Builder::default()
        .setup(move |app| open(app.handle(), "main", started))
        .build(context()?)?;
    app.wry_plugin(egui_tauri::plugin());
    app.run(|_, event| {
        if let tauri::RunEvent::Exit = event {
            println!("exit");
        }
    });
    Ok(())
}

fn open(
    handle: &tauri::AppHandle,
    label: &'static str,
    started: Instant,
) -> Result<(), Box<dyn Error>> {
    let window = WindowBuilder::new(handle, label)
        .title(format!("hello {label}"))
        .inner_size(640.0, 480.0)
        .visible(false)
        .build()?;
    let options = Options {
        started,
        open_url: Box::new(|url| println!("url {url}")),
        ..Options::default()
    };
    let handle = handle.clone();
    egui_tauri::install(window, options, move |created| {
        Box::new(Hello::new(created, handle, label))
    })?;
    Ok(())
}

struct Hello {
    handle: tauri::AppHandle,
    label: &'static str,
    render: RenderState,
    picture: egui::TextureHandle,
    told: Vec<(&'static str, String)>,
    clicks: u32,
    slider: f32,
    text: String,
    unsaved: bool,
    animated: bool,
}

impl Hello {
    fn new(created: &Creation<'_>, handle: tauri::AppHandle, label: &'static str) -> Self {
        let limits = created.render.device.limits();
        println!(
            "{label}: adapter {:?} storage {} buffer {} texture {}",
            created.render.adapter.get_info().name,
            limits.max_storage_buffer_binding_size,
            limits.max_buffer_size,
            limits.max_texture_dimension_2d,
        );
        let pixel = |i: u8| Color32::from_rgb(i * 16, 255 - i * 16, 128);
        let image = ColorImage::new([4, 4], (0..16).map(pixel).collect());
        let nearest = egui::TextureOptions::NEAREST;
        Self {
            handle,
            label,
            render: created.render.clone(),
            picture: created.ctx.load_texture("picture", image, nearest),
            told: Vec::new(),
            clicks: 0,
            slider: 0.25,
            text: String::new(),
            unsaved: false,
            animated: false,
        }
    }

    /// Prints a value when it differs from the last one of that name.
    fn tell(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        let last = self.told.iter_mut().find(|(known, _)| *known == name);
        match last {
            Some((_, last)) if *last == value => return,
            Some((_, last)) => last.clone_from(&value),
            None => self.told.push((name, value.clone())),
        }
        println!("{}: {name} {value}", self.label);
    }

    fn widgets_ui(&mut self, ui: &mut Ui) {
        let at = |x: f32, y: f32, w: f32| Rect::from_min_size(pos2(x, y), vec2(w, 24.0));
        if ui
            .put(at(20.0, 20.0, 100.0), egui::Button::new("Count"))
            .clicked()
        {
            self.clicks += 1;
            println!("{}: clicks {}", self.label, self.clicks);
        }
        if ui
            .put(at(140.0, 20.0, 100.0), egui::Button::new("Copy image"))
            .clicked()
        {
            let pixels = vec![Color32::from_rgb(200, 100, 50); 24];
            ui.copy_image(ColorImage::new([6, 4], pixels));
            println!("{}: copied image", self.label);
        }
        let unsaved = egui::Checkbox::new(&mut self.unsaved, "Unsaved");
        ui.put(at(260.0, 20.0, 100.0), unsaved);
        let animated = egui::Checkbox::new(&mut self.animated, "Animate");
        ui.put(at(380.0, 20.0, 100.0), animated);
        self.tell("animated", self.animated.to_string());
        ui.put(
            at(500.0, 20.0, 100.0),
            egui::Hyperlink::new("https://example.org/"),
        );
        let slider = egui::Slider::new(&mut self.slider, 0.0..=1.0);
        ui.put(at(20.0, 60.0, 200.0), slider);
        self.tell("slider", format!("{:.2}", self.slider));
        let field = egui::TextEdit::singleline(&mut self.text).hint_text("Type here");
        let field = ui.put(at(20.0, 100.0, 300.0), field);
        self.tell("field focused", field.has_focus().to_string());
        self.tell("text", format!("{:?}", self.text));
        ui.put(
            Rect::from_min_size(pos2(360.0, 60.0), vec2(64.0, 64.0)),
            egui::Image::new(&self.picture).fit_to_exact_size(vec2(64.0, 64.0)),
        );
    }

    fn rows_ui(&mut self, ui: &mut Ui) {
        let rect = Rect::from_min_max(pos2(20.0, 150.0), pos2(320.0, 450.0));
        let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        let area = egui::ScrollArea::vertical().auto_shrink(false);
        let shown = area.show(&mut ui, |ui| {
            for row in 0..200 {
                ui.label(format!("Row {row}"));
            }
        });
        self.tell("scroll", format!("{:.0}", shown.state.clamped_offset().y));
    }

    fn tell_input(&mut self, ui: &Ui) {
        let input = ui.input(Clone::clone);
        for event in &input.events {
            match event {
                Event::PasteImage(image) => println!(
                    "{}: pasted image {:?} {:?}",
                    self.label, image.size, image.pixels[0]
                ),
                Event::PointerButton {
                    button, pressed, ..
                } => println!("{}: button {button:?} {pressed}", self.label),
                Event::Zoom(factor) => println!("{}: zoom {factor:.2}", self.label),
                Event::Ime(ime) => println!("{}: ime {ime:?}", self.label),
                Event::Key {
                    key,
                    physical_key,
                    pressed: true,
                    modifiers,
                    ..
                } => println!(
                    "{}: key {key:?} at {physical_key:?} ctrl {} shift {} alt {}",
                    self.label, modifiers.ctrl, modifiers.shift, modifiers.alt
                ),
                _ => {}
            }
        }
        let pointer = input.pointer.latest_pos().map(Pos2::round);
        self.tell("pointer", format!("{pointer:?}"));
        let hovered = input.raw.hovered_files.iter().map(|file| &file.path);
        self.tell("hovered", format!("{:?}", hovered.collect::<Vec<_>>()));
        for file in &input.raw.dropped_files {
            let len = file.bytes().map(|bytes| bytes.len());
            println!("{}: dropped {} {len:?}", self.label, file.path().display());
        }
        let viewport = input.viewport();
        self.tell("focused", format!("{:?}", viewport.focused));
        self.tell("maximized", format!("{:?}", viewport.maximized));
        self.tell("fullscreen", format!("{:?}", viewport.fullscreen));
        self.tell("size", format!("{:?}", input.content_rect().size()));
        self.tell("scale", format!("{:?}", viewport.native_pixels_per_point));
        self.tell("monitor", format!("{:?}", viewport.monitor_size));
    }

    fn keys(&mut self, ui: &Ui) {
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        let ctx = ui.ctx();
        if pressed(Key::F5) {
            println!("{}: {:?}", self.label, FrameTimes::last(ctx));
        }
        if pressed(Key::F6) {
            let label = self.label;
            ctx.request_screenshot(move |image| println!("{label}: screenshot {:?}", image.size));
        }
        if pressed(Key::F7) {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(true));
        }
        if pressed(Key::F8) {
            println!("{}: destroying the device", self.label);
            self.render.device.destroy();
            ctx.request_repaint();
        }
        if pressed(Key::F9) {
            let opened = open(&self.handle, "second", Instant::now());
            println!("{}: second window {opened:?}", self.label);
        }
        if pressed(Key::F10) {
            ctx.send_viewport_cmd(ViewportCommand::Title("renamed".to_owned()));
            ctx.send_viewport_cmd(ViewportCommand::InnerSize(vec2(700.0, 500.0)));
        }
        if pressed(Key::F11) {
            let on = ui.input(|input| input.viewport().fullscreen == Some(true));
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!on));
        }
        if ui.input(|input| input.modifiers.ctrl && input.key_pressed(Key::Q)) {
            self.handle.exit(0);
        }
        if pressed(Key::F12) {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }
}

impl App for Hello {
    fn ui(&mut self, ui: &mut Ui) {
        ui.painter()
            .rect_filled(ui.max_rect(), 0, ui.visuals().panel_fill);
        self.widgets_ui(ui);
        self.rows_ui(ui);
        self.tell_input(ui);
        self.keys(ui);
        if self.animated {
            ui.request_repaint_after(Duration::from_millis(10));
        }
    }

    fn logic(&mut self, ctx: &egui::Context) {
        let minimized = ctx.input(|input| input.viewport().minimized);
        self.tell("minimized", format!("{minimized:?}"));
        if ctx.input(|input| input.viewport().close_requested()) && self.unsaved {
            println!("{}: close vetoed", self.label);
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        }
    }

    fn device_changed(&mut self, render: &RenderState) {
        println!("{}: device changed", self.label);
        self.render = render.clone();
    }

    fn exit(&mut self) {
        println!("{}: app exit", self.label);
    }
}

/// A Tauri app without configuration file, pages and permissions.
fn context() -> Result<tauri::Context, Box<dyn Error>> {
    let package = tauri::PackageInfo {
        name: "hello".to_owned(),
        version: env!("CARGO_PKG_VERSION").parse()?,
        authors: "",
        description: "",
        crate_name: "hello",
    };
    Ok(tauri::Context::new(
        tauri::Config::default(),
        Box::new(NoAssets),
        None,
        None,
        package,
        tauri::Pattern::Brownfield,
        tauri::runtime_authority!(
            std::collections::BTreeMap::default(),
            tauri::utils::acl::resolved::Resolved::default()
        ),
        None,
    ))
}

struct NoAssets;

impl tauri::Assets<tauri::Wry> for NoAssets {
    fn get(&self, _: &AssetKey) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn iter(&self) -> Box<AssetsIter<'_>> {
        Box::new(std::iter::empty())
    }

    fn csp_hashes(&self, _: &AssetKey) -> Box<dyn Iterator<Item = CspHash<'_>> + '_> {
        Box::new(std::iter::empty())
    }
}
