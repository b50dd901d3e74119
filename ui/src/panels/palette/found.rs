//! What fits the text of the palette, best first.

use egui::{Context, Ui};

use super::reasons::why_not;
use crate::commands::{Command, Names, search};
use crate::cx::Cx;
use crate::document::{PictureId, ViewId};
use crate::icons;
use crate::text::{Lang, tr};
use crate::views;

/// Most pictures that are listed: whoever has more in mind types more letters.
const PICTURES: usize = 20;
/// What commands are worth more than other things that fit as well.
const COMMANDS_FIRST: f32 = 2.0;

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
    /// Characters of the name that were typed, by number.
    pub(super) marks: Vec<usize>,
    /// Where it belongs.
    pub(super) section: String,
    /// Keys that do the same.
    pub(super) keys: String,
    pub(super) target: Target,
    /// Why it cannot be taken now.
    pub(super) why_not: Option<String>,
}

impl Entry {
    fn new(icon: &'static str, name: String, section: &str, target: Target) -> Self {
        Self {
            icon,
            name,
            marks: Vec::new(),
            section: section.to_owned(),
            keys: String::new(),
            target,
            why_not: None,
        }
    }
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
        let query = text.trim();
        let mut ranked = ranked(query, commands(ui, cx), COMMANDS_FIRST);
        ranked.extend(self::ranked(query, projects(ui, cx), 0.0));
        if !query.is_empty() {
            ranked.extend(self::ranked(query, open_views(ui, cx), 0.0));
            ranked.extend(self::ranked(query, known_models(ui, cx), 0.0));
            let mut pictures = self::ranked(query, pictures(ui, cx), 0.0);
            pictures.truncate(PICTURES);
            ranked.extend(pictures);
            // Stable: equals stay in the order of the sections.
            ranked.sort_by(|(a, x), (b, y)| {
                x.why_not
                    .is_some()
                    .cmp(&y.why_not.is_some())
                    .then(b.total_cmp(a))
            });
        }
        let entries = ranked.into_iter().map(|(_, entry)| entry).collect();
        Self {
            text,
            lang,
            entries,
        }
    }
}

/// Something that can be found: the line, and what else it is called.
type Candidate = (Entry, String);

/// The candidates that fit, with their points.
fn ranked(query: &str, candidates: Vec<Candidate>, bonus: f32) -> Vec<(f32, Entry)> {
    let names: Vec<Names<'_>> = candidates
        .iter()
        .map(|(entry, english)| Names {
            local: &entry.name,
            english,
        })
        .collect();
    let found = search(query, &names);
    let mut candidates: Vec<Option<Entry>> = candidates
        .into_iter()
        .map(|(entry, _)| Some(entry))
        .collect();
    let taken = found.into_iter().filter_map(|found| {
        let mut entry = candidates.get_mut(found.index)?.take()?;
        entry.marks = found.marks;
        Some((found.score + bonus, entry))
    });
    taken.collect()
}

fn commands(ui: &Ui, cx: &Cx<'_>) -> Vec<Candidate> {
    let of = |command: Command| {
        let name = tr(ui, command.name_id()).to_string();
        let section = tr(ui, command.section().title_id());
        let icon = command.icon().unwrap_or(icons::DOT_OUTLINE);
        let entry = Entry {
            keys: cx.keys.caps_text(ui, command).unwrap_or_default(),
            why_not: why_not(cx, command).map(|id| tr(ui, id).to_string()),
            ..Entry::new(icon, name, &section, Target::Command(command))
        };
        (entry, also_called(ui, command))
    };
    let listed = Command::ALL
        .iter()
        .copied()
        .filter(|&command| is_listed(command));
    listed.map(of).collect()
}

/// A command's name in English, and other words for it.
fn also_called(ctx: &Context, command: Command) -> String {
    // Ids are the English names with dashes.
    let mut names = command.id().replace('-', " ");
    if let Some(id) = command.words_id() {
        names.push(' ');
        names.push_str(&tr(ctx, id));
    }
    names
}

/// Steps of the arrow keys and keys that are held make no sense in a list.
fn is_listed(command: Command) -> bool {
    use crate::commands::Scope;
    let walks = command.id().starts_with("walk-");
    command.scope() != Scope::Held
        && !walks
        && !matches!(command, Command::Palette | Command::Cancel)
}

fn open_views(ui: &Ui, cx: &Cx<'_>) -> Vec<Candidate> {
    let section = tr(ui, "palette-open-views");
    let of = |(&id, view): (&ViewId, &crate::document::View)| {
        let kind = tr(ui, views::title_id(&view.kind));
        let name = format!("{}, {kind}", views::tab_title(cx, view));
        (
            Entry::new(views::icon(&view.kind), name, &section, Target::View(id)),
            String::new(),
        )
    };
    cx.document.views.iter().map(of).collect()
}

fn known_models(ui: &Ui, cx: &Cx<'_>) -> Vec<Candidate> {
    let section = tr(ui, "models-title");
    let here = cx
        .session
        .models
        .known()
        .iter()
        .filter(|known| known.is_here());
    let of = |known: &crate::session::models::Known| {
        let name = cx.session.models.title(ui, &known.name);
        let mut entry = Entry::new(
            icons::CUBE,
            name,
            &section,
            Target::Model(known.name.clone()),
        );
        if known.name == cx.document.model {
            entry.why_not = Some(tr(ui, "models-in-use").to_string());
        }
        (entry, known.name.clone())
    };
    here.map(of).collect()
}

fn projects(ui: &Ui, cx: &Cx<'_>) -> Vec<Candidate> {
    let section = tr(ui, "project-recent");
    let of = |recent: &crate::keep::settings::Recent| {
        let path = recent.path();
        let name = path.file_stem()?.to_string_lossy().into_owned();
        let entry = Entry::new(
            icons::CLOCK_COUNTER_CLOCKWISE,
            name,
            &section,
            Target::Project(path.to_owned()),
        );
        Some((entry, String::new()))
    };
    cx.preferences
        .recent_projects
        .iter()
        .filter_map(of)
        .collect()
}

fn pictures(ui: &Ui, cx: &Cx<'_>) -> Vec<Candidate> {
    let section = tr(ui, "library-pictures");
    let of = |(id, entry): (PictureId, &crate::document::PictureEntry)| {
        (
            Entry::new(icons::IMAGE, entry.name(), &section, Target::Picture(id)),
            String::new(),
        )
    };
    cx.document.library.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str) -> Candidate {
        (
            Entry::new("", name.to_owned(), "", Target::Model(name.to_owned())),
            String::new(),
        )
    }

    #[test]
    fn what_fits_keeps_its_target_and_its_marks() {
        let found = ranked(
            "fol",
            vec![candidate("Open pictures"), candidate("Open folder")],
            0.0,
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.target, Target::Model("Open folder".to_owned()));
        assert_eq!(found[0].1.marks, [5, 6, 7]);
    }

    #[test]
    fn views_are_found_by_what_people_call_them() {
        let ctx = Context::default();
        for lang in Lang::ALL {
            crate::text::set(&ctx, lang);
            for (query, wanted) in [
                ("principal", Command::ViewPca),
                ("parts", Command::ViewPca),
                ("heat", Command::ViewSimilarity),
                ("cosine", Command::ViewSimilarity),
            ] {
                let of = |&command: &Command| {
                    let name = tr(&ctx, command.name_id()).to_string();
                    let entry = Entry::new("", name, "", Target::Command(command));
                    (entry, also_called(&ctx, command))
                };
                let found = ranked(query, Command::ALL.iter().map(of).collect(), 0.0);
                let first = found.first().map(|(_, entry)| &entry.target);
                assert_eq!(first, Some(&Target::Command(wanted)), "{lang:?}: {query}");
            }
        }
    }

    #[test]
    fn steps_and_held_keys_are_not_listed() {
        assert!(!is_listed(Command::WalkFarLeft) && !is_listed(Command::Blink));
        assert!(is_listed(Command::OpenPictures) && is_listed(Command::Undo));
    }
}
