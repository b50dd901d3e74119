//! Copies of egui's managed textures, so that they can be uploaded again after a lost GPU.
//!
//! egui hands out each image once. A whole image is shared with egui and with the app, if that
//! kept it; an image that is patched becomes a copy of our own, as the font atlas does.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::epaint::textures::TexturesDelta;
use egui::epaint::{ImageData, ImageDelta};
use egui::{ColorImage, TextureId, TextureOptions};
use egui_wgpu::RenderState;

/// The images of all live managed textures.
#[derive(Default)]
pub(crate) struct Textures {
    images: BTreeMap<u64, (Arc<ColorImage>, TextureOptions)>,
}

impl Textures {
    /// Uploads the new and changed textures of a frame; before it is drawn.
    #[expect(clippy::iter_over_hash_type, reason = "textures are independent")]
    pub(crate) fn upload(&mut self, delta: &mut TexturesDelta, render: &RenderState) {
        let mut renderer = render.renderer.write();
        for (id, patches) in std::mem::take(&mut delta.set) {
            for patch in patches {
                renderer.update_texture(&render.device, &render.queue, id, &patch);
                self.remember(id, patch);
            }
        }
    }

    /// Frees the textures that a frame was the last to use; after it was submitted.
    #[expect(clippy::iter_over_hash_type, reason = "textures are independent")]
    pub(crate) fn free(&mut self, delta: &mut TexturesDelta, render: &RenderState) {
        let mut renderer = render.renderer.write();
        for id in std::mem::take(&mut delta.free) {
            renderer.free_texture(&id);
            if let TextureId::Managed(id) = id {
                self.images.remove(&id);
            }
        }
    }

    /// Uploads all textures to a new GPU.
    pub(crate) fn restore(&self, render: &RenderState) {
        let mut renderer = render.renderer.write();
        for (id, (image, options)) in &self.images {
            let whole = ImageDelta::full(Arc::clone(image), *options);
            let id = TextureId::Managed(*id);
            renderer.update_texture(&render.device, &render.queue, id, &whole);
        }
    }

    fn remember(&mut self, id: TextureId, delta: ImageDelta) {
        let TextureId::Managed(id) = id else {
            return;
        };
        let ImageData::Color(image) = delta.image;
        match delta.pos {
            None => {
                self.images.insert(id, (image, delta.options));
            }
            Some(pos) => {
                if let Some((whole, _)) = self.images.get_mut(&id) {
                    patch(Arc::make_mut(whole), pos, &image);
                }
            }
        }
    }
}

/// Copies `part` into `whole` with its left upper corner at `[x, y]`; what does not fit is left out.
fn patch(whole: &mut ColorImage, [x, y]: [usize; 2], part: &ColorImage) {
    let width = part.width().min(whole.width().saturating_sub(x));
    let height = part.height().min(whole.height().saturating_sub(y));
    if width == 0 {
        return;
    }
    let (from, to) = (part.width(), whole.width());
    let rows = part.pixels.chunks_exact(from).take(height);
    for (source, target) in rows.zip(whole.pixels.chunks_exact_mut(to).skip(y)) {
        target[x..x + width].copy_from_slice(&source[..width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Color32;

    fn image(size: [usize; 2], color: Color32) -> ColorImage {
        ColorImage::filled(size, color)
    }

    #[test]
    fn a_patch_lands_at_its_place() {
        let mut whole = image([4, 3], Color32::BLACK);
        patch(&mut whole, [1, 1], &image([2, 2], Color32::WHITE));
        let white = |x: usize, y: usize| (1..3).contains(&x) && (1..3).contains(&y);
        for y in 0..3 {
            for x in 0..4 {
                assert_eq!(whole[(x, y)] == Color32::WHITE, white(x, y), "{x} {y}");
            }
        }
    }

    #[test]
    fn a_patch_beyond_the_border_is_cut() {
        let mut whole = image([4, 3], Color32::BLACK);
        patch(&mut whole, [3, 2], &image([2, 2], Color32::WHITE));
        patch(&mut whole, [9, 9], &image([2, 2], Color32::WHITE));
        let white = whole.pixels.iter().filter(|&&c| c == Color32::WHITE);
        assert_eq!(white.count(), 1);
        assert_eq!(whole[(3, 2)], Color32::WHITE);
    }

    #[test]
    fn whole_images_are_shared_and_patched_ones_copied() {
        let mut textures = Textures::default();
        let original = Arc::new(image([2, 2], Color32::RED));
        let options = TextureOptions::LINEAR;
        let id = TextureId::Managed(7);
        textures.remember(id, ImageDelta::full(Arc::clone(&original), options));
        assert!(Arc::ptr_eq(&textures.images[&7].0, &original));
        let dot = Arc::new(image([1, 1], Color32::GREEN));
        textures.remember(id, ImageDelta::partial([1, 0], dot, options));
        assert_eq!(textures.images[&7].0[(1, 0)], Color32::GREEN);
        assert_eq!(original[(1, 0)], Color32::RED);
    }
}
