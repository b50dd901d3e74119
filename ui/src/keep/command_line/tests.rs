//! Lines as they are read back by a real sh, and by the rules of PowerShell.

use proptest::prelude::*;

use super::*;

fn similarity() -> SimilarityCall {
    SimilarityCall {
        image: "my cats/it's.jpg".into(),
        at: vec![[172.0, 112.5], [-0.5, 3.0]],
        not: vec![[1.0 / 3.0, 7.0]],
        against: vec!["b.jpg".into(), "-c.jpg".into()],
        top: 5,
        features: Features {
            model: "vits16".to_owned(),
            size: "native".to_owned(),
            layer: "5".to_owned(),
            norm: "none".to_owned(),
        },
        look: Look {
            colormap: "inferno".to_owned(),
            alpha: 0.78,
            range: Some((-1.0, 0.5)),
        },
    }
}

#[test]
fn a_similarity_view_is_one_line() {
    assert_eq!(
        similarity().line(Shell::Posix),
        "dinoscope similarity 'my cats/it'\\''s.jpg' --at 172,112.5 --at=-0.5,3 --not 0.33,7 \
         --against b.jpg ./-c.jpg --top 5 --colormap inferno --overlay 0.78 --range=-1,0.5 \
         --model vits16 --size native --layer 5 --norm none"
    );
    assert!(
        similarity()
            .line(Shell::PowerShell)
            .starts_with("dinoscope similarity 'my cats/it''s.jpg' --at '172,112.5' '--at=-0.5,3'")
    );
}

#[test]
fn defaults_are_left_out() {
    let call = PcaCall {
        images: vec!["a.jpg".into(), "图.jpg".into()],
        components: vec![0, 1, 2],
        foreground: false,
        basis: None,
        features: Features::default(),
    };
    assert_eq!(call.line(Shell::Posix), "dinoscope pca a.jpg 图.jpg");
    let call = PcaCall {
        components: vec![3, 1, 0],
        foreground: true,
        basis: Some("frozen basis.safetensors".into()),
        ..call
    };
    assert_eq!(
        call.line(Shell::Posix),
        "dinoscope pca a.jpg 图.jpg --components 3,1,0 --foreground --basis 'frozen basis.safetensors'"
    );
}

#[test]
fn matches_and_analyses_have_their_commands() {
    let call = MatchCall {
        a: "a.jpg".into(),
        b: "b.jpg".into(),
        mutual: true,
        stratify_px: Some(24.0),
        refine: true,
        features: Features::default(),
    };
    let line = call.line(Shell::Posix);
    assert_eq!(
        line,
        "dinoscope match a.jpg b.jpg --mutual --stratify 24 --refine"
    );
    let call = AnalyzeCall {
        name: "region".to_owned(),
        images: vec!["cat.jpg".into()],
        set: vec![("points".to_owned(), "120,60;220,140".to_owned())],
        features: Features::default(),
    };
    let line = call.line(Shell::Posix);
    assert_eq!(
        line,
        "dinoscope analyze region cat.jpg --set 'points=120,60;220,140'"
    );
}

/// What PowerShell makes of words in single quotes and of bare ones.
fn powershell_words(line: &str) -> Vec<String> {
    let is_quote = |c: char| matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}');
    let mut words = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let word = words.last_mut().unwrap();
        match c {
            c if is_quote(c) && quoted && chars.peek().is_some_and(|&next| is_quote(next)) => {
                word.push(c);
                chars.next();
            }
            c if is_quote(c) => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c if !quoted && "`$\"&|;<>(){}@#,".contains(c) => panic!("bare {c} in {line}"),
            c => word.push(c),
        }
    }
    assert!(!quoted, "{line}");
    words
}

proptest! {
    #[test]
    fn powershell_reads_every_word_back(words in proptest::collection::vec("[^\0]{0,12}", 1..5)) {
        let line = Line(words.clone()).quoted(Shell::PowerShell);
        prop_assert_eq!(powershell_words(&line), words);
    }
}

#[cfg(unix)]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sh_reads_every_word_back(words in proptest::collection::vec("[^\0]{0,12}|[ -~]{0,12}", 1..5)) {
        let line = Line(words.clone()).quoted(Shell::Posix);
        let script = format!("printf '%s\\0' {line}");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let read: Vec<&str> = text.strip_suffix('\0').unwrap().split('\0').collect();
        prop_assert_eq!(read, words);
    }
}
