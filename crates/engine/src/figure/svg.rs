//! A scene as SVG: texts and lines stay texts and lines, rasters are embedded PNGs.
//!
//! Input: a `Scene` and its `Caption`. Output: one XML document in UTF-8 with title, description and recipe. Only SVG
//! 1.1 is written, so that browsers, Inkscape and librsvg show the same; shapes with numbers that are not finite are
//! left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt::Write as _;

use image::RgbImage;

use super::canvas::{Ink, whole};
use super::scene::{GROUND, Item, Rect, Scaling, Scene};
use super::text::{Anchor, FAMILIES, Text, Weight};
use super::{Caption, FigureError, png_file};

/// What stands before and after the recipe.
pub(super) const METADATA_START: &str = "<metadata id=\"dinoscope-recipe\">";
pub(super) const METADATA_END: &str = "</metadata>";
/// Most pixels that cells are repeated to.
const MAX_REPEATED: u64 = 1 << 24;
/// Longest reference of XML that is read, without `&` and `;`.
const MAX_REFERENCE: usize = 8;

/// The document.
pub(super) fn document(scene: &Scene, caption: &Caption) -> Result<String, FigureError> {
    let (width, height) = (scene.width, scene.height);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" version=\"1.1\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>{}</title>\n<desc>{}</desc>\n{METADATA_START}{}{METADATA_END}\n",
        escape(&caption.headline()),
        escape(&caption.sentence()),
        escape(&caption.recipe().json()),
    );
    let ground = Rect::new(0.0, 0.0, width as f32, height as f32);
    put_item(&mut out, &fill(ground, 0.0, Ink::solid(GROUND)));
    for item in &scene.items {
        match item {
            Item::Raster {
                image,
                rect,
                scaling,
            } if rect.is_finite() && !image.is_empty() => {
                put_item(&mut out, &raster(image, *rect, *scaling)?);
            }
            Item::Raster { .. } => {}
            shape => {
                if let Some(element) = vector(shape) {
                    put_item(&mut out, &element);
                }
            }
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn put_item(out: &mut String, element: &str) {
    out.push_str(element);
    out.push('\n');
}

/// The element of a shape; `None` if it cannot be drawn.
fn vector(item: &Item) -> Option<String> {
    Some(match item {
        Item::Raster { .. } => return None,
        Item::Line {
            from,
            to,
            width,
            ink,
        } => format!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\"{}/>",
            number(from[0])?,
            number(from[1])?,
            number(to[0])?,
            number(to[1])?,
            number(*width)?,
            paint("stroke", *ink),
        ),
        Item::Disc {
            centre,
            radius,
            ink,
        } => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>",
            number(centre[0])?,
            number(centre[1])?,
            number(*radius)?,
            paint("fill", *ink),
        ),
        Item::Frame {
            rect,
            radius,
            width,
            ink,
        } => {
            // A stroke stands on both sides of its line, a frame inside of it.
            let middle = rect.grown(-width / 2.0);
            let radius = (radius - width / 2.0).max(0.0);
            format!(
                "<rect{} fill=\"none\" stroke-width=\"{}\"{}/>",
                sides(middle, radius)?,
                number(*width)?,
                paint("stroke", *ink),
            )
        }
        Item::Fill { rect, radius, ink } => {
            sides(*rect, *radius)?;
            fill(*rect, *radius, *ink)
        }
        Item::Text(text) => text_element(text)?,
    })
}

fn fill(rect: Rect, radius: f32, ink: Ink) -> String {
    let sides = sides(rect, radius).unwrap_or_default();
    format!("<rect{sides}{}/>", paint("fill", ink))
}

fn sides(rect: Rect, radius: f32) -> Option<String> {
    let round = if radius > 0.0 {
        format!(" rx=\"{}\"", number(radius)?)
    } else {
        String::new()
    };
    Some(format!(
        " x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{round}",
        number(rect.x)?,
        number(rect.y)?,
        number(rect.width)?,
        number(rect.height)?,
    ))
}

fn text_element(text: &Text) -> Option<String> {
    let anchor = match text.anchor {
        Anchor::Left => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::Right => " text-anchor=\"end\"",
    };
    let weight = match text.weight {
        Weight::Regular => "",
        Weight::SemiBold => " font-weight=\"600\"",
    };
    Some(format!(
        "<text x=\"{}\" y=\"{}\" font-family=\"{FAMILIES}\" font-size=\"{}\"{weight}{anchor}{}>{}</text>",
        number(text.at[0])?,
        number(text.at[1])?,
        number(text.size)?,
        paint("fill", Ink::solid(text.colour)),
        escape(&text.line()),
    ))
}

fn raster(image: &RgbImage, rect: Rect, scaling: Scaling) -> Result<String, FigureError> {
    let sides = sides(rect, 0.0).unwrap_or_default();
    let (rendering, file) = match scaling {
        // The attribute is for readers of SVG 1.1, the style for those that know CSS.
        Scaling::Crisp => (
            " image-rendering=\"optimizeSpeed\" style=\"image-rendering:pixelated\"",
            png_file::encode(&repeated(image, rect), &[])?,
        ),
        Scaling::Smooth => ("", png_file::encode(image, &[])?),
    };
    let data = STANDARD.encode(&file);
    Ok(format!(
        "<image{sides} preserveAspectRatio=\"none\"{rendering} xlink:href=\"data:image/png;base64,{data}\"/>"
    ))
}

/// Cells of one pixel a point where that is exact: librsvg interpolates in spite of the attribute, and then blurs no
/// more than their edges.
fn repeated(image: &RgbImage, rect: Rect) -> Cow<'_, RgbImage> {
    let (width, height) = (whole(rect.width.into()), whole(rect.height.into()));
    let exact = width.is_multiple_of(image.width()) && height.is_multiple_of(image.height());
    let empty = width == 0 || height == 0;
    if empty || !exact || u64::from(width) * u64::from(height) > MAX_REPEATED {
        return Cow::Borrowed(image);
    }
    let (wide, high) = (width / image.width(), height / image.height());
    Cow::Owned(RgbImage::from_fn(width, height, |x, y| {
        *image.get_pixel(x / wide, y / high)
    }))
}

/// Color and opacity as attributes of `kind`, which is `fill` or `stroke`.
fn paint(kind: &str, ink: Ink) -> String {
    let [red, green, blue] = ink.colour;
    let mut attributes = format!(" {kind}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if ink.alpha < 1.0 {
        let alpha = number(ink.alpha.max(0.0)).unwrap_or_default();
        let _ = write!(attributes, " {kind}-opacity=\"{alpha}\"");
    }
    attributes
}

/// A length with at most three decimals; `None` if it is not finite or too large for a viewer.
fn number(value: f32) -> Option<String> {
    (value.abs() <= 1e7).then(|| {
        let text = format!("{value:.3}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if text == "-0" {
            "0".to_owned()
        } else {
            text.to_owned()
        }
    })
}

/// Text as XML 1.0 holds it, in elements and in attributes; what XML forbids becomes U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader would turn these into line feeds and spaces.
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(letter));
            }
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            letter => out.push(letter),
        }
    }
    out
}

/// The text that `escape` wrote, also after another program named the characters by number.
pub(super) fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('&') {
        out.push_str(plain);
        let end = after
            .bytes()
            .take(MAX_REFERENCE + 1)
            .position(|byte| byte == b';')
            .ok_or("an ampersand without a reference")?;
        let name = &after[..end];
        out.push(reference(name).ok_or_else(|| format!("the reference {name:?}"))?);
        rest = &after[end + 1..];
    }
    if rest.contains('<') {
        return Err("elements where text was expected".to_owned());
    }
    out.push_str(rest);
    Ok(out)
}

fn reference(name: &str) -> Option<char> {
    let number = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#')? {
            digits if digits.starts_with('x') => number(&digits[1..], 16),
            digits => number(digits, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_elements_and_what_is_not_finite_is_left_out() {
        let ink = Ink {
            colour: [1, 16, 255],
            alpha: 0.5,
        };
        let mut scene = Scene::new(20, 10);
        scene.line([0.0, 1.25], [3.0, 4.0], 1.0, ink);
        scene.frame(Rect::new(2.0, 2.0, 6.0, 5.0), 0.0, 2.0, Ink::solid([0; 3]));
        scene.disc([f32::NAN, 0.0], 1.0, ink);
        scene.line([0.0; 2], [1e30, 0.0], 1.0, ink);
        let text = document(&scene, &Caption::default()).unwrap();
        let expected = "<line x1=\"0\" y1=\"1.25\" x2=\"3\" y2=\"4\" stroke-width=\"1\" \
                        stroke-linecap=\"round\" stroke=\"#0110ff\" stroke-opacity=\"0.5\"/>";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("<rect x=\"3\" y=\"3\" width=\"4\" height=\"3\" fill=\"none\""));
        assert_eq!(text.matches("<line").count(), 1);
        assert!(!text.contains("circle") && !text.contains("NaN"));
    }

    #[test]
    fn cells_are_repeated_where_they_divide_their_rectangle() {
        let cells = RgbImage::from_fn(2, 1, |x, _| image::Rgb([x as u8; 3]));
        let found = repeated(&cells, Rect::new(7.0, 0.0, 6.0, 4.0));
        assert_eq!(found.dimensions(), (6, 4));
        assert!(
            found
                .enumerate_pixels()
                .all(|(x, _, pixel)| pixel.0 == [u8::from(x >= 3); 3])
        );
        for (width, height) in [(5.0, 4.0), (1e9, 1e9), (0.0, 0.0)] {
            let rect = Rect::new(0.0, 0.0, width, height);
            assert_eq!(repeated(&cells, rect).dimensions(), (2, 1));
        }
    }

    #[test]
    fn texts_are_escaped_and_read_back() {
        let wild = "a<b> & \"c\" 'd' \t\r\n 猫 &lt;";
        let escaped = escape(wild);
        assert!(!escaped.contains(['<', '>', '"', '\r', '\n']));
        assert_eq!(unescape(&escaped).unwrap(), wild);
        assert_eq!(escape("\u{1}\u{FFFF}"), "\u{FFFD}\u{FFFD}");
        assert_eq!(unescape("&#x41;&#66;&apos;").unwrap(), "AB'");
        for bad in [
            "&",
            "&;",
            "&nbsp;",
            "&#xD800;",
            "&#99999999;",
            "&amp",
            "<b>",
            "&猫;",
        ] {
            assert!(unescape(bad).is_err(), "{bad}");
        }
    }
}
