//! Anti-aliased discs, lines and rectangles on RGB8 pixels.
//!
//! Input: shapes in pixels, where pixel (0, 0) covers [0, 1) × [0, 1). Output: the pixels, blended by coverage; whatever
//! lies outside the image is cut off.

use image::{Rgb, RgbImage};

use super::scene::Rect;

/// A colour and how much of it covers what is below, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// RGB8.
    pub colour: [u8; 3],
    /// 0 leaves everything, 1 hides it.
    pub alpha: f32,
}

impl Ink {
    /// A colour that hides what is below.
    pub const fn solid(colour: [u8; 3]) -> Self {
        Self { colour, alpha: 1.0 }
    }
}

/// Mixes `ink` into one pixel with `coverage` in [0, 1].
pub fn blend(pixel: &mut Rgb<u8>, ink: Ink, coverage: f32) {
    let weight = (ink.alpha * coverage).clamp(0.0, 1.0);
    for (channel, colour) in pixel.0.iter_mut().zip(ink.colour) {
        let mixed = f32::from(*channel) * (1.0 - weight) + f32::from(colour) * weight;
        *channel = byte(mixed / 255.0);
    }
}

/// A filled circle around `centre` (x, y).
pub fn disc(image: &mut RgbImage, centre: [f32; 2], radius: f32, ink: Ink) {
    let reach = radius + 1.0;
    for y in span(centre[1] - reach, centre[1] + reach, image.height()) {
        for x in span(centre[0] - reach, centre[0] + reach, image.width()) {
            let (dx, dy) = (x as f32 + 0.5 - centre[0], y as f32 + 0.5 - centre[1]);
            let coverage = radius + 0.5 - dx.hypot(dy);
            if coverage > 0.0 {
                blend(image.get_pixel_mut(x, y), ink, coverage.min(1.0));
            }
        }
    }
}

/// A straight line with round ends from `from` to `to` (x, y), `width` pixels wide.
pub fn line(image: &mut RgbImage, from: [f32; 2], to: [f32; 2], width: f32, ink: Ink) {
    // Walks along the longer axis, so that the cost is that of the line and not of its bounding box.
    let steep = (to[1] - from[1]).abs() > (to[0] - from[0]).abs();
    let (along, across) = if steep { (1, 0) } else { (0, 1) };
    let sides = [image.width(), image.height()];
    let (run, rise) = (to[along] - from[along], to[across] - from[across]);
    let slope = if run == 0.0 { 0.0 } else { rise / run };
    let reach = (width / 2.0 + 1.0) * std::f32::consts::SQRT_2;
    let (low, high) = (from[along].min(to[along]), from[along].max(to[along]));
    for step in span(low - reach, high + reach, sides[along]) {
        let at = (step as f32 + 0.5).clamp(low, high);
        let middle = from[across] + slope * (at - from[along]);
        for side in span(middle - reach, middle + reach, sides[across]) {
            let (x, y) = if steep { (side, step) } else { (step, side) };
            let distance = segment_distance([x as f32 + 0.5, y as f32 + 0.5], from, to);
            let coverage = width / 2.0 + 0.5 - distance;
            if coverage > 0.0 {
                // A line thinner than a pixel covers only its width.
                blend(image.get_pixel_mut(x, y), ink, coverage.min(width).min(1.0));
            }
        }
    }
}

/// A filled rectangle whose corners are rounded with `radius`.
pub fn fill(image: &mut RgbImage, rect: Rect, radius: f32, ink: Ink) {
    cover(image, rect, ink, |point| inside(rect, radius, point));
}

/// The outline of a rectangle, drawn inwards from its sides, `width` pixels thick; `radius` is that of the outer corners.
pub fn frame(image: &mut RgbImage, rect: Rect, radius: f32, width: f32, ink: Ink) {
    let hole = rect.grown(-width);
    let open = hole.width > 0.0 && hole.height > 0.0;
    cover(image, rect, ink, |point| {
        let cut = if open {
            inside(hole, (radius - width).max(0.0), point)
        } else {
            0.0
        };
        inside(rect, radius, point) - cut
    });
}

/// Blends all pixels that touch `rect` by the coverage at their middle.
fn cover(image: &mut RgbImage, rect: Rect, ink: Ink, coverage: impl Fn([f32; 2]) -> f32) {
    for y in span(rect.y, rect.y + rect.height, image.height()) {
        for x in span(rect.x, rect.x + rect.width, image.width()) {
            let covered = coverage([x as f32 + 0.5, y as f32 + 0.5]);
            if covered > 0.0 {
                blend(image.get_pixel_mut(x, y), ink, covered.min(1.0));
            }
        }
    }
}

/// How much of the pixel around `point` a rounded rectangle covers, in [0, 1].
fn inside(rect: Rect, radius: f32, [x, y]: [f32; 2]) -> f32 {
    let along = |at: f32, start: f32, length: f32| {
        let (low, high) = ((at - 0.5).max(start), (at + 0.5).min(start + length));
        (high - low).max(0.0)
    };
    let straight = along(x, rect.x, rect.width) * along(y, rect.y, rect.height);
    if radius <= 0.0 {
        return straight;
    }
    // Distance past the middle of the nearest corner's circle: beyond both its axes the circle decides.
    let past = |at: f32, start: f32, length: f32| {
        (at - start - length / 2.0).abs() - (length / 2.0 - radius)
    };
    let (dx, dy) = (past(x, rect.x, rect.width), past(y, rect.y, rect.height));
    if dx > 0.0 && dy > 0.0 {
        straight.min((radius + 0.5 - dx.hypot(dy)).clamp(0.0, 1.0))
    } else {
        straight
    }
}

/// Whole pixels between two coordinates, cut to `0 .. side`.
fn span(low: f32, high: f32, side: u32) -> std::ops::Range<u32> {
    whole(f64::from(low.floor()))..whole(f64::from(high.ceil())).min(side)
}

/// A channel in [0, 1] as a byte; outside it the nearer end.
#[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
pub(super) fn byte(channel: f32) -> u8 {
    (channel.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// The nearest whole number of pixels; 0 for negative lengths and NaN, the largest number for infinity.
#[expect(
    clippy::cast_sign_loss,
    reason = "clamped at 0, and the cast saturates"
)]
pub(super) fn whole(length_px: f64) -> u32 {
    length_px.round().max(0.0) as u32
}

fn segment_distance(point: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let (px, py) = (point[0] - from[0], point[1] - from[1]);
    let squared = dx * dx + dy * dy;
    let part = if squared > 0.0 {
        ((px * dx + py * dy) / squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (px - part * dx).hypot(py - part * dy)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;

    const WHITE: Ink = Ink::solid([255; 3]);

    fn sum(image: &RgbImage) -> f32 {
        image
            .pixels()
            .map(|pixel| f32::from(pixel.0[0]) / 255.0)
            .sum()
    }

    #[test]
    fn a_disc_covers_its_area_wherever_its_centre_lies() {
        for centre in [[20.0, 20.0], [20.5, 19.5], [20.3, 20.8]] {
            let mut image = RgbImage::new(40, 40);
            disc(&mut image, centre, 6.0, WHITE);
            let area = std::f32::consts::PI * 36.0;
            assert!(
                (sum(&image) / area - 1.0).abs() < 0.02,
                "{centre:?}: {}",
                sum(&image)
            );
        }
    }

    #[test]
    fn a_line_covers_length_times_width_in_every_direction() {
        for to in [[90.0, 50.0], [50.0, 10.0], [80.0, 80.0], [20.0, 71.5]] {
            let mut image = RgbImage::new(100, 100);
            line(&mut image, [50.0, 50.0], to, 3.0, WHITE);
            let length = (to[0] - 50.0_f32).hypot(to[1] - 50.0);
            let area = length * 3.0 + std::f32::consts::PI * 2.25;
            assert!(
                (sum(&image) / area - 1.0).abs() < 0.03,
                "{to:?}: {} of {area}",
                sum(&image)
            );
        }
    }

    #[test]
    fn shapes_outside_the_image_are_cut_off() {
        let mut image = RgbImage::new(8, 8);
        disc(&mut image, [-100.0, 4.0], 20.0, WHITE);
        disc(&mut image, [f32::INFINITY, f32::NAN], 2.0, WHITE);
        frame(&mut image, Rect::new(9.0, 9.0, 3.0, 3.0), 0.0, 1.0, WHITE);
        fill(&mut image, Rect::new(f32::NAN, 0.0, 1e30, 4.0), 1.0, WHITE);
        assert_eq!(sum(&image), 0.0);
        line(&mut image, [-1e6, 4.0], [1e6, 4.0], 2.0, WHITE);
        // Ends a million pixels away leave f32 a few hundredths of a pixel.
        assert!((sum(&image) - 16.0).abs() < 0.1, "{}", sum(&image));
    }

    #[test]
    fn a_frame_is_drawn_inwards() {
        let mut image = RgbImage::new(10, 10);
        frame(&mut image, Rect::new(2.0, 2.0, 6.0, 5.0), 0.0, 1.0, WHITE);
        assert_eq!(sum(&image), 18.0);
        assert_eq!(image.get_pixel(2, 2).0, [255; 3]);
        assert_eq!(image.get_pixel(3, 3).0, [0; 3]);
        let mut full = RgbImage::new(10, 10);
        frame(&mut full, Rect::new(2.0, 2.0, 6.0, 5.0), 0.0, 9.0, WHITE);
        assert_eq!(sum(&full), 30.0);
    }

    #[test]
    fn a_rectangle_covers_its_area_also_between_pixels_and_with_round_corners() {
        for (x, y) in [(3.0, 4.0), (3.25, 4.5), (3.8, 4.1)] {
            let mut sharp = RgbImage::new(40, 40);
            fill(&mut sharp, Rect::new(x, y, 20.5, 11.0), 0.0, WHITE);
            assert!((sum(&sharp) - 225.5).abs() < 0.5, "{}", sum(&sharp));
            let mut round = RgbImage::new(40, 40);
            fill(&mut round, Rect::new(x, y, 20.5, 11.0), 4.0, WHITE);
            let area = 225.5 - (4.0 - std::f32::consts::PI) * 16.0;
            assert!(
                (sum(&round) / area - 1.0).abs() < 0.02,
                "{} of {area}",
                sum(&round)
            );
        }
    }
}
