// The picture's color under a point, what is mixed over it, and bytes.
//
// Points are in pixels of the picture, pixel (0, 0) covers [0, 1) × [0, 1); colors are sRGB values in [0, 1], mixed as
// they are. The output is a rectangle of the picture, `step` picture pixels a pixel.
// Twin: engine::figure::view

// A rectangle of the picture on a grid of output pixels.
struct View {
    origin: vec2<f32>,
    step: vec2<f32>,
    size: vec2<u32>,
    // Picture pixels that are averaged for one output pixel, along x and y.
    taps: vec2<u32>,
}

fn point_of(view: View, pixel: vec2<f32>) -> vec2<f32> {
    return view.origin + (pixel + 0.5) * view.step;
}

// The picture's color under one output pixel: interpolated where the picture is enlarged, the mean of the pixels under it
// where it is reduced.
fn photo_at(photo: texture_2d<f32>, view: View, point: vec2<f32>) -> vec3<f32> {
    if all(view.taps == vec2<u32>(1u)) {
        return between_pixels(photo, point);
    }
    let part = view.step / vec2<f32>(view.taps);
    let first = point - 0.5 * view.step + 0.5 * part;
    var sum = vec3<f32>(0.0);
    for (var y = 0u; y < view.taps.y; y++) {
        for (var x = 0u; x < view.taps.x; x++) {
            sum += pixel_at(photo, floor(first + vec2<f32>(f32(x), f32(y)) * part));
        }
    }
    return sum / f32(view.taps.x * view.taps.y);
}

// Bilinear between the centers of four pixels.
fn between_pixels(photo: texture_2d<f32>, point: vec2<f32>) -> vec3<f32> {
    let corner = floor(point - 0.5);
    let part = point - 0.5 - corner;
    if all(part == vec2<f32>(0.0)) {
        return pixel_at(photo, corner);
    }
    var sum = vec3<f32>(0.0);
    for (var i = 0u; i < 4u; i++) {
        let step = vec2<f32>(f32(i % 2u), f32(i / 2u));
        let weight = 1.0 - abs(part - step);
        sum += weight.x * weight.y * pixel_at(photo, corner + step);
    }
    return sum;
}

// Beyond its edges the picture goes on.
fn pixel_at(photo: texture_2d<f32>, corner: vec2<f32>) -> vec3<f32> {
    let last = vec2<f32>(textureDimensions(photo)) - 1.0;
    return textureLoad(photo, vec2<i32>(clamp(corner, vec2<f32>(0.0), last)), 0).rgb;
}

fn luma(color: vec3<f32>) -> f32 {
    return dot(color, vec3<f32>(0.2126, 0.7152, 0.0722));
}

fn desaturated(color: vec3<f32>, amount: f32) -> vec3<f32> {
    return mix(color, vec3<f32>(luma(color)), amount);
}

// Rounds here, because devices differ in how they round on the way into a texture.
fn opaque(color: vec3<f32>) -> vec4<f32> {
    return vec4<f32>(floor(clamp(color, vec3<f32>(0.0), vec3<f32>(1.0)) * 255.0 + 0.5) / 255.0, 1.0);
}
