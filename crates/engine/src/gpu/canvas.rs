//! Pictures and drawings as textures.

use std::sync::Arc;

use image::{RgbImage, RgbaImage};
use wgpu::{
    Buffer, Extent3d, Texture, TextureDescriptor, TextureDimension, TextureFormat, TextureUsages,
    TextureView, TextureViewDescriptor,
};

use super::map::padded;
use super::{Gpu, GpuError};
use crate::figure::guide::Guide;

/// A picture on the device.
#[derive(Debug)]
pub struct GpuPicture {
    pub(super) view: TextureView,
    pub(super) size: (u32, u32),
    source: Arc<RgbImage>,
}

/// A texture that maps are drawn into: RGBA8, sRGB values stored as they are, opaque where something was drawn.
#[derive(Debug)]
pub struct Canvas {
    texture: Texture,
    view: TextureView,
    size: [u32; 2],
}

impl GpuPicture {
    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }
}

impl Canvas {
    /// What a renderer samples.
    pub fn view(&self) -> &TextureView {
        &self.view
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.size
    }
}

impl Gpu {
    /// Uploads a picture.
    pub fn picture(&self, picture: &Arc<RgbImage>) -> Result<GpuPicture, GpuError> {
        let (width, height) = picture.dimensions();
        let texture = self.texture(
            "picture",
            [width, height],
            TextureUsages::TEXTURE_BINDING | TextureUsages::COPY_DST,
        )?;
        // There is no three-channel format.
        let pixels: Vec<u8> = picture
            .pixels()
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
            .collect();
        self.guarded("picture", || {
            self.queue().write_texture(
                texture.as_image_copy(),
                &pixels,
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(width * 4),
                    rows_per_image: Some(height),
                },
                texture.size(),
            );
        })?;
        Ok(GpuPicture {
            view: texture.create_view(&TextureViewDescriptor::default()),
            size: (width, height),
            source: Arc::clone(picture),
        })
    }

    /// An empty texture of `size` (width, height) to draw into.
    pub fn canvas(&self, size: [u32; 2]) -> Result<Canvas, GpuError> {
        let usage = TextureUsages::STORAGE_BINDING
            | TextureUsages::TEXTURE_BINDING
            | TextureUsages::COPY_SRC;
        let texture = self.texture("drawing", size, usage)?;
        Ok(Canvas {
            view: texture.create_view(&TextureViewDescriptor::default()),
            texture,
            size,
        })
    }

    /// The pixels of a drawing, for files; what is shown on a screen never comes back.
    #[expect(clippy::missing_panics_doc, reason = "the bytes are counted")]
    pub fn read_canvas(&self, canvas: &Canvas) -> Result<RgbaImage, GpuError> {
        let [width, height] = canvas.size;
        let line = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = self.buffer("drawing", u64::from(line) * u64::from(height))?;
        let mut frame = self.frame()?;
        frame.copy_texture(&canvas.texture, &buffer, line);
        let bytes: Vec<u8> = frame.read(&[&buffer])?.pop().unwrap_or_default();
        let lines = bytes.chunks_exact(line as usize).take(height as usize);
        let pixels: Vec<u8> = lines
            .flat_map(|line| &line[..width as usize * 4])
            .copied()
            .collect();
        Ok(RgbaImage::from_raw(width, height, pixels).expect("four bytes a pixel"))
    }

    /// Mean colors `[rows, cols, 3]` of a picture's patches.
    pub(super) fn guide(
        &self,
        picture: &GpuPicture,
        (rows, cols): (usize, usize),
    ) -> Result<Buffer, GpuError> {
        match Guide::of(&picture.source, rows, cols) {
            Ok(guide) => self.buffer_of("guide", guide.colors()),
            // An empty grid has no guide and draws nothing.
            Err(_empty) => self.buffer_of("guide", &padded(&[&[0.0; 3]], 1)),
        }
    }

    fn texture(
        &self,
        what: &str,
        [width, height]: [u32; 2],
        usage: TextureUsages,
    ) -> Result<Texture, GpuError> {
        let most = self.device().limits().max_texture_dimension_2d;
        let longest = width.max(height);
        if longest > most {
            return Err(GpuError::TooLarge {
                what: format!("{what} of {width} x {height} pixels"),
                needed: u64::from(longest) * 4,
                most: u64::from(most) * 4,
            });
        }
        self.guarded(what, || {
            self.device().create_texture(&TextureDescriptor {
                label: Some(what),
                size: Extent3d {
                    width,
                    height,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: TextureDimension::D2,
                format: TextureFormat::Rgba8Unorm,
                usage,
                view_formats: &[],
            })
        })
    }
}
