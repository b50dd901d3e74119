//! Times of kernels by the device's own clock, where it has one.

use wgpu::{
    Buffer, BufferDescriptor, BufferUsages, CommandEncoder, ComputePassTimestampWrites, Features,
    MapMode, QuerySet, QuerySetDescriptor, QueryType,
};

use super::{Gpu, GpuError, locked};

/// Kernels of one frame that are timed; what follows runs untimed.
const MOST_PASSES: u32 = 64;

/// How long one dispatch took on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassTime {
    /// The kernel.
    pub kernel: &'static str,
    /// Milliseconds between its start and its end.
    pub ms: f64,
}

/// Timestamps of the frame that is being encoded, and the times of the last one that finished.
pub(super) struct Timer {
    queries: QuerySet,
    resolved: Buffer,
    readable: Buffer,
    pending: Vec<&'static str>,
    last: Vec<PassTime>,
    ns_per_tick: f64,
}

impl Timer {
    pub(super) fn writes(&self, pass: usize) -> Option<ComputePassTimestampWrites<'_>> {
        let first = u32::try_from(pass)
            .ok()
            .filter(|&pass| pass < MOST_PASSES)?
            * 2;
        Some(ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        })
    }

    pub(super) fn resolve(&mut self, encoder: &mut CommandEncoder, passes: &[&'static str]) {
        let count = passes.len() as u32 * 2;
        encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
        let bytes = u64::from(count) * 8;
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, bytes);
        self.pending = passes.to_vec();
    }
}

impl Gpu {
    /// Turns timing on or off. False if the device has no clock; each kernel then still runs, untimed.
    pub fn set_timing(&self, enabled: bool) -> Result<bool, GpuError> {
        if !enabled || !self.device().features().contains(Features::TIMESTAMP_QUERY) {
            *locked(&self.shared.timer) = None;
            return Ok(false);
        }
        let bytes = u64::from(MOST_PASSES) * 16;
        let timer = self.guarded("timestamps", || {
            let buffer = |usage| {
                self.device().create_buffer(&BufferDescriptor {
                    label: Some("timestamps"),
                    size: bytes,
                    usage,
                    mapped_at_creation: false,
                })
            };
            Timer {
                queries: self.device().create_query_set(&QuerySetDescriptor {
                    label: Some("timestamps"),
                    ty: QueryType::Timestamp,
                    count: MOST_PASSES * 2,
                }),
                resolved: buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
                readable: buffer(BufferUsages::COPY_DST | BufferUsages::MAP_READ),
                pending: Vec::new(),
                last: Vec::new(),
                ns_per_tick: f64::from(self.queue().get_timestamp_period()),
            }
        })?;
        *locked(&self.shared.timer) = Some(timer);
        Ok(true)
    }

    /// Times of the kernels of the last frame that was waited for; empty without timing.
    pub fn last_times(&self) -> Vec<PassTime> {
        locked(&self.shared.timer)
            .as_ref()
            .map_or_else(Vec::new, |timer| timer.last.clone())
    }

    pub(super) fn is_timing(&self) -> bool {
        locked(&self.shared.timer).is_some()
    }

    /// Reads the timestamps of the frame that was just waited for.
    pub(super) fn collect_times(&self) {
        let mut timer = locked(&self.shared.timer);
        let Some(timer) = &mut *timer else { return };
        let passes = std::mem::take(&mut timer.pending);
        if passes.is_empty() {
            return;
        }
        timer.readable.map_async(MapMode::Read, .., |_| {});
        // The work is done already: this only runs the callback.
        let polled = self.device().poll(wgpu::PollType::wait_indefinitely());
        let Ok(view) = timer.readable.get_mapped_range(..) else {
            tracing::debug!(?polled, "timestamps cannot be read");
            return;
        };
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        timer.readable.unmap();
        let scale = timer.ns_per_tick * 1e-6;
        let time = |(&kernel, pair): (&&'static str, &[u64])| PassTime {
            kernel,
            ms: pair[1].saturating_sub(pair[0]) as f64 * scale,
        };
        timer.last = passes.iter().zip(ticks.chunks_exact(2)).map(time).collect();
    }
}
