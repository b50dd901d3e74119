//! One submission: small writes, kernels, and what is read back.
//!
//! Writes go through staging memory that is used again, so that a hover allocates nothing on the device.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use wgpu::util::StagingBelt;
use wgpu::{
    Buffer, BufferDescriptor, BufferUsages, CommandEncoder, CommandEncoderDescriptor, ComputePass,
    ComputePassDescriptor, MapMode, PollType, SubmissionIndex,
};

use super::kernel::Bound;
use super::{Gpu, GpuError, STAGING_BYTES, locked};

/// A device that does not answer for so long is given up.
const PATIENCE: Duration = Duration::from_mins(2);

const COPY_ALIGNMENT: wgpu::BufferSize =
    wgpu::BufferSize::new(wgpu::COPY_BUFFER_ALIGNMENT).expect("it is 4");

/// Commands that are submitted together.
pub struct Frame<'a> {
    gpu: &'a Gpu,
    encoder: CommandEncoder,
    pass: Option<ComputePass<'static>>,
    belt: StagingBelt,
    timed: Vec<&'static str>,
}

impl Gpu {
    /// Starts a submission.
    pub fn frame(&self) -> Result<Frame<'_>, GpuError> {
        self.check()?;
        let encoder = self
            .device()
            .create_command_encoder(&CommandEncoderDescriptor { label: None });
        let belt = locked(&self.shared.belts).pop();
        Ok(Frame {
            gpu: self,
            encoder,
            pass: None,
            belt: belt.unwrap_or_else(|| StagingBelt::new(self.device().clone(), STAGING_BYTES)),
            timed: Vec::new(),
        })
    }

    /// An empty buffer of `bytes` that kernels read and write and that can be copied both ways.
    pub fn buffer(&self, what: &str, bytes: u64) -> Result<Buffer, GpuError> {
        let most = self.device().limits().max_storage_buffer_binding_size;
        // A binding may not be empty, and copies move whole words.
        let size = bytes.max(16).next_multiple_of(4);
        if size > most {
            return Err(GpuError::TooLarge {
                what: what.to_owned(),
                needed: size,
                most,
            });
        }
        self.guarded(what, || {
            self.device().create_buffer(&BufferDescriptor {
                label: Some(what),
                size,
                usage: BufferUsages::STORAGE
                    | BufferUsages::UNIFORM
                    | BufferUsages::COPY_DST
                    | BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        })
    }

    /// A buffer with `values`.
    pub fn buffer_of<T: Pod>(&self, what: &str, values: &[T]) -> Result<Buffer, GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let buffer = self.buffer(what, bytes.len() as u64)?;
        self.guarded(what, || self.queue().write_buffer(&buffer, 0, bytes))?;
        Ok(buffer)
    }

    /// A uniform with the parameters of a kernel.
    pub fn params<P: Pod>(&self, params: &P) -> Result<Buffer, GpuError> {
        self.buffer_of("params", std::slice::from_ref(params))
    }

    /// Waits until `index` is done.
    fn wait(&self, index: Option<SubmissionIndex>) -> Result<(), GpuError> {
        let waited = self.device().poll(PollType::Wait {
            submission_index: index,
            timeout: Some(PATIENCE),
        });
        self.check()?;
        match waited {
            Ok(_) => Ok(()),
            Err(error) => {
                let reason = format!("no answer in {} s, {error}", PATIENCE.as_secs());
                self.mark_lost(reason.clone());
                Err(GpuError::Lost { reason })
            }
        }
    }
}

impl Frame<'_> {
    /// Writes `values` to the start of `buffer` before the kernels that follow. At most 64 KiB; more goes through
    /// [`Gpu::buffer_of`].
    pub fn write<T: Pod>(&mut self, buffer: &Buffer, values: &[T]) {
        self.pass = None;
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let Some(size) = wgpu::BufferSize::new(bytes.len() as u64) else {
            return;
        };
        let from = self.belt.allocate(size, COPY_ALIGNMENT);
        let to = &mut self.encoder;
        to.copy_buffer_to_buffer(from.buffer(), from.offset(), buffer, 0, size.get());
        match from.get_mapped_range_mut() {
            Ok(mut view) => view.copy_from_slice(bytes),
            // The device was lost since the frame began: the submission says so.
            Err(error) => tracing::debug!(%error, "staging"),
        }
    }

    /// Sets all of `buffer` to zero.
    pub fn clear(&mut self, buffer: &Buffer) {
        self.pass = None;
        self.encoder.clear_buffer(buffer, 0, None);
    }

    /// Copies a texture of four bytes a pixel into `buffer`, `line` bytes a row.
    pub(super) fn copy_texture(&mut self, texture: &wgpu::Texture, buffer: &Buffer, line: u32) {
        self.pass = None;
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(line),
            rows_per_image: None,
        };
        let target = wgpu::TexelCopyBufferInfo { buffer, layout };
        self.encoder
            .copy_texture_to_buffer(texture.as_image_copy(), target, texture.size());
    }

    /// Dispatches a kernel; it sees what the ones before it wrote.
    pub fn run(&mut self, bound: &Bound) {
        if self.gpu.is_timing() {
            self.run_timed(bound);
            return;
        }
        let pass = self.pass.get_or_insert_with(|| {
            self.encoder
                .begin_compute_pass(&ComputePassDescriptor::default())
                .forget_lifetime()
        });
        dispatch(pass, bound);
    }

    fn run_timed(&mut self, bound: &Bound) {
        self.pass = None;
        let timer = locked(&self.gpu.shared.timer);
        let writes = timer
            .as_ref()
            .and_then(|timer| timer.writes(self.timed.len()));
        if writes.is_some() {
            self.timed.push(bound.name);
        }
        let mut pass = self.encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some(bound.name),
            timestamp_writes: writes,
        });
        dispatch(&mut pass, bound);
    }

    /// Submits and returns at once.
    pub fn submit(self) -> Result<(), GpuError> {
        self.submit_indexed().map(drop)
    }

    /// Submits and waits until all of it is done.
    pub fn finish(self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        let index = self.submit_indexed()?;
        gpu.wait(Some(index))?;
        gpu.collect_times();
        Ok(())
    }

    /// Submits, waits and returns the content of `buffers` as numbers.
    pub fn read<T: Pod>(mut self, buffers: &[&Buffer]) -> Result<Vec<Vec<T>>, GpuError> {
        self.pass = None;
        let gpu = self.gpu;
        let staging = |buffer: &&Buffer| {
            gpu.guarded("results", || {
                gpu.device().create_buffer(&BufferDescriptor {
                    label: Some("results"),
                    size: buffer.size(),
                    usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                })
            })
        };
        let copies: Vec<Buffer> = buffers.iter().map(staging).collect::<Result<_, _>>()?;
        for (buffer, copy) in buffers.iter().zip(&copies) {
            self.encoder
                .copy_buffer_to_buffer(buffer, 0, copy, 0, buffer.size());
        }
        let index = self.submit_indexed()?;
        for copy in &copies {
            copy.map_async(MapMode::Read, .., |_| {});
        }
        gpu.wait(Some(index))?;
        gpu.collect_times();
        let content = |copy: &Buffer| {
            let view = copy.get_mapped_range(..).map_err(|error| GpuError::Lost {
                reason: format!("results cannot be read, {error}"),
            })?;
            Ok(bytemuck::pod_collect_to_vec(&view))
        };
        copies.iter().map(content).collect()
    }

    fn submit_indexed(mut self) -> Result<SubmissionIndex, GpuError> {
        self.pass = None;
        let Self {
            gpu,
            mut encoder,
            mut belt,
            timed,
            ..
        } = self;
        if !timed.is_empty()
            && let Some(timer) = &mut *locked(&gpu.shared.timer)
        {
            timer.resolve(&mut encoder, &timed);
        }
        belt.finish_and_recall_on_submit(&encoder);
        let commands = encoder.finish();
        let start = Instant::now();
        let index = gpu.guarded("commands", || gpu.queue().submit([commands]))?;
        let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        gpu.shared.submitting_ns.fetch_add(took, Ordering::Relaxed);
        locked(&gpu.shared.belts).push(belt);
        Ok(index)
    }
}

fn dispatch(pass: &mut ComputePass<'_>, bound: &Bound) {
    let [x, y, z] = bound.groups;
    pass.set_pipeline(&bound.pipeline);
    pass.set_bind_group(0, &bound.bindings, &[]);
    pass.dispatch_workgroups(x, y, z);
}
