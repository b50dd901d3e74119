//! A tab of the window.

use dinoscope_engine::analysis::Analysis;
use serde::{Deserialize, Serialize};

use super::{PictureId, Settings};

/// Number of a view in its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ViewId(pub u32);

/// What a view shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// How alike patches are to the one under the pointer, or to pins.
    Similarity,
    /// Principal components as colors.
    Pca,
    /// Which points of two pictures correspond.
    Matches,
    /// The same map for several models, layers, sizes or norms.
    Compare,
    /// Any other analysis of the engine: norms, clusters, health and so on.
    Analysis(Analysis),
}

/// One open view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// What it shows.
    pub kind: ViewKind,
    /// The pictures that it shows: two for matches, one for the others.
    pub pictures: Vec<PictureId>,
    /// Settings of its own; without them it is linked.
    #[serde(default)]
    pub own: Option<Box<Settings>>,
}

impl View {
    /// A linked view of one picture.
    pub fn new(kind: ViewKind, picture: PictureId) -> Self {
        Self {
            kind,
            pictures: vec![picture],
            own: None,
        }
    }

    /// A linked view of two pictures.
    pub fn pair(a: PictureId, b: PictureId) -> Self {
        Self {
            kind: ViewKind::Matches,
            pictures: vec![a, b],
            own: None,
        }
    }

    /// The picture, or the first of two.
    pub fn picture(&self) -> Option<PictureId> {
        self.pictures.first().copied()
    }

    /// Whether it shares pointer and settings with the other linked views.
    pub fn is_linked(&self) -> bool {
        self.own.is_none()
    }
}
