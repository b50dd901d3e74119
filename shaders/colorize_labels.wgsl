// output[x, y] = the picture with the colors of labels over it and borders between labels, in a rectangle of the picture.
//
// labels: [rows, cols] u32, 0xffffffff leaves a patch out; palette: [colors], a byte a channel, label l has the color
// l mod colors; guide: [rows, cols, 3] f32, used by joint bilateral sampling alone; picture: the whole picture; output:
// [height, width]. One invocation draws one pixel; the patches around it vote with the weights of the sampling.
// Twin: engine::figure::labels::LabelOverlay::draw_on

const SIDE: u32 = 8u;
const NO_LABEL: u32 = 0xffffffffu;
// Another label must be ahead of the patch's own by this share, so that a draw is no matter of rounding.
const OWN_BONUS: f32 = 1e-4;
const BORDER: vec3<f32> = vec3<f32>(1.0);
const BORDER_OPACITY: f32 = 0.9;
const MOST_TAPS: u32 = 25u;

struct Params {
    view: View,
    grid: Grid,
    alpha: f32,
    desaturate: f32,
    // Width of a border in output pixels, half of it on either side; 0 draws none.
    border_px: f32,
    _pad: u32,
}

@group(0) @binding(0) var<storage, read> labels: array<u32>;
@group(0) @binding(1) var<storage, read> palette: array<u32>;
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
    var color = desaturated(photo, params.desaturate);
    let label = label_at(point, photo);
    if label != NO_LABEL {
        let own = unpack4x8unorm(palette[label % arrayLength(&palette)]).rgb;
        color = mix(color, own, params.alpha);
        if params.border_px > 0.0 && is_border(point, label) {
            color = mix(color, BORDER, BORDER_OPACITY);
        }
    }
    textureStore(output, id.xy, opaque(color));
}

fn is_border(point: vec2<f32>, label: u32) -> bool {
    let reach = 0.5 * params.border_px * params.view.step;
    for (var side = 0u; side < 4u; side++) {
        let sign = select(-1.0, 1.0, side % 2u == 1u);
        let offset = select(vec2<f32>(0.0, sign * reach.y), vec2<f32>(sign * reach.x, 0.0), side < 2u);
        let there = point + offset;
        if label_at(there, photo_at(picture, params.view, there)) != label {
            return true;
        }
    }
    return false;
}

// The label with the largest sum of weights among the patches around a point of the picture.
fn label_at(point: vec2<f32>, photo: vec3<f32>) -> u32 {
    let at = point * params.grid.scale;
    let own = labels[patch_at(params.grid, at)];
    if own == NO_LABEL || params.grid.kind == NEAREST {
        return own;
    }
    var seen: array<u32, MOST_TAPS>;
    var votes: array<f32, MOST_TAPS>;
    seen[0] = own;
    var count = 1u;
    var total = 0.0;
    for (var i = 0u; i < tap_count(params.grid.kind); i++) {
        let near = tap(params.grid, i, at, photo);
        let label = labels[near.index];
        if label == NO_LABEL || near.weight == 0.0 {
            continue;
        }
        total += near.weight;
        var slot = 0u;
        while slot < count && seen[slot] != label {
            slot++;
        }
        if slot == count {
            seen[slot] = label;
            votes[slot] = 0.0;
            count++;
        }
        votes[slot] += near.weight;
    }
    var best = 0u;
    var most = votes[0] + OWN_BONUS * total;
    for (var slot = 1u; slot < count; slot++) {
        if votes[slot] > most {
            best = slot;
            most = votes[slot];
        }
    }
    return seen[best];
}

fn guide_color(index: u32) -> vec3<f32> {
    return vec3<f32>(guide[3u * index], guide[3u * index + 1u], guide[3u * index + 2u]);
}
