//! What a network will cost at a size: time, memory and arithmetic, told before it runs.
//!
//! Shape and input size → [`Work`] by formulas; work → seconds by what was measured on this device ([`Speeds`]).

mod memory;
mod speeds;
mod work;

pub use memory::forward_bytes;
pub use speeds::{Basis, Network, Speeds};
pub use work::Work;

/// What a run of a network costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Tokens that the last layer has, class and registers included.
    pub tokens: u64,
    /// Arithmetic.
    pub work: Work,
    /// Time in seconds, where anything was measured on the device.
    pub seconds: Option<f64>,
    /// What the time rests on.
    pub basis: Basis,
    /// Memory at the peak in bytes, over what the loaded model holds.
    pub bytes: u64,
}
