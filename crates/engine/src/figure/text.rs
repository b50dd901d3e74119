//! Lines of text: measured, cut, wrapped and drawn.
//!
//! Input: a string, its size in points and its face. Output: widths in points and pixels blended into RGB8. The faces
//! are subsets of Inter 3.19 (`assets/fonts`); a letter that they lack is drawn as the outline of a box.

use ab_glyph::{Font as _, FontRef, GlyphId, PxScale, point};
use image::RgbImage;

use super::canvas::{Ink, blend, frame};
use super::scene::Rect;

/// The families that a viewer of an SVG looks for, first to last.
pub(super) const FAMILIES: &str = "Inter, 'Noto Sans', sans-serif";
/// Largest text that is drawn, in pixels: outlines are filled in memory of their size.
const MAX_SIZE_PX: f32 = 1024.0;
/// Height of capitals and of digits in parts of the size.
const CAPITAL_EM: f32 = 0.727;
/// Advance of a letter that the faces lack, in parts of the size.
const BOX_EM: f32 = 0.62;
/// The same from the first ideographic radical on: those letters are as wide as high.
const WIDE_BOX_EM: f32 = 1.0;
const FIRST_WIDE: char = '\u{2E80}';

/// Face of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Body, labels.
    #[default]
    Regular,
    /// Titles.
    SemiBold,
}

/// Which point of a line of text stands at its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    #[default]
    Left,
    /// Its middle.
    Middle,
    /// Its right end.
    Right,
}

/// A line of text in a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What is written; line breaks and control characters count as spaces.
    pub content: String,
    /// Anchor (x) and baseline (y) in points.
    pub at: [f32; 2],
    /// Size in points.
    pub size: f32,
    /// Face.
    pub weight: Weight,
    /// Which point of the line stands at `at`.
    pub anchor: Anchor,
    /// RGB8.
    pub colour: [u8; 3],
}

impl Text {
    /// The content as it is drawn: one line.
    pub(super) fn line(&self) -> String {
        one_line(&self.content)
    }

    /// Draws the text into a picture of `scale` pixels a point. The baseline is moved to the nearest whole pixel.
    pub fn draw(&self, image: &mut RgbImage, scale: f32) {
        let size_px = self.size * scale;
        let finite = self.at.iter().all(|number| number.is_finite());
        let drawable = finite && size_px > 0.0 && size_px <= MAX_SIZE_PX;
        if !drawable {
            return;
        }
        let line = self.line();
        let back = match self.anchor {
            Anchor::Left => 0.0,
            Anchor::Middle => width(&line, size_px, self.weight) / 2.0,
            Anchor::Right => width(&line, size_px, self.weight),
        };
        let baseline = (self.at[1] * scale).round();
        let mut left = self.at[0] * scale - back;
        let font = font(self.weight);
        for letter in line.chars() {
            draw_letter(image, &font, letter, [left, baseline], size_px, self.colour);
            left += advance(&font, letter) * size_px;
        }
    }
}

/// Width of a line of `size`, in the unit of the size.
pub fn width(line: &str, size: f32, weight: Weight) -> f32 {
    let font = font(weight);
    let advances = one_line(line)
        .chars()
        .map(|letter| advance(&font, letter))
        .sum::<f32>();
    advances * size
}

/// Baseline of a text whose capitals stand in the middle between `top` and `top + height`.
pub fn middle_baseline(top: f32, height: f32, size: f32) -> f32 {
    top + f32::midpoint(height, CAPITAL_EM * size)
}

/// The line itself if it is at most `room` wide, otherwise its beginning and an ellipsis.
pub fn fit(line: &str, size: f32, weight: Weight, room: f32) -> String {
    let line = one_line(line);
    if width(&line, size, weight) <= room {
        return line;
    }
    let font = font(weight);
    let mut left = room / size - advance(&font, '…');
    let kept = line.chars().take_while(|&letter| {
        left -= advance(&font, letter);
        left >= 0.0
    });
    let mut cut: String = kept.collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// The text in lines of at most `room`, broken at spaces; a longer word has a line of its own and is cut.
pub fn wrap(text: &str, size: f32, weight: Weight, room: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, weight) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
        .into_iter()
        .map(|line| fit(&line, size, weight, room))
        .collect()
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn font(weight: Weight) -> FontRef<'static> {
    let file: &[u8] = match weight {
        Weight::Regular => include_bytes!("../../../../assets/fonts/Inter-Regular-subset.otf"),
        Weight::SemiBold => include_bytes!("../../../../assets/fonts/Inter-SemiBold-subset.otf"),
    };
    FontRef::try_from_slice(file).expect("the built-in faces are OpenType")
}

/// Width of a letter in parts of the size.
fn advance(font: &FontRef<'_>, letter: char) -> f32 {
    match known(font, letter) {
        Some(glyph) => font.h_advance_unscaled(glyph) / units(font),
        None if letter >= FIRST_WIDE => WIDE_BOX_EM,
        None => BOX_EM,
    }
}

fn known(font: &FontRef<'_>, letter: char) -> Option<GlyphId> {
    let glyph = font.glyph_id(letter);
    (glyph.0 != 0).then_some(glyph)
}

fn units(font: &FontRef<'_>) -> f32 {
    font.units_per_em().expect("an OpenType face has units")
}

/// Draws one letter from the pen position (x, baseline) in pixels; what lies outside the image is cut off.
fn draw_letter(
    image: &mut RgbImage,
    font: &FontRef<'_>,
    letter: char,
    [x, y]: [f32; 2],
    size_px: f32,
    colour: [u8; 3],
) {
    let ink = Ink::solid(colour);
    let Some(glyph) = known(font, letter) else {
        let (wide, high) = (advance(font, letter) * size_px, CAPITAL_EM * size_px);
        let outline = Rect::new(x, y - high, wide, high).grown(-0.06 * size_px);
        return frame(image, outline, 0.0, (0.08 * size_px).max(0.8), ink);
    };
    // The crate's scale is the height from ascent to descent, not the size.
    let scale = PxScale::from(size_px * font.height_unscaled() / units(font));
    let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(scale, point(x, y)))
    else {
        return;
    };
    let corner = outline.px_bounds().min;
    outline.draw(|dx, dy, coverage| {
        let (px, py) = (corner.x + dx as f32, corner.y + dy as f32);
        if px >= 0.0 && py >= 0.0 && px < image.width() as f32 && py < image.height() as f32 {
            let (px, py) = (
                super::canvas::whole(px.into()),
                super::canvas::whole(py.into()),
            );
            blend(image.get_pixel_mut(px, py), ink, coverage);
        }
    });
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn text(content: &str, anchor: Anchor) -> Text {
        Text {
            content: content.to_owned(),
            at: [60.0, 30.0],
            size: 20.0,
            weight: Weight::Regular,
            anchor,
            colour: [0; 3],
        }
    }

    /// Columns of the first and the last dark pixel.
    fn extent(text: &Text) -> (u32, u32) {
        let mut image = RgbImage::from_pixel(120, 40, Rgb([255; 3]));
        text.draw(&mut image, 1.0);
        let dark = image
            .enumerate_pixels()
            .filter(|(.., pixel)| pixel.0[0] < 160)
            .map(|(x, ..)| x);
        (dark.clone().min().unwrap(), dark.max().unwrap())
    }

    #[test]
    fn the_drawn_width_is_the_measured_one_at_every_anchor() {
        let wide = width("HamburgH", 20.0, Weight::Regular);
        for (anchor, left) in [
            (Anchor::Left, 60.0),
            (Anchor::Middle, 60.0 - wide / 2.0),
            (Anchor::Right, 60.0 - wide),
        ] {
            let short = text("HH", anchor);
            let wide = width("HH", 20.0, Weight::Regular);
            let left = match anchor {
                Anchor::Left => left,
                Anchor::Middle => 60.0 - wide / 2.0,
                Anchor::Right => 60.0 - wide,
            };
            let (first, last) = extent(&short);
            // The letter H has side bearings of a tenth of its size.
            assert!(
                (first as f32 - left).abs() < 3.5,
                "{anchor:?} {first} {left}"
            );
            assert!(
                (last as f32 + 1.0 - left - wide).abs() < 3.5,
                "{anchor:?} {last}"
            );
        }
        assert!(wide > 80.0 && wide < 110.0, "{wide}");
    }

    #[test]
    fn the_faces_have_the_letters_of_legends_and_names() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let font = font(weight);
            for letter in "AZaz09 %.,:()[]_#/+−±×÷·°µéÅøßłŒžλσΔΩ–—…“”‘’→←↔≤≥≈≠∞√".chars()
            {
                assert!(known(&font, letter).is_some(), "{letter} {weight:?}");
            }
        }
    }

    #[test]
    fn a_letter_that_is_missing_is_a_box() {
        let mut image = RgbImage::from_pixel(40, 40, Rgb([255; 3]));
        let mut missing = text("猫", Anchor::Left);
        missing.at[0] = 10.0;
        missing.draw(&mut image, 1.0);
        let dark = |x: u32, y: u32| image.get_pixel(x, y).0[0] < 160;
        assert!(dark(11, 23) && dark(28, 23) && dark(20, 17) && dark(20, 27));
        assert!(!dark(20, 22));
        assert!((width("猫", 20.0, Weight::Regular) - 20.0).abs() < 1e-3);
    }

    #[test]
    fn long_lines_are_cut_and_wrapped_to_the_room() {
        let long = "bicubic between patch centers, range of this picture alone";
        for room in [30.0, 80.0, 200.0] {
            let cut = fit(long, 11.0, Weight::Regular, room);
            assert!(cut.ends_with('…') && width(&cut, 11.0, Weight::Regular) <= room);
            let lines = wrap(long, 11.0, Weight::Regular, room);
            assert!(lines.len() > 1);
            for line in &lines {
                assert!(width(line, 11.0, Weight::Regular) <= room, "{line}");
            }
        }
        assert_eq!(wrap(long, 11.0, Weight::Regular, 900.0), [long]);
        assert!(wrap(" \n ", 11.0, Weight::Regular, 90.0).is_empty());
    }

    #[test]
    fn texts_outside_the_picture_and_of_no_size_are_not_drawn() {
        let mut image = RgbImage::from_pixel(20, 20, Rgb([255; 3]));
        for (at, size) in [
            ([1e9, 5.0], 10.0),
            ([f32::NAN, 5.0], 10.0),
            ([5.0, 5.0], f32::NAN),
            ([5.0, 5.0], 1e9),
        ] {
            let wild = Text {
                at,
                size,
                ..text("W猫", Anchor::Right)
            };
            wild.draw(&mut image, 1.0);
        }
        assert!(image.pixels().all(|pixel| pixel.0 == [255; 3]));
    }
}
