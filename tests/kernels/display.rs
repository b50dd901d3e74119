//! Kernels that reduce values and draw pixels, against their twins, over odd sizes.
//!
//! Colors: both sides compute the same f32 formulas, fused differently and with another `exp`, so a byte may round to the
//! other side: 1 of 255 is allowed. Where a threshold decides (which pixel or patch lies under a point, which side of a
//! border), rounding may decide otherwise: 0.1 % of the pixels may differ by more.

#![expect(clippy::cast_sign_loss, reason = "the numbers are made to be positive")]

use dinoscope_engine::analysis::ScalarMap;
use dinoscope_engine::analysis::similarity::top_k;
use dinoscope_engine::figure::channels::{ChannelMap, ChannelOverlay, Channels};
use dinoscope_engine::figure::colormap::{Colormap, packed};
use dinoscope_engine::figure::guide::Guide;
use dinoscope_engine::figure::isolines::Isolines;
use dinoscope_engine::figure::labels::{LabelMap, LabelOverlay, NO_LABEL};
use dinoscope_engine::figure::overlay::Overlay;
use dinoscope_engine::figure::palette::palette;
use dinoscope_engine::figure::range::{Range, value_range};
use dinoscope_engine::figure::sampling::Sampling;
use dinoscope_engine::figure::uniforms::{
    Colorize, ColorizeLabels, ColorizeRgb, Grid, TopK, ValueRange, WarpParams,
};
use dinoscope_engine::figure::view::{Ground, View};
use dinoscope_engine::figure::warp::{NO_PARTNER, Partners, Warp};
use dinoscope_engine::gpu::{Gpu, Input};
use image::{Rgb, RgbImage, RgbaImage};
use wgpu::{TextureFormat, TextureUsages};

use super::{gpu, scattered};

/// Kernels that have a test in this file.
pub(super) const TESTED: &[&str] = &[
    "value_range",
    "top_k",
    "colorize",
    "colorize_rgb",
    "colorize_labels",
    "warp",
];

/// What stands for NaN on the device.
const OMITTED: f32 = -3.4e38;

/// Rows and columns of the grid, sides of the picture: one of each, one row, odd sides, patches finer than pixels.
const SIZES: [((usize, usize), (u32, u32)); 6] = [
    ((1, 1), (1, 1)),
    ((1, 1), (13, 7)),
    ((1, 9), (61, 5)),
    ((7, 13), (97, 61)),
    ((97, 61), (173, 201)),
    ((9, 11), (8, 6)),
];

/// Values with holes, every seventh or so.
fn holed(count: usize, seed: u64) -> Vec<f32> {
    let holes = scattered(count, seed + 1000);
    let values = scattered(count, seed).into_iter().zip(holes);
    values
        .enumerate()
        // The first one stays, so that there is a value.
        .map(|(at, (value, hole))| {
            if at > 0 && hole < -0.7 {
                f32::NAN
            } else {
                value
            }
        })
        .collect()
}

fn without_nan(values: &[f32]) -> Vec<f32> {
    let known = |&value: &f32| if value.is_nan() { OMITTED } else { value };
    values.iter().map(known).collect()
}

/// A picture with soft ramps, hard edges and noise.
fn picture((width, height): (u32, u32), seed: u64) -> RgbImage {
    let noise = scattered((width * height) as usize, seed);
    RgbImage::from_fn(width, height, |x, y| {
        let grain = noise[(y * width + x) as usize] * 20.0;
        let edge = if (x / 9 + y / 14) % 2 == 0 { 60.0 } else { 0.0 };
        let ramp = 150.0 * x as f32 / width as f32;
        let tone = |offset: f32| (40.0 + offset + grain + edge).clamp(0.0, 255.0) as u8;
        Rgb([tone(ramp), tone(0.5 * ramp), tone(150.0 - ramp)])
    })
}

/// All of a picture, a part of it enlarged, and all of it and more reduced.
fn views((width, height): (u32, u32)) -> [View; 3] {
    let sides = [width as f32, height as f32];
    [
        View::whole((width, height)),
        View {
            origin_px: [sides[0] * 0.31, sides[1] * 0.17],
            size_px: [sides[0] * 0.4, sides[1] * 0.53],
            out_px: [67, 45],
        },
        View {
            origin_px: [sides[0] * -0.05, sides[1] * -0.03],
            size_px: [sides[0] * 1.1, sides[1] * 1.05],
            out_px: [width.div_ceil(3), height.div_ceil(2)],
        },
    ]
}

/// A picture as the kernels read it.
fn texture_of(gpu: &Gpu, picture: &RgbImage) -> wgpu::TextureView {
    let usage = TextureUsages::TEXTURE_BINDING | TextureUsages::COPY_DST;
    let texture = texture(gpu, picture.dimensions(), usage);
    let pixels = image::DynamicImage::from(picture.clone()).to_rgba8();
    gpu.queue().write_texture(
        texture.as_image_copy(),
        &pixels,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(picture.width() * 4),
            rows_per_image: None,
        },
        texture.size(),
    );
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

fn texture(gpu: &Gpu, (width, height): (u32, u32), usage: TextureUsages) -> wgpu::Texture {
    gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: TextureFormat::Rgba8Unorm,
        usage,
        view_formats: &[],
    })
}

/// Runs a kernel that draws into a texture: its inputs, then the texture, then its parameters.
fn drawn(
    gpu: &Gpu,
    kernel: &'static str,
    inputs: &[Input<'_>],
    params: &wgpu::Buffer,
    view: View,
) -> RgbaImage {
    let [width, height] = view.out_px;
    let usage = TextureUsages::STORAGE_BINDING | TextureUsages::COPY_SRC;
    let output = texture(gpu, (width, height), usage);
    let target = output.create_view(&wgpu::TextureViewDescriptor::default());
    let mut all = inputs.to_vec();
    all.extend([Input::Texture(&target), Input::Buffer(params)]);
    let groups = [width.div_ceil(8), height.div_ceil(8), 1];
    let bound = gpu.bind(kernel, &all, groups).unwrap();
    let mut frame = gpu.frame().unwrap();
    frame.run(&bound);
    frame.finish().unwrap();
    pixels_of(gpu, &output)
}

fn pixels_of(gpu: &Gpu, texture: &wgpu::Texture) -> RgbaImage {
    let (width, height) = (texture.width(), texture.height());
    // Rows of a copy start at multiples of 256 bytes.
    let pitch = (width * 4).next_multiple_of(256);
    let bytes = u64::from(pitch) * u64::from(height);
    let buffer = gpu.buffer("pixels", bytes).unwrap();
    let mut encoder = gpu
        .device()
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(pitch),
        rows_per_image: None,
    };
    let to = wgpu::TexelCopyBufferInfo {
        buffer: &buffer,
        layout,
    };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), to, texture.size());
    gpu.queue().submit([encoder.finish()]);
    let words = gpu.frame().unwrap().read::<u8>(&[&buffer]).unwrap();
    let lines = words[0].chunks_exact(pitch as usize).take(height as usize);
    let pixels = lines.flat_map(|line| &line[..width as usize * 4]).copied();
    RgbaImage::from_raw(width, height, pixels.collect()).unwrap()
}

/// Fails if a pixel differs by more than 1 of 255, but for one pixel in a thousand (and one in any case).
fn assert_same_pixels(what: &str, found: &RgbaImage, expected: &RgbaImage) {
    assert_eq!(found.dimensions(), expected.dimensions(), "{what}");
    let pairs = found.enumerate_pixels().zip(expected.pixels());
    let off: Vec<String> = pairs
        .filter(|((_, _, found), expected)| {
            let channels = found.0.iter().zip(expected.0);
            channels.into_iter().any(|(f, e)| f.abs_diff(e) > 1)
        })
        .map(|((x, y, found), expected)| format!("({x}, {y}): {:?}, {:?}", found.0, expected.0))
        .collect();
    let allowed = (found.len() / 4 / 1000).max(1);
    assert!(
        off.len() <= allowed,
        "{what}: {} pixels differ, {allowed} may; {:?}",
        off.len(),
        &off[..off.len().min(4)]
    );
}

fn opaque(picture: &RgbImage) -> RgbaImage {
    image::DynamicImage::from(picture.clone()).to_rgba8()
}

/// The picture on the device with the colors of its patches.
struct Canvas {
    photo: RgbImage,
    guide: Guide,
    texture: wgpu::TextureView,
    colors: wgpu::Buffer,
}

impl Canvas {
    fn new(gpu: &Gpu, (rows, cols): (usize, usize), sides: (u32, u32), seed: u64) -> Self {
        let photo = picture(sides, seed);
        let guide = Guide::of(&photo, rows, cols).unwrap();
        Self {
            texture: texture_of(gpu, &photo),
            colors: gpu.buffer_of("guide", guide.colors()).unwrap(),
            photo,
            guide,
        }
    }

    fn ground(&self, view: View) -> Ground<'_> {
        Ground {
            picture: &self.photo,
            view,
            guide: Some(&self.guide),
        }
    }
}

#[test]
fn value_ranges_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (count, seed) in [(1, 0), (2, 1), (9, 2), (91, 3), (5917, 4), (70_001, 5)] {
        let mut sets = vec![scattered(count, seed), holed(count, seed)];
        // Many equals, both zeros, numbers that share most of their bits.
        sets.push((0..count).map(|i| (i % 3) as f32 - 1.0).collect());
        sets.push(
            (0..count)
                .map(|i| if i % 2 == 0 { 0.0 } else { -0.0 })
                .collect(),
        );
        sets.push(
            (0..count)
                .map(|i| 1.0 + (i % 700) as f32 * f32::EPSILON)
                .collect(),
        );
        for (set, values) in sets.iter().enumerate() {
            for percentiles in [(2.0, 98.0), (0.0, 100.0), (33.3, 66.6), (50.0, 50.0)] {
                check_range(
                    gpu,
                    values,
                    percentiles,
                    &format!("{count} values, set {set}"),
                );
            }
        }
    }
    check_range(gpu, &[f32::NAN; 5], (2.0, 98.0), "nothing");
}

fn check_range(gpu: &Gpu, values: &[f32], (low, high): (f32, f32), what: &str) {
    let range = Range::Percentile { low, high };
    let expected = value_range(values, range.fractions());
    let input = gpu.buffer_of("values", &without_nan(values)).unwrap();
    let out = gpu.buffer("range", 16).unwrap();
    let params = gpu.params(&ValueRange::new(range, values.len())).unwrap();
    let buffers = [&input, &out, &params].map(Input::Buffer);
    let bound = gpu.bind("value_range", &buffers, [1, 1, 1]).unwrap();
    let mut frame = gpu.frame().unwrap();
    frame.run(&bound);
    let found = frame.read::<f32>(&[&out]).unwrap().remove(0);
    let expected = [expected.min, expected.max, expected.low, expected.high];
    for (found, expected) in found.iter().zip(expected) {
        // One unit in the last place: the way between two ranks may be fused into one rounding.
        let ulp = (expected.abs() * f32::EPSILON).max(f32::MIN_POSITIVE);
        assert!(
            (found - expected).abs() <= ulp,
            "{what}, {low} to {high} %: {found}, {expected}"
        );
    }
}

#[test]
fn the_best_patches_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in [(1, 1), (1, 9), (7, 13), (97, 61), (300, 301)] {
        let count = rows * cols;
        let mut sets = vec![scattered(count, 7), holed(count, 8)];
        // Ties: the first patches win.
        sets.push((0..count).map(|i| ((i * 31) % 5) as f32).collect());
        sets.push(vec![0.25; count]);
        sets.push(vec![f32::NAN; count]);
        for (set, values) in sets.into_iter().enumerate() {
            let map = ScalarMap { rows, cols, values };
            for wanted in [0, 1, 5, 64] {
                check_top(gpu, &map, wanted, &format!("{rows} x {cols}, set {set}"));
            }
        }
    }
}

fn check_top(gpu: &Gpu, map: &ScalarMap, wanted: usize, what: &str) {
    let count = map.values.len();
    let input = gpu.buffer_of("values", &without_nan(&map.values)).unwrap();
    let out = gpu.buffer("best", 64 * 8).unwrap();
    let params = gpu.params(&TopK::new(count, wanted)).unwrap();
    let buffers = [&input, &out, &params].map(Input::Buffer);
    let bound = gpu.bind("top_k", &buffers, [1, 1, 1]).unwrap();
    let mut frame = gpu.frame().unwrap();
    frame.run(&bound);
    let words = frame.read::<u32>(&[&out]).unwrap().remove(0);
    let mut found = words.chunks_exact(2).take(wanted);
    for peak in top_k(map, wanted) {
        let index = peak.patch.row * map.cols + peak.patch.col;
        let expected = [index as u32, peak.similarity.to_bits()];
        assert_eq!(found.next().unwrap(), expected, "{what}, {wanted} wanted");
    }
    let nothing = [u32::MAX, OMITTED.to_bits()];
    assert!(found.all(|rest| rest == nothing), "{what}, {wanted} wanted");
}

/// Settings that together take every way through the kernel.
fn overlays() -> Vec<Overlay> {
    let lines = |levels, width_px| Some(Isolines { levels, width_px });
    let plain = Overlay {
        range: Range::Percentile {
            low: 3.0,
            high: 97.0,
        },
        ..Overlay::default()
    };
    let turbo = Overlay {
        alpha: 1.0,
        colormap: Colormap::Turbo,
        range: Range::Fixed {
            min: -0.8,
            max: 0.9,
        },
        desaturate: 0.4,
        isolines: lines(5, 1.5),
        ..Overlay::default()
    };
    let diverging = Overlay {
        alpha: 0.7,
        colormap: Colormap::Diverging,
        desaturate: 1.0,
        isolines: lines(2, 3.0),
        ..Overlay::default()
    };
    vec![plain, turbo, diverging]
}

#[test]
fn maps_over_pictures_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (seed, ((rows, cols), sides)) in (20..).zip(SIZES) {
        let canvas = Canvas::new(gpu, (rows, cols), sides, seed);
        for values in [scattered(rows * cols, seed), holed(rows * cols, seed)] {
            let map = ScalarMap { rows, cols, values };
            for base in overlays() {
                for sampling in Sampling::ALL {
                    for view in views(sides) {
                        let settings = Overlay {
                            sampling,
                            ..base.clone()
                        };
                        check_overlay(gpu, &canvas, &map, &settings, view);
                    }
                }
            }
        }
    }
}

fn check_overlay(gpu: &Gpu, canvas: &Canvas, map: &ScalarMap, settings: &Overlay, view: View) {
    let expected = settings.draw_on(&canvas.ground(view), map).unwrap();
    let grid = (map.rows, map.cols);
    let values = gpu.buffer_of("values", &without_nan(&map.values)).unwrap();
    let found = value_range(&map.values, settings.range.fractions());
    let limits = [found.min, found.max, found.low, found.high];
    let limits = gpu.buffer_of("limits", &limits).unwrap();
    let table = packed(&settings.colormap.table());
    let table = gpu.buffer_of("table", &table).unwrap();
    let buffers = [&values, &limits, &table, &canvas.colors].map(Input::Buffer);
    let mut inputs = buffers.to_vec();
    inputs.push(Input::Texture(&canvas.texture));
    let grid = Grid::new(grid, canvas.photo.dimensions(), settings.sampling);
    let params = gpu.params(&Colorize::new(settings, view, grid)).unwrap();
    let found = drawn(gpu, "colorize", &inputs, &params, view);
    let what = format!("{grid:?} {settings:?} {view:?}");
    assert_same_pixels(&what, &found, &opaque(&expected));
}

#[test]
fn channels_over_pictures_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    let raw = Channels {
        channels: [Some(3), Some(0), Some(1)],
        inverted: [false, true, false],
        logistic: true,
    };
    let kinds = [(Channels::default(), 3), (Channels::first(2), 2), (raw, 4)];
    for (seed, ((rows, cols), sides)) in (40..).zip(SIZES) {
        let canvas = Canvas::new(gpu, (rows, cols), sides, seed);
        let foreground: Vec<bool> = holed(rows * cols, seed)
            .iter()
            .map(|value| !value.is_nan())
            .collect();
        for (channels, k) in kinds {
            let values: Vec<f32> = scattered(rows * cols * k, seed)
                .iter()
                .map(|value| {
                    if channels.logistic {
                        value * 2.0
                    } else {
                        value.abs()
                    }
                })
                .collect();
            for (sampling, masked) in Sampling::ALL
                .into_iter()
                .flat_map(|s| [(s, false), (s, true)])
            {
                let map = ChannelMap {
                    rows,
                    cols,
                    k,
                    values: &values,
                    foreground: masked.then_some(&foreground[..]),
                };
                let settings = ChannelOverlay {
                    alpha: 0.9,
                    desaturate: 0.5,
                    darken: 0.3,
                    sampling,
                    channels,
                };
                for view in views(sides) {
                    check_channels(gpu, &canvas, &map, &settings, view);
                }
            }
        }
    }
}

fn check_channels(
    gpu: &Gpu,
    canvas: &Canvas,
    map: &ChannelMap<'_>,
    settings: &ChannelOverlay,
    view: View,
) {
    let expected = settings.draw_on(&canvas.ground(view), map).unwrap();
    let values = gpu.buffer_of("values", map.values).unwrap();
    let mask: Vec<u32> = map
        .foreground
        .unwrap_or(&[])
        .iter()
        .map(|&inside| u32::from(inside))
        .collect();
    let mask = gpu.buffer_of("foreground", &mask).unwrap();
    let mut inputs = [&values, &mask, &canvas.colors].map(Input::Buffer).to_vec();
    inputs.push(Input::Texture(&canvas.texture));
    let sides = canvas.photo.dimensions();
    let grid = Grid::new((map.rows, map.cols), sides, settings.sampling);
    let params = gpu
        .params(&ColorizeRgb::new(
            settings,
            view,
            grid,
            map.k,
            map.foreground.is_some(),
        ))
        .unwrap();
    let found = drawn(gpu, "colorize_rgb", &inputs, &params, view);
    let what = format!("{grid:?} {settings:?} {view:?}");
    assert_same_pixels(&what, &found, &opaque(&expected));
}

#[test]
fn labels_over_pictures_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (seed, ((rows, cols), sides)) in (60..).zip(SIZES) {
        let canvas = Canvas::new(gpu, (rows, cols), sides, seed);
        for coarse in [1, 4] {
            // Blocks of patches with one label each, and holes.
            let noise = holed(rows * cols, seed);
            let label = |patch: usize| {
                let block = patch / cols / coarse * cols + patch % cols / coarse;
                let value = noise[block];
                if value.is_nan() {
                    NO_LABEL
                } else {
                    ((value + 1.0) * 8.0) as u32
                }
            };
            let labels = (0..rows * cols).map(label).collect();
            let map = LabelMap { rows, cols, labels };
            for sampling in Sampling::ALL {
                for (view, border_px) in views(sides).into_iter().zip([1.5, 0.0, 3.0]) {
                    let settings = LabelOverlay {
                        border_px,
                        sampling,
                        ..LabelOverlay::default()
                    };
                    check_labels(gpu, &canvas, &map, &settings, view);
                }
            }
        }
    }
}

fn check_labels(gpu: &Gpu, canvas: &Canvas, map: &LabelMap, settings: &LabelOverlay, view: View) {
    let expected = settings.draw_on(&canvas.ground(view), map).unwrap();
    let labels = gpu.buffer_of("labels", &map.labels).unwrap();
    let colors = packed(&palette(map.colors().max(4)));
    let colors = gpu.buffer_of("palette", &colors).unwrap();
    let mut inputs = [&labels, &colors, &canvas.colors]
        .map(Input::Buffer)
        .to_vec();
    inputs.push(Input::Texture(&canvas.texture));
    let sides = canvas.photo.dimensions();
    let grid = Grid::new((map.rows, map.cols), sides, settings.sampling);
    let params = gpu
        .params(&ColorizeLabels::new(settings, view, grid))
        .unwrap();
    let found = drawn(gpu, "colorize_labels", &inputs, &params, view);
    let what = format!("{grid:?} {settings:?} {view:?}");
    assert_same_pixels(&what, &found, &opaque(&expected));
}

#[test]
fn transferred_colors_equal_their_twin() {
    let Some(gpu) = gpu() else { return };
    let other_grid = (11, 8);
    let other = picture((83, 120), 90);
    let texture = texture_of(gpu, &other);
    for (seed, ((rows, cols), sides)) in (80..).zip(SIZES) {
        for scale in [0.0, 3.0, 40.0] {
            // Partners near the same place, far from it, or none.
            let index: Vec<u32> = holed(rows * cols, seed)
                .into_iter()
                .enumerate()
                .map(|(patch, value)| {
                    if value.is_nan() {
                        return NO_PARTNER;
                    }
                    let row = patch / cols * other_grid.0 / rows;
                    let col = patch % cols * other_grid.1 / cols;
                    let place = (row * other_grid.1 + col) as f32 + value * scale;
                    place.clamp(0.0, (other_grid.0 * other_grid.1 - 1) as f32) as u32
                })
                .collect();
            let partners = Partners {
                rows,
                cols,
                index: &index,
                other: other_grid,
            };
            for warp in [Warp::Crisp, Warp::Smooth] {
                for view in views(sides) {
                    check_warp(gpu, &partners, warp, sides, view, (&other, &texture));
                }
            }
        }
    }
}

fn check_warp(
    gpu: &Gpu,
    partners: &Partners<'_>,
    warp: Warp,
    sides: (u32, u32),
    view: View,
    (other, texture): (&RgbImage, &wgpu::TextureView),
) {
    let expected = warp.draw(sides, view, partners, other).unwrap();
    let index = gpu.buffer_of("partners", partners.index).unwrap();
    let inputs = [Input::Buffer(&index), Input::Texture(texture)];
    let params = gpu
        .params(&WarpParams::new(
            warp,
            sides,
            view,
            partners,
            other.dimensions(),
        ))
        .unwrap();
    let found = drawn(gpu, "warp", &inputs, &params, view);
    let what = format!("{warp:?} {sides:?} {view:?}");
    assert_same_pixels(&what, &found, &expected);
}
