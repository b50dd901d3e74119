// For each channel and slice of patches: Σ (x − shift), Σ (x − shift)² and max |x|. Shifting by one patch's features
// keeps the second sum exact where the mean is large against the deviation.
//
// features: [count, quads] vec4<f32>, a part of a map; shift: [quads] vec4<f32>;
// out: [slices, 3, quads] vec4<f32>, this part's slices begin at `first_slice`. One invocation four channels of a slice.
// Twin: engine::analysis::channels::moments

const GROUP: u32 = 64u;

struct Params {
    count: u32,
    quads: u32,
    first_slice: u32,
    per_slice: u32,
    slices: u32,
    _pad_0: u32,
    _pad_1: u32,
    _pad_2: u32,
}

@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> shift: array<vec4<f32>>;
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
    for (var slice = id.y; slice < params.slices; slice += groups.y) {
        let start = slice * params.per_slice;
        let end = min(start + params.per_slice, params.count);
        var sum = vec4<f32>(0.0);
        var squares = vec4<f32>(0.0);
        var largest = vec4<f32>(0.0);
        for (var p = start; p < end; p++) {
            let x = features[p * params.quads + q];
            let away = x - shift[q];
            sum += away;
            squares += away * away;
            largest = max(largest, abs(x));
        }
        let at = (params.first_slice + slice) * 3u * params.quads + q;
        out[at] = sum;
        out[at + params.quads] = squares;
        out[at + 2u * params.quads] = largest;
    }
}
