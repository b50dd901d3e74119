//! The graphics device that the window is drawn with, as maps and egui see it.

use std::sync::Arc;

use dinoscope_engine::figure::View;
use dinoscope_engine::gpu::{Canvas, Gpu, GpuError, GpuPicture};
use egui::{Pos2, Rect, TextureId};
use image::RgbImage;

/// Longest side of a picture on the device: beyond it the picture is drawn from a reduced copy.
const MOST_SIDE: u32 = 8192;

/// The device, and the textures that egui knows.
#[derive(Clone)]
pub struct Display {
    render: egui_wgpu::RenderState,
    gpu: Gpu,
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Display")
            .field("gpu", &self.gpu)
            .finish_non_exhaustive()
    }
}

impl Display {
    /// Takes over the device that egui draws with.
    pub fn new(render: &egui_wgpu::RenderState) -> Self {
        let info = render.adapter.get_info();
        // No callback for a lost device: it has one only, by which the window learns that it needs another device.
        Self {
            render: render.clone(),
            gpu: Gpu::adopt(render.device.clone(), render.queue.clone(), info.name),
        }
    }

    /// The device for maps.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Name of the adapter and its interface, for example `llvmpipe · Vulkan`.
    pub fn name(&self) -> String {
        let info = self.render.adapter.get_info();
        let backend = match info.backend {
            wgpu::Backend::Vulkan => "Vulkan",
            wgpu::Backend::Metal => "Metal",
            wgpu::Backend::Dx12 => "DirectX 12",
            wgpu::Backend::Gl => "OpenGL",
            _ => "GPU",
        };
        let name = info.name.split(" (").next().unwrap_or_default();
        format!("{name} · {backend}")
    }

    /// Makes a drawing known to egui.
    pub fn register(&self, canvas: &Canvas) -> Texture {
        let id = self.render.renderer.write().register_native_texture(
            &self.render.device,
            canvas.view(),
            wgpu::FilterMode::Nearest,
        );
        Texture {
            id,
            owner: self.clone(),
        }
    }

    /// Uploads a picture, reduced where it is larger than the device takes.
    pub fn picture(&self, picture: &Arc<RgbImage>) -> Result<Placed, GpuError> {
        let most = self
            .gpu
            .device()
            .limits()
            .max_texture_dimension_2d
            .min(MOST_SIDE);
        let (width, height) = picture.dimensions();
        let longest = width.max(height);
        let shown = if longest <= most {
            Arc::clone(picture)
        } else {
            let side = |side: u32| {
                let scaled = u64::from(side) * u64::from(most) / u64::from(longest);
                u32::try_from(scaled).unwrap_or(most).max(1)
            };
            Arc::new(image::imageops::thumbnail(
                picture.as_ref(),
                side(width),
                side(height),
            ))
        };
        let on_device = self.gpu.picture(&shown)?;
        Ok(Placed {
            scale: shown.width() as f32 / width as f32,
            size_px: [width as f32, height as f32],
            shown,
            on_device,
        })
    }
}

/// A texture that egui knows; dropping it makes egui forget it.
pub struct Texture {
    id: TextureId,
    owner: Display,
}

impl Texture {
    /// What egui draws.
    pub fn id(&self) -> TextureId {
        self.id
    }
}

impl Drop for Texture {
    fn drop(&mut self) {
        self.owner.render.renderer.write().free_texture(&self.id);
    }
}

/// A picture on the device.
#[derive(Debug)]
pub struct Placed {
    /// Texture pixels per pixel of the original, at most 1.
    pub scale: f32,
    /// Width and height of the original in pixels.
    pub size_px: [f32; 2],
    /// The pixels on the device.
    pub shown: Arc<RgbImage>,
    /// The texture.
    pub on_device: GpuPicture,
}

impl Placed {
    /// The view that fills `out_px` pixels with the rectangle `part` of the original, in its pixels.
    pub fn view(&self, part: Rect, out_px: [u32; 2]) -> View {
        View {
            origin_px: [part.min.x * self.scale, part.min.y * self.scale],
            size_px: [part.width() * self.scale, part.height() * self.scale],
            out_px,
        }
    }

    /// The whole original, in its pixels.
    pub fn rect(&self) -> Rect {
        Rect::from_min_max(Pos2::ZERO, Pos2::new(self.size_px[0], self.size_px[1]))
    }
}
