//! What an analysis found, as a scene: the picture with its map, marks and legend.
//!
//! Input: one map of [`Found`](crate::analysis::Found) and how it is to look. Output: a [`Scene`]. What is not chosen is
//! taken from what the numbers are: differences diverge around zero, distances are dark when small.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::channels::{ChannelMap, ChannelOverlay, Channels};
use super::isolines::Isolines;
use super::labels::{LabelMap, LabelOverlay};
use super::palette::label_color;
use super::view::{Ground, View};
use super::warp::{Partners, Warp};
use super::{
    Colormap, ColourBar, Component, ComponentLegend, FigureError, Label, LabelLegend, Legend, Mark,
    Overlay, Range, Sampling, Scene, grid_scene,
};
use crate::analysis::{FoundMap, Layer, PcaMap, ScalarMap, Scale};

/// Weight of numbers over a picture unless another one is chosen.
const ALPHA: f32 = 0.6;

/// How a map is to look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Weight of the map over the picture, in [0, 1].
    pub alpha: Option<f32>,
    /// Colors of numbers.
    pub colormap: Option<Colormap>,
    /// Values of the first and the last color.
    pub range: Range,
    /// Interpolation between patches.
    pub sampling: Option<Sampling>,
    /// How grey the picture becomes below the map, in [0, 1].
    pub desaturate: f32,
    /// How dark the picture becomes below principal components, in [0, 1].
    pub darken: f32,
    /// Lines of equal value.
    pub isolines: Option<Isolines>,
    /// Leaves out the strip below the picture.
    pub bare: bool,
}

impl Look {
    /// Draws a map of the picture `pictures[found.subject]`; `pictures` has one for each subject of the analysis.
    ///
    /// # Panics
    /// If the map belongs to a subject that has no picture.
    pub fn scene(
        &self,
        found: &FoundMap,
        pictures: &[RgbImage],
        marks: &[Mark],
    ) -> Result<Scene, FigureError> {
        let picture = &pictures[found.subject];
        match &found.layer {
            Layer::Scalar {
                map,
                scale,
                top,
                marked,
            } => {
                let outlines = marked.iter().map(|&patch| Mark::Patch(patch));
                let peaks = top.iter().zip(1..);
                let peaks = peaks.map(|(peak, rank)| Mark::Numbered(peak.patch, rank));
                let marks: Vec<Mark> = outlines.chain(peaks).chain(marks.iter().copied()).collect();
                self.scalar(found, map, *scale, picture, &marks)
            }
            Layer::Components {
                map,
                components,
                explained,
            } => self.components(found, map, (components, explained), picture),
            Layer::Labels {
                rows,
                cols,
                labels,
                sizes,
            } => {
                let map = LabelMap {
                    rows: *rows,
                    cols: *cols,
                    labels: labels.clone(),
                };
                self.labels(found, &map, sizes, picture)
            }
            Layer::Transfer {
                rows,
                cols,
                partners,
                other,
                other_grid,
                ..
            } => {
                let partners = Partners {
                    rows: *rows,
                    cols: *cols,
                    index: partners,
                    other: *other_grid,
                };
                self.transfer(found, &partners, picture, &pictures[*other])
            }
        }
    }

    /// The overlay that draws numbers of this scale.
    pub fn overlay(&self, scale: Scale) -> Overlay {
        let colormap = match scale {
            Scale::Difference => Colormap::Diverging,
            Scale::DistancePx => Colormap::Cividis,
            Scale::Cosine | Scale::Probability | Scale::Length => Colormap::Viridis,
        };
        Overlay {
            alpha: self.alpha.unwrap_or(ALPHA),
            colormap: self.colormap.unwrap_or(colormap),
            range: self.range,
            sampling: self.sampling.unwrap_or_default(),
            desaturate: self.desaturate,
            isolines: self.isolines,
        }
    }

    fn scalar(
        &self,
        found: &FoundMap,
        map: &ScalarMap,
        scale: Scale,
        picture: &RgbImage,
        marks: &[Mark],
    ) -> Result<Scene, FigureError> {
        let overlay = self.overlay(scale);
        let mut scene = Scene::picture(overlay.draw(picture, map)?)?;
        scene.mark(marks, (map.rows, map.cols));
        let mut note = sentence(&found.title);
        note.push_str(overlay.sampling.note());
        let legend = Legend::ColourBar(ColourBar {
            title: scale.label().to_owned(),
            unit: String::new(),
            colormap: overlay.colormap,
            limits: self.range.limits(&map.values, overlay.colormap)?,
            note,
        });
        Ok(self.finished(scene, legend))
    }

    /// Crisp cells of the map alone, unless a weight or an interpolation asks for the picture below.
    fn components(
        &self,
        found: &FoundMap,
        map: &PcaMap,
        (components, explained): (&[usize], &[f32]),
        picture: &RgbImage,
    ) -> Result<Scene, FigureError> {
        let over_picture = self.alpha.is_some() || self.sampling.is_some();
        let sampling = self.sampling.unwrap_or(Sampling::Nearest);
        let scene = if over_picture {
            let overlay = ChannelOverlay {
                alpha: self.alpha.unwrap_or(1.0),
                desaturate: self.desaturate,
                darken: self.darken,
                sampling,
                channels: Channels::first(map.k),
            };
            let channels = ChannelMap {
                rows: map.rows,
                cols: map.cols,
                k: map.k,
                values: &map.colours,
                foreground: map.foreground.as_deref(),
            };
            Scene::picture(overlay.draw_on(&Ground::of(picture), &channels)?)?
        } else {
            grid_scene(&map.colours, (map.rows, map.cols), picture.dimensions())?
        };
        let entry = |(&number, &explained): (&usize, &f32)| Component {
            number,
            explained: Some(explained),
        };
        let legend = Legend::Components(ComponentLegend {
            title: found.title.clone(),
            components: components
                .iter()
                .zip(explained)
                .map(entry)
                .take(3)
                .collect(),
            note: sampling.note().to_owned(),
        });
        Ok(self.finished(scene, legend))
    }

    fn labels(
        &self,
        found: &FoundMap,
        map: &LabelMap,
        sizes: &[usize],
        picture: &RgbImage,
    ) -> Result<Scene, FigureError> {
        let defaults = LabelOverlay::default();
        let overlay = LabelOverlay {
            alpha: self.alpha.unwrap_or(defaults.alpha),
            desaturate: self.desaturate,
            sampling: self.sampling.unwrap_or(defaults.sampling),
            ..defaults
        };
        let scene = Scene::picture(overlay.draw(picture, map)?)?;
        let entry = |(number, &count): (usize, &usize)| Label {
            number,
            colour: label_color(number as u32),
            count,
        };
        let legend = Legend::Labels(LabelLegend {
            title: found.title.clone(),
            labels: sizes.iter().enumerate().map(entry).collect(),
            note: overlay.sampling.note().to_owned(),
        });
        Ok(self.finished(scene, legend))
    }

    fn transfer(
        &self,
        found: &FoundMap,
        partners: &Partners<'_>,
        picture: &RgbImage,
        other: &RgbImage,
    ) -> Result<Scene, FigureError> {
        let warp = match self.sampling {
            Some(Sampling::Nearest) => Warp::Crisp,
            _ => Warp::Smooth,
        };
        let size = picture.dimensions();
        let drawn = warp.draw(size, View::whole(size), partners, other)?;
        let scene = Scene::picture(over_grey(&drawn, picture))?;
        let note = format!("{}Grey: no partner.", sentence(&found.title));
        Ok(self.finished(scene, Legend::Note(note)))
    }

    fn finished(&self, scene: Scene, legend: Legend) -> Scene {
        if self.bare {
            scene
        } else {
            scene.with_legends(&[legend])
        }
    }
}

/// Opaque pixels of `drawn`, over the picture in grey and dimmed.
fn over_grey(drawn: &image::RgbaImage, picture: &RgbImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = drawn.get_pixel(x, y).0;
        if alpha > 0 {
            return image::Rgb([red, green, blue]);
        }
        let [r, g, b] = picture.get_pixel(x, y).0.map(u32::from);
        let grey = ((r * 54 + g * 183 + b * 19) / 256 / 2) as u8;
        image::Rgb([grey; 3])
    })
}

/// `text` as a sentence before another one; nothing for nothing.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}. ", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
