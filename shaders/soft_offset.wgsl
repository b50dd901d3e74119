// out[p] = Σ w · (dx, dy) over the 3 × 3 patches around the partner of patch p, w = softmax(cosine / temperature): where
// between patches the match lies, each in [−1, 1]. At a border the window is one patch wide across it.
//
// cosines: [count, 9] f32 of `window_cosines`; partner: [count] u32; out: [count] vec2<f32> (x, y). One invocation a patch.
// Twin: engine::analysis::refine::soft_offset

const GROUP: u32 = 64u;

struct Params {
    count: u32,
    b_rows: u32,
    b_cols: u32,
    temperature: f32,
}

@group(0) @binding(0) var<storage, read> cosines: array<f32>;
@group(0) @binding(1) var<storage, read> partner: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var p = id.x; p < params.count; p += groups.x * GROUP) {
        let reach_y = reach(partner[p] / params.b_cols, params.b_rows);
        let reach_x = reach(partner[p] % params.b_cols, params.b_cols);
        let top = cosines[p * 9u + 4u];
        var sum = 0.0;
        var offset = vec2<f32>(0.0);
        for (var dy = -reach_y; dy <= reach_y; dy++) {
            for (var dx = -reach_x; dx <= reach_x; dx++) {
                let cosine = cosines[p * 9u + u32((dy + 1) * 3 + dx + 1)];
                let weight = exp((cosine - top) / params.temperature);
                sum += weight;
                offset += weight * vec2<f32>(f32(dx), f32(dy));
            }
        }
        out[p] = offset / sum;
    }
}

fn reach(at: u32, side: u32) -> i32 {
    return select(0, 1, at > 0u && at + 1u < side);
}
