//! Numbers on the patch grid drawn over a picture.
//!
//! Input: a buffer of values and the settings of a drawing. Output: pixels of a [`Canvas`]. Nothing is read back.

use bytemuck::Zeroable;
use wgpu::Buffer;

use super::canvas::{Canvas, GpuPicture};
use super::kernel::{Bound, Input, groups_for};
use super::{Frame, Gpu, GpuError};
use crate::figure::channels::ChannelOverlay;
use crate::figure::colormap::packed;
use crate::figure::labels::LabelOverlay;
use crate::figure::uniforms::{
    self, Colorize, ColorizeLabels, ColorizeRgb, ValueRange, WarpParams,
};
use crate::figure::warp::{Partners, Warp};
use crate::figure::{Overlay, Range, View};

/// Side of a workgroup that draws.
const TILE: usize = 8;

/// Draws a buffer of one number a patch.
#[derive(Debug)]
pub struct ScalarLayer {
    grid: (usize, usize),
    picture: (u32, u32),
    limits: Buffer,
    table: Buffer,
    range_params: Buffer,
    draw_params: Buffer,
    range: Bound,
    draw: Bound,
    /// What the buffers were last written with.
    shown: Option<(Overlay, View)>,
}

impl Gpu {
    /// Prepares to draw `values` `[rows, cols]` over `picture` into `canvas`.
    pub fn scalar_layer(
        &self,
        values: &Buffer,
        grid: (usize, usize),
        picture: &GpuPicture,
        canvas: &Canvas,
    ) -> Result<ScalarLayer, GpuError> {
        let limits = self.buffer("limits", 16)?;
        let table = self.buffer("colors", 1024)?;
        let range_params = self.params(&ValueRange::zeroed())?;
        let draw_params = self.params(&Colorize::zeroed())?;
        let guide = self.guide(picture, grid)?;
        let inputs = [values, &limits, &range_params].map(Input::Buffer);
        let range = self.bind("value_range", &inputs, [1, 1, 1])?;
        let inputs = [
            Input::Buffer(values),
            Input::Buffer(&limits),
            Input::Buffer(&table),
            Input::Buffer(&guide),
            Input::Texture(&picture.view),
            Input::Texture(canvas.view()),
            Input::Buffer(&draw_params),
        ];
        let draw = self.bind("colorize", &inputs, groups(canvas.size()))?;
        Ok(ScalarLayer {
            grid,
            picture: picture.size,
            limits,
            table,
            range_params,
            draw_params,
            range,
            draw,
            shown: None,
        })
    }
}

impl ScalarLayer {
    /// Draws with these settings; the values may have changed since the last time.
    pub fn encode(&mut self, frame: &mut Frame<'_>, overlay: &Overlay, view: View) {
        let same = self
            .shown
            .as_ref()
            .is_some_and(|(old, at)| old == overlay && *at == view);
        if !same {
            self.write(frame, overlay, view);
            self.shown = Some((overlay.clone(), view));
        }
        if !matches!(overlay.range, Range::Fixed { .. }) {
            frame.run(&self.range);
        }
        frame.run(&self.draw);
    }

    /// The buffer with smallest, largest, low and high percentile of the values that were last drawn.
    pub fn limits(&self) -> &Buffer {
        &self.limits
    }

    fn write(&self, frame: &mut Frame<'_>, overlay: &Overlay, view: View) {
        let old = self.shown.as_ref().map(|(old, _)| old.colormap);
        if old != Some(overlay.colormap) {
            frame.write(&self.table, &packed(&overlay.colormap.table()));
        }
        let (rows, cols) = self.grid;
        frame.write(
            &self.range_params,
            &[ValueRange::new(overlay.range, rows * cols)],
        );
        let grid = uniforms::Grid::new(self.grid, self.picture, overlay.sampling);
        frame.write(&self.draw_params, &[Colorize::new(overlay, view, grid)]);
    }
}

/// Draws a buffer of several numbers a patch as colors.
#[derive(Debug)]
pub struct ChannelLayer {
    grid: (usize, usize),
    channels: usize,
    masked: bool,
    picture: (u32, u32),
    params: Buffer,
    draw: Bound,
}

impl Gpu {
    /// Prepares to draw `values` `[rows, cols, channels]` over `picture` into `canvas`.
    ///
    /// `foreground`: `[rows · cols]`; patches that are not in it are left out.
    pub fn channel_layer(
        &self,
        values: &Buffer,
        (grid, channels): ((usize, usize), usize),
        foreground: Option<&[bool]>,
        picture: &GpuPicture,
        canvas: &Canvas,
    ) -> Result<ChannelLayer, GpuError> {
        let params = self.params(&ColorizeRgb::zeroed())?;
        let guide = self.guide(picture, grid)?;
        let inside = foreground.unwrap_or(&[true]).iter();
        let mask: Vec<u32> = inside.map(|&inside| u32::from(inside)).collect();
        let mask = self.buffer_of("foreground", &mask)?;
        let inputs = [
            Input::Buffer(values),
            Input::Buffer(&mask),
            Input::Buffer(&guide),
            Input::Texture(&picture.view),
            Input::Texture(canvas.view()),
            Input::Buffer(&params),
        ];
        let draw = self.bind("colorize_rgb", &inputs, groups(canvas.size()))?;
        Ok(ChannelLayer {
            grid,
            channels,
            masked: foreground.is_some(),
            picture: picture.size,
            params,
            draw,
        })
    }
}

impl ChannelLayer {
    /// Draws with these settings.
    pub fn encode(&self, frame: &mut Frame<'_>, overlay: &ChannelOverlay, view: View) {
        let grid = uniforms::Grid::new(self.grid, self.picture, overlay.sampling);
        let params = ColorizeRgb::new(overlay, view, grid, self.channels, self.masked);
        frame.write(&self.params, &[params]);
        frame.run(&self.draw);
    }
}

/// Draws a buffer of labels.
#[derive(Debug)]
pub struct LabelLayer {
    grid: (usize, usize),
    picture: (u32, u32),
    params: Buffer,
    draw: Bound,
}

impl Gpu {
    /// Prepares to draw `labels` `[rows, cols]` u32 over `picture` into `canvas` in the colors of `palette`.
    pub fn label_layer(
        &self,
        labels: &Buffer,
        grid: (usize, usize),
        palette: &[[u8; 3]],
        picture: &GpuPicture,
        canvas: &Canvas,
    ) -> Result<LabelLayer, GpuError> {
        let params = self.params(&ColorizeLabels::zeroed())?;
        let palette = self.buffer_of("palette", &packed(palette))?;
        let guide = self.guide(picture, grid)?;
        let inputs = [
            Input::Buffer(labels),
            Input::Buffer(&palette),
            Input::Buffer(&guide),
            Input::Texture(&picture.view),
            Input::Texture(canvas.view()),
            Input::Buffer(&params),
        ];
        let draw = self.bind("colorize_labels", &inputs, groups(canvas.size()))?;
        Ok(LabelLayer {
            grid,
            picture: picture.size,
            params,
            draw,
        })
    }
}

impl LabelLayer {
    /// Draws with these settings.
    pub fn encode(&self, frame: &mut Frame<'_>, overlay: &LabelOverlay, view: View) {
        let grid = uniforms::Grid::new(self.grid, self.picture, overlay.sampling);
        frame.write(&self.params, &[ColorizeLabels::new(overlay, view, grid)]);
        frame.run(&self.draw);
    }
}

impl Gpu {
    /// Draws what `other` shows at the partner of each place of a picture of `this_px` pixels. Twin:
    /// `figure::warp::Warp::draw`.
    pub fn draw_warp(
        &self,
        warp: Warp,
        this_px: (u32, u32),
        partners: &Partners<'_>,
        other: &GpuPicture,
        (canvas, view): (&Canvas, View),
    ) -> Result<(), GpuError> {
        let index = self.buffer_of("partners", partners.index)?;
        let params = self.params(&WarpParams::new(warp, this_px, view, partners, other.size))?;
        let inputs = [
            Input::Buffer(&index),
            Input::Texture(&other.view),
            Input::Texture(canvas.view()),
            Input::Buffer(&params),
        ];
        let mut frame = self.frame()?;
        frame.run(&self.bind("warp", &inputs, groups(canvas.size()))?);
        frame.submit()
    }
}

fn groups([width, height]: [u32; 2]) -> [u32; 3] {
    [
        groups_for(width as usize, TILE),
        groups_for(height as usize, TILE),
        1,
    ]
}
