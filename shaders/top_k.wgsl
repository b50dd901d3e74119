// out[i] = (index, bits of the value) of the i-th largest value, largest first, equal values in the order of their
// indices. Where there are fewer values than asked for, index 0xffffffff and the value that marks left-out patches.
//
// values: [count] f32, left out below -3.0e38; out: [wanted] vec2<u32>, at most 64. One workgroup finds the smallest
// value that still counts and, among its equals, the largest index, digit by digit; then it sorts what is left.
// Twin: engine::analysis::similarity::top_k

const GROUP: u32 = 256u;
const MOST: u32 = 64u;
const OMITTED_BELOW: f32 = -3.0e38;
const OMITTED: f32 = -3.4e38;
const NOTHING: u32 = 0xffffffffu;

struct Params {
    count: u32,
    wanted: u32,
    _pad_0: u32,
    _pad_1: u32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> counted: atomic<u32>;
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> scan: array<u32, 256>;
// Digits found so far, and the place of the wanted one among those that share them.
var<workgroup> prefix: u32;
var<workgroup> place: u32;
var<workgroup> found: atomic<u32>;
var<workgroup> indices: array<u32, 64>;
var<workgroup> keys: array<u32, 64>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    count_values(local);
    workgroupBarrier();
    let wanted = min(min(params.wanted, MOST), atomicLoad(&counted));
    if local == 0u {
        // Ranks count from the largest.
        place = max(wanted, 1u) - 1u;
    }
    workgroupBarrier();
    for (var shift = 24i; shift >= 0; shift -= 8) {
        find_digit(local, u32(shift), false, 0u);
    }
    let threshold = prefix;
    workgroupBarrier();
    if local == 0u {
        prefix = 0u;
    }
    workgroupBarrier();
    // `place` is now the place among the equals, and low indices come first: their complement is the key.
    for (var shift = 24i; shift >= 0; shift -= 8) {
        find_digit(local, u32(shift), true, threshold);
    }
    let last_index = ~prefix;
    if wanted > 0u {
        collect(local, threshold, last_index);
    }
    workgroupBarrier();
    write_sorted(local, wanted);
}

fn count_values(local: u32) {
    var mine = 0u;
    for (var i = local; i < params.count; i += GROUP) {
        if values[i] >= OMITTED_BELOW {
            mine += 1u;
        }
    }
    atomicAdd(&counted, mine);
}

// The next eight bits of the key at the wanted place: of the values' keys, or of the indices with one such key.
fn find_digit(local: u32, shift: u32, by_index: bool, threshold: u32) {
    atomicStore(&histogram[local], 0u);
    workgroupBarrier();
    let known = prefix;
    for (var i = local; i < params.count; i += GROUP) {
        if values[i] >= OMITTED_BELOW {
            let value_key = key_of(values[i]);
            let key = select(value_key, ~i, by_index);
            // Two shifts, because one by 32 bits does nothing.
            if (key >> shift) >> 8u == known && (!by_index || value_key == threshold) {
                atomicAdd(&histogram[(key >> shift) & 255u], 1u);
            }
        }
    }
    workgroupBarrier();
    // From the largest digit down.
    let digit = 255u - local;
    let own = atomicLoad(&histogram[digit]);
    let up_to = sum_up_to(local, own);
    let wanted = place;
    workgroupBarrier();
    // Exactly one invocation holds the wanted bin.
    if wanted < up_to && wanted >= up_to - own {
        place = wanted - (up_to - own);
        prefix = (known << 8u) | digit;
    }
    workgroupBarrier();
}

// Sum of `own` over this and all earlier invocations.
fn sum_up_to(local: u32, own: u32) -> u32 {
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

// Everything above the threshold, and its equals up to the last index that counts.
fn collect(local: u32, threshold: u32, last_index: u32) {
    for (var i = local; i < params.count; i += GROUP) {
        if values[i] >= OMITTED_BELOW {
            let key = key_of(values[i]);
            if key > threshold || (key == threshold && i <= last_index) {
                let slot = atomicAdd(&found, 1u);
                if slot < MOST {
                    indices[slot] = i;
                    keys[slot] = key;
                }
            }
        }
    }
}

// Each invocation counts what comes before its own entry.
fn write_sorted(local: u32, wanted: u32) {
    if local >= min(params.wanted, MOST) {
        return;
    }
    if local >= wanted {
        out[local] = vec2<u32>(NOTHING, bitcast<u32>(OMITTED));
        return;
    }
    let index = indices[local];
    let key = keys[local];
    var before = 0u;
    for (var i = 0u; i < wanted; i++) {
        if keys[i] > key || (keys[i] == key && indices[i] < index) {
            before += 1u;
        }
    }
    out[before] = vec2<u32>(index, bitcast<u32>(value_of(key)));
}

// A number that has the order of the values.
fn key_of(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

fn value_of(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}
