//! Why a command can do nothing now, for the greyed lines of the palette.

use crate::commands::{Command, Section};
use crate::cx::Cx;
use crate::document::{ViewKind, Workspace};

/// Message that says why a command would do nothing; none if it would do something.
pub(super) fn why_not(cx: &Cx<'_>, command: Command) -> Option<&'static str> {
    let project = &cx.state.project;
    match command {
        Command::Undo => return project.undo.is_none().then_some("palette-nothing-to-undo"),
        Command::Redo => return project.redo.is_none().then_some("palette-nothing-to-redo"),
        _ => {}
    }
    if needs_picture(command) && cx.document.library.is_empty() {
        return Some("palette-no-picture");
    }
    if needs_two(command) && cx.document.library.len() < 2 {
        return Some("palette-one-picture");
    }
    if !needs_view(command) {
        return None;
    }
    let Some((_, view)) = cx
        .active()
        .filter(|_| cx.state.presentation.workspace != Workspace::Models)
    else {
        return Some("palette-no-view");
    };
    if let Some((kind, message)) = only_in(command)
        && view.kind != kind
    {
        return Some(message);
    }
    let needs_pin = command == Command::RemovePin;
    (needs_pin && cx.state.pin.is_none()).then_some("palette-no-pin")
}

fn needs_picture(command: Command) -> bool {
    matches!(
        command,
        Command::NewView
            | Command::ViewSimilarity
            | Command::ViewPca
            | Command::ViewCompare
            | Command::ViewClusters
            | Command::ViewNorms
    )
}

fn needs_two(command: Command) -> bool {
    matches!(command, Command::ViewMatches)
}

fn needs_view(command: Command) -> bool {
    let of_section = matches!(command.section(), Section::Picture | Section::View);
    of_section
        || matches!(
            command,
            Command::ExportFigure
                | Command::ExportValues
                | Command::CopyView
                | Command::CopyValues
                | Command::CopyCommandLine
                | Command::CloseTab
                | Command::SplitView
        )
}

/// The one kind of view that a command works in, and what is said elsewhere.
fn only_in(command: Command) -> Option<(ViewKind, &'static str)> {
    match command {
        Command::Component1
        | Command::Component2
        | Command::Component3
        | Command::ComponentAll
        | Command::FreezeBasis => Some((ViewKind::Pca, "palette-only-pca")),
        Command::Swipe | Command::Difference => Some((ViewKind::Compare, "palette-only-compare")),
        Command::SwapPictures | Command::Jump | Command::MatchColors => {
            Some((ViewKind::Matches, "palette-only-matches"))
        }
        Command::OutlineTop => Some((ViewKind::Similarity, "palette-only-similarity")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_files_needs_nothing_and_what_exports_needs_a_view() {
        for command in [Command::OpenPictures, Command::Settings, Command::Save] {
            assert!(
                !needs_view(command) && !needs_picture(command),
                "{command:?}"
            );
        }
        assert!(needs_view(Command::ExportFigure) && needs_view(Command::ZoomIn));
        assert!(needs_picture(Command::ViewPca) && needs_two(Command::ViewMatches));
    }
}
