//! What can go wrong on a graphics device.

/// Why a kernel did not run.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum GpuError {
    /// There is no adapter of that number.
    #[error("{}", crate::device::no_adapter(*wanted, *found))]
    NoAdapter {
        /// Number asked for.
        wanted: usize,
        /// Adapters that there are.
        found: usize,
    },
    /// The driver refused to start a device.
    #[error("graphics device {name} did not start: {reason}")]
    Start {
        /// The adapter.
        name: String,
        /// What the driver said.
        reason: String,
    },
    /// The device is gone: unplugged, reset by the driver, or shut down.
    #[error("the graphics device was lost: {reason}")]
    Lost {
        /// What the driver said.
        reason: String,
    },
    /// The device has not enough memory.
    #[error("the graphics device has no memory left for {what}")]
    OutOfMemory {
        /// What was to be stored.
        what: String,
    },
    /// One patch, or another thing that cannot be split, is larger than a buffer of this device.
    #[error("{what} needs {needed} bytes, the graphics device binds at most {most}")]
    TooLarge {
        /// What was to be stored.
        what: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes that one binding holds.
        most: u64,
    },
    /// The graphics library refused a call: a defect of a kernel or of the driver.
    #[error("the graphics device refused {what}: {reason}")]
    Refused {
        /// The kernel or buffer.
        what: String,
        /// First line of what was said.
        reason: String,
    },
}

impl GpuError {
    /// Whether another device, or the same one started again, may do better.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}
