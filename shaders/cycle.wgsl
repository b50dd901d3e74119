// out[p] = distance in pixels of the first picture between patch p and the best partner of its best partner; 0 exactly if
// the two are each other's best partner.
//
// a_to_b: [count] u32; b_to_a: [patches of b] u32; out: [count] f32. One invocation a patch.
// Twin: engine::analysis::matching (Correspondence::cycle_error_px)

const GROUP: u32 = 64u;

struct Params {
    count: u32,
    cols: u32,
    patch_width_px: f32,
    patch_height_px: f32,
}

@group(0) @binding(0) var<storage, read> a_to_b: array<u32>;
@group(0) @binding(1) var<storage, read> b_to_a: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var p = id.x; p < params.count; p += groups.x * GROUP) {
        let back = b_to_a[a_to_b[p]];
        let rows = f32(i32(p / params.cols) - i32(back / params.cols)) * params.patch_height_px;
        let cols = f32(i32(p % params.cols) - i32(back % params.cols)) * params.patch_width_px;
        out[p] = length(vec2<f32>(cols, rows));
    }
}
