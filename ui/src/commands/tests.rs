//! The table is whole, and every command can be read in both languages.

use std::collections::BTreeSet;

use super::*;
use crate::text::{Lang, set, tr};

#[test]
fn ids_are_unique_and_come_back() {
    let ids: BTreeSet<_> = Command::ALL.iter().map(|command| command.id()).collect();
    assert_eq!(ids.len(), Command::ALL.len());
    for &command in Command::ALL {
        assert_eq!(Command::from_id(command.id()), Some(command));
    }
    assert_eq!(Command::from_id("fly"), None);
}

#[test]
fn every_command_has_a_name_and_a_sentence_in_both_languages() {
    let ctx = egui::Context::default();
    for lang in Lang::ALL {
        set(&ctx, lang);
        let mut names = BTreeSet::new();
        for &command in Command::ALL {
            let (name, help) = (tr(&ctx, command.name_id()), tr(&ctx, command.help_id()));
            assert_ne!(&*name, command.name_id());
            assert!(
                names.insert(name.to_string()),
                "{lang:?}: two commands are called {name}"
            );
            let stop = if lang == Lang::En { '.' } else { '。' };
            assert!(help.ends_with(stop), "{lang:?}: {help}");
            assert!(help.chars().count() < 80, "{lang:?}: {help}");
        }
        for section in Section::ALL {
            assert_ne!(&*tr(&ctx, section.title_id()), section.title_id());
            assert!(
                Command::ALL
                    .iter()
                    .any(|command| command.section() == section)
            );
        }
    }
}

#[test]
fn key_caps_are_translated() {
    let ctx = egui::Context::default();
    let map = KeyMap::default();
    let text = |command| map.caps_text(&ctx, command).unwrap();
    if !cfg!(target_os = "macos") {
        assert_eq!(text(Command::SaveAs), "Ctrl ⇧ S");
        assert_eq!(text(Command::NextTab), "Ctrl Tab");
    }
    assert_eq!(text(Command::PinNegative), "⇧ Enter");
    set(&ctx, Lang::ZhCn);
    assert_eq!(text(Command::PinNegative), "⇧ 回车");
    for &command in Command::ALL {
        for cap in map.caps(&ctx, command) {
            assert!(!cap.starts_with("key-"), "{command:?}: {cap}");
        }
    }
}

#[test]
fn the_keys_are_those_of_the_design() {
    let map = KeyMap::default();
    for (keys, command) in [
        ("Ctrl+K", Command::Palette),
        ("F1", Command::Shortcuts),
        ("?", Command::Shortcuts),
        ("Ctrl+O", Command::OpenPictures),
        ("Ctrl+Shift+O", Command::OpenFolder),
        ("Ctrl+S", Command::Save),
        ("Ctrl+Shift+S", Command::SaveAs),
        ("Ctrl+Z", Command::Undo),
        ("Ctrl+Shift+Z", Command::Redo),
        ("Ctrl+V", Command::PastePicture),
        ("Ctrl+C", Command::CopyView),
        ("Ctrl+Shift+C", Command::CopyValues),
        ("Ctrl+Alt+C", Command::CopyCommandLine),
        ("Ctrl+E", Command::ExportFigure),
        ("Ctrl+,", Command::Settings),
        ("Ctrl+1", Command::Explore),
        ("Ctrl+2", Command::Compare),
        ("Ctrl+4", Command::Models),
        ("Ctrl+T", Command::NewView),
        ("Ctrl+W", Command::CloseTab),
        ("Ctrl+\\", Command::SplitView),
        ("F6", Command::NextRegion),
        ("Shift+F6", Command::PreviousRegion),
        ("V", Command::ToolPointer),
        ("P", Command::ToolPin),
        ("R", Command::ToolBox),
        ("L", Command::ToolLasso),
        ("H", Command::ToolPan),
        ("Space", Command::HoldPan),
        ("+", Command::ZoomIn),
        ("-", Command::ZoomOut),
        ("0", Command::ZoomFit),
        ("1", Command::ZoomActual),
        ("Shift+1", Command::Component1),
        ("Shift+2", Command::Component2),
        ("Shift+3", Command::Component3),
        ("Shift+0", Command::ComponentAll),
        ("Left", Command::WalkLeft),
        ("Shift+Right", Command::WalkFarRight),
        ("Enter", Command::PinPositive),
        ("Shift+Enter", Command::PinNegative),
        ("Delete", Command::RemovePin),
        ("[", Command::LayerDown),
        ("]", Command::LayerUp),
        (",", Command::PicturePrevious),
        (".", Command::PictureNext),
        ("O", Command::ToggleOverlay),
        ("Shift+O", Command::OverlayStronger),
        ("G", Command::ToggleGrid),
        ("A", Command::ToggleRange),
        ("K", Command::ToggleLink),
        ("T", Command::OutlineTop),
        ("F", Command::FreezeBasis),
        ("S", Command::Swipe),
        ("B", Command::Blink),
        ("D", Command::Difference),
        ("X", Command::SwapPictures),
        ("J", Command::Jump),
        ("Ctrl+B", Command::ToggleLibrary),
        ("Ctrl+I", Command::ToggleInspector),
        ("Ctrl+J", Command::ToggleTray),
        ("Ctrl++", Command::TextLarger),
        ("Ctrl+-", Command::TextSmaller),
        ("Esc", Command::Cancel),
    ] {
        assert_eq!(
            map.command_of(keys.parse().unwrap()),
            Some(command),
            "{keys}"
        );
    }
}
