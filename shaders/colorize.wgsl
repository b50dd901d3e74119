// output[x, y] = the picture with the colors of a map over it, and lines of equal value, in a rectangle of the picture.
//
// values: [rows, cols] f32, left out below -3.0e38; limits: [4] f32 as `value_range` writes them; table: [256] colors from
// 0 to 1, a byte a channel; guide: [rows, cols, 3] f32, used by joint bilateral sampling alone; picture: the whole
// picture; output: [height, width]. One invocation draws one pixel.
// Twin: engine::figure::overlay::Overlay::draw_on

const SIDE: u32 = 8u;
const FIXED: u32 = 0u;
const PERCENTILES: u32 = 2u;
// A field flatter than this many levels a pixel has no lines.
const FLAT: f32 = 1e-5;
const LINE_OPACITY: f32 = 0.9;
const DARK: vec3<f32> = vec3<f32>(0.08);
const WHITE: vec3<f32> = vec3<f32>(1.0);

struct Params {
    view: View,
    grid: Grid,
    alpha: f32,
    desaturate: f32,
    low: f32,
    high: f32,
    // `low` and `high`, or which two of `limits`.
    limits_from: u32,
    // 1 makes limits that are not fixed symmetric around 0.
    symmetric: u32,
    levels: u32,
    line_px: f32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> limits: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> guide: array<f32>;
@group(0) @binding(4) var picture: texture_2d<f32>;
@group(0) @binding(5) var output: texture_storage_2d<rgba8unorm, write>;
@group(0) @binding(6) var<uniform> params: Params;

struct Line {
    coverage: f32,
    level: f32,
}

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.view.size) {
        return;
    }
    let point = point_of(params.view, vec2<f32>(id.xy));
    let photo = photo_at(picture, params.view, point);
    var color = desaturated(photo, params.desaturate);
    let value = value_at(params.grid, point, photo);
    if value >= OMITTED_BELOW {
        let place = position(value);
        color = mix(color, table_color(place), params.alpha);
        if params.levels > 0u {
            let line = line_at(point);
            let ground = luma(table_color(line.level / f32(params.levels + 1u)));
            let ink = select(DARK, WHITE, ground < 0.5);
            color = mix(color, ink, line.coverage * LINE_OPACITY);
        }
    }
    textureStore(output, id.xy, opaque(color));
}

// The value at a point of the picture, below OMITTED_BELOW where the patch under it was left out.
fn value_at(grid: Grid, point: vec2<f32>, photo: vec3<f32>) -> f32 {
    let at = point * grid.scale;
    if values[patch_at(grid, at)] < OMITTED_BELOW {
        return OMITTED;
    }
    var sum = 0.0;
    var weights = 0.0;
    var least = -OMITTED;
    var most = OMITTED;
    var complete = true;
    for (var i = 0u; i < tap_count(grid.kind); i++) {
        let near = tap(grid, i, at, photo);
        let value = values[near.index];
        if value < OMITTED_BELOW {
            complete = complete && near.weight == 0.0;
        } else {
            sum += near.weight * value;
            weights += near.weight;
            least = min(least, value);
            most = max(most, value);
        }
    }
    let mean = sum / weights;
    return select(clamp(mean, least, most), mean, complete);
}

fn position(value: f32) -> f32 {
    var ends = vec2<f32>(params.low, params.high);
    if params.limits_from != FIXED {
        let first = select(0u, 2u, params.limits_from == PERCENTILES);
        ends = vec2<f32>(limits[first], limits[first + 1u]);
        if params.symmetric == 1u {
            let reach = max(abs(ends.x), abs(ends.y));
            ends = vec2<f32>(-reach, reach);
        }
    }
    if ends.y > ends.x {
        return (value - ends.x) / (ends.y - ends.x);
    }
    return 0.5;
}

fn table_color(place: f32) -> vec3<f32> {
    let at = clamp(place, 0.0, 1.0) * 255.0;
    let below = u32(at);
    let above = min(below + 1u, 255u);
    return mix(unpack4x8unorm(table[below]).rgb, unpack4x8unorm(table[above]).rgb, at - f32(below));
}

// The value in units of the distance between two levels, which are at 1, 2 … `levels`.
fn height(value: f32) -> f32 {
    return position(value) * f32(params.levels + 1u);
}

fn line_at(point: vec2<f32>) -> Line {
    let own = height_at(point, 0.0);
    if params.grid.kind == NEAREST {
        return edge_at(point, own);
    }
    let slope = vec2<f32>(
        change(point, vec2<f32>(0.5 * params.view.step.x, 0.0), own),
        change(point, vec2<f32>(0.0, 0.5 * params.view.step.y), own),
    );
    let steepness = length(slope);
    let level = clamp(floor(own + 0.5), 1.0, f32(params.levels));
    if steepness < FLAT {
        return Line(0.0, level);
    }
    let away_px = abs(own - level) / steepness;
    return Line(clamp(0.5 * params.line_px + 0.5 - away_px, 0.0, 1.0), level);
}

// How much the height changes from `offset` before to `offset` behind the point.
fn change(point: vec2<f32>, offset: vec2<f32>, own: f32) -> f32 {
    return height_at(point + offset, own) - height_at(point - offset, own);
}

// The height that lines follow, `own` where the patch was left out.
fn height_at(point: vec2<f32>, own: f32) -> f32 {
    var grid = params.grid;
    if grid.kind == JOINT_BILATERAL {
        // Lines along every hair of the picture could not be read.
        grid.kind = BICUBIC;
    }
    let value = value_at(grid, point, vec3<f32>(0.0));
    if value < OMITTED_BELOW {
        return own;
    }
    return height(value);
}

// Without interpolation lines run along the patches' edges, between two bands of values.
fn edge_at(point: vec2<f32>, own: f32) -> Line {
    let reach = 0.5 * params.line_px * params.view.step;
    let band = band_of(own);
    for (var side = 0u; side < 4u; side++) {
        let sign = select(-1.0, 1.0, side % 2u == 1u);
        let offset = select(vec2<f32>(0.0, sign * reach.y), vec2<f32>(sign * reach.x, 0.0), side < 2u);
        let other = band_of(height_at(point + offset, own));
        if other != band {
            return Line(1.0, max(other, band));
        }
    }
    return Line(0.0, max(band, 1.0));
}

fn band_of(height: f32) -> f32 {
    return clamp(floor(height), 0.0, f32(params.levels));
}

fn guide_color(index: u32) -> vec3<f32> {
    return vec3<f32>(guide[3u * index], guide[3u * index + 1u], guide[3u * index + 2u]);
}
