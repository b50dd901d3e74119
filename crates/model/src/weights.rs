//! Where the numbers of a network come from: a checkpoint, or a seeded start.

use burn::tensor::Device;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::checkpoint::{Checkpoint, CheckpointError};

/// Where a network's tensors are put, and how.
#[derive(Clone, Debug)]
pub struct Placement {
    pub(crate) device: Device,
    pub(crate) packed: bool,
}

impl Placement {
    /// Plain tensors: any device, and training.
    pub fn plain(device: &Device) -> Self {
        Self {
            device: device.clone(),
            packed: false,
        }
    }

    /// Weights packed for the fused CPU kernels: inference on burn's CPU device only.
    pub fn packed_cpu() -> Self {
        Self {
            device: Device::flex(),
            packed: true,
        }
    }
}

/// Why a network could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The checkpoint failed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tensor has another number of values than its shape says.
    #[error("tensor \"{name}\" has {found} values, expected {expected:?}")]
    Length {
        /// Meta's name of the tensor.
        name: String,
        /// Shape that the network needs.
        expected: Vec<usize>,
        /// Values that the source gave.
        found: usize,
    },
    /// The caller asked to stop.
    #[error("the model was not loaded: loading was cancelled")]
    Cancelled,
}

/// Gives tensors by Meta's name.
pub trait Weights {
    /// The tensor `name` as f32, row-major, `shape` as the network needs it.
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError>;
}

impl Weights for Checkpoint {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let values = self.read(name)?;
        if values.len() != shape.iter().product::<usize>() {
            return Err(WeightsError::Length {
                name: name.into(),
                expected: shape.into(),
                found: values.len(),
            });
        }
        Ok(values)
    }
}

/// A start from scratch as the reference initialises, every tensor drawn from its own stream of `seed`.
///
/// Linear and convolution weights: normal, std 0.02. Biases 0. Norms 1 and 0. Layer scale 1e-5 (`ConvNeXt` 1e-6).
/// Class and register tokens: normal, std 0.02. Mask token 0. Patch embedding of a ViT: uniform ±1/√(3·patch²).
/// Source: `spec/01`, sections 1.4 and 3. (The reference cuts the normal at ±2, a hundred deviations: never reached.)
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Same seed, same network, on every machine.
    pub seed: u64,
}

impl Weights for Fresh {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let len = shape.iter().product();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(fnv(name));
        let part = name.rsplit('.').next().unwrap_or(name);
        let values = if name.starts_with("patch_embed") {
            // The bias is drawn from the weight's range too, as the reference does.
            let inputs: usize = if part == "bias" {
                3 * 16 * 16
            } else {
                shape[1..].iter().product()
            };
            let bound = 1.0 / (inputs as f32).sqrt();
            (0..len).map(|_| rng.random_range(-bound..bound)).collect()
        } else if part == "gamma" {
            vec![
                if name.starts_with("blocks") {
                    1e-5
                } else {
                    1e-6
                };
                len
            ]
        } else if part == "bias" || name == "mask_token" {
            vec![0.0; len]
        } else if shape.len() == 1 && name != "cls_token" {
            vec![1.0; len]
        } else {
            normals(&mut rng, len)
        };
        Ok(values)
    }
}

/// `len` normal draws of standard deviation 0.02 (Box–Muller, in f64, so that every machine agrees).
fn normals(rng: &mut impl Rng, len: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(len + 1);
    while values.len() < len {
        let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
        let radius = 0.02 * (-2.0 * u.ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
        values.extend([(radius * cos) as f32, (radius * sin) as f32]);
    }
    values.truncate(len);
    values
}

/// FNV-1a: a stream number from a name, the same for ever.
fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
