// Cosines of a patch with the 3 × 3 patches around its partner, as far as they lie in this part of the other map:
// out[first + i, j] for the neighbor j = (dy + 1) · 3 + (dx + 1). Others keep their value.
//
// a: [count, quads] vec4<f32>, a part that starts at patch `a_first`; b: [.., quads] vec4<f32>, a part of `b_count`
// patches that starts at `b_first`; a_lengths, b_lengths: [patches] f32; partner: [patches of a] u32;
// out: [patches of a, 9] f32. One invocation a neighbor.
// Twin: engine::analysis::refine::soft_offset

const GROUP: u32 = 64u;
const NORM_EPS: f32 = 1e-12;

struct Params {
    a_first: u32,
    a_count: u32,
    b_first: u32,
    b_count: u32,
    b_rows: u32,
    b_cols: u32,
    quads: u32,
    _pad: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a_lengths: array<f32>;
@group(0) @binding(3) var<storage, read> b_lengths: array<f32>;
@group(0) @binding(4) var<storage, read> partner: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var i = id.x; i < params.a_count * 9u; i += groups.x * GROUP) {
        let p = params.a_first + i / 9u;
        let j = i % 9u;
        let row = i32(partner[p] / params.b_cols) + i32(j / 3u) - 1;
        let col = i32(partner[p] % params.b_cols) + i32(j % 3u) - 1;
        if row < 0 || col < 0 || row >= i32(params.b_rows) || col >= i32(params.b_cols) {
            continue;
        }
        let other = u32(row) * params.b_cols + u32(col);
        if other < params.b_first || other >= params.b_first + params.b_count {
            continue;
        }
        let from_a = (i / 9u) * params.quads;
        let from_b = (other - params.b_first) * params.quads;
        var sum = vec4<f32>(0.0);
        for (var q = 0u; q < params.quads; q++) {
            sum += a[from_a + q] * b[from_b + q];
        }
        let scale = max(a_lengths[p], NORM_EPS) * max(b_lengths[other], NORM_EPS);
        out[p * 9u + j] = dot(sum, vec4<f32>(1.0)) / scale;
    }
}
