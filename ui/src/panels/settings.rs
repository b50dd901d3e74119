//! The settings of the user: appearance, device, storage, keys, and what the program does by itself.

use egui::{Frame, Label, Margin, Response, RichText, ScrollArea, Ui, vec2};

use super::sheet::{self, Card};
use crate::cx::Cx;
use crate::icons;
use crate::text::{Text, tr};
use crate::theme;
use crate::widgets::Row;

mod appearance;
mod device;
mod keys;
mod program;
mod storage;

/// Width of the list of pages and of the names of settings, in points.
const PAGES: f32 = 168.0;
const LABEL: f32 = 168.0;
/// Height of a page, in points.
const HEIGHT: f32 = 470.0;

/// A page of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Language, theme, text size, motion.
    #[default]
    Appearance,
    /// Where networks run.
    Device,
    /// Caches and folders.
    Storage,
    /// Shortcuts.
    Keys,
    /// Updates, privacy, everything anew.
    Program,
}

impl Page {
    /// All pages, in their order.
    const ALL: [Self; 5] = [
        Self::Appearance,
        Self::Device,
        Self::Storage,
        Self::Keys,
        Self::Program,
    ];

    fn title_id(self) -> &'static str {
        match self {
            Self::Appearance => "settings-appearance",
            Self::Device => "settings-device",
            Self::Storage => "settings-storage",
            Self::Keys => "settings-keys",
            Self::Program => "settings-program",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Appearance => icons::PALETTE,
            Self::Device => icons::CPU,
            Self::Storage => icons::HARD_DRIVES,
            Self::Keys => icons::KEYBOARD,
            Self::Program => icons::GEAR,
        }
    }
}

/// What the settings keep between frames.
#[derive(Debug, Default)]
pub struct State {
    /// The page that is shown.
    pub page: Page,
    device: device::State,
    storage: storage::State,
    keys: keys::State,
    program: program::State,
}

impl State {
    /// Whether the next keys are meant for the page of shortcuts and must ask for no command.
    pub fn is_recording(&self) -> bool {
        self.page == Page::Keys && self.keys.is_recording()
    }
}

/// Draws the card.
pub fn settings_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let title = tr(ui, "settings-title");
    let card = Card {
        id: "settings",
        title: &title,
        width: 760.0,
        scrolls: false,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        let room = ui.ctx().content_rect().height() - 140.0;
        let height = HEIGHT.min(room).max(200.0);
        ui.horizontal_top(|ui| {
            ui.allocate_ui(vec2(PAGES, height), |ui| pages_ui(ui, cx));
            let page = cx.state.settings.page;
            ui.vertical(|ui| {
                let inner = Frame::new().inner_margin(Margin {
                    left: 12,
                    right: 12,
                    ..Margin::ZERO
                });
                ui.set_width(ui.available_width());
                if page == Page::Keys {
                    // It scrolls its list and keeps the search in sight.
                    inner.show(ui, |ui| {
                        ui.set_height(height);
                        page_ui(ui, cx, page);
                    });
                    return;
                }
                let scroll = ScrollArea::vertical()
                    .id_salt(("settings", page.title_id()))
                    .max_height(height);
                scroll
                    .auto_shrink(false)
                    .show(ui, |ui| inner.show(ui, |ui| page_ui(ui, cx, page)));
            });
        });
    });
}

fn pages_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.vertical(|ui| {
        ui.set_width(PAGES);
        ui.spacing_mut().item_spacing.y = 2.0;
        for page in Page::ALL {
            let is_shown = page == cx.state.settings.page;
            let response = sheet::choice_row(ui, page.icon(), &tr(ui, page.title_id()), is_shown);
            if is_shown {
                sheet::first_focus(ui, &response);
            }
            if response.clicked() {
                cx.state.settings.page = page;
            }
        }
    });
}

fn page_ui(ui: &mut Ui, cx: &mut Cx<'_>, page: Page) {
    match page {
        Page::Appearance => appearance::page_ui(ui, cx),
        Page::Device => device::page_ui(ui, cx),
        Page::Storage => storage::page_ui(ui, cx),
        Page::Keys => keys::page_ui(ui, cx),
        Page::Program => program::page_ui(ui, cx),
    }
}

/// A setting with its name before it.
fn row<R>(ui: &mut Ui, id: &str, control: impl FnOnce(&mut Ui) -> R) -> R {
    Row::new(tr(ui, id)).label_width(LABEL).show(ui, control)
}

/// A name and what it is, in words that can be selected.
fn value(ui: &mut Ui, name: impl Into<Text>, value: &str) -> Response {
    Row::new(name).label_width(LABEL).show(ui, |ui| {
        let shown = RichText::new(value).color(theme::palette(ui).text_0);
        ui.add(Label::new(shown).truncate().selectable(true))
    })
}

/// A sentence below a setting, under its control.
fn help(ui: &mut Ui, text: &str) {
    ui.horizontal_top(|ui| {
        ui.add_space(LABEL + 8.0);
        sheet::small(ui, text);
    });
}

/// The title of a group of settings.
fn heading(ui: &mut Ui, id: &str) {
    ui.add_space(8.0);
    sheet::strong(ui, &tr(ui, id));
}
