//! Starts a device of our own, for work without a window.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wgpu::{DeviceDescriptor, Features, Limits};

use super::{Gpu, GpuError, locked};
use crate::device::adapter_handles;

/// What a device of our own is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Number of the adapter, as in `gpu:N`; the first without one.
    pub adapter: Option<usize>,
    /// Only what every WebGPU device must offer, instead of all that this one does.
    pub minimum_limits: bool,
    /// Most bytes of a feature map in one buffer; as much as the device binds without one.
    pub part_bytes: Option<u64>,
}

impl Gpu {
    /// Starts a device without a window.
    pub fn headless(options: &Options) -> Result<Self, GpuError> {
        let adapters = adapter_handles();
        let wanted = options.adapter.unwrap_or(0);
        let adapter = adapters.get(wanted).ok_or(GpuError::NoAdapter {
            wanted,
            found: adapters.len(),
        })?;
        let name = adapter.get_info().name;
        let refused = |reason: String| GpuError::Start {
            name: name.clone(),
            reason,
        };
        let limits = if options.minimum_limits {
            Limits::default()
        } else {
            adapter.limits()
        };
        let descriptor = DeviceDescriptor {
            label: Some("dinoscope maps"),
            // Timing is the only thing beyond the standard's minimum, and only where it is offered.
            required_features: adapter.features() & Features::TIMESTAMP_QUERY,
            required_limits: limits.clone(),
            ..DeviceDescriptor::default()
        };
        // Drivers fail here by error or by panic.
        let started = catch_unwind(AssertUnwindSafe(|| {
            pollster::block_on(adapter.request_device(&descriptor))
        }));
        let (device, queue) = match started {
            Ok(started) => started.map_err(|error| refused(error.to_string()))?,
            Err(_panic) => return Err(refused("the driver panicked".to_owned())),
        };
        let most = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        let part_bytes = options.part_bytes.map_or(most, |bytes| bytes.min(most));
        let gpu = Self::with_parts_of(device, queue, name.clone(), part_bytes);
        let lost = Arc::clone(&gpu.shared.lost);
        gpu.device().set_device_lost_callback(move |reason, text| {
            let text = if text.is_empty() {
                format!("{reason:?}")
            } else {
                text
            };
            locked(&lost).get_or_insert(text);
        });
        // What no scope catches is told here instead of ending the program.
        gpu.device()
            .on_uncaptured_error(Arc::new(|error: wgpu::Error| {
                tracing::error!(%error, "graphics device");
            }));
        Ok(gpu)
    }
}
