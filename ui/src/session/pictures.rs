//! Pictures as the window needs them: thumbnails for the library, pixels and textures for views.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use dinoscope_engine::Picture;
use dinoscope_jobs::picture as work;
use dinoscope_jobs::runner::{Failure, Lane, Runner, Slot as JobSlot, Spec, Title, Visibility};
use dinoscope_jobs::thumbnail::{Size, Thumbnails};
use egui::{ColorImage, TextureHandle, TextureOptions};
use image::RgbImage;

use super::display::{Display, Placed};
use super::slot::Slot;
use crate::document::{Library, PictureEntry, PictureId};

/// Width and height of thumbnails in pixels: twice what the library shows at scale 1.
pub const THUMBNAIL_PX: (u32, u32) = (194, 136);
/// Longest side of overviews in pixels: twice what a minimap shows at scale 1.
const OVERVIEW_PX: u32 = 264;
/// Memory of decoded pictures that are kept without being shown.
const MOST_BYTES: usize = 768 << 20;
/// Bytes of thumbnails that are kept on disk.
const MOST_CACHED: u64 = 256 << 20;
/// Thumbnails that are kept as textures.
const MOST_THUMBNAILS: usize = 600;

/// A decoded picture.
#[derive(Debug)]
pub struct OpenPicture {
    /// File name.
    pub name: String,
    /// As the networks see it.
    pub picture: Arc<Picture>,
    /// Over white, for drawing.
    pub rgb: Arc<RgbImage>,
    /// What was lost or left out in decoding.
    pub notes: Vec<String>,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// All of it, small.
    overview: ColorImage,
}

impl OpenPicture {
    /// Width and height in pixels.
    pub fn size_px(&self) -> (u32, u32) {
        self.rgb.dimensions()
    }
}

#[derive(Default)]
struct State {
    /// The file that all of it comes from.
    path: PathBuf,
    thumbnail: Slot<ColorImage>,
    texture: Option<TextureHandle>,
    open: Slot<Arc<OpenPicture>>,
    placed: Option<Arc<Placed>>,
    overview: Option<TextureHandle>,
    /// Why the device did not take it.
    refused: Option<String>,
    asked: u64,
    thumbnail_asked: u64,
}

/// A picture of at most [`OVERVIEW_PX`] a side.
fn overview(rgb: &RgbImage) -> ColorImage {
    let (width, height) = rgb.dimensions();
    let shrink = (f64::from(OVERVIEW_PX) / f64::from(width.max(height))).min(1.0);
    #[expect(clippy::cast_sign_loss, reason = "sides are positive")]
    let short = |px: u32| ((f64::from(px) * shrink).round() as u32).max(1);
    let small = image::imageops::thumbnail(rgb, short(width), short(height));
    let size = [small.width() as usize, small.height() as usize];
    ColorImage::from_rgb(size, small.as_raw())
}

/// Pictures of all views and of the library.
pub struct Pictures {
    states: BTreeMap<PictureId, State>,
    thumbnails: Arc<Thumbnails>,
    frame: u64,
    /// Hashes that became known and are not yet in the document.
    learned: Vec<(PictureId, String, u64)>,
}

impl Pictures {
    /// `thumbnails` is the folder of the thumbnail cache.
    pub fn new(thumbnails: PathBuf) -> Self {
        Self {
            states: BTreeMap::new(),
            thumbnails: Arc::new(Thumbnails::new(Some(thumbnails), MOST_CACHED)),
            frame: 0,
            learned: Vec::new(),
        }
    }

    /// Takes what jobs have finished; true if something changed.
    pub fn poll(&mut self, ctx: &egui::Context) -> bool {
        self.frame += 1;
        let mut changed = false;
        for (&id, state) in &mut self.states {
            if state.thumbnail.poll() {
                changed = true;
                if let Slot::Ready(image) = &mut state.thumbnail {
                    let image = std::mem::take(image);
                    let name = format!("thumbnail-{}", id.0);
                    state.texture = Some(ctx.load_texture(name, image, TextureOptions::LINEAR));
                }
            }
            if state.open.poll() {
                changed = true;
                if let Some(open) = state.open.ready() {
                    let hash = open.picture.sha256().to_owned();
                    self.learned.push((id, hash, open.bytes));
                }
            }
        }
        self.evict();
        changed
    }

    /// Forgets the pictures that the library has no more, or has from another file, and names them: undo gives a number
    /// a second time, and a missing file is replaced by another one.
    pub fn follow(&mut self, library: &Library) -> Vec<PictureId> {
        let gone = |id: &PictureId, state: &mut State| {
            let entry = library.get(*id);
            entry.is_none_or(|entry| entry.path != state.path)
        };
        let gone = self.states.extract_if(.., gone);
        let gone: Vec<PictureId> = gone.map(|(id, _)| id).collect();
        self.learned.retain(|(id, ..)| !gone.contains(id));
        gone
    }

    fn state(&mut self, id: PictureId, entry: &PictureEntry) -> &mut State {
        self.states.entry(id).or_insert_with(|| State {
            path: entry.path.clone(),
            ..State::default()
        })
    }

    /// Hashes and lengths of files that were opened since the last call.
    pub fn learned(&mut self) -> Vec<(PictureId, String, u64)> {
        std::mem::take(&mut self.learned)
    }

    /// The thumbnail; starts to make it if nobody asked before.
    pub fn thumbnail(
        &mut self,
        id: PictureId,
        entry: &PictureEntry,
        runner: &Runner,
    ) -> (Option<egui::TextureId>, Option<&Failure>) {
        let frame = self.frame;
        let thumbnails = Arc::clone(&self.thumbnails);
        let state = self.state(id, entry);
        state.thumbnail_asked = frame;
        if state.thumbnail.is_empty() {
            let title = Title::new("job-thumbnail").text("name", entry.name());
            let mut spec = Spec::new(Lane::Decode, title);
            spec.visible = Visibility::Hidden;
            let path = entry.path.clone();
            let (width, height) = THUMBNAIL_PX;
            state.thumbnail.start(runner.submit(spec, move |cx| {
                cx.checkpoint()?;
                let made = thumbnails.load(&path, Size { width, height })?;
                let size = [made.width() as usize, made.height() as usize];
                Ok(ColorImage::from_rgb(size, made.as_raw()))
            }));
        }
        (
            state.texture.as_ref().map(TextureHandle::id),
            state.thumbnail.failure(),
        )
    }

    /// The decoded picture; starts to decode it if nobody asked before.
    pub fn ask(
        &mut self,
        id: PictureId,
        entry: &PictureEntry,
        runner: &Runner,
    ) -> Result<Option<&Arc<OpenPicture>>, &Failure> {
        let frame = self.frame;
        let state = self.state(id, entry);
        state.asked = frame;
        if state.open.is_empty() {
            let title = Title::new("job-picture").text("name", entry.name());
            let mut spec = Spec::new(Lane::Decode, title);
            spec.priority = 10;
            spec.visible = Visibility::Hidden;
            spec.slot = Some(JobSlot::new(format!("picture/{}", id.0)));
            let (path, name) = (entry.path.clone(), entry.name());
            state.open.start(runner.submit(spec, move |_| {
                let bytes = std::fs::metadata(&path).map_or(0, |about| about.len());
                let opened = work::open(&path)?;
                Ok(Arc::new(OpenPicture {
                    name,
                    notes: opened.notes().to_vec(),
                    overview: overview(&opened.rgb),
                    picture: opened.picture,
                    rgb: opened.rgb,
                    bytes,
                }))
            }));
        }
        match &state.open {
            Slot::Failed(failure) => Err(failure),
            slot => Ok(slot.ready()),
        }
    }

    /// All of an open picture as a small texture, for minimaps.
    pub fn overview(&mut self, id: PictureId, ctx: &egui::Context) -> Option<egui::TextureId> {
        let state = self.states.get_mut(&id)?;
        let open = state.open.ready()?;
        let texture = state.overview.get_or_insert_with(|| {
            let name = format!("overview-{}", id.0);
            ctx.load_texture(name, open.overview.clone(), TextureOptions::LINEAR)
        });
        Some(texture.id())
    }

    /// The decoded picture if it is there, without asking for it.
    pub fn peek(&self, id: PictureId) -> Option<&Arc<OpenPicture>> {
        self.states.get(&id)?.open.ready()
    }

    /// The picture on the device, uploaded when first asked for.
    pub fn placed(
        &mut self,
        id: PictureId,
        display: &Display,
    ) -> Option<Result<Arc<Placed>, String>> {
        let state = self.states.get_mut(&id)?;
        let open = state.open.ready()?;
        if let Some(refused) = &state.refused {
            return Some(Err(refused.clone()));
        }
        if state.placed.is_none() {
            match display.picture(&open.rgb) {
                Ok(placed) => state.placed = Some(Arc::new(placed)),
                Err(error) => state.refused = Some(error.to_string()),
            }
        }
        match (&state.placed, &state.refused) {
            (Some(placed), _) => Some(Ok(Arc::clone(placed))),
            (None, refused) => Some(Err(refused.clone().unwrap_or_default())),
        }
    }

    /// Forgets a picture's pixels, so that the next question reads the file again.
    pub fn forget(&mut self, id: PictureId) {
        self.states.remove(&id);
    }

    /// Forgets all pictures: numbers mean others now.
    pub fn forget_all(&mut self) {
        self.states.clear();
    }

    /// Forgets what was on a device that is gone.
    pub fn device_changed(&mut self) {
        for state in self.states.values_mut() {
            state.placed = None;
            state.refused = None;
        }
    }

    /// Lets go what was not asked for lately, once it takes too much memory.
    fn evict(&mut self) {
        let bytes = |state: &State| {
            let open = state.open.ready();
            open.map_or(0, |open| {
                let (width, height) = open.size_px();
                width as usize * height as usize * 7
            })
        };
        let mut total: usize = self.states.values().map(bytes).sum();
        while total > MOST_BYTES {
            let idle = self
                .states
                .values_mut()
                .filter(|state| state.open.ready().is_some() && state.asked + 2 < self.frame);
            let Some(oldest) = idle.min_by_key(|state| state.asked) else {
                break;
            };
            total -= bytes(oldest);
            oldest.open = Slot::Empty;
            oldest.placed = None;
            oldest.overview = None;
        }
        let textures = self
            .states
            .values()
            .filter(|state| state.texture.is_some())
            .count();
        if textures > MOST_THUMBNAILS {
            let mut ages: Vec<u64> = self
                .states
                .values()
                .filter(|state| state.texture.is_some())
                .map(|state| state.thumbnail_asked)
                .collect();
            ages.sort_unstable();
            let limit = ages[textures - MOST_THUMBNAILS];
            for state in self.states.values_mut() {
                if state.thumbnail_asked < limit && state.thumbnail_asked + 2 < self.frame {
                    state.texture = None;
                    state.thumbnail = Slot::Empty;
                }
            }
        }
    }
}
