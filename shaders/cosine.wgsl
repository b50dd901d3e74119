// out[first + p] = query · features[p] / max(lengths[first + p], NORM_EPS); with `logistic` = 1 the logistic function of
// that plus `bias`. The cosine if the query has length one.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; lengths: [patches] f32;
// query: [quads] vec4<f32>; out: [patches] f32. Eight invocations share a patch.
// Twin: engine::analysis::similarity::cosine, engine::analysis::logistic

const GROUP: u32 = 64u;
const LANES: u32 = 8u;
const NORM_EPS: f32 = 1e-12;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    logistic: u32,
    bias: f32,
    _pad_0: u32,
    _pad_1: u32,
    _pad_2: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> lengths: array<f32>;
@group(0) @binding(2) var<storage, read> query: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let lane = local % LANES;
    let per_group = GROUP / LANES;
    for (var base = group.x * per_group; base < params.count; base += groups.x * per_group) {
        let p = base + local / LANES;
        var sum = vec4<f32>(0.0);
        if p < params.count {
            for (var q = lane; q < params.quads; q += LANES) {
                sum += features[p * params.quads + q] * query[q];
            }
        }
        partial[local] = dot(sum, vec4<f32>(1.0));
        workgroupBarrier();
        if lane == 0u && p < params.count {
            var total = 0.0;
            for (var i = 0u; i < LANES; i++) {
                total += partial[local + i];
            }
            var value = total / max(lengths[params.first + p], NORM_EPS);
            if params.logistic == 1u {
                value = 1.0 / (1.0 + exp(-(value + params.bias)));
            }
            out[params.first + p] = value;
        }
        workgroupBarrier();
    }
}
