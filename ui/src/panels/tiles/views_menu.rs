//! Menus of views: which ones can be opened of a picture, and what can be done with one.

use dinoscope_engine::analysis::Analysis;
use egui::Ui;

use super::{Side, split_view};
use crate::commands::Command;
use crate::cx::{Cx, Request};
use crate::document::{PictureId, View, ViewId, ViewKind};
use crate::icons;
use crate::panels::menu;
use crate::text::{Text, tr};
use crate::views;

/// Most pictures that a menu offers to match with.
const MOST_PARTNERS: usize = 16;

/// Kinds of views that show one picture, in the order of menus.
fn kinds() -> Vec<ViewKind> {
    let shown = |analysis: &Analysis| {
        matches!(
            analysis,
            Analysis::Norms(_)
                | Analysis::KMeans(_)
                | Analysis::DenseHealth(_)
                | Analysis::Token(_)
                | Analysis::SharedColours(_)
                | Analysis::Transfer(_)
        )
    };
    let analyses = Analysis::all()
        .into_iter()
        .filter(shown)
        .map(ViewKind::Analysis);
    [ViewKind::Similarity, ViewKind::Pca, ViewKind::Compare]
        .into_iter()
        .chain(analyses)
        .collect()
}

/// A line for each kind of view of one picture; the one that was taken.
pub fn kinds_ui(ui: &mut Ui) -> Option<ViewKind> {
    let mut taken = None;
    for kind in kinds() {
        if menu::item(
            ui,
            Some(views::icon(&kind)),
            &tr(ui, views::title_id(&kind)),
            "",
        ) {
            taken = Some(kind);
        }
    }
    taken
}

/// Opens a view of a picture.
pub fn new_view(cx: &mut Cx<'_>, kind: ViewKind, picture: PictureId) {
    cx.todo.requests.push_back(Request::Show(kind, picture));
}

/// Exchanges the two pictures of a view.
pub(super) fn swap(cx: &mut Cx<'_>, view: ViewId) {
    cx.todo
        .requests
        .push_back(Request::Command(view, Command::SwapPictures));
}

/// New views of the picture that a view shows.
pub(super) fn new_views_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(picture) = cx.view(id).and_then(View::picture) else {
        return;
    };
    if let Some(kind) = kinds_ui(ui) {
        cx.state.presentation.active = Some(id);
        new_view(cx, kind, picture);
    }
    let partners = partners(cx, picture);
    if partners.is_empty() {
        let text = tr(ui, "tiles-matches-with");
        menu::item_if(ui, false, Some(icons::LINE_SEGMENTS), &text, "");
        return;
    }
    menu::sub(
        ui,
        Some(icons::LINE_SEGMENTS),
        &tr(ui, "tiles-matches-with"),
        |ui| {
            for partner in partners {
                if menu::item(ui, None, &Text::from(cx.document.library.name(partner)), "") {
                    cx.todo.requests.push_back(Request::Match(picture, partner));
                }
            }
        },
    );
}

/// Pictures to match with: those that are marked, then those that views show, then the neighbors in the library.
fn partners(cx: &Cx<'_>, picture: PictureId) -> Vec<PictureId> {
    let shown = cx
        .document
        .views
        .values()
        .flat_map(|view| view.pictures.iter().copied());
    let library = cx
        .document
        .library
        .iter()
        .map(|(id, _)| id)
        .take(MOST_PARTNERS);
    let mut partners: Vec<PictureId> = Vec::new();
    for id in cx
        .state
        .presentation
        .selected
        .iter()
        .copied()
        .chain(shown)
        .chain(library)
    {
        if id != picture && !partners.contains(&id) && partners.len() < MOST_PARTNERS {
            partners.push(id);
        }
    }
    partners
}

/// All that can be done with a view.
pub(super) fn view_menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    menu::sub(ui, Some(icons::PLUS), &tr(ui, "tiles-new-view"), |ui| {
        new_views_ui(ui, cx, id);
    });
    ui.separator();
    if menu::item(ui, Some(icons::COPY), &tr(ui, "app-copy-view"), "") {
        cx.todo
            .requests
            .push_back(Request::Command(id, Command::CopyView));
    }
    if menu::item(ui, Some(icons::EXPORT), &tr(ui, "app-export-figure"), "") {
        cx.todo.requests.push_back(Request::Figure(id));
    }
    ui.separator();
    place_ui(ui, cx, id);
    ui.separator();
    if menu::item(ui, Some(icons::X), &tr(ui, "canvas-close-tab"), "") {
        cx.todo.requests.push_back(Request::Close(id));
    }
    let has_others = cx.document.beside(id).next().is_some();
    let text = tr(ui, "tiles-close-others");
    if menu::item_if(ui, has_others, None, &text, "") {
        cx.edit("edit-close-view", move |document| {
            document.close_others(id);
        });
    }
}

/// Lines about where a view stands and what it shares.
fn place_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    if cx.view(id).is_some_and(|view| view.pictures.len() == 2)
        && menu::item(ui, Some(icons::SWAP), &tr(ui, "matches-swap"), "")
    {
        swap(cx, id);
    }
    let linked = cx.is_linked(id);
    if menu::check(ui, linked, &tr(ui, "canvas-link")) {
        cx.edit("edit-link", move |document| {
            document.set_linked(id, !linked);
        });
    }
    if menu::item(ui, Some(icons::COPY_SIMPLE), &tr(ui, "tiles-duplicate"), "")
        && let Some(copy) = cx.view(id).cloned()
    {
        cx.state.presentation.active = Some(id);
        cx.edit("edit-open-view", move |document| {
            document.add_view(copy);
        });
    }
    if menu::item(
        ui,
        Some(icons::SQUARE_SPLIT_HORIZONTAL),
        &tr(ui, "tiles-split-right"),
        "",
    ) {
        split_view(cx, id, Side::Right);
    }
    if menu::item(
        ui,
        Some(icons::SQUARE_SPLIT_VERTICAL),
        &tr(ui, "tiles-split-below"),
        "",
    ) {
        split_view(cx, id, Side::Below);
    }
}
