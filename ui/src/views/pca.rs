//! Principal components: what varies most among the patches of all pictures together, as colors.

use std::sync::Arc;

use dinoscope_engine::analysis::Patch;
use dinoscope_engine::figure::Sampling;
use dinoscope_engine::figure::channels::{ChannelOverlay, Channels};
use egui::Ui;

use super::picture::{self, Shown};
use super::{pca_strip, similarity};
use crate::canvas::{CanvasTools, Tool, marks};
use crate::cx::Cx;
use crate::document::{Outside, PcaSettings, PictureId, ViewId, ViewKind};
use crate::parts;
use crate::session::{Answer, Content, FeatureKey, Fit, FitKey, FitState, Projected, Ready};
use crate::text::{tr, tr_with};

mod inspector;

pub use inspector::inspector_ui;

/// What a view of principal components keeps.
#[derive(Debug, Default)]
pub struct State {
    /// The basis that is shown.
    pub fit: Option<Arc<Fit>>,
    /// Why there is none.
    pub problem: Option<String>,
}

/// Draws the view.
pub fn pane_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId) {
    let Some(picture) = cx.view(id).and_then(super::View::picture) else {
        return;
    };
    let active = cx.state.presentation.active == Some(id);
    if active && ui.available_height() > 420.0 && cx.session.view(id).pca.fit.is_some() {
        pca_strip::strip_ui(ui, cx, id, picture);
    }
    let tool = if cx.state.tool == Tool::Pan {
        Tool::Pan
    } else {
        Tool::Pointer
    };
    let Some(shown) = picture::begin(ui, cx, (id, picture), tool) else {
        return;
    };
    let answer = picture::features(cx, id, picture);
    let fit = fit(cx, id);
    let document = cx.document;
    let settings = document.settings(id);
    let content = fit
        .as_ref()
        .zip(answer.ready())
        .and_then(|(fit, ready)| content(fit, picture, ready, settings));
    picture::paint(
        ui,
        cx,
        (id, 0),
        &shown,
        content.as_ref().unwrap_or(&Content::Photo),
    );
    picture::answer_ui(ui, cx, id, &shown, &answer);
    if let Some(ready) = answer.ready() {
        over(ui, cx, id, &shown, ready, fit.as_deref());
    }
    problem_ui(ui, cx, id, &shown);
    let tools = CanvasTools {
        draws: false,
        grid: settings.look.grid,
        overlay: settings.look.visible,
    };
    picture::finish(ui, cx, id, &shown, &tools);
    if let (Some(fit), Some(ready)) = (fit, answer.ready()) {
        read_out(ui, cx, id, &shown, &fit, ready);
    }
}

/// The pictures of the joint basis of a view, in the order of the library.
pub fn pictures(cx: &Cx<'_>, id: ViewId) -> Vec<PictureId> {
    let settings = cx.document.settings(id);
    let mut pictures: Vec<PictureId> = if settings.pca.pictures.is_empty() {
        let linked = cx.is_linked(id);
        let views = cx.document.views.iter().filter(|(other, view)| {
            view.kind == ViewKind::Pca && (**other == id || (linked && view.is_linked()))
        });
        views.filter_map(|(_, view)| view.picture()).collect()
    } else {
        let shown = cx.view(id).and_then(super::View::picture);
        settings.pca.pictures.iter().copied().chain(shown).collect()
    };
    pictures.retain(|&picture| cx.document.library.get(picture).is_some());
    pictures.sort_unstable();
    pictures.dedup();
    pictures
}

/// The basis of a view; the one before while it is computed.
fn fit(cx: &mut Cx<'_>, id: ViewId) -> Option<Arc<Fit>> {
    let pictures = pictures(cx, id);
    let mut ready = Vec::with_capacity(pictures.len());
    let mut keys = Vec::with_capacity(pictures.len());
    let mut missing = false;
    for picture in pictures {
        let settings = &cx.document.settings(id).features;
        let key = FeatureKey::new(picture, settings, &cx.document.model);
        match cx.session.features_of(cx.document, &key) {
            Answer::Ready(found) => {
                ready.push((picture, found));
                keys.push(key);
            }
            // A picture that cannot be opened does not keep the others from being shown.
            Answer::Failed(_) => {}
            _ => missing = true,
        }
    }
    if ready.is_empty() || missing {
        let state = cx.session.view(id);
        state.stale = missing && state.pca.fit.is_some();
        return state.pca.fit.clone();
    }
    let settings = &cx.document.settings(id).pca;
    let key = FitKey::new(keys, settings);
    let runner = Arc::clone(&cx.session.runner);
    let owner = if cx.is_linked(id) { 0 } else { id.0 };
    let (fit, how) = cx
        .session
        .fits
        .ask((&key, owner), &ready, settings.align, &runner);
    let state = cx.session.view(id);
    state.stale = how == FitState::Busy && fit.is_some();
    state.busy |= how == FitState::Busy;
    state.pca.problem = match how {
        FitState::Failed(problem) => Some(problem),
        _ => None,
    };
    state.pca.fit.clone_from(&fit);
    fit
}

/// Components as colors over the picture.
fn content(
    fit: &Fit,
    picture: PictureId,
    ready: &Ready,
    settings: &crate::document::Settings,
) -> Option<Content> {
    let map = &ready.layer.patches;
    let mine = fit.picture(picture);
    let foreground = mine.and_then(|it| it.foreground.clone());
    if fit.basis.dim() != map.dim() {
        return None;
    }
    let visible = settings.look.visible;
    let (desaturate, darken) = match settings.pca.outside {
        _ if !visible => (0.0, 0.0),
        outside => below(outside),
    };
    Some(Content::Components {
        map: map.clone(),
        basis: Arc::clone(&fit.basis),
        foreground: foreground.filter(|mask| mask.len() == map.patches()),
        overlay: ChannelOverlay {
            alpha: if visible { 1.0 } else { 0.0 },
            desaturate,
            darken,
            sampling: Sampling::Bilinear,
            channels: channels(&settings.pca, fit.basis.len()),
        },
    })
}

/// How grey and how dark the photograph is where nothing is drawn over it.
pub fn below(outside: Outside) -> (f32, f32) {
    match outside {
        Outside::Show => (0.0, 0.0),
        Outside::Dim => (1.0, 0.0),
        Outside::Hide => (1.0, 1.0),
    }
}

/// Components of the three colors; one component alone is grey.
pub fn channels(settings: &PcaSettings, available: usize) -> Channels {
    let there = |at: usize| Some(at).filter(|&at| at < available);
    match settings.single {
        Some(single) => {
            let place = settings.components.iter().position(|&at| at == single);
            let flipped = place.is_some_and(|place| settings.flip[place]);
            Channels {
                channels: [there(single); 3],
                inverted: [flipped; 3],
                logistic: true,
            }
        }
        None => Channels {
            channels: settings.components.map(there),
            inverted: settings.flip,
            logistic: true,
        },
    }
}

/// Patches whose color is like that of one patch, as `[patches]` of a picture.
fn alike(
    projected: &Projected,
    color: &[f32],
    settings: &PcaSettings,
    components: usize,
) -> Vec<Patch> {
    let cols = projected.map.cols();
    let limit = settings.alike * settings.alike;
    let near = |values: &[f32]| {
        let squares = settings.components.iter().zip(color).map(|(&at, &wanted)| {
            let difference = values.get(at).copied().unwrap_or(0.0) - wanted;
            difference * difference
        });
        squares.sum::<f32>() <= limit
    };
    projected
        .values
        .chunks_exact(components.max(1))
        .enumerate()
        .filter(|(index, values)| {
            let inside = projected
                .foreground
                .as_ref()
                .is_none_or(|mask| mask[*index]);
            inside && near(values)
        })
        .map(|(index, _)| Patch::from_index(index, cols))
        .collect()
}

/// The three components of the patch under the pointer, in whatever picture of the basis it is.
fn pointed_color(cx: &Cx<'_>, id: ViewId, fit: &Fit) -> Option<(PictureId, usize, Vec<f32>)> {
    let pointer = cx.state.pointer?;
    let shares = pointer.view == id || (cx.is_linked(id) && cx.is_linked(pointer.view));
    if !shares {
        return None;
    }
    let settings = cx.document.settings(id);
    let key = FeatureKey::new(pointer.picture, &settings.features, &cx.document.model);
    let ready = cx.session.features.peek(&key)?;
    let (row, col) = ready.layer.grid.patch_at(pointer.at[0], pointer.at[1])?;
    let projected = fit.picture(pointer.picture)?;
    let index = row * projected.map.cols() + col;
    let values = projected
        .values
        .chunks_exact(components(projected))
        .nth(index)?;
    let color = settings
        .pca
        .components
        .map(|at| values.get(at).copied().unwrap_or(0.0));
    Some((pointer.picture, index, color.to_vec()))
}

/// Components of each patch.
pub fn components(projected: &Projected) -> usize {
    (projected.values.len() / projected.map.patches().max(1)).max(1)
}

/// All components of the patch under the pointer.
pub fn pointed_values(cx: &Cx<'_>, id: ViewId, fit: &Fit) -> Option<Vec<f32>> {
    let (picture, index, _) = pointed_color(cx, id, fit)?;
    let projected = fit.picture(picture)?;
    let values = projected
        .values
        .chunks_exact(components(projected))
        .nth(index)?;
    Some(values.to_vec())
}

fn over(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, shown: &Shown, ready: &Ready, fit: Option<&Fit>) {
    let painter = ui.painter_at(shown.frame.rect());
    let (grid, transform) = (&ready.layer.grid, &shown.frame.transform);
    let place = (transform, shown.frame.shown());
    let settings = cx.document.settings(id);
    if settings.look.grid {
        marks::patch_grid(&painter, place, grid);
    }
    if let Some(fit) = fit
        && let Some((_, _, color)) = pointed_color(cx, id, fit)
        && let Some(mine) = fit.picture(shown.picture)
        && (mine.map.rows(), mine.map.cols()) == (grid.rows, grid.cols)
    {
        let patches = alike(mine, &color, &settings.pca, components(mine));
        marks::outline(&painter, transform, grid, &patches);
    }
    if let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) {
        marks::crosshair(&painter, place, (Some(grid), Some(patch)), at);
    }
}

fn read_out(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, shown: &Shown, fit: &Fit, ready: &Ready) {
    let grid = &ready.layer.grid;
    let Some((patch, at)) = picture::pointed(cx, id, shown.picture, grid) else {
        return;
    };
    let Some((_, _, color)) = pointed_color(cx, id, fit) else {
        return;
    };
    let settings = &cx.document.settings(id).pca;
    let count =
        |projected: &Projected| alike(projected, &color, settings, components(projected)).len();
    let here = fit.picture(shown.picture).map_or(0, count);
    let elsewhere: usize = fit
        .pictures
        .iter()
        .filter(|it| it.picture != shown.picture)
        .map(count)
        .sum();
    let numbers = settings.components.map(|at| (at + 1).to_string()).join(" ");
    let values: Vec<String> = color
        .iter()
        .map(|&value| parts::decimal(value, 1))
        .collect();
    let counts = [
        ("here", parts::count(ui, here).into()),
        ("elsewhere", parts::count(ui, elsewhere).into()),
    ];
    let rows = [
        (
            tr_with(ui, "pca-components", &[("numbers", numbers.into())]),
            values.join(" "),
        ),
        (
            tr(ui, "pca-alike"),
            tr_with(ui, "pca-alike-counts", &counts).to_string(),
        ),
        (
            tr(ui, "canvas-patch"),
            format!("{}, {}", patch.col, patch.row),
        ),
        (tr(ui, "canvas-pixel"), similarity::pixel(at)),
    ];
    picture::read_out(ui, cx, shown, (grid, patch), &rows);
}

fn problem_ui(ui: &mut Ui, cx: &mut Cx<'_>, id: ViewId, shown: &Shown) {
    if let Some(problem) = &cx.session.view(id).pca.problem {
        let at = shown.frame.rect().left_bottom() - egui::vec2(-12.0, 56.0);
        let said = tr_with(ui, "canvas-cannot", &[("reason", problem.clone().into())]);
        parts::floating_chip(ui, at, crate::icons::WARNING, &said);
    }
}
