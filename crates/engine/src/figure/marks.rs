//! Pins and outlined patches on a picture.
//!
//! Input: points in pixels of the picture, patches of its grid. Output: shapes. Sizes follow the picture's shorter side;
//! sign and shape tell positive from negative without their colors.

use super::canvas::Ink;
use super::scene::{Item, Rect, Scene};
use super::text::{Anchor, Text, Weight, middle_baseline, width};
use crate::analysis::Patch;

/// Shorter side of a picture on which marks have their nominal size, and how far they shrink and grow.
const NOMINAL_SIDE: f32 = 512.0;
const FACTORS: (f32, f32) = (0.7, 16.0);
/// Half the size of a pin without its rim, the rim, half a sign and its thickness, at nominal size.
const PIN: f32 = 7.5;
const RIM: f32 = 1.5;
const SIGN: f32 = 3.6;
const SIGN_WIDTH: f32 = 1.8;
/// Colors of pins and of their signs.
const POSITIVE: [u8; 3] = [0x5A, 0xB4, 0xFF];
const POSITIVE_SIGN: [u8; 3] = [0x06, 0x12, 0x1F];
const NEGATIVE: [u8; 3] = [0xFF, 0x9A, 0x4D];
const NEGATIVE_SIGN: [u8; 3] = [0x1C, 0x0D, 0x02];
/// Ground of the numbers at outlines.
const READ_OUT: Ink = Ink {
    colour: [0x0D, 0x0E, 0x10],
    alpha: 0.92,
};
/// Beneath white, so that it shows on any picture.
const SHADE: Ink = Ink {
    colour: [0; 3],
    alpha: 0.5,
};
const WHITE: Ink = Ink::solid([255; 3]);

/// Something pointed out in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// A positive prompt at (x, y) in pixels of the picture: a blue disc with a plus.
    Positive([f32; 2]),
    /// A negative prompt: an orange rounded square with a minus.
    Negative([f32; 2]),
    /// A patch: a white outline.
    Patch(Patch),
    /// A patch with its number: a white outline and a label.
    Numbered(Patch, usize),
}

impl Mark {
    fn patch(self) -> Option<Patch> {
        match self {
            Self::Patch(patch) | Self::Numbered(patch, _) => Some(patch),
            Self::Positive(_) | Self::Negative(_) => None,
        }
    }
}

impl Scene {
    /// Adds marks to a picture that fills the scene, on whose grid of (rows, columns) the patches are. Outlines lie
    /// below numbers, numbers below pins. Points and patches outside the picture are left out.
    pub fn mark(&mut self, marks: &[Mark], (rows, cols): (usize, usize)) {
        let (wide, high) = (self.width as f32, self.height as f32);
        let size = (wide.min(high) / NOMINAL_SIDE).clamp(FACTORS.0, FACTORS.1);
        let rect = |patch: Patch| {
            let inside = patch.row < rows && patch.col < cols;
            inside.then(|| patch_rect(patch, (rows, cols), [wide, high]))
        };
        let outlined = || marks.iter().filter_map(|mark| rect(mark.patch()?));
        // An outline leaves most of a small patch open.
        let patch = (wide / cols.max(1) as f32).min(high / rows.max(1) as f32);
        let line = (1.5 * size).min(patch / 8.0).round().max(1.0);
        // All shades first: they must not cover the outline of a neighbor.
        for rect in outlined() {
            self.frame(rect.grown(1.0), 0.0, line + 2.0, SHADE);
        }
        for rect in outlined() {
            self.frame(rect, 0.0, line, WHITE);
        }
        for mark in marks {
            if let Mark::Numbered(patch, number) = *mark
                && let Some(rect) = rect(patch)
            {
                self.number(number, rect, size);
            }
        }
        let within = |at: [f32; 2]| (0.0..=wide).contains(&at[0]) && (0.0..=high).contains(&at[1]);
        for mark in marks {
            match *mark {
                Mark::Positive(at) if within(at) => self.positive(at, size),
                Mark::Negative(at) if within(at) => self.negative(at, size),
                _ => {}
            }
        }
    }

    fn positive(&mut self, at: [f32; 2], size: f32) {
        self.disc(at, (PIN + RIM) * size + 1.0, SHADE);
        self.disc(at, (PIN + RIM) * size, WHITE);
        self.disc(at, PIN * size, Ink::solid(POSITIVE));
        let sign = Ink::solid(POSITIVE_SIGN);
        self.sign(at, [SIGN * size, 0.0], SIGN_WIDTH * size, sign);
        self.sign(at, [0.0, SIGN * size], SIGN_WIDTH * size, sign);
    }

    fn negative(&mut self, at: [f32; 2], size: f32) {
        let square = |half: f32| Rect::new(at[0], at[1], 0.0, 0.0).grown(half);
        let corner = 3.0 * size;
        let rim = (PIN + RIM) * size;
        self.fill(square(rim + 1.0), corner + RIM * size + 1.0, SHADE);
        self.fill(square(rim), corner + RIM * size, WHITE);
        self.fill(square(PIN * size), corner, Ink::solid(NEGATIVE));
        let sign = Ink::solid(NEGATIVE_SIGN);
        self.sign(at, [SIGN * size, 0.0], SIGN_WIDTH * size, sign);
    }

    fn sign(&mut self, at: [f32; 2], half: [f32; 2], width: f32, ink: Ink) {
        let end = |sign: f32| [at[0] + sign * half[0], at[1] + sign * half[1]];
        self.line(end(-1.0), end(1.0), width, ink);
    }

    /// A label above the left corner of `rect`, or inside of it where the picture ends.
    fn number(&mut self, number: usize, rect: Rect, size: f32) {
        let content = number.to_string();
        let text = (11.0 * size).max(9.0);
        let wide = width(&content, text, Weight::SemiBold) + 0.7 * text;
        let high = 1.3 * text;
        let above = rect.y - high;
        let top = if above < 0.0 { rect.y } else { above };
        let left = rect.x.min(self.width as f32 - wide).max(0.0);
        self.fill(Rect::new(left, top, wide, high), 0.2 * text, READ_OUT);
        self.items.push(Item::Text(Text {
            content,
            at: [left + wide / 2.0, middle_baseline(top, high, text)],
            size: text,
            weight: Weight::SemiBold,
            anchor: Anchor::Middle,
            colour: [255; 3],
        }));
    }
}

/// A patch in whole points, at least one.
fn patch_rect(patch: Patch, (rows, cols): (usize, usize), [wide, high]: [f32; 2]) -> Rect {
    let edge = |at: usize, count: usize, side: f32| (at as f32 * side / count as f32).round();
    let (x, y) = (edge(patch.col, cols, wide), edge(patch.row, rows, high));
    let right = edge(patch.col + 1, cols, wide).max(x + 1.0);
    let bottom = edge(patch.row + 1, rows, high).max(y + 1.0);
    Rect::new(x, y, right - x, bottom - y)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn drawn(side: (u32, u32), marks: &[Mark]) -> RgbImage {
        let picture = RgbImage::from_pixel(side.0, side.1, image::Rgb([90; 3]));
        let mut scene = Scene::picture(picture).unwrap();
        scene.mark(marks, (3, 4));
        scene.draw(1).unwrap()
    }

    #[test]
    fn marks_are_drawn_where_they_belong() {
        let marks = [
            Mark::Patch(Patch { row: 1, col: 2 }),
            Mark::Positive([8.5, 8.5]),
            Mark::Negative([100.5, 80.5]),
        ];
        let out = drawn((128, 96), &marks);
        assert_eq!(out.get_pixel(64, 32).0, [255; 3]);
        assert_eq!(out.get_pixel(95, 63).0, [255; 3]);
        assert_eq!(out.get_pixel(80, 48).0, [90; 3]);
        assert!(out.get_pixel(63, 40).0[0] < 90);
        assert_eq!(out.get_pixel(5, 10).0, POSITIVE);
        assert_eq!(out.get_pixel(97, 83).0, NEGATIVE);
        assert!(out.get_pixel(8, 8).0[0] < 20 && out.get_pixel(100, 80).0[0] < 40);
    }

    #[test]
    fn pins_grow_with_the_picture() {
        let blue = |side: u32| {
            let out = drawn((side, side), &[Mark::Positive([side as f32 / 2.0; 2])]);
            out.pixels().filter(|pixel| pixel.0 == POSITIVE).count()
        };
        assert!(blue(2048) > 12 * blue(512), "{} {}", blue(2048), blue(512));
    }

    #[test]
    fn what_lies_outside_the_picture_is_left_out() {
        let plain = drawn((64, 48), &[]);
        let outside = [
            Mark::Positive([1e9, 0.0]),
            Mark::Negative([f32::NAN, 4.0]),
            Mark::Patch(Patch { row: 3, col: 0 }),
            Mark::Numbered(
                Patch {
                    row: 0,
                    col: usize::MAX,
                },
                1,
            ),
        ];
        assert!(drawn((64, 48), &outside) == plain);
    }

    #[test]
    fn numbers_stay_inside_the_picture() {
        for (row, col) in [(0, 0), (0, 3), (2, 3)] {
            let mut scene = Scene::new(64, 48);
            scene.mark(&[Mark::Numbered(Patch { row, col }, 128)], (3, 4));
            let Some(Item::Fill { rect, .. }) = scene.items.get(2) else {
                panic!("{:?}", scene.items)
            };
            assert!(
                rect.x >= 0.0 && rect.y >= 0.0 && rect.x + rect.width <= 64.0,
                "{rect:?}"
            );
        }
    }
}
