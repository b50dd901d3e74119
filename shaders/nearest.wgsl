// For each patch of the band `a_from .. a_to` of one part of a map: the patch of the band `b_from .. b_to` of a part of
// another map with the largest cosine, that cosine, and the second largest one; merged with what the buffers hold.
//
// a: [.., quads] vec4<f32>, a part that starts at patch `a_first`; b likewise; a_lengths, b_lengths: [patches] f32;
// index: [patches of a] u32, best and second: [patches of a] f32, changed in place. Of equals the lowest index wins.
// A workgroup takes 32 patches of a through all of the band of b in tiles of 32, one invocation 2 × 2 pairs of a tile.
// Twin: engine::analysis::nearest::nearest

const TILE: u32 = 32u;
const SIDE: u32 = 16u;
const DEPTH: u32 = 4u;
const NORM_EPS: f32 = 1e-12;
const LOWEST: f32 = -3.4e38;

struct Params {
    a_first: u32,
    a_from: u32,
    a_to: u32,
    b_first: u32,
    b_from: u32,
    b_to: u32,
    quads: u32,
    _pad: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a_lengths: array<f32>;
@group(0) @binding(3) var<storage, read> b_lengths: array<f32>;
@group(0) @binding(4) var<storage, read_write> index: array<u32>;
@group(0) @binding(5) var<storage, read_write> best: array<f32>;
@group(0) @binding(6) var<storage, read_write> second: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

// [DEPTH, TILE]: four vec4 of 32 patches, patches next to each other.
var<workgroup> tile_a: array<vec4<f32>, 128>;
var<workgroup> tile_b: array<vec4<f32>, 128>;
// [TILE, SIDE]: what each invocation found for its rows.
var<workgroup> found_index: array<u32, 512>;
var<workgroup> found_best: array<f32, 512>;
var<workgroup> found_second: array<f32, 512>;

struct Pair {
    index: u32,
    best: f32,
    second: f32,
}

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let row = local / SIDE;
    let col = local % SIDE;
    for (var top = params.a_from + group.x * TILE; top < params.a_to; top += groups.x * TILE) {
        var upper = Pair(0u, LOWEST, LOWEST);
        var lower = Pair(0u, LOWEST, LOWEST);
        for (var left = params.b_from; left < params.b_to; left += TILE) {
            var sums = vec4<f32>(0.0);
            for (var depth = 0u; depth < params.quads; depth += DEPTH) {
                if local < TILE * DEPTH {
                    let line = local / DEPTH;
                    let q = depth + local % DEPTH;
                    let to = (local % DEPTH) * TILE + line;
                    var from_a = vec4<f32>(0.0);
                    if top + line < params.a_to && q < params.quads {
                        from_a = a[(top + line - params.a_first) * params.quads + q];
                    }
                    tile_a[to] = from_a;
                } else {
                    let mine = local - TILE * DEPTH;
                    let line = mine / DEPTH;
                    let q = depth + mine % DEPTH;
                    let to = (mine % DEPTH) * TILE + line;
                    var from_b = vec4<f32>(0.0);
                    if left + line < params.b_to && q < params.quads {
                        from_b = b[(left + line - params.b_first) * params.quads + q];
                    }
                    tile_b[to] = from_b;
                }
                workgroupBarrier();
                for (var d = 0u; d < DEPTH; d++) {
                    let a_0 = tile_a[d * TILE + row];
                    let a_1 = tile_a[d * TILE + row + SIDE];
                    let b_0 = tile_b[d * TILE + col];
                    let b_1 = tile_b[d * TILE + col + SIDE];
                    sums += vec4<f32>(dot(a_0, b_0), dot(a_0, b_1), dot(a_1, b_0), dot(a_1, b_1));
                }
                workgroupBarrier();
            }
            upper = offer(upper, top + row, left + col, sums.x);
            upper = offer(upper, top + row, left + col + SIDE, sums.y);
            lower = offer(lower, top + row + SIDE, left + col, sums.z);
            lower = offer(lower, top + row + SIDE, left + col + SIDE, sums.w);
        }
        keep(row * SIDE + col, upper);
        keep((row + SIDE) * SIDE + col, lower);
        workgroupBarrier();
        let at = top + local;
        if local < TILE && at < params.a_to {
            var merged = Pair(index[at], best[at], second[at]);
            for (var i = 0u; i < SIDE; i++) {
                let slot = local * SIDE + i;
                merged = merge(merged, Pair(found_index[slot], found_best[slot], found_second[slot]));
            }
            index[at] = merged.index;
            best[at] = merged.best;
            second[at] = merged.second;
        }
        workgroupBarrier();
    }
}

fn offer(old: Pair, at: u32, candidate: u32, product: f32) -> Pair {
    if at >= params.a_to || candidate >= params.b_to {
        return old;
    }
    let scale = max(a_lengths[at], NORM_EPS) * max(b_lengths[candidate], NORM_EPS);
    return merge(old, Pair(candidate, product / scale, LOWEST));
}

fn keep(slot: u32, pair: Pair) {
    found_index[slot] = pair.index;
    found_best[slot] = pair.best;
    found_second[slot] = pair.second;
}

fn merge(old: Pair, other: Pair) -> Pair {
    var merged = old;
    merged.second = max(max(old.second, other.second), min(old.best, other.best));
    if other.best > old.best || (other.best == old.best && other.index < old.index) {
        merged.index = other.index;
        merged.best = other.best;
    }
    return merged;
}
