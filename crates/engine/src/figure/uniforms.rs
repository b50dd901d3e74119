//! The uniforms of the kernels that draw: the same fields in the same order as their `Params`.
//!
//! Input: settings, a view, a grid. Output: plain structs, padded to 16 bytes, that are copied to the device as they are.

use bytemuck::{Pod, Zeroable};

use super::channels::{ChannelOverlay, Channels};
use super::colormap::Colormap;
use super::labels::LabelOverlay;
use super::overlay::Overlay;
use super::range::Range;
use super::sampling::{Sampling, exponent_of_sigma};
use super::view::{self, taps_for};
use super::warp::{Partners, Warp};

/// In place of a channel's number: the color is in the middle.
const NO_CHANNEL: u32 = u32::MAX;

/// `View` of `shaders/shared/color.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct View {
    /// Upper left corner in pixels of the picture.
    pub origin: [f32; 2],
    /// Pixels of the picture per output pixel.
    pub step: [f32; 2],
    /// Output pixels.
    pub size: [u32; 2],
    /// Pixels of the picture that are averaged for one output pixel.
    pub taps: [u32; 2],
}

/// `Grid` of `shaders/shared/sample.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Grid {
    /// Patches from left to right.
    pub cols: u32,
    /// Patches from top to bottom.
    pub rows: u32,
    /// Patches per pixel of the picture.
    pub scale: [f32; 2],
    /// 0 nearest, 1 bilinear, 2 bicubic, 3 joint bilateral.
    pub kind: u32,
    /// `1 / 2σ²` of the distance in patches.
    pub spatial: f32,
    /// `1 / 2σ²` of the distance in color.
    pub range: f32,
    /// 0.
    pub pad: u32,
}

/// `Params` of `shaders/value_range.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct ValueRange {
    /// Low fraction, low word first.
    pub low: [u32; 2],
    /// High fraction.
    pub high: [u32; 2],
    /// Number of values.
    pub count: u32,
    /// 0.
    pub pad: [u32; 3],
}

/// `Params` of `shaders/top_k.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct TopK {
    /// Number of values.
    pub count: u32,
    /// Wanted ones, at most 64.
    pub wanted: u32,
    /// 0.
    pub pad: [u32; 2],
}

/// `Params` of `shaders/colorize.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Colorize {
    /// What is drawn.
    pub view: View,
    /// Where values come from.
    pub grid: Grid,
    /// Weight of the map.
    pub alpha: f32,
    /// How grey the picture becomes.
    pub desaturate: f32,
    /// Fixed limits.
    pub low: f32,
    /// Fixed limits.
    pub high: f32,
    /// 0 the fixed limits, 1 the extremes, 2 the percentiles of `value_range`.
    pub limits_from: u32,
    /// 1 makes limits that are not fixed symmetric around 0.
    pub symmetric: u32,
    /// Isolines, 0 for none.
    pub levels: u32,
    /// Their width in output pixels.
    pub line_px: f32,
}

/// `Params` of `shaders/colorize_rgb.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct ColorizeRgb {
    /// What is drawn.
    pub view: View,
    /// Where values come from.
    pub grid: Grid,
    /// Numbers of the red, green and blue channel.
    pub channels: [u32; 3],
    /// Channels of a patch.
    pub stride: u32,
    /// Bit 0, 1, 2: one minus red, green, blue.
    pub inverted: u32,
    /// 1 takes the logistic function of twice the value.
    pub logistic: u32,
    /// 1 reads the foreground.
    pub masked: u32,
    /// 0.
    pub pad_0: u32,
    /// Weight of the colors.
    pub alpha: f32,
    /// How grey the picture becomes.
    pub desaturate: f32,
    /// How dark the picture becomes.
    pub darken: f32,
    /// 0.
    pub pad_1: u32,
}

/// `Params` of `shaders/colorize_labels.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct ColorizeLabels {
    /// What is drawn.
    pub view: View,
    /// Where labels come from.
    pub grid: Grid,
    /// Weight of the colors.
    pub alpha: f32,
    /// How grey the picture becomes.
    pub desaturate: f32,
    /// Width of the borders in output pixels.
    pub border_px: f32,
    /// 0.
    pub pad: u32,
}

/// `Params` of `shaders/warp.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct WarpParams {
    /// What is drawn of this picture.
    pub view: View,
    /// How the other picture is read.
    pub other: View,
    /// Patches of this map from top to bottom.
    pub rows: u32,
    /// Patches of this map from left to right.
    pub cols: u32,
    /// Patches per pixel of this picture.
    pub scale: [f32; 2],
    /// Pixels of the other picture per patch.
    pub other_px: [f32; 2],
    /// Patches of the other map from left to right.
    pub other_cols: u32,
    /// 1 interpolates.
    pub smoothed: u32,
}

impl From<view::View> for View {
    fn from(view: view::View) -> Self {
        Self {
            origin: view.origin_px,
            step: view.step(),
            size: view.out_px,
            taps: view.taps(),
        }
    }
}

impl Grid {
    /// A grid of `(rows, cols)` over a picture of `(width, height)` pixels.
    pub fn new(
        (rows, cols): (usize, usize),
        (width, height): (u32, u32),
        sampling: Sampling,
    ) -> Self {
        let (kind, settings) = match sampling {
            Sampling::Nearest => (0, None),
            Sampling::Bilinear => (1, None),
            Sampling::Bicubic => (2, None),
            Sampling::JointBilateral(settings) => (3, Some(settings)),
        };
        Self {
            cols: word(cols),
            rows: word(rows),
            scale: [cols as f32 / width as f32, rows as f32 / height as f32],
            kind,
            spatial: settings.map_or(0.0, |settings| exponent_of_sigma(settings.spatial_sigma)),
            range: settings.map_or(0.0, |settings| exponent_of_sigma(settings.range_sigma)),
            pad: 0,
        }
    }
}

impl ValueRange {
    /// The fractions that `range` needs, of `count` values.
    pub fn new(range: Range, count: usize) -> Self {
        let words = |fraction: u64| [fraction as u32, (fraction >> 32) as u32];
        let [low, high] = range.fractions().map(words);
        Self {
            low,
            high,
            count: word(count),
            pad: [0; 3],
        }
    }
}

impl TopK {
    /// The `wanted` largest of `count` values.
    pub fn new(count: usize, wanted: usize) -> Self {
        Self {
            count: word(count),
            wanted: word(wanted),
            pad: [0; 2],
        }
    }
}

impl Colorize {
    /// What `Overlay::draw_on` does for this view and grid.
    pub fn new(settings: &Overlay, view: view::View, grid: Grid) -> Self {
        let (limits_from, [low, high]) = match settings.range {
            Range::Fixed { min, max } => (0, [min, max]),
            Range::Auto => (1, [0.0; 2]),
            Range::Percentile { .. } => (2, [0.0; 2]),
        };
        let lines = settings.isolines;
        Self {
            view: view.into(),
            grid,
            alpha: settings.alpha,
            desaturate: settings.desaturate,
            low,
            high,
            limits_from,
            symmetric: u32::from(settings.colormap == Colormap::Diverging),
            levels: lines.map_or(0, |lines| lines.levels),
            line_px: lines.map_or(0.0, |lines| lines.width_px),
        }
    }
}

impl ColorizeRgb {
    /// What `ChannelOverlay::draw_on` does for this view and a map of `k` channels.
    pub fn new(
        settings: &ChannelOverlay,
        view: view::View,
        grid: Grid,
        k: usize,
        masked: bool,
    ) -> Self {
        let Channels {
            channels,
            inverted: [red, green, blue],
            logistic,
        } = settings.channels;
        Self {
            view: view.into(),
            grid,
            channels: channels.map(|channel| channel.map_or(NO_CHANNEL, word)),
            stride: word(k),
            inverted: u32::from(red) | u32::from(green) << 1 | u32::from(blue) << 2,
            logistic: u32::from(logistic),
            masked: u32::from(masked),
            pad_0: 0,
            alpha: settings.alpha,
            desaturate: settings.desaturate,
            darken: settings.darken,
            pad_1: 0,
        }
    }
}

impl ColorizeLabels {
    /// What `LabelOverlay::draw_on` does for this view and grid.
    pub fn new(settings: &LabelOverlay, view: view::View, grid: Grid) -> Self {
        Self {
            view: view.into(),
            grid,
            alpha: settings.alpha,
            desaturate: settings.desaturate,
            border_px: settings.border_px,
            pad: 0,
        }
    }
}

impl WarpParams {
    /// What `Warp::draw` does for this view and pictures of these sizes.
    pub fn new(
        warp: Warp,
        this_px: (u32, u32),
        view: view::View,
        partners: &Partners<'_>,
        other_px: (u32, u32),
    ) -> Self {
        let [scale, per_patch] = partners.scales(this_px, other_px);
        let step = partners.other_step(this_px, view, other_px);
        Self {
            view: view.into(),
            other: View {
                origin: [0.0; 2],
                step,
                size: [other_px.0, other_px.1],
                taps: step.map(taps_for),
            },
            rows: word(partners.rows),
            cols: word(partners.cols),
            scale,
            other_px: per_patch,
            other_cols: word(partners.other.1),
            smoothed: u32::from(warp == Warp::Smooth),
        }
    }
}

/// A count as a kernel's word. Grids are checked to have fewer than 2^32 patches before they are drawn.
fn word(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniforms_are_padded_to_sixteen_bytes() {
        let sizes = [
            size_of::<ValueRange>(),
            size_of::<TopK>(),
            size_of::<Colorize>(),
            size_of::<ColorizeRgb>(),
            size_of::<ColorizeLabels>(),
            size_of::<WarpParams>(),
        ];
        assert_eq!(sizes, [32, 16, 96, 112, 80, 96]);
    }

    #[test]
    fn fractions_are_split_into_low_and_high_word() {
        let half = Range::Percentile {
            low: 50.0,
            high: 100.0,
        };
        let params = ValueRange::new(half, 7);
        assert_eq!(params.low, [0, 1 << 31]);
        assert_eq!(params.high, [u32::MAX; 2]);
        assert_eq!(params.count, 7);
    }
}
