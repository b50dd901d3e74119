// Adds to out[label] the features of the patches `begin .. end` of a part with that label: the sums that k-means divides
// by the counts. The host clears `out` first and takes bands of at most 16,384 patches: some devices end longer loops.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; labels: [patches] u32;
// out: [k, quads] vec4<f32>, added to. One invocation four channels of one label.
// Twin: engine::analysis::clusters::sums

const GROUP: u32 = 64u;

struct Params {
    first: u32,
    begin: u32,
    end: u32,
    quads: u32,
    k: u32,
    _pad_0: u32,
    _pad_1: u32,
    _pad_2: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let q = id.x;
    if q >= params.quads {
        return;
    }
    for (var label = id.y; label < params.k; label += groups.y) {
        // Parts of 256 patches are summed apart: one long f32 sum would lose digits.
        var total = vec4<f32>(0.0);
        var part = vec4<f32>(0.0);
        for (var p = params.begin; p < params.end; p++) {
            if labels[params.first + p] == label {
                part += features[p * params.quads + q];
            }
            if p % 256u == 255u {
                total += part;
                part = vec4<f32>(0.0);
            }
        }
        out[label * params.quads + q] += total + part;
    }
}
