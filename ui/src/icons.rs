//! The icons: code points of the Phosphor fonts that are shipped with the window.
//!
//! A constant is a string of one character. The family `Proportional` shows it as the outline; the filled form, for
//! states only, is the same character in [`crate::fonts::fill`]. One icon, one meaning: `DESIGN.md`, section 6.

/// Declares the constants and the table of all of them, for the tests.
macro_rules! icons {
    ($($name:ident = $phosphor:literal $text:literal;)*) => {
        $(
            #[doc = concat!("Phosphor `", $phosphor, "`.")]
            pub const $name: &str = $text;
        )*

        /// All icons: the name of the Phosphor set and the character.
        pub const ALL: &[(&str, &str)] = &[$(($phosphor, $name)),*];
    };
}

icons! {
    APP_WINDOW = "app-window" "\u{e5da}";
    APPROXIMATE_EQUALS = "approximate-equals" "\u{edaa}";
    ARCHIVE = "archive" "\u{e00c}";
    ARROW_BEND_UP_LEFT = "arrow-bend-up-left" "\u{e024}";
    ARROW_CLOCKWISE = "arrow-clockwise" "\u{e036}";
    ARROW_COUNTER_CLOCKWISE = "arrow-counter-clockwise" "\u{e038}";
    ARROW_DOWN = "arrow-down" "\u{e03e}";
    ARROW_ELBOW_DOWN_LEFT = "arrow-elbow-down-left" "\u{e044}";
    ARROW_LEFT = "arrow-left" "\u{e058}";
    ARROW_LINE_DOWN = "arrow-line-down" "\u{e05c}";
    ARROW_LINE_UP = "arrow-line-up" "\u{e066}";
    ARROW_RIGHT = "arrow-right" "\u{e06c}";
    ARROW_SQUARE_OUT = "arrow-square-out" "\u{e5de}";
    ARROW_U_UP_LEFT = "arrow-u-up-left" "\u{e08a}";
    ARROW_U_UP_RIGHT = "arrow-u-up-right" "\u{e08c}";
    ARROW_UP = "arrow-up" "\u{e08e}";
    ARROWS_CLOCKWISE = "arrows-clockwise" "\u{e094}";
    ARROWS_HORIZONTAL = "arrows-horizontal" "\u{eb06}";
    ARROWS_IN = "arrows-in" "\u{e09a}";
    ARROWS_LEFT_RIGHT = "arrows-left-right" "\u{e0a0}";
    ARROWS_OUT = "arrows-out" "\u{e0a2}";
    ARROWS_SPLIT = "arrows-split" "\u{ed3c}";
    ARROWS_VERTICAL = "arrows-vertical" "\u{eb04}";
    AT = "at" "\u{e0ac}";
    BACKSPACE = "backspace" "\u{e0ae}";
    BARCODE = "barcode" "\u{e0b8}";
    BELL = "bell" "\u{e0ce}";
    BELL_SLASH = "bell-slash" "\u{e0d4}";
    BINOCULARS = "binoculars" "\u{ea64}";
    BIRD = "bird" "\u{e72c}";
    BLUEPRINT = "blueprint" "\u{eda0}";
    BOOK = "book" "\u{e0e2}";
    BOOK_OPEN = "book-open" "\u{e0e6}";
    BOOK_OPEN_TEXT = "book-open-text" "\u{e8f2}";
    BOOKMARK = "bookmark" "\u{e0e8}";
    BOOKMARK_SIMPLE = "bookmark-simple" "\u{e0ea}";
    BOUNDING_BOX = "bounding-box" "\u{e6ce}";
    BOX_ARROW_DOWN = "box-arrow-down" "\u{e00e}";
    BRAIN = "brain" "\u{e74e}";
    BROADCAST = "broadcast" "\u{e0f2}";
    BROWSER = "browser" "\u{e0f4}";
    BROWSERS = "browsers" "\u{e0f6}";
    BUG = "bug" "\u{e5f4}";
    BUTTERFLY = "butterfly" "\u{ea6e}";
    CAMERA = "camera" "\u{e10e}";
    CAMERA_ROTATE = "camera-rotate" "\u{e7a4}";
    CAMERA_SLASH = "camera-slash" "\u{e110}";
    CARET_DOUBLE_DOWN = "caret-double-down" "\u{e126}";
    CARET_DOUBLE_UP = "caret-double-up" "\u{e12c}";
    CARET_DOWN = "caret-down" "\u{e136}";
    CARET_LEFT = "caret-left" "\u{e138}";
    CARET_LINE_DOWN = "caret-line-down" "\u{e134}";
    CARET_LINE_LEFT = "caret-line-left" "\u{e132}";
    CARET_LINE_RIGHT = "caret-line-right" "\u{e130}";
    CARET_LINE_UP = "caret-line-up" "\u{e12e}";
    CARET_RIGHT = "caret-right" "\u{e13a}";
    CARET_UP = "caret-up" "\u{e13c}";
    CARET_UP_DOWN = "caret-up-down" "\u{e140}";
    CAT = "cat" "\u{e748}";
    CERTIFICATE = "certificate" "\u{e766}";
    CHART_BAR = "chart-bar" "\u{e150}";
    CHART_BAR_HORIZONTAL = "chart-bar-horizontal" "\u{e152}";
    CHART_DONUT = "chart-donut" "\u{eaa6}";
    CHART_LINE = "chart-line" "\u{e154}";
    CHART_LINE_UP = "chart-line-up" "\u{e156}";
    CHART_SCATTER = "chart-scatter" "\u{eaac}";
    CHAT_TEXT = "chat-text" "\u{e17a}";
    CHECK = "check" "\u{e182}";
    CHECK_CIRCLE = "check-circle" "\u{e184}";
    CHECK_SQUARE = "check-square" "\u{e186}";
    CIRCLE = "circle" "\u{e18a}";
    CIRCLE_DASHED = "circle-dashed" "\u{e602}";
    CIRCLE_HALF = "circle-half" "\u{e18c}";
    CIRCLE_NOTCH = "circle-notch" "\u{eb44}";
    CIRCLES_FOUR = "circles-four" "\u{e190}";
    CIRCLES_THREE = "circles-three" "\u{e192}";
    CLIPBOARD = "clipboard" "\u{e196}";
    CLIPBOARD_TEXT = "clipboard-text" "\u{e198}";
    CLOCK = "clock" "\u{e19a}";
    CLOCK_COUNTER_CLOCKWISE = "clock-counter-clockwise" "\u{e1a0}";
    CLOUD = "cloud" "\u{e1aa}";
    CLOUD_ARROW_DOWN = "cloud-arrow-down" "\u{e1ac}";
    CLOUD_ARROW_UP = "cloud-arrow-up" "\u{e1ae}";
    CLOUD_CHECK = "cloud-check" "\u{e1b0}";
    CLOUD_SLASH = "cloud-slash" "\u{e1b6}";
    CLOUD_X = "cloud-x" "\u{ea96}";
    COFFEE = "coffee" "\u{e1c2}";
    COLUMNS = "columns" "\u{e546}";
    COMMAND = "command" "\u{e1c4}";
    CONTROL = "control" "\u{eca6}";
    COPY = "copy" "\u{e1ca}";
    COPY_SIMPLE = "copy-simple" "\u{e1cc}";
    CPU = "cpu" "\u{e610}";
    CROP = "crop" "\u{e1d4}";
    CROSSHAIR = "crosshair" "\u{e1d6}";
    CROSSHAIR_SIMPLE = "crosshair-simple" "\u{e1d8}";
    CUBE = "cube" "\u{e1da}";
    CUBE_FOCUS = "cube-focus" "\u{ed0a}";
    CUBE_TRANSPARENT = "cube-transparent" "\u{ec7c}";
    CURSOR = "cursor" "\u{e1dc}";
    DATABASE = "database" "\u{e1de}";
    DESKTOP = "desktop" "\u{e560}";
    DESKTOP_TOWER = "desktop-tower" "\u{e562}";
    DETECTIVE = "detective" "\u{e83e}";
    DEVICE_MOBILE = "device-mobile" "\u{e1e0}";
    DIAMOND = "diamond" "\u{e1ec}";
    DIVIDE = "divide" "\u{e1fa}";
    DOG = "dog" "\u{e74a}";
    DOT = "dot" "\u{ecde}";
    DOT_OUTLINE = "dot-outline" "\u{ece0}";
    DOTS_NINE = "dots-nine" "\u{e1fc}";
    DOTS_SIX = "dots-six" "\u{e794}";
    DOTS_SIX_VERTICAL = "dots-six-vertical" "\u{eae2}";
    DOTS_THREE = "dots-three" "\u{e1fe}";
    DOTS_THREE_VERTICAL = "dots-three-vertical" "\u{e208}";
    DOWNLOAD = "download" "\u{e20a}";
    DOWNLOAD_SIMPLE = "download-simple" "\u{e20c}";
    DROP = "drop" "\u{e210}";
    DROP_HALF = "drop-half" "\u{e566}";
    ENVELOPE_SIMPLE = "envelope-simple" "\u{e218}";
    EQUALS = "equals" "\u{e21c}";
    ERASER = "eraser" "\u{e21e}";
    EXCLUDE = "exclude" "\u{e882}";
    EXPORT = "export" "\u{eaf0}";
    EYE = "eye" "\u{e220}";
    EYE_SLASH = "eye-slash" "\u{e224}";
    EYEDROPPER = "eyedropper" "\u{e568}";
    FADERS = "faders" "\u{e228}";
    FADERS_HORIZONTAL = "faders-horizontal" "\u{e22a}";
    FAST_FORWARD = "fast-forward" "\u{e6a6}";
    FILE = "file" "\u{e230}";
    FILE_CODE = "file-code" "\u{e914}";
    FILE_DASHED = "file-dashed" "\u{e704}";
    FILE_IMAGE = "file-image" "\u{ea24}";
    FILE_PLUS = "file-plus" "\u{e236}";
    FILE_TEXT = "file-text" "\u{e23a}";
    FILM_REEL = "film-reel" "\u{e8c0}";
    FILM_SLATE = "film-slate" "\u{e8c2}";
    FILM_STRIP = "film-strip" "\u{e792}";
    FINGERPRINT = "fingerprint" "\u{e23e}";
    FLAG = "flag" "\u{e244}";
    FLASK = "flask" "\u{e79e}";
    FLIP_HORIZONTAL = "flip-horizontal" "\u{ed6a}";
    FLIP_VERTICAL = "flip-vertical" "\u{ed6c}";
    FLOPPY_DISK = "floppy-disk" "\u{e248}";
    FLOWER = "flower" "\u{e75e}";
    FOLDER = "folder" "\u{e24a}";
    FOLDER_OPEN = "folder-open" "\u{e256}";
    FOLDER_PLUS = "folder-plus" "\u{e258}";
    FOLDER_SIMPLE = "folder-simple" "\u{e25a}";
    FRAME_CORNERS = "frame-corners" "\u{e626}";
    FUNCTION = "function" "\u{ebe4}";
    FUNNEL = "funnel" "\u{e266}";
    FUNNEL_SIMPLE = "funnel-simple" "\u{e268}";
    FUNNEL_X = "funnel-x" "\u{e26c}";
    GAUGE = "gauge" "\u{e628}";
    GEAR = "gear" "\u{e270}";
    GEAR_SIX = "gear-six" "\u{e272}";
    GLOBE = "globe" "\u{e288}";
    GLOBE_SIMPLE = "globe-simple" "\u{e28e}";
    GRADUATION_CAP = "graduation-cap" "\u{e62c}";
    GRAPH = "graph" "\u{eb58}";
    GRAPHICS_CARD = "graphics-card" "\u{e612}";
    GREATER_THAN = "greater-than" "\u{edc4}";
    GRID_FOUR = "grid-four" "\u{e296}";
    GRID_NINE = "grid-nine" "\u{ec8c}";
    HAMMER = "hammer" "\u{e80e}";
    HAND = "hand" "\u{e298}";
    HAND_GRABBING = "hand-grabbing" "\u{e57c}";
    HAND_POINTING = "hand-pointing" "\u{e29a}";
    HARD_DRIVE = "hard-drive" "\u{e29e}";
    HARD_DRIVES = "hard-drives" "\u{e2a0}";
    HASH = "hash" "\u{e2a2}";
    HEART = "heart" "\u{e2a8}";
    HEXAGON = "hexagon" "\u{e2ae}";
    HOURGLASS = "hourglass" "\u{e2b2}";
    HOUSE = "house" "\u{e2c2}";
    IMAGE = "image" "\u{e2ca}";
    IMAGE_BROKEN = "image-broken" "\u{e7a8}";
    IMAGE_SQUARE = "image-square" "\u{e2cc}";
    IMAGES = "images" "\u{e836}";
    IMAGES_SQUARE = "images-square" "\u{e834}";
    INFINITY = "infinity" "\u{e634}";
    INFO = "info" "\u{e2ce}";
    INTERSECT = "intersect" "\u{e2d2}";
    KEY = "key" "\u{e2d6}";
    KEY_RETURN = "key-return" "\u{e782}";
    KEYBOARD = "keyboard" "\u{e2d8}";
    LAPTOP = "laptop" "\u{e586}";
    LASSO = "lasso" "\u{edc6}";
    LAYOUT = "layout" "\u{e6d6}";
    LEAF = "leaf" "\u{e2da}";
    LESS_THAN = "less-than" "\u{edac}";
    LIGHTBULB = "lightbulb" "\u{e2dc}";
    LIGHTNING = "lightning" "\u{e2de}";
    LIGHTNING_SLASH = "lightning-slash" "\u{e2e0}";
    LINE_SEGMENTS = "line-segments" "\u{e6d4}";
    LINK = "link" "\u{e2e2}";
    LINK_BREAK = "link-break" "\u{e2e4}";
    LINK_SIMPLE = "link-simple" "\u{e2e6}";
    LIST = "list" "\u{e2f0}";
    LIST_BULLETS = "list-bullets" "\u{e2f2}";
    LIST_CHECKS = "list-checks" "\u{eadc}";
    LIST_NUMBERS = "list-numbers" "\u{e2f6}";
    LOCK_KEY = "lock-key" "\u{e2fe}";
    LOCK_OPEN = "lock-open" "\u{e306}";
    MAGIC_WAND = "magic-wand" "\u{e6b6}";
    MAGNIFYING_GLASS = "magnifying-glass" "\u{e30c}";
    MAGNIFYING_GLASS_MINUS = "magnifying-glass-minus" "\u{e30e}";
    MAGNIFYING_GLASS_PLUS = "magnifying-glass-plus" "\u{e310}";
    MAP_PIN = "map-pin" "\u{e316}";
    MASK_HAPPY = "mask-happy" "\u{e9f4}";
    MEMORY = "memory" "\u{e9c4}";
    MINUS = "minus" "\u{e32a}";
    MINUS_CIRCLE = "minus-circle" "\u{e32c}";
    MONITOR = "monitor" "\u{e32e}";
    MOON = "moon" "\u{e330}";
    MOON_STARS = "moon-stars" "\u{e58e}";
    MOUSE = "mouse" "\u{e33a}";
    MOUSE_LEFT_CLICK = "mouse-left-click" "\u{e334}";
    MOUSE_RIGHT_CLICK = "mouse-right-click" "\u{e336}";
    MOUSE_SIMPLE = "mouse-simple" "\u{e644}";
    NETWORK = "network" "\u{edde}";
    NOT_EQUALS = "not-equals" "\u{eda6}";
    NOTE = "note" "\u{e348}";
    NOTEPAD = "notepad" "\u{e63e}";
    NUMBER_SQUARE_ONE = "number-square-one" "\u{e36c}";
    NUMBER_SQUARE_THREE = "number-square-three" "\u{e37e}";
    NUMBER_SQUARE_TWO = "number-square-two" "\u{e384}";
    OPTION = "option" "\u{e8a8}";
    PACKAGE = "package" "\u{e390}";
    PAINT_BRUSH = "paint-brush" "\u{e6f0}";
    PAINT_BUCKET = "paint-bucket" "\u{e392}";
    PALETTE = "palette" "\u{e6c8}";
    PAPERCLIP = "paperclip" "\u{e39a}";
    PAUSE = "pause" "\u{e39e}";
    PAUSE_CIRCLE = "pause-circle" "\u{e3a0}";
    PAW_PRINT = "paw-print" "\u{e648}";
    PENCIL = "pencil" "\u{e3ae}";
    PENCIL_SIMPLE = "pencil-simple" "\u{e3b4}";
    PERCENT = "percent" "\u{e3b6}";
    PERSPECTIVE = "perspective" "\u{ebe6}";
    PICTURE_IN_PICTURE = "picture-in-picture" "\u{e64c}";
    PLANET = "planet" "\u{e652}";
    PLANT = "plant" "\u{ebae}";
    PLAY = "play" "\u{e3d0}";
    PLAY_CIRCLE = "play-circle" "\u{e3d2}";
    PLUGS = "plugs" "\u{eb56}";
    PLUGS_CONNECTED = "plugs-connected" "\u{eb5a}";
    PLUS = "plus" "\u{e3d4}";
    PLUS_CIRCLE = "plus-circle" "\u{e3d6}";
    PLUS_MINUS = "plus-minus" "\u{e3d8}";
    POLYGON = "polygon" "\u{e6d0}";
    POWER = "power" "\u{e3da}";
    PROHIBIT = "prohibit" "\u{e3de}";
    PULSE = "pulse" "\u{e000}";
    PUSH_PIN = "push-pin" "\u{e3e2}";
    PUSH_PIN_SIMPLE = "push-pin-simple" "\u{e65c}";
    PUSH_PIN_SLASH = "push-pin-slash" "\u{e3e4}";
    PUZZLE_PIECE = "puzzle-piece" "\u{e596}";
    QR_CODE = "qr-code" "\u{e3e6}";
    QUESTION = "question" "\u{e3e8}";
    RECORD = "record" "\u{e3ee}";
    REPEAT = "repeat" "\u{e3f6}";
    REPEAT_ONCE = "repeat-once" "\u{e3f8}";
    RESIZE = "resize" "\u{ed6e}";
    REWIND = "rewind" "\u{e6a8}";
    ROBOT = "robot" "\u{e762}";
    ROCKET = "rocket" "\u{e3fc}";
    ROCKET_LAUNCH = "rocket-launch" "\u{e3fe}";
    ROWS = "rows" "\u{e5a2}";
    RULER = "ruler" "\u{e6b8}";
    SCALES = "scales" "\u{e750}";
    SCAN = "scan" "\u{ebb6}";
    SCAN_SMILEY = "scan-smiley" "\u{ebb4}";
    SCISSORS = "scissors" "\u{eae0}";
    SELECTION = "selection" "\u{e69a}";
    SELECTION_ALL = "selection-all" "\u{e746}";
    SELECTION_BACKGROUND = "selection-background" "\u{eaf8}";
    SELECTION_FOREGROUND = "selection-foreground" "\u{eaf6}";
    SELECTION_INVERSE = "selection-inverse" "\u{e744}";
    SELECTION_PLUS = "selection-plus" "\u{e69c}";
    SELECTION_SLASH = "selection-slash" "\u{e69e}";
    SHAPES = "shapes" "\u{ec5e}";
    SHARE_NETWORK = "share-network" "\u{e408}";
    SHIELD_CHECK = "shield-check" "\u{e40c}";
    SHIELD_WARNING = "shield-warning" "\u{e412}";
    SHUFFLE = "shuffle" "\u{e422}";
    SIDEBAR = "sidebar" "\u{eab6}";
    SIDEBAR_SIMPLE = "sidebar-simple" "\u{ec24}";
    SIGMA = "sigma" "\u{eab8}";
    SIGN_IN = "sign-in" "\u{e428}";
    SIGN_OUT = "sign-out" "\u{e42a}";
    SKIP_BACK = "skip-back" "\u{e5a4}";
    SKIP_FORWARD = "skip-forward" "\u{e5a6}";
    SLIDERS = "sliders" "\u{e432}";
    SLIDERS_HORIZONTAL = "sliders-horizontal" "\u{e434}";
    SMILEY = "smiley" "\u{e436}";
    SMILEY_SAD = "smiley-sad" "\u{e43e}";
    SNOWFLAKE = "snowflake" "\u{e5aa}";
    SORT_ASCENDING = "sort-ascending" "\u{e444}";
    SORT_DESCENDING = "sort-descending" "\u{e446}";
    SPARKLE = "sparkle" "\u{e6a2}";
    SPEAKER_HIGH = "speaker-high" "\u{e44a}";
    SPEAKER_SLASH = "speaker-slash" "\u{e45a}";
    SPEEDOMETER = "speedometer" "\u{ee74}";
    SPINNER = "spinner" "\u{e66a}";
    SPINNER_GAP = "spinner-gap" "\u{e66c}";
    SQUARE = "square" "\u{e45e}";
    SQUARE_SPLIT_HORIZONTAL = "square-split-horizontal" "\u{e870}";
    SQUARE_SPLIT_VERTICAL = "square-split-vertical" "\u{e874}";
    SQUARES_FOUR = "squares-four" "\u{e464}";
    STACK = "stack" "\u{e466}";
    STAR = "star" "\u{e46a}";
    STAR_HALF = "star-half" "\u{e70a}";
    STOP = "stop" "\u{e46c}";
    STOP_CIRCLE = "stop-circle" "\u{e46e}";
    SUBTRACT = "subtract" "\u{ebd6}";
    SUN = "sun" "\u{e472}";
    SWAP = "swap" "\u{e83c}";
    TABLE = "table" "\u{e476}";
    TAG = "tag" "\u{e478}";
    TAG_SIMPLE = "tag-simple" "\u{e47a}";
    TARGET = "target" "\u{e47c}";
    TERMINAL = "terminal" "\u{e47e}";
    TERMINAL_WINDOW = "terminal-window" "\u{eae8}";
    TEXT_AA = "text-aa" "\u{e6ee}";
    TEXT_ALIGN_LEFT = "text-align-left" "\u{e484}";
    TEXT_COLUMNS = "text-columns" "\u{ec96}";
    TEXT_T = "text-t" "\u{e48a}";
    THERMOMETER = "thermometer" "\u{e5c6}";
    THUMBS_DOWN = "thumbs-down" "\u{e48c}";
    THUMBS_UP = "thumbs-up" "\u{e48e}";
    TIMER = "timer" "\u{e492}";
    TOGGLE_LEFT = "toggle-left" "\u{e674}";
    TOGGLE_RIGHT = "toggle-right" "\u{e676}";
    TOOLBOX = "toolbox" "\u{eca0}";
    TRANSLATE = "translate" "\u{e4a2}";
    TRASH = "trash" "\u{e4a6}";
    TRAY = "tray" "\u{e4aa}";
    TRAY_ARROW_DOWN = "tray-arrow-down" "\u{e010}";
    TRAY_ARROW_UP = "tray-arrow-up" "\u{ee52}";
    TREE = "tree" "\u{e6da}";
    TREE_STRUCTURE = "tree-structure" "\u{e67c}";
    TRIANGLE = "triangle" "\u{e4b0}";
    UNITE = "unite" "\u{e87e}";
    UPLOAD = "upload" "\u{e4be}";
    UPLOAD_SIMPLE = "upload-simple" "\u{e4c0}";
    USER = "user" "\u{e4c2}";
    USER_CIRCLE = "user-circle" "\u{e4c4}";
    USERS = "users" "\u{e4d6}";
    VIDEO = "video" "\u{e740}";
    WARNING = "warning" "\u{e4e0}";
    WARNING_CIRCLE = "warning-circle" "\u{e4e2}";
    WARNING_OCTAGON = "warning-octagon" "\u{e4e4}";
    WAVE_SINE = "wave-sine" "\u{ea9a}";
    WAVEFORM = "waveform" "\u{e802}";
    WIFI_HIGH = "wifi-high" "\u{e4ea}";
    WIFI_SLASH = "wifi-slash" "\u{e4f2}";
    WRENCH = "wrench" "\u{e5d4}";
    X = "x" "\u{e4f6}";
    X_CIRCLE = "x-circle" "\u{e4f8}";
    X_SQUARE = "x-square" "\u{e4fa}";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fonts;

    #[test]
    fn both_forms_of_every_icon_have_a_glyph() {
        let ctx = fonts::test_context();
        for family in [
            fonts::icons(),
            fonts::fill(),
            egui::FontFamily::Proportional,
            fonts::semibold(),
        ] {
            let font = egui::FontId::new(16.0, family);
            for (name, text) in ALL {
                assert!(
                    ctx.fonts_mut(|fonts| fonts.has_glyphs(&font, text)),
                    "{name} in {font:?}"
                );
            }
        }
    }

    #[test]
    fn no_icon_is_listed_twice() {
        let names: BTreeSet<_> = ALL.iter().map(|(name, _)| name).collect();
        let texts: BTreeSet<_> = ALL.iter().map(|(_, text)| text).collect();
        assert_eq!((names.len(), texts.len()), (ALL.len(), ALL.len()));
    }
}
