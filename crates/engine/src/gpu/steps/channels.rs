//! Sums over all patches, channel by channel.

use bytemuck::{Pod, Zeroable};

use super::super::kernel::{Input, groups_for};
use super::super::map::{padded, word};
use super::super::{Gpu, GpuError};
use super::similarity::{GROUP, PER_SLICE, one};
use crate::analysis::channels::ChannelMoments as Moments;
use crate::feature_map::FeatureMap;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ChannelMoments {
    count: u32,
    quads: u32,
    first_slice: u32,
    per_slice: u32,
    slices: u32,
    _pad: [u32; 3],
}

impl Gpu {
    /// Moments of every channel. Twin: `analysis::channels::moments`.
    pub fn channel_moments(&self, source: &FeatureMap) -> Result<Moments, GpuError> {
        let map = self.upload(source)?;
        let (quads, dim) = (map.quads(), map.dim());
        let shift_values = source.patch(0);
        let shift = self.buffer_of("shift", &padded(&[shift_values], quads))?;
        let slices = map.parts.iter().map(|part| part.count.div_ceil(PER_SLICE));
        let total: usize = slices.clone().sum();
        let out = self.buffer("channel sums", (total * 3 * quads * 16) as u64)?;
        let mut frame = self.frame()?;
        let mut first_slice = 0;
        for (part, slices) in map.parts.iter().zip(slices) {
            let params = self.params(&ChannelMoments {
                count: word(part.count),
                quads: word(quads),
                first_slice: word(first_slice),
                per_slice: word(PER_SLICE),
                slices: word(slices),
                _pad: [0; 3],
            })?;
            let inputs = [&part.buffer, &shift, &out, &params].map(Input::Buffer);
            let groups = [groups_for(quads, GROUP), groups_for(slices, 1), 1];
            frame.run(&self.bind("channel_moments", &inputs, groups)?);
            first_slice += slices;
        }
        let sums: Vec<f32> = one(frame.read(&[&out])?);
        let (mut first, mut second, mut largest) =
            (vec![0.0_f64; dim], vec![0.0_f64; dim], vec![0.0_f32; dim]);
        for slice in sums.chunks_exact(3 * quads * 4) {
            for channel in 0..dim {
                first[channel] += f64::from(slice[channel]);
                second[channel] += f64::from(slice[quads * 4 + channel]);
                largest[channel] = largest[channel].max(slice[quads * 8 + channel]);
            }
        }
        let count = source.patches() as f64;
        let mean = |(&sum, &shift): (&f64, &f32)| (f64::from(shift) + sum / count) as f32;
        let deviation = |(&sum, &square): (&f64, &f64)| {
            let away = sum / count;
            (square / count - away * away).max(0.0).sqrt() as f32
        };
        Ok(Moments {
            mean: first.iter().zip(shift_values).map(mean).collect(),
            deviation: first.iter().zip(&second).map(deviation).collect(),
            largest_magnitude: largest,
        })
    }
}
