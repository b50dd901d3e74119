//! Poor devices and lost ones.

use dinoscope_engine::analysis::similarity::{cosine, unit_patches};
use dinoscope_engine::analysis::{Analysis, Compute, Context, Patch, Similarity, Subject};
use dinoscope_engine::gpu::{Gpu, GpuError, Options};
use dinoscope_engine::{FeatureMap, Grid};

use super::{assert_close, gpu, map};

fn subject(features: &FeatureMap) -> Subject {
    let (width, height) = (features.cols() as u32 * 16, features.rows() as u32 * 16);
    Subject {
        name: "picture".into(),
        grid: Grid::new((width, height), (width, height), 16),
        features: features.clone(),
        cls: [].into(),
        registers: [].into(),
        picture: None,
    }
}

#[test]
fn the_minimum_limits_of_webgpu_are_enough() {
    if gpu().is_none() {
        return;
    }
    let options = Options {
        minimum_limits: true,
        ..Options::default()
    };
    let poor = Gpu::headless(&options).unwrap();
    poor.compile_all().unwrap();
    // 160 MiB of features: more than one binding may hold there.
    let map = map(200, 205, 1024, 30);
    assert!(poor.upload(&map).unwrap().parts() > 1);
    let query = unit_patches(&map, &[Patch { row: 7, col: 9 }])
        .unwrap()
        .remove(0);
    let found = poor.cosine(&map, &query).unwrap();
    assert_close("cosine", &found.values, &cosine(&map, &query).values, 2e-6);
}

#[test]
fn a_patch_larger_than_a_binding_is_a_clear_error() {
    if gpu().is_none() {
        return;
    }
    let options = Options {
        part_bytes: Some(64),
        ..Options::default()
    };
    let tiny = Gpu::headless(&options).unwrap();
    let map = map(2, 2, 17, 31);
    let error = tiny.upload(&map).unwrap_err();
    assert_eq!(
        error.to_string(),
        "one patch needs 80 bytes, the graphics device binds at most 64"
    );
}

#[test]
fn an_adapter_that_is_not_there_is_a_clear_error() {
    let options = Options {
        adapter: Some(99),
        ..Options::default()
    };
    let error = Gpu::headless(&options).unwrap_err();
    assert!(error.to_string().contains("no GPU adapter 99"), "{error}");
}

#[test]
fn maps_still_come_when_the_device_is_lost_in_the_middle() {
    if gpu().is_none() {
        return;
    }
    let features = map(9, 11, 24, 32);
    let subjects = [subject(&features)];
    let settings = Analysis::from(Similarity {
        at: vec![[40.0, 40.0]],
        ..Similarity::default()
    });
    let expected = settings.run(&subjects, &Context::default()).unwrap();
    let gpu = Gpu::headless(&Options::default()).unwrap();
    let cx = Context {
        compute: Compute::gpu(gpu.clone()),
        ..Context::default()
    };
    for destroyed in [false, true] {
        if destroyed {
            gpu.device().destroy();
        }
        let found = settings.run(&subjects, &cx).unwrap();
        let values = |found: &dinoscope_engine::analysis::Found| match &found.maps[0].layer {
            dinoscope_engine::analysis::Layer::Scalar { map, .. } => map.values.clone(),
            other => panic!("{other:?}"),
        };
        assert_close("similarity", &values(&found), &values(&expected), 2e-6);
        assert_eq!(cx.compute.failure().is_some(), destroyed);
    }
    assert!(gpu.is_lost(), "{:?}", cx.compute.failure());
    assert!(cx.compute.failure().unwrap().is_lost());
    let again = gpu.cosine(&features, features.patch(0)).unwrap_err();
    assert!(matches!(again, GpuError::Lost { .. }), "{again}");
    // A new device takes its place; nothing of the lost one is needed.
    let fresh = Gpu::headless(&Options::default()).unwrap();
    assert!(fresh.cosine(&features, features.patch(0)).is_ok());
}

#[test]
fn the_device_of_a_window_is_adopted_and_its_loss_is_told_by_the_owner() {
    if gpu().is_none() {
        return;
    }
    // As a window does it: the device is somebody else's, with the limits that it chose.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    let Some(adapter) = adapters.first() else {
        return;
    };
    let descriptor = wgpu::DeviceDescriptor::default();
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    let adopted = Gpu::adopt(device, queue, adapter.get_info().name);
    let features = map(9, 11, 24, 33);
    let query = features.patch(5).to_vec();
    let found = adopted.cosine(&features, &query).unwrap();
    assert_close(
        "cosine",
        &found.values,
        &cosine(&features, &query).values,
        2e-5,
    );
    adopted.mark_lost("unplugged");
    let error = adopted.cosine(&features, &query).unwrap_err();
    assert_eq!(error.to_string(), "the graphics device was lost: unplugged");
}
