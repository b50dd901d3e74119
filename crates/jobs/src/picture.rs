//! Opening one picture: a path or pasted pixels → what views and networks need of it.

use std::path::Path;
use std::sync::Arc;

use dinoscope_engine::picture::PictureError;
use dinoscope_engine::{Picture, Preprocess};
use image::RgbImage;

/// A picture ready to be shown and to be run through a network.
#[derive(Clone, Debug)]
pub struct OpenPicture {
    /// The picture as it was decoded, alpha included.
    pub picture: Arc<Picture>,
    /// The same over the background that networks see.
    pub rgb: Arc<RgbImage>,
}

impl OpenPicture {
    /// Hash of the file's bytes, or of size and pixels for pasted ones: 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        self.picture.sha256()
    }

    /// What was lost or left out in decoding, a sentence each.
    pub fn notes(&self) -> &[String] {
        self.picture.notes()
    }
}

impl From<Picture> for OpenPicture {
    fn from(picture: Picture) -> Self {
        let rgb = picture.rgb_over(Preprocess::default().background);
        let rgb = RgbImage::from_raw(picture.width(), picture.height(), rgb);
        Self {
            rgb: Arc::new(rgb.expect("a picture has three colors a pixel")),
            picture: Arc::new(picture),
        }
    }
}

/// Reads and decodes a picture file.
pub fn open(path: &Path) -> Result<OpenPicture, PictureError> {
    Picture::open(path).map(OpenPicture::from)
}

/// A pasted picture: `rgba` is `[height, width, 4]`, straight alpha.
pub fn from_rgba(width: u32, height: u32, rgba: Vec<u8>) -> Result<OpenPicture, PictureError> {
    Picture::from_rgba(width, height, rgba).map(OpenPicture::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_pasted_pixels_show_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.png");
        let pixels = vec![10, 20, 30, 255, 40, 50, 60, 0];
        image::save_buffer(&path, &pixels, 2, 1, image::ColorType::Rgba8).unwrap();
        let opened = open(&path).unwrap();
        let pasted = from_rgba(2, 1, pixels).unwrap();
        assert_eq!(opened.rgb, pasted.rgb);
        assert_eq!(opened.rgb.as_raw(), &[10, 20, 30, 255, 255, 255]);
        assert_eq!(opened.sha256().len(), 64);
        assert_ne!(opened.sha256(), pasted.sha256());
        assert!(opened.notes().is_empty());
    }

    #[test]
    fn bad_input_is_told_in_a_sentence_that_ends_with_the_path() {
        let path = Path::new("/no/such/picture.png");
        let error = open(path).unwrap_err().to_string();
        assert!(error.ends_with(": /no/such/picture.png"), "{error}");
        assert!(from_rgba(3, 1, vec![0; 4]).is_err());
        assert!(from_rgba(0, 0, Vec::new()).is_err());
    }
}
