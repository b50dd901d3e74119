//! The pictures of the project: found by name, marked, opened, dragged into views.
//!
//! Only rows in sight are laid out, and the list of rows is made anew only when it changes, so that many thousand
//! pictures scroll as smoothly as ten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Frame, Id, Margin, Popup, RichText, Ui, vec2};

mod cell;
mod choose;
mod grid;
mod index;

pub use index::Section;

use super::menu;
use crate::commands::Command;
use crate::cx::Cx;
use crate::document::PictureId;
use crate::icons;
use crate::samples;
use crate::text::{self, tr};
use crate::theme;
use crate::widgets::{Button, TextField};
use grid::Metrics;
use index::{Index, Source};

/// Panels narrower than this show icons and small thumbnails only, in points.
const FOLDED: f32 = 120.0;

/// The order of pictures within a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they were opened.
    #[default]
    Added,
    /// By name, numbers by their value.
    Name,
}

/// What the library keeps between frames.
#[derive(Debug)]
pub struct State {
    /// The order of pictures.
    pub order: Order,
    /// Whether folders are told apart.
    pub folders: bool,
    /// Folders that are being searched or read: pictures that are done, and all of them where that is known.
    pub reading: BTreeMap<PathBuf, (u64, Option<u64>)>,
    folded: BTreeSet<Section>,
    index: Option<Index>,
    /// The picture that the arrow keys are at.
    cursor: Option<PictureId>,
    /// Where a range that is marked with shift begins.
    anchor: Option<PictureId>,
    /// Whether the cursor has to come in sight.
    follow: bool,
    /// The picture that was last clicked, and what the active view showed before.
    clicked: Option<(PictureId, Option<PictureId>)>,
    /// The field to type words into.
    search: Option<Id>,
    /// Where the samples are.
    samples: Option<Arc<Path>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            order: Order::default(),
            folders: true,
            reading: BTreeMap::new(),
            folded: BTreeSet::new(),
            index: None,
            cursor: None,
            anchor: None,
            follow: false,
            clicked: None,
            search: None,
            samples: None,
        }
    }
}

/// Draws the library into a side panel; in one that is narrower than a thumbnail, folded to icons.
pub fn library_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    if ui.available_width() < FOLDED {
        folded_ui(ui, cx);
    } else {
        open_ui(ui, cx);
    }
}

fn open_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    header_ui(ui, cx);
    Frame::new()
        .inner_margin(Margin {
            left: 12,
            right: 12,
            top: 0,
            bottom: 6,
        })
        .show(ui, |ui| search_ui(ui, cx));
    rows_ui(ui, cx, Metrics::open(ui.available_width()));
}

fn folded_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.add_space(6.0);
    ui.vertical_centered(|ui| {
        open_button_ui(ui, cx);
        let search = ui.add(
            Button::icon_only(icons::MAGNIFYING_GLASS, tr(ui, "app-search"))
                .on(!cx.state.filter.is_empty()),
        );
        Popup::from_toggle_button_response(&search)
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| {
                ui.set_width(220.0);
                search_ui(ui, cx);
            });
        options_ui(ui, cx);
    });
    ui.add_space(4.0);
    rows_ui(ui, cx, Metrics::folded(ui.available_width()));
}

/// Name, number of pictures, buttons: 36 high.
fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let palette = theme::palette(ui);
    let size = vec2(ui.available_width(), 36.0);
    ui.allocate_ui_with_layout(
        size,
        egui::Layout::left_to_right(egui::Align::Center),
        |ui| {
            ui.set_min_size(size);
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.add_space(12.0);
            let title = RichText::from(tr(ui, "library-pictures")).text_style(theme::strong());
            ui.label(title.color(palette.text_0));
            let count = text::count(ui, cx.document.library.len() as u64);
            ui.label(RichText::new(count).color(palette.text_2));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add_space(2.0);
                options_ui(ui, cx);
                open_button_ui(ui, cx);
            });
        },
    );
}

fn open_button_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let name = tr(ui, "library-open-folder");
    if ui
        .add(Button::icon_only(icons::FOLDER_OPEN, name))
        .clicked()
    {
        cx.run(Command::OpenFolder);
    }
}

fn options_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let button = ui.add(Button::icon_only(
        icons::SLIDERS_HORIZONTAL,
        tr(ui, "library-options"),
    ));
    menu::below(&button, |ui| {
        let state = &mut cx.state.library;
        for (order, id) in [
            (Order::Added, "library-order-added"),
            (Order::Name, "library-order-name"),
        ] {
            if menu::check(ui, state.order == order, &tr(ui, id)) {
                state.order = order;
            }
        }
        ui.separator();
        if menu::check(ui, state.folders, &tr(ui, "library-show-folders")) {
            state.folders = !state.folders;
        }
        if menu::item_if(
            ui,
            !state.folded.is_empty(),
            None,
            &tr(ui, "library-unfold-all"),
            "",
        ) {
            state.folded.clear();
        }
        ui.separator();
        if menu::item(ui, None, &tr(ui, "library-mark-all"), "") {
            let index = state.index.as_ref();
            cx.state.presentation.selected = index
                .map(|index| index.pictures.clone())
                .unwrap_or_default();
        }
    });
}

fn search_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let hint = tr(ui, "library-search");
    let field = ui.add(TextField::search(&mut cx.state.filter, hint));
    cx.state.library.search = Some(field.id);
}

fn rows_ui(ui: &mut Ui, cx: &mut Cx<'_>, metrics: Metrics) {
    let source = source(cx, &metrics);
    let mut slot = cx.state.library.index.take();
    let index = Index::update(&mut slot, source);
    if cx.document.library.is_empty() {
        empty_ui(ui, cx, "library-empty", &metrics);
    } else if index.found == 0 {
        empty_ui(ui, cx, "app-nothing-found", &metrics);
    } else {
        grid::rows_ui(ui, cx, index, &metrics);
    }
    cx.state.library.index = slot;
}

fn source(cx: &mut Cx<'_>, metrics: &Metrics) -> Source {
    let data = &cx.session.folders.data;
    let state = &mut cx.state.library;
    let samples = state
        .samples
        .get_or_insert_with(|| samples::folder(data).into());
    Source {
        library: cx.document.library.clone(),
        filter: cx.state.filter.clone(),
        order: state.order,
        folders: state.folders,
        folded: state.folded.clone(),
        samples: Arc::clone(samples),
        columns: metrics.columns,
        heights: metrics.heights(),
    }
}

fn empty_ui(ui: &mut Ui, cx: &mut Cx<'_>, message: &str, metrics: &Metrics) {
    if !metrics.names {
        return;
    }
    ui.add_space(24.0);
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = 10.0;
        ui.set_max_width(ui.available_width() - 24.0);
        let palette = theme::palette(ui);
        ui.label(
            RichText::new(icons::IMAGES)
                .size(28.0)
                .color(palette.text_2),
        );
        ui.label(RichText::from(tr(ui, message)).color(palette.text_2));
        if cx.document.library.is_empty() {
            if ui
                .add(Button::new(tr(ui, "library-open")).icon(icons::FOLDER_OPEN))
                .clicked()
            {
                cx.run(Command::OpenPictures);
            }
        } else if ui
            .add(Button::new(tr(ui, "library-clear-search")))
            .clicked()
        {
            cx.state.filter.clear();
        }
    });
}
