//! All controls on one page, as snapshots in both themes and in Chinese: `ui/tests/snapshots/gallery-*.png`.
//!
//! `UPDATE_SNAPSHOTS=1` writes the pictures anew: look at them before you commit them.

use egui::{
    Align2, Color32, ColorImage, Frame, Id, Margin, Rect, TextureHandle, Theme, Ui, UiBuilder,
    pos2, vec2,
};
use egui_kittest::{Harness, SnapshotOptions, kittest::Queryable as _};

use crate::{
    fonts, icons,
    text::{self, Lang, tr, tr_with},
    theme,
};

use super::*;

/// Counts with two hills.
const COUNTS: [u32; 32] = [
    2, 6, 20, 60, 90, 70, 40, 20, 8, 4, 3, 2, 2, 4, 10, 40, 140, 160, 60, 30, 20, 14, 10, 8, 6, 4,
    3, 2, 1, 1, 0, 0,
];

struct Page {
    range: [f32; 2],
    fixed: bool,
    strength: f64,
    detail: u32,
    layer: u32,
    map: usize,
    on: bool,
    threshold: f32,
    swipe: f32,
    search: String,
    token: String,
    shown: bool,
    picture: Option<TextureHandle>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            range: [-0.02, 0.66],
            fixed: false,
            strength: 78.0,
            detail: 512,
            layer: 12,
            map: 0,
            on: true,
            threshold: 0.42,
            swipe: 0.7,
            search: String::new(),
            token: "hf_token".to_owned(),
            shown: false,
            picture: None,
        }
    }
}

impl Page {
    fn picture(&mut self, ui: &Ui) -> TextureHandle {
        let make = || {
            // Few flat fields: the snapshots stay small.
            let pixel = |at: usize| {
                let (x, y) = (at % 6, at / 6);
                Color32::from_rgb((x * 45) as u8, (y * 60) as u8, 120)
            };
            let image = ColorImage::new([6, 4], (0..24).map(pixel).collect());
            ui.ctx()
                .load_texture("picture", image, egui::TextureOptions::NEAREST)
        };
        self.picture.get_or_insert_with(make).clone()
    }

    fn ui(&mut self, ui: &mut Ui) {
        let whole = ui.max_rect();
        let columns = [(0.0, 292.0), (300.0, 300.0), (608.0, 292.0)];
        let draw = [Self::inspector_ui, Self::parts_ui, Self::buttons_ui];
        for ((left, width), (index, draw)) in columns.into_iter().zip(draw.into_iter().enumerate())
        {
            let at = whole.min + vec2(left, 0.0);
            let rect = Rect::from_min_size(at, vec2(width, whole.height()));
            let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(index));
            let panel = theme::palette(ui).panel;
            Frame::new().fill(panel).show(&mut child, |ui| {
                ui.set_min_size(rect.size());
                ui.set_max_width(width);
                draw(self, ui);
            });
        }
    }

    /// The inspector of the similarity view.
    fn inspector_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = 0.0;
        PanelHeader::new(tr(ui, "similarity-title")).show(ui, |ui| {
            ui.add(Button::icon_only(icons::DOTS_THREE, tr(ui, "app-more")));
            ui.add(Button::icon_only(
                icons::ARROW_COUNTER_CLOCKWISE,
                tr(ui, "app-reset"),
            ));
        });
        ui.spacing_mut().item_spacing.y = 8.0;
        Section::new(tr(ui, "similarity-find"))
            .id("find")
            .show(ui, |ui| {
                pins_ui(ui);
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 6.0;
                    ui.add(Button::new(tr(ui, "canvas-box")).icon(icons::SELECTION));
                    ui.add(Button::new(tr(ui, "canvas-lasso")).icon(icons::LASSO));
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        ui.add(
                            Button::new(tr(ui, "similarity-clear"))
                                .icon(icons::TRASH)
                                .ghost(),
                        );
                    });
                });
            });
        Section::new(tr(ui, "similarity-colours"))
            .id("colors")
            .show(ui, |ui| self.colors_ui(ui));
        Section::new(tr(ui, "similarity-features"))
            .id("features")
            .show(ui, |ui| self.features_ui(ui));
        Section::new(tr(ui, "similarity-best-matches"))
            .folded()
            .show(ui, |_| ());
    }

    fn colors_ui(&mut self, ui: &mut Ui) {
        let inferno = [
            0x0000_0004,
            0x0042_0A68,
            0x0093_2667,
            0x00DD_513A,
            0x00FC_A50A,
            0x00FC_FFA4,
        ];
        let inferno = inferno.map(|it: u32| {
            let [_, r, g, b] = it.to_be_bytes();
            Color32::from_rgb(r, g, b)
        });
        let bar = ColorBar::new(&mut self.range, -0.35..=0.8, &inferno, ["Low", "High"]);
        ui.add(bar.counts(&COUNTS).unit(tr(ui, "similarity-cosine")));
        Row::new(tr(ui, "similarity-range")).show(ui, |ui| {
            let (auto, fixed) = (tr(ui, "similarity-auto"), tr(ui, "similarity-fixed"));
            ui.add(Segmented::new(
                &mut self.fixed,
                [(false, auto), (true, fixed)],
            ));
        });
        Row::new(tr(ui, "similarity-colour-map")).show(ui, |ui| {
            let maps = ["Inferno", "Viridis", "Cividis", "Greys"]
                .into_iter()
                .enumerate();
            ui.add(Combo::new(&mut self.map, maps, "Colour map"));
        });
        Row::new(tr(ui, "similarity-strength")).show(ui, |ui| {
            ui.add(
                NumberSlider::new(&mut self.strength, 0.0..=100.0, "Strength")
                    .decimals(0)
                    .suffix(" %"),
            );
        });
    }

    fn features_ui(&mut self, ui: &mut Ui) {
        Row::new(tr(ui, "similarity-detail")).show(ui, |ui| {
            ui.add(NumberSlider::new(&mut self.detail, 224..=2048, "Detail").step(16.0));
        });
        let size = vec2(ui.available_width(), 16.0);
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            let patches = tr_with(ui, "similarity-patches", &[("count", 1536.into())]);
            let text = format!("{patches} · 38 ms · 96 MB");
            ui.label(
                egui::RichText::new(text)
                    .small()
                    .color(theme::palette(ui).text_2),
            );
        });
        Row::new(tr(ui, "similarity-layer")).show(ui, |ui| {
            let slider = NumberSlider::new(&mut self.layer, 1..=12, "Layer");
            ui.add(slider.shown_as(|layer| format!("{layer}/12")));
        });
        ui.add_enabled_ui(false, |ui| {
            Row::new(tr(ui, "similarity-norm")).show(ui, |ui| {
                let names = [
                    (false, tr(ui, "similarity-norm-final")),
                    (true, tr(ui, "similarity-norm-none")),
                ];
                ui.add(Segmented::new(&mut self.fixed, names));
            });
            Row::new(tr(ui, "similarity-strength")).show(ui, |ui| {
                ui.add(NumberSlider::new(&mut self.strength, 0.0..=100.0, "Off").decimals(0));
            });
        });
    }

    /// Charts, notes, the read-out and what lies on pictures.
    fn parts_ui(&mut self, ui: &mut Ui) {
        let palette = theme::palette(ui);
        ui.spacing_mut().item_spacing.y = 0.0;
        PanelHeader::new(tr(ui, "library-pictures"))
            .count("1,248")
            .show(ui, |_| ());
        Frame::new()
            .inner_margin(Margin::symmetric(12, 0))
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 8.0;
                ui.add(TextField::search(&mut self.search, tr(ui, "library-search")).key("Ctrl K"));
                self.thumbnails_ui(ui);
                let channels = palette.channels.map(Some);
                let values = [44.0, 14.0, 8.1, 6.0, 4.2, 3.0, 2.0, 1.8];
                ui.add(BarChart::new(&values, "Explained variance").colors(channels));
                let patch = [1.4, 1.9, -1.1, 0.4, -0.5, 0.6, -0.2, 0.15];
                ui.add(
                    BarChart::new(&patch, "Patch")
                        .colors(channels)
                        .bare()
                        .height(60.0),
                );
                ui.add(Histogram::new(
                    &mut self.threshold,
                    0.0..=1.0,
                    &COUNTS,
                    "Threshold",
                ));
                self.on_picture_ui(ui);
                let answer = Note::new(
                    Tone::Error,
                    "Needs 9.2 GB, 7.4 GB are free. Use 768 px, or the processor.",
                )
                .cause("Not enough graphics memory")
                .action(tr(ui, "errors-try-again"))
                .details(tr(ui, "app-copy-details"));
                answer.show(ui);
                Note::new(
                    Tone::Info,
                    "The built-in model does everything here, with coarser results.",
                )
                .show(ui);
            });
    }

    fn thumbnails_ui(&mut self, ui: &mut Ui) {
        let picture = self.picture(ui);
        let texture = Some((picture.id(), vec2(48.0, 32.0)));
        let size = vec2(84.0, 59.0);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 9.0;
            ui.add(
                Thumbnail::new(texture, "cat.png")
                    .letter(Some("A"))
                    .chosen(true)
                    .size(size),
            );
            ui.add(
                Thumbnail::new(texture, "a-very-long-name.jpg")
                    .missing(true)
                    .size(size),
            );
            ui.add(Thumbnail::new(None, "猫.png").size(size));
        });
    }

    fn on_picture_ui(&mut self, ui: &mut Ui) {
        let picture = self.picture(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(276.0, 250.0), egui::Sense::hover());
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let painter = ui.painter_at(rect);
        painter.image(picture.id(), rect, whole, Color32::WHITE);
        let at = |x: f32, y: f32| rect.min + vec2(x, y);
        paint::line_on_picture(&painter, [at(0.0, 60.0), at(276.0, 60.0)], 1.0);
        let patch = Rect::from_center_size(at(200.0, 60.0), vec2(18.0, 18.0));
        paint::rect_on_picture(&painter, patch, 1.5);
        paint_pin(&painter, at(24.0, 28.0), PinShape::Positive, 1.0);
        paint_pin(&painter, at(54.0, 28.0), PinShape::Negative, 1.0);
        paint_pin(&painter, at(84.0, 28.0), PinShape::Third('B'), 1.0);
        let readout = ReadOut::new()
            .row(tr(ui, "canvas-score"), "0.241")
            .row(tr(ui, "canvas-rank"), "212 of 1,536")
            .row(tr(ui, "canvas-patch"), "27, 25");
        readout.paint(&painter, at(200.0, 60.0), rect, patch);
        ReadOut::new()
            .row(tr(ui, "canvas-best-here"), "0.453")
            .paint_at(&painter, at(268.0, 8.0), Align2::RIGHT_TOP);
        SwipeHandle::new(&mut self.swipe, "Swipe line").show(ui, Id::unique("swipe"), rect);
        let seen = Rect::from_min_max(pos2(0.2, 0.1), pos2(0.7, 0.9));
        let map = Minimap::new(picture.id(), vec2(48.0, 32.0), seen, "Overview");
        map.show(ui, Id::unique("minimap"), at(4.0, 246.0));
        busy_bar(ui, rect);
    }

    /// Buttons, chips, progress, cards, the empty state.
    fn buttons_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = 0.0;
        PanelHeader::new("Controls").show(ui, |_| ());
        Frame::new()
            .inner_margin(Margin::symmetric(12, 0))
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 8.0;
                ui.horizontal_wrapped(|ui| {
                    ui.add(Button::new(tr(ui, "app-copy-view")).icon(icons::COPY));
                    ui.add(
                        Button::new(tr(ui, "app-export-figure"))
                            .icon(icons::EXPORT)
                            .primary(),
                    );
                    ui.add(Button::new("In use").icon(icons::CHECK).on(true));
                    ui.add(Button::new("Read the full text").link());
                    ui.add(Button::new("Off").disabled_because(Some("Pin a patch first.")));
                    ui.add(Button::new("Fit").ghost());
                });
                ui.horizontal(|ui| {
                    ui.add(
                        Button::new(tr(ui, "library-open"))
                            .icon(icons::FOLDER_OPEN)
                            .key("Ctrl O")
                            .show_key()
                            .large(),
                    );
                    ui.add(Button::new("Next").primary().large());
                });
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 2.0;
                    ui.add(Button::icon_only(icons::CURSOR, "Pointer").key("V"));
                    ui.add(Button::icon_only(icons::PUSH_PIN, "Pin").key("P").on(true));
                    ui.add(Button::icon_only(icons::LINK, "Link").framed());
                    ui.add(
                        Button::icon_only(icons::EXPORT, "Off")
                            .disabled_because(Some("Nothing to export.")),
                    );
                    ui.add(KeyCap::new("Ctrl K"));
                });
                self.choices_ui(ui);
                chips_ui(ui);
                cards_ui(ui);
            });
        EmptyState::new(icons::IMAGES, tr(ui, "library-empty"))
            .button(tr(ui, "library-open"), Some(icons::FOLDER_OPEN))
            .show(ui);
    }

    fn choices_ui(&mut self, ui: &mut Ui) {
        let mut at = 0;
        let names = ["app-explore", "app-compare", "app-models"].map(|id| tr(ui, id));
        let icons = [icons::IMAGES, icons::COLUMNS, icons::CUBE];
        ui.add(Segmented::new(&mut at, names.into_iter().enumerate()).icons(icons));
        ui.add(
            TextField::new(&mut self.token, "Access token")
                .icon(icons::KEY)
                .secret(&mut self.shown),
        );
        ui.horizontal(|ui| {
            ui.label(tr(ui, "pca-align-signs"));
            ui.add(Switch::new(&mut self.on, "Align signs"));
            let mut off = !self.on;
            ui.add(Switch::new(&mut off, "Off"));
            ui.add_enabled(false, Switch::new(&mut off, "Disabled"));
        });
        ProgressRow::new("Reading features", "meadow folder", Some(0.63))
            .numbers("24 of 38", "")
            .show(ui, |ui| ui.add(Button::icon_only(icons::X, "Cancel")));
        ui.add(ProgressBar::new(Some(0.4), "Download"));
        ui.add(ProgressBar::new(None, "Search"));
    }
}

fn pins_ui(ui: &mut Ui) {
    ui.spacing_mut().item_spacing.y = 8.0;
    let row = |shape, name: &str, place: &str| PinRow::new(shape, name, place, "Hide");
    row(PinShape::Positive, "Left eye", "17, 12").show(ui);
    row(PinShape::Positive, "Right eye", "33, 14")
        .chosen(true)
        .show(ui);
    row(PinShape::Negative, "Not like: cheek", "21, 21")
        .shown(false)
        .show(ui);
    row(
        PinShape::Third('B'),
        "A name that is much too long for the row",
        "7, 3",
    )
    .show(ui);
}

fn chips_ui(ui: &mut Ui) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.add(
            Chip::new(tr(ui, "models-ready"))
                .icon(icons::CHECK)
                .tone(Tone::Ok),
        );
        ui.add(
            Chip::new(tr(ui, "models-blocked"))
                .icon(icons::WARNING)
                .tone(Tone::Warn),
        );
        ui.add(
            Chip::new("61 %")
                .icon(icons::DOWNLOAD_SIMPLE)
                .tone(Tone::Info),
        );
        ui.add(Chip::new("failed").tone(Tone::Error));
        ui.add(Chip::new(tr(ui, "models-in-use")).tone(Tone::Accent));
        ui.add(Chip::new(tr(ui, "app-stale")));
    });
}

fn cards_ui(ui: &mut Ui) {
    Card::new().show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.label(egui::RichText::new("Cluster").text_style(theme::strong()));
        ui.add(ValueRow::new("SHA-256", "9f2c…e81b"));
    });
    Card::new()
        .outlined()
        .chosen(true)
        .margin(Margin::same(8))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            let columns = [
                Column::new("In A (pixel)"),
                Column::new("Cosine").width(70.0),
            ];
            ui.set_max_height(92.0);
            Table::new("matches", columns)
                .chosen(Some(0))
                .show(ui, 2, |ui, row, column| {
                    let text = [["440, 265", "0.914"], ["420, 295", "0.909"]][row][column];
                    ui.label(egui::RichText::new(text).monospace());
                });
        });
}

fn harness(theme: Theme, lang: Lang) -> Harness<'static, Page> {
    Harness::builder()
        .with_size(vec2(916.0, 860.0))
        .with_theme(theme)
        .with_context_setup(move |ctx| {
            fonts::install(ctx);
            theme::install(ctx);
            theme::set_reduced_motion(ctx, true);
            text::set(ctx, lang);
        })
        .wgpu()
        .build_ui_state(|ui, page: &mut Page| page.ui(ui), Page::default())
}

/// Drivers differ in the edges of letters: some pixels may, the page as a whole may not.
fn options() -> SnapshotOptions {
    SnapshotOptions::new()
        .threshold(2.0)
        .max_failed_pixels(4000_usize)
}

#[test]
fn the_gallery_looks_as_before_in_the_dark_theme() {
    harness(Theme::Dark, Lang::En).snapshot_options("gallery-dark", &options());
}

#[test]
fn the_gallery_looks_as_before_in_the_light_theme() {
    harness(Theme::Light, Lang::En).snapshot_options("gallery-light", &options());
}

#[test]
fn the_gallery_looks_as_before_in_chinese() {
    harness(Theme::Dark, Lang::ZhCn).snapshot_options("gallery-zh", &options());
}

fn small(add: impl FnMut(&mut Ui) + 'static) -> Harness<'static> {
    Harness::builder()
        .with_size(vec2(320.0, 230.0))
        .with_context_setup(set_up)
        .wgpu()
        .build_ui(add)
}

#[test]
fn an_open_list_looks_as_before() {
    let mut at = 2;
    let mut harness = small(move |ui| {
        let entries = (1..=12).map(|it| (it, format!("Layer {it}")));
        ui.add(Combo::new(&mut at, entries, "Layer").width(200.0));
    });
    harness.get_by_label("Layer").click();
    harness.run();
    harness.snapshot_options("open-list", &options());
}

#[test]
fn a_tooltip_and_the_ring_of_focus_look_as_before() {
    let mut detail = 512_u32;
    let mut harness = small(move |ui| {
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            ui.add(Button::new("Export figure").icon(icons::EXPORT).primary());
            let pin = Button::icon_only(icons::PUSH_PIN, "Pin").key("P");
            ui.add(pin.help("A click keeps the pointed patch as a query."));
        });
        ui.add(NumberSlider::new(&mut detail, 224..=2048, "Detail"));
        ui.add(NumberField::new(&mut detail, "Typed"));
    });
    harness.get_by_label("Pin").hover();
    harness.get_by_label("Export figure").focus();
    harness.run_steps(8);
    harness.snapshot_options("tooltip", &options());
    harness.remove_cursor();
    harness
        .get_by_role_and_label(egui::Role::SpinButton, "Typed")
        .focus();
    harness.run();
    harness
        .get_by_role_and_label(egui::Role::SpinButton, "Typed")
        .type_text("512*");
    harness.run_steps(2);
    harness.snapshot_options("typed", &options());
}

/// Measured data can be anything: empty, constant, not finite.
#[test]
fn controls_draw_any_data() {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0];
    let mut ends = [f32::NAN, 3.0];
    let mut threshold = f32::NAN;
    let mut number = f64::NAN;
    let mut swipe = f32::NAN;
    let mut harness = Harness::builder()
        .with_context_setup(set_up)
        .build_ui(move |ui| {
            ui.add(BarChart::new(&bad, "bars"));
            ui.add(BarChart::new(&[], "no bars"));
            for range in [0.0..=0.0, 1.0..=-1.0, f32::NAN..=1.0] {
                ui.add(Histogram::new(
                    &mut threshold,
                    range.clone(),
                    &[0, 0],
                    "counts",
                ));
                ui.add(Histogram::new(
                    &mut threshold,
                    range.clone(),
                    &[],
                    "no counts",
                ));
                ui.add(ColorBar::new(&mut ends, range, &[], ["low", "high"]));
            }
            for range in [0.0..=0.0, 1.0..=-1.0, f64::NAN..=1.0] {
                ui.add(NumberSlider::new(&mut number, range, "number").logarithmic());
            }
            ui.add(ProgressBar::new(Some(f32::NAN), "progress").width(0.0));
            Minimap::new(
                egui::TextureId::default(),
                vec2(0.0, f32::NAN),
                Rect::NAN,
                "map",
            )
            .show(ui, Id::unique("map"), pos2(20.0, 20.0));
            SwipeHandle::new(&mut swipe, "swipe").show(ui, Id::unique("swipe"), Rect::ZERO);
            let painter = ui.painter();
            let readout = ReadOut::new().row("", "");
            readout.paint(painter, pos2(f32::NAN, 0.0), Rect::NOTHING, Rect::NAN);
            ui.add_sized(vec2(1.0, 1.0), Thumbnail::new(None, ""));
        });
    for key in [egui::Key::Tab, egui::Key::ArrowRight, egui::Key::End].repeat(20) {
        harness.key_press(key);
        harness.run();
    }
}
