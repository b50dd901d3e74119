//! A list of pictures with what is known about them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dinoscope_engine::picture::has_picture_ending;

use super::error::DataError;
use super::manifest::{self, Row};

/// Files that are named as broken; later ones are only counted.
const NAMED: usize = 20;

/// Where pictures come from; empty paths are not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// A folder with all below it.
    pub folder: PathBuf,
    /// A text file with one path a line.
    pub list: PathBuf,
    /// A CSV or Parquet file.
    pub manifest: PathBuf,
    /// Whether the folders right below `folder` are classes.
    pub classes: bool,
    /// A folder of PNG masks with the names of the pictures; below `folder`, its files are no pictures.
    pub masks: PathBuf,
    /// A folder whose files are no pictures, also below `folder`: those that are tested with.
    pub without: PathBuf,
}

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    path: Box<Path>,
    label: Option<u32>,
    mask: Option<Box<Path>>,
    set: u32,
}

impl Item {
    /// The picture's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its class, an index into [`DataSet::classes`].
    pub fn label(&self) -> Option<u32> {
        self.label
    }

    /// The file of its mask.
    pub fn mask(&self) -> Option<&Path> {
        self.mask.as_deref()
    }

    /// Its set, an index into [`DataSet::sets`].
    pub fn set(&self) -> u32 {
        self.set
    }
}

/// All pictures of a run, in a fixed order.
#[derive(Clone, Debug, Default)]
pub struct DataSet {
    items: Vec<Item>,
    classes: Vec<String>,
    sets: Vec<String>,
    /// The folder of the source; empty without one.
    folder: PathBuf,
    /// One for all copies and parts of the set: each file is named once a run, whoever comes across it.
    broken: Arc<Mutex<Broken>>,
}

/// Files that could not be read.
#[derive(Debug, Default)]
struct Broken {
    files: BTreeSet<PathBuf>,
    /// What nobody has taken yet.
    warnings: Vec<String>,
}

impl DataSet {
    /// Lists the pictures of a source, sorted by their paths. No picture is opened.
    ///
    /// A picture that several sources have comes once; what the manifest says of it wins.
    pub fn open(source: &Source) -> Result<Self, DataError> {
        let mut rows = Vec::new();
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        if given(&source.folder) {
            rows.extend(folder(source)?);
        }
        if given(&source.list) {
            rows.extend(list(&source.list)?);
        }
        if given(&source.manifest) {
            rows.extend(manifest::read(&source.manifest)?);
        }
        if ![&source.folder, &source.list, &source.manifest]
            .into_iter()
            .any(given)
        {
            return Err(DataError::NoSource);
        }
        let mut rows = merged(rows);
        if given(&source.masks) {
            // A manifest's own masks are the more exact ones.
            for row in rows.iter_mut().filter(|row| row.mask.is_none()) {
                row.mask = Some(mask_of(&row.path, source)?);
            }
        }
        Ok(Self {
            folder: source.folder.clone(),
            ..Self::from_rows(rows)
        })
    }

    fn from_rows(mut rows: Vec<Row>) -> Self {
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        let names = |of: &dyn Fn(&Row) -> Option<&String>| -> Vec<String> {
            let names: BTreeSet<_> = rows.iter().filter_map(of).collect();
            sorted(names.into_iter().cloned().collect())
        };
        let classes = names(&|row| row.label.as_ref());
        let sets = names(&|row| row.set.as_ref());
        let (class_places, set_places) = (places(&classes), places(&sets));
        let items = rows
            .into_iter()
            .map(|row| Item {
                label: row.label.map(|label| class_places[&*label]),
                set: row.set.map_or(u32::MAX, |set| set_places[&*set]),
                mask: row.mask.map(PathBuf::into_boxed_path),
                path: row.path.into_boxed_path(),
            })
            .collect();
        Self {
            items,
            classes,
            sets,
            ..Self::default()
        }
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A picture by its place.
    ///
    /// # Panics
    /// If there are not that many.
    pub fn item(&self, index: usize) -> &Item {
        &self.items[index]
    }

    /// Names of the classes, sorted: by value where all are whole numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Names of the sets, sorted.
    pub fn sets(&self) -> &[String] {
        &self.sets
    }

    /// The pictures at these places, with the same classes and sets.
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        Self {
            items: indices
                .iter()
                .map(|&index| self.items[index].clone())
                .collect(),
            classes: self.classes.clone(),
            sets: self.sets.clone(),
            folder: self.folder.clone(),
            broken: Arc::clone(&self.broken),
        }
    }

    /// The same pictures, their classes numbered as in `classes`; those of other classes have none.
    #[must_use]
    pub fn with_classes(mut self, classes: &[String]) -> Self {
        let places = places(classes);
        for item in &mut self.items {
            item.label = item.label.and_then(|label| {
                let name = &*self.classes[label as usize];
                places.get(name).copied()
            });
        }
        self.classes = classes.to_vec();
        self
    }

    /// The same pictures; those that cannot be read are named among the warnings of `other`, as of one run.
    pub(super) fn warning_with(mut self, other: &Self) -> Self {
        self.broken = Arc::clone(&other.broken);
        self
    }

    /// Number of pictures without a mask.
    pub(crate) fn without_masks(&self) -> usize {
        let items = self.items.iter();
        items.filter(|item| item.mask.is_none()).count()
    }

    /// The folder of a picture below that of the source; nothing if it is elsewhere.
    pub(crate) fn subfolder<'a>(&self, picture: &'a Path) -> Option<&'a Path> {
        below(&self.folder, picture)
    }

    /// Files that could not be read so far, each counted once.
    pub fn broken(&self) -> usize {
        self.lock().files.len()
    }

    /// Notes a file that cannot be used; `text` says why and is a warning the first time.
    pub(crate) fn note_broken(&self, file: &Path, text: String) {
        let mut broken = self.lock();
        if !broken.files.insert(file.to_path_buf()) {
            return;
        }
        match broken.files.len().cmp(&NAMED) {
            std::cmp::Ordering::Less => broken.warnings.push(text),
            std::cmp::Ordering::Equal => broken
                .warnings
                .push(format!("{text}; further broken files are only counted")),
            std::cmp::Ordering::Greater => {}
        }
    }

    /// What was noted of broken files since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().warnings)
    }

    fn lock(&self) -> MutexGuard<'_, Broken> {
        // Whoever holds the lock only adds to lists.
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One row a picture: what a later row says of the picture of an earlier one wins.
fn merged(rows: Vec<Row>) -> Vec<Row> {
    let mut folders = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match places.entry(real(&row.path, &mut folders)) {
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(row);
            }
            Entry::Occupied(place) => {
                let own = &mut merged[*place.get()];
                own.label = row.label.or(own.label.take());
                own.mask = row.mask.or(own.mask.take());
                own.set = row.set.or(own.set.take());
            }
        }
    }
    merged
}

/// One path for all ways to write it; `folders` has what was found of each folder, so that it is asked for once.
fn real(path: &Path, folders: &mut BTreeMap<PathBuf, PathBuf>) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default();
    if let Some(real) = folders.get(folder) {
        return real.join(name);
    }
    let real = folder
        .canonicalize()
        .unwrap_or_else(|_absent| folder.to_path_buf());
    let path = real.join(name);
    folders.insert(folder.to_path_buf(), real);
    path
}

/// The folder of a path below a root; nothing without a root, of which every path would be below.
fn below<'a>(root: &Path, path: &'a Path) -> Option<&'a Path> {
    if root.as_os_str().is_empty() {
        return None;
    }
    path.strip_prefix(root).ok()?.parent()
}

/// By value where all names are whole numbers, so that class 2 of a table is the third class, not the one behind 10.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    names
}

fn places(names: &[String]) -> BTreeMap<&str, u32> {
    names.iter().map(String::as_str).zip(0..).collect()
}

/// Every picture below a folder, in the order of names. Links are followed once: a folder that was entered is not
/// entered again.
fn folder(source: &Source) -> Result<Vec<Row>, DataError> {
    let root = source.folder.as_path();
    let failed = |path: &Path, error: &std::io::Error| DataError::Read {
        what: "the folder of pictures",
        reason: error.to_string(),
        path: path.to_path_buf(),
    };
    let mut rows = Vec::new();
    let real = root.canonicalize().map_err(|error| failed(root, &error))?;
    let others = [&source.masks, &source.without].map(|other| other.canonicalize());
    let mut entered: BTreeSet<_> = others
        .into_iter()
        .flatten()
        .filter(|other| *other != real)
        .collect();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let entries = match entries(&folder, &mut entered) {
            Ok(entries) => entries,
            Err(error) if folder == root => return Err(failed(&folder, &error)),
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "folder left out");
                continue;
            }
        };
        // The last of the stack comes first.
        for path in entries.into_iter().rev() {
            if path.is_dir() {
                waiting.push(path);
            } else if has_picture_ending(&path) {
                let label = source.classes.then(|| class_of(root, &path)).flatten();
                rows.push(Row {
                    path,
                    label,
                    ..Row::default()
                });
            }
        }
    }
    if rows.is_empty() {
        return Err(DataError::Empty {
            what: "the folder",
            path: root.to_path_buf(),
        });
    }
    Ok(rows)
}

/// What is in a folder, sorted: the system's order differs from machine to machine. Nothing if it was entered.
fn entries(folder: &Path, entered: &mut BTreeSet<PathBuf>) -> std::io::Result<Vec<PathBuf>> {
    if !entered.insert(folder.canonicalize()?) {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

/// The name of the folder right below the root.
fn class_of(root: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?.parent()?;
    let class = below.components().next()?;
    Some(class.as_os_str().to_string_lossy().into_owned())
}

/// One path a line, relative to the list's folder.
fn list(path: &Path) -> Result<Vec<Row>, DataError> {
    let text = std::fs::read_to_string(path).map_err(|error| DataError::Read {
        what: "the list of pictures",
        reason: error.to_string(),
        path: path.to_path_buf(),
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let rows: Vec<Row> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| Row {
            path: folder.join(line),
            ..Row::default()
        })
        .collect();
    if rows.is_empty() {
        return Err(DataError::Empty {
            what: "the list",
            path: path.to_path_buf(),
        });
    }
    Ok(rows)
}

/// The mask in the same folder below the root of the masks, or else right in it.
fn mask_of(picture: &Path, source: &Source) -> Result<PathBuf, DataError> {
    let stem = picture.file_stem().unwrap_or_default();
    let mut name = stem.to_os_string();
    name.push(".png");
    let nested = below(&source.folder, picture).map(|below| source.masks.join(below).join(&name));
    let candidates = nested.into_iter().chain([source.masks.join(&name)]);
    let found = candidates.into_iter().find(|mask| mask.is_file());
    found.ok_or_else(|| DataError::NoMask {
        picture: stem.to_string_lossy().into_owned(),
        path: source.masks.clone(),
    })
}
