//! Draws the frames of a window, and replaces its device when that is lost.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use egui::epaint::textures::TexturesDelta;
use egui::{ClippedPrimitive, ScreenshotCallback};
use egui_wgpu::capture::CaptureState;
use egui_wgpu::{RenderState, ScreenDescriptor};

use crate::Error;
use crate::device::{Opened, Painted, Target};
use crate::repaint::Repaint;
use crate::textures::Textures;

/// One frame to draw.
pub(crate) struct Scene {
    pub(crate) primitives: Vec<ClippedPrimitive>,
    pub(crate) textures: TexturesDelta,
    pub(crate) pixels_per_point: f32,
    pub(crate) size_px: [u32; 2],
    pub(crate) screenshots: Vec<ScreenshotCallback>,
}

/// Device and surface of one window.
pub(crate) struct Gpu {
    target: Target,
    vsync: bool,
    /// Asks for a frame when the device is lost.
    repaint: Repaint,
    opened: Opened,
    textures: Textures,
    capture: Option<CaptureState>,
}

impl Gpu {
    pub(crate) fn open(
        target: Target,
        size_px: [u32; 2],
        vsync: bool,
        repaint: Repaint,
    ) -> Result<Self, Error> {
        Ok(Self {
            target,
            vsync,
            opened: Opened::new(target, size_px, vsync, &repaint)?,
            repaint,
            textures: Textures::default(),
            capture: None,
        })
    }

    pub(crate) fn render(&self) -> &RenderState {
        &self.opened.render
    }

    /// Longest side of a texture, in pixels.
    pub(crate) fn max_texture_side(&self) -> usize {
        self.render().device.limits().max_texture_dimension_2d as usize
    }

    /// Whether the device was lost: [`Gpu::reopen`] is due.
    pub(crate) fn is_lost(&self) -> bool {
        self.opened.is_lost()
    }

    /// Replaces a lost device and surface and uploads egui's textures again.
    pub(crate) fn reopen(&mut self) -> Result<(), Error> {
        let config = &self.opened.config;
        let size_px = [config.width, config.height];
        self.capture = None;
        self.opened.drop_surface();
        self.opened = Opened::new(self.target, size_px, self.vsync, &self.repaint)?;
        self.textures.restore(&self.opened.render);
        Ok(())
    }

    /// Draws and presents a frame and completes its screenshots.
    pub(crate) fn paint(&mut self, mut scene: Scene) -> Painted {
        self.textures
            .upload(&mut scene.textures, &self.opened.render);
        self.opened.resize(scene.size_px);
        let (frame, painted) = self.opened.acquire(self.target);
        if frame.is_some() || !scene.screenshots.is_empty() {
            self.draw(frame.as_ref(), &scene);
        } else {
            // Uploads wait in the queue until something is submitted.
            self.opened.render.queue.submit([]);
        }
        self.textures.free(&mut scene.textures, &self.opened.render);
        if let Some(frame) = frame {
            self.opened.present(frame);
        }
        painted
    }

    fn draw(&mut self, frame: Option<&wgpu::SurfaceTexture>, scene: &Scene) {
        let capture = (!scene.screenshots.is_empty()).then(|| self.capture());
        let RenderState { device, queue, .. } = &self.opened.render;
        let texture = match (&capture, frame) {
            (Some(capture), _) => &capture.texture,
            (None, Some(frame)) => &frame.texture,
            (None, None) => return,
        };
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor {
            label: Some("egui"),
        });
        let drawn = catch_unwind(AssertUnwindSafe(|| {
            encode(&self.opened.render, &mut encoder, &view, scene)
        }));
        let mut commands = match drawn {
            Ok(commands) => commands,
            // egui's renderer panics where a lost device gives it no memory.
            Err(_panic) if self.opened.is_lost() => return,
            Err(panic) => resume_unwind(panic),
        };
        let Some(mut capture) = capture else {
            commands.push(encoder.finish());
            queue.submit(commands);
            return;
        };
        let buffer = capture.copy_textures(device, frame, &mut encoder);
        commands.push(encoder.finish());
        queue.submit(commands);
        capture.read_screen_rgba(buffer, scene.screenshots.clone());
        // The read-back is delivered by a poll, and nothing else may poll for a long time.
        if let Err(error) = device.poll(wgpu::PollType::wait_indefinitely()) {
            tracing::warn!(%error, "no screenshot");
        }
        self.capture = Some(capture);
    }

    /// The texture that a frame is drawn into to be read back, of the size of the window.
    fn capture(&mut self) -> CaptureState {
        let Opened { config, render, .. } = &self.opened;
        let size = wgpu::Extent3d {
            width: config.width,
            height: config.height,
            depth_or_array_layers: 1,
        };
        let mut capture = match self.capture.take() {
            Some(capture) => capture,
            None => CaptureState::new(&render.device, size, config.format),
        };
        capture.update(&render.device, size);
        capture
    }
}

/// Encodes the uploads and the draw calls of a frame; returns what must be submitted before.
fn encode(
    render: &RenderState,
    encoder: &mut wgpu::CommandEncoder,
    view: &wgpu::TextureView,
    scene: &Scene,
) -> Vec<wgpu::CommandBuffer> {
    let screen = ScreenDescriptor {
        size_in_pixels: scene.size_px,
        pixels_per_point: scene.pixels_per_point,
    };
    let uploads = render.renderer.write().update_buffers(
        &render.device,
        &render.queue,
        encoder,
        &scene.primitives,
        &screen,
    );
    let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("egui"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view,
            resolve_target: None,
            depth_slice: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..Default::default()
    });
    let mut pass = pass.forget_lifetime();
    render
        .renderer
        .read()
        .render(&mut pass, &scene.primitives, &screen);
    uploads
}
