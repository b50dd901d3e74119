//! A map over a picture on a canvas of the window: what a view keeps on the device.
//!
//! Input: what to draw and which part of the picture. Output: a texture and the part of it that was drawn. Nothing is
//! submitted while neither of the two changes, so an idle window computes nothing.

use std::sync::Arc;

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::{PcaBasis, ScalarMap};
use dinoscope_engine::figure::channels::ChannelOverlay;
use dinoscope_engine::figure::labels::{LabelMap, LabelOverlay};
use dinoscope_engine::figure::palette::palette;
use dinoscope_engine::figure::warp::{Partners, Warp};
use dinoscope_engine::figure::{Overlay, View};
use dinoscope_engine::gpu::{Canvas, GpuError, LabelView, PcaView, ScalarView, SimilarityView};
use egui::{Rect, TextureId, Vec2, pos2};

use super::display::{Display, Placed, Texture};

/// Canvases grow in these steps, so that a dragged border does not allocate in every frame.
const STEP_PX: u32 = 256;

/// What is drawn over the picture.
#[derive(Clone, Debug)]
pub enum Content {
    /// The picture alone.
    Photo,
    /// Cosines of all patches to a query `[dim]`, computed on the device.
    Query {
        /// The features.
        map: FeatureMap,
        /// What they are compared with.
        query: Arc<[f32]>,
        /// How it looks.
        overlay: Overlay,
    },
    /// Numbers that were computed elsewhere.
    Values {
        /// The numbers.
        values: Arc<ScalarMap>,
        /// How they look.
        overlay: Overlay,
    },
    /// Groups.
    Labels {
        /// The groups.
        labels: Arc<LabelMap>,
        /// How they look.
        overlay: LabelOverlay,
    },
    /// The colors of another picture at the places that match; nothing where a patch has no partner.
    Warp {
        /// Flat number of each patch's partner `[rows · cols]`, `u32::MAX` without one.
        partners: Arc<[u32]>,
        /// Rows and columns of this picture's patches and of the other's.
        grids: [(usize, usize); 2],
        /// The other picture.
        other: Arc<Placed>,
    },
    /// Principal components as colors.
    Components {
        /// The features.
        map: FeatureMap,
        /// The axes.
        basis: Arc<PcaBasis>,
        /// Patches that are drawn, `[rows · cols]`; all without it.
        foreground: Option<Arc<[bool]>>,
        /// How they look.
        overlay: ChannelOverlay,
    },
}

/// The kernels of one kind of content, bound to one picture.
#[derive(Debug)]
enum Bound {
    Photo(ScalarView),
    Query(SimilarityView),
    Values(ScalarView),
    Labels(LabelView),
    Components(PcaView),
    Warp(Canvas),
}

/// What a [`Painting`] was last drawn from.
struct Drawn {
    content: Content,
    view: View,
}

/// A canvas with what it shows.
pub struct Painting {
    bound: Bound,
    /// Identity of the picture that the kernels are bound to.
    picture: usize,
    allocated_px: [u32; 2],
    texture: Texture,
    drawn: Option<Drawn>,
}

impl std::fmt::Debug for Painting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Painting")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// A finished drawing.
#[derive(Clone, Copy, Debug)]
pub struct Painted {
    /// What egui draws.
    pub texture: TextureId,
    /// The part of the texture that was drawn, in [0, 1]².
    pub uv: Rect,
}

impl Painting {
    /// Draws `content` over the part of `picture` that `view` names, and keeps in `slot` what can be used again.
    pub fn draw(
        slot: &mut Option<Self>,
        display: &Display,
        picture: &Placed,
        content: &Content,
        view: View,
    ) -> Result<Painted, GpuError> {
        let fits = slot
            .as_ref()
            .is_some_and(|old| old.serves(picture, content, view.out_px));
        if !fits {
            // The old one goes first: both together might not fit the device.
            *slot = None;
            *slot = Some(Self::new(display, picture, content, view.out_px)?);
        }
        let Some(painting) = slot else {
            unreachable!("made above")
        };
        painting.redraw(display, picture, (content, view))?;
        Ok(painting.painted(view.out_px))
    }

    fn serves(&self, picture: &Placed, content: &Content, out_px: [u32; 2]) -> bool {
        let [width, height] = self.allocated_px;
        let room = out_px[0] <= width && out_px[1] <= height;
        // Much too large wastes memory.
        let tight = width <= 2 * out_px[0] + STEP_PX && height <= 2 * out_px[1] + STEP_PX;
        if self.picture != identity(picture) || !room || !tight {
            return false;
        }
        let old = self.drawn.as_ref().map(|drawn| &drawn.content);
        match (&self.bound, content) {
            (Bound::Photo(_), Content::Photo) | (Bound::Warp(_), Content::Warp { .. }) => true,
            (Bound::Query(_), Content::Query { map, .. }) => {
                matches!(old, Some(Content::Query { map: old, .. }) if same_map(old, map))
            }
            (Bound::Values(_), Content::Values { values, .. }) => {
                matches!(old, Some(Content::Values { values: old, .. })
                    if (old.rows, old.cols) == (values.rows, values.cols))
            }
            (Bound::Labels(_), Content::Labels { labels, .. }) => {
                matches!(old, Some(Content::Labels { labels: old, .. }) if Arc::ptr_eq(old, labels))
            }
            (
                Bound::Components(_),
                Content::Components {
                    map,
                    basis,
                    foreground,
                    ..
                },
            ) => {
                matches!(old, Some(Content::Components { map: m, basis: b, foreground: f, .. })
                    if same_map(m, map) && Arc::ptr_eq(b, basis) && same_mask(f.as_ref(), foreground.as_ref()))
            }
            _ => false,
        }
    }

    fn new(
        display: &Display,
        picture: &Placed,
        content: &Content,
        out_px: [u32; 2],
    ) -> Result<Self, GpuError> {
        let gpu = display.gpu();
        let allocated_px = out_px.map(|side| side.max(1).next_multiple_of(STEP_PX));
        let on_device = &picture.on_device;
        let bound = match content {
            Content::Warp { .. } => Bound::Warp(gpu.canvas(allocated_px)?),
            Content::Photo => {
                let mut view = ScalarView::new(gpu, (1, 1), on_device, allocated_px)?;
                view.set(&[0.0])?;
                Bound::Photo(view)
            }
            Content::Query { map, .. } => {
                Bound::Query(SimilarityView::new(gpu, map, on_device, allocated_px)?)
            }
            Content::Values { values, .. } => {
                let grid = (values.rows, values.cols);
                Bound::Values(ScalarView::new(gpu, grid, on_device, allocated_px)?)
            }
            Content::Labels { labels, .. } => {
                let colors = palette(labels.colors());
                let map = (&labels.labels[..], (labels.rows, labels.cols));
                Bound::Labels(LabelView::new(gpu, map, &colors, on_device, allocated_px)?)
            }
            Content::Components {
                map,
                basis,
                foreground,
                ..
            } => Bound::Components(PcaView::new(
                gpu,
                map,
                basis,
                foreground.as_deref(),
                on_device,
                allocated_px,
            )?),
        };
        Ok(Self {
            texture: display.register(bound.canvas()),
            bound,
            picture: identity(picture),
            allocated_px,
            drawn: None,
        })
    }

    fn redraw(
        &mut self,
        display: &Display,
        picture: &Placed,
        (content, view): (&Content, View),
    ) -> Result<(), GpuError> {
        let drawn = self.drawn.take();
        let same_view = drawn.as_ref().is_some_and(|drawn| drawn.view == view);
        let old = drawn.as_ref().map(|drawn| &drawn.content);
        match (&mut self.bound, content) {
            (Bound::Photo(photo), _) => {
                if !same_view {
                    photo.show(&photo_overlay(), view)?;
                }
            }
            (Bound::Query(shown), Content::Query { query, overlay, .. }) => {
                let before = match old {
                    Some(Content::Query { query, overlay, .. }) => Some((query, overlay)),
                    _ => None,
                };
                match before {
                    Some((old, before)) if same_numbers(old, query) => {
                        if !same_view || before != overlay {
                            shown.redraw(overlay, view)?;
                        }
                    }
                    _ => shown.show(query, overlay, view)?,
                }
            }
            (Bound::Values(shown), Content::Values { values, overlay }) => {
                let (same_values, same_look) = match old {
                    Some(Content::Values {
                        values: old,
                        overlay: look,
                    }) => (Arc::ptr_eq(old, values), look == overlay),
                    _ => (false, false),
                };
                if !same_values {
                    shown.set(&values.values)?;
                }
                if !(same_values && same_look && same_view) {
                    shown.show(overlay, view)?;
                }
            }
            (Bound::Labels(shown), Content::Labels { overlay, .. }) => {
                let same =
                    matches!(old, Some(Content::Labels { overlay: look, .. }) if look == overlay);
                if !(same && same_view) {
                    shown.show(overlay, view)?;
                }
            }
            (Bound::Components(shown), Content::Components { overlay, .. }) => {
                let same = matches!(old, Some(Content::Components { overlay: look, .. }) if look == overlay);
                if !(same && same_view) {
                    shown.show(overlay, view)?;
                }
            }
            (
                Bound::Warp(canvas),
                Content::Warp {
                    partners,
                    grids,
                    other,
                },
            ) => {
                let same = matches!(old, Some(Content::Warp { partners: p, other: o, .. })
                    if Arc::ptr_eq(p, partners) && Arc::ptr_eq(o, other));
                if !(same && same_view) {
                    let partners = Partners {
                        rows: grids[0].0,
                        cols: grids[0].1,
                        index: partners,
                        other: grids[1],
                    };
                    let this_px = picture.shown.dimensions();
                    let gpu = display.gpu();
                    gpu.draw_warp(
                        Warp::Smooth,
                        this_px,
                        &partners,
                        &other.on_device,
                        (canvas, view),
                    )?;
                }
            }
            _ => unreachable!("a painting serves its own kind of content only"),
        }
        self.drawn = Some(Drawn {
            content: content.clone(),
            view,
        });
        Ok(())
    }

    fn painted(&self, out_px: [u32; 2]) -> Painted {
        let [width, height] = self.allocated_px;
        let size = Vec2::new(
            out_px[0] as f32 / width as f32,
            out_px[1] as f32 / height as f32,
        );
        Painted {
            texture: self.texture.id(),
            uv: Rect::from_min_size(pos2(0.0, 0.0), size),
        }
    }
}

impl Bound {
    fn canvas(&self) -> &Canvas {
        match self {
            Self::Photo(view) | Self::Values(view) => view.canvas(),
            Self::Query(view) => view.canvas(),
            Self::Labels(view) => view.canvas(),
            Self::Components(view) => view.canvas(),
            Self::Warp(canvas) => canvas,
        }
    }
}

/// The picture as it is.
fn photo_overlay() -> Overlay {
    Overlay {
        alpha: 0.0,
        desaturate: 0.0,
        ..Overlay::default()
    }
}

fn identity(picture: &Placed) -> usize {
    Arc::as_ptr(&picture.shown) as usize
}

fn same_map(a: &FeatureMap, b: &FeatureMap) -> bool {
    std::ptr::eq(a.values(), b.values())
}

fn same_mask(a: Option<&Arc<[bool]>>, b: Option<&Arc<[bool]>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_numbers(a: &Arc<[f32]>, b: &Arc<[f32]>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}
