//! A color bar: title and range, gradient, ticks and their numbers, note.
//!
//! Input: a `ColourBar` and the place of the pen. Output: shapes. Bar and ticks stand on whole points, so that they are
//! crisp at every scale.

use image::RgbImage;

use super::canvas::Ink;
use super::legend::ColourBar;
use super::pen::{ENTRY_GAP, FACE_SLACK, Face, LINE, LINE_STRONG, Pen, SMALL, TITLE};
use super::range::position;
use super::scene::{Item, Rect, Scaling};
use super::text::{Weight, fit, width};
use super::ticks::{range_text, ticks};

/// Height of the bar and of a tick, and from the bar to the numbers, in units.
const BAR_HEIGHT: f32 = 12.0;
const TICK_HEIGHT: f32 = 4.0;
const NUMBER_GAP: f32 = 5.0;
/// Colors of the gradient, from left to right.
const BAR_COLORS: u16 = 1024;

impl Pen<'_> {
    pub(super) fn colour_bar(&mut self, bar: &ColourBar) {
        let unit = self.unit;
        let name = match &bar.unit[..] {
            "" => bar.title.clone(),
            unit => format!("{} ({unit})", bar.title),
        };
        let range = range_text(bar.limits);
        let range_width = width(&range, SMALL * unit, Weight::Regular) * FACE_SLACK;
        let title_room = self.room - range_width - ENTRY_GAP * unit;
        let baseline = self.top + TITLE * unit;
        let name = fit(&name, TITLE * unit, Weight::SemiBold, title_room);
        self.text(name, [self.left, baseline], Face::TITLE);
        let right = self.left + self.room;
        self.text(range, [right, baseline], Face::RANGE);
        self.top += (LINE + 4.0) * unit;
        let rect = self.bar_rect();
        self.gradient(bar, rect);
        self.ticks(bar.limits, rect);
        self.top += (BAR_HEIGHT + NUMBER_GAP + SMALL + NUMBER_GAP) * unit;
        self.note(&bar.note);
    }

    fn gradient(&mut self, bar: &ColourBar, rect: Rect) {
        let last = f32::from(BAR_COLORS - 1);
        let colors = (0..BAR_COLORS).flat_map(|x| bar.colormap.colour(f32::from(x) / last));
        let image = RgbImage::from_raw(u32::from(BAR_COLORS), 1, colors.collect())
            .expect("a row of so many colors");
        self.scene.items.push(Item::Raster {
            image,
            rect,
            scaling: Scaling::Crisp,
        });
        let ink = Ink::solid(LINE_STRONG);
        self.scene.frame(rect, 0.0, self.unit.round(), ink);
    }

    /// The bar from the pen's place on, in whole points, so that its outline is crisp.
    fn bar_rect(&self) -> Rect {
        let (left, top) = (self.left.round(), self.top.round());
        let right = (self.left + self.room).round();
        Rect::new(left, top, right - left, (BAR_HEIGHT * self.unit).round())
    }

    /// Ticks and labels below a bar; a label that would touch the one before it is left out.
    fn ticks(&mut self, limits: (f32, f32), bar: Rect) {
        let (unit, bottom) = (self.unit, bar.y + bar.height);
        let thick = unit.round();
        let right = bar.x + bar.width;
        let mut free = f32::NEG_INFINITY;
        for tick in ticks(limits) {
            let at = position(tick.value as f32, limits).clamp(0.0, 1.0);
            // A tick at either end stands below the bar's outline.
            let x = (bar.x + at * (bar.width - thick)).round();
            let mark = Rect::new(x, bottom, thick, (TICK_HEIGHT * unit).round());
            self.scene.fill(mark, 0.0, Ink::solid(LINE_STRONG));
            let half = width(&tick.label, SMALL * unit, Weight::Regular) / 2.0;
            let middle = (x + thick / 2.0).min(right - half).max(bar.x + half);
            if middle - half > free {
                self.text(
                    tick.label,
                    [middle, bottom + (NUMBER_GAP + SMALL) * unit],
                    Face::TICK,
                );
                free = middle + half + 6.0 * unit;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::legend::Legend;
    use super::super::pen::tests::contents;
    use super::super::{Colormap, Scene};
    use super::*;

    #[test]
    fn a_color_bar_has_title_range_ticks_and_note_inside_the_strip() {
        for width in [20, 280, 500, 3000] {
            let bar = Legend::ColourBar(ColourBar {
                title: "Distance to a very far patch of the other picture".to_owned(),
                unit: "px".to_owned(),
                limits: (-123_456.0, 987_654.0),
                note: "Bicubic between patch centers.".to_owned(),
                ..ColourBar::default()
            });
            let found = contents(&bar, width);
            assert!(found[0].starts_with("Distance"), "{found:?}");
            assert!(found[1].contains(" to "), "{found:?}");
            assert!(found.len() >= 5, "{found:?}");
            assert_eq!(found[found.len() - 1], "Bicubic between patch centers.");
        }
    }

    #[test]
    fn the_middle_of_the_bar_has_the_color_of_the_middle() {
        let bar = Legend::ColourBar(ColourBar {
            limits: (0.0, 1.0),
            ..ColourBar::default()
        });
        let scene = Scene::new(400, 100).with_legends(&[bar]);
        let image = scene.draw(1).unwrap();
        let expected = Colormap::Viridis.colour(0.5);
        let row = (100..image.height())
            .map(|y| image.get_pixel(200, y).0)
            .find(|pixel| pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2));
        assert!(row.is_some());
    }
}
