//! The visible part of a picture, and the ground that maps are drawn on.
//!
//! Input: a picture and the rectangle of it that is wanted. Output: colors under the pixels of that rectangle, and the
//! loop over them. Points are in pixels of the picture, pixel (0, 0) covers [0, 1) × [0, 1); colors are sRGB values in
//! [0, 1], mixed as they are, so that a map looks the same over every picture. Twin of `shaders/shared/color.wgsl`.

use std::borrow::Cow;

use image::RgbImage;
use rayon::prelude::*;

use super::FigureError;
use super::guide::Guide;
use super::sampling::Sampling;

/// Most pixels of the picture, along each axis, that are averaged for one output pixel.
const MOST_TAPS: f32 = 8.0;
/// Most output pixels: a gigapixel.
const MOST_PIXELS: u64 = 1 << 30;

/// A rectangle of a picture and the pixels that it is drawn with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Upper left corner (x, y) in pixels of the picture.
    pub origin_px: [f32; 2],
    /// Width and height in pixels of the picture.
    pub size_px: [f32; 2],
    /// Width and height of the output in its own pixels.
    pub out_px: [u32; 2],
}

impl View {
    /// All of a picture of `(width, height)`, pixel for pixel.
    pub fn whole((width, height): (u32, u32)) -> Self {
        Self {
            origin_px: [0.0; 2],
            size_px: [width as f32, height as f32],
            out_px: [width, height],
        }
    }

    /// Pixels of the picture per output pixel, along x and y.
    pub fn step(&self) -> [f32; 2] {
        [0, 1].map(|axis| self.size_px[axis] / self.out_px[axis] as f32)
    }

    /// The point of the picture under the center of the output pixel (x, y).
    pub fn point(&self, x: u32, y: u32) -> [f32; 2] {
        let step = self.step();
        [
            self.origin_px[0] + (x as f32 + 0.5) * step[0],
            self.origin_px[1] + (y as f32 + 0.5) * step[1],
        ]
    }

    /// Pixels of the picture that are averaged for one output pixel: one, interpolated, where the picture is enlarged; as
    /// many as fit under it, at most eight along an axis, where it is reduced.
    pub fn taps(&self) -> [u32; 2] {
        self.step().map(taps_for)
    }

    /// An error unless the rectangle has an area and the output between 1 and 2^30 pixels.
    pub fn check(&self) -> Result<(), FigureError> {
        let finite = self.origin_px.iter().all(|value| value.is_finite());
        let area = self
            .size_px
            .iter()
            .all(|&side| side.is_finite() && side > 0.0);
        let pixels = u64::from(self.out_px[0]) * u64::from(self.out_px[1]);
        if finite && area && (1..=MOST_PIXELS).contains(&pixels) {
            return Ok(());
        }
        Err(FigureError::Sides {
            what: "view",
            expected: format!("an area and between 1 and {MOST_PIXELS} output pixels"),
            found: format!(
                "{:?} pixels from {:?}, output {:?}",
                self.size_px, self.origin_px, self.out_px
            ),
        })
    }
}

/// Picture pixels to average along an axis with `step` of them per output pixel.
#[expect(clippy::cast_sign_loss, reason = "clamped at 1")]
pub fn taps_for(step: f32) -> u32 {
    // A step of one that was rounded up is still one pixel for one.
    (step - 1e-3).ceil().clamp(1.0, MOST_TAPS) as u32
}

/// What a map is drawn over.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The whole picture.
    pub picture: &'a RgbImage,
    /// The part of it that is drawn.
    pub view: View,
    /// Mean colors of its patches, for joint bilateral sampling; computed anew for every drawing without it.
    pub guide: Option<&'a Guide>,
}

impl<'a> Ground<'a> {
    /// The whole picture, pixel for pixel.
    pub fn of(picture: &'a RgbImage) -> Self {
        Self {
            picture,
            view: View::whole(picture.dimensions()),
            guide: None,
        }
    }

    /// An error if the picture is empty or the view is none, or if `what` has not `found` = rows · cols > 0 entries.
    pub(super) fn check(
        &self,
        what: &'static str,
        (rows, cols): (usize, usize),
        found: usize,
    ) -> Result<(), FigureError> {
        let filled = rows.checked_mul(cols) == Some(found) && found > 0;
        if !filled || self.picture.is_empty() || u32::try_from(found).is_err() {
            let picture = self.picture.dimensions();
            return Err(FigureError::Sides {
                what,
                expected: format!("{rows} x {cols} patches over a picture"),
                found: format!("{found} values over {picture:?} pixels"),
            });
        }
        self.view.check()
    }

    /// The guide that `sampling` needs on a grid of `(rows, cols)`: the given one if it fits, or a new one.
    pub(super) fn guide_for(
        &self,
        sampling: Sampling,
        grid: (usize, usize),
    ) -> Result<Option<Cow<'a, Guide>>, FigureError> {
        if !matches!(sampling, Sampling::JointBilateral(_)) {
            return Ok(None);
        }
        let guide = match self.guide.filter(|guide| guide.grid() == grid) {
            Some(guide) => Cow::Borrowed(guide),
            None => Cow::Owned(Guide::of(self.picture, grid.0, grid.1)?),
        };
        Ok(Some(guide))
    }

    /// Patches of a grid of `(rows, cols)` per pixel of the picture, along x and y.
    pub fn scale(&self, (rows, cols): (usize, usize)) -> [f32; 2] {
        let (width, height) = self.picture.dimensions();
        [cols as f32 / width as f32, rows as f32 / height as f32]
    }

    /// Draws every output pixel from its point and the picture's color there, rows in parallel.
    pub(super) fn paint(&self, color: impl Fn([f32; 2], [f32; 3]) -> [f32; 3] + Sync) -> RgbImage {
        let [width, height] = self.view.out_px;
        let photo = Photo::new(self.picture, self.view.step());
        let across: Vec<f32> = (0..width).map(|x| self.view.point(x, 0)[0]).collect();
        let mut out = RgbImage::new(width, height);
        out.par_chunks_exact_mut(width as usize * 3)
            .zip(0..height)
            .for_each(|(line, y)| {
                let down = self.view.point(0, y)[1];
                for (pixel, &x) in line.chunks_exact_mut(3).zip(&across) {
                    let point = [x, down];
                    pixel.copy_from_slice(&bytes(color(point, photo.at(point))));
                }
            });
        out
    }
}

/// A picture read with the spacing of an output.
#[derive(Clone, Copy, Debug)]
pub struct Photo<'a> {
    picture: &'a RgbImage,
    step: [f32; 2],
    taps: [u32; 2],
}

impl<'a> Photo<'a> {
    /// Reads `picture` for output pixels that cover `step` of its own.
    pub fn new(picture: &'a RgbImage, step: [f32; 2]) -> Self {
        Self {
            picture,
            step,
            taps: step.map(taps_for),
        }
    }

    /// Color under the output pixel whose center is `point`: interpolated where the picture is enlarged, the mean of the
    /// pixels under it where it is reduced. Beyond its edges the picture goes on.
    pub fn at(&self, point: [f32; 2]) -> [f32; 3] {
        if self.taps == [1, 1] {
            return self.between(point);
        }
        let part = [0, 1].map(|axis| self.step[axis] / self.taps[axis] as f32);
        let first = [0, 1].map(|axis| point[axis] - 0.5 * self.step[axis] + 0.5 * part[axis]);
        let mut sum = [0.0; 3];
        for y in 0..self.taps[1] {
            for x in 0..self.taps[0] {
                let at = [first[0] + x as f32 * part[0], first[1] + y as f32 * part[1]];
                add(&mut sum, self.pixel(at), 1.0);
            }
        }
        sum.map(|sum| sum / (self.taps[0] * self.taps[1]) as f32)
    }

    /// Bilinear between the centers of four pixels.
    fn between(&self, point: [f32; 2]) -> [f32; 3] {
        let corner = point.map(|at| (at - 0.5).floor());
        let part = [0, 1].map(|axis| point[axis] - 0.5 - corner[axis]);
        if part[0].max(part[1]) <= 0.0 {
            return self.pixel(corner);
        }
        let mut sum = [0.0; 3];
        for (dy, weight_y) in [(0.0, 1.0 - part[1]), (1.0, part[1])] {
            for (dx, weight_x) in [(0.0, 1.0 - part[0]), (1.0, part[0])] {
                let color = self.pixel([corner[0] + dx, corner[1] + dy]);
                add(&mut sum, color, weight_x * weight_y);
            }
        }
        sum
    }

    #[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
    fn pixel(&self, point: [f32; 2]) -> [f32; 3] {
        let (width, height) = self.picture.dimensions();
        let clamped = |at: f32, side: u32| (at.max(0.0) as u32).min(side - 1);
        let (x, y) = (clamped(point[0], width), clamped(point[1], height));
        self.picture
            .get_pixel(x, y)
            .0
            .map(|byte| f32::from(byte) / 255.0)
    }
}

fn add(sum: &mut [f32; 3], color: [f32; 3], weight: f32) {
    for (sum, channel) in sum.iter_mut().zip(color) {
        *sum += weight * channel;
    }
}

/// `a` where `part` is 0, `b` where it is 1.
pub(super) fn mix(a: [f32; 3], b: [f32; 3], part: f32) -> [f32; 3] {
    [0, 1, 2].map(|i| a[i] * (1.0 - part) + b[i] * part)
}

/// Brightness of a color: Rec. 709 weights on the encoded channels.
pub(super) fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The color as it is for an `amount` of 0, its grey for 1.
pub(super) fn desaturated(color: [f32; 3], amount: f32) -> [f32; 3] {
    mix(color, [luma(color); 3], amount)
}

/// Channels in [0, 1] as bytes; outside it the nearer end.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
pub(super) fn bytes(color: [f32; 3]) -> [u8; 3] {
    color.map(|channel| (channel.clamp(0.0, 1.0) * 255.0 + 0.5).floor() as u8)
}

/// An error unless the setting `name` is a number in [0, 1].
pub(super) fn check_share(name: &'static str, found: f32) -> Result<(), FigureError> {
    check_number(name, found, 0.0, 1.0)
}

/// An error unless the setting `name` is a number from `least` to `most`.
pub(super) fn check_number(
    name: &'static str,
    found: f32,
    least: f32,
    most: f32,
) -> Result<(), FigureError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(FigureError::Setting {
        name,
        expected: format!("a number in [{least}, {most}]"),
        found: found.to_string(),
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;
    use image::Rgb;

    fn ramp() -> RgbImage {
        RgbImage::from_fn(8, 4, |x, y| Rgb([x as u8 * 10, y as u8 * 10, 7]))
    }

    #[test]
    fn the_whole_view_gives_the_picture_back() {
        let picture = ramp();
        let ground = Ground::of(&picture);
        assert_eq!(ground.paint(|_, color| color), picture);
    }

    #[test]
    fn an_enlarged_part_is_interpolated_and_a_reduced_one_averaged() {
        let picture = ramp();
        let mut ground = Ground::of(&picture);
        ground.view = View {
            origin_px: [2.0, 1.0],
            size_px: [2.0, 1.0],
            out_px: [4, 2],
        };
        let enlarged = ground.paint(|_, color| color);
        let reds: Vec<u8> = (0..4).map(|x| enlarged.get_pixel(x, 0).0[0]).collect();
        // Centers at a quarter and three quarters of a pixel.
        assert_eq!(reds, [18, 23, 28, 33]);
        ground.view = View {
            origin_px: [0.0; 2],
            size_px: [8.0, 4.0],
            out_px: [2, 1],
        };
        assert_eq!(ground.view.taps(), [4, 4]);
        let reduced = ground.paint(|_, color| color);
        assert_eq!(reduced.get_pixel(0, 0).0, [15, 15, 7]);
        assert_eq!(reduced.get_pixel(1, 0).0, [55, 15, 7]);
    }

    #[test]
    fn beyond_its_edges_the_picture_goes_on() {
        let picture = ramp();
        let photo = Photo::new(&picture, [1.0; 2]);
        assert_eq!(photo.at([-5.0, 100.0]), photo.at([0.5, 3.5]));
        assert_eq!(photo.at([4.0, 0.5])[0], 35.0 / 255.0);
    }

    #[test]
    fn views_without_an_area_or_with_too_many_pixels_are_errors() {
        let good = View::whole((8, 4));
        assert!(good.check().is_ok());
        let origin_px = [f32::NAN, 0.0];
        let size_px = [0.0, 4.0];
        let out_px = [u32::MAX; 2];
        assert!(View { origin_px, ..good }.check().is_err());
        assert!(View { size_px, ..good }.check().is_err());
        assert!(View { out_px, ..good }.check().is_err());
    }
}
