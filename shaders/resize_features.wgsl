// Adds to out[r, c] what the patches `first .. first + count` give to the bicubic resize of a map: sixteen taps with the
// coefficient −0.75, half-pixel centers, border patches repeated, no antialias. The host clears `out` first.
//
// features: [count, quads] vec4<f32>, a part of a map [from_rows, from_cols]; out: [to_rows, to_cols, quads] vec4<f32>.
// One invocation four channels of an output patch.
// Twin: engine::analysis::resample::resize_features

const GROUP: u32 = 64u;
const COEFFICIENT: f32 = -0.75;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    from_rows: u32,
    from_cols: u32,
    to_rows: u32,
    to_cols: u32,
    _pad: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let total = params.to_rows * params.to_cols * params.quads;
    for (var i = id.x; i < total; i += groups.x * GROUP) {
        let q = i % params.quads;
        let patch_index = i / params.quads;
        let y = position(patch_index / params.to_cols, params.from_rows, params.to_rows);
        let x = position(patch_index % params.to_cols, params.from_cols, params.to_cols);
        let weights_y = taps(fract(y));
        let weights_x = taps(fract(x));
        var sum = vec4<f32>(0.0);
        for (var dy = 0u; dy < 4u; dy++) {
            let row = border(i32(floor(y)) + i32(dy) - 1, params.from_rows);
            for (var dx = 0u; dx < 4u; dx++) {
                let col = border(i32(floor(x)) + i32(dx) - 1, params.from_cols);
                let source = row * params.from_cols + col;
                if source >= params.first && source < params.first + params.count {
                    let weight = weights_y[dy] * weights_x[dx];
                    sum += features[(source - params.first) * params.quads + q] * weight;
                }
            }
        }
        out[i] += sum;
    }
}

fn position(at: u32, from_side: u32, to_side: u32) -> f32 {
    return (f32(at) + 0.5) * f32(from_side) / f32(to_side) - 0.5;
}

fn border(at: i32, side: u32) -> u32 {
    return u32(clamp(at, 0, i32(side) - 1));
}

// Weights of the taps at −1, 0, 1, 2 for a point `t` behind tap 0.
fn taps(t: f32) -> vec4<f32> {
    return vec4<f32>(outer(1.0 + t), inner(t), inner(1.0 - t), outer(2.0 - t));
}

fn inner(d: f32) -> f32 {
    return ((COEFFICIENT + 2.0) * d - (COEFFICIENT + 3.0)) * d * d + 1.0;
}

fn outer(d: f32) -> f32 {
    return ((COEFFICIENT * d - 5.0 * COEFFICIENT) * d + 8.0 * COEFFICIENT) * d - 4.0 * COEFFICIENT;
}
