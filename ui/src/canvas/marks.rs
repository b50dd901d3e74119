//! What is drawn over a picture: crosshair, outlines of patches, the patch grid.

use std::collections::BTreeSet;

use dinoscope_engine::Grid;
use dinoscope_engine::analysis::Patch;
use egui::{Painter, Pos2, Rect, Stroke, pos2};

use super::Transform;
use crate::theme::ON_PICTURE;

/// Patches smaller than this many points get no grid: it would hide the picture.
const LEAST_CELL: f32 = 5.0;

/// The rectangle of a patch in pixels of the picture.
pub fn patch_rect(grid: &Grid, patch: Patch) -> Rect {
    let (width, height) = grid.patch_px();
    let (width, height) = (width as f32, height as f32);
    let min = pos2(patch.col as f32 * width, patch.row as f32 * height);
    Rect::from_min_size(min, egui::vec2(width, height))
}

/// Draws white lines over darker ones, so that they show on any picture.
pub fn line(painter: &Painter, from: Pos2, to: Pos2, width: f32) {
    painter.line_segment([from, to], Stroke::new(width + 2.0, ON_PICTURE.halo));
    painter.line_segment([from, to], Stroke::new(width, ON_PICTURE.line));
}

/// Outlines a rectangle in the same way.
pub fn frame(painter: &Painter, rect: Rect, width: f32) {
    use egui::StrokeKind::Middle;
    painter.rect_stroke(rect, 0.0, Stroke::new(width + 2.0, ON_PICTURE.halo), Middle);
    painter.rect_stroke(rect, 0.0, Stroke::new(width, ON_PICTURE.line), Middle);
}

/// Lines through the pixel under a point, and a box around its patch.
pub fn crosshair(
    painter: &Painter,
    (transform, shown): (&Transform, Rect),
    (grid, patch): (Option<&Grid>, Option<Patch>),
    at: [f64; 2],
) {
    let center = transform.to_screen(at[0].floor() as f32 + 0.5, at[1].floor() as f32 + 0.5);
    let hole = match (grid, patch) {
        (Some(grid), Some(patch)) => transform.rect_to_screen(patch_rect(grid, patch)),
        _ => Rect::from_center_size(center, egui::Vec2::splat(12.0)),
    };
    let segments = [
        [pos2(shown.left(), center.y), pos2(hole.left(), center.y)],
        [pos2(hole.right(), center.y), pos2(shown.right(), center.y)],
        [pos2(center.x, shown.top()), pos2(center.x, hole.top())],
        [
            pos2(center.x, hole.bottom()),
            pos2(center.x, shown.bottom()),
        ],
    ];
    for [from, to] in segments {
        if from.x <= to.x && from.y <= to.y {
            line(painter, from, to, 1.0);
        }
    }
    if patch.is_some() {
        frame(painter, hole, 2.0);
    }
}

/// Outlines patches; neighbors are joined into one shape.
pub fn outline(painter: &Painter, transform: &Transform, grid: &Grid, patches: &[Patch]) {
    let inside: BTreeSet<(usize, usize)> = patches.iter().map(|at| (at.row, at.col)).collect();
    let mut edges = Vec::new();
    for &(row, col) in &inside {
        let rect = transform.rect_to_screen(patch_rect(grid, Patch { row, col }));
        let has = |row: Option<usize>, col: Option<usize>| {
            row.zip(col).is_some_and(|at| inside.contains(&at))
        };
        let sides = [
            (
                has(row.checked_sub(1), Some(col)),
                [rect.left_top(), rect.right_top()],
            ),
            (
                has(Some(row + 1), Some(col)),
                [rect.left_bottom(), rect.right_bottom()],
            ),
            (
                has(Some(row), col.checked_sub(1)),
                [rect.left_top(), rect.left_bottom()],
            ),
            (
                has(Some(row), Some(col + 1)),
                [rect.right_top(), rect.right_bottom()],
            ),
        ];
        edges.extend(
            sides
                .into_iter()
                .filter(|(inner, _)| !inner)
                .map(|(_, edge)| edge),
        );
    }
    for (width, color) in [(3.5, ON_PICTURE.halo), (1.5, ON_PICTURE.line)] {
        for edge in &edges {
            painter.line_segment(*edge, Stroke::new(width, color));
        }
    }
}

/// Borders of all patches in sight.
pub fn patch_grid(painter: &Painter, (transform, shown): (&Transform, Rect), grid: &Grid) {
    let (width, height) = grid.patch_px();
    let (width, height) = (
        width as f32 * transform.zoom,
        height as f32 * transform.zoom,
    );
    if width < LEAST_CELL || height < LEAST_CELL {
        return;
    }
    let stroke = Stroke::new(1.0, ON_PICTURE.line.gamma_multiply(0.22));
    for col in 1..grid.cols {
        let x = transform.origin.x + col as f32 * width;
        if shown.x_range().contains(x) {
            painter.vline(x, shown.y_range(), stroke);
        }
    }
    for row in 1..grid.rows {
        let y = transform.origin.y + row as f32 * height;
        if shown.y_range().contains(y) {
            painter.hline(shown.x_range(), y, stroke);
        }
    }
}
