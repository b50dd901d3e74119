// Marks as left out every patch at most `radius` patches (Euclidean) from one of the centers: values[p] = OMITTED.
//
// centers: [centers] vec2<u32>, (row, column); values: [count] f32, changed in place. One invocation a patch.
// Twin: engine::analysis::similarity::exclude

const GROUP: u32 = 64u;
const OMITTED: f32 = -3.4e38;

struct Params {
    count: u32,
    cols: u32,
    centers: u32,
    radius: f32,
}

@group(0) @binding(0) var<storage, read> centers: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    for (var p = id.x; p < params.count; p += groups.x * GROUP) {
        let at = vec2<f32>(f32(p / params.cols), f32(p % params.cols));
        for (var i = 0u; i < params.centers; i++) {
            let away = at - vec2<f32>(centers[i]);
            if dot(away, away) <= params.radius * params.radius {
                values[p] = OMITTED;
                break;
            }
        }
    }
}
