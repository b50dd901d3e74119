//! Features as a job: progress block by block, and a cancel that frees the processor at once.

use std::time::Instant;

use dinoscope_engine::features::FeaturesError;
use dinoscope_engine::preprocess::Size;
use dinoscope_engine::{Extractor, Features, Picture, Preprocess, Request};

use crate::predict::{Basis, Network, Speeds, Work};
use crate::runner::{JobContext, Unit};

/// Features of one picture; what was measured goes into `speeds`.
pub fn compute(
    extractor: &Extractor,
    picture: &Picture,
    request: &Request,
    speeds: Option<&Speeds>,
    cx: &JobContext,
) -> Result<Features, FeaturesError> {
    let start = Instant::now();
    let mut progress = |done, total| cx.progress(done as u64, total as u64, Unit::Blocks);
    let features = extractor.features_until(picture, request, cx.cancel(), &mut progress)?;
    let last = extractor.model().config.layers() - 1;
    let whole = features.layers.iter().any(|layer| layer.layer == last);
    if let Some(speeds) = speeds.filter(|_| whole && !features.cached) {
        let network = Network::of(extractor.model());
        speeds.record(&network, features.input_px, start.elapsed());
    }
    Ok(features)
}

/// Measures a device that was never measured, by the model at a small size; does nothing once it was.
#[expect(clippy::missing_panics_doc, reason = "three bytes a pixel")]
pub fn measure(
    extractor: &Extractor,
    speeds: &Speeds,
    cx: &JobContext,
) -> Result<(), FeaturesError> {
    let network = Network::of(extractor.model());
    let side = small_side(&network);
    if speeds.cost(&network, (side, side)).basis != Basis::Nothing {
        return Ok(());
    }
    let request = Request {
        preprocess: Preprocess {
            size: Size::Exact {
                width: side,
                height: side,
            },
            ..Preprocess::default()
        },
        ..Request::default()
    };
    let gray = vec![127; (side * side * 3) as usize];
    let picture = Picture::from_rgb(side, side, &gray).expect("three bytes a pixel");
    let extractor = extractor.without_cache();
    // The first run also compiles kernels and touches the weights for the first time: the second one is kept.
    for _ in 0..2 {
        compute(&extractor, &picture, &request, Some(speeds), cx)?;
    }
    Ok(())
}

/// The largest side up to 224 pixels at which the network takes a moment even on a slow processor; at least two patches.
fn small_side(network: &Network) -> u32 {
    const MOMENT: f64 = 4e10;
    let patch = network.config.patch() as u32;
    let sides = (2..=224 / patch).rev().map(|patches| patches * patch);
    let quick = |side: &u32| Work::of(&network.config, (*side, *side)).total() <= MOMENT;
    sides.into_iter().find(quick).unwrap_or(2 * patch)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::picture::{OpenPicture, from_rgba};
    use dinoscope_engine::analysis::CancelToken;
    use dinoscope_engine::cache::{CacheOptions, FeatureCache};
    use dinoscope_engine::{ComputeDevice, Model};
    use dinoscope_model::Variant;

    /// The built-in model on the CPU.
    pub(crate) fn built_in(cache: Option<Arc<FeatureCache>>) -> Arc<Extractor> {
        let model = Model::open("builtin", None, &ComputeDevice::cpu()).unwrap();
        Arc::new(Extractor::new(Arc::new(model), cache))
    }

    /// A picture of many colors.
    pub(crate) fn picture(width: u32, height: u32) -> OpenPicture {
        let pixel = |i: u32| [(i * 7) as u8, (i / width * 5) as u8, (i * 31) as u8, 255];
        let rgba = (0..width * height).flat_map(pixel).collect();
        from_rgba(width, height, rgba).unwrap()
    }

    fn request(side: u32) -> Request {
        Request {
            preprocess: Preprocess {
                size: Size::Short(side),
                ..Preprocess::default()
            },
            ..Request::default()
        }
    }

    #[test]
    fn watched_features_are_those_of_the_plain_call_and_tell_of_every_block() {
        let extractor = built_in(None);
        let picture = picture(80, 64);
        let cx = JobContext::alone(CancelToken::default());
        let watched = compute(&extractor, &picture.picture, &request(64), None, &cx).unwrap();
        let plain = extractor.features(&picture.picture, &request(64)).unwrap();
        let values = |features: &Features| features.layers[0].patches.values().to_vec();
        assert_eq!(values(&watched), values(&plain));
        let progress = cx.last_progress();
        let blocks = extractor.model().config.layers() as u64;
        assert_eq!(
            (progress.done, progress.total, progress.unit),
            (blocks, Some(blocks), Unit::Blocks)
        );
    }

    #[test]
    fn a_cancel_from_another_thread_ends_the_run() {
        let extractor = built_in(None);
        let picture = picture(768, 768);
        let cancel = CancelToken::default();
        let (told, asked) = std::sync::mpsc::channel();
        let mut last = 0;
        let result = std::thread::scope(|scope| {
            let token = cancel.clone();
            scope.spawn(move || {
                asked.recv_timeout(Duration::from_mins(1)).unwrap();
                token.cancel();
            });
            let mut progress = |done, _| {
                last = done;
                let _ = told.send(());
            };
            extractor.features_until(&picture.picture, &request(768), &cancel, &mut progress)
        });
        assert!(matches!(result, Err(FeaturesError::Cancelled)));
        let blocks = extractor.model().config.layers();
        assert!(last < blocks, "{last} of {blocks} blocks");
        let cx = JobContext::alone(cancel);
        let again = compute(&extractor, &picture.picture, &request(64), None, &cx);
        assert!(matches!(again, Err(FeaturesError::Cancelled)));
        assert_eq!(cx.last_progress().done, 0, "ended before a block was done");
    }

    #[test]
    fn a_device_is_measured_once() {
        let extractor = built_in(None);
        let speeds = Speeds::in_memory();
        let cx = JobContext::alone(CancelToken::default());
        measure(&extractor, &speeds, &cx).unwrap();
        let network = Network::of(extractor.model());
        let first = speeds.cost(&network, (512, 512));
        assert!(
            first.seconds.is_some_and(|seconds| seconds > 0.0) && first.basis == Basis::Measured
        );
        measure(&extractor, &speeds, &cx).unwrap();
        assert_eq!(speeds.cost(&network, (512, 512)), first);
    }

    #[test]
    fn the_first_measurement_is_small_for_large_networks() {
        let network = |name: &str| Network {
            sha256: String::new(),
            device: String::new(),
            config: Variant::by_name(name).unwrap().config(),
            fused: true,
        };
        assert_eq!(small_side(&network("vits16")), 224);
        assert_eq!(small_side(&network("vit7b16")), 32);
        assert_eq!(small_side(&network("convnext_tiny")), 224);
    }

    #[test]
    fn what_the_cache_holds_is_not_measured() {
        let cache = FeatureCache::new(CacheOptions::default());
        let extractor = built_in(Some(Arc::new(cache)));
        let picture = picture(64, 64);
        let speeds = Speeds::in_memory();
        let cx = JobContext::alone(CancelToken::default());
        for _ in 0..3 {
            compute(
                &extractor,
                &picture.picture,
                &request(64),
                Some(&speeds),
                &cx,
            )
            .unwrap();
        }
        assert_eq!(speeds.measurements(), 1);
    }
}
