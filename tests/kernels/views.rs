//! What a window shows, against what a file gets: the views that follow the pointer and their CPU twins.

use std::sync::Arc;

use dinoscope_engine::analysis::similarity::{cosine, top_k, unit_patches};
use dinoscope_engine::analysis::{Patch, PcaBasis, pca};
use dinoscope_engine::figure::channels::{ChannelMap, ChannelOverlay, Channels};
use dinoscope_engine::figure::sampling::JointBilateral;
use dinoscope_engine::figure::view::Ground;
use dinoscope_engine::figure::{Colormap, Overlay, Range, Sampling, View};
use dinoscope_engine::gpu::{Canvas, Gpu, PcaView, SimilarityView};
use image::RgbImage;

use super::{assert_close, gpu, map};

fn picture() -> Arc<RgbImage> {
    Arc::new(RgbImage::from_fn(150, 110, |x, y| {
        image::Rgb([
            (x * 3 % 256) as u8,
            (y * 5 % 256) as u8,
            (x * y % 256) as u8,
        ])
    }))
}

/// Fails unless all but one in a thousand bytes differ by at most one: the two roads round apart.
fn assert_same(gpu: &Gpu, canvas: &Canvas, expected: &RgbImage, what: &str) {
    let found = gpu.read_canvas(canvas).unwrap();
    assert_eq!(found.dimensions(), expected.dimensions(), "{what}");
    let pairs = found.pixels().zip(expected.pixels());
    let off = pairs
        .filter(|(found, expected)| {
            let bytes = found.0.iter().zip(&expected.0);
            found.0[3] != 255 || bytes.clone().any(|(a, b)| a.abs_diff(*b) > 1)
        })
        .count();
    let allowed = expected.pixels().len() / 1000;
    assert!(off <= allowed, "{what}: {off} pixels differ, {allowed} may");
}

#[test]
fn a_hover_draws_what_a_file_shows_and_allocates_nothing() {
    let Some(gpu) = gpu() else { return };
    let (picture, features) = (picture(), map(11, 15, 26, 50));
    let uploaded = gpu.picture(&picture).unwrap();
    let part = View {
        origin_px: [20.0, 15.0],
        size_px: [75.0, 55.0],
        out_px: [150, 110],
    };
    let mut view = SimilarityView::new(gpu, &features, &uploaded, [150, 110]).unwrap();
    let looks = [
        Overlay::default(),
        Overlay {
            sampling: Sampling::JointBilateral(JointBilateral::default()),
            ..Overlay::default()
        },
        Overlay {
            colormap: Colormap::Diverging,
            range: Range::Percentile {
                low: 5.0,
                high: 90.0,
            },
            sampling: Sampling::Bicubic,
            desaturate: 0.5,
            ..Overlay::default()
        },
        Overlay {
            range: Range::Fixed {
                min: -0.2,
                max: 0.9,
            },
            alpha: 1.0,
            ..Overlay::default()
        },
    ];
    for (at, overlay) in looks.iter().enumerate() {
        let patch = Patch::from_index(at * 31, 15);
        let query = unit_patches(&features, &[patch]).unwrap().remove(0);
        let expected = cosine(&features, &query);
        for shown in [View::whole((150, 110)), part] {
            view.show(&query, overlay, shown).unwrap();
            let ground = Ground {
                picture: &picture,
                view: shown,
                guide: None,
            };
            let drawn = overlay.draw_on(&ground, &expected).unwrap();
            assert_same(gpu, view.canvas(), &drawn, &format!("look {at}, {shown:?}"));
        }
        assert_close(
            "values",
            &view.values().unwrap().values,
            &expected.values,
            2e-6,
        );
        let places = |peaks: &[dinoscope_engine::analysis::Peak]| -> Vec<Patch> {
            peaks.iter().map(|peak| peak.patch).collect()
        };
        assert_eq!(
            places(&view.peaks(5).unwrap()),
            places(&top_k(&expected, 5))
        );
    }
}

#[test]
fn hovers_allocate_nothing_on_the_device() {
    if gpu().is_none() {
        return;
    }
    // A device of its own: other tests allocate meanwhile.
    let gpu = Gpu::headless(&dinoscope_engine::gpu::Options::default()).unwrap();
    let features = map(11, 15, 26, 51);
    let uploaded = gpu.picture(&picture()).unwrap();
    let mut view = SimilarityView::new(&gpu, &features, &uploaded, [64, 48]).unwrap();
    let shown = View {
        origin_px: [0.0; 2],
        size_px: [150.0, 110.0],
        out_px: [64, 48],
    };
    let mut hover = |at: usize| {
        view.show(features.patch(at % 165), &Overlay::default(), shown)
            .unwrap();
        gpu.frame().unwrap().finish().unwrap();
    };
    (0..4).for_each(&mut hover);
    let before = gpu.allocated();
    (0..50).for_each(&mut hover);
    assert_eq!(gpu.allocated(), before);
}

#[test]
fn components_are_drawn_as_a_file_shows_them() {
    let Some(gpu) = gpu() else { return };
    let (picture, features) = (picture(), map(11, 15, 26, 52));
    let uploaded = gpu.picture(&picture).unwrap();
    let basis = PcaBasis::fit(std::slice::from_ref(&features), None, 4).unwrap();
    let foreground: Vec<bool> = (0..165).map(|at| at % 7 != 0).collect();
    let all = [0, 1, 2, 3];
    let values = pca::whiten(
        &pca::project(&features, &basis, &all).unwrap(),
        &basis,
        &all,
    );
    for mask in [None, Some(&foreground[..])] {
        let view = PcaView::new(gpu, &features, &basis, mask, &uploaded, [150, 110]).unwrap();
        let overlay = ChannelOverlay {
            channels: Channels {
                channels: [Some(3), Some(0), None],
                inverted: [true, false, false],
                logistic: true,
            },
            alpha: 0.8,
            ..ChannelOverlay::default()
        };
        view.show(&overlay, View::whole((150, 110))).unwrap();
        let channels = ChannelMap {
            rows: 11,
            cols: 15,
            k: 4,
            values: &values,
            foreground: mask,
        };
        let drawn = overlay.draw_on(&Ground::of(&picture), &channels).unwrap();
        assert_same(gpu, view.canvas(), &drawn, "components");
    }
}

#[test]
fn kernels_are_timed_where_the_device_has_a_clock() {
    if gpu().is_none() {
        return;
    }
    let gpu = Gpu::headless(&dinoscope_engine::gpu::Options::default()).unwrap();
    let features = map(11, 15, 26, 53);
    if gpu.set_timing(true).unwrap() {
        gpu.cosine(&features, features.patch(0)).unwrap();
        let times = gpu.last_times();
        assert_eq!(times.last().map(|time| time.kernel), Some("cosine"));
        assert!(
            times
                .iter()
                .all(|time| time.ms >= 0.0 && time.ms.is_finite())
        );
    }
    assert!(!gpu.set_timing(false).unwrap());
    assert!(gpu.last_times().is_empty());
}
