//! The menu: commands in groups, each with its key.

use egui::Ui;

use crate::commands::Command;
use crate::cx::{Cx, Request};
use crate::icons;
use crate::panels::{self, menu};
use crate::text::{Text, tr};

/// A line of a menu, or the line between two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Run(Command),
    Rule,
}

use Line::{Rule, Run};

const FILE: &[Line] = &[
    Run(Command::NewProject),
    Run(Command::OpenProject),
    Rule,
    Run(Command::OpenPictures),
    Run(Command::OpenFolder),
    Run(Command::OpenModel),
    Rule,
    Run(Command::Save),
    Run(Command::SaveAs),
    Rule,
    Run(Command::ExportFigure),
    Run(Command::ExportValues),
    Rule,
    Run(Command::Settings),
    Run(Command::Quit),
];

const EDIT: &[Line] = &[
    Run(Command::Undo),
    Run(Command::Redo),
    Rule,
    Run(Command::PastePicture),
    Run(Command::CopyView),
    Run(Command::CopyValues),
    Run(Command::CopyCommandLine),
    Rule,
    Run(Command::PinPositive),
    Run(Command::PinNegative),
    Run(Command::RemovePin),
];

const VIEW: &[Line] = &[
    Run(Command::ViewSimilarity),
    Run(Command::ViewPca),
    Run(Command::ViewMatches),
    Run(Command::ViewClusters),
    Run(Command::ViewNorms),
    Run(Command::ViewCompare),
    Rule,
    Run(Command::SplitView),
    Run(Command::NextTab),
    Run(Command::CloseTab),
    Rule,
    Run(Command::ToggleLibrary),
    Run(Command::ToggleInspector),
    Run(Command::ToggleTray),
    Run(Command::FullScreen),
    Rule,
    Run(Command::TextLarger),
    Run(Command::TextSmaller),
    Run(Command::SwitchTheme),
    Run(Command::SwitchLanguage),
];

const CANVAS: &[Line] = &[
    Run(Command::ZoomIn),
    Run(Command::ZoomOut),
    Run(Command::ZoomFit),
    Run(Command::ZoomActual),
    Rule,
    Run(Command::ToggleOverlay),
    Run(Command::ToggleGrid),
    Run(Command::ToggleRange),
    Run(Command::OutlineTop),
    Run(Command::ToggleLink),
    Rule,
    Run(Command::LayerDown),
    Run(Command::LayerUp),
    Run(Command::PicturePrevious),
    Run(Command::PictureNext),
];

const GO: &[Line] = &[
    Run(Command::Explore),
    Run(Command::Compare),
    Run(Command::Models),
    Rule,
    Run(Command::Start),
    Run(Command::Palette),
];

const HELP: &[Line] = &[
    Run(Command::Manual),
    Run(Command::Lesson),
    Run(Command::Shortcuts),
    Rule,
    Run(Command::About),
];

/// The whole menu.
pub(super) fn menu_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let groups = [
        ("top-file", FILE),
        ("top-edit", EDIT),
        ("top-view", VIEW),
        ("top-canvas", CANVAS),
        ("top-go", GO),
        ("app-help", HELP),
    ];
    for (title, lines) in groups {
        menu::sub(ui, None, &tr(ui, title), |ui| {
            lines_ui(ui, cx, lines);
            if title == "top-file" {
                recent_ui(ui, cx);
            }
        });
    }
}

/// The help button's menu.
pub(super) fn help_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    lines_ui(ui, cx, HELP);
}

fn lines_ui(ui: &mut Ui, cx: &mut Cx<'_>, lines: &[Line]) {
    for line in lines {
        match *line {
            Rule => {
                ui.separator();
            }
            Run(command) => {
                let keys = panels::key_of(ui, cx, command);
                if menu::item(ui, command.icon(), &tr(ui, command.name_id()), &keys) {
                    cx.run(command);
                }
            }
        }
    }
}

fn recent_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let recent = panels::recent(cx);
    if recent.is_empty() {
        return;
    }
    ui.separator();
    menu::sub(ui, Some(icons::CLOCK), &tr(ui, "start-recent"), |ui| {
        for (icon, path) in recent {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let text = Text::from(name.unwrap_or_else(|| path.display().to_string()));
            if menu::item(ui, Some(icon), &text, "") {
                cx.todo.requests.push_back(Request::Open(vec![path]));
            }
        }
    });
}
