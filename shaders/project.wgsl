// out[first + p, i] = scales[i] · Σ (features[p] − mean) · components[i], the chosen principal components of a patch.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; mean: [quads] vec4<f32>;
// components: [k, quads] vec4<f32>; scales: [k] f32; out: [patches, k] f32. Eight invocations share a patch and take four
// components at a time. The mean is taken off before the product: a large common offset would drown the differences.
// Twin: engine::analysis::pca::project

const GROUP: u32 = 64u;
const LANES: u32 = 8u;
const BLOCK: u32 = 4u;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    k: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> components: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> partial: array<vec4<f32>, 64>;

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
        for (var block = 0u; block < params.k; block += BLOCK) {
            var sum = vec4<f32>(0.0);
            if p < params.count {
                for (var q = lane; q < params.quads; q += LANES) {
                    let centered = features[p * params.quads + q] - mean[q];
                    sum += products(centered, block, q);
                }
            }
            partial[local] = sum;
            workgroupBarrier();
            if lane == 0u && p < params.count {
                var total = vec4<f32>(0.0);
                for (var i = 0u; i < LANES; i++) {
                    total += partial[local + i];
                }
                for (var i = 0u; i < min(BLOCK, params.k - block); i++) {
                    out[(params.first + p) * params.k + block + i] = total[i] * scales[block + i];
                }
            }
            workgroupBarrier();
        }
    }
}

// Products of four channels with those of the components `at` to `at + 3`; 0 past the last one.
fn products(v: vec4<f32>, at: u32, q: u32) -> vec4<f32> {
    var found = vec4<f32>(0.0);
    found.x = dot(v, components[at * params.quads + q]);
    if at + 1u < params.k {
        found.y = dot(v, components[(at + 1u) * params.quads + q]);
    }
    if at + 2u < params.k {
        found.z = dot(v, components[(at + 2u) * params.quads + q]);
    }
    if at + 3u < params.k {
        found.w = dot(v, components[(at + 3u) * params.quads + q]);
    }
    return found;
}
