//! Principal components of patch features, as numbers and as colours.
//!
//! Input: maps of one or several pictures, optional foreground masks, an optional frozen basis. Output: the basis, and
//! for each map `[rows, cols, k]` projections and colours. Source: `spec/05`, section 1; golden case `pca`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::basis::{PcaBasis, check_masks};
use super::foreground::foreground;
use super::knobs::Knobs;
use super::subject::{Context, Found, FoundMap, Layer, Subject};
use super::{AnalysisError, Analyze, Compute, ScalarMap, bad_setting};
use crate::feature_map::FeatureMap;

pub use super::projection::{colours, project, whiten};

/// Components that a fit keeps when it can, so that a saved basis can show others later.
const KEPT_COMPONENTS: usize = 6;

/// Settings of a principal component analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pca {
    /// Which components to show, 0-based, in the order red, green, blue; at least one.
    pub components: Vec<usize>,
    /// Places in `components`, 0-based, whose sign is turned: a component has no sign of its own.
    pub flip: Vec<usize>,
    /// Find the foreground by the first component, fit on it alone and blacken the rest. Given masks come first.
    pub foreground: bool,
    /// Where the first component, in standard deviations, is cut for that; found from its values without one.
    pub threshold: Option<f32>,
    /// Takes the other side of the cut.
    pub invert: bool,
    /// Divide each projection by its standard deviation. The colours always come from whitened projections, as in
    /// the reference.
    pub whiten: bool,
    /// A saved basis that is used as it is instead of a fit.
    pub basis: Option<PathBuf>,
    /// A saved basis whose order and signs the fitted one takes over, so that figures share their colours.
    pub align: Option<PathBuf>,
}

impl Default for Pca {
    fn default() -> Self {
        Self {
            components: vec![0, 1, 2],
            flip: Vec::new(),
            foreground: false,
            threshold: None,
            invert: false,
            whiten: false,
            basis: None,
            align: None,
        }
    }
}

/// What an analysis found.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaResult {
    /// The basis that was fitted or given.
    pub basis: PcaBasis,
    /// One for each map, in their order.
    pub maps: Vec<PcaMap>,
}

/// Components of one map.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaMap {
    /// Patches from top to bottom.
    pub rows: usize,
    /// Patches from left to right.
    pub cols: usize,
    /// Components shown.
    pub k: usize,
    /// Projections `[rows, cols, k]`, whitened if that was asked for; background patches too.
    pub values: Vec<f32>,
    /// `[rows, cols, k]` in [0, 1]; 0 in the background.
    pub colours: Vec<f32>,
    /// `[rows · cols]`, if there is a foreground.
    pub foreground: Option<Vec<bool>>,
}

impl Analyze for Pca {
    fn id(&self) -> &'static str {
        "pca"
    }

    fn title(&self) -> &'static str {
        "Principal components"
    }

    fn about(&self) -> &'static str {
        "What varies most among the patches of all pictures together, as red, green and blue."
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        knobs.ints(
            "components",
            "Components shown as red, green, blue.",
            &mut self.components,
        );
        let help = "Places among these whose sign is turned.";
        knobs.ints("flip", help, &mut self.flip);
        let help = "Finds the foreground, fits on it alone and blackens the rest.";
        knobs.toggle("foreground", help, &mut self.foreground);
        let help = "Where the first component is cut for that, in standard deviations.";
        knobs.maybe("threshold", help, &mut self.threshold, -10.0..=10.0);
        knobs.toggle(
            "invert",
            "Takes the other side of the cut.",
            &mut self.invert,
        );
        let help = "Divides values by their standard deviation; colors always are.";
        knobs.toggle("whiten", help, &mut self.whiten);
        knobs.file(
            "basis",
            "A saved basis to use instead of a fit.",
            &mut self.basis,
        );
        let help = "A saved basis whose order and signs the fitted one takes over.";
        knobs.file("align", help, &mut self.align);
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let maps: Vec<FeatureMap> = subjects.iter().map(|it| it.features.clone()).collect();
        let frozen = self.basis.as_deref().map(PcaBasis::load).transpose()?;
        let found = self.maps(&maps, None, frozen.as_ref(), &cx.compute)?;
        let numbers: Vec<String> = self.components.iter().map(usize::to_string).collect();
        let title = format!("principal components {}", numbers.join(", "));
        let ratio = &found.basis.explained_variance_ratio;
        let explained: Vec<f32> = self.components.iter().map(|&i| ratio[i]).collect();
        let show = |(subject, map): (usize, PcaMap)| FoundMap {
            subject,
            title: title.clone(),
            layer: Layer::Components {
                map,
                components: self.components.clone(),
                explained: explained.clone(),
            },
        };
        Ok(Found {
            maps: found.maps.into_iter().enumerate().map(show).collect(),
            basis: Some(found.basis),
            ..Found::default()
        })
    }
}

impl Pca {
    /// Fits one basis on all `maps` together, or takes the frozen `basis`, and projects every patch.
    ///
    /// `masks`: `[rows · cols]` a map; only their true patches are fitted and coloured.
    pub fn maps(
        &self,
        maps: &[FeatureMap],
        masks: Option<&[Vec<bool>]>,
        basis: Option<&PcaBasis>,
        compute: &Compute,
    ) -> Result<PcaResult, AnalysisError> {
        let Some(last) = self.components.iter().max() else {
            return Err(bad_setting("components", "at least one", &"empty"));
        };
        if let Some(place) = self.flip.iter().find(|&&at| at >= self.components.len()) {
            return Err(bad_setting("flip", "places among the components", place));
        }
        check_masks(maps, masks)?;
        let found = match masks {
            None if self.foreground => Some(self.first_component_foreground(maps, compute)?),
            _ => None,
        };
        let masks = masks.or(found.as_deref());
        let basis = match basis {
            Some(basis) => basis.clone(),
            None => self.aligned(fit_keeping(maps, masks, last + 1)?)?,
        };
        if *last >= basis.len() {
            return Err(AnalysisError::Component {
                asked: *last,
                available: basis.len(),
            });
        }
        let show = |(at, map): (usize, &FeatureMap)| {
            self.show(
                map,
                masks.map(|masks| masks[at].as_slice()),
                &basis,
                compute,
            )
        };
        let maps = maps
            .iter()
            .enumerate()
            .map(show)
            .collect::<Result<_, _>>()?;
        Ok(PcaResult { basis, maps })
    }

    fn aligned(&self, basis: PcaBasis) -> Result<PcaBasis, AnalysisError> {
        match &self.align {
            Some(path) => basis.aligned_to(&PcaBasis::load(path)?),
            None => Ok(basis),
        }
    }

    /// Masks from the first component of a fit on every patch.
    fn first_component_foreground(
        &self,
        maps: &[FeatureMap],
        compute: &Compute,
    ) -> Result<Vec<Vec<bool>>, AnalysisError> {
        let basis = PcaBasis::fit(maps, None, 1)?;
        let score = |map: &FeatureMap| {
            Ok(ScalarMap {
                rows: map.rows(),
                cols: map.cols(),
                values: whiten(&compute.project(map, &basis, &[0])?, &basis, &[0]),
            })
        };
        let scores = maps
            .iter()
            .map(score)
            .collect::<Result<Vec<_>, AnalysisError>>()?;
        let mut masks = match self.threshold {
            None => foreground(&scores),
            Some(cut) => scores
                .iter()
                .map(|map| map.values.iter().map(|&value| value > cut).collect())
                .collect(),
        };
        if self.invert {
            for inside in masks.iter_mut().flatten() {
                *inside = !*inside;
            }
        }
        Ok(masks)
    }

    fn show(
        &self,
        map: &FeatureMap,
        mask: Option<&[bool]>,
        basis: &PcaBasis,
        compute: &Compute,
    ) -> Result<PcaMap, AnalysisError> {
        let k = self.components.len();
        let mut values = compute.project(map, basis, &self.components)?;
        for patch in values.chunks_exact_mut(k) {
            for &place in &self.flip {
                patch[place] = -patch[place];
            }
        }
        let whitened = whiten(&values, basis, &self.components);
        let mut colours = colours(&whitened);
        if let Some(mask) = mask {
            blacken(&mut colours, mask, k);
        }
        Ok(PcaMap {
            rows: map.rows(),
            cols: map.cols(),
            k,
            values: if self.whiten { whitened } else { values },
            colours,
            foreground: mask.map(<[bool]>::to_vec),
        })
    }
}

/// Sets the colours `[patches, k]` outside `mask` `[patches]` to 0.
pub fn blacken(colours: &mut [f32], mask: &[bool], k: usize) {
    for (colour, inside) in colours.chunks_exact_mut(k).zip(mask) {
        if !inside {
            colour.fill(0.0);
        }
    }
}

/// Fits `needed` components, and up to `KEPT_COMPONENTS` where the patches allow it.
fn fit_keeping(
    maps: &[FeatureMap],
    masks: Option<&[Vec<bool>]>,
    needed: usize,
) -> Result<PcaBasis, AnalysisError> {
    let patches = match masks {
        Some(masks) => masks.iter().flatten().filter(|&&inside| inside).count(),
        None => maps.iter().map(FeatureMap::patches).sum(),
    };
    let dim = maps.first().map_or(0, FeatureMap::dim);
    let available = patches.saturating_sub(1).min(dim);
    PcaBasis::fit(maps, masks, needed.max(KEPT_COMPONENTS.min(available)))
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, assert_close};
    use super::*;
    use crate::feature_map::dot;

    fn inputs(golden: &Golden) -> (Vec<FeatureMap>, Vec<Vec<bool>>) {
        let count = golden
            .names()
            .iter()
            .filter(|name| name.starts_with("input.features_"))
            .count();
        let mask = |i: usize| golden.bytes(&format!("input.foreground_{i}")).1;
        let masks = (0..count).map(|i| mask(i).iter().map(|&byte| byte == 1).collect());
        let maps = (0..count).map(|i| golden.map(&format!("input.features_{i}")));
        (maps.collect(), masks.collect())
    }

    /// Turns both lists' component `i` of `k` so that they can be compared: signs are arbitrary.
    fn signs(basis: &PcaBasis, expected: &[f32], k: usize) -> Vec<f32> {
        let sign = |i: usize| {
            let expected = &expected[i * basis.dim()..][..basis.dim()];
            1.0_f32.copysign(dot(basis.component(i), expected))
        };
        (0..k).map(sign).collect()
    }

    fn check_golden(run: &str, use_masks: bool) {
        let golden = Golden::open("pca");
        let (maps, masks) = inputs(&golden);
        let masks = use_masks.then_some(masks.as_slice());
        let settings = Pca {
            whiten: true,
            ..Pca::default()
        };
        let found = settings.maps(&maps, masks, None, &Compute::cpu()).unwrap();
        let expected = |name: &str| golden.floats(&format!("{run}.expected.{name}"));
        let (basis, dim) = (&found.basis, found.basis.dim());
        let signs = signs(basis, &expected("components"), 3);
        // Tolerances of the case: mean 1e-5, components 1e-3, ratios 1e-5, whitened and colours 2e-3.
        assert_close(&basis.mean, &expected("mean"), 1e-5, "mean");
        let turned = basis.components.iter().take(3 * dim).enumerate();
        let turned: Vec<f32> = turned.map(|(i, value)| value * signs[i / dim]).collect();
        assert_close(&turned, &expected("components"), 1e-3, "components");
        let ratio = &basis.explained_variance_ratio[..3];
        assert_close(ratio, &expected("explained_variance_ratio"), 1e-5, "ratio");
        for (found, expected) in basis
            .explained_variance
            .iter()
            .zip(expected("explained_variance"))
        {
            assert!(
                (found - expected).abs() <= 1e-5 * expected,
                "variance {found}, {expected}"
            );
        }
        for (i, map) in found.maps.iter().enumerate() {
            let whitened = map
                .values
                .iter()
                .zip(signs.iter().cycle())
                .map(|(x, sign)| x * sign);
            let whitened: Vec<f32> = whitened.collect();
            assert_close(
                &whitened,
                &expected(&format!("whitened_{i}")),
                2e-3,
                "whitened",
            );
            let mask = map.foreground.as_deref();
            let flipped = map.colours.iter().enumerate().map(|(at, &colour)| {
                let black = mask.is_some_and(|mask| !mask[at / 3]);
                if signs[at % 3] < 0.0 && !black {
                    1.0 - colour
                } else {
                    colour
                }
            });
            let flipped: Vec<f32> = flipped.collect();
            assert_close(
                &flipped,
                &expected(&format!("colours_{i}")),
                2e-3,
                "colours",
            );
        }
    }

    #[test]
    fn joint_components_equal_the_golden_ones() {
        check_golden("all", false);
    }

    #[test]
    fn foreground_components_equal_the_golden_ones() {
        check_golden("foreground", true);
    }

    #[test]
    fn the_sign_convention_is_that_of_the_golden_case() {
        let golden = Golden::open("pca");
        let (maps, _) = inputs(&golden);
        let basis = PcaBasis::fit(&maps, None, 3).unwrap();
        assert_eq!(
            signs(&basis, &golden.floats("all.expected.components"), 3),
            [1.0; 3]
        );
    }

    #[test]
    fn a_frozen_basis_gives_the_same_values_as_the_fit() {
        let (maps, _) = inputs(&Golden::open("pca"));
        let settings = Pca {
            components: vec![3, 1],
            ..Pca::default()
        };
        let joint = settings.maps(&maps, None, None, &Compute::cpu()).unwrap();
        let alone = settings
            .maps(&maps[1..2], None, Some(&joint.basis), &Compute::cpu())
            .unwrap();
        assert_eq!(alone.maps[0], joint.maps[1]);
        assert_eq!(joint.maps[1].k, 2);
    }

    #[test]
    fn equal_patches_are_mid_grey_and_not_nan() {
        let map = FeatureMap::new(2, 4, 5, vec![2.5; 40]).unwrap();
        let found = Pca::default()
            .maps(&[map], None, None, &Compute::cpu())
            .unwrap();
        assert_eq!(found.maps[0].colours, [0.5; 24]);
    }

    #[test]
    fn a_framed_object_is_found_and_the_rest_is_black() {
        let inside = |p: usize| (2..5).contains(&(p / 8)) && (2..6).contains(&(p % 8));
        let value = |i: usize| {
            let (patch, channel) = (i / 6, i % 6);
            let noise = ((i * 7919) % 97) as f32 / 97.0;
            noise
                + if inside(patch) && channel < 3 {
                    6.0
                } else {
                    0.0
                }
        };
        let map = FeatureMap::new(6, 8, 6, (0..288).map(value).collect::<Vec<f32>>()).unwrap();
        let settings = Pca {
            foreground: true,
            ..Pca::default()
        };
        let found = settings.maps(&[map], None, None, &Compute::cpu()).unwrap();
        let expected: Vec<bool> = (0..48).map(inside).collect();
        assert_eq!(found.maps[0].foreground.as_deref(), Some(&expected[..]));
        assert_eq!(found.maps[0].colours[..3], [0.0; 3]);
        assert_eq!(found.basis.origin.patches, 12);
    }

    #[test]
    fn a_missing_component_and_an_empty_choice_are_errors() {
        let (maps, _) = inputs(&Golden::open("pca"));
        let run = |components: Vec<usize>| {
            let settings = Pca {
                components,
                ..Pca::default()
            };
            settings.maps(&maps, None, None, &Compute::cpu())
        };
        assert!(matches!(
            run(Vec::new()),
            Err(AnalysisError::Setting { .. })
        ));
        let far = run(vec![0, maps[0].dim()]);
        assert!(matches!(far, Err(AnalysisError::Component { .. })));
    }
}
