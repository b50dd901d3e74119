//! Kernels as compiled pipelines, and pipelines with the buffers they work on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dinoscope_shaders::Kernel;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, ComputePipeline,
    ComputePipelineDescriptor, ShaderModuleDescriptor, ShaderSource, TextureView,
};

use super::{Gpu, GpuError, locked};

/// Most workgroups along one axis of a dispatch on every device; kernels loop beyond it.
pub(super) const MOST_GROUPS: u32 = 65_535;

/// Compiled kernels by name.
#[derive(Default)]
pub(super) struct Pipelines(Mutex<HashMap<&'static str, Arc<ComputePipeline>>>);

/// Something that a kernel reads or writes.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A whole buffer.
    Buffer(&'a Buffer),
    /// A texture.
    Texture(&'a TextureView),
}

/// A kernel with its buffers, ready to be dispatched any number of times.
#[derive(Clone, Debug)]
pub struct Bound {
    pub(super) name: &'static str,
    pub(super) pipeline: Arc<ComputePipeline>,
    pub(super) bindings: BindGroup,
    /// Workgroups along x, y, z.
    pub(super) groups: [u32; 3],
}

impl Bound {
    /// The same kernel and buffers over another number of workgroups.
    pub fn set_groups(&mut self, groups: [u32; 3]) {
        self.groups = groups;
    }
}

impl Gpu {
    /// Compiles every kernel, so that the first hover does not wait.
    pub fn compile_all(&self) -> Result<(), GpuError> {
        for kernel in dinoscope_shaders::KERNELS {
            self.pipeline(kernel.name)?;
        }
        Ok(())
    }

    /// Binds `inputs` to the kernel `name` in the order of its bindings, to be run over `groups` workgroups.
    ///
    /// # Panics
    /// If there is no kernel of that name.
    pub fn bind(
        &self,
        name: &'static str,
        inputs: &[Input<'_>],
        groups: [u32; 3],
    ) -> Result<Bound, GpuError> {
        let pipeline = self.pipeline(name)?;
        let entries: Vec<BindGroupEntry<'_>> = (0..)
            .zip(inputs)
            .map(|(binding, input)| BindGroupEntry {
                binding,
                resource: match input {
                    Input::Buffer(buffer) => buffer.as_entire_binding(),
                    Input::Texture(view) => BindingResource::TextureView(view),
                },
            })
            .collect();
        let bindings = self.guarded(name, || {
            self.device().create_bind_group(&BindGroupDescriptor {
                label: Some(name),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            })
        })?;
        Ok(Bound {
            name,
            pipeline,
            bindings,
            groups,
        })
    }

    fn pipeline(&self, name: &'static str) -> Result<Arc<ComputePipeline>, GpuError> {
        let mut known = locked(&self.shared.pipelines.0);
        if let Some(pipeline) = known.get(name) {
            return Ok(Arc::clone(pipeline));
        }
        let kernel = Kernel::named(name).unwrap_or_else(|| panic!("there is no kernel {name}"));
        let pipeline = self.guarded(name, || {
            let module = self.device().create_shader_module(ShaderModuleDescriptor {
                label: Some(name),
                source: ShaderSource::Wgsl(kernel.source.into()),
            });
            self.device()
                .create_compute_pipeline(&ComputePipelineDescriptor {
                    label: Some(name),
                    layout: None,
                    module: &module,
                    entry_point: Some("main"),
                    compilation_options: wgpu::PipelineCompilationOptions::default(),
                    cache: None,
                })
        })?;
        let pipeline = Arc::new(pipeline);
        known.insert(name, Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

/// Workgroups that cover `items` with `per_group` each, as far as one dispatch allows.
pub(super) fn groups_for(items: usize, per_group: usize) -> u32 {
    u32::try_from(items.div_ceil(per_group))
        .unwrap_or(MOST_GROUPS)
        .clamp(1, MOST_GROUPS)
}
