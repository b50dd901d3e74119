// out = [smallest, largest, low percentile, high percentile] of the values that were not left out; 0, 1, 0, 1 if all
// were. Percentiles are exact, linear between neighbors: `low` and `high` are fractions of the way from the smallest to
// the largest as 64-bit fixed point, low word first.
//
// values: [count] f32, left out below -3.0e38; out: [4] f32. One workgroup; four ranks are found at a time, digit by
// digit of a key that has the order of the values.
// Twin: engine::figure::range::value_range

const GROUP: u32 = 256u;
const BINS: u32 = 256u;
const OMITTED_BELOW: f32 = -3.0e38;

struct Params {
    low: vec2<u32>,
    high: vec2<u32>,
    count: u32,
    _pad_0: u32,
    _pad_1: u32,
    _pad_2: u32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

struct Rank {
    below: u32,
    // How far towards the next rank, a multiple of 2^-24.
    part: f32,
}

var<workgroup> counted: atomic<u32>;
var<workgroup> least: atomic<u32>;
var<workgroup> most: atomic<u32>;
// [4, BINS]: values of each digit among those that share the digits found so far.
var<workgroup> histogram: array<atomic<u32>, 1024>;
var<workgroup> scan: array<vec4<u32>, 256>;
// Of each rank: the digits found so far, and its place among the values that share them.
var<workgroup> prefix: array<u32, 4>;
var<workgroup> place: array<u32, 4>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    if local == 0u {
        atomicStore(&least, 0xffffffffu);
    }
    workgroupBarrier();
    count_values(local);
    workgroupBarrier();
    let valid = atomicLoad(&counted);
    let low = rank_of(params.low, valid);
    let high = rank_of(params.high, valid);
    if local == 0u {
        let last = max(valid, 1u) - 1u;
        place[0] = low.below;
        place[1] = min(low.below + 1u, last);
        place[2] = high.below;
        place[3] = min(high.below + 1u, last);
    }
    for (var shift = 24i; shift >= 0; shift -= 8) {
        find_digit(local, u32(shift));
    }
    if local == 0u {
        write_range(valid, low.part, high.part);
    }
}

fn count_values(local: u32) {
    var mine = 0u;
    var lowest = 0xffffffffu;
    var highest = 0u;
    for (var i = local; i < params.count; i += GROUP) {
        if values[i] >= OMITTED_BELOW {
            let key = key_of(values[i]);
            mine += 1u;
            lowest = min(lowest, key);
            highest = max(highest, key);
        }
    }
    atomicAdd(&counted, mine);
    atomicMin(&least, lowest);
    atomicMax(&most, highest);
}

// The next eight bits of all four ranks.
fn find_digit(local: u32, shift: u32) {
    for (var rank = 0u; rank < 4u; rank++) {
        atomicStore(&histogram[rank * BINS + local], 0u);
    }
    workgroupBarrier();
    var known = prefix;
    for (var i = local; i < params.count; i += GROUP) {
        if values[i] >= OMITTED_BELOW {
            let key = key_of(values[i]);
            for (var rank = 0u; rank < 4u; rank++) {
                // Two shifts, because one by 32 bits does nothing.
                if (key >> shift) >> 8u == known[rank] {
                    atomicAdd(&histogram[rank * BINS + ((key >> shift) & 255u)], 1u);
                }
            }
        }
    }
    workgroupBarrier();
    let own = vec4<u32>(
        atomicLoad(&histogram[local]),
        atomicLoad(&histogram[BINS + local]),
        atomicLoad(&histogram[2u * BINS + local]),
        atomicLoad(&histogram[3u * BINS + local]),
    );
    let up_to = sum_up_to(local, own);
    var wanted = place;
    workgroupBarrier();
    // Exactly one invocation holds the bin of a rank.
    for (var rank = 0u; rank < 4u; rank++) {
        if wanted[rank] < up_to[rank] && wanted[rank] >= up_to[rank] - own[rank] {
            place[rank] = wanted[rank] - (up_to[rank] - own[rank]);
            prefix[rank] = (known[rank] << 8u) | local;
        }
    }
    workgroupBarrier();
}

// Sum of `own` over this and all earlier invocations.
fn sum_up_to(local: u32, own: vec4<u32>) -> vec4<u32> {
    var sum = own;
    for (var step = 1u; step < GROUP; step *= 2u) {
        scan[local] = sum;
        workgroupBarrier();
        if local >= step {
            sum += scan[local - step];
        }
        workgroupBarrier();
    }
    return sum;
}

fn write_range(valid: u32, low_part: f32, high_part: f32) {
    if valid == 0u {
        out[0] = 0.0;
        out[1] = 1.0;
        out[2] = 0.0;
        out[3] = 1.0;
        return;
    }
    out[0] = value_of(atomicLoad(&least));
    out[1] = value_of(atomicLoad(&most));
    out[2] = between(prefix[0], prefix[1], low_part);
    out[3] = between(prefix[2], prefix[3], high_part);
}

fn between(low: u32, high: u32, part: f32) -> f32 {
    return value_of(low) + part * (value_of(high) - value_of(low));
}

// fraction · (count − 1), rounded to 2^-24.
fn rank_of(fraction: vec2<u32>, count: u32) -> Rank {
    let last = max(count, 1u) - 1u;
    if fraction.x == 0xffffffffu && fraction.y == 0xffffffffu {
        return Rank(last, 0.0);
    }
    let lower = wide_product(fraction.x, last);
    let upper = wide_product(fraction.y, last);
    let rest = upper.x + lower.y;
    let below = upper.y + select(0u, 1u, rest < upper.x);
    if rest >= 0xffffff80u {
        return Rank(below + 1u, 0.0);
    }
    return Rank(below, f32((rest + 128u) >> 8u) / 16777216.0);
}

// The 64 bits of a · b, low word first.
fn wide_product(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let left = (a >> 16u) * (b & 0xffffu);
    let right = (a & 0xffffu) * (b >> 16u);
    let middle = (low >> 16u) + (left & 0xffffu) + (right & 0xffffu);
    let high = (a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u) + (middle >> 16u);
    return vec2<u32>((middle << 16u) | (low & 0xffffu), high);
}

// A number that has the order of the values.
fn key_of(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

fn value_of(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}
