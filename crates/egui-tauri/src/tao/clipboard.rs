//! The system clipboard, synchronously.

use std::sync::Arc;

use arboard::ImageData;
use egui::{Color32, ColorImage, Event};

use crate::input::Input;

/// Opened when first used; the system may refuse it while another program holds it.
#[derive(Default)]
pub(super) struct Clipboard(Option<arboard::Clipboard>);

impl Clipboard {
    pub(super) fn copy_text(&mut self, text: &str) {
        self.with(|clipboard| clipboard.set_text(text));
    }

    pub(super) fn copy_image(&mut self, image: &ColorImage) {
        let straight = |color: &Color32| color.to_srgba_unmultiplied();
        let rgba = image.pixels.iter().flat_map(straight).collect::<Vec<_>>();
        self.with(|clipboard| {
            clipboard.set_image(ImageData {
                width: image.width(),
                height: image.height(),
                bytes: rgba.into(),
            })
        });
    }

    /// Sends the clipboard's text, or else its image.
    pub(super) fn paste(&mut self, input: &Input) {
        if let Some(text) = self.with(arboard::Clipboard::get_text) {
            if !text.is_empty() {
                input.push(Event::Paste(text.replace("\r\n", "\n")));
            }
        } else if let Some(image) = self.with(arboard::Clipboard::get_image) {
            let size = [image.width, image.height];
            let image = ColorImage::from_rgba_unmultiplied(size, &image.bytes);
            input.push(Event::PasteImage(Arc::new(image)));
        }
    }

    fn with<T>(
        &mut self,
        run: impl FnOnce(&mut arboard::Clipboard) -> Result<T, arboard::Error>,
    ) -> Option<T> {
        if self.0.is_none() {
            self.0 = arboard::Clipboard::new()
                .inspect_err(|error| tracing::warn!(%error, "no clipboard"))
                .ok();
        }
        match run(self.0.as_mut()?) {
            Ok(value) => Some(value),
            Err(arboard::Error::ContentNotAvailable) => None,
            Err(error) => {
                tracing::warn!(%error, "clipboard");
                None
            }
        }
    }
}
