//! Where a project says its pictures are, so that it can be moved together with them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::path_text::PathText;

/// Folders that a relative path may climb: `../../photos/cat.jpg` is near, `../../../x` is somewhere else.
const NEAR: usize = 2;

/// A path in a project file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoredPath {
    /// From the project's folder, with `/` on all systems, when the file is below or near it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relative: Option<String>,
    /// From the root of the machine that saved.
    absolute: PathText,
}

impl StoredPath {
    /// The name of the file, for the user.
    pub fn file_name(&self) -> String {
        let relative = self
            .relative
            .as_deref()
            .and_then(|text| text.rsplit('/').next());
        relative.map_or_else(|| last_part(&self.absolute.0), str::to_owned)
    }

    /// Where the file was when the project was saved.
    pub fn absolute(&self) -> &Path {
        &self.absolute.0
    }
}

/// How `path` is written into a project that lies in `project_dir`.
pub fn portable_path(project_dir: &Path, path: &Path) -> StoredPath {
    let absolute = absolute(path);
    let relative = relative_text(&self::absolute(project_dir), &absolute).or_else(|| {
        // The two may name one place in two ways, as /tmp and /private/tmp do on macOS.
        let folder = fs::canonicalize(project_dir).ok()?;
        relative_text(&folder, &fs::canonicalize(path).ok()?)
    });
    StoredPath {
        relative,
        absolute: PathText(absolute),
    }
}

/// The file that a project in `project_dir` means, if it is there: first beside the project, then at its old place.
pub fn resolve(project_dir: &Path, stored: &StoredPath) -> Option<PathBuf> {
    let folder = absolute(project_dir);
    let folders = [Some(folder.clone()), fs::canonicalize(&folder).ok()];
    let relative = stored.relative.as_deref().and_then(relative_path);
    let beside = relative.into_iter().flat_map(|parts| {
        let folders = folders.iter().flatten();
        folders
            .map(move |folder| joined(folder, &parts))
            .collect::<Vec<_>>()
    });
    let absolute = Some(&stored.absolute.0)
        .filter(|path| path.is_absolute() && !is_on_foreign_share(path, &folder));
    // Only regular files: a project from somebody else must not make us read a device or pipe.
    beside.chain(absolute.cloned()).find(|path| path.is_file())
}

fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let climbs = absolute
        .components()
        .any(|part| part == Component::ParentDir);
    if !climbs {
        return absolute;
    }
    fs::canonicalize(&absolute).unwrap_or(absolute)
}

/// `path` from `folder`, both absolute, if it is near and text.
fn relative_text(folder: &Path, path: &Path) -> Option<String> {
    let [from, to] = [folder, path].map(|path| path.components().collect::<Vec<_>>());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let climb = from.len() - shared;
    let meets_in_a_folder = from[..shared]
        .iter()
        .any(|part| matches!(part, Component::Normal(_)));
    if climb > NEAR || (climb > 0 && !meets_in_a_folder) {
        return None;
    }
    let mut parts = vec![".."; climb];
    for part in &to[shared..] {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            _ => return None,
        }
    }
    Some(parts.join("/")).filter(|text| !text.is_empty())
}

/// The parts of a relative path, or `None` if it is not one on this system.
fn relative_path(text: &str) -> Option<Vec<Component<'_>>> {
    let parts = text.split('/').map(|part| {
        let mut components = Path::new(part).components();
        let only = components.next().filter(|_| components.next().is_none());
        only.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
    });
    parts.collect()
}

/// `..` is resolved by name, so that a folder reached through a link counts as being where the user sees it.
fn joined(folder: &Path, parts: &[Component<'_>]) -> PathBuf {
    let mut path = folder.to_owned();
    for part in parts {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

/// Whether a path leads to a network share that the project does not lie on.
///
/// Windows signs in at whatever share it is asked for: a project from somebody else could collect the user's
/// credentials with a mere path.
fn is_on_foreign_share(path: &Path, project_dir: &Path) -> bool {
    use std::path::Prefix::{DeviceNS, UNC, Verbatim, VerbatimUNC};
    let prefix = |path: &Path| match path.components().next() {
        Some(Component::Prefix(prefix)) => Some(prefix.as_os_str().to_owned()),
        _ => None,
    };
    let is_share = matches!(
        path.components().next(),
        Some(Component::Prefix(of)) if matches!(of.kind(), UNC(..) | VerbatimUNC(..) | DeviceNS(_) | Verbatim(_))
    );
    is_share && prefix(path) != prefix(project_dir)
}

/// The last part of a path of any system.
fn last_part(path: &Path) -> String {
    let text = path.to_string_lossy();
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(project_dir: &str, path: &str) -> StoredPath {
        portable_path(Path::new(project_dir), Path::new(path))
    }

    #[cfg(unix)]
    #[test]
    fn near_files_are_relative_and_far_ones_are_not() {
        let relative = |dir: &str, path: &str| stored(dir, path).relative;
        assert_eq!(
            relative("/u/a/p", "/u/a/p/x/图.png").as_deref(),
            Some("x/图.png")
        );
        assert_eq!(
            relative("/u/a/p", "/u/a/q/x.png").as_deref(),
            Some("../q/x.png")
        );
        assert_eq!(
            relative("/u/a/p", "/u/x.png").as_deref(),
            Some("../../x.png")
        );
        assert_eq!(relative("/u/a/p/deep", "/u/x.png"), None);
        assert_eq!(relative("/u", "/v/x.png"), None, "meets at the root only");
        assert_eq!(stored("/u", "/v/x.png").absolute(), Path::new("/v/x.png"));
        assert_eq!(stored("/u/a/p", "/u/a/q/x.png").file_name(), "x.png");
    }

    #[test]
    fn a_moved_project_finds_its_pictures() {
        let home = tempfile::tempdir().unwrap();
        let old = home.path().join("old");
        fs::create_dir_all(old.join("pictures")).unwrap();
        let picture = old.join("pictures/cat.png");
        fs::write(&picture, b"cat").unwrap();
        let stored = portable_path(&old, &picture);
        assert_eq!(resolve(&old, &stored), Some(picture.clone()));

        let elsewhere = home.path().join("a/b/c/d");
        fs::create_dir_all(&elsewhere).unwrap();
        assert_eq!(resolve(&elsewhere, &stored), Some(picture), "the old place");

        let new = home.path().join("new");
        fs::rename(&old, &new).unwrap();
        assert_eq!(resolve(&new, &stored), Some(new.join("pictures/cat.png")));
        assert_eq!(resolve(&elsewhere, &stored), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_project_reached_through_a_link_finds_its_pictures() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        fs::create_dir_all(home.join("real/deep/project")).unwrap();
        fs::create_dir_all(home.join("real/deep/pictures")).unwrap();
        fs::write(home.join("real/deep/pictures/cat.png"), b"cat").unwrap();
        std::os::unix::fs::symlink(home.join("real/deep/project"), home.join("link")).unwrap();
        let picture = home.join("real/deep/pictures/cat.png");
        let mut stored = portable_path(&home.join("link"), &picture);
        assert!(resolve(&home.join("link"), &stored).is_some());
        stored.relative = Some("../pictures/cat.png".to_owned());
        stored.absolute = PathText("/gone".into());
        assert!(resolve(&home.join("link"), &stored).is_some());
    }

    #[test]
    fn hostile_paths_resolve_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), b"x").unwrap();
        for text in [
            "",
            "/",
            "//x",
            "/etc/passwd",
            "a//x",
            ".",
            "x/",
            "./x",
            "..",
            "\0",
        ] {
            let stored = StoredPath {
                relative: Some(text.to_owned()),
                absolute: PathText("x".into()),
            };
            assert_eq!(resolve(folder.path(), &stored), None, "{text:?}");
        }
        let device = portable_path(folder.path(), Path::new("/dev/zero"));
        assert_eq!(resolve(folder.path(), &device), None);
    }

    #[test]
    fn a_stored_path_is_small_json() {
        let stored = StoredPath {
            relative: Some("cat.png".to_owned()),
            absolute: PathText("/u/cat.png".into()),
        };
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(json, r#"{"relative":"cat.png","absolute":"/u/cat.png"}"#);
        assert_eq!(serde_json::from_str::<StoredPath>(&json).unwrap(), stored);
    }
}
