//! Which rows the library has: made anew only when pictures, words, order or folds change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dinoscope_jobs::scan::natural_order;

use super::Order;
use crate::document::{Library, PictureEntry, PictureId, Shared};

/// A group of pictures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The photographs that come with the program.
    Samples,
    /// Pictures that were opened one by one, or all of them where folders are not told apart.
    Single,
    /// A folder.
    Folder(PathBuf),
}

/// All that the rows are made from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) library: Shared<Library>,
    /// Words that have to be in the name or the folder.
    pub(super) filter: String,
    pub(super) order: Order,
    /// Whether folders are told apart.
    pub(super) folders: bool,
    pub(super) folded: BTreeSet<Section>,
    /// Where the samples are.
    pub(super) samples: Arc<Path>,
    /// Pictures in a row.
    pub(super) columns: usize,
    /// Heights of a head and of a row of pictures.
    pub(super) heights: Heights,
}

/// Heights of the two kinds of rows, in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heights {
    pub(super) head: f32,
    pub(super) pictures: f32,
}

impl Source {
    fn is_same(&self, other: &Self) -> bool {
        self.library.is_same(&other.library)
            && self.filter == other.filter
            && (self.order, self.folders, self.columns)
                == (other.order, other.folders, other.columns)
            && self.folded == other.folded
            && self.samples == other.samples
            && self.heights == other.heights
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    /// The head of a section with the number of its pictures.
    Head(Section, usize),
    /// Pictures from one place of the order to another.
    Pictures(std::ops::Range<usize>),
}

/// The rows, with where each begins.
#[derive(Debug)]
pub(super) struct Index {
    source: Source,
    pub(super) rows: Vec<Row>,
    /// Where each row begins, and where the last one ends, in points.
    tops: Vec<f32>,
    /// The pictures that are not folded away, in the order in which they are seen.
    pub(super) pictures: Vec<PictureId>,
    /// Pictures that the words let through, folded ones included.
    pub(super) found: usize,
    /// Row and column of each picture.
    places: HashMap<PictureId, (usize, usize)>,
}

impl Index {
    /// Keeps `slot` in line with `source`.
    pub(super) fn update(slot: &mut Option<Self>, source: Source) -> &Self {
        if !slot.as_ref().is_some_and(|old| old.source.is_same(&source)) {
            *slot = None;
        }
        slot.get_or_insert_with(|| Self::new(source))
    }

    fn new(source: Source) -> Self {
        let mut index = Self {
            rows: Vec::new(),
            tops: Vec::new(),
            pictures: Vec::new(),
            found: 0,
            places: HashMap::new(),
            source,
        };
        let sections = sections(&index.source);
        let heads =
            sections.len() > 1 || sections.keys().any(|section| *section != Section::Single);
        for (section, pictures) in sections {
            index.push(section, &pictures, heads);
        }
        index.measure();
        index
    }

    fn measure(&mut self) {
        let Heights { head, pictures } = self.source.heights;
        let mut top = 0.0;
        self.tops.push(top);
        for row in &self.rows {
            top += if matches!(row, Row::Head(..)) {
                head
            } else {
                pictures
            };
            self.tops.push(top);
        }
    }

    /// Height of all rows.
    pub(super) fn height(&self) -> f32 {
        self.tops.last().copied().unwrap_or_default()
    }

    /// Where a row begins and ends.
    pub(super) fn span(&self, row: usize) -> [f32; 2] {
        [self.tops[row], self.tops[row + 1]]
    }

    /// The rows that reach between `top` and `bottom`.
    pub(super) fn visible(&self, top: f32, bottom: f32) -> std::ops::Range<usize> {
        let first = self
            .tops
            .partition_point(|&start| start <= top)
            .saturating_sub(1);
        let end = self.tops.partition_point(|&start| start < bottom);
        first.min(self.rows.len())..end.min(self.rows.len())
    }

    fn push(&mut self, section: Section, pictures: &[PictureId], head: bool) {
        self.found += pictures.len();
        let folded = head && self.source.folded.contains(&section);
        if head {
            self.rows.push(Row::Head(section, pictures.len()));
        }
        if folded {
            return;
        }
        for row in pictures.chunks(self.source.columns.max(1)) {
            let start = self.pictures.len();
            for (column, &picture) in row.iter().enumerate() {
                self.places.insert(picture, (self.rows.len(), column));
            }
            self.pictures.extend_from_slice(row);
            self.rows.push(Row::Pictures(start..self.pictures.len()));
        }
    }

    /// The row that a picture is in.
    pub(super) fn row_of(&self, picture: PictureId) -> Option<usize> {
        self.places.get(&picture).map(|&(row, _)| row)
    }

    /// The picture some steps after one, along the rows; the ends are stops. The first one if `from` is not shown.
    pub(super) fn step(&self, from: Option<PictureId>, by: isize) -> Option<PictureId> {
        let last = self.pictures.len().checked_sub(1)?;
        let place = from.and_then(|from| self.place(from));
        let Some(place) = place else {
            return self.pictures.first().copied();
        };
        self.pictures
            .get(place.saturating_add_signed(by).min(last))
            .copied()
    }

    /// The picture above or below one; the same where there is none.
    pub(super) fn step_row(&self, from: Option<PictureId>, down: bool) -> Option<PictureId> {
        let Some((row, column)) = from.and_then(|from| self.places.get(&from)).copied() else {
            return self.pictures.first().copied();
        };
        let pictures = |row: &Row| match row {
            Row::Pictures(range) => self.pictures[range.clone()]
                .get(column.min(range.len() - 1))
                .copied(),
            Row::Head(..) => None,
        };
        let found = if down {
            self.rows[row + 1..].iter().find_map(pictures)
        } else {
            self.rows[..row].iter().rev().find_map(pictures)
        };
        found.or(from)
    }

    /// All pictures from one to another, both included.
    pub(super) fn between(&self, a: PictureId, b: PictureId) -> Vec<PictureId> {
        match (self.place(a), self.place(b)) {
            (Some(a), Some(b)) => self.pictures[a.min(b)..=a.max(b)].to_vec(),
            _ => vec![b],
        }
    }

    fn place(&self, picture: PictureId) -> Option<usize> {
        let &(row, column) = self.places.get(&picture)?;
        match &self.rows[row] {
            Row::Pictures(range) => Some(range.start + column),
            Row::Head(..) => None,
        }
    }
}

fn sections(source: &Source) -> BTreeMap<Section, Vec<PictureId>> {
    let words: Vec<String> = source
        .filter
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut sections: BTreeMap<Section, Vec<(PictureId, String)>> = BTreeMap::new();
    for (id, entry) in source.library.iter() {
        let name = entry.name();
        if matches(&words, entry, &name) {
            sections
                .entry(section_of(source, entry))
                .or_default()
                .push((id, name));
        }
    }
    let sorted = |mut pictures: Vec<(PictureId, String)>| {
        if source.order == Order::Name {
            pictures.sort_by(|(_, a), (_, b)| natural_order(a, b));
        }
        pictures.into_iter().map(|(id, _)| id).collect()
    };
    sections
        .into_iter()
        .map(|(section, pictures)| (section, sorted(pictures)))
        .collect()
}

/// Whether all words are in the name or in the folder's name.
fn matches(words: &[String], entry: &PictureEntry, name: &str) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut text = name.to_lowercase();
    let folder = entry.folder.as_deref().or_else(|| entry.path.parent());
    if let Some(folder) = folder.and_then(Path::file_name) {
        text.push('/');
        text.push_str(&folder.to_string_lossy().to_lowercase());
    }
    words.iter().all(|word| text.contains(word))
}

fn section_of(source: &Source, entry: &PictureEntry) -> Section {
    if entry.path.parent() == Some(&*source.samples) {
        return Section::Samples;
    }
    match &entry.folder {
        Some(folder) if source.folders => Section::Folder(folder.clone()),
        _ => Section::Single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(columns: usize) -> Source {
        let mut library = Shared::<Library>::default();
        library.edit(|library| {
            let samples = Path::new("/data/samples");
            library.add_under(samples.join("cat.png"), Some(samples));
            library.add("/home/b.png".into());
            let meadow = Path::new("/home/meadow");
            for number in [10, 9, 1, 2, 3] {
                library.add_under(meadow.join(format!("img{number}.jpg")), Some(meadow));
            }
        });
        Source {
            library,
            filter: String::new(),
            order: Order::Name,
            folders: true,
            folded: BTreeSet::new(),
            samples: Path::new("/data/samples").into(),
            columns,
            heights: Heights {
                head: 28.0,
                pictures: 94.0,
            },
        }
    }

    fn names(index: &Index) -> Vec<String> {
        index
            .pictures
            .iter()
            .map(|&id| index.source.library.name(id))
            .collect()
    }

    #[test]
    fn samples_come_first_then_single_pictures_then_folders_by_natural_name() {
        let index = Index::new(source(2));
        let expected = [
            "cat.png",
            "b.png",
            "img1.jpg",
            "img2.jpg",
            "img3.jpg",
            "img9.jpg",
            "img10.jpg",
        ];
        assert_eq!(names(&index), expected);
        assert_eq!(index.rows.len(), 3 + 1 + 1 + 3);
        assert_eq!(
            index.rows[4],
            Row::Head(Section::Folder("/home/meadow".into()), 5)
        );
        let added = Index::new(Source {
            order: Order::Added,
            folders: false,
            ..source(2)
        });
        assert_eq!(names(&added)[..3], ["cat.png", "b.png", "img10.jpg"]);
    }

    #[test]
    fn all_words_have_to_be_in_the_name_or_the_folder() {
        let find = |filter: &str| {
            let filter = filter.to_owned();
            names(&Index::new(Source {
                filter,
                ..source(2)
            }))
        };
        assert_eq!(find("MEADOW 1"), ["img1.jpg", "img10.jpg"]);
        assert_eq!(find("b.p"), ["b.png"]);
        assert!(find("cat dog").is_empty());
    }

    #[test]
    fn folded_pictures_are_counted_and_not_shown() {
        let folded = BTreeSet::from([Section::Folder("/home/meadow".into())]);
        let index = Index::new(Source {
            folded,
            ..source(3)
        });
        assert_eq!(names(&index), ["cat.png", "b.png"]);
        assert_eq!(index.found, 7);
    }

    #[test]
    fn arrows_walk_over_heads_and_stop_at_the_ends() {
        let index = Index::new(source(2));
        let at = |place: usize| Some(index.pictures[place]);
        assert_eq!(index.step(None, 1), at(0));
        assert_eq!(index.step(at(6), 1), at(6));
        assert_eq!(index.step(at(0), -1), at(0));
        assert_eq!(index.step_row(at(0), true), at(1));
        assert_eq!(index.step_row(at(3), true), at(5));
        assert_eq!(
            index.step_row(at(5), true),
            at(6),
            "the last row is shorter"
        );
        assert_eq!(index.step_row(at(2), false), at(1));
        assert_eq!(index.step_row(at(0), false), at(0));
        assert_eq!(
            index.between(index.pictures[4], index.pictures[2]),
            index.pictures[2..=4]
        );
    }

    #[test]
    fn only_rows_in_sight_are_visited() {
        let index = Index::new(source(2));
        assert!((index.span(1)[0] - 28.0).abs() < 1e-3);
        assert!((index.height() - (3.0 * 28.0 + 5.0 * 94.0)).abs() < 1e-3);
        assert_eq!(index.visible(0.0, 10_000.0), 0..8);
        assert_eq!(index.visible(30.0, 121.0), 1..2);
        assert_eq!(index.visible(122.0, 122.5), 2..3);
        assert_eq!(index.visible(5_000.0, 6_000.0).len(), 0);
    }

    #[test]
    fn rows_are_made_anew_only_when_something_changed() {
        let source = source(2);
        let mut slot = None;
        Index::update(&mut slot, source.clone());
        let before = slot.as_ref().unwrap().rows.as_ptr();
        Index::update(&mut slot, source.clone());
        assert_eq!(slot.as_ref().unwrap().rows.as_ptr(), before);
        let mut changed = source;
        changed
            .library
            .edit(|library| library.add("/home/c.png".into()));
        Index::update(&mut slot, changed);
        assert_eq!(slot.unwrap().found, 8);
    }
}
