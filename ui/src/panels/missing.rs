//! Pictures of the project whose files are gone: find one, or search a folder for all of them.

use dinoscope_jobs::runner::{Lane, Runner, Spec, Title, Visibility};
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

use super::sheet::{self, Card};
use crate::cx::{Cx, Purpose, Request, Sheet};
use crate::document::{Library, PictureId, Shared};
use crate::host::{Dialog, DialogKind};
use crate::icons;
use crate::session::Slot;
use crate::text::{tr, tr_with};
use crate::theme;
use crate::widgets::{Button, Note, ProgressBar, Tone};

/// Height of a row and of the list, in points.
const ROW: f32 = 44.0;
const HEIGHT: f32 = 360.0;

/// What the last look at the files found.
#[derive(Debug, Default)]
pub struct State {
    missing: Slot<Vec<PictureId>>,
    /// The library that it is about.
    library: Option<Shared<Library>>,
}

impl State {
    /// Looks again if the library has changed; the files are asked for on another thread.
    fn refresh(&mut self, library: &Shared<Library>, runner: &Runner) {
        let is_same = self
            .library
            .as_ref()
            .is_some_and(|known| known.is_same(library));
        if !is_same {
            self.library = Some(library.clone());
            let mut spec = Spec::new(Lane::Files, Title::new("job-missing"));
            spec.visible = Visibility::Hidden;
            let library = library.clone();
            self.missing.start(runner.submit(spec, move |cx| {
                let gone = library
                    .iter()
                    .filter(|(_, entry)| !cx.is_cancelled() && !entry.path.is_file());
                Ok(gone.map(|(id, _)| id).collect())
            }));
        }
        self.missing.poll();
    }
}

/// Draws the card.
pub fn missing_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let title = tr(ui, "missing-title");
    cx.state
        .missing
        .refresh(&cx.document.library, &cx.session.runner);
    let card = Card {
        id: "missing",
        title: &title,
        width: 560.0,
        scrolls: false,
    };
    sheet::card_ui(ui, cx, card, |ui, cx| {
        let Some(missing) = cx.state.missing.missing.ready().cloned() else {
            sheet::quiet(ui, &tr(ui, "missing-looking"));
            ui.add(ProgressBar::new(None, tr(ui, "missing-looking")));
            return;
        };
        if missing.is_empty() {
            Note::new(Tone::Ok, tr(ui, "missing-none")).show(ui);
        } else {
            sheet::quiet(
                ui,
                &tr_with(ui, "missing-words", &[("count", missing.len().into())]),
            );
            list_ui(ui, cx, &missing);
        }
        ui.add_space(4.0);
        sheet::actions_ui(ui, |ui| {
            if let Some(&first) = missing.first() {
                let search = Button::new(tr(ui, "missing-search"))
                    .icon(icons::FOLDER_OPEN)
                    .primary();
                if ui.add(search.help(tr(ui, "missing-search-help"))).clicked() {
                    ask_for_folder(ui, cx, first);
                }
            }
            let close = ui.add(Button::new(tr(ui, "app-close")));
            sheet::first_focus(ui, &close);
            if close.clicked() {
                cx.state.sheet = Sheet::None;
            }
        });
    });
}

fn list_ui(ui: &mut Ui, cx: &mut Cx<'_>, missing: &[PictureId]) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let scroll = ScrollArea::vertical()
        .id_salt("missing-list")
        .max_height(HEIGHT)
        .auto_shrink([false, true]);
    scroll.show_rows(ui, ROW, missing.len(), |ui, rows| {
        for &id in &missing[rows] {
            row_ui(ui, cx, id);
        }
    });
    ui.spacing_mut().item_spacing.y = 8.0;
}

fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: PictureId) {
    let Some(entry) = cx.document.library.get(id) else {
        return;
    };
    let palette = theme::palette(ui);
    let (name, path) = (entry.name(), entry.path.display().to_string());
    ui.horizontal(|ui| {
        ui.set_height(ROW);
        ui.label(
            RichText::new(icons::IMAGE_BROKEN)
                .size(20.0)
                .color(palette.text_2),
        );
        sheet::actions_ui(ui, |ui| {
            let find = Button::new(tr(ui, "library-find-file"));
            if ui
                .add(find.help(tr_with(
                    ui,
                    "missing-find-help",
                    &[("name", name.as_str().into())],
                )))
                .clicked()
            {
                cx.todo.requests.push_back(Request::Relink(id));
            }
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.add(Label::new(RichText::new(&name).color(palette.text_0)).truncate());
                let shown = RichText::new(&path).small().color(palette.text_2);
                ui.add(Label::new(shown).truncate()).on_hover_text(&path);
            });
        });
    });
}

fn ask_for_folder(ui: &Ui, cx: &mut Cx<'_>, first: PictureId) {
    let dialog = Dialog {
        id: 0,
        kind: DialogKind::OpenFolder,
        title: tr(ui, "missing-search").to_string(),
        filters: Vec::new(),
        file_name: None,
        folder: None,
    };
    cx.todo
        .requests
        .push_back(Request::Dialog(dialog, Purpose::Relink(first)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use dinoscope_jobs::runner::Options;

    #[test]
    fn only_files_that_are_gone_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there.png");
        std::fs::write(&there, "x").unwrap();
        let mut library = Shared::<Library>::default();
        let gone = library.edit(|library| {
            library.add(there);
            library.add(folder.path().join("gone.png"))
        });
        let runner = Runner::new(Options::new(|| {}));
        let mut state = State::default();
        let start = std::time::Instant::now();
        while state.missing.ready().is_none() {
            assert!(start.elapsed().as_secs() < 20, "the look never ended");
            state.refresh(&library, &runner);
            std::thread::yield_now();
        }
        assert_eq!(state.missing.ready(), Some(&vec![gone]));
    }
}
