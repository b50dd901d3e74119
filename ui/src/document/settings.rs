//! Settings of views: one set for all linked ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dinoscope_engine::analysis::{Combine, Match};
use serde::{Deserialize, Serialize};

use super::{CompareSettings, FeatureSettings, PictureId, Query, RangeMode, ScalarLook, ViewKind};

/// Everything that a view can be set to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Model, resolution, layer and norm.
    pub features: FeatureSettings,
    /// What is pinned.
    pub query: Query,
    /// Similarity.
    pub similarity: SimilaritySettings,
    /// Principal components.
    pub pca: PcaSettings,
    /// Correspondence.
    pub matches: MatchSettings,
    /// Comparison.
    pub compare: CompareSettings,
    /// Colors of numbers.
    pub look: ScalarLook,
    /// Ends of the colors for numbers that are no similarities, by the name of the analysis.
    pub ranges: BTreeMap<String, RangeMode>,
}

impl Settings {
    /// Colors of the numbers that a kind of view shows: lengths keep other ends than similarities.
    pub fn look_of(&self, kind: &ViewKind) -> ScalarLook {
        let ViewKind::Analysis(analysis) = kind else {
            return self.look;
        };
        let range = self.ranges.get(analysis.get().id()).copied();
        ScalarLook {
            range: range.unwrap_or_default(),
            ..self.look
        }
    }

    /// Changes the colors of the numbers that a kind of view shows.
    pub fn set_look(&mut self, kind: &ViewKind, look: ScalarLook) {
        let ViewKind::Analysis(analysis) = kind else {
            self.look = look;
            return;
        };
        let id = analysis.get().id();
        match look.range {
            RangeMode::Auto => self.ranges.remove(id),
            fixed @ RangeMode::Fixed { .. } => self.ranges.insert(id.to_owned(), fixed),
        };
        self.look = ScalarLook {
            range: self.look.range,
            ..look
        };
    }

    /// Removes what stands on a picture that is gone.
    pub fn forget(&mut self, picture: PictureId) {
        self.query.pins.retain(|pin| pin.picture != picture);
        self.pca.pictures.retain(|&other| other != picture);
        self.matches
            .keypoints
            .retain(|point| point.pair.iter().all(|&other| other != picture));
    }
}

/// Settings of similarity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SimilaritySettings {
    /// How several pins become one number.
    pub combine: Combine,
    /// Weight of the negative pins, at least 0.
    pub negative_weight: f32,
    /// How strongly the logistic regression is held back, above 0.
    pub regularization: f32,
    /// How many of the best patches are outlined in each picture.
    pub top: usize,
    /// Whether they are outlined.
    pub outline: bool,
    /// Patches so near to a pin do not count as matches, in patches.
    pub skip_radius: f32,
}

impl Default for SimilaritySettings {
    fn default() -> Self {
        Self {
            combine: Combine::Mean,
            negative_weight: 1.0,
            regularization: 0.01,
            top: 20,
            outline: true,
            skip_radius: 2.0,
        }
    }
}

/// What is done with the background of a PCA map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// The photograph, greyed.
    #[default]
    Dim,
    /// Nothing of it.
    Hide,
    /// The photograph as it is.
    Show,
}

/// A basis that stays while pictures change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrozenBasis {
    /// The file that it was saved to.
    #[serde(with = "crate::keep::path_text::plain")]
    pub path: PathBuf,
    /// How many pictures it was fitted on.
    pub pictures: usize,
}

/// Settings of principal components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PcaSettings {
    /// Pictures of the joint basis; those that views show, when empty.
    pub pictures: Vec<PictureId>,
    /// 0-based components shown as red, green, blue.
    pub components: [usize; 3],
    /// Which of them are turned around.
    pub flip: [bool; 3],
    /// One component alone, in grey.
    pub single: Option<usize>,
    /// Whether the foreground is found by a threshold and the basis fitted on it alone.
    pub foreground: bool,
    /// Where the first component is cut, in standard deviations; found from its values without one.
    pub threshold: Option<f32>,
    /// Takes the other side of the cut.
    pub invert: bool,
    /// What is done with the rest.
    pub outside: Outside,
    /// A basis that stays.
    pub frozen: Option<FrozenBasis>,
    /// Whether a new fit takes over order and signs of the one before, so that colors stay.
    pub align: bool,
    /// Distance of colors, in standard deviations, up to which patches count as alike.
    pub alike: f32,
}

impl Default for PcaSettings {
    fn default() -> Self {
        Self {
            pictures: Vec::new(),
            components: [0, 1, 2],
            flip: [false; 3],
            single: None,
            foreground: false,
            threshold: None,
            invert: false,
            outside: Outside::Dim,
            frozen: None,
            align: true,
            alike: 0.5,
        }
    }
}

/// What the colors of lines mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineColor {
    /// Where the patch is in the first picture.
    #[default]
    Place,
    /// How alike the two patches are.
    Cosine,
}

/// How pairs are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchShow {
    /// A line for each pair.
    #[default]
    Lines,
    /// A dot at both ends.
    Dots,
    /// The colors of the second picture at the places of the first.
    Colors,
}

/// A point that the user placed, carried over to the other picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keypoint {
    /// The first and the second picture.
    pub pair: [PictureId; 2],
    /// (x, y) in pixels of the first.
    pub a: [f64; 2],
    /// (x, y) in pixels of the second, where the user moved it; found by the features without one.
    pub b: Option<[f64; 2]>,
    /// What the user calls it.
    pub name: String,
}

/// Settings of correspondence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchSettings {
    /// Keep only pairs that are each other's best.
    pub mutual: bool,
    /// Most distance of the way there and back, in pixels of the first picture.
    pub max_cycle_px: Option<f32>,
    /// Most distance ratio of best to second best, in (0, 1].
    pub max_ratio: Option<f32>,
    /// Least cosine.
    pub min_cosine: Option<f32>,
    /// Least distance between shown pairs, in pixels of the first picture.
    pub spread_px: f32,
    /// Places partners between patches.
    pub refine: bool,
    /// What colors mean.
    pub color: LineColor,
    /// How pairs are shown.
    pub show: MatchShow,
    /// Whether the similarity of the pointed patch lies over the other picture.
    pub heat: bool,
    /// Points placed by hand.
    pub keypoints: Vec<Keypoint>,
}

impl Default for MatchSettings {
    fn default() -> Self {
        Self {
            mutual: true,
            max_cycle_px: Some(8.0),
            max_ratio: None,
            min_cosine: None,
            spread_px: 48.0,
            refine: true,
            color: LineColor::Place,
            show: MatchShow::Lines,
            heat: true,
            keypoints: Vec::new(),
        }
    }
}

impl MatchSettings {
    /// The part that needs the features: filters and thinning follow from its result at once.
    pub fn pairing(&self) -> Match {
        Match {
            refine: self.refine,
            ..Match::default()
        }
    }
}
