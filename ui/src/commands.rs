//! All commands of the app: one table that keys, menus, the palette and the shortcut sheet are made from.
//!
//! A command is a line in the table below and two messages, `cmd-<id>` and `cmd-<id>-help`. What it does stands where
//! commands are carried out.

use crate::icons;

mod keymap;
mod search;
mod shortcut;

pub use keymap::{Conflict, KeyContext, KeyMap, KeyProblem};
pub use search::{Found, Names, search};
pub use shortcut::{Shortcut, ShortcutError};

/// Where a command is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// Open, save, export.
    File,
    /// Undo, copy, paste.
    Edit,
    /// Pins and the way from patch to patch.
    Picture,
    /// What a view shows and how.
    View,
    /// What the pointer does.
    Tools,
    /// Panels, tabs and workspaces.
    Window,
    /// Settings and help.
    App,
}

impl Section {
    /// All sections in their order.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Edit,
        Self::Picture,
        Self::View,
        Self::Tools,
        Self::Window,
        Self::App,
    ];

    /// Message id of its title.
    pub const fn title_id(self) -> &'static str {
        match self {
            Self::File => "commands-section-file",
            Self::Edit => "commands-section-edit",
            Self::Picture => "commands-section-picture",
            Self::View => "commands-section-view",
            Self::Tools => "commands-section-tools",
            Self::Window => "commands-section-window",
            Self::App => "commands-section-app",
        }
    }
}

/// When the keys of a command work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere in the window.
    Everywhere,
    /// Only while a canvas has the focus and no text is typed.
    Canvas,
    /// As [`Self::Canvas`], for as long as the key is held.
    Held,
}

/// Declares the commands: variant, id, section, scope, shortcuts, and icon if it has one.
macro_rules! commands {
    ($($variant:ident $id:literal $section:ident $scope:ident [$($keys:literal),*] $($icon:ident)?;)*) => {
        /// Something that the user can ask for. Its id and messages say what it does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command {
            $(
                #[doc = concat!("Message `cmd-", $id, "`.")]
                $variant,
            )*
        }

        impl Command {
            /// All commands in the order of the shortcut sheet.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The id in settings, and the rest of its message ids.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),* }
            }

            /// Message id of its name.
            pub const fn name_id(self) -> &'static str {
                match self { $(Self::$variant => concat!("cmd-", $id)),* }
            }

            /// Message id of the sentence that explains it.
            pub const fn help_id(self) -> &'static str {
                match self { $(Self::$variant => concat!("cmd-", $id, "-help")),* }
            }

            /// Where it is listed.
            pub const fn section(self) -> Section {
                match self { $(Self::$variant => Section::$section),* }
            }

            /// When its keys work.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope),* }
            }

            /// Its icon, a character of [`icons`].
            pub const fn icon(self) -> Option<&'static str> {
                match self { $(Self::$variant => commands!(@icon $($icon)?)),* }
            }

            /// The shortcuts of Windows and Linux, with `Ctrl` for ⌘ on macOS.
            const fn shortcuts(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($keys),*]),* }
            }
        }
    };
    (@icon $icon:ident) => { Some(icons::$icon) };
    (@icon) => { None };
}

commands! {
    NewProject "new-project" File Everywhere [] FILE_PLUS;
    OpenPictures "open-pictures" File Everywhere ["Ctrl+O"] IMAGE;
    OpenFolder "open-folder" File Everywhere ["Ctrl+Shift+O"] FOLDER_OPEN;
    OpenModel "open-model" File Everywhere [] CUBE;
    OpenProject "open-project" File Everywhere [] FILE;
    Recent "recent" File Everywhere [] CLOCK_COUNTER_CLOCKWISE;
    Save "save" File Everywhere ["Ctrl+S"] FLOPPY_DISK;
    SaveAs "save-as" File Everywhere ["Ctrl+Shift+S"];
    ExportFigure "export-figure" File Everywhere ["Ctrl+E"] EXPORT;
    ExportValues "export-values" File Everywhere ["Ctrl+Shift+E"] TABLE;
    Quit "quit" File Everywhere ["Ctrl+Q"];

    Undo "undo" Edit Everywhere ["Ctrl+Z"] ARROW_U_UP_LEFT;
    Redo "redo" Edit Everywhere ["Ctrl+Shift+Z", "Ctrl+Y"] ARROW_U_UP_RIGHT;
    CopyView "copy-view" Edit Everywhere ["Ctrl+C"] COPY;
    CopyValues "copy-values" Edit Everywhere ["Ctrl+Shift+C"];
    CopyCommandLine "copy-command-line" Edit Everywhere ["Ctrl+Alt+C"] TERMINAL;
    PastePicture "paste-picture" Edit Everywhere ["Ctrl+V"] CLIPBOARD;

    PinPositive "pin-positive" Picture Canvas ["Enter"] PLUS;
    PinNegative "pin-negative" Picture Canvas ["Shift+Enter"] MINUS;
    RemovePin "remove-pin" Picture Canvas ["Delete", "Backspace"] PUSH_PIN_SLASH;
    WalkLeft "walk-left" Picture Canvas ["Left"];
    WalkRight "walk-right" Picture Canvas ["Right"];
    WalkUp "walk-up" Picture Canvas ["Up"];
    WalkDown "walk-down" Picture Canvas ["Down"];
    WalkFarLeft "walk-far-left" Picture Canvas ["Shift+Left"];
    WalkFarRight "walk-far-right" Picture Canvas ["Shift+Right"];
    WalkFarUp "walk-far-up" Picture Canvas ["Shift+Up"];
    WalkFarDown "walk-far-down" Picture Canvas ["Shift+Down"];
    Jump "jump" Picture Canvas ["J"];
    SwapPictures "swap-pictures" Picture Canvas ["X"] SWAP;
    PicturePrevious "picture-previous" Picture Canvas ["Comma"];
    PictureNext "picture-next" Picture Canvas ["Period"];

    ZoomIn "zoom-in" View Canvas ["Plus", "Equals"] MAGNIFYING_GLASS_PLUS;
    ZoomOut "zoom-out" View Canvas ["Minus"] MAGNIFYING_GLASS_MINUS;
    ZoomFit "zoom-fit" View Canvas ["0"] FRAME_CORNERS;
    ZoomActual "zoom-actual" View Canvas ["1"];
    LayerDown "layer-down" View Canvas ["OpenBracket"];
    LayerUp "layer-up" View Canvas ["CloseBracket"];
    ToggleOverlay "toggle-overlay" View Canvas ["O"] EYE;
    OverlayStronger "overlay-stronger" View Canvas ["Shift+O"];
    ToggleGrid "toggle-grid" View Canvas ["G"] GRID_FOUR;
    ToggleRange "toggle-range" View Canvas ["A"];
    ToggleLink "toggle-link" View Canvas ["K"] LINK;
    OutlineTop "outline-top" View Canvas ["T"];
    FreezeBasis "freeze-basis" View Canvas ["F"] SNOWFLAKE;
    Component1 "component-1" View Canvas ["Shift+1"];
    Component2 "component-2" View Canvas ["Shift+2"];
    Component3 "component-3" View Canvas ["Shift+3"];
    ComponentAll "component-all" View Canvas ["Shift+0"];
    MatchColors "match-colors" View Canvas [];
    Swipe "swipe" View Canvas ["S"];
    Blink "blink" View Held ["B"];
    Difference "difference" View Canvas ["D"];

    ToolPointer "tool-pointer" Tools Canvas ["V"] CURSOR;
    ToolPin "tool-pin" Tools Canvas ["P"] PUSH_PIN;
    ToolBox "tool-box" Tools Canvas ["R"] SELECTION;
    ToolLasso "tool-lasso" Tools Canvas ["L"] LASSO;
    ToolPan "tool-pan" Tools Canvas ["H"] HAND;
    HoldPan "hold-pan" Tools Held ["Space"];

    Explore "explore" Window Everywhere ["Ctrl+1"];
    Compare "compare" Window Everywhere ["Ctrl+2"];
    Models "models" Window Everywhere ["Ctrl+4"];
    NewView "new-view" Window Everywhere ["Ctrl+T"] PLUS;
    ViewSimilarity "view-similarity" Window Everywhere [] CROSSHAIR_SIMPLE;
    ViewPca "view-pca" Window Everywhere [] PALETTE;
    ViewMatches "view-matches" Window Everywhere [] LINE_SEGMENTS;
    ViewCompare "view-compare" Window Everywhere [] COLUMNS;
    ViewClusters "view-clusters" Window Everywhere [];
    ViewNorms "view-norms" Window Everywhere [];
    SplitView "split-view" Window Everywhere ["Ctrl+Backslash"] SQUARE_SPLIT_HORIZONTAL;
    CloseTab "close-tab" Window Everywhere ["Ctrl+W"] X;
    NextTab "next-tab" Window Everywhere ["Ctrl+Tab"];
    PreviousTab "previous-tab" Window Everywhere ["Ctrl+Shift+Tab"];
    ToggleLibrary "toggle-library" Window Everywhere ["Ctrl+B"];
    ToggleInspector "toggle-inspector" Window Everywhere ["Ctrl+I"];
    ToggleTray "toggle-tray" Window Everywhere ["Ctrl+J"];
    NextRegion "next-region" Window Everywhere ["F6"];
    PreviousRegion "previous-region" Window Everywhere ["Shift+F6"];
    FullScreen "full-screen" Window Everywhere ["F11"] ARROWS_OUT;

    Palette "palette" App Everywhere ["Ctrl+K"] MAGNIFYING_GLASS;
    Shortcuts "shortcuts" App Everywhere ["F1", "Questionmark"] KEYBOARD;
    Settings "settings" App Everywhere ["Ctrl+Comma"] GEAR_SIX;
    Manual "manual" App Everywhere [] BOOK_OPEN;
    Lesson "lesson" App Everywhere [];
    Start "start" App Everywhere [] HOUSE;
    About "about" App Everywhere [] INFO;
    SwitchLanguage "switch-language" App Everywhere [] TRANSLATE;
    SwitchTheme "switch-theme" App Everywhere [] CIRCLE_HALF;
    TextLarger "text-larger" App Everywhere ["Ctrl+Plus", "Ctrl+Equals"] TEXT_AA;
    TextSmaller "text-smaller" App Everywhere ["Ctrl+Minus"];
    TextNormal "text-normal" App Everywhere ["Ctrl+0"];
    Cancel "cancel" App Everywhere ["Escape"];
}

impl Command {
    /// The command of an id in settings.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|command| command.id() == id)
    }

    /// Message with other words that it is found by, where people call it differently.
    pub const fn words_id(self) -> Option<&'static str> {
        match self {
            Self::ViewPca => Some("palette-words-pca"),
            Self::ViewSimilarity => Some("palette-words-similarity"),
            _ => None,
        }
    }

    /// Its shortcuts before the user changes them. macOS keeps ⌘ Tab and F11 to itself.
    fn default_shortcuts(self, is_mac: bool) -> &'static [&'static str] {
        match self {
            Self::NextTab if is_mac => &["Control+Tab"],
            Self::PreviousTab if is_mac => &["Control+Shift+Tab"],
            Self::FullScreen if is_mac => &["Control+Ctrl+F"],
            _ => self.shortcuts(),
        }
    }

    /// Whether holding the key does it again and again: steps do, switches do not.
    const fn repeats(self) -> bool {
        matches!(
            self,
            Self::Undo
                | Self::Redo
                | Self::WalkLeft
                | Self::WalkRight
                | Self::WalkUp
                | Self::WalkDown
                | Self::WalkFarLeft
                | Self::WalkFarRight
                | Self::WalkFarUp
                | Self::WalkFarDown
                | Self::PicturePrevious
                | Self::PictureNext
                | Self::ZoomIn
                | Self::ZoomOut
                | Self::LayerDown
                | Self::LayerUp
                | Self::OverlayStronger
                | Self::NextTab
                | Self::PreviousTab
                | Self::NextRegion
                | Self::PreviousRegion
                | Self::TextLarger
                | Self::TextSmaller
        )
    }

    /// Whether its keys work while a sheet such as the palette lies over the window.
    const fn works_over_sheets(self) -> bool {
        matches!(
            self,
            Self::Palette
                | Self::Shortcuts
                | Self::Settings
                | Self::TextLarger
                | Self::TextSmaller
                | Self::TextNormal
                | Self::FullScreen
                | Self::Quit
                | Self::Cancel
        )
    }
}

#[cfg(test)]
mod tests;
