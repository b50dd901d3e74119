// out[first + p] = ‖features[p]‖, the Euclidean length of a patch.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; channels are padded with zeros.
// out: [patches] f32. Eight invocations share a patch, so that they read neighbouring memory.
// Twin: engine::analysis::norms::lengths

const GROUP: u32 = 64u;
const LANES: u32 = 8u;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    _pad: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

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
                let v = features[p * params.quads + q];
                sum += v * v;
            }
        }
        partial[local] = dot(sum, vec4<f32>(1.0));
        workgroupBarrier();
        if lane == 0u && p < params.count {
            var total = 0.0;
            for (var i = 0u; i < LANES; i++) {
                total += partial[local + i];
            }
            out[params.first + p] = sqrt(total);
        }
        workgroupBarrier();
    }
}
