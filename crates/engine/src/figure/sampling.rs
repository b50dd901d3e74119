//! Values between patch centers.
//!
//! Input: one or several numbers a patch and a point of the grid. Output: the number there, from the patches around it.
//! Points are in patches from the upper left corner of the grid; a patch's value stands at its center, beyond the outer
//! centers the border goes on. Twin of `shaders/shared/sample.wgsl`. Sources: Keys 1981, "Cubic convolution
//! interpolation for digital image processing"; Kopf et al. 2007, "Joint bilateral upsampling".

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FigureError;
use super::guide::Guide;
use super::view::check_number;

/// Share of the spatial weight that no difference of color takes away: where no patch has the pixel's color, distance
/// alone decides.
const RANGE_FLOOR: f32 = 1e-3;

/// How values between patch centers are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Linear between the four nearest centers.
    #[default]
    Bilinear,
    /// The patch itself, with crisp edges.
    Nearest,
    /// Catmull-Rom between the sixteen nearest centers: smooth, overshoots a little at steps.
    Bicubic,
    /// Weighted by distance and by likeness of color, so that edges follow the picture.
    JointBilateral(JointBilateral),
}

/// Settings of edge-aware sampling over the 5 × 5 patches around a point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JointBilateral {
    /// Standard deviation of the distance to a patch's center, in patches.
    pub spatial_sigma: f32,
    /// Standard deviation of the distance between the pixel's and a patch's mean color, Euclidean over RGB in [0, 1].
    pub range_sigma: f32,
}

impl Default for JointBilateral {
    fn default() -> Self {
        Self {
            spatial_sigma: 0.75,
            range_sigma: 0.10,
        }
    }
}

impl Sampling {
    /// All ways, with their default settings, in the order of a menu.
    pub const ALL: [Self; 4] = [
        Self::Nearest,
        Self::Bilinear,
        Self::Bicubic,
        Self::JointBilateral(JointBilateral {
            spatial_sigma: 0.75,
            range_sigma: 0.10,
        }),
    ];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::JointBilateral(_) => "joint_bilateral",
        }
    }

    /// What is interpolated, for a legend.
    pub fn note(self) -> &'static str {
        match self {
            Self::Nearest => "One value per patch, not interpolated.",
            Self::Bilinear => "Bilinear between patch centers.",
            Self::Bicubic => "Bicubic (Catmull-Rom) between patch centers.",
            Self::JointBilateral(_) => {
                "Joint bilateral between patch centers: edges finer than a patch come from the picture, not from the model."
            }
        }
    }

    /// How the height is found that lines of equal value follow: lines along every hair of the picture could not be
    /// read, so they are bicubic where the colors are joint bilateral.
    #[must_use]
    pub fn of_lines(self) -> Self {
        match self {
            Self::JointBilateral(_) => Self::Bicubic,
            other => other,
        }
    }

    /// An error unless both deviations lie in [0.01, 10].
    pub fn check(self) -> Result<(), FigureError> {
        let Self::JointBilateral(settings) = self else {
            return Ok(());
        };
        check_number("spatial_sigma", settings.spatial_sigma, 0.01, 10.0)?;
        check_number("range_sigma", settings.range_sigma, 0.01, 10.0)
    }
}

impl FromStr for Sampling {
    type Err = FigureError;

    fn from_str(name: &str) -> Result<Self, FigureError> {
        let found = Self::ALL.into_iter().find(|way| way.name() == name);
        found.ok_or_else(|| FigureError::Setting {
            name: "sampling",
            expected: format!("one of {}", Self::ALL.map(Self::name).join(", ")),
            found: name.to_owned(),
        })
    }
}

/// A grid that values are sampled on. Copies are cheap.
#[derive(Clone, Copy, Debug)]
pub struct Sampler<'a> {
    rows: usize,
    cols: usize,
    sampling: Sampling,
    guide: Option<&'a Guide>,
}

impl<'a> Sampler<'a> {
    /// A sampler of `rows` × `cols` patches, both at least 1.
    ///
    /// # Panics
    /// Joint bilateral sampling needs the guide of this grid.
    pub fn new((rows, cols): (usize, usize), sampling: Sampling, guide: Option<&'a Guide>) -> Self {
        if matches!(sampling, Sampling::JointBilateral(_)) {
            let found = guide.map(Guide::grid);
            assert_eq!(found, Some((rows, cols)), "grid of the guide");
        }
        Self {
            rows,
            cols,
            sampling,
            guide,
        }
    }

    /// How it samples.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Flat number of the patch under a point.
    pub fn patch_at(&self, [x, y]: [f32; 2]) -> usize {
        cell(y, self.rows) * self.cols + cell(x, self.cols)
    }

    /// Value of one-channel `values` `[rows, cols]` at a point, NaN patches left out; `None` if the patch under it is.
    /// `photo`: the picture's color there.
    pub fn value(&self, values: &[f32], at: [f32; 2], photo: [f32; 3]) -> Option<f32> {
        let left_out = |patch: usize| values[patch].is_nan();
        let found = self.blend(at, photo, left_out, |patch| [values[patch]])?;
        Some(found[0])
    }

    /// Weighted mean at a point of what `value_of` says of the patches around it, those that are `left_out` without a
    /// weight; `None` if the patch under the point is left out.
    pub fn blend<const K: usize>(
        &self,
        at: [f32; 2],
        photo: [f32; 3],
        left_out: impl Fn(usize) -> bool,
        value_of: impl Fn(usize) -> [f32; K],
    ) -> Option<[f32; K]> {
        let own = self.patch_at(at);
        if left_out(own) {
            return None;
        }
        if self.sampling == Sampling::Nearest {
            return Some(value_of(own));
        }
        let (mut sum, mut weights, mut complete) = ([0.0; K], 0.0, true);
        let (mut least, mut most) = ([f32::INFINITY; K], [f32::NEG_INFINITY; K]);
        self.each_tap(at, photo, |patch, weight| {
            if left_out(patch) {
                complete &= weight == 0.0;
                return;
            }
            weights += weight;
            for (i, value) in value_of(patch).into_iter().enumerate() {
                sum[i] += weight * value;
                least[i] = least[i].min(value);
                most[i] = most[i].max(value);
            }
        });
        // The own patch outweighs all negative weights. Without some of its neighbors bicubic could still shoot far
        // beyond the values that are left.
        let mean = sum.map(|sum| sum / weights);
        if complete {
            return Some(mean);
        }
        Some(std::array::from_fn(|i| mean[i].max(least[i]).min(most[i])))
    }

    /// Calls `visit` with the flat number and the weight of every patch that takes part in the value at a point; the
    /// weights do not sum to one.
    pub fn each_tap(&self, at: [f32; 2], photo: [f32; 3], mut visit: impl FnMut(usize, f32)) {
        let corner = at.map(|at| (at - 0.5).floor());
        let part = [0, 1].map(|axis| at[axis] - 0.5 - corner[axis]);
        match self.sampling {
            Sampling::Nearest => visit(self.patch_at(at), 1.0),
            Sampling::Bilinear => {
                let [across, down] = part.map(|part| [1.0 - part, part]);
                self.each_product(corner, across, down, visit);
            }
            Sampling::Bicubic => {
                let weights = |part: f32| [part + 1.0, part, 1.0 - part, 2.0 - part];
                let [across, down] = part.map(|part| weights(part).map(catmull_rom));
                self.each_product(corner.map(|at| at - 1.0), across, down, visit);
            }
            Sampling::JointBilateral(settings) => {
                if let Some(guide) = self.guide {
                    self.each_alike(at, photo, settings, guide, &mut visit);
                }
            }
        }
    }

    fn each_product<const N: usize>(
        &self,
        first: [f32; 2],
        across: [f32; N],
        down: [f32; N],
        mut visit: impl FnMut(usize, f32),
    ) {
        for (row, weight_y) in down.into_iter().enumerate() {
            for (col, weight_x) in across.into_iter().enumerate() {
                let patch = self.patch_at([first[0] + col as f32, first[1] + row as f32]);
                visit(patch, weight_x * weight_y);
            }
        }
    }

    fn each_alike(
        &self,
        at: [f32; 2],
        photo: [f32; 3],
        settings: JointBilateral,
        guide: &Guide,
        visit: &mut impl FnMut(usize, f32),
    ) {
        let [spatial, range] =
            [settings.spatial_sigma, settings.range_sigma].map(exponent_of_sigma);
        let (own_row, own_col) = (cell(at[1], self.rows), cell(at[0], self.cols));
        let near = |patch: usize, at: f32| {
            let away = at - (patch as f32 + 0.5);
            (-away * away * spatial).exp()
        };
        let cols = own_col.saturating_sub(2)..(own_col + 3).min(self.cols);
        let mut near_x = [0.0; 5];
        for (near_x, col) in near_x.iter_mut().zip(cols.clone()) {
            *near_x = near(col, at[0]);
        }
        for row in own_row.saturating_sub(2)..(own_row + 3).min(self.rows) {
            let near_y = near(row, at[1]);
            let patches = row * self.cols + cols.start..row * self.cols + cols.end;
            let colors = guide.colors()[patches.start * 3..patches.end * 3].chunks_exact(3);
            for ((patch, color), near_x) in patches.zip(colors).zip(near_x) {
                let squares = [0, 1, 2].map(|i| (photo[i] - color[i]) * (photo[i] - color[i]));
                let alike = (-(squares[0] + squares[1] + squares[2]) * range).exp();
                visit(patch, near_y * near_x * (alike + RANGE_FLOOR));
            }
        }
    }
}

/// `1 / 2σ²`.
pub(super) fn exponent_of_sigma(sigma: f32) -> f32 {
    0.5 / (sigma * sigma)
}

/// Catmull-Rom's kernel, Keys' with a = −1/2, at a distance of 0 to 2.
fn catmull_rom(away: f32) -> f32 {
    if away <= 1.0 {
        (1.5 * away - 2.5) * away * away + 1.0
    } else {
        ((-0.5 * away + 2.5) * away - 4.0) * away + 2.0
    }
}

/// The cell of `count` under `at`; beyond either end the outer one.
#[expect(clippy::cast_sign_loss, reason = "clamped at 0")]
fn cell(at: f32, count: usize) -> usize {
    (at.max(0.0) as usize).min(count - 1)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values compared are exact in f32")]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    const GREY: [f32; 3] = [0.5; 3];

    fn smooth() -> [Sampling; 3] {
        [
            Sampling::Bilinear,
            Sampling::Bicubic,
            Sampling::JointBilateral(JointBilateral::default()),
        ]
    }

    fn flat_guide(rows: usize, cols: usize) -> Guide {
        let picture = RgbImage::from_pixel(16, 16, Rgb([128; 3]));
        Guide::of(&picture, rows, cols).unwrap()
    }

    #[test]
    fn values_stand_at_patch_centres_and_are_linear_between_them() {
        let ramp = [0.0, 1.0, 4.0];
        let at = |sampling: Sampling, x: f32| {
            let sampler = Sampler::new((1, 3), sampling, None);
            sampler.value(&ramp, [x, 0.3], GREY).unwrap()
        };
        assert_eq!(
            [0.5, 1.5, 2.5].map(|x| at(Sampling::Bilinear, x)),
            [0.0, 1.0, 4.0]
        );
        assert_eq!([1.0, 2.0].map(|x| at(Sampling::Bilinear, x)), [0.5, 2.5]);
        assert_eq!([0.1, 2.9].map(|x| at(Sampling::Bilinear, x)), [0.0, 4.0]);
        assert_eq!(
            [0.5, 1.5, 2.5].map(|x| at(Sampling::Bicubic, x)),
            [0.0, 1.0, 4.0]
        );
        assert_eq!(at(Sampling::Nearest, 1.99), 1.0);
    }

    #[test]
    fn bicubic_continues_a_parabola() {
        // Catmull-Rom is exact for polynomials up to the second degree.
        let parabola: Vec<f32> = (0..8).map(|i| (i as f32 + 0.5).powi(2)).collect();
        let sampler = Sampler::new((1, 8), Sampling::Bicubic, None);
        for i in 0..40 {
            let x = 2.5 + i as f32 * 0.075;
            let found = sampler.value(&parabola, [x, 0.5], GREY).unwrap();
            assert!((found - x * x).abs() < 1e-4, "{x}: {found}");
        }
    }

    #[test]
    fn a_constant_stays_constant_also_beside_holes() {
        let (rows, cols) = (4, 5);
        let guide = flat_guide(rows, cols);
        let mut values = vec![3.5; rows * cols];
        for hole in [0, 7, 8, 13, 19] {
            values[hole] = f32::NAN;
        }
        for sampling in smooth() {
            let sampler = Sampler::new((rows, cols), sampling, Some(&guide));
            for i in 0..400 {
                let at = [(i % 20) as f32 * 0.26, (i / 20) as f32 * 0.21];
                let found = sampler.value(&values, at, GREY);
                let own_is_hole = values[sampler.patch_at(at)].is_nan();
                assert_eq!(found.is_none(), own_is_hole, "{sampling:?} {at:?}");
                let off = found.map_or(0.0, |found| (found - 3.5).abs());
                assert!(off < 1e-5, "{sampling:?} {at:?}: {found:?}");
            }
        }
    }

    #[test]
    fn beside_holes_values_stay_within_those_that_are_left() {
        let mut values = vec![f32::NAN; 16];
        (values[5], values[6], values[9]) = (0.0, 1.0, 1.0);
        let guide = flat_guide(4, 4);
        for sampling in smooth() {
            let sampler = Sampler::new((4, 4), sampling, Some(&guide));
            for i in 0..100 {
                let at = [1.05 + (i % 10) as f32 * 0.1, 1.05 + (i / 10) as f32 * 0.1];
                let found = sampler.value(&values, at, GREY).unwrap();
                assert!((0.0..=1.0).contains(&found), "{sampling:?} {at:?}: {found}");
            }
        }
    }

    #[test]
    fn joint_bilateral_follows_the_pictures_edge_inside_a_patch() {
        // The picture's edge lies in the middle of the third of four patches, the map's at its left border.
        let picture = RgbImage::from_fn(40, 10, |x, _| Rgb([if x < 25 { 0 } else { 255 }; 3]));
        let guide = Guide::of(&picture, 1, 4).unwrap();
        let sampling = Sampling::JointBilateral(JointBilateral::default());
        let sampler = Sampler::new((1, 4), sampling, Some(&guide));
        let values = [0.0, 0.0, 0.5, 1.0];
        let at = |x: f32, color: f32| sampler.value(&values, [x, 0.5], [color; 3]).unwrap();
        assert!(at(2.4, 0.0) < 0.1, "{}", at(2.4, 0.0));
        assert!(at(2.6, 1.0) > 0.9, "{}", at(2.6, 1.0));
        // No patch is green: distance alone decides, and the nearest patch counts most.
        let green = sampler.value(&values, [2.5, 0.5], [0.0, 1.0, 0.0]).unwrap();
        assert!((0.3..0.7).contains(&green), "{green}");
    }

    #[test]
    fn names_read_back_and_bad_deviations_are_errors() {
        for way in Sampling::ALL {
            assert_eq!(way.name().parse::<Sampling>().unwrap(), way);
            assert!(way.check().is_ok() && way.note().ends_with('.'));
            let json = serde_json::to_value(way).unwrap();
            assert_eq!(serde_json::from_value::<Sampling>(json).unwrap(), way);
        }
        assert!("lanczos".parse::<Sampling>().is_err());
        let none = JointBilateral {
            range_sigma: 0.0,
            ..JointBilateral::default()
        };
        assert!(Sampling::JointBilateral(none).check().is_err());
    }
}
