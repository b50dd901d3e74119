// out[slice, q] = Σ weights[first + p] · features[p, q] / max(lengths[first + p], NORM_EPS) over the patches of a slice:
// the query that stands for a region, in parts that `sum_slices` adds.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; lengths, weights: [patches] f32;
// out: [slices, quads] vec4<f32>, this part's slices begin at `first_slice`. One invocation four channels of a slice.
// Twin: engine::analysis::prompts::weighted_sum

const GROUP: u32 = 64u;
const NORM_EPS: f32 = 1e-12;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    first_slice: u32,
    per_slice: u32,
    slices: u32,
    _pad_0: u32,
    _pad_1: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> lengths: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let q = id.x;
    if q >= params.quads {
        return;
    }
    for (var slice = id.y; slice < params.slices; slice += groups.y) {
        let start = slice * params.per_slice;
        let end = min(start + params.per_slice, params.count);
        var sum = vec4<f32>(0.0);
        for (var p = start; p < end; p++) {
            let weight = weights[params.first + p];
            if weight != 0.0 {
                let scale = weight / max(lengths[params.first + p], NORM_EPS);
                sum += features[p * params.quads + q] * scale;
            }
        }
        out[(params.first_slice + slice) * params.quads + q] = sum;
    }
}
