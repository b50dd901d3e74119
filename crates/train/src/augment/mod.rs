//! What training does to pictures before a network sees them.
//!
//! RGB8 pictures → crops, distorted at random. Each operation is a public function of given parameters and equals the
//! reference's on Pillow pictures; [`Multicrop`] draws the parameters from a seeded generator. Source: `spec/02`,
//! section 2, and `spec/06`, section 4.

pub mod blur;
mod check;
pub mod color;
mod distortion;
pub mod hue;
mod jitter;
mod multicrop;
mod pixels;
mod presets;
pub mod resample;
mod resized_crop;
mod symmetry;

pub use check::AugmentError;
pub use distortion::{Chances, Distortion, Distortions};
pub use jitter::{ColorChange, ColorJitter, Jitter};
pub use multicrop::{Crops, GramCrops, JitterOf, LocalsFrom, Multicrop};
pub use pixels::normalized;
pub use presets::Preset;
pub use resample::Region;
pub use resized_crop::RandomResizedCrop;
pub use symmetry::{Orientation, Symmetry, mirror};

#[cfg(test)]
pub(crate) mod golden {
    //! Reads the golden pictures for the tests of this folder.

    use std::path::PathBuf;

    use image::RgbImage;
    use safetensors::SafeTensors;

    /// The tensors of the case.
    pub(crate) struct Golden(Vec<u8>);

    impl Golden {
        pub(crate) fn open() -> Self {
            let folder = std::env::var_os("DINOSCOPE_GOLDEN").map_or_else(
                || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")),
                PathBuf::from,
            );
            let path = folder.join("augment/data.safetensors");
            Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display())))
        }

        /// The picture that every operation starts from.
        pub(crate) fn picture(&self) -> RgbImage {
            self.levels("input.image_u8")
        }

        pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
            let tensors = SafeTensors::deserialize(&self.0).unwrap();
            let bytes = tensors.tensor(name).unwrap().data().as_chunks::<4>().0;
            bytes
                .iter()
                .map(|value| f32::from_le_bytes(*value))
                .collect()
        }

        /// Names of the operations that start with `prefix`, without what they are computed on.
        pub(crate) fn operations(&self, prefix: &str) -> Vec<String> {
            let tensors = SafeTensors::deserialize(&self.0).unwrap();
            let prefix = format!("expected.{prefix}");
            let mut names: Vec<String> = tensors
                .names()
                .into_iter()
                .filter(|name| name.starts_with(&prefix))
                .map(|name| name.trim_start_matches("expected."))
                .map(|name| name.trim_end_matches(".pil").trim_end_matches(".u8"))
                .map(|name| name.trim_end_matches(".f32").to_owned())
                .collect();
            names.sort();
            names.dedup();
            names
        }

        /// Planar levels as a picture.
        fn levels(&self, name: &str) -> RgbImage {
            let tensors = SafeTensors::deserialize(&self.0).unwrap();
            let tensor = tensors.tensor(name).unwrap();
            let &[3, rows, cols] = tensor.shape() else {
                panic!("{name}: shape {:?}", tensor.shape());
            };
            RgbImage::from_fn(cols as u32, rows as u32, |x, y| {
                let at = y as usize * cols + x as usize;
                image::Rgb(std::array::from_fn(|c| tensor.data()[c * rows * cols + at]))
            })
        }

        /// Holds against the Pillow road: `allowed` levels off at most.
        pub(crate) fn assert_pillow(&self, name: &str, found: &RgbImage, allowed: u8) {
            let off = self.off(&format!("expected.{name}.pil"), found);
            let worst = off.iter().max().unwrap();
            assert!(*worst <= allowed, "{name}: {worst} levels");
        }

        /// Holds against the tensor road within the case's tolerance: 2 levels, 1 level on 99 %.
        pub(crate) fn assert_levels(&self, name: &str, found: &RgbImage) {
            let off = self.off(&format!("expected.{name}.u8"), found);
            let beyond = off.iter().filter(|off| **off > 1).count();
            assert!(off.iter().all(|off| *off <= 2), "{name}");
            assert!(beyond * 100 <= off.len(), "{name}: {beyond} values");
        }

        fn off(&self, name: &str, found: &RgbImage) -> Vec<u8> {
            let expected = self.levels(name);
            assert_eq!(found.dimensions(), expected.dimensions(), "{name}");
            let pairs = found.as_raw().iter().zip(expected.as_raw());
            pairs
                .map(|(found, expected)| found.abs_diff(*expected))
                .collect()
        }
    }

    /// The number behind `prefix`.
    pub(crate) fn parameter(name: &str, prefix: &str) -> f32 {
        name[prefix.len()..].parse().unwrap()
    }
}
