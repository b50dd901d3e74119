//! The catalogues agree with each other and with the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::*;

/// Variables of each message, by id.
type Variables = BTreeMap<&'static str, BTreeSet<String>>;

fn variables_in(text: &str) -> BTreeSet<String> {
    text.split('$')
        .skip(1)
        .map(|rest| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            rest.chars().take_while(|&c| is_name(c)).collect()
        })
        .collect()
}

/// The ids and variables of one file; panics on an id that stands twice.
fn variables(source: &'static str) -> Variables {
    let mut found = Variables::new();
    let mut current = None;
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if let Some(id) = id_of_line(line) {
            assert!(
                found.insert(id, BTreeSet::new()).is_none(),
                "{id} stands twice"
            );
            current = Some(id);
        }
        if let Some(id) = current {
            found.entry(id).or_default().extend(variables_in(line));
        }
    }
    found
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

/// The sources of the window without comments, and where each stands.
fn sources() -> Vec<(PathBuf, String)> {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&ui.join("src"), &mut files);
    rust_files(&ui.join("../src-tauri/src"), &mut files);
    files.retain(|path| !path.ends_with("text.rs") && !path.ends_with("text/tests.rs"));
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let code: Vec<_> = text
            .lines()
            .filter(|it| !it.trim_start().starts_with("//"))
            .collect();
        (path, code.join("\n"))
    };
    files.into_iter().map(read).collect()
}

/// The text literals of `code`, simple ones: ids hold no escapes.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2)
}

/// The second arguments of all calls of `tr` and `tr_with` in `code`.
fn message_arguments(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for name in ["tr(", "tr_with("] {
        for (at, _) in code.match_indices(name) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && before != '_' {
                found.extend(second_argument(&code[at + name.len()..]));
            }
        }
    }
    found
}

fn second_argument(call: &str) -> Option<&str> {
    let (mut depth, mut start) = (0, None);
    let mut quoted = false;
    for (at, c) in call.char_indices() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' => return start.map(|start| &call[start..at]),
            ',' if depth == 0 => match start {
                None => start = Some(at + 1),
                Some(start) => return Some(&call[start..at]),
            },
            _ => {}
        }
    }
    None
}

#[test]
fn both_languages_have_the_same_messages_with_the_same_variables() {
    for &(area, en, zh) in AREAS {
        let (en, zh) = (variables(en), variables(zh));
        for (id, variables) in &en {
            assert_eq!(Some(variables), zh.get(id), "{area}: {id}");
        }
        let extra: Vec<_> = zh.keys().filter(|id| !en.contains_key(*id)).collect();
        assert!(extra.is_empty(), "{area}: only in Chinese: {extra:?}");
    }
}

#[test]
fn every_message_stands_in_one_area_and_can_be_read() {
    for lang in Lang::ALL {
        let mut seen = BTreeMap::new();
        for &(area, en, zh) in AREAS {
            let source = if lang == Lang::En { en } else { zh };
            let faults = FluentResource::try_new(source.to_owned())
                .err()
                .map(|(_, errors)| errors);
            assert_eq!(faults, None, "{area}, {lang:?}");
            for id in ids(source) {
                let before = seen.insert(id, area);
                assert_eq!(before, None, "{id} stands in two areas");
            }
        }
    }
}

#[test]
fn every_message_that_the_sources_name_exists() {
    let known: BTreeSet<_> = Lang::En.sources().flat_map(ids).collect();
    let mut missing = Vec::new();
    for (path, code) in sources() {
        for id in message_arguments(&code).into_iter().flat_map(literals) {
            if !known.contains(id) {
                missing.push(format!("{id} in {}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_message_is_used() {
    let sources = sources();
    let used: BTreeSet<_> = sources
        .iter()
        .flat_map(|(_, code)| literals(code))
        .collect();
    let unused: Vec<_> = Lang::En
        .sources()
        .flat_map(ids)
        // Those of commands are put together from the names of the commands.
        .filter(|id| !id.starts_with("cmd-") && !used.contains(id))
        .collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn the_scan_finds_ids_in_calls() {
    let code = r#"ui.label(tr(ui, "a-b")); tr_with(ctx, match (x, 1) { X => "c", Y => "d" }, &[("n", 1.into())]); attr(x, "no")"#;
    let found: Vec<_> = message_arguments(code)
        .into_iter()
        .flat_map(literals)
        .collect();
    assert_eq!(found, ["a-b", "c", "d"]);
}

#[test]
fn every_character_of_the_catalogues_has_a_glyph() {
    let ctx = crate::fonts::test_context();
    let font = egui::FontId::proportional(13.0);
    let characters: BTreeSet<char> = Lang::ALL
        .into_iter()
        .flat_map(Lang::sources)
        .flat_map(str::chars)
        .collect();
    let missing: String = characters
        .into_iter()
        .filter(|it| !it.is_control() && !ctx.fonts_mut(|fonts| fonts.has_glyph(&font, *it)))
        .collect();
    assert_eq!(missing, "");
}

#[test]
fn a_message_follows_the_language() {
    let ctx = Context::default();
    assert_eq!(tr(&ctx, "app-explore"), "Explore");
    set(&ctx, Lang::ZhCn);
    assert_eq!(lang(&ctx), Lang::ZhCn);
    assert_eq!(tr(&ctx, "app-explore"), "探索");
}

#[test]
fn numbers_and_plurals_follow_the_language() {
    let ctx = Context::default();
    let patches = |count: i32| tr_with(&ctx, "similarity-patches", &[("count", count.into())]);
    assert_eq!(patches(1536), "1,536 patches");
    assert_eq!(patches(1), "1 patch");
    set(&ctx, Lang::ZhCn);
    assert_eq!(patches(1536), "1536 图块");
}

#[test]
fn an_unknown_message_shows_its_id() {
    let ctx = Context::default();
    assert_eq!(tr(&ctx, "no-such-message"), "no-such-message");
}

#[test]
fn a_fixed_message_is_shared_and_not_made_anew() {
    let ctx = Context::default();
    let (one, two) = (tr(&ctx, "app-explore"), tr(&ctx, "app-explore"));
    assert!(Arc::ptr_eq(&one.0, &two.0));
}

#[test]
fn locales_of_systems_are_understood() {
    for (locale, lang) in [
        ("zh-Hans-CN", Lang::ZhCn),
        ("zh_CN.UTF-8", Lang::ZhCn),
        ("de-DE", Lang::En),
        ("", Lang::En),
    ] {
        assert_eq!(Lang::of_locale(locale), lang, "{locale}");
    }
}

#[test]
fn analyses_speak_chinese() {
    let known: BTreeSet<String> = ids(ANALYSES).map(str::to_owned).collect();
    let mut wanted = BTreeSet::new();
    for analysis in dinoscope_engine::analysis::Analysis::all() {
        let of = analysis.get().id();
        wanted.insert(format!("analyses-{of}-about"));
        for setting in analysis.settings() {
            let id = format!("analyses-{of}-{}", setting.name);
            wanted.extend([format!("{id}-help"), id]);
        }
    }
    let missing: Vec<_> = wanted.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let others = |id: &&String| {
        let of_results = ["analyses-number-", "analyses-choice-"];
        !of_results.iter().any(|it| id.starts_with(it)) && !id.ends_with("-verdict")
    };
    let stray: Vec<_> = known.difference(&wanted).filter(others).collect();
    assert!(stray.is_empty(), "{stray:#?}");
}

#[test]
fn verdicts_choose_their_sentence_by_the_numbers() {
    let ctx = Context::default();
    let say = |ctx: &Context, id: &str, values: &[(&'static str, f64)], alike: &'static str| {
        let mut values: Vec<(&str, Value<'_>)> = values
            .iter()
            .map(|&(name, value)| (name, value.into()))
            .collect();
        values.extend([("name", "cat.png".into()), ("alike", alike.into())]);
        tr_if_known(ctx, id, &values).map(String::from)
    };
    let (norm, health) = ("analyses-norm-verdict", "analyses-health-verdict");
    assert_eq!(say(&ctx, norm, &[("outliers", 0.0)], "no"), None);
    set(&ctx, Lang::ZhCn);
    let none = say(&ctx, norm, &[("outliers", 0.0)], "no").unwrap();
    assert!(none.starts_with("cat.png：没有图块长于"), "{none}");
    let some = say(&ctx, norm, &[("outliers", 12.0)], "no").unwrap();
    assert!(some.starts_with("cat.png：12 个图块长于"), "{some}");
    let one = say(&ctx, health, &[("outlier_channels", 1.0)], "no").unwrap();
    assert!(
        one.contains("一个通道") && !one.contains("几乎相同"),
        "{one}"
    );
    let alike = say(&ctx, health, &[("outlier_channels", 0.0)], "yes").unwrap();
    assert!(
        alike.contains("没有通道") && alike.contains("几乎相同"),
        "{alike}"
    );
}
