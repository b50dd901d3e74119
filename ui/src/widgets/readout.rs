//! The read-out: the numbers of the pointed patch, in a dark box on the picture.

use std::sync::Arc;

use egui::{Align2, Galley, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2, pos2, vec2};

use crate::{
    text::Text,
    theme::{ON_PICTURE, RADIUS},
};

use super::paint;

/// Distance from the pointer.
const AWAY: f32 = 16.0;
const PADDING: Vec2 = Vec2::new(10.0, 7.0);
const LINE: f32 = 18.0;

/// Rows of names and values. It draws only: the canvas answers to the pointer.
#[derive(Debug, Default, Clone)]
#[must_use = "a read-out does nothing until it is painted"]
pub struct ReadOut {
    rows: Vec<(Text, Text)>,
}

impl ReadOut {
    /// An empty read-out; the first row is the one that counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub fn row(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.rows.push((name.into(), value.into()));
        self
    }

    /// What it says in plain lines, for copying and for reading aloud.
    pub fn plain(&self) -> String {
        let lines = self
            .rows
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Draws it near the pointer `at`, inside of `bounds` and beside `patch` where there is room. Returns its place.
    pub fn paint(&self, painter: &Painter, at: Pos2, bounds: Rect, patch: Rect) -> Rect {
        let (rows, size) = self.lay_out(painter);
        let rect = place(size, at, bounds, patch);
        self.paint_rows(painter, rect, rows);
        rect
    }

    /// Draws it with a corner or the middle of a side at a place: for read-outs that do not follow the pointer.
    pub fn paint_at(&self, painter: &Painter, at: Pos2, anchor: Align2) -> Rect {
        let (rows, size) = self.lay_out(painter);
        let rect = anchor.anchor_size(at, size);
        self.paint_rows(painter, rect, rows);
        rect
    }

    fn lay_out(&self, painter: &Painter) -> (Vec<[Arc<Galley>; 2]>, Vec2) {
        let text = |text: &str, font, color| painter.layout_no_wrap(text.to_owned(), font, color);
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(name, value)| {
                [
                    text(name, paint::small(), ON_PICTURE.label),
                    text(value, paint::mono(), ON_PICTURE.value),
                ]
            })
            .collect();
        let widest = |column: usize| {
            let widths = rows.iter().map(|row| row[column].size().x);
            widths.fold(0.0, f32::max)
        };
        let width = widest(0) + 14.0 + widest(1);
        let height = LINE * rows.len() as f32 - 2.0;
        let size = vec2(width, height) + 2.0 * PADDING;
        (rows, size)
    }

    fn paint_rows(&self, painter: &Painter, rect: Rect, rows: Vec<[Arc<Galley>; 2]>) {
        if self.rows.is_empty() {
            return;
        }
        let line = Stroke::new(1.0, ON_PICTURE.box_line);
        painter.rect(
            rect,
            RADIUS[1],
            ON_PICTURE.box_fill,
            line,
            StrokeKind::Inside,
        );
        let inside = rect.shrink2(PADDING);
        for (index, [name, value]) in rows.into_iter().enumerate() {
            let top = inside.top() + LINE * index as f32;
            let row = Rect::from_x_y_ranges(inside.x_range(), top..=top + LINE - 2.0);
            paint::text_in(painter, row, row.left(), name);
            let left = row.right() - value.size().x;
            paint::text_in(painter, row, left, value.clone());
            if index == 0 {
                // The monospace face is shipped in one weight: a second stroke half a point aside makes it bolder.
                paint::text_in(painter, row, left + 0.4, value);
            }
        }
    }
}

/// Right below the pointer; flipped where it would leave `bounds` or cover `patch`.
fn place(size: Vec2, pointer: Pos2, bounds: Rect, patch: Rect) -> Rect {
    let right = pointer.x.max(patch.right()) + AWAY;
    let left = pointer.x.min(patch.left()) - AWAY - size.x;
    let below = pointer.y.max(patch.bottom()) + AWAY;
    let above = pointer.y.min(patch.top()) - AWAY - size.y;
    let corners = [(right, below), (left, below), (right, above), (left, above)];
    let fits = |&(x, y): &(f32, f32)| bounds.contains_rect(Rect::from_min_size(pos2(x, y), size));
    // A patch larger than the pane leaves no corner: then it is kept 16 from the pointer alone, inside of the pane.
    let near = [
        (pointer.x + AWAY, pointer.y + AWAY),
        (pointer.x - AWAY - size.x, pointer.y + AWAY),
        (pointer.x + AWAY, pointer.y - AWAY - size.y),
        (pointer.x - AWAY - size.x, pointer.y - AWAY - size.y),
    ];
    let found = corners.iter().chain(&near).find(|it| fits(it));
    let &(x, y) = found.unwrap_or(&near[0]);
    let inside = |at: f32, from: f32, to: f32, length: f32| at.min(to - length).max(from);
    let x = inside(x, bounds.left(), bounds.right(), size.x);
    let y = inside(y, bounds.top(), bounds.bottom(), size.y);
    Rect::from_min_size(pos2(x, y), size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Rect = Rect {
        min: Pos2::new(100.0, 50.0),
        max: Pos2::new(700.0, 550.0),
    };

    proptest! {
        #[test]
        fn it_never_covers_the_pointed_patch_nor_leaves_the_pane(
            x in 100_f32..700.0, y in 50_f32..550.0, patch in 4_f32..60.0,
        ) {
            let pointer = pos2(x, y);
            let patch = Rect::from_center_size(pointer, Vec2::splat(patch));
            let rect = place(vec2(150.0, 86.0), pointer, BOUNDS, patch);
            prop_assert!(BOUNDS.contains_rect(rect));
            prop_assert!(!rect.intersects(patch), "{:?} {:?}", rect, patch);
            let gap = rect.distance_to_pos(pointer);
            prop_assert!(gap >= AWAY - 1e-3, "{}", gap);
        }
    }

    #[test]
    fn a_pane_that_is_too_small_shows_its_beginning() {
        let bounds = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 40.0));
        let rect = place(vec2(150.0, 86.0), pos2(50.0, 20.0), bounds, bounds);
        assert_eq!(rect.min, bounds.min);
    }

    #[test]
    fn it_can_be_copied_as_lines() {
        let readout = ReadOut::new().row("Score", "0.241").row("Patch", "27, 25");
        assert_eq!(readout.plain(), "Score: 0.241\nPatch: 27, 25");
    }
}
