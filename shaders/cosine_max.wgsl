// out[first + p] = max cos(positive, features[p]) − weight · max cos(negative, features[p]); without negatives their term
// is 0.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; lengths: [patches] f32;
// prompts: [positives + negatives, quads] vec4<f32>, unit vectors, positives first; out: [patches] f32.
// Eight invocations share a patch and take eight prompts at a time, so that features are read once for those.
// Twin: engine::analysis::similarity::cosine_max

const GROUP: u32 = 64u;
const LANES: u32 = 8u;
const BLOCK: u32 = 8u;
const NORM_EPS: f32 = 1e-12;
const LOWEST: f32 = -3.4e38;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    positives: u32,
    negatives: u32,
    weight: f32,
    _pad_0: u32,
    _pad_1: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> lengths: array<f32>;
@group(0) @binding(2) var<storage, read> prompts: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial_low: array<vec4<f32>, 64>;
var<workgroup> partial_high: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let lane = local % LANES;
    let per_group = GROUP / LANES;
    let prompt_count = params.positives + params.negatives;
    for (var base = group.x * per_group; base < params.count; base += groups.x * per_group) {
        let p = base + local / LANES;
        var positive = LOWEST;
        var negative = LOWEST;
        for (var block = 0u; block < prompt_count; block += BLOCK) {
            var low = vec4<f32>(0.0);
            var high = vec4<f32>(0.0);
            if p < params.count {
                for (var q = lane; q < params.quads; q += LANES) {
                    let v = features[p * params.quads + q];
                    low += products(v, block, q, prompt_count);
                    high += products(v, block + 4u, q, prompt_count);
                }
            }
            partial_low[local] = low;
            partial_high[local] = high;
            workgroupBarrier();
            if lane == 0u && p < params.count {
                var sums = array<vec4<f32>, 2>(vec4<f32>(0.0), vec4<f32>(0.0));
                for (var i = 0u; i < LANES; i++) {
                    sums[0] += partial_low[local + i];
                    sums[1] += partial_high[local + i];
                }
                for (var i = 0u; i < min(BLOCK, prompt_count - block); i++) {
                    let value = sums[i / 4u][i % 4u];
                    if block + i < params.positives {
                        positive = max(positive, value);
                    } else {
                        negative = max(negative, value);
                    }
                }
            }
            workgroupBarrier();
        }
        if lane == 0u && p < params.count {
            let scale = 1.0 / max(lengths[params.first + p], NORM_EPS);
            var value = select(0.0, positive * scale, params.positives > 0u);
            if params.negatives > 0u {
                value -= params.weight * negative * scale;
            }
            out[params.first + p] = value;
        }
    }
}

// Products of four channels with those of the prompts `at` to `at + 3`; 0 past the last prompt.
fn products(v: vec4<f32>, at: u32, q: u32, prompt_count: u32) -> vec4<f32> {
    var found = vec4<f32>(0.0);
    if at < prompt_count {
        found.x = dot(v, prompts[at * params.quads + q]);
    }
    if at + 1u < prompt_count {
        found.y = dot(v, prompts[(at + 1u) * params.quads + q]);
    }
    if at + 2u < prompt_count {
        found.z = dot(v, prompts[(at + 2u) * params.quads + q]);
    }
    if at + 3u < prompt_count {
        found.w = dot(v, prompts[(at + 3u) * params.quads + q]);
    }
    return found;
}
