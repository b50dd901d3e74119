//! The user's settings: `settings.json` in the folder of the user's configuration.
//!
//! Nothing in the file can keep the app from starting: what cannot be read is set aside and told. Several instances may
//! run: each writes what it changed itself and leaves the rest as the others wrote it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use egui::{Theme, ThemePreference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{path_text, project_file::ProjectError};

mod file;
mod recent;

pub use recent::Recent;

/// Dark, light, or as the system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the system is.
    #[default]
    System,
    /// Always dark.
    Dark,
    /// Always light.
    Light,
}

impl ThemeChoice {
    /// All choices, in the order of the settings page.
    pub const ALL: [Self; 3] = [Self::System, Self::Dark, Self::Light];

    /// What egui is told.
    pub const fn preference(self) -> ThemePreference {
        match self {
            Self::System => ThemePreference::System,
            Self::Dark => ThemePreference::Dark,
            Self::Light => ThemePreference::Light,
        }
    }

    /// What the command that switches the theme makes of it, when `shown` is to be seen: the other one.
    #[must_use]
    pub const fn next(self, shown: Theme) -> Self {
        match shown {
            Theme::Dark => Self::Light,
            Theme::Light => Self::Dark,
        }
    }
}

/// All settings. A field that a file lacks has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Locale of the texts, such as `zh-CN`; the system's without one.
    pub language: Option<String>,
    /// Dark or light.
    pub theme: ThemeChoice,
    /// Size of text and controls, 0.8 to 2.
    pub text_scale: f32,
    /// Whether nothing moves; as the system says without a choice.
    pub reduced_motion: Option<bool>,
    /// Where networks run, as for `--device`.
    pub device: String,
    /// Memory for features, in bytes.
    pub cache_bytes: u64,
    /// Shortcuts that differ from the defaults: id of a command, then all its shortcuts.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Width of the library in points.
    pub library_width: f32,
    /// Width of the inspector in points.
    pub inspector_width: f32,
    /// Folder of the last export.
    #[serde(with = "path_text::optional")]
    pub export_folder: Option<PathBuf>,
    /// Pixels of an exported figure for each pixel of the picture, 1 to 4.
    pub figure_scale: u32,
    /// Whether the lesson was finished or closed.
    pub lesson_done: bool,
    /// Projects, newest first.
    pub recent_projects: Vec<Recent>,
    /// Pictures, newest first.
    pub recent_pictures: Vec<Recent>,
    /// Folders of pictures, newest first.
    pub recent_folders: Vec<Recent>,
    /// Models by name or path, newest first.
    pub recent_models: Vec<Recent>,
    /// What this instance last read or wrote.
    #[serde(skip)]
    base: Base,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: None,
            theme: ThemeChoice::System,
            text_scale: 1.0,
            reduced_motion: None,
            device: "auto".to_owned(),
            cache_bytes: 2 << 30,
            keys: BTreeMap::new(),
            library_width: 228.0,
            inspector_width: 292.0,
            export_folder: None,
            figure_scale: 2,
            lesson_done: false,
            recent_projects: Vec::new(),
            recent_pictures: Vec::new(),
            recent_folders: Vec::new(),
            recent_models: Vec::new(),
            base: Base::default(),
        }
    }
}

/// Settings as they were when file and memory were last alike. Says nothing about what is set, so all are equal.
#[derive(Clone, Debug, Default)]
struct Base(Option<Map<String, Value>>);

impl PartialEq for Base {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Settings that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedSettings {
    /// The settings, with defaults for whatever could not be read.
    pub settings: Settings,
    /// What the user should know about the file.
    pub complaint: Option<String>,
}

/// Why settings could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the settings: {source}: {}", path.display())]
pub struct SettingsError {
    path: PathBuf,
    source: io::Error,
}

impl Settings {
    /// Reads the settings in a folder; defaults where there are none.
    pub fn load(folder: &Path) -> LoadedSettings {
        let (object, mut complaint) = file::read(folder);
        let (mut settings, odd) = Self::from_object(&object);
        if !odd.is_empty() {
            let aside = file::copy_aside(folder);
            complaint.get_or_insert(format!(
                "some settings have values that are not known and are left at their defaults ({}); the file is kept: {}",
                odd.join(", "),
                aside.display()
            ));
        }
        settings.keep_base();
        LoadedSettings {
            settings,
            complaint,
        }
    }

    /// Writes what this instance changed since it last read or wrote, and takes over recent things of the others.
    ///
    /// Takes a few milliseconds: the file is flushed to the disk.
    pub fn save(&mut self, folder: &Path) -> Result<(), SettingsError> {
        let failed = |source| SettingsError {
            path: file::path(folder),
            source,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let _lock = file::lock(folder);
        let (mut object, _) = file::read(folder);
        self.merge_into(&mut object);
        file::write(folder, &object).map_err(failed)?;
        self.keep_base();
        Ok(())
    }

    /// Puts a project on top of the recent ones.
    pub fn remember_project(&mut self, path: &Path) {
        recent::remember(&mut self.recent_projects, path);
    }

    /// Puts a picture on top of the recent ones.
    pub fn remember_picture(&mut self, path: &Path) {
        recent::remember(&mut self.recent_pictures, path);
    }

    /// Puts a folder on top of the recent ones.
    pub fn remember_folder(&mut self, path: &Path) {
        recent::remember(&mut self.recent_folders, path);
    }

    /// Puts a model, a name or a path, on top of the recent ones.
    pub fn remember_model(&mut self, model: impl AsRef<Path>) {
        recent::remember(&mut self.recent_models, model.as_ref());
    }

    /// Forgets what was opened.
    pub fn forget_recent(&mut self) {
        for list in self.lists_mut() {
            list.clear();
        }
    }

    fn lists_mut(&mut self) -> [&mut Vec<Recent>; 4] {
        [
            &mut self.recent_projects,
            &mut self.recent_pictures,
            &mut self.recent_folders,
            &mut self.recent_models,
        ]
    }

    /// Settings from JSON, and the names of those that could not be read.
    fn from_object(object: &Map<String, Value>) -> (Self, Vec<String>) {
        let read = |object| serde_json::from_value::<Self>(Value::Object(object));
        if let Ok(settings) = read(object.clone()) {
            return (settings.within_bounds(), Vec::new());
        }
        // Something is odd: leave out exactly that.
        let is_odd = |(name, value): &(&String, &Value)| {
            read(Map::from_iter([((*name).clone(), (*value).clone())])).is_err()
        };
        let (odd, good): (Vec<_>, Vec<_>) = object.iter().partition(is_odd);
        let good = good
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        let settings = read(good.collect()).unwrap_or_default();
        let odd = odd.into_iter().map(|(name, _)| name.clone()).collect();
        (settings.within_bounds(), odd)
    }

    /// Numbers that a file may hold but the window cannot use.
    fn within_bounds(mut self) -> Self {
        let default = Self::default();
        let bounded = |value: f32, low: f32, high: f32, default: f32| {
            if value.is_finite() {
                value.clamp(low, high)
            } else {
                default
            }
        };
        self.text_scale = bounded(self.text_scale, 0.8, 2.0, default.text_scale);
        self.library_width = bounded(self.library_width, 56.0, 420.0, default.library_width);
        self.inspector_width = bounded(self.inspector_width, 240.0, 420.0, default.inspector_width);
        self.figure_scale = self.figure_scale.clamp(1, 4);
        for list in self.lists_mut() {
            recent::tidy(list);
        }
        self
    }

    fn to_object(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(object)) => object,
            // Maps of text and paths that are always expressible: there is no other case.
            _ => Map::new(),
        }
    }

    fn keep_base(&mut self) {
        self.base = Base(Some(self.to_object()));
    }

    /// Puts what changed here into the settings that others may have written meanwhile.
    fn merge_into(&mut self, theirs: &mut Map<String, Value>) {
        let base = self
            .base
            .0
            .take()
            .unwrap_or_else(|| Self::default().to_object());
        let (mut before, _) = Self::from_object(&base);
        let (mut others, odd) = Self::from_object(theirs);
        let lists = self.lists_mut().into_iter().zip(before.lists_mut());
        for ((ours, before), others) in lists.zip(others.lists_mut()) {
            *ours = recent::merge(before, ours, others);
        }
        for (name, value) in self.to_object() {
            let is_list = name.starts_with("recent_");
            let is_ours = base.get(&name) != Some(&value);
            if is_list || is_ours || !theirs.contains_key(&name) || odd.contains(&name) {
                theirs.insert(name, value);
            }
        }
    }
}

/// What a broken file is told as.
fn complaint(error: &ProjectError, aside: &Path) -> String {
    format!(
        "the settings could not be read ({error}); defaults are used and the file is kept: {}",
        aside.display()
    )
}

#[cfg(test)]
mod tests;
