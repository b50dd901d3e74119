// Which patches take part in the value at a point of the grid, and with which weight.
//
// Points are in patches from the upper left corner of the grid; a patch's value stands at its center. The kernel
// declares `fn guide_color(index: u32) -> vec3<f32>`, the picture's mean color over a patch in [0, 1].
// Twin: engine::figure::sampling

const NEAREST: u32 = 0u;
const BILINEAR: u32 = 1u;
const BICUBIC: u32 = 2u;
const JOINT_BILATERAL: u32 = 3u;
// Values below this belong to patches that were left out.
const OMITTED_BELOW: f32 = -3.0e38;
const OMITTED: f32 = -3.4e38;
// Share of the spatial weight that no difference of color takes away.
const RANGE_FLOOR: f32 = 1e-3;

struct Grid {
    cols: u32,
    rows: u32,
    // Patches per pixel of the picture.
    scale: vec2<f32>,
    kind: u32,
    // 1 / (2 sigma²) of the distance in patches and of the distance in color.
    spatial: f32,
    range: f32,
    _pad: u32,
}

struct Tap {
    index: u32,
    // 0 for a place beside the grid.
    weight: f32,
}

fn cell(at: f32, count: u32) -> u32 {
    return min(u32(max(at, 0.0)), count - 1u);
}

fn patch_at(grid: Grid, at: vec2<f32>) -> u32 {
    return cell(at.y, grid.rows) * grid.cols + cell(at.x, grid.cols);
}

// Patches that may take part.
fn tap_count(kind: u32) -> u32 {
    switch kind {
        case BILINEAR: { return 4u; }
        case BICUBIC: { return 16u; }
        case JOINT_BILATERAL: { return 25u; }
        default: { return 1u; }
    }
}

// The patch with that number among those that may take part; `color` is the picture's at the point.
fn tap(grid: Grid, number: u32, at: vec2<f32>, color: vec3<f32>) -> Tap {
    switch grid.kind {
        case BILINEAR: { return bilinear_tap(grid, number, at); }
        case BICUBIC: { return bicubic_tap(grid, number, at); }
        case JOINT_BILATERAL: { return joint_tap(grid, number, at, color); }
        default: { return Tap(patch_at(grid, at), 1.0); }
    }
}

fn bilinear_tap(grid: Grid, number: u32, at: vec2<f32>) -> Tap {
    let step = vec2<f32>(f32(number % 2u), f32(number / 2u));
    let corner = floor(at - 0.5);
    let weight = 1.0 - abs(at - 0.5 - (corner + step));
    return Tap(patch_at(grid, corner + step), weight.x * weight.y);
}

fn bicubic_tap(grid: Grid, number: u32, at: vec2<f32>) -> Tap {
    let step = vec2<f32>(f32(number % 4u), f32(number / 4u)) - 1.0;
    let corner = floor(at - 0.5);
    let away = abs(at - 0.5 - (corner + step));
    return Tap(patch_at(grid, corner + step), catmull_rom(away.x) * catmull_rom(away.y));
}

fn catmull_rom(away: f32) -> f32 {
    if away <= 1.0 {
        return (1.5 * away - 2.5) * away * away + 1.0;
    }
    return ((-0.5 * away + 2.5) * away - 4.0) * away + 2.0;
}

fn joint_tap(grid: Grid, number: u32, at: vec2<f32>, color: vec3<f32>) -> Tap {
    let col = i32(cell(at.x, grid.cols)) + i32(number % 5u) - 2;
    let row = i32(cell(at.y, grid.rows)) + i32(number / 5u) - 2;
    if col < 0 || row < 0 || col >= i32(grid.cols) || row >= i32(grid.rows) {
        return Tap(0u, 0.0);
    }
    let index = u32(row) * grid.cols + u32(col);
    let away = at - vec2<f32>(f32(col) + 0.5, f32(row) + 0.5);
    let difference = color - guide_color(index);
    let near = exp(-dot(away, away) * grid.spatial);
    let alike = exp(-dot(difference, difference) * grid.range);
    return Tap(index, near * (alike + RANGE_FLOOR));
}
