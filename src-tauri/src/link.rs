//! `dinoscope://` links: what a web page or another program may ask for.
//!
//! `dinoscope://open?file=/photos/cat.jpg&file=/photos/a%20dog.jpg`, percent-encoded UTF-8. Anybody can make such a link,
//! so only a well-made one that names files of this computer gets as far as the window, which asks before it acts.

use std::path::Path;

use tauri::Url;
use thiserror::Error;

/// The scheme, as it is registered with the system.
const SCHEME: &str = "dinoscope";
/// Longest link in bytes.
const MAX_BYTES: usize = 4096;
/// Most files that one link may name.
const MAX_FILES: usize = 32;

/// Why a link is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum LinkError {
    #[error("link has {found} bytes, expected at most {MAX_BYTES}")]
    Long { found: usize },
    #[error("not an address: {reason}")]
    Address { reason: String },
    #[error("link must be dinoscope://open?file=…")]
    Action,
    #[error("link has an unknown part \"{found}\", expected file=…")]
    Part { found: String },
    #[error("link names {found} files, expected 1 to {MAX_FILES}")]
    Files { found: usize },
    #[error("link must name a file of this computer by its full path, found \"{found}\"")]
    Place { found: String },
}

/// Whether `text` claims to be a link of ours, well made or not.
pub(crate) fn is_link(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
}

/// Refuses what is not a well-made link.
pub(crate) fn check(text: &str) -> Result<(), LinkError> {
    if text.len() > MAX_BYTES {
        return Err(LinkError::Long { found: text.len() });
    }
    let url = Url::parse(text).map_err(|error| LinkError::Address {
        reason: error.to_string(),
    })?;
    check_action(&url)?;
    let mut files = 0;
    for (name, value) in url.query_pairs() {
        if name != "file" {
            return Err(LinkError::Part { found: name.into() });
        }
        check_place(&value)?;
        files += 1;
    }
    if (1..=MAX_FILES).contains(&files) {
        Ok(())
    } else {
        Err(LinkError::Files { found: files })
    }
}

fn check_action(url: &Url) -> Result<(), LinkError> {
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && url.fragment().is_none()
        && matches!(url.path(), "" | "/");
    if url.scheme() == SCHEME && url.host_str() == Some("open") && plain {
        Ok(())
    } else {
        Err(LinkError::Action)
    }
}

/// A path is absolute and without surprises. Two slashes at the beginning would make Windows contact another computer
/// and tell it the user's name.
fn check_place(text: &str) -> Result<(), LinkError> {
    let slash = |at: usize| matches!(text.as_bytes().get(at), Some(b'\\' | b'/'));
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    if !Path::new(text).is_absolute() || (slash(0) && slash(1)) || text.contains(odd) {
        return Err(LinkError::Place { found: text.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_of_this_computer_are_let_in() {
        for link in [
            "dinoscope://open?file=/cat.jpg",
            "dinoscope://open/?file=%2Fa%20b%2F%E7%8C%AB.jpg&file=/c.png",
        ] {
            assert_eq!(check(link), Ok(()), "{link}");
        }
    }

    #[test]
    fn other_addresses_and_parts_are_refused() {
        for text in [
            "http://open?file=/a",
            "dinoscope:open?file=/a",
            "dinoscope://close?file=/a",
            "dinoscope://open/x?file=/a",
            "dinoscope://me@open?file=/a",
            "dinoscope://open:80?file=/a",
            "dinoscope://open?file=/a#x",
            "dinoscope://open?run=rm",
            "dinoscope://open?",
            "dinoscope://open",
            "dinoscope://[",
            "",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_that_are_not_plainly_here_are_refused() {
        for file in [
            "",
            "cat.jpg",
            "../cat.jpg",
            "//server/share/cat.jpg",
            "%5C%5Cserver%5Cshare%5Ccat.jpg",
            "/cat%00.jpg",
            "/cat%0A.jpg",
            "/cat%FF.jpg",
        ] {
            let found = check(&format!("dinoscope://open?file={file}"));
            assert!(matches!(found, Err(LinkError::Place { .. })), "{file}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn length_and_number_have_a_limit() {
        let long = format!("dinoscope://open?file=/{}", "a".repeat(MAX_BYTES));
        assert!(matches!(check(&long), Err(LinkError::Long { .. })));
        let many = format!("dinoscope://open?{}", "file=/a&".repeat(MAX_FILES + 1));
        let found = MAX_FILES + 1;
        assert_eq!(check(&many), Err(LinkError::Files { found }));
    }

    #[test]
    fn links_are_told_from_files() {
        assert!(is_link("dinoscope://open?file=/a") && is_link("DINOSCOPE:x"));
        assert!(!is_link("/tmp/dinoscope") && !is_link("C:\\dinoscope") && !is_link("a:b"));
    }
}
