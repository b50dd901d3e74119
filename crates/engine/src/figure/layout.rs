//! Where pictures, panels and legends stand.
//!
//! Input: scenes and legends. Output: one scene in which the first picture stays at the origin, so that point (x, y) of
//! the figure is pixel (x, y) of that picture; legends form a strip below, titles of panels stand below their panels.

use super::FigureError;
use super::legend::{LEGEND_UNITS, Legend};
use super::scene::{Item, Scene};
use super::text::{Anchor, Text, Weight, fit, width};

/// Space around and between legends, and between panels, in units.
const PADDING: f32 = 12.0;
const BETWEEN: f32 = 12.0;
/// Titles of panels in units: size, height of their line, and up to which width they widen a panel. They start where
/// the legends below the first panel do.
const TITLE: f32 = 12.0;
const TITLE_LINE: f32 = 24.0;
const TITLE_ROOM: f32 = 160.0;
/// Token `text-0` of the light theme.
const TITLE_COLOR: [u8; 3] = [0x12, 0x14, 0x17];

/// A scene with a title.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is shown; may be empty.
    pub title: String,
    /// The picture or map with its marks, without legends.
    pub scene: Scene,
}

impl Scene {
    /// Makes the scene at least so wide: the ground goes on at the right.
    pub(super) fn widen(&mut self, width: f32) {
        self.width = self
            .width
            .max(super::canvas::whole(f64::from(width.ceil())));
    }

    /// Makes the scene higher by about so much.
    pub(super) fn heighten(&mut self, height: f32) {
        let more = super::canvas::whole(f64::from(height.ceil()));
        self.height = self.height.saturating_add(more);
    }

    /// The same scene with a strip of legends below it.
    #[must_use]
    pub fn with_legends(mut self, legends: &[Legend]) -> Self {
        if legends.is_empty() {
            return self;
        }
        let padding = PADDING * self.unit;
        self.widen(LEGEND_UNITS * self.unit);
        let room = self.width as f32 - 2.0 * padding;
        let start = self.height as f32;
        let mut top = start + padding;
        for (index, legend) in legends.iter().enumerate() {
            if index > 0 {
                top += BETWEEN * self.unit;
            }
            top += legend.draw(&mut self, padding, top, room);
        }
        self.heighten(top + padding - start);
        self
    }
}

/// Panels beside each other, `columns` in a row. All are as high as the first one, which keeps its size.
pub fn panels(panels: Vec<Panel>, columns: usize) -> Result<Scene, FigureError> {
    let Some(first) = panels.first() else {
        return Err(FigureError::Sides {
            what: "figure",
            expected: "at least 1 panel".to_owned(),
            found: "none".to_owned(),
        });
    };
    let high = first.scene.height as f32;
    let columns = columns.clamp(1, panels.len());
    let rows = panels.len().div_ceil(columns);
    let factor = |panel: &Panel| high / panel.scene.height.max(1) as f32;
    let mut wide = vec![0.0_f32; columns];
    for (index, panel) in panels.iter().enumerate() {
        let own = panel.scene.width as f32 * factor(panel);
        let column = &mut wide[index % columns];
        *column = column.max(own.round());
    }
    // The unit is that of the panels together; titles and gaps then add to it.
    let whole = |side: f32| super::canvas::whole(f64::from(side));
    let unit = Scene::new(whole(wide.iter().sum()), whole(high * rows as f32)).unit;
    let gap = (PADDING * unit).round();
    let titled = panels.iter().any(|panel| !panel.title.is_empty());
    let title_line = if titled {
        (TITLE_LINE * unit).round()
    } else {
        0.0
    };
    for (index, panel) in panels.iter().enumerate() {
        let title = width(&panel.title, TITLE * unit, Weight::SemiBold);
        let needed = title.min(TITLE_ROOM * unit) + 2.0 * PADDING * unit;
        let column = &mut wide[index % columns];
        *column = column.max(needed.ceil());
    }
    let pitch = high + title_line + gap;
    let total = wide.iter().sum::<f32>() + gap * (columns - 1) as f32;
    let mut scene = Scene::new(whole(total), whole(pitch * rows as f32 - gap));
    scene.unit = unit;
    for (index, panel) in panels.into_iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let left = wide[..column].iter().sum::<f32>() + gap * column as f32;
        let top = pitch * row as f32;
        let size = factor(&panel);
        scene.place(panel.scene, [left, top], size);
        let room = wide[column] - 2.0 * PADDING * unit;
        let title = fit(&panel.title, TITLE * unit, Weight::SemiBold, room);
        if !title.is_empty() {
            scene.items.push(Item::Text(Text {
                content: title,
                at: [
                    left + PADDING * unit,
                    top + high + (TITLE_LINE - 7.0) * unit,
                ],
                size: TITLE * unit,
                weight: Weight::SemiBold,
                anchor: Anchor::Left,
                colour: TITLE_COLOR,
            }));
        }
    }
    Ok(scene)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::super::ColourBar;
    use super::super::scene::GROUND;
    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 200]))
    }

    fn panel(width: u32, height: u32, title: &str) -> Panel {
        Panel {
            title: title.to_owned(),
            scene: Scene::picture(picture(width, height)).unwrap(),
        }
    }

    #[test]
    fn legends_leave_the_picture_at_the_origin_and_widen_a_narrow_one() {
        for (width, expected) in [(60, 280), (280, 280), (333, 333)] {
            let original = picture(width, 40);
            let scene = Scene::picture(original.clone()).unwrap();
            let bar = Legend::ColourBar(ColourBar::default());
            let figure = scene.with_legends(&[bar]).draw(1).unwrap();
            assert_eq!(figure.width(), expected);
            assert!(figure.height() > 80);
            let kept = image::imageops::crop_imm(&figure, 0, 0, width, 40).to_image();
            assert!(kept == original);
            assert_eq!(figure.get_pixel(expected - 1, 41).0, GROUND);
        }
    }

    #[test]
    fn a_figure_without_legends_is_its_picture() {
        let original = picture(31, 17);
        let scene = Scene::picture(original.clone()).unwrap().with_legends(&[]);
        assert!(scene.draw(1).unwrap() == original);
    }

    #[test]
    fn panels_are_as_high_as_the_first_one_and_in_their_order() {
        let three = vec![
            panel(300, 200, "a"),
            panel(100, 400, "b"),
            panel(400, 100, ""),
        ];
        let row = panels(three.clone(), 3).unwrap();
        // 300 + 74 (50 and room for its title) + 800, and two gaps.
        let rects: Vec<_> = row
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Raster { rect, .. } => Some(*rect),
                _ => None,
            })
            .collect();
        assert_eq!((rects[0].x, rects[0].y, rects[0].width), (0.0, 0.0, 300.0));
        assert!(rects.iter().all(|rect| rect.y == 0.0));
        for (rect, expected) in rects.iter().zip([1.5, 0.25, 4.0]) {
            assert!(
                (rect.width / rect.height - expected).abs() < 1e-3,
                "{rect:?}"
            );
            assert!(rect.x + rect.width <= row.width as f32);
        }
        assert!(rects[1].x > 300.0 && rects[2].x > rects[1].x + 50.0);
        let grid = panels(three, 2).unwrap();
        assert!(grid.width < row.width && grid.height > 2 * 200);
        let first = row.draw(1).unwrap();
        let kept = image::imageops::crop_imm(&first, 0, 0, 300, 200).to_image();
        assert!(kept == picture(300, 200));
    }

    #[test]
    fn no_panels_are_an_error_and_any_number_of_columns_is_none() {
        assert!(panels(Vec::new(), 2).is_err());
        for columns in [0, 1, usize::MAX] {
            assert!(panels(vec![panel(9, 9, "a")], columns).is_ok());
        }
    }
}
