// out[q] = Σ slices[s, q]: the last step of a sum that was made in parts.
//
// slices: [slices, quads] vec4<f32>; out: [quads] vec4<f32>. One invocation four channels.
// Twin: engine::analysis::prompts::weighted_sum

const GROUP: u32 = 64u;

struct Params {
    slices: u32,
    quads: u32,
    _pad_0: u32,
    _pad_1: u32,
}

@group(0) @binding(0) var<storage, read> slices: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var q = id.x; q < params.quads; q += groups.x * GROUP) {
        var sum = vec4<f32>(0.0);
        for (var s = 0u; s < params.slices; s++) {
            sum += slices[s * params.quads + q];
        }
        out[q] = sum;
    }
}
