//! What clicks and keys do to pictures of the library: look, open beside, mark, remove.

use egui::{Event, Key, Modifiers, Response, Ui};

use super::index::Index;
use crate::cx::{Cx, Request};
use crate::document::{PictureId, View, ViewKind};
use crate::icons;
use crate::panels::{menu, tiles};
use crate::text::tr;

/// A click looks at a picture, a double click opens it beside, with keys it is marked.
pub(super) fn pressed(
    ui: &Ui,
    cx: &mut Cx<'_>,
    index: &Index,
    picture: PictureId,
    response: &Response,
) {
    let modifiers = ui.input(|input| input.modifiers);
    if response.double_clicked() {
        beside(cx, picture);
    } else if response.clicked() && modifiers.shift {
        let from = cx.state.library.anchor.unwrap_or(picture);
        cx.state.presentation.selected = index.between(from, picture);
        cx.state.library.cursor = Some(picture);
    } else if response.clicked() && modifiers.command {
        toggle(cx, picture);
    } else if response.clicked() {
        let before = cx.active().and_then(|(_, view)| view.picture());
        cx.state.library.clicked = Some((picture, before));
        mark(cx, picture);
        cx.todo.requests.push_back(Request::Look(picture));
    }
    if response.secondary_clicked() && !cx.state.presentation.selected.contains(&picture) {
        mark(cx, picture);
    }
    response.context_menu(|ui| picture_menu_ui(ui, cx, picture));
}

/// The first click of a double click has changed what the active view shows: that is taken back, and the picture opens
/// beside it. Where the first click opened a view, there is nothing left to do.
fn beside(cx: &mut Cx<'_>, picture: PictureId) {
    match cx.state.library.clicked.take() {
        Some((clicked, Some(before))) if clicked == picture => {
            if before != picture {
                cx.todo.requests.push_back(Request::Look(before));
            }
            cx.todo.requests.push_back(Request::Beside(picture));
        }
        Some((clicked, None)) if clicked == picture => {}
        _ => cx.todo.requests.push_back(Request::Beside(picture)),
    }
}

/// Marks one picture alone.
fn mark(cx: &mut Cx<'_>, picture: PictureId) {
    cx.state.presentation.selected = vec![picture];
    cx.state.library.cursor = Some(picture);
    cx.state.library.anchor = Some(picture);
}

fn toggle(cx: &mut Cx<'_>, picture: PictureId) {
    let selected = &mut cx.state.presentation.selected;
    match selected.iter().position(|&other| other == picture) {
        Some(place) => {
            selected.remove(place);
        }
        None => selected.push(picture),
    }
    cx.state.library.cursor = Some(picture);
    cx.state.library.anchor = Some(picture);
}

/// Puts the cursor on a picture; with shift, all from the anchor to it are marked.
pub(super) fn walk(cx: &mut Cx<'_>, index: &Index, to: Option<PictureId>, shift: bool) {
    let Some(to) = to else { return };
    let state = &mut cx.state.library;
    state.cursor = Some(to);
    state.follow = true;
    if shift {
        let from = *state.anchor.get_or_insert(to);
        cx.state.presentation.selected = index.between(from, to);
    } else {
        state.anchor = Some(to);
    }
}

/// Enter looks, with shift beside; space marks, delete removes, letters go into the search field.
pub(super) fn keys(ui: &Ui, cx: &mut Cx<'_>) {
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    let cursor = cx.state.library.cursor;
    if pressed(Modifiers::SHIFT, Key::Enter)
        && let Some(picture) = cursor
    {
        cx.todo.requests.push_back(Request::Beside(picture));
    }
    if pressed(Modifiers::NONE, Key::Enter)
        && let Some(picture) = cursor
    {
        cx.todo.requests.push_back(Request::Look(picture));
    }
    if pressed(Modifiers::NONE, Key::Space)
        && let Some(picture) = cursor
    {
        toggle(cx, picture);
    }
    if pressed(Modifiers::NONE, Key::Delete) {
        remove(cx, cursor);
    }
    typed(ui, cx);
}

/// Letters that are typed over the list begin a search.
fn typed(ui: &Ui, cx: &mut Cx<'_>) {
    let typed = ui.input(|input| {
        let texts = input.events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<String>()
    });
    let typed = typed.trim();
    if typed.is_empty() {
        return;
    }
    cx.state.filter.push_str(typed);
    if let Some(field) = cx.state.library.search {
        ui.memory_mut(|memory| memory.request_focus(field));
    }
}

/// Removes the marked pictures, or the one at hand if it is not among them, as one step of undo.
fn remove(cx: &mut Cx<'_>, picture: Option<PictureId>) {
    let selected = cx.state.presentation.selected.clone();
    let gone: Vec<PictureId> = match picture {
        Some(picture) if !selected.contains(&picture) => vec![picture],
        _ => selected,
    };
    if gone.is_empty() {
        return;
    }
    cx.state.presentation.selected.clear();
    cx.state.library.cursor = None;
    cx.state.library.anchor = None;
    cx.edit("edit-remove-pictures", move |document| {
        for picture in gone {
            document.remove_picture(picture);
        }
    });
}

fn picture_menu_ui(ui: &mut Ui, cx: &mut Cx<'_>, picture: PictureId) {
    if menu::item(ui, Some(icons::EYE), &tr(ui, "library-look"), "Enter") {
        cx.todo.requests.push_back(Request::Look(picture));
    }
    if menu::item(
        ui,
        Some(icons::SQUARE_SPLIT_HORIZONTAL),
        &tr(ui, "library-beside"),
        "",
    ) {
        cx.todo.requests.push_back(Request::Beside(picture));
    }
    menu::sub(ui, Some(icons::PLUS), &tr(ui, "library-open-as"), |ui| {
        if let Some(kind) = tiles::kinds_ui(ui) {
            tiles::new_view(cx, kind, picture);
        }
    });
    let active = cx
        .active()
        .and_then(|(_, view)| View::picture(view))
        .filter(|&other| other != picture);
    let text = tr(ui, "library-match");
    if menu::item_if(ui, active.is_some(), Some(icons::LINE_SEGMENTS), &text, "")
        && let Some(active) = active
    {
        cx.todo.requests.push_back(Request::Match(active, picture));
    }
    if menu::item(ui, Some(icons::COLUMNS), &tr(ui, "library-compare"), "") {
        tiles::new_view(cx, ViewKind::Compare, picture);
    }
    ui.separator();
    file_ui(ui, cx, picture);
    ui.separator();
    let several = cx.state.presentation.selected.len() > 1
        && cx.state.presentation.selected.contains(&picture);
    let id = if several {
        "library-remove-marked"
    } else {
        "library-remove"
    };
    if menu::item(ui, Some(icons::TRASH), &tr(ui, id), "Del") {
        remove(cx, Some(picture));
    }
}

/// Lines about the file of a picture.
fn file_ui(ui: &mut Ui, cx: &mut Cx<'_>, picture: PictureId) {
    let Some(entry) = cx.document.library.get(picture) else {
        return;
    };
    if menu::item(ui, Some(icons::COPY), &tr(ui, "library-copy-path"), "") {
        ui.copy_text(entry.path.display().to_string());
        cx.say(tr(ui, "app-copied"));
    }
    if menu::item(
        ui,
        Some(icons::FOLDER_OPEN),
        &tr(ui, "library-show-in-folder"),
        "",
    ) {
        cx.todo.requests.push_back(Request::Reveal(picture));
    }
    let session = &mut *cx.session;
    let broken = session
        .pictures
        .thumbnail(picture, entry, &session.runner)
        .1
        .is_some();
    if broken
        && menu::item(
            ui,
            Some(icons::LINK_BREAK),
            &tr(ui, "library-find-file"),
            "",
        )
    {
        cx.todo.requests.push_back(Request::Relink(picture));
    }
}
