//! What fits the text of the palette, best first.

use egui::Ui;

use super::rank::points;
use crate::commands::Command;
use crate::cx::Cx;
use crate::document::{PictureId, ViewId};
use crate::icons;
use crate::panels::models;
use crate::text::{Lang, tr};
use crate::views;

/// Most pictures that are listed: whoever has more in mind types more letters.
const PICTURES: usize = 20;
/// What commands are worth beside pictures that fit as well.
const COMMANDS_FIRST: u32 = 500;

/// What a line stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// Run it.
    Command(Command),
    /// Look at it.
    Picture(PictureId),
    /// Bring its tab to the front.
    View(ViewId),
    /// Use it.
    Model(String),
    /// Open it.
    Project(std::path::PathBuf),
}

/// One line of the palette.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) icon: &'static str,
    pub(super) name: String,
    /// Where it belongs.
    pub(super) section: String,
    /// Keys that do the same.
    pub(super) keys: String,
    pub(super) target: Target,
    /// Why it cannot be taken now.
    pub(super) why_not: Option<String>,
}

/// The lines for one text.
#[derive(Clone, Debug)]
pub struct Found {
    pub(super) text: String,
    pub(super) lang: Lang,
    pub(super) entries: Vec<Entry>,
}

impl Found {
    /// Searches everything that has a name. Called when the text changes, not in every frame.
    pub(super) fn new(ui: &Ui, cx: &Cx<'_>, text: String, lang: Lang) -> Self {
        let words = text.trim().to_lowercase();
        let mut ranked = commands(ui, cx, &words);
        if words.is_empty() {
            ranked.extend(projects(ui, cx, &words));
        } else {
            for list in [views(ui, cx, &words), models(ui, cx, &words), projects(ui, cx, &words), pictures(ui, cx, &words)] {
                ranked.extend(list);
            }
            // Stable: equals stay in the order of the sections.
            ranked.sort_by_key(|(points, entry)| (entry.why_not.is_some(), std::cmp::Reverse(*points)));
        }
        let entries = ranked.into_iter().map(|(_, entry)| entry).collect();
        Self { text, lang, entries }
    }
}

type Ranked = Vec<(u32, Entry)>;

fn commands(ui: &Ui, cx: &Cx<'_>, words: &str) -> Ranked {
    let of = |command: Command| {
        let name = tr(ui, command.title_id()).to_string();
        let section = tr(ui, command.section().title_id()).to_string();
        let points = points(&name, words).or_else(|| points(&format!("{section} {name}"), words).map(|it| it / 2))?;
        let entry = Entry {
            icon: command.icon(),
            keys: cx.preferences.keys.shown(command),
            why_not: command.why_not(cx).map(|id| tr(ui, id).to_string()),
            name,
            section,
            target: Target::Command(command),
        };
        Some((points + COMMANDS_FIRST, entry))
    };
    Command::ALL.iter().copied().filter_map(of).collect()
}

fn plain(icon: &'static str, name: String, section: String, target: Target) -> Entry {
    Entry { icon, name, section, keys: String::new(), target, why_not: None }
}

fn views(ui: &Ui, cx: &Cx<'_>, words: &str) -> Ranked {
    let of = |(&id, view): (&ViewId, &crate::document::View)| {
        let kind = tr(ui, views::title_id(&view.kind));
        let name = format!("{}, {kind}", views::tab_title(cx, view));
        let section = tr(ui, "commands-section-open-views").to_string();
        Some((points(&name, words)?, plain(views::icon(&view.kind), name, section, Target::View(id))))
    };
    cx.document.views.iter().filter_map(of).collect()
}

fn models(ui: &Ui, cx: &Cx<'_>, words: &str) -> Ranked {
    let here = cx.session.models.known().iter().filter(|known| known.is_here());
    let of = |known: &crate::session::models::Known| {
        let name = models::title(ui, cx, &known.name);
        let section = tr(ui, "models-title").to_string();
        let points = points(&name, words).or_else(|| points(&known.name, words))?;
        let mut entry = plain(icons::CUBE, name, section, Target::Model(known.name.clone()));
        if known.name == cx.document.model {
            entry.why_not = Some(tr(ui, "models-in-use").to_string());
        }
        Some((points, entry))
    };
    here.filter_map(of).collect()
}

fn projects(ui: &Ui, cx: &Cx<'_>, words: &str) -> Ranked {
    let of = |path: &std::path::PathBuf| {
        let name = path.file_stem()?.to_string_lossy().into_owned();
        let section = tr(ui, "project-recent").to_string();
        Some((points(&name, words)?, plain(icons::FOLDER, name, section, Target::Project(path.clone()))))
    };
    cx.preferences.recent.iter().filter_map(of).collect()
}

fn pictures(ui: &Ui, cx: &Cx<'_>, words: &str) -> Ranked {
    let library = cx.document.library.iter();
    let mut ranked: Ranked = library
        .filter_map(|(id, entry)| {
            let name = entry.name();
            let points = points(&name, words)?;
            Some((points, plain(icons::IMAGE, name, String::new(), Target::Picture(id))))
        })
        .collect();
    ranked.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
    ranked.truncate(PICTURES);
    let section = tr(ui, "library-pictures").to_string();
    for (_, entry) in &mut ranked {
        entry.section.clone_from(&section);
    }
    ranked
}
