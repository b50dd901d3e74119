//! A figure as a list of shapes, in points.
//!
//! Input: pixels, lines, discs, rectangles and texts, placed in points, where one point is one pixel of a PNG at scale
//! 1 and point (0, 0) is the upper left corner. Output: a `Scene`, which `render` draws and `svg` writes out.

use image::RgbImage;

use super::FigureError;
use super::canvas::Ink;
use super::text::Text;

/// Ground of legends and of the space between pictures: the token `panel` of the light theme.
pub const GROUND: [u8; 3] = [0xF5, 0xF6, 0xF8];
/// Longest side of a figure's content for which a unit of its legends is one point.
const POINTS_PER_UNIT: f32 = 800.0;
/// Narrowest content, in units: legends grow with a tall content only as far as its width carries them.
const WIDTH_UNITS: f32 = 320.0;

/// A rectangle in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left side.
    pub x: f32,
    /// Upper side.
    pub y: f32,
    /// Width, at least 0.
    pub width: f32,
    /// Height, at least 0.
    pub height: f32,
}

impl Rect {
    /// The rectangle `width` x `height` with its upper left corner at (`x`, `y`).
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// The rectangle whose sides are `margin` further out; further in if negative, and never less than nothing.
    #[must_use]
    pub fn grown(self, margin: f32) -> Self {
        Self {
            x: self.x - margin,
            y: self.y - margin,
            width: (self.width + 2.0 * margin).max(0.0),
            height: (self.height + 2.0 * margin).max(0.0),
        }
    }

    /// The rectangle after `x -> origin + x · factor`.
    #[must_use]
    pub fn moved(self, [left, top]: [f32; 2], factor: f32) -> Self {
        Self {
            x: left + self.x * factor,
            y: top + self.y * factor,
            width: self.width * factor,
            height: self.height * factor,
        }
    }

    /// Whether all four numbers can be drawn.
    pub fn is_finite(self) -> bool {
        [self.x, self.y, self.width, self.height]
            .iter()
            .all(|number| number.is_finite())
    }
}

/// How a raster fills a rectangle of another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// Every pixel becomes a rectangle with sharp edges: cells of a grid.
    Crisp,
    /// Interpolated, antialiased when reduced: photographs.
    Smooth,
}

/// One shape, drawn over the ones before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Pixels, stretched over a rectangle.
    Raster {
        /// RGB8.
        image: RgbImage,
        /// Where.
        rect: Rect,
        /// Between the pixels.
        scaling: Scaling,
    },
    /// A straight line with round ends.
    Line {
        /// One end (x, y).
        from: [f32; 2],
        /// The other end.
        to: [f32; 2],
        /// Thickness.
        width: f32,
        /// Color.
        ink: Ink,
    },
    /// A filled circle.
    Disc {
        /// Middle (x, y).
        centre: [f32; 2],
        /// Radius.
        radius: f32,
        /// Color.
        ink: Ink,
    },
    /// The outline of a rectangle, drawn inwards from its sides.
    Frame {
        /// Outer sides.
        rect: Rect,
        /// Radius of the outer corners.
        radius: f32,
        /// Thickness.
        width: f32,
        /// Color.
        ink: Ink,
    },
    /// A filled rectangle.
    Fill {
        /// Sides.
        rect: Rect,
        /// Radius of the corners: 0 for sharp ones.
        radius: f32,
        /// Color.
        ink: Ink,
    },
    /// A line of text.
    Text(Text),
}

impl Item {
    /// The same shape after `point -> origin + point · factor`.
    fn moved(self, origin: [f32; 2], factor: f32) -> Self {
        let at = |point: [f32; 2]| [0, 1].map(|axis| origin[axis] + point[axis] * factor);
        match self {
            Self::Raster {
                image,
                rect,
                scaling,
            } => Self::Raster {
                image,
                rect: rect.moved(origin, factor),
                scaling,
            },
            Self::Line {
                from,
                to,
                width,
                ink,
            } => Self::Line {
                from: at(from),
                to: at(to),
                width: width * factor,
                ink,
            },
            Self::Disc {
                centre,
                radius,
                ink,
            } => Self::Disc {
                centre: at(centre),
                radius: radius * factor,
                ink,
            },
            Self::Frame {
                rect,
                radius,
                width,
                ink,
            } => Self::Frame {
                rect: rect.moved(origin, factor),
                radius: radius * factor,
                width: width * factor,
                ink,
            },
            Self::Fill { rect, radius, ink } => Self::Fill {
                rect: rect.moved(origin, factor),
                radius: radius * factor,
                ink,
            },
            Self::Text(text) => Self::Text(Text {
                at: at(text.at),
                size: text.size * factor,
                ..text
            }),
        }
    }
}

/// Shapes on a ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in points.
    pub width: u32,
    /// Height in points.
    pub height: u32,
    /// Unit of the legends' sizes in points: texts stay readable when a large figure is shown small.
    pub unit: f32,
    /// From the lowest to the topmost.
    pub items: Vec<Item>,
}

impl Scene {
    /// An empty scene for a content of `width` x `height` points.
    pub fn new(width: u32, height: u32) -> Self {
        let (wide, high) = (width as f32, height as f32);
        let most = (wide / WIDTH_UNITS).max(1.0);
        let unit = (wide.max(high) / POINTS_PER_UNIT).clamp(1.0, most);
        Self {
            width,
            height,
            // In quarters, so that equal figures of nearly equal pictures look alike.
            unit: (unit * 4.0).floor() / 4.0,
            items: Vec::new(),
        }
    }

    /// A picture, one point a pixel.
    pub fn picture(image: RgbImage) -> Result<Self, FigureError> {
        let size = image.dimensions();
        Self::raster(image, size, Scaling::Smooth)
    }

    /// Pixels that are cells with sharp edges, together `size` (width, height) points large.
    pub fn cells(image: RgbImage, size: (u32, u32)) -> Result<Self, FigureError> {
        Self::raster(image, size, Scaling::Crisp)
    }

    fn raster(
        image: RgbImage,
        (width, height): (u32, u32),
        scaling: Scaling,
    ) -> Result<Self, FigureError> {
        if image.is_empty() || width == 0 || height == 0 {
            return Err(FigureError::Sides {
                what: "picture of a figure",
                expected: "sides of at least 1".to_owned(),
                found: format!("{:?} pixels, {width} x {height} points", image.dimensions()),
            });
        }
        let mut scene = Self::new(width, height);
        scene.items.push(Item::Raster {
            image,
            rect: Rect::new(0.0, 0.0, width as f32, height as f32),
            scaling,
        });
        Ok(scene)
    }

    /// Adds the shapes of another scene with its upper left corner at `origin`, `factor` times as large.
    pub fn place(&mut self, scene: Self, origin: [f32; 2], factor: f32) {
        let moved = scene.items.into_iter();
        self.items
            .extend(moved.map(|item| item.moved(origin, factor)));
    }

    /// Adds a filled rectangle.
    pub fn fill(&mut self, rect: Rect, radius: f32, ink: Ink) {
        self.items.push(Item::Fill { rect, radius, ink });
    }

    /// Adds a line.
    pub fn line(&mut self, from: [f32; 2], to: [f32; 2], width: f32, ink: Ink) {
        self.items.push(Item::Line {
            from,
            to,
            width,
            ink,
        });
    }

    /// Adds a filled circle.
    pub fn disc(&mut self, centre: [f32; 2], radius: f32, ink: Ink) {
        self.items.push(Item::Disc {
            centre,
            radius,
            ink,
        });
    }

    /// Adds an outline.
    pub fn frame(&mut self, rect: Rect, radius: f32, width: f32, ink: Ink) {
        self.items.push(Item::Frame {
            rect,
            radius,
            width,
            ink,
        });
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;

    #[test]
    fn a_scene_placed_in_another_keeps_its_proportions() {
        let mut inner = Scene::new(10, 10);
        let ink = Ink::solid([1; 3]);
        inner.line([1.0, 2.0], [3.0, 4.0], 1.5, ink);
        inner.fill(Rect::new(1.0, 1.0, 2.0, 3.0), 0.5, ink);
        let mut outer = Scene::new(100, 100);
        outer.place(inner, [10.0, 20.0], 2.0);
        let Item::Line {
            from, to, width, ..
        } = outer.items[0]
        else {
            panic!("{:?}", outer.items[0])
        };
        assert_eq!((from, to, width), ([12.0, 24.0], [16.0, 28.0], 3.0));
        let Item::Fill { rect, radius, .. } = outer.items[1] else {
            panic!("{:?}", outer.items[1])
        };
        assert_eq!((rect, radius), (Rect::new(12.0, 22.0, 4.0, 6.0), 1.0));
    }

    #[test]
    fn legends_grow_with_the_content_but_not_past_its_width() {
        let unit = |width, height| Scene::new(width, height).unit;
        assert_eq!(unit(100, 80), 1.0);
        assert_eq!(unit(1600, 1200), 2.0);
        assert_eq!(unit(480, 4000), 1.5);
    }

    #[test]
    fn pictures_without_pixels_are_errors() {
        assert!(Scene::picture(RgbImage::new(0, 4)).is_err());
        assert!(Scene::cells(RgbImage::new(2, 4), (0, 8)).is_err());
    }
}
