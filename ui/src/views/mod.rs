//! Views of pictures: each has what it draws into its tab and what it shows in the inspector.
//!
//! A view keeps textures and numbers in a [`ViewState`]; its settings are in the document.

use dinoscope_engine::analysis::Analysis;
use egui::{Ui, vec2};

pub mod analysis;
pub mod compare;
pub mod figure;
pub mod matches;
mod matches_table;
pub mod numbers;
pub mod pca;
mod pca_strip;
pub mod picture;
pub mod sections;
pub mod similarity;

use crate::cx::Cx;
use crate::document::{View, ViewId, ViewKind};
use crate::icons;
use crate::parts;
use crate::text::tr;
use crate::widgets;

/// What a view keeps between frames.
#[derive(Debug, Default)]
pub struct ViewState {
    /// The rectangle of its canvas, or of the last one, in points.
    pub canvas: Option<egui::Rect>,
    /// Widget of the canvas that was drawn last.
    pub canvas_id: Option<egui::Id>,
    /// Its drawing, or its drawings.
    pub paintings: Vec<Option<crate::session::Painting>>,
    /// Similarity: numbers under the map.
    pub similarity: similarity::State,
    /// Principal components.
    pub pca: pca::State,
    /// Correspondence.
    pub matches: matches::State,
    /// Comparison.
    pub compare: compare::State,
    /// Another analysis.
    pub analysis: analysis::State,
    /// Whether what is shown belongs to older settings.
    pub stale: bool,
    /// Whether something is being computed for it.
    pub busy: bool,
}

impl ViewState {
    /// The place of one drawing.
    pub fn painting(&mut self, index: usize) -> &mut Option<crate::session::Painting> {
        if self.paintings.len() <= index {
            self.paintings.resize_with(index + 1, || None);
        }
        &mut self.paintings[index]
    }
}

/// Icon of a kind of view.
pub fn icon(kind: &ViewKind) -> &'static str {
    match kind {
        ViewKind::Similarity => icons::CROSSHAIR_SIMPLE,
        ViewKind::Pca => icons::PALETTE,
        ViewKind::Matches => icons::LINE_SEGMENTS,
        ViewKind::Compare => icons::COLUMNS,
        ViewKind::Analysis(_) => icons::CHART_SCATTER,
    }
}

/// Message that names a kind of view.
pub fn title_id(kind: &ViewKind) -> &'static str {
    match kind {
        ViewKind::Similarity => "similarity-title",
        ViewKind::Pca => "pca-title",
        ViewKind::Matches => "matches-title",
        ViewKind::Compare => "compare-title",
        ViewKind::Analysis(analysis) => analysis_title_id(analysis),
    }
}

/// Message that names an analysis.
pub fn analysis_title_id(analysis: &Analysis) -> &'static str {
    match analysis {
        Analysis::Similarity(_) => "groups-similarity",
        Analysis::Region(_) => "groups-region",
        Analysis::Token(_) => "groups-token",
        Analysis::Pca(_) => "groups-pca",
        Analysis::Match(_) => "groups-match",
        Analysis::Transfer(_) => "groups-transfer",
        Analysis::SharedColours(_) => "groups-shared-colors",
        Analysis::KMeans(_) => "groups-clusters",
        Analysis::Norms(_) => "groups-norms",
        Analysis::DenseHealth(_) => "groups-health",
    }
}

/// What stands on the tab of a view: letter and name of its picture, or of both.
pub fn tab_title(cx: &Cx<'_>, view: &View) -> String {
    let library = &cx.document.library;
    match &view.pictures[..] {
        [a, b] => format!("{} ↔ {}", library.name(*a), library.name(*b)),
        [a] => match cx.document.letter(*a) {
            Some(letter) => format!("{letter} {}", library.name(*a)),
            None => library.name(*a),
        },
        _ => String::new(),
    }
}

/// Draws a view into its tab.
pub fn pane_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(kind) = cx.view(id).map(|view| view.kind.clone()) else {
        return;
    };
    match kind {
        ViewKind::Similarity => similarity::pane_ui(ui, cx, id),
        ViewKind::Pca => pca::pane_ui(ui, cx, id),
        ViewKind::Matches => matches::pane_ui(ui, cx, id),
        ViewKind::Compare => compare::pane_ui(ui, cx, id),
        ViewKind::Analysis(analysis) => analysis::pane_ui(ui, cx, id, &analysis),
    }
    let state = cx.session.view(id);
    if state.busy {
        let mut bar = ui.max_rect();
        bar.set_height(2.0);
        widgets::busy_bar(ui, bar);
    }
    if state.stale {
        let text = tr(ui, "canvas-stale");
        let at = ui.max_rect().center_top() + vec2(0.0, 12.0);
        parts::floating_chip(ui, at, icons::CLOCK, &text);
    }
}

/// Draws the settings of a view into the inspector.
pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(kind) = cx.view(id).map(|view| view.kind.clone()) else {
        return;
    };
    match kind {
        ViewKind::Similarity => similarity::inspector_ui(ui, cx, id),
        ViewKind::Pca => pca::inspector_ui(ui, cx, id),
        ViewKind::Matches => matches::inspector_ui(ui, cx, id),
        ViewKind::Compare => compare::inspector_ui(ui, cx, id),
        ViewKind::Analysis(analysis) => analysis::inspector_ui(ui, cx, id, &analysis),
    }
}
