//! The letters of the window: shipped fonts for our own words, fonts of the system for everybody's file names.
//!
//! [`install`] takes a context and sets its families. Files and licenses: `assets/fonts/README.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use egui::{
    Context, FallbackRequest, FontData, FontDefinitions, FontFamily, FontInsert, FontProvider,
    FontTweak, epaint, mutex::Mutex,
};

/// The font files: name, bytes, and how far the letters are moved down, in parts of their size.
///
/// egui centers the rows of two fonts on each other. Inter, the monospace face and the icons have the same middle as it
/// is; the box of Noto stands 0.07 too low for its baseline to meet that of Inter.
const FILES: [(&str, &[u8], f32); 7] = [
    (
        "Inter",
        include_bytes!("../../assets/fonts/ui/Inter-Regular.otf"),
        0.0,
    ),
    (
        "Inter SemiBold",
        include_bytes!("../../assets/fonts/ui/Inter-SemiBold.otf"),
        0.0,
    ),
    (
        "JetBrains Mono",
        include_bytes!("../../assets/fonts/ui/JetBrainsMono-Regular.ttf"),
        0.0,
    ),
    (
        "Noto Sans SC",
        include_bytes!("../../assets/fonts/ui/NotoSansSC-Regular.otf"),
        -0.07,
    ),
    (
        "Noto Sans SC Bold",
        include_bytes!("../../assets/fonts/ui/NotoSansSC-Bold.otf"),
        -0.07,
    ),
    (
        "Phosphor",
        include_bytes!("../../assets/fonts/ui/Phosphor-Regular.ttf"),
        0.0,
    ),
    (
        "Phosphor Fill",
        include_bytes!("../../assets/fonts/ui/Phosphor-Fill.ttf"),
        0.0,
    ),
];

/// The semibold text face: titles, the primary button.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// The outlined icons alone, whose row is exactly one em: for icons that are drawn in a box of their own.
pub fn icons() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// The filled icons: done, failed, warning.
pub fn fill() -> FontFamily {
    FontFamily::Name("fill".into())
}

/// Sets the families of `ctx` and arms the search for fonts of the system.
///
/// Call it once, before the first frame. The system's fonts are read in the background, and only once a text asks for
/// a character that no shipped font has; until they are found it shows as a box.
pub fn install(ctx: &Context) {
    ctx.set_fonts(definitions());
    ctx.set_font_providers(vec![Arc::new(SystemFonts::new(ctx))]);
}

/// The shipped fonts alone.
fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes, y_offset_factor) in FILES {
        let tweak = FontTweak {
            y_offset_factor,
            ..FontTweak::default()
        };
        let data = FontData::from_static(bytes).tweak(tweak);
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    }
    let chains: [(FontFamily, &[&str]); 5] = [
        (
            FontFamily::Proportional,
            &["Inter", "Noto Sans SC", "Phosphor", "JetBrains Mono"],
        ),
        (
            FontFamily::Monospace,
            &["JetBrains Mono", "Noto Sans SC", "Phosphor", "Inter"],
        ),
        (
            semibold(),
            &[
                "Inter SemiBold",
                "Noto Sans SC Bold",
                "Noto Sans SC",
                "Phosphor",
                "JetBrains Mono",
            ],
        ),
        (icons(), &["Phosphor"]),
        (fill(), &["Phosphor Fill"]),
    ];
    for (family, chain) in chains {
        let chain = chain.iter().map(|&name| name.to_owned()).collect();
        fonts.families.insert(family, chain);
    }
    fonts
}

/// Finds fonts of the system for characters that the shipped ones lack, without making a frame wait.
///
/// egui asks while it lays out text. A character that was looked up before is answered from memory; a new one is
/// noted and answered with none, a thread looks for it and has the context ask again.
struct SystemFonts {
    ctx: Context,
    search: Arc<Mutex<Search>>,
}

/// What the layout and the searching thread share.
#[derive(Default)]
struct Search {
    /// Answers: none means that no font of the system has the character.
    found: BTreeMap<char, Option<Found>>,
    wanted: BTreeSet<char>,
    running: bool,
    /// Read on the first search, kept for the next.
    fonts: Option<Arc<fontdb::Database>>,
}

/// A face of the system.
#[derive(Clone)]
struct Found {
    name: String,
    data: FontData,
}

impl SystemFonts {
    fn new(ctx: &Context) -> Self {
        Self {
            ctx: ctx.clone(),
            search: Arc::default(),
        }
    }

    /// Starts the thread; it ends once nothing is wanted.
    fn spawn(&self) {
        let (ctx, search) = (self.ctx.clone(), Arc::clone(&self.search));
        let provider = Self {
            ctx: ctx.clone(),
            search: Arc::clone(&search),
        };
        let thread = std::thread::Builder::new()
            .name("system fonts".to_owned())
            .spawn(move || {
                run(&search);
                // egui remembers misses: setting the providers anew makes it forget them.
                ctx.set_font_providers(vec![Arc::new(provider)]);
            });
        if let Err(error) = thread {
            self.search.lock().running = false;
            tracing::warn!(%error, "no search for fonts of the system");
        }
    }
}

impl FontProvider for SystemFonts {
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        let character = request.cluster.chars().next()?;
        let mut search = self.search.lock();
        if let Some(found) = search.found.get(&character) {
            let Found { name, data } = found.clone()?;
            return Some(FontInsert::new(&name, data, Vec::new()));
        }
        search.wanted.insert(character);
        if !std::mem::replace(&mut search.running, true) {
            drop(search);
            self.spawn();
        }
        None
    }
}

/// Answers what is wanted until nothing is left.
fn run(search: &Mutex<Search>) {
    let fonts = search.lock().fonts.clone().unwrap_or_else(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_system_fonts();
        Arc::new(fonts)
    });
    search.lock().fonts = Some(Arc::clone(&fonts));
    loop {
        let wanted = {
            let mut search = search.lock();
            if search.wanted.is_empty() {
                search.running = false;
                return;
            }
            std::mem::take(&mut search.wanted)
        };
        let found = find(&fonts, wanted);
        search.lock().found.extend(found);
    }
}

/// A face for each of `wanted`, or none. Opens each face at most once.
fn find(fonts: &fontdb::Database, mut wanted: BTreeSet<char>) -> BTreeMap<char, Option<Found>> {
    let mut found = BTreeMap::new();
    for face in candidates(fonts) {
        if wanted.is_empty() {
            break;
        }
        let Some(face) = open(face) else { continue };
        let has = characters_in(&face, &wanted);
        wanted.retain(|character| !has.contains(character));
        found.extend(has.into_iter().map(|it| (it, Some(face.clone()))));
    }
    found.extend(wanted.into_iter().map(|character| (character, None)));
    found
}

/// The upright regular faces, those made for text on screens first.
fn candidates(fonts: &fontdb::Database) -> Vec<&fontdb::FaceInfo> {
    const PREFERRED: [&str; 14] = [
        "Noto Sans CJK SC",
        "Microsoft YaHei",
        "PingFang SC",
        "Hiragino Sans",
        "Yu Gothic UI",
        "Malgun Gothic",
        "Apple SD Gothic Neo",
        "Segoe UI",
        "Helvetica Neue",
        "Arial",
        "Arial Unicode MS",
        "Segoe UI Symbol",
        "Apple Symbols",
        "DejaVu Sans",
    ];
    let place = |face: &fontdb::FaceInfo| {
        let name = face.families.first().map_or("", |(name, _)| name.as_str());
        let preferred = PREFERRED.iter().position(|&it| it == name);
        let sans = name.contains("Sans") || name.contains("UI");
        (preferred.unwrap_or(PREFERRED.len()), !sans)
    };
    let mut faces: Vec<_> = fonts
        .faces()
        .filter(|face| face.style == fontdb::Style::Normal && face.weight == fontdb::Weight::NORMAL)
        .collect();
    faces.sort_by_key(|face| place(face));
    faces
}

/// Reads a face's file.
fn open(face: &fontdb::FaceInfo) -> Option<Found> {
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = match &face.source {
        fontdb::Source::File(path) => Arc::new(std::fs::read(path).ok()?),
        fontdb::Source::Binary(bytes) | fontdb::Source::SharedFile(_, bytes) => bytes.clone(),
    };
    Some(Found {
        name: format!("system: {}", face.post_script_name),
        data: FontData::from_blob(bytes, face.index),
    })
}

/// Which of `wanted` the face has.
fn characters_in(face: &Found, wanted: &BTreeSet<char>) -> Vec<char> {
    // egui panics on configured fonts that it can't parse, but only warns of discovered ones.
    let data = face.data.clone();
    let name = face.name.clone();
    let provider =
        move |_: &FallbackRequest<'_>| Some(FontInsert::new(&name, data.clone(), Vec::new()));
    let mut fonts =
        epaint::text::Fonts::new(epaint::text::TextOptions::default(), definitions_of_one())
            .with_font_providers(vec![Arc::new(provider)]);
    let font = egui::FontId::proportional(12.0);
    let has = |character: &char| fonts.has_glyph(&font, *character);
    wanted.iter().copied().filter(has).collect()
}

/// A chain with one small font that has none of the wanted characters.
fn definitions_of_one() -> FontDefinitions {
    let mut fonts = definitions();
    fonts.font_data.retain(|name, _| name == "Phosphor");
    fonts.families = BTreeMap::from([(FontFamily::Proportional, vec!["Phosphor".to_owned()])]);
    fonts
}

/// A context with the shipped fonts and without those of the system, in the middle of a pass.
#[cfg(test)]
pub(crate) fn test_context() -> Context {
    let ctx = Context::default();
    ctx.set_fonts(definitions());
    ctx.begin_pass(egui::RawInput::default());
    ctx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_icons_and_chinese_stand_in_every_text_family() {
        let ctx = test_context();
        for family in [FontFamily::Proportional, FontFamily::Monospace, semibold()] {
            let font = egui::FontId::new(13.0, family);
            for text in [
                "Zażółć gęślą jaźń, Ωμέγα, Щука",
                "→ × ≤ – “ ” …",
                "相似度：图块，“训练”",
                crate::icons::CROSSHAIR_SIMPLE,
            ] {
                let missing: String = text
                    .chars()
                    .filter(|&c| !ctx.fonts_mut(|fonts| fonts.has_glyph(&font, c)))
                    .collect();
                assert_eq!(missing, "", "{font:?}");
            }
        }
    }

    #[test]
    fn figures_have_one_width() {
        let ctx = test_context();
        let font = egui::FontId::proportional(13.0);
        let width = |c| ctx.fonts_mut(|fonts| fonts.glyph_width(&font, c));
        for figure in '0'..='9' {
            assert!((width(figure) - width('0')).abs() < 1e-3, "{figure}");
        }
    }

    #[test]
    fn latin_and_chinese_share_a_baseline() {
        let ctx = test_context();
        let galley = ctx.fonts_mut(|fonts| {
            fonts.layout_no_wrap(
                "A图".to_owned(),
                egui::FontId::proportional(100.0),
                egui::Color32::WHITE,
            )
        });
        let glyphs = &galley.rows[0].row.glyphs;
        let bottom = |index: usize| {
            let glyph = &glyphs[index];
            glyph.pos.y + glyph.uv_rect.offset.y + glyph.uv_rect.size.y
        };
        // The box of an ideograph reaches 0.12 below the baseline, its strokes about 0.09.
        let below = bottom(1) - bottom(0);
        assert!((5.0..13.0).contains(&below), "{below}");
    }

    #[test]
    fn a_face_of_the_system_answers_for_the_characters_that_it_has() {
        let face = Found {
            name: "test".to_owned(),
            data: FontData::from_static(FILES[0].1),
        };
        let wanted = BTreeSet::from(['Ж', '한']);
        assert_eq!(characters_in(&face, &wanted), ['Ж']);
    }

    #[test]
    fn a_broken_font_of_the_system_is_passed_over() {
        let face = Found {
            name: "broken".to_owned(),
            data: FontData::from_static(b"not a font"),
        };
        assert!(characters_in(&face, &BTreeSet::from(['Ж'])).is_empty());
    }

    #[test]
    fn a_missing_character_is_searched_once_and_then_remembered() {
        let ctx = Context::default();
        let provider = SystemFonts::new(&ctx);
        provider.search.lock().running = true;
        let request = FallbackRequest {
            cluster: "한",
            family: &FontFamily::Proportional,
        };
        assert!(provider.font_for(&request).is_none());
        assert_eq!(provider.search.lock().wanted, BTreeSet::from(['한']));
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FILES[3].1.to_vec());
        provider.search.lock().fonts = Some(Arc::new(fonts));
        provider.search.lock().wanted.insert('图');
        run(&provider.search);
        let known = FallbackRequest {
            cluster: "图",
            family: &FontFamily::Proportional,
        };
        assert!(provider.font_for(&known).is_some());
        assert!(provider.font_for(&request).is_none());
        assert!(provider.search.lock().wanted.is_empty());
    }
}
