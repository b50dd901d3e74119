// labels[first + p] = the centroid nearest to a patch, distances[first + p] = the squared distance to it; of equals the
// lowest label wins.
//
// features: [count, quads] vec4<f32>, a part of a map that starts at patch `first`; middle: [quads] vec4<f32>;
// centroids: [k, quads] vec4<f32>, relative to the middle; squares: [k] f32, their squared lengths; labels: [patches]
// u32; distances: [patches] f32. Eight invocations share a patch and take eight centroids at a time.
// Patches are taken relative to the middle too: a large common offset would drown the differences.
// Twin: engine::analysis::clusters::assign

const GROUP: u32 = 64u;
const LANES: u32 = 8u;
const BLOCK: u32 = 8u;
const FURTHEST: f32 = 3.4e38;

struct Params {
    first: u32,
    count: u32,
    quads: u32,
    k: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> middle: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> squares: array<f32>;
@group(0) @binding(4) var<storage, read_write> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> distances: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> partial_own: array<f32, 64>;
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
    for (var base = group.x * per_group; base < params.count; base += groups.x * per_group) {
        let p = base + local / LANES;
        var label = 0u;
        var nearest = FURTHEST;
        var square = 0.0;
        for (var block = 0u; block < params.k; block += BLOCK) {
            var own = vec4<f32>(0.0);
            var low = vec4<f32>(0.0);
            var high = vec4<f32>(0.0);
            if p < params.count {
                for (var q = lane; q < params.quads; q += LANES) {
                    let v = features[p * params.quads + q] - middle[q];
                    own += v * v;
                    low += products(v, block, q);
                    high += products(v, block + 4u, q);
                }
            }
            partial_own[local] = dot(own, vec4<f32>(1.0));
            partial_low[local] = low;
            partial_high[local] = high;
            workgroupBarrier();
            if lane == 0u && p < params.count {
                var sums = array<vec4<f32>, 2>(vec4<f32>(0.0), vec4<f32>(0.0));
                square = 0.0;
                for (var i = 0u; i < LANES; i++) {
                    square += partial_own[local + i];
                    sums[0] += partial_low[local + i];
                    sums[1] += partial_high[local + i];
                }
                for (var i = 0u; i < min(BLOCK, params.k - block); i++) {
                    let away = squares[block + i] - 2.0 * sums[i / 4u][i % 4u];
                    if away < nearest {
                        nearest = away;
                        label = block + i;
                    }
                }
            }
            workgroupBarrier();
        }
        if lane == 0u && p < params.count {
            labels[params.first + p] = label;
            distances[params.first + p] = max(nearest + square, 0.0);
        }
    }
}

// Products of four channels with those of the centroids `at` to `at + 3`; 0 past the last one.
fn products(v: vec4<f32>, at: u32, q: u32) -> vec4<f32> {
    var found = vec4<f32>(0.0);
    if at < params.k {
        found.x = dot(v, centroids[at * params.quads + q]);
    }
    if at + 1u < params.k {
        found.y = dot(v, centroids[(at + 1u) * params.quads + q]);
    }
    if at + 2u < params.k {
        found.z = dot(v, centroids[(at + 2u) * params.quads + q]);
    }
    if at + 3u < params.k {
        found.w = dot(v, centroids[(at + 3u) * params.quads + q]);
    }
    return found;
}
