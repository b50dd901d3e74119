// output[x, y] = the picture with three channels of a map as red, green and blue over it, in a rectangle of the picture.
//
// values: [rows, cols, stride] f32; foreground: [rows, cols] u32, 0 leaves a patch out, read if `masked` = 1; guide:
// [rows, cols, 3] f32, used by joint bilateral sampling alone; picture: the whole picture; output: [height, width].
// One invocation draws one pixel; the patches' colors are interpolated.
// Twin: engine::figure::channels::ChannelOverlay::draw_on

const SIDE: u32 = 8u;
// In place of a channel's number: the middle.
const NO_CHANNEL: u32 = 0xffffffffu;

struct Params {
    view: View,
    grid: Grid,
    // The numbers of the red, green and blue channel.
    red: u32,
    green: u32,
    blue: u32,
    stride: u32,
    // Bit 0, 1, 2: one minus red, green, blue.
    inverted: u32,
    // 1 takes the logistic function of twice the value first.
    logistic: u32,
    masked: u32,
    _pad_0: u32,
    alpha: f32,
    desaturate: f32,
    darken: f32,
    _pad_1: u32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> foreground: array<u32>;
@group(0) @binding(2) var<storage, read> guide: array<f32>;
@group(0) @binding(3) var picture: texture_2d<f32>;
@group(0) @binding(4) var output: texture_storage_2d<rgba8unorm, write>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.view.size) {
        return;
    }
    let point = point_of(params.view, vec2<f32>(id.xy));
    let photo = photo_at(picture, params.view, point);
    var color = (1.0 - params.darken) * desaturated(photo, params.desaturate);
    let at = point * params.grid.scale;
    if !left_out(patch_at(params.grid, at)) {
        color = mix(color, color_at(at, photo), params.alpha);
    }
    textureStore(output, id.xy, opaque(color));
}

fn color_at(at: vec2<f32>, photo: vec3<f32>) -> vec3<f32> {
    var sum = vec3<f32>(0.0);
    var weights = 0.0;
    var least = vec3<f32>(1.0);
    var most = vec3<f32>(0.0);
    var complete = true;
    for (var i = 0u; i < tap_count(params.grid.kind); i++) {
        let near = tap(params.grid, i, at, photo);
        if left_out(near.index) {
            complete = complete && near.weight == 0.0;
        } else {
            let color = patch_color(near.index);
            sum += near.weight * color;
            weights += near.weight;
            least = min(least, color);
            most = max(most, color);
        }
    }
    let mean = sum / weights;
    return select(clamp(mean, least, most), mean, complete);
}

fn left_out(index: u32) -> bool {
    return params.masked == 1u && foreground[index] == 0u;
}

fn patch_color(index: u32) -> vec3<f32> {
    return vec3<f32>(
        channel(index, params.red, 1u),
        channel(index, params.green, 2u),
        channel(index, params.blue, 4u),
    );
}

fn channel(index: u32, number: u32, bit: u32) -> f32 {
    if number == NO_CHANNEL {
        return 0.5;
    }
    var value = values[index * params.stride + number];
    if params.logistic == 1u {
        value = 1.0 / (1.0 + exp(-2.0 * value));
    }
    value = clamp(value, 0.0, 1.0);
    return select(value, 1.0 - value, (params.inverted & bit) != 0u);
}

fn guide_color(index: u32) -> vec3<f32> {
    return vec3<f32>(guide[3u * index], guide[3u * index + 1u], guide[3u * index + 2u]);
}
