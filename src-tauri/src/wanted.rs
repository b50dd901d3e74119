//! What a start of the app asks for: the files and links among its arguments.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use tauri::Url;

use crate::link;

/// Files to open at once, and links to ask about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Full paths.
    pub(crate) files: Vec<PathBuf>,
    /// Well-made links; others are logged and left out.
    pub(crate) links: Vec<String>,
}

impl Wanted {
    /// Sorts arguments; relative paths start at `folder`.
    pub(crate) fn from_args(args: &[OsString], folder: &Path) -> Self {
        let mut wanted = Self::default();
        for arg in args {
            wanted.add(arg, folder);
        }
        wanted
    }

    /// The same for addresses, as macOS sends them.
    #[cfg(target_os = "macos")]
    pub(crate) fn from_urls(urls: &[Url]) -> Self {
        let args: Vec<OsString> = urls.iter().map(|url| url.as_str().into()).collect();
        Self::from_args(&args, Path::new(""))
    }

    fn add(&mut self, arg: &OsStr, folder: &Path) {
        match arg.to_str() {
            Some(text) if link::is_link(text) => match link::check(text) {
                Ok(()) => self.links.push(text.to_owned()),
                Err(error) => tracing::warn!(%error, "a link was left out"),
            },
            Some(text) if text.starts_with("file://") => {
                if let Some(path) = path_of_address(text) {
                    self.files.push(path);
                } else {
                    tracing::warn!(address = text, "not a file of this computer");
                }
            }
            _ => self.files.push(folder.join(arg)),
        }
    }
}

/// File managers hand over addresses.
fn path_of_address(text: &str) -> Option<PathBuf> {
    Url::parse(text).ok()?.to_file_path().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn wanted(args: &[&str]) -> Wanted {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Wanted::from_args(&args, Path::new("/home/ana"))
    }

    #[test]
    fn paths_start_at_the_folder_and_addresses_become_paths() {
        let found = wanted(&["cat.jpg", "/photos", "file:///a%20b/%E7%8C%AB.jpg"]);
        let expected = ["/home/ana/cat.jpg", "/photos", "/a b/猫.jpg"].map(PathBuf::from);
        assert_eq!(found.files, expected);
        assert!(found.links.is_empty());
    }

    #[test]
    fn broken_links_and_files_of_other_computers_are_left_out() {
        let found = wanted(&["dinoscope://close", "file://server/cat.jpg"]);
        assert_eq!(found, Wanted::default());
    }

    #[test]
    fn links_are_kept_apart_from_files() {
        let found = wanted(&["dinoscope://open?file=/a.jpg"]);
        assert!(found.files.is_empty());
        assert_eq!(found.links, ["dinoscope://open?file=/a.jpg"]);
    }

    #[test]
    fn names_that_are_not_unicode_are_kept() {
        use std::os::unix::ffi::OsStringExt;
        let name = OsString::from_vec(vec![b'/', 0xff]);
        let found = Wanted::from_args(std::slice::from_ref(&name), Path::new("/"));
        assert_eq!(found.files, [PathBuf::from(name)]);
    }
}
