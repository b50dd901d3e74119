//! Hue shift in Pillow's 8-bit hue, saturation and value.
//!
//! RGB8 in place. The reference's pictures pass through 8-bit HSV, which costs up to some levels; the same rounding is
//! kept here, with the same mix of 32-bit and 64-bit floats. Source: Pillow, `src/libImaging/Convert.c`.
#![expect(
    clippy::inline_always,
    reason = "takes on the vector features of the dispatch"
)]

use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};

/// Pixels that are turned together.
const LANES: usize = 16;

/// Turns the hue by `turns` of the circle, −0.5 to 0.5; 0 still rounds through 8-bit HSV.
pub fn hue(picture: &mut RgbImage, turns: f64) {
    Arch::new().dispatch(Turn {
        levels: picture,
        // Truncated to whole steps of 1/255 and wrapped to 8 bits, as the reference does.
        steps: (turns * 255.0) as i32,
    });
}

struct Turn<'a> {
    levels: &'a mut [u8],
    steps: i32,
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (blocks, rest) = self.levels.as_chunks_mut::<{ 3 * LANES }>();
        for block in blocks {
            // Channel by channel, so that the pixels of a block are lanes of vectors.
            let mut planes = [[0; LANES]; 3];
            for (lane, pixel) in block.as_chunks::<3>().0.iter().enumerate() {
                for (plane, &level) in planes.iter_mut().zip(pixel) {
                    plane[lane] = level;
                }
            }
            let [red, green, blue] = &mut planes;
            for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
                [*red, *green, *blue] = turned([*red, *green, *blue], self.steps);
            }
            for (lane, pixel) in block.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                *pixel = planes.map(|plane| plane[lane]);
            }
        }
        for pixel in rest.as_chunks_mut::<3>().0 {
            *pixel = turned(*pixel, self.steps);
        }
    }
}

/// One pixel through HSV and back, without branches on its color, which would be mispredicted.
#[inline(always)]
fn turned([red, green, blue]: [u8; 3], steps: i32) -> [u8; 3] {
    let largest = red.max(green).max(blue);
    let smallest = red.min(green).min(blue);
    // A gray pixel has no hue; any spread but 0 avoids its 0/0, and its saturation of 0 below ignores the hue.
    let spread = f32::from((largest - smallest).max(1));
    let saturation = f32::from(largest - smallest) / f32::from(largest.max(1));
    let saturation = (f64::from(saturation) * 255.0) as i32;
    let hue = (hue_of([red, green, blue], largest, spread) + steps) & 255;
    rgb(hue, saturation, largest)
}

/// Hue of a pixel in steps of 1/255 of the circle.
#[inline(always)]
fn hue_of([red, green, blue]: [u8; 3], largest: u8, spread: f32) -> i32 {
    let below = |level: u8| f64::from(f32::from(largest - level) / spread);
    let (red_below, green_below, blue_below) = (below(red), below(green), below(blue));
    let (sector, ahead, behind) = if red == largest {
        (0.0, blue_below, green_below)
    } else if green == largest {
        (2.0, red_below, blue_below)
    } else {
        (4.0, green_below, red_below)
    };
    let sixths = (sector + ahead - behind) as f32;
    let turns = f64::from(sixths) / 6.0 + 1.0;
    let turns = (if turns < 1.0 { turns } else { turns - 1.0 }) as f32;
    (f64::from(turns) * 255.0) as i32
}

/// A pixel of `hue` and `saturation` in steps of 1/255, 0 to 255.
#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "parts are 0 to 1")]
fn rgb(hue: i32, saturation: i32, value: u8) -> [u8; 3] {
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let sector = sixths as i32;
    let along = (sixths - f64::from(sector)) as f32;
    let saturation = (f64::from(saturation) / 255.0) as f32;
    let scaled = |part: f64| (f64::from(value) * part + 0.5) as i32 as u8;
    let low = scaled(1.0 - f64::from(saturation));
    let falling = scaled(1.0 - f64::from(saturation * along));
    let rising = scaled(1.0 - f64::from(saturation) * (1.0 - f64::from(along)));
    // Selections instead of a jump; sector 6 is the full turn, and is as sector 0.
    let select = |own: [i32; 2], falls: i32, rises: i32| {
        if own.contains(&sector) {
            value
        } else if sector == falls {
            falling
        } else if sector == rises {
            rising
        } else {
            low
        }
    };
    let sector_0 = sector == 0 || sector == 6;
    [
        if sector_0 {
            value
        } else {
            select([0, 5], 1, 4)
        },
        if sector_0 {
            rising
        } else {
            select([1, 2], 3, 0)
        },
        select([3, 4], 5, 2),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::color::{brightness, contrast, saturation};
    use super::super::golden::{Golden, parameter};
    use super::*;

    #[test]
    fn hue_equals_pillow() {
        let golden = Golden::open();
        let names = golden.operations("hue");
        assert!(!names.is_empty());
        for name in names {
            let mut picture = golden.picture();
            hue(&mut picture, f64::from(parameter(&name, "hue")));
            golden.assert_pillow(&name, &picture, 0);
        }
    }

    #[test]
    fn the_chain_of_four_equals_pillow() {
        let golden = Golden::open();
        let mut picture = golden.picture();
        brightness(&mut picture, 1.4);
        contrast(&mut picture, 0.6);
        saturation(&mut picture, 1.2);
        hue(&mut picture, 0.06);
        golden.assert_pillow("chain", &picture, 0);
    }

    #[test]
    fn gray_has_no_hue() {
        for level in 0..=255 {
            assert_eq!(turned([level; 3], 25), [level; 3]);
        }
    }
}
