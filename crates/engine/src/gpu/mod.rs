//! Runs the kernels of `shaders/` on a wgpu device.
//!
//! Input: feature maps. Output: numbers in buffers and colours in textures on the device, or numbers in host memory.
//! The device belongs to whoever draws: [`Gpu::adopt`] takes that one, [`Gpu::headless`] starts its own. Pipelines are
//! compiled once, features are uploaded once and split into parts where they exceed what a binding may hold. Every
//! failure comes back as a [`GpuError`]; after a lost device [`Gpu::is_lost`] is true and a new `Gpu` takes its place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wgpu::util::StagingBelt;

mod canvas;
mod error;
mod frame;
mod kernel;
mod layer;
mod map;
mod open;
mod shown;
mod steps;
mod timing;
mod view;

pub use canvas::{Canvas, GpuPicture};
pub use error::GpuError;
pub use frame::Frame;
pub use kernel::{Bound, Input};
pub use layer::{ChannelLayer, LabelLayer, ScalarLayer};
pub use map::{GpuMap, OMITTED};
pub use open::Options;
pub use shown::{LabelView, ScalarView};
pub use timing::PassTime;
pub use view::{MOST_PEAKS, PcaView, SimilarityView};

use kernel::Pipelines;
use map::Uploads;

/// Bytes of one piece of staging memory: larger than any single write of a hover.
const STAGING_BYTES: u64 = 1 << 16;

/// A wgpu device with what the kernels need on it. A clone is the same device.
#[derive(Clone)]
pub struct Gpu {
    shared: Arc<Shared>,
}

struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    name: String,
    pipelines: Pipelines,
    uploads: Uploads,
    /// Staging memory that waits for its next frame.
    belts: Mutex<Vec<StagingBelt>>,
    timer: Mutex<Option<timing::Timer>>,
    lost: Arc<Mutex<Option<String>>>,
    /// Bytes that one binding of a feature map may hold.
    part_bytes: u64,
    submitting_ns: AtomicU64,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Gpu {
    /// Takes the device that somebody else draws with. A loss shows by what the device answers; its owner may tell of it
    /// earlier with [`Gpu::mark_lost`].
    pub fn adopt(device: wgpu::Device, queue: wgpu::Queue, name: impl Into<String>) -> Self {
        let limits = device.limits();
        let part_bytes = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        Self::with_parts_of(device, queue, name.into(), part_bytes)
    }

    fn with_parts_of(
        device: wgpu::Device,
        queue: wgpu::Queue,
        name: String,
        part_bytes: u64,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                device,
                queue,
                name,
                pipelines: Pipelines::default(),
                uploads: Uploads::default(),
                belts: Mutex::default(),
                timer: Mutex::default(),
                lost: Arc::default(),
                part_bytes,
                submitting_ns: AtomicU64::new(0),
            }),
        }
    }

    /// Name of the adapter.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Time that callers have spent in handing work to the driver, since the start. A software driver draws meanwhile.
    pub fn submitting(&self) -> Duration {
        Duration::from_nanos(self.shared.submitting_ns.load(Ordering::Relaxed))
    }

    /// The wgpu device.
    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    /// The wgpu queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    /// Says that the device is gone; everything asked of it from now on is [`GpuError::Lost`].
    pub fn mark_lost(&self, reason: impl Into<String>) {
        locked(&self.shared.lost).get_or_insert(reason.into());
    }

    /// Whether the device is gone.
    pub fn is_lost(&self) -> bool {
        locked(&self.shared.lost).is_some()
    }

    /// Bytes that all live allocations on the device hold, and their number; `None` where the driver's own memory
    /// management hides it.
    pub fn allocated(&self) -> Option<(u64, usize)> {
        let report = self.device().generate_allocator_report()?;
        Some((report.total_allocated_bytes, report.allocations.len()))
    }

    fn check(&self) -> Result<(), GpuError> {
        match &*locked(&self.shared.lost) {
            Some(reason) => Err(GpuError::Lost {
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Runs `work` and turns what the device objects to into an error, said of `what`.
    fn guarded<T>(&self, what: &str, work: impl FnOnce() -> T) -> Result<T, GpuError> {
        self.check()?;
        let device = self.device();
        let scopes = [
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::OutOfMemory,
            wgpu::ErrorFilter::Internal,
        ]
        .map(|filter| device.push_error_scope(filter));
        let value = work();
        let mut found = None;
        // Scopes end in the opposite order of their start.
        for scope in scopes.into_iter().rev() {
            if let Some(error) = pollster::block_on(scope.pop()) {
                found = Some(error);
            }
        }
        if found.is_some() {
            // A device that was lost meanwhile is the cause of whatever else it says; a poll delivers the news.
            drop(device.poll(wgpu::PollType::Poll));
        }
        self.check()?;
        match found {
            None => Ok(value),
            Some(wgpu::Error::OutOfMemory { .. }) => Err(GpuError::OutOfMemory {
                what: what.to_owned(),
            }),
            Some(error) => {
                let said = error.to_string();
                let line = said.lines().map(str::trim).filter(|line| !line.is_empty());
                let reason = line.collect::<Vec<_>>().join("; ");
                if reason.contains("is lost") {
                    self.mark_lost(reason.clone());
                    return Err(GpuError::Lost { reason });
                }
                Err(GpuError::Refused {
                    what: what.to_owned(),
                    reason,
                })
            }
        }
    }
}

/// The content of a lock, also after a panic elsewhere: what is kept in these is valid at every step.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
