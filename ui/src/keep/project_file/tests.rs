//! Round trips, and files that are anything but projects.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Document {
    title: String,
    #[serde(default)]
    opacity: f64,
    #[serde(default)]
    pins: Vec<(u32, u32)>,
}

fn write(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dinoscope");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn error_of(content: impl AsRef<[u8]>) -> ProjectError {
    let (_folder, path) = write(content);
    load::<Document>(&path).unwrap_err()
}

#[test]
fn the_header_is_as_documented() {
    let (_folder, path) = write("");
    let document = Document {
        title: "图".to_owned(),
        ..Document::default()
    };
    save(&path, &document).unwrap();
    let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(value["dinoscope"], json!(1));
    assert_eq!(value["app"], json!(env!("CARGO_PKG_VERSION")));
    assert_eq!(value["document"]["title"], json!("图"));
    let loaded = load::<Document>(&path).unwrap();
    assert_eq!(loaded.document, document);
    assert!(!loaded.is_newer);
}

#[test]
fn unknown_fields_are_passed_over_and_a_newer_app_is_told() {
    let content = json!({
        "later": [1, { "x": null }], "dinoscope": 1, "app": "999.1.0",
        "document": { "title": "a", "later": { "deep": [[[]]] } },
    });
    let (_folder, path) = write(content.to_string());
    let loaded = load::<Document>(&path).unwrap();
    assert_eq!(loaded.document.title, "a");
    assert!(loaded.is_newer);
    assert!(version("0.10.0") > version("0.9.9-beta"));
}

#[test]
fn each_kind_of_wrong_file_is_told_apart() {
    for content in [&b""[..], b"\x89PNG\r\n\x1a\n", b"hello", b"\xff\xfe"] {
        assert!(
            matches!(error_of(content), ProjectError::NotJson(_)),
            "{content:?}"
        );
    }
    for content in [
        "[]",
        "3",
        "{}",
        r#"{"dinoscope":"x"}"#,
        r#"{"dinoscope":0,"document":1}"#,
    ] {
        assert!(
            matches!(error_of(content), ProjectError::NotAProject(_)),
            "{content}"
        );
    }
    let newer = error_of(r#"{"dinoscope":2,"app":"3.0.0","document":{"all":"new"}}"#);
    let text = newer.to_string();
    assert!(
        text.contains("update Dinoscope") && text.contains("3.0.0"),
        "{text}"
    );
    assert!(matches!(newer, ProjectError::Newer { found: 2, .. }));
}

#[test]
fn damage_is_told_with_its_place() {
    let damage = error_of("{\n\"dinoscope\": 1,\n\"document\": { \"title\": 5 }\n}");
    assert!(
        matches!(damage, ProjectError::Damaged { line: 3, .. }),
        "{damage}"
    );
    let cut = error_of("{\n\"dinoscope\": 1,\n\"document\": { \"tit");
    assert!(
        matches!(cut, ProjectError::Damaged { line: 3, .. }),
        "{cut}"
    );
    let absent = error_of(r#"{"dinoscope":1}"#);
    assert!(absent.to_string().contains("document"), "{absent}");
}

#[test]
fn hostile_files_are_refused_within_bounds() {
    let deep = format!(r#"{{"dinoscope":1,"document":{}"#, "[".repeat(5_000_000));
    assert!(matches!(error_of(&deep), ProjectError::Damaged { .. }));
    let closed = format!(
        r#"{{"dinoscope":1,"x":{}{},"document":{{"title":"a","x":{}{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000),
        "[".repeat(100_000),
        "]".repeat(100_000),
    );
    let (_folder, path) = write(closed);
    assert_eq!(load::<Document>(&path).unwrap().document.title, "a");
    assert!(load::<Value>(&path).is_err(), "too deep to be kept");

    let (_folder, path) = write("");
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(MAX_BYTES + 1)
        .unwrap();
    assert!(matches!(
        load::<Document>(&path),
        Err(ProjectError::TooLarge { found, .. }) if found == MAX_BYTES + 1
    ));
    assert!(
        load::<Document>(path.parent().unwrap()).is_err(),
        "a folder"
    );
    assert!(
        load::<Document>(Path::new("/dev/zero")).is_err(),
        "a device"
    );
}

#[test]
fn what_could_not_be_opened_again_is_not_written() {
    let (_folder, path) = write("old");
    let document = Document {
        opacity: f64::NAN,
        ..Document::default()
    };
    let error = save(&path, &document).unwrap_err();
    assert!(
        matches!(error, ProjectError::Inexpressible { .. }),
        "{error}"
    );
    let large = Document {
        title: "x".repeat(MAX_BYTES as usize),
        ..Document::default()
    };
    assert!(matches!(
        save(&path, &large),
        Err(ProjectError::TooLarge { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

proptest! {
    #[test]
    fn documents_come_back(title in ".*", pins in proptest::collection::vec(any::<(u32, u32)>(), 0..9)) {
        let (_folder, path) = write("");
        let document = Document { title, pins, opacity: 0.5 };
        save(&path, &document).unwrap();
        prop_assert_eq!(load::<Document>(&path).unwrap().document, document);
    }

    #[test]
    fn any_bytes_are_an_error_or_a_document(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (_folder, path) = write(&bytes);
        prop_assert!(load::<Document>(&path).is_err());
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0_usize..80, byte in any::<u8>()) {
        let mut bytes = br#"{"dinoscope":1,"app":"0.1.0","document":{"title":"a","opacity":0.5}}"#.to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let (_folder, path) = write(&bytes);
        let _ = load::<Document>(&path);
    }
}
