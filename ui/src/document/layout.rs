//! What is saved with a project but not undone: where things stand and how they are looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PictureId, ViewId};

/// The page of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// Views of pictures.
    #[default]
    Explore,
    /// Comparison of models, layers, sizes and norms.
    Compare,
    /// The model manager.
    Models,
}

/// Which part of a picture a canvas shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Camera {
    /// Point (x, y) of the picture in the middle of the canvas, in its pixels.
    pub center_px: [f32; 2],
    /// Points of the screen per pixel of the picture; the whole picture is fitted in without one.
    pub zoom: Option<f32>,
}

/// Tabs, cameras, panels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Presentation {
    /// The page.
    pub workspace: Workspace,
    /// Where the tabs of the explorer stand.
    pub tiles: Option<egui_tiles::Tree<ViewId>>,
    /// Where the tabs of the comparisons stand.
    pub compare: Option<egui_tiles::Tree<ViewId>>,
    /// The view that keys and the inspector belong to.
    pub active: Option<ViewId>,
    /// What each view shows of its pictures.
    pub cameras: BTreeMap<ViewId, BTreeMap<PictureId, Camera>>,
    /// The pictures that are marked in the library.
    pub selected: Vec<PictureId>,
}
