//! The arrow keys on a picture: one patch further, without a mouse.

use dinoscope_engine::Grid;
use dinoscope_engine::analysis::Patch;

use super::App;
use crate::canvas::camera::{self, Transform};
use crate::cx::Pointer;
use crate::document::{PictureId, PinShape, Sign, ViewId, ViewKind};
use crate::session::FeatureKey;
use crate::views::matches;

impl App {
    /// Moves the pointer of the keys by some patches; it starts in the middle of the picture.
    pub(super) fn walk(&mut self, (cols, rows): (i64, i64)) {
        let Some((view, picture, grid)) = self.place() else {
            return;
        };
        let here = self
            .state
            .pointer
            .filter(|pointer| pointer.view == view && pointer.picture == picture);
        let patch = match here.and_then(|pointer| grid.patch_at(pointer.at[0], pointer.at[1])) {
            Some((row, col)) => moved(&grid, Patch { row, col }, (cols, rows)),
            None => Patch {
                row: grid.rows / 2,
                col: grid.cols / 2,
            },
        };
        let (x, y) = grid.centre_px(patch.row, patch.col);
        self.keep_in_sight((view, picture), egui::pos2(x as f32, y as f32));
        self.state.pointer = Some(Pointer {
            view,
            picture,
            at: [x, y],
            by_keys: true,
        });
    }

    /// Moves the view to a point that it does not show.
    fn keep_in_sight(&mut self, (view, picture): (ViewId, PictureId), at: egui::Pos2) {
        let Some((rect, size)) = self.canvas_of(view, picture) else {
            return;
        };
        let document = std::sync::Arc::clone(self.history.present());
        let mut cx = self.cx(&document);
        let mut camera = cx.camera(view, picture);
        let transform = Transform::new(&camera, rect, size);
        if !rect.contains(transform.to_screen(at.x, at.y)) {
            camera::look_at(&mut camera, rect, size, at);
            cx.set_camera(view, picture, camera);
        }
    }

    /// Pins the patch that the keys or the pointer are on; between two pictures it is a keypoint of the first.
    pub(super) fn pin_here(&mut self, ctx: &egui::Context, sign: Sign) {
        let Some(pointer) = self.state.pointer else {
            return;
        };
        let Some(shown) = self.document().views.get(&pointer.view) else {
            return;
        };
        match shown.kind {
            ViewKind::Similarity | ViewKind::Compare => {}
            ViewKind::Matches => {
                if let [a, b] = shown.pictures[..]
                    && pointer.picture == a
                    && sign == Sign::Positive
                {
                    self.edit_now(ctx, "edit-add-keypoint", move |document| {
                        matches::push_keypoint(document, pointer.view, [a, b], pointer.at);
                    });
                }
                return;
            }
            ViewKind::Pca | ViewKind::Analysis(_) => return,
        }
        self.edit_now(ctx, "edit-add-pin", move |document| {
            let id = crate::document::PinId(document.take_number());
            let pin = crate::document::Pin {
                shape: PinShape::Point(pointer.at),
                ..crate::document::Pin::point(id, pointer.picture, pointer.at, sign)
            };
            document.settings_mut(pointer.view).query.pins.push(pin);
        });
    }

    /// Puts the pointer of the keys onto the other picture of a match view.
    pub(super) fn jump(&mut self) {
        let Some(view) = self.state.presentation.active else {
            return;
        };
        let Some(shown) = self.document().views.get(&view) else {
            return;
        };
        let [a, b] = shown.pictures[..] else { return };
        let here = self.state.pointer.map(|pointer| pointer.picture);
        let under = self.session.view(view).matches.under;
        let to = if here == Some(a) { b } else { a };
        let at = under.map(|under| under.best.0).or_else(|| {
            let open = self.session.pictures.peek(to)?;
            let (width, height) = open.size_px();
            Some([f64::from(width) / 2.0, f64::from(height) / 2.0])
        });
        if let Some(at) = at {
            self.state.pointer = Some(Pointer {
                view,
                picture: to,
                at,
                by_keys: true,
            });
        }
    }

    /// The active view with the picture and grid that the keys walk on.
    fn place(&self) -> Option<(ViewId, PictureId, Grid)> {
        let view = self.state.presentation.active?;
        let document = self.document();
        let shown = document.views.get(&view)?;
        let here = self.state.pointer.filter(|pointer| pointer.view == view);
        let picture = here
            .map(|pointer| pointer.picture)
            .or_else(|| shown.picture())?;
        let key = FeatureKey::new(picture, &document.settings(view).features, &document.model);
        let ready = self.session.features.peek(&key)?;
        Some((view, picture, ready.layer.grid))
    }
}

/// A patch some steps away; the borders stop.
fn moved(grid: &Grid, patch: Patch, (cols, rows): (i64, i64)) -> Patch {
    let step = |at: usize, by: i64, count: usize| {
        let to = i64::try_from(at).unwrap_or(0) + by;
        let last = i64::try_from(count).unwrap_or(i64::MAX) - 1;
        usize::try_from(to.clamp(0, last.max(0))).unwrap_or(0)
    };
    Patch {
        row: step(patch.row, rows, grid.rows),
        col: step(patch.col, cols, grid.cols),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_of_the_picture_stop_the_keys() {
        let grid = Grid::new((64, 48), (64, 48), 16);
        let corner = Patch { row: 0, col: 0 };
        assert_eq!(moved(&grid, corner, (-1, -8)), corner);
        assert_eq!(moved(&grid, corner, (8, 8)), Patch { row: 2, col: 3 });
        assert_eq!(moved(&grid, corner, (1, 0)), Patch { row: 0, col: 1 });
    }
}
