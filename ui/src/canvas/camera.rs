//! Where the pixels of a picture are on the screen.
//!
//! A [`Camera`] is what a project keeps; a [`Transform`] is that camera in a rectangle of the window. Lengths of the
//! screen are in points, those of the picture in its own pixels.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::document::Camera;

/// Most points of the screen per pixel of the picture.
const MOST_ZOOM: f32 = 64.0;
/// Space around a picture that is fitted in, in points.
const MARGIN: f32 = 8.0;

/// Maps points of a picture to the screen and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// Where pixel (0, 0) begins, in points of the screen.
    pub origin: Pos2,
    /// Points of the screen per pixel of the picture.
    pub zoom: f32,
}

impl Transform {
    /// The camera in `rect`, on a picture of `size_px`.
    pub fn new(camera: &Camera, rect: Rect, size_px: Vec2) -> Self {
        let fit = fit_zoom(rect, size_px);
        let (zoom, center) = match camera.zoom {
            None => (fit, size_px * 0.5),
            Some(zoom) => (zoom, vec2(camera.center_px[0], camera.center_px[1])),
        };
        Self {
            origin: rect.center() - center * zoom,
            zoom,
        }
    }

    /// The point of the screen that shows a point of the picture.
    pub fn to_screen(&self, x: f32, y: f32) -> Pos2 {
        self.origin + vec2(x, y) * self.zoom
    }

    /// The point of the picture under a point of the screen.
    pub fn to_picture(&self, at: Pos2) -> Pos2 {
        ((at - self.origin) / self.zoom).to_pos2()
    }

    /// The rectangle of the screen that shows a rectangle of the picture.
    pub fn rect_to_screen(&self, rect: Rect) -> Rect {
        Rect::from_min_max(
            self.to_screen(rect.min.x, rect.min.y),
            self.to_screen(rect.max.x, rect.max.y),
        )
    }

    /// The part of a picture of `size_px` that is inside `rect`, in its pixels; empty where none is.
    pub fn visible(&self, rect: Rect, size_px: Vec2) -> Rect {
        let all = Rect::from_min_size(Pos2::ZERO, size_px);
        let seen = Rect::from_min_max(self.to_picture(rect.min), self.to_picture(rect.max));
        seen.intersect(all)
    }
}

/// Points per pixel at which all of a picture is seen.
pub fn fit_zoom(rect: Rect, size_px: Vec2) -> f32 {
    let room = (rect.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(16.0));
    (room.x / size_px.x.max(1.0)).min(room.y / size_px.y.max(1.0))
}

/// Zooms by `factor` and keeps what is under `at` in its place.
pub fn zoom_at(camera: &mut Camera, rect: Rect, size_px: Vec2, at: Pos2, factor: f32) {
    let before = Transform::new(camera, rect, size_px);
    let fit = fit_zoom(rect, size_px);
    // One pixel a pixel has to be within reach on every screen.
    let least = (fit * 0.25).min(0.25);
    let zoom = (before.zoom * factor).clamp(least, MOST_ZOOM.max(fit));
    let fixed = before.to_picture(at);
    let center = fixed.to_vec2() - (at - rect.center()) / zoom;
    set(camera, center, zoom, size_px);
}

/// Moves the picture by `by` points.
pub fn pan(camera: &mut Camera, rect: Rect, size_px: Vec2, by: Vec2) {
    let now = Transform::new(camera, rect, size_px);
    let center = now.to_picture(rect.center() - by).to_vec2();
    set(camera, center, now.zoom, size_px);
}

/// Shows one pixel of the picture as one pixel of the screen, around what is in the middle now.
pub fn one_to_one(camera: &mut Camera, rect: Rect, size_px: Vec2, pixels_per_point: f32) {
    let factor = 1.0 / pixels_per_point / Transform::new(camera, rect, size_px).zoom;
    zoom_at(camera, rect, size_px, rect.center(), factor);
}

/// Puts a point of the picture into the middle.
pub fn look_at(camera: &mut Camera, rect: Rect, size_px: Vec2, at: Pos2) {
    let zoom = Transform::new(camera, rect, size_px).zoom;
    set(camera, at.to_vec2(), zoom, size_px);
}

/// The middle stays on the picture, so that it cannot get lost.
fn set(camera: &mut Camera, center: Vec2, zoom: f32, size_px: Vec2) {
    let center = center.clamp(Vec2::ZERO, size_px);
    camera.center_px = [center.x, center.y];
    camera.zoom = Some(zoom);
}

/// How far a point is inside a picture, for pictures of other sizes: both coordinates in [0, 1].
pub fn fraction(at: Pos2, size_px: Vec2) -> Pos2 {
    pos2(at.x / size_px.x.max(1.0), at.y / size_px.y.max(1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rect() -> Rect {
        Rect::from_min_size(pos2(200.0, 40.0), vec2(600.0, 500.0))
    }

    #[test]
    fn a_fitted_picture_is_in_the_middle_and_wholly_seen() {
        let size = vec2(451.0, 300.0);
        let fitted = Transform::new(&Camera::default(), rect(), size);
        let shown = fitted.rect_to_screen(Rect::from_min_size(Pos2::ZERO, size));
        assert!(rect().contains_rect(shown));
        assert!((shown.center() - rect().center()).length() < 1e-3);
        assert_eq!(fitted.visible(rect(), size).size(), size);
    }

    proptest! {
        #[test]
        fn the_point_under_the_pointer_stays_while_zooming(
            x in 210.0f32..790.0, y in 50.0f32..530.0, steps in prop::collection::vec(0.8f32..1.3, 1..20),
        ) {
            let (size, at) = (vec2(451.0, 300.0), pos2(x, y));
            let mut camera = Camera::default();
            let before = Transform::new(&camera, rect(), size).to_picture(at);
            // Beside the picture its edge is what stays.
            prop_assume!(Rect::from_min_size(Pos2::ZERO, size).shrink(20.0).contains(before));
            for factor in steps {
                zoom_at(&mut camera, rect(), size, at, factor);
                let seen = Transform::new(&camera, rect(), size);
                let inside = camera.center_px[0] > 0.0 && camera.center_px[0] < size.x
                    && camera.center_px[1] > 0.0 && camera.center_px[1] < size.y;
                if !inside { return Ok(()); }
                prop_assert!((seen.to_picture(at) - before).length() < 0.05);
            }
        }

        #[test]
        fn screen_and_picture_are_inverse(x in -50.0f32..900.0, y in -50.0f32..900.0, zoom in 0.05f32..40.0) {
            let camera = Camera { center_px: [100.0, 80.0], zoom: Some(zoom) };
            let transform = Transform::new(&camera, rect(), vec2(451.0, 300.0));
            let back = transform.to_picture(transform.to_screen(x, y));
            prop_assert!((back - pos2(x, y)).length() < 0.1);
        }
    }

    #[test]
    fn the_middle_cannot_leave_the_picture() {
        let size = vec2(451.0, 300.0);
        let mut camera = Camera::default();
        pan(&mut camera, rect(), size, vec2(1e6, -1e6));
        let [x, y] = camera.center_px;
        assert!(x.abs() < 1e-3 && (y - 300.0).abs() < 1e-3, "{x}, {y}");
    }
}
