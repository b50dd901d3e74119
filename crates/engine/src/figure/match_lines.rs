//! Two pictures side by side with their correspondences.
//!
//! Input: both original pictures and the matches. Output: RGB8. The colour of a match is its place in the first picture:
//! hue from left to right, darker from top to bottom. Few matches are joined by lines; many are dots, so that the second
//! picture shows where every part of the first one went (`spec/05`, section 3, the sparse and the dense display).

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::FigureError;
use super::canvas::{Ink, byte, disc, line, whole};
use crate::analysis::Correspondence;

const GROUND: Rgb<u8> = Rgb([24, 24, 24]);

/// Settings of a match figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchFigure {
    /// Both pictures are drawn at most so many pixels high, and at the same height.
    pub max_height_px: u32,
    /// More matches than this are drawn as dots alone.
    pub max_lines: usize,
    /// Space between the pictures in pixels.
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
    /// Draws `a`, `b` and the matches, whose points are in pixels of these pictures.
    pub fn draw(
        &self,
        a: &RgbImage,
        b: &RgbImage,
        matches: &[Correspondence],
    ) -> Result<RgbImage, FigureError> {
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
        let (left, right) = (at_height(a, height), at_height(b, height));
        let offset = left.width().saturating_add(self.gap_px);
        let mut out = RgbImage::from_pixel(offset.saturating_add(right.width()), height, GROUND);
        imageops::replace(&mut out, &left, 0, 0);
        imageops::replace(&mut out, &right, i64::from(offset), 0);
        let into = |point: [f32; 2], from: &RgbImage, to: &RgbImage, shift: u32| {
            let x = point[0] * to.width() as f32 / from.width() as f32;
            [
                x + shift as f32,
                point[1] * to.height() as f32 / from.height() as f32,
            ]
        };
        let drawn: Vec<Drawn> = matches
            .iter()
            .map(|found| Drawn {
                from: into(found.a_px, a, &left, 0),
                to: into(found.b_px, b, &right, offset),
                colour: place_colour([
                    found.a_px[0] / a.width() as f32,
                    found.a_px[1] / a.height() as f32,
                ]),
            })
            .collect();
        if matches.len() <= self.max_lines {
            draw_lines(&mut out, &drawn);
        } else {
            draw_dots(&mut out, &drawn, left.dimensions());
        }
        Ok(out)
    }
}

/// A match in pixels of the figure.
struct Drawn {
    from: [f32; 2],
    to: [f32; 2],
    colour: [u8; 3],
}

/// Colour of the place (x, y) in [0, 1]²: hue from red to magenta along x, brightness from 1 to 0.55 along y.
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

fn draw_lines(out: &mut RgbImage, drawn: &[Drawn]) {
    let unit = (out.height() as f32 / 400.0).max(1.0);
    for found in drawn {
        let ink = Ink {
            colour: found.colour,
            alpha: 0.85,
        };
        line(out, found.from, found.to, 1.2 * unit, ink);
    }
    // After all lines, so that no line hides a point.
    for point in drawn
        .iter()
        .flat_map(|found| [(found.from, found.colour), (found.to, found.colour)])
    {
        disc(out, point.0, 3.4 * unit, Ink::solid([16; 3]));
        disc(out, point.0, 2.6 * unit, Ink::solid(point.1));
    }
}

/// Dots whose size fits the space that a match has in the first picture.
fn draw_dots(out: &mut RgbImage, drawn: &[Drawn], (width, height): (u32, u32)) {
    let spacing = (width as f32 * height as f32 / drawn.len() as f32).sqrt();
    let radius = (0.42 * spacing).clamp(1.0, 12.0);
    for found in drawn {
        let ink = Ink {
            colour: found.colour,
            alpha: 0.8,
        };
        disc(out, found.from, radius, ink);
        disc(out, found.to, radius, ink);
    }
}

fn at_height(picture: &RgbImage, height: u32) -> RgbImage {
    if picture.height() == height {
        return picture.clone();
    }
    let width = f64::from(picture.width()) * f64::from(height) / f64::from(picture.height());
    imageops::resize(picture, whole(width).max(1), height, FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
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
        let found = settings
            .draw(&a, &b, &[pair([30.0, 20.0], [15.0, 60.0])])
            .unwrap();
        assert_eq!(found.dimensions(), (120 + 8 + 30, 80));
        let colour = place_colour([0.5, 0.5]);
        assert_eq!(found.get_pixel(60, 40).0, colour);
        assert_eq!(found.get_pixel(128 + 15, 60).0, colour);
        assert_eq!(found.get_pixel(124, 2).0, GROUND.0);
    }

    #[test]
    fn many_matches_are_dots_without_lines() {
        let (a, b) = (RgbImage::new(40, 40), RgbImage::new(40, 40));
        let settings = MatchFigure {
            max_lines: 0,
            ..MatchFigure::default()
        };
        let found = settings
            .draw(&a, &b, &[pair([5.0, 20.0], [35.0, 20.0])])
            .unwrap();
        assert_eq!(found.get_pixel(44, 20).0, GROUND.0);
        let lined = MatchFigure::default()
            .draw(&a, &b, &[pair([5.0, 20.0], [35.0, 20.0])])
            .unwrap();
        assert_ne!(lined.get_pixel(44, 20).0, GROUND.0);
    }

    #[test]
    fn places_have_different_colours_and_bad_points_do_not_panic() {
        let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(place_colour);
        for (at, colour) in corners.iter().enumerate() {
            assert!(!corners[..at].contains(colour), "{corners:?}");
        }
        let a = RgbImage::new(9, 7);
        let wild = pair([f32::NAN, 1e30], [-1e30, f32::INFINITY]);
        assert!(MatchFigure::default().draw(&a, &a, &[wild]).is_ok());
        assert!(
            MatchFigure::default()
                .draw(&a, &RgbImage::new(0, 0), &[])
                .is_err()
        );
    }
}
