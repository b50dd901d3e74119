//! The window's layout: which panel stands where.

use egui::{CentralPanel, Frame, Panel, Ui};
use egui_tiles::Tree;

use super::regions::{self, Region};
use super::{
    about, inspector, lesson, library, link, missing, models, palette, recovery, settings,
    shortcuts, start, status_bar, tiles, toasts, top_bar, tray, unsaved,
};
use crate::cx::{Cx, Sheet};
use crate::document::{ViewId, Workspace};
use crate::theme;

/// Below this width the library is a strip of icons.
const NARROW: f32 = 1200.0;
/// Below this width the inspector lies over the views.
const TIGHT: f32 = 1080.0;

/// Draws one frame of the whole window; `tree` has the tabs of the workspace, if it has any.
pub fn frame_ui(ui: &mut Ui, cx: &mut Cx<'_>, tree: Option<&mut Tree<ViewId>>) {
    let panel = |ui: &Ui| Frame::new().fill(theme::palette(ui).panel);
    Panel::top("top-bar")
        .exact_size(44.0)
        .frame(panel(ui))
        .show(ui, |ui| {
            regions::anchor(ui, Region::TopBar);
            top_bar::top_bar_ui(ui, cx);
        });
    Panel::bottom("status-bar")
        .exact_size(26.0)
        .frame(panel(ui))
        .show(ui, |ui| {
            regions::anchor(ui, Region::Status);
            status_bar::status_bar_ui(ui, cx);
        });
    if tray::is_needed(cx) {
        tray::tray_ui(ui, cx);
    }
    match (cx.state.presentation.workspace, tree) {
        (Workspace::Models, _) | (_, None) => {
            CentralPanel::default()
                .frame(panel(ui))
                .show(ui, |ui| models::models_ui(ui, cx));
        }
        (workspace, Some(tree)) => work_ui(ui, cx, workspace, tree),
    }
    sheet_ui(ui, cx);
    toasts::toasts_ui(ui, cx);
}

fn work_ui(ui: &mut Ui, cx: &mut Cx<'_>, workspace: Workspace, tree: &mut Tree<ViewId>) {
    let width = ui.available_width();
    let empty = tree.is_empty();
    let starts = workspace == Workspace::Explore && (empty || cx.state.start);
    let panel = Frame::new().fill(theme::palette(ui).panel);
    if !starts && cx.state.panels.library && workspace == Workspace::Explore {
        let narrow = width < NARROW;
        let side = Panel::left("library").frame(panel);
        let side = if narrow {
            side.resizable(false).exact_size(56.0)
        } else {
            side.resizable(true)
                .default_size(228.0)
                .size_range(160.0..=420.0)
        };
        side.show(ui, |ui| {
            regions::anchor(ui, Region::Library);
            library::library_ui(ui, cx);
        });
    }
    let active = cx.active().map(|(id, _)| id);
    if !starts
        && cx.state.panels.inspector
        && let Some(active) = active
    {
        let range = if width < TIGHT {
            220.0..=280.0
        } else {
            240.0..=420.0
        };
        Panel::right("inspector")
            .frame(panel)
            .resizable(true)
            .default_size(292.0)
            .size_range(range)
            .show(ui, |ui| {
                regions::anchor(ui, Region::Inspector);
                inspector::inspector_ui(ui, cx, active);
            });
    }
    lesson::lesson_ui(ui, cx);
    let canvas = Frame::new().fill(theme::palette(ui).canvas);
    CentralPanel::default().frame(canvas).show(ui, |ui| {
        regions::anchor(ui, Region::Views);
        if starts {
            start::start_ui(ui, cx);
        } else if empty {
            start::compare_start_ui(ui, cx);
        } else {
            tiles::tiles_ui(ui, cx, tree);
        }
    });
}

fn sheet_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    match cx.state.sheet.clone() {
        Sheet::None => {}
        Sheet::Palette => palette::palette_ui(ui, cx),
        Sheet::Shortcuts => shortcuts::shortcuts_ui(ui, cx),
        Sheet::Settings => settings::settings_ui(ui, cx),
        Sheet::Unsaved(after) => unsaved::unsaved_ui(ui, cx, after),
        Sheet::Recovery => recovery::recovery_ui(ui, cx),
        Sheet::Link(paths, link) => link::link_ui(ui, cx, &paths, &link),
        Sheet::Missing => missing::missing_ui(ui, cx),
        Sheet::About => about::about_ui(ui, cx),
    }
}
