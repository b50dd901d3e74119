//! Every analysis of the registry, on the CPU and on the graphics device: a new one is tested without a new test.

use std::sync::Arc;

use dinoscope_engine::Grid;
use dinoscope_engine::analysis::{Analysis, Compute, Context, Found, Layer, Subject};
use image::RgbImage;

use super::{assert_close, gpu, map};

/// A picture with tokens whose patches look random.
fn subject(rows: usize, cols: usize, seed: u64) -> Subject {
    let (width, height) = (cols as u32 * 16, rows as u32 * 16);
    let features = map(rows, cols, 24, seed);
    Subject {
        name: format!("picture {seed}"),
        grid: Grid::new((width, height), (width, height), 16),
        cls: features.patch(1).into(),
        registers: features.patch(2).repeat(4).into(),
        features,
        picture: Some(Arc::new(RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([x as u8, y as u8, seed as u8])
        }))),
    }
}

/// What an analysis cannot do without.
fn with_points(mut analysis: Analysis) -> Analysis {
    let needed = |name: &str| match name {
        "at" => Some("at=20,20;90,50"),
        "not" => Some("not=70,10"),
        "points" if analysis.get().id() == "region" => Some("points=10,10;100,60"),
        _ => None,
    };
    let settings: Vec<&str> = analysis
        .settings()
        .iter()
        .filter_map(|knob| needed(knob.name))
        .collect();
    analysis.set(&settings).unwrap();
    analysis
}

/// All numbers of a map, in order.
fn values(layer: &Layer) -> Vec<f32> {
    match layer {
        Layer::Scalar { map, .. } => map.values.clone(),
        Layer::Components { map, .. } => [&map.values[..], &map.colours[..]].concat(),
        Layer::Labels { labels, .. } => labels.iter().map(|&label| label as f32).collect(),
        Layer::Transfer { colours, .. } => colours.clone(),
    }
}

fn run(analysis: &Analysis, subjects: &[Subject], compute: &Compute) -> Found {
    let cx = Context {
        compute: compute.clone(),
        ..Context::default()
    };
    let name = analysis.get().id();
    analysis
        .run(subjects, &cx)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_analysis_gives_the_same_on_both_roads() {
    let Some(gpu) = gpu() else { return };
    let all = [subject(7, 13, 40), subject(9, 5, 41), subject(7, 13, 42)];
    for analysis in Analysis::all().into_iter().map(with_points) {
        let name = analysis.get().id();
        let pictures = analysis.get().pictures();
        let subjects = &all[..3.min(*pictures.end())];
        let device = Compute::gpu(gpu.clone());
        let (cpu, found) = (
            run(&analysis, subjects, &Compute::cpu()),
            run(&analysis, subjects, &device),
        );
        assert_eq!(device.failure(), None, "{name}");
        assert_eq!(cpu.maps.len(), found.maps.len(), "{name}");
        assert!(
            !cpu.maps.is_empty() || cpu.matches.is_some(),
            "{name} finds nothing"
        );
        for (expected, found) in cpu.maps.iter().zip(&found.maps) {
            assert_eq!(
                (found.subject, &found.title),
                (expected.subject, &expected.title)
            );
            // Colors are at most 1, cosines too; cycle errors are whole patches where the partners agree.
            assert_close(name, &values(&found.layer), &values(&expected.layer), 2e-4);
        }
        let pairs = |found: &Found| {
            found
                .matches
                .as_ref()
                .map(|pairs| pairs.iter().map(|p| (p.a, p.b)).collect::<Vec<_>>())
        };
        assert_eq!(pairs(&cpu), pairs(&found), "{name}");
        for (expected, found) in cpu.numbers.iter().zip(&found.numbers) {
            let allowed = 1e-4 * expected.value.abs().max(1.0);
            assert!(
                (expected.value - found.value).abs() <= allowed,
                "{name}: {found:?}, {expected:?}"
            );
        }
    }
}

#[test]
fn every_setting_is_described_and_can_be_set_to_what_it_is() {
    for analysis in Analysis::all().into_iter().map(with_points) {
        let described = analysis.settings();
        let texts: Vec<String> = described
            .iter()
            .map(|knob| format!("{}={}", knob.name, knob.current))
            .collect();
        let mut again = Analysis::from_id(analysis.get().id()).unwrap();
        again.set(&texts).unwrap();
        assert_eq!(again, analysis);
        for knob in described {
            assert!(knob.help.ends_with('.'), "{}: {:?}", knob.name, knob.help);
        }
        let json = serde_json::to_string(&analysis).unwrap();
        assert_eq!(serde_json::from_str::<Analysis>(&json).unwrap(), analysis);
    }
}

#[test]
fn the_wrong_number_of_pictures_and_a_cancelled_token_are_errors() {
    let one = [subject(3, 3, 43)];
    let error = Analysis::from_id("match")
        .unwrap()
        .run(&one, &Context::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "analysis match takes 2 pictures, found 1"
    );
    let cx = Context::default();
    cx.cancel.cancel();
    let error = Analysis::from_id("clusters")
        .unwrap()
        .run(&one, &cx)
        .unwrap_err();
    assert_eq!(error.to_string(), "interrupted");
}
