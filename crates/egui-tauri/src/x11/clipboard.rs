//! The system clipboard and the selection, asynchronously as X11 has them.

use std::rc::Rc;
use std::sync::Arc;

use egui::{Color32, ColorImage, Event, Pos2};
use gtk::gdk;
use gtk::gdk_pixbuf::{Colorspace, Pixbuf};
use gtk::glib::Bytes;

use crate::input::Input;

/// Puts an image into the clipboard.
pub(super) fn copy_image(clipboard: &gtk::Clipboard, image: &ColorImage) {
    if let Some(pixbuf) = pixbuf(image) {
        clipboard.set_image(&pixbuf);
    }
}

/// Sends the clipboard's text, or else its image, as soon as the owner delivers it.
pub(super) fn paste(input: &Rc<Input>) {
    let input = Rc::clone(input);
    gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD).request_text(move |clipboard, text| match text
        .filter(|text| !text.is_empty())
    {
        Some(text) => input.push(Event::Paste(text.replace("\r\n", "\n"))),
        None => clipboard.request_image(move |_, pixbuf| {
            if let Some(image) = pixbuf.and_then(color_image) {
                input.push(Event::PasteImage(Arc::new(image)));
            }
        }),
    });
}

/// Sends the selected text of any window to the text field at `pos`.
pub(super) fn paste_selection(input: &Rc<Input>, pos: Pos2) {
    let input = Rc::clone(input);
    gtk::Clipboard::get(&gdk::SELECTION_PRIMARY).request_text(move |_, text| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let text = text.to_owned();
            input.push(Event::MiddleClickPaste { pos, text });
        }
    });
}

fn pixbuf(image: &ColorImage) -> Option<Pixbuf> {
    let width = i32::try_from(image.width()).ok()?;
    let height = i32::try_from(image.height()).ok()?;
    let stride = width.checked_mul(4)?;
    if width == 0 || height == 0 {
        return None;
    }
    let straight = |color: &Color32| color.to_srgba_unmultiplied();
    let rgba = image.pixels.iter().flat_map(straight).collect::<Vec<_>>();
    let bytes = Bytes::from_owned(rgba);
    Some(Pixbuf::from_bytes(
        &bytes,
        Colorspace::Rgb,
        true,
        8,
        width,
        height,
        stride,
    ))
}

fn color_image(pixbuf: &Pixbuf) -> Option<ColorImage> {
    let size = [pixbuf.width(), pixbuf.height()].map(|side| usize::try_from(side).unwrap_or(0));
    let channels = usize::try_from(pixbuf.n_channels()).ok()?;
    let stride = usize::try_from(pixbuf.rowstride()).ok()?;
    let bytes = pixbuf.read_pixel_bytes();
    let mut pixels = Vec::with_capacity(size[0] * size[1]);
    // Rows are padded, but not the last one.
    for row in bytes.chunks(stride).take(size[1]) {
        pixels.extend(row.chunks_exact(channels).take(size[0]).map(color));
    }
    (pixels.len() == size[0] * size[1] && !pixels.is_empty()).then(|| ColorImage::new(size, pixels))
}

fn color(channels: &[u8]) -> Color32 {
    match *channels {
        [r, g, b] => Color32::from_rgb(r, g, b),
        [r, g, b, a] => Color32::from_rgba_unmultiplied(r, g, b, a),
        _ => Color32::TRANSPARENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_survive_the_clipboard_format() {
        let pixels = (0..15).map(|i| Color32::from_rgb(i * 16, 255 - i, i));
        let image = ColorImage::new([5, 3], pixels.collect());
        let back = color_image(&pixbuf(&image).unwrap()).unwrap();
        assert_eq!(back.size, image.size);
        assert_eq!(back.pixels, image.pixels);
    }

    #[test]
    fn padded_rows_without_alpha_are_read() {
        // Two pixels in rows of eight bytes.
        let bytes = Bytes::from_static(&[1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12]);
        let pixbuf = Pixbuf::from_bytes(&bytes, Colorspace::Rgb, false, 8, 2, 2, 8);
        let image = color_image(&pixbuf).unwrap();
        assert_eq!(image.size, [2, 2]);
        assert_eq!(image[(1, 1)], Color32::from_rgb(10, 11, 12));
    }

    #[test]
    fn an_empty_image_is_not_copied() {
        assert!(pixbuf(&ColorImage::new([0, 3], Vec::new())).is_none());
    }
}
