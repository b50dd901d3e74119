//! What a project is: pictures, views, pins, settings. Everything here can be undone and is saved.
//!
//! [`Document`] is plain data without handles: no texture, no thread, no feature. [`Project`] adds what is saved but not
//! undone: where tabs stand, how far a picture is zoomed. Older files lack newer fields: every field has a default.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod compare;
mod features;
mod layout;
mod library;
mod look;
mod query;
mod settings;
mod view;

pub use compare::{Axis, CompareSettings, CompareShow, Variation};
pub use features::{FeatureSettings, MAX_SIDE_PX, MIN_SIDE_PX};
pub use layout::{Camera, Presentation, Workspace};
pub use library::{Library, PictureEntry, PictureId};
pub use look::{RangeMode, ScalarLook};
pub use query::{Pin, PinId, PinShape, Query, Sign};
pub use settings::{
    FrozenBasis, Keypoint, LineColor, MatchSettings, MatchShow, Outside, PcaSettings, Settings,
    SimilaritySettings,
};
pub use view::{View, ViewId, ViewKind};

/// All that an edit can change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// The pictures, in the order of the library.
    pub library: Shared<Library>,
    /// Name or path of the model that views use unless they say otherwise.
    pub model: String,
    /// Open views.
    pub views: BTreeMap<ViewId, View>,
    /// Settings of all linked views.
    pub settings: Settings,
    /// Number of the next view and pin.
    pub next: u32,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            library: Shared::default(),
            model: dinoscope_engine::model::BUILTIN.to_owned(),
            views: BTreeMap::new(),
            settings: Settings::default(),
            next: 1,
        }
    }
}

impl Document {
    /// A number that nothing in this document has yet.
    pub fn take_number(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Opens a view and returns its number.
    pub fn add_view(&mut self, view: View) -> ViewId {
        let id = ViewId(self.take_number());
        self.views.insert(id, view);
        id
    }

    /// Views that are seen together with one, without itself: comparisons have a page of their own.
    pub fn beside(&self, view: ViewId) -> impl Iterator<Item = ViewId> {
        let compares = |shown: &View| shown.kind == ViewKind::Compare;
        let page = self.views.get(&view).map(compares);
        let others = self.views.iter();
        others
            .filter(move |&(&id, other)| id != view && Some(compares(other)) == page)
            .map(|(&id, _)| id)
    }

    /// Closes all views that are seen together with one; none if that one is gone itself.
    pub fn close_others(&mut self, view: ViewId) {
        let others: Vec<ViewId> = self.beside(view).collect();
        self.views.retain(|id, _| !others.contains(id));
    }

    /// Gives pins that were numbered in another document numbers that nothing in this one has.
    pub fn adopt(&mut self, query: &mut Query) {
        for pin in &mut query.pins {
            pin.id = PinId(self.take_number());
        }
    }

    /// Settings that a view works with: the common ones while it is linked, its own otherwise.
    pub fn settings(&self, view: ViewId) -> &Settings {
        self.views
            .get(&view)
            .and_then(|view| view.own.as_deref())
            .unwrap_or(&self.settings)
    }

    /// The same, to be changed.
    pub fn settings_mut(&mut self, view: ViewId) -> &mut Settings {
        match self
            .views
            .get_mut(&view)
            .and_then(|view| view.own.as_deref_mut())
        {
            Some(own) => own,
            None => &mut self.settings,
        }
    }

    /// Links a view with the others, or gives it settings of its own that start as the common ones.
    pub fn set_linked(&mut self, view: ViewId, linked: bool) {
        let common = self.settings.clone();
        if let Some(view) = self.views.get_mut(&view) {
            view.own = (!linked).then(|| Box::new(common));
        }
    }

    /// Name of the model that a view uses.
    pub fn model_of(&self, view: ViewId) -> &str {
        self.settings(view)
            .features
            .model
            .as_deref()
            .unwrap_or(&self.model)
    }

    /// The letter of a picture among those that views show (A, B, …), in the order in which the views were opened.
    pub fn letter(&self, picture: PictureId) -> Option<char> {
        let mut shown: Vec<PictureId> = Vec::new();
        for id in self.views.values().flat_map(|view| &view.pictures) {
            if !shown.contains(id) {
                shown.push(*id);
            }
        }
        let place = shown.iter().position(|&other| other == picture)?;
        u8::try_from(place)
            .ok()
            .filter(|&place| place < 26)
            .map(|place| char::from(b'A' + place))
    }

    /// Removes a picture from the library, with its pins; views that show it alone close.
    pub fn remove_picture(&mut self, picture: PictureId) {
        self.library.edit(|library| library.remove(picture));
        self.views
            .retain(|_, view| !view.pictures.contains(&picture));
        let own = self
            .views
            .values_mut()
            .filter_map(|view| view.own.as_deref_mut());
        for settings in own.chain([&mut self.settings]) {
            settings.forget(picture);
        }
    }
}

/// A document with how it is presented.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// What can be undone.
    pub document: Document,
    /// What is only looked at.
    pub presentation: Presentation,
}

/// Shared memory that is copied when it is changed: undo keeps many documents with one library.
#[derive(Debug, Default, PartialEq)]
pub struct Shared<T>(Arc<T>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::ops::Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> Shared<T> {
    /// Changes the content; other holders keep the old one.
    pub fn edit<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        change(Arc::make_mut(&mut self.0))
    }

    /// Whether both are the same memory.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self(Arc::new(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_picture() -> (Document, PictureId) {
        let mut document = Document::default();
        let id = document
            .library
            .edit(|library| library.add("/a/cat.png".into()));
        (document, id)
    }

    #[test]
    fn an_unlinked_view_has_settings_of_its_own() {
        let (mut document, picture) = with_picture();
        let a = document.add_view(View::new(ViewKind::Similarity, picture));
        let b = document.add_view(View::new(ViewKind::Similarity, picture));
        document.set_linked(b, false);
        document.settings_mut(b).similarity.top = 7;
        assert_ne!(document.settings(a).similarity.top, 7);
        document.settings_mut(a).similarity.top = 9;
        assert_eq!(document.settings(b).similarity.top, 7);
        document.set_linked(b, true);
        assert_eq!(document.settings(b).similarity.top, 9);
    }

    #[test]
    fn a_project_survives_its_file_and_old_files_get_defaults() {
        let (mut document, picture) = with_picture();
        let view = document.add_view(View::new(ViewKind::Pca, picture));
        document.set_linked(view, false);
        let project = Project {
            document,
            ..Project::default()
        };
        let text = serde_json::to_string(&project).unwrap();
        assert_eq!(serde_json::from_str::<Project>(&text).unwrap(), project);
        let old: Project = serde_json::from_str("{}").unwrap();
        assert_eq!(old, Project::default());
    }

    #[test]
    fn a_picture_that_goes_takes_its_views_and_pins_along() {
        let (mut document, picture) = with_picture();
        let other = document
            .library
            .edit(|library| library.add("/a/dog.png".into()));
        document.add_view(View::new(ViewKind::Similarity, picture));
        document.add_view(View::new(ViewKind::Similarity, other));
        let number = document.take_number();
        let pin = Pin::point(PinId(number), picture, [1.0, 2.0], Sign::Positive);
        document.settings.query.pins.push(pin);
        assert_eq!(document.letter(other), Some('B'));
        document.remove_picture(picture);
        assert_eq!(document.views.len(), 1);
        assert!(document.settings.query.pins.is_empty());
        assert_eq!(document.letter(other), Some('A'));
    }

    #[test]
    fn closing_the_others_keeps_the_view_and_those_of_another_page() {
        let (mut document, picture) = with_picture();
        let kept = document.add_view(View::new(ViewKind::Similarity, picture));
        let other = document.add_view(View::new(ViewKind::Pca, picture));
        let compare = document.add_view(View::new(ViewKind::Compare, picture));
        assert_eq!(document.beside(kept).collect::<Vec<_>>(), [other]);
        document.close_others(kept);
        let open: Vec<ViewId> = document.views.keys().copied().collect();
        assert_eq!(open, [kept, compare]);
        document.close_others(other);
        assert_eq!(document.views.len(), 2, "a view that is gone closes none");
    }

    #[test]
    fn pins_from_elsewhere_get_numbers_that_no_later_pin_gets() {
        let (mut document, picture) = with_picture();
        document.add_view(View::new(ViewKind::Similarity, picture));
        let pin = |number| Pin::point(PinId(number), picture, [1.0, 2.0], Sign::Positive);
        let mut query = Query {
            pins: vec![pin(1), pin(4)],
        };
        document.adopt(&mut query);
        let mut numbers: Vec<u32> = query.pins.iter().map(|pin| pin.id.0).collect();
        query.pins.remove(0);
        numbers.extend([document.take_number(), document.take_number()]);
        assert_eq!(numbers, [2, 3, 4, 5]);
    }

    #[test]
    fn an_edited_share_leaves_the_other_holder_alone() {
        let first = Shared(Arc::new(vec![1]));
        let mut second = first.clone();
        assert!(first.is_same(&second));
        second.edit(|list| list.push(2));
        assert_eq!((first.len(), second.len()), (1, 2));
    }
}
