//! Two pictures side by side with their correspondences.
//!
//! Input: both original pictures and the matches. Output: a scene. The color of a match is its place in the first
//! picture: hue from left to right, darker from top to bottom. Few matches are joined by lines; many are dots, so that
//! the second picture shows where every part of the first one went (`spec/05`, section 3, the sparse and the dense
//! display).

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::canvas::{Ink, byte, whole};
use super::scene::{Item, Rect, Scaling, Scene};
use crate::analysis::Correspondence;

/// Height of a figure in points for which lines and points have their nominal size.
const NOMINAL_HEIGHT: f32 = 400.0;
/// Beneath lines and points, so that they show on any picture.
const SHADE: [u8; 3] = [16; 3];
const LINE_ALPHA: f32 = 0.9;
const LINE_SHADE_ALPHA: f32 = 0.4;
const DOT_ALPHA: f32 = 0.8;

/// Settings of a match figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchFigure {
    /// Both pictures are drawn at most so many points high, and at the same height.
    pub max_height_px: u32,
    /// More matches than this are drawn as dots alone.
    pub max_lines: usize,
    /// Space between the pictures in points.
    pub gap_px: u32,
}

impl Default for MatchFigure {
    fn default() -> Self {
        Self {
            max_height_px: 1080,
            max_lines: 150,
            gap_px: 8,
        }
    }
}

impl MatchFigure {
    /// Places `a`, `b` and the matches, whose points are in pixels of these pictures.
    pub fn scene(
        &self,
        a: RgbImage,
        b: RgbImage,
        matches: &[Correspondence],
    ) -> Result<Scene, FigureError> {
        if a.is_empty() || b.is_empty() || self.max_height_px == 0 {
            return Err(FigureError::Sides {
                what: "match figure",
                expected: "two pictures and a height above 0".to_owned(),
                found: format!(
                    "{:?}, {:?}, height {}",
                    a.dimensions(),
                    b.dimensions(),
                    self.max_height_px
                ),
            });
        }
        let height = a.height().max(b.height()).min(self.max_height_px);
        let (left, right) = (width_at(&a, height), width_at(&b, height));
        let offset = left.saturating_add(self.gap_px);
        let drawn = drawn(matches, (&a, left), (&b, right), (offset, height));
        let mut scene = Scene::new(offset.saturating_add(right), height);
        for (image, x, width) in [(a, 0, left), (b, offset, right)] {
            scene.items.push(Item::Raster {
                image,
                rect: Rect::new(x as f32, 0.0, width as f32, height as f32),
                scaling: Scaling::Smooth,
            });
        }
        if matches.len() <= self.max_lines {
            add_lines(&mut scene, &drawn);
        } else {
            add_dots(&mut scene, &drawn, left as f32 * height as f32);
        }
        Ok(scene)
    }
}

/// A match in points of the figure.
struct Drawn {
    from: [f32; 2],
    to: [f32; 2],
    colour: [u8; 3],
}

/// The matches between two pictures of given widths, the second one `offset` points to the right.
fn drawn(
    matches: &[Correspondence],
    (a, left): (&RgbImage, u32),
    (b, right): (&RgbImage, u32),
    (offset, height): (u32, u32),
) -> Vec<Drawn> {
    let into = |point: [f32; 2], picture: &RgbImage, width: u32, shift: u32| {
        [
            point[0] * width as f32 / picture.width() as f32 + shift as f32,
            point[1] * height as f32 / picture.height() as f32,
        ]
    };
    let place = |point: [f32; 2]| [point[0] / a.width() as f32, point[1] / a.height() as f32];
    matches
        .iter()
        .map(|found| Drawn {
            from: into(found.a_px, a, left, 0),
            to: into(found.b_px, b, right, offset),
            colour: place_colour(place(found.a_px)),
        })
        .collect()
}

/// Color of the place (x, y) in [0, 1]²: hue from red to magenta along x, brightness from 1 to 0.55 along y.
pub fn place_colour([x, y]: [f32; 2]) -> [u8; 3] {
    let sixths = x.clamp(0.0, 1.0) * 5.0;
    let value = 1.0 - 0.45 * y.clamp(0.0, 1.0);
    // HSV with saturation 0.9: each channel is a trapezoid over the hue, shifted by two sixths.
    [5.0, 3.0, 1.0].map(|shift: f32| {
        let k = (shift + sixths) % 6.0;
        let channel = value * (1.0 - 0.9 * k.min(4.0 - k).clamp(0.0, 1.0));
        byte(channel)
    })
}

fn add_lines(scene: &mut Scene, drawn: &[Drawn]) {
    let unit = (scene.height as f32 / NOMINAL_HEIGHT).max(1.0);
    for found in drawn {
        let ink = |colour, alpha| Ink { colour, alpha };
        let shade = ink(SHADE, LINE_SHADE_ALPHA);
        scene.line(found.from, found.to, 2.4 * unit, shade);
        let line = ink(found.colour, LINE_ALPHA);
        scene.line(found.from, found.to, 1.2 * unit, line);
    }
    // After all lines, so that no line hides a point.
    for found in drawn {
        for point in [found.from, found.to] {
            scene.disc(point, 3.6 * unit, Ink::solid(SHADE));
            scene.disc(point, 2.6 * unit, Ink::solid(found.colour));
        }
    }
}

/// Dots whose size fits the space that a match has in the first picture.
fn add_dots(scene: &mut Scene, drawn: &[Drawn], area: f32) {
    let spacing = (area / drawn.len() as f32).sqrt();
    let radius = (0.42 * spacing).clamp(1.0, 12.0);
    for found in drawn {
        let ink = Ink {
            colour: found.colour,
            alpha: DOT_ALPHA,
        };
        scene.disc(found.from, radius, ink);
        scene.disc(found.to, radius, ink);
    }
}

fn width_at(picture: &RgbImage, height: u32) -> u32 {
    let width = f64::from(picture.width()) * f64::from(height) / f64::from(picture.height());
    whole(width).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::scene::GROUND;
    use super::*;

    fn pair(a_px: [f32; 2], b_px: [f32; 2]) -> Correspondence {
        Correspondence {
            a: 0,
            b: 0,
            a_px,
            b_px,
            similarity: 1.0,
            second: 0.0,
            mutual: true,
            cycle_error_px: 0.0,
        }
    }

    #[test]
    fn pictures_of_different_heights_share_one_and_points_follow() {
        let (a, b) = (RgbImage::new(60, 40), RgbImage::new(30, 80));
        let settings = MatchFigure::default();
        let scene = settings
            .scene(a, b, &[pair([30.0, 20.0], [15.0, 60.0])])
            .unwrap();
        let found = scene.draw(1).unwrap();
        assert_eq!(found.dimensions(), (120 + 8 + 30, 80));
        let colour = place_colour([0.5, 0.5]);
        assert_eq!(found.get_pixel(60, 40).0, colour);
        assert_eq!(found.get_pixel(128 + 15, 60).0, colour);
        assert_eq!(found.get_pixel(124, 2).0, GROUND);
    }

    #[test]
    fn many_matches_are_dots_without_lines() {
        let picture = || RgbImage::new(40, 40);
        let settings = MatchFigure {
            max_lines: 0,
            ..MatchFigure::default()
        };
        let matches = [pair([5.0, 20.0], [35.0, 20.0])];
        let gap = |settings: MatchFigure| {
            let scene = settings.scene(picture(), picture(), &matches).unwrap();
            scene.draw(1).unwrap().get_pixel(44, 20).0
        };
        assert_eq!(gap(settings), GROUND);
        assert_ne!(gap(MatchFigure::default()), GROUND);
    }

    #[test]
    fn places_have_different_colours_and_bad_points_do_not_panic() {
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(place_colour);
        for (at, colour) in corners.iter().enumerate() {
            assert!(!corners[..at].contains(colour), "{corners:?}");
        }
        let a = || RgbImage::new(9, 7);
        let wild = pair([f32::NAN, 1e30], [-1e30, f32::INFINITY]);
        let scene = MatchFigure::default().scene(a(), a(), &[wild]).unwrap();
        assert!(scene.draw(4).is_ok());
        assert!(
            MatchFigure::default()
                .scene(a(), RgbImage::new(0, 0), &[])
                .is_err()
        );
    }
}
