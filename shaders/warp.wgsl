// output[x, y] = the color of another picture at the place that matches the point of this one; transparent where the
// patch has no match.
//
// partners: [rows, cols] u32, the flat number of the other map's patch, 0xffffffff for none; picture: the other picture;
// output: [height, width], a rectangle of this picture. One invocation draws one pixel.
// Twin: engine::figure::warp::Warp::draw

const SIDE: u32 = 8u;
const NO_PARTNER: u32 = 0xffffffffu;
// Four neighbors whose partners lie further apart than so many patches belong to different things.
const MOST_SPREAD: f32 = 2.0;

struct Params {
    view: View,
    // How the other picture is read: `step` is its pixels per output pixel.
    other: View,
    rows: u32,
    cols: u32,
    // Patches per pixel of this picture.
    scale: vec2<f32>,
    // Pixels of the other picture per patch.
    other_px: vec2<f32>,
    other_cols: u32,
    // 1 interpolates the places of the four nearest patches, 0 copies whole patches.
    smoothed: u32,
}

@group(0) @binding(0) var<storage, read> partners: array<u32>;
@group(0) @binding(1) var picture: texture_2d<f32>;
@group(0) @binding(2) var output: texture_storage_2d<rgba8unorm, write>;
@group(0) @binding(3) var<uniform> params: Params;

struct Shift {
    by: vec2<f32>,
    known: bool,
}

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.view.size) {
        return;
    }
    let at = point_of(params.view, vec2<f32>(id.xy)) * params.scale;
    var shift = shift_of(cell_of(at));
    if !shift.known {
        textureStore(output, id.xy, vec4<f32>(0.0));
        return;
    }
    if params.smoothed == 1u {
        let blend = blended(at);
        if blend.known {
            shift = blend;
        }
    }
    let there = (at + shift.by) * params.other_px;
    textureStore(output, id.xy, opaque(photo_at(picture, params.other, there)));
}

fn cell_of(at: vec2<f32>) -> vec2<u32> {
    let last = vec2<u32>(params.cols, params.rows) - 1u;
    return min(vec2<u32>(max(at, vec2<f32>(0.0))), last);
}

// From a patch to its partner, in patches.
fn shift_of(own: vec2<u32>) -> Shift {
    let partner = partners[own.y * params.cols + own.x];
    if partner == NO_PARTNER {
        return Shift(vec2<f32>(0.0), false);
    }
    let place = vec2<u32>(partner % params.other_cols, partner / params.other_cols);
    return Shift(vec2<f32>(place) - vec2<f32>(own), true);
}

// The moves of the four nearest patches, bilinear; unknown if one is or if their partners lie apart.
fn blended(at: vec2<f32>) -> Shift {
    let corner = floor(at - 0.5);
    let part = at - 0.5 - corner;
    var sum = vec2<f32>(0.0);
    var least = vec2<f32>(3.4e38);
    var most = vec2<f32>(-3.4e38);
    for (var i = 0u; i < 4u; i++) {
        let step = vec2<f32>(f32(i % 2u), f32(i / 2u));
        let own = cell_of(corner + step);
        let shift = shift_of(own);
        if !shift.known {
            return shift;
        }
        let weight = 1.0 - abs(part - step);
        let place = vec2<f32>(own) + shift.by;
        sum += weight.x * weight.y * shift.by;
        least = min(least, place);
        most = max(most, place);
    }
    return Shift(sum, all(most - least <= vec2<f32>(MOST_SPREAD)));
}
