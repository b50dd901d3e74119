//! A device with the surface of a window: how they are opened, and what can happen to them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egui::mutex::RwLock;
use egui_wgpu::{RenderState, Renderer, RendererOptions};
use raw_window_handle::{RawDisplayHandle, RawWindowHandle};
use wgpu::CurrentSurfaceTexture;

use crate::Error;
use crate::repaint::Repaint;

/// Where a window is drawn: valid for as long as the native window lives.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) display: RawDisplayHandle,
    pub(crate) window: RawWindowHandle,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Painted {
    Presented,
    /// Nothing to present to just now; wait for the next change.
    Skipped,
    /// Nothing was presented, but the next try may succeed.
    Retry,
}

/// What has to be replaced after the device was lost.
pub(crate) struct Opened {
    /// `None` while the device is being replaced: a window takes one swapchain at a time.
    pub(crate) surface: Option<wgpu::Surface<'static>>,
    pub(crate) config: wgpu::SurfaceConfiguration,
    /// The surface should be configured again before the next frame.
    stale: bool,
    pub(crate) render: RenderState,
    lost: Arc<AtomicBool>,
}

impl Opened {
    pub(crate) fn new(
        target: Target,
        size_px: [u32; 2],
        vsync: bool,
        repaint: &Repaint,
    ) -> Result<Self, Error> {
        let instance = instance();
        let surface = create_surface(&instance, target)?;
        let adapter = pollster::block_on(request_adapter(&instance, &surface))?;
        let info = adapter.get_info();
        tracing::info!(name = info.name, backend = ?info.backend, "graphics adapter");
        let descriptor = device_descriptor(&adapter);
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))?;
        let lost = watch(&device, repaint);
        let config = surface_config(&surface, &adapter, size_px, vsync)?;
        surface.configure(&device, &config);
        let renderer = Renderer::new(&device, config.format, RendererOptions::default());
        let render = RenderState {
            available_adapters: vec![adapter.clone()],
            adapter,
            instance,
            device,
            queue,
            target_format: config.format,
            renderer: Arc::new(RwLock::new(renderer)),
        };
        Ok(Self {
            surface: Some(surface),
            config,
            stale: false,
            render,
            lost,
        })
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Fits the surface to the window.
    pub(crate) fn resize(&mut self, [width, height]: [u32; 2]) {
        if (self.config.width, self.config.height) != (width, height) {
            (self.config.width, self.config.height) = (width, height);
            self.stale = true;
        }
        if std::mem::take(&mut self.stale)
            && let Some(surface) = &self.surface
        {
            surface.configure(&self.render.device, &self.config);
        }
    }

    /// The texture to draw the next frame into.
    pub(crate) fn acquire(&mut self, target: Target) -> (Option<wgpu::SurfaceTexture>, Painted) {
        let Some(surface) = &self.surface else {
            return (None, Painted::Skipped);
        };
        match surface.get_current_texture() {
            CurrentSurfaceTexture::Success(frame) => (Some(frame), Painted::Presented),
            CurrentSurfaceTexture::Suboptimal(frame) => {
                self.stale = true;
                (Some(frame), Painted::Presented)
            }
            CurrentSurfaceTexture::Occluded => (None, Painted::Skipped),
            CurrentSurfaceTexture::Timeout => (None, Painted::Retry),
            CurrentSurfaceTexture::Outdated => {
                self.stale = true;
                (None, Painted::Retry)
            }
            CurrentSurfaceTexture::Validation => {
                self.ask_whether_lost();
                self.stale = true;
                (None, Painted::Retry)
            }
            CurrentSurfaceTexture::Lost => {
                self.ask_whether_lost();
                if !self.is_lost() {
                    self.replace_surface(target);
                }
                (None, Painted::Retry)
            }
        }
    }

    /// Presents a frame; on a device that is lost by now it is given up, so that the surface can be dropped.
    pub(crate) fn present(&self, frame: wgpu::SurfaceTexture) {
        self.ask_whether_lost();
        if self.is_lost() {
            give_up(frame);
        } else {
            self.render.queue.present(frame);
        }
    }

    /// Drops the surface, also that of a lost device.
    pub(crate) fn drop_surface(&mut self) {
        let surface = self.surface.take();
        // A device that was lost while it presented leaves a frame behind, over which wgpu panics here.
        if catch_unwind(AssertUnwindSafe(|| drop(surface))).is_err() {
            tracing::warn!("the surface of the lost device was not freed");
        }
    }

    /// Lets wgpu say whether it is the device that is gone: it tells only when polled.
    fn ask_whether_lost(&self) {
        if let Err(error) = self.render.device.poll(wgpu::PollType::Poll) {
            tracing::debug!(%error, "poll");
        }
    }

    fn replace_surface(&mut self, target: Target) {
        self.surface = None;
        match create_surface(&self.render.instance, target) {
            Ok(surface) => {
                self.surface = Some(surface);
                self.stale = true;
            }
            Err(error) => {
                tracing::warn!(%error, "the surface could not be replaced");
                self.lost.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // Also where the window closes on a lost device.
        self.drop_surface();
    }
}

/// Lets go of a frame of a lost device.
///
/// wgpu 30 keeps such a frame when it is presented or dropped, and panics over it when the surface is dropped; it gives
/// the frame up only while its thread unwinds (wgpu issue 8243).
fn give_up(frame: wgpu::SurfaceTexture) {
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _frame = frame;
        // No panic: no hook is called.
        resume_unwind(Box::new("a frame of a lost device"));
    }));
    debug_assert!(unwound.is_err(), "the frame was dropped by unwinding");
}

fn instance() -> wgpu::Instance {
    wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY),
        flags: wgpu::InstanceFlags::from_build_config().with_env(),
        backend_options: wgpu::BackendOptions::from_env_or_default(),
        memory_budget_thresholds: wgpu::MemoryBudgetThresholds::default(),
        display: None,
    })
}

#[expect(unsafe_code, reason = "a Tauri window can not be owned by its surface")]
fn create_surface(
    instance: &wgpu::Instance,
    target: Target,
) -> Result<wgpu::Surface<'static>, wgpu::CreateSurfaceError> {
    // SAFETY: the host drops the surface when the window is asked to close or is destroyed, before
    // the event reaches Tauri; the display connection is never closed.
    unsafe {
        instance.create_surface_unsafe(wgpu::SurfaceTargetUnsafe::RawHandle {
            raw_display_handle: Some(target.display),
            raw_window_handle: target.window,
        })
    }
}

/// The adapter that the user named in `WGPU_ADAPTER_NAME`, else the fastest.
async fn request_adapter(
    instance: &wgpu::Instance,
    surface: &wgpu::Surface<'_>,
) -> Result<wgpu::Adapter, wgpu::RequestAdapterError> {
    let named = wgpu::util::initialize_adapter_from_env(instance, Some(surface)).await;
    if named.is_ok() {
        return named;
    }
    let preference = wgpu::PowerPreference::from_env();
    instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: preference.unwrap_or(wgpu::PowerPreference::HighPerformance),
            compatible_surface: Some(surface),
            ..Default::default()
        })
        .await
}

/// All the memory and all the compute sizes that the adapter has: apps keep large data on it.
fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    let has = adapter.limits();
    let limits = wgpu::Limits {
        max_texture_dimension_1d: has.max_texture_dimension_1d,
        max_texture_dimension_2d: has.max_texture_dimension_2d,
        max_buffer_size: has.max_buffer_size,
        max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
        max_uniform_buffer_binding_size: has.max_uniform_buffer_binding_size,
        max_storage_buffers_per_shader_stage: has.max_storage_buffers_per_shader_stage,
        max_compute_workgroup_storage_size: has.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: has.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: has.max_compute_workgroup_size_x,
        max_compute_workgroup_size_y: has.max_compute_workgroup_size_y,
        max_compute_workgroup_size_z: has.max_compute_workgroup_size_z,
        max_compute_workgroups_per_dimension: has.max_compute_workgroups_per_dimension,
        ..wgpu::Limits::default().or_worse_values_from(&has)
    };
    wgpu::DeviceDescriptor {
        label: Some("egui"),
        required_limits: limits,
        ..Default::default()
    }
}

/// Logs errors that nobody else catches, instead of wgpu's panic; the flag tells of a lost device.
fn watch(device: &wgpu::Device, repaint: &Repaint) -> Arc<AtomicBool> {
    device.on_uncaptured_error(Arc::new(|error: wgpu::Error| {
        tracing::error!(%error, "graphics");
    }));
    let lost = Arc::new(AtomicBool::new(false));
    let (flag, repaint) = (Arc::clone(&lost), repaint.clone());
    device.set_device_lost_callback(move |reason, message| {
        tracing::warn!(?reason, message, "the graphics device was lost");
        flag.store(true, Ordering::Relaxed);
        repaint.now();
    });
    lost
}

fn surface_config(
    surface: &wgpu::Surface<'_>,
    adapter: &wgpu::Adapter,
    [width, height]: [u32; 2],
    vsync: bool,
) -> Result<wgpu::SurfaceConfiguration, Error> {
    let no_format = || Error::NoFormat {
        adapter: adapter.get_info().name,
    };
    let can = surface.get_capabilities(adapter);
    let format = egui_wgpu::preferred_framebuffer_format(&can.formats);
    let default = surface.get_default_config(adapter, width.max(1), height.max(1));
    let (Ok(format), Some(default)) = (format, default) else {
        return Err(no_format());
    };
    let opaque = wgpu::CompositeAlphaMode::Opaque;
    Ok(wgpu::SurfaceConfiguration {
        format,
        view_formats: vec![format],
        alpha_mode: if can.alpha_modes.contains(&opaque) {
            opaque
        } else {
            wgpu::CompositeAlphaMode::Auto
        },
        present_mode: if vsync {
            wgpu::PresentMode::AutoVsync
        } else {
            wgpu::PresentMode::AutoNoVsync
        },
        // A second queued frame only adds delay between hand and picture.
        desired_maximum_frame_latency: 1,
        ..default
    })
}
