//! Devices: which there are, which one `auto` takes, and how a name becomes one.
//!
//! Name → [`ComputeDevice`]. This module and the GPU kernels are the only places that know backends.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use burn::tensor::{Device, DeviceKind};
use dinoscope_model::Placement;
use serde::Serialize;
use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

/// What a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, else the CPU; never a software adapter.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An adapter by its number in [`adapters`]; without a number the first.
    Gpu(Option<usize>),
    /// A CUDA card by its number; without a number the first.
    Cuda(Option<usize>),
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Name {
            found: text.to_owned(),
        };
        let (kind, number) = match text.split_once(':') {
            Some((kind, number)) => (
                kind,
                Some(number.parse::<usize>().map_err(|_number| unknown())?),
            ),
            None => (text, None),
        };
        match (kind, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("gpu", number) => Ok(Self::Gpu(number)),
            ("cuda", number) => Ok(Self::Cuda(number)),
            ("remote", _) => Err(DeviceError::Remote),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, number) = match self {
            Self::Auto => ("auto", &None),
            Self::Cpu => ("cpu", &None),
            Self::Gpu(number) => ("gpu", number),
            Self::Cuda(number) => ("cuda", number),
        };
        match number {
            Some(number) => write!(f, "{name}:{number}"),
            None => f.write_str(name),
        }
    }
}

/// Why a device could not be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceError {
    /// Not a device's name.
    #[error("device must be auto, cpu, gpu, gpu:N, cuda or cuda:N, found \"{found}\"")]
    Name {
        /// What was given.
        found: String,
    },
    /// Remote workers are not part of this version.
    #[error(
        "device remote is not available in this version: expected auto, cpu, gpu, gpu:N, cuda or cuda:N"
    )]
    Remote,
    /// No adapter of that number.
    #[error("{}", no_adapter(*wanted, *found))]
    NoAdapter {
        /// Number asked for.
        wanted: usize,
        /// Adapters that there are.
        found: usize,
    },
    /// The program was built without CUDA.
    #[error("this build has no CUDA: expected one made with the feature `cuda`")]
    NoCuda,
    /// The driver refused.
    #[error("device {name} did not start: {reason}")]
    Start {
        /// The device.
        name: String,
        /// What the driver said.
        reason: String,
    },
}

/// What is said of an adapter that is not there.
pub(crate) fn no_adapter(wanted: usize, found: usize) -> String {
    match found {
        0 => {
            "no GPU adapter found, expected a graphics driver (see `dinoscope devices`)".to_owned()
        }
        _ => format!(
            "no GPU adapter {wanted}, expected a number below {found} (see `dinoscope devices`)"
        ),
    }
}

/// A graphics adapter.
#[derive(Clone, Debug, Serialize)]
pub struct Adapter {
    /// Its number, as in `gpu:N`.
    pub index: usize,
    /// Name by the driver.
    pub name: String,
    /// Graphics API: `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// Driver and its version.
    pub driver: String,
    /// Largest buffer in bytes; graphics APIs do not tell the size of the memory.
    pub max_buffer_bytes: u64,
    /// Position among the adapters of its kind, which is how burn addresses it.
    #[serde(skip)]
    nth: usize,
    #[serde(skip)]
    device_type: DeviceType,
}

/// All adapters, real ones first. Empty without a driver; never panics.
pub fn adapters() -> Vec<Adapter> {
    let mut seen: Vec<DeviceType> = Vec::new();
    let describe = |(index, adapter): (usize, &wgpu::Adapter)| {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let nth = seen
            .iter()
            .filter(|&&kind| kind == info.device_type)
            .count();
        seen.push(info.device_type);
        Adapter {
            index,
            name: info.name,
            backend: info.backend.to_string(),
            kind: kind_name(info.device_type),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            max_buffer_bytes: limits.max_buffer_size,
            nth,
            device_type: info.device_type,
        }
    };
    adapter_handles().iter().enumerate().map(describe).collect()
}

/// The graphics library's handles of [`adapters`], in the same order.
pub(crate) fn adapter_handles() -> Vec<wgpu::Adapter> {
    let backends = Backends::VULKAN | Backends::METAL | Backends::DX12;
    // A broken driver may panic inside the graphics library.
    let mut found = catch_unwind(AssertUnwindSafe(|| {
        let instance = Instance::new(InstanceDescriptor {
            backends,
            ..InstanceDescriptor::new_without_display_handle()
        });
        pollster::block_on(instance.enumerate_adapters(backends))
    }))
    .unwrap_or_default();
    // Stable: adapters of one kind keep the driver's order, by which burn addresses them.
    found.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    found
}

impl Adapter {
    /// Whether it draws on the CPU, as lavapipe does.
    pub fn is_software(&self) -> bool {
        self.device_type == DeviceType::Cpu
    }

    fn burn_kind(&self) -> DeviceKind {
        match self.device_type {
            DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(self.nth),
            DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(self.nth),
            DeviceType::VirtualGpu => DeviceKind::VirtualGpu(self.nth),
            DeviceType::Cpu => DeviceKind::Cpu,
            DeviceType::Other => DeviceKind::DefaultDevice,
        }
    }
}

fn kind_name(kind: DeviceType) -> &'static str {
    match kind {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}

fn rank(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

/// The processor.
#[derive(Clone, Debug, Serialize)]
pub struct Cpu {
    /// Cores that this process may use.
    pub cores: usize,
    /// Vector instructions that the fused kernels take here.
    pub simd: &'static str,
    /// Size of the main memory in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
}

/// What the processor offers.
pub fn cpu() -> Cpu {
    let arch = format!("{:?}", pulp::Arch::new());
    let simd = match arch.split('(').next() {
        Some("V4") => "avx512",
        Some("V3") => "avx2",
        Some("Neon" | "NeonFcma") => "neon",
        _ => "portable",
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    // Linux tells in a file; elsewhere the size stays unknown rather than guessed.
    let memory_bytes = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let kib = text
                .lines()
                .find_map(|line| line.strip_prefix("MemTotal:"))?;
            kib.split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
                .map(|kib| kib << 10)
        });
    Cpu {
        cores,
        simd,
        memory_bytes,
    }
}

/// A device that networks run on.
#[derive(Clone, Debug)]
pub struct ComputeDevice {
    burn: Device,
    name: String,
    fused: bool,
    /// Number of its adapter, if it is one of [`adapters`].
    adapter: Option<usize>,
}

impl ComputeDevice {
    /// The CPU, with fused kernels. Always there.
    pub fn cpu() -> Self {
        Self {
            burn: Device::flex(),
            name: "cpu".into(),
            fused: true,
            adapter: None,
        }
    }

    /// Starts the device that `choice` names.
    pub fn open(choice: DeviceChoice) -> Result<Self, DeviceError> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::cpu()),
            DeviceChoice::Auto => Ok(Self::auto().0),
            DeviceChoice::Gpu(number) => {
                let adapters = adapters();
                let wanted = number.unwrap_or(0);
                let adapter = adapters.get(wanted).ok_or(DeviceError::NoAdapter {
                    wanted,
                    found: adapters.len(),
                })?;
                Self::gpu(adapter)
            }
            DeviceChoice::Cuda(number) => Self::cuda(number.unwrap_or(0)),
        }
    }

    /// The device that `auto` takes, and why.
    pub fn auto() -> (Self, String) {
        let adapters = adapters();
        let Some(adapter) = adapters.iter().find(|adapter| !adapter.is_software()) else {
            let why = match adapters.len() {
                0 => "no GPU adapter found".to_owned(),
                n => format!("only software adapters found ({n}); ask for one with gpu:N"),
            };
            return (Self::cpu(), why);
        };
        match Self::gpu(adapter) {
            Ok(device) => (
                device,
                format!("{} is a {} adapter", adapter.name, adapter.kind),
            ),
            Err(error) => {
                tracing::warn!(%error, "GPU did not start, using the CPU");
                (Self::cpu(), error.to_string())
            }
        }
    }

    fn gpu(adapter: &Adapter) -> Result<Self, DeviceError> {
        let name = format!("gpu:{} ({})", adapter.index, adapter.name);
        let kind = adapter.burn_kind();
        started(&name, || Device::wgpu(kind)).map(|burn| Self {
            burn,
            name,
            fused: false,
            adapter: Some(adapter.index),
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda(number: usize) -> Result<Self, DeviceError> {
        let name = format!("cuda:{number}");
        started(&name, || Device::cuda(number)).map(|burn| Self {
            burn,
            name,
            fused: false,
            adapter: None,
        })
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(_number: usize) -> Result<Self, DeviceError> {
        Err(DeviceError::NoCuda)
    }

    /// Whether what was handed over is done when the call returns.
    pub(crate) fn is_synchronous(&self) -> bool {
        self.fused
    }

    /// Burn's device.
    pub fn burn(&self) -> &Device {
        &self.burn
    }

    /// `cpu`, `gpu:0 (name)` or `cuda:0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of the graphics adapter, if it is one.
    pub fn adapter(&self) -> Option<usize> {
        self.adapter
    }

    /// `cpu`, `gpu` or `cuda`: what features computed here are cached under.
    pub fn family(&self) -> &str {
        self.name.split([':', ' ']).next().unwrap_or(&self.name)
    }

    /// How networks for inference are laid out on this device.
    pub fn placement(&self) -> Placement {
        if self.fused {
            Placement::packed_cpu()
        } else {
            Placement::plain(&self.burn)
        }
    }
}

/// Makes a device and waits until it answers; drivers fail here by error or by panic.
fn started(name: &str, make: impl FnOnce() -> Device) -> Result<Device, DeviceError> {
    let failed = |reason: String| DeviceError::Start {
        name: name.to_owned(),
        reason,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let device = make();
        device
            .sync()
            .map(|()| device)
            .map_err(|error| format!("{error:?}"))
    }));
    match outcome {
        Ok(result) => result.map_err(|reason| failed(first_line(&reason))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(failed(first_line(text.unwrap_or("the driver panicked"))))
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["auto", "cpu", "gpu", "gpu:1", "cuda", "cuda:0"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        for name in ["", "gpu:", "gpu:x", "cpu:0", "auto:1", "tpu"] {
            assert_eq!(
                name.parse::<DeviceChoice>(),
                Err(DeviceError::Name { found: name.into() })
            );
        }
    }

    #[test]
    fn an_adapter_that_is_not_there_is_an_error() {
        let found = adapters().len();
        let error = ComputeDevice::open(DeviceChoice::Gpu(Some(found + 7))).unwrap_err();
        assert_eq!(
            error,
            DeviceError::NoAdapter {
                wanted: found + 7,
                found
            }
        );
    }

    #[test]
    fn auto_never_takes_a_software_adapter() {
        let real = adapters().iter().any(|adapter| !adapter.is_software());
        assert_eq!(ComputeDevice::auto().0.family() == "gpu", real);
    }
}
