//! A principal basis: fitted once, used again on other pictures.
//!
//! Input: feature maps and, if wanted, foreground masks. Output: `PcaBasis` with mean, axes
//! and variances. Source: `spec/05`, section 1; golden case `pca`.

use serde::{Deserialize, Serialize};

use super::spectrum::{Spectrum, spectrum};
use super::{AnalysisError, same_channels};
use crate::feature_map::{FeatureMap, Provenance};

/// Fewer foreground patches than this are no basis (`spec/05`, section 1).
pub const MIN_PATCHES: usize = 4;

/// Mean and principal axes of patch features.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaBasis {
    /// `[dim]`.
    pub mean: Vec<f32>,
    /// `[components, dim]`, unit rows, largest variance first; the zero vector where no variance is left.
    pub components: Vec<f32>,
    /// `[components]`, with the divisor `patches − 1`.
    pub explained_variance: Vec<f32>,
    /// `[components]`: part of the total variance of the fitted patches, in [0, 1].
    pub explained_variance_ratio: Vec<f32>,
    /// How it was fitted.
    pub origin: BasisOrigin,
}

/// How a basis was fitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BasisOrigin {
    /// Model, size, layer and norm of the features.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Names of the pictures.
    pub pictures: Vec<String>,
    /// Whether only foreground patches were used.
    pub foreground: bool,
    /// Number of patches used.
    pub patches: usize,
}

impl PcaBasis {
    /// Fits `components` axes on all patches of `maps`, or on those whose mask `[rows · cols]` is true.
    pub fn fit(
        maps: &[FeatureMap],
        masks: Option<&[Vec<bool>]>,
        components: usize,
    ) -> Result<Self, AnalysisError> {
        let rows = fitted_rows(maps, masks)?;
        let available = (rows.len() - 1).min(rows[0].len());
        if components == 0 || components > available {
            let asked = components.saturating_sub(1);
            return Err(AnalysisError::Component { asked, available });
        }
        let origin = BasisOrigin {
            foreground: masks.is_some(),
            patches: rows.len(),
            ..BasisOrigin::default()
        };
        Ok(Self::from_spectrum(&spectrum(&rows, components)?, origin))
    }

    /// Channels of a component.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Number of components.
    pub fn len(&self) -> usize {
        self.explained_variance.len()
    }

    /// Whether there is no component.
    pub fn is_empty(&self) -> bool {
        self.explained_variance.is_empty()
    }

    /// Axis `[dim]` number `index`. Panics past the last one.
    pub fn component(&self, index: usize) -> &[f32] {
        &self.components[index * self.dim()..][..self.dim()]
    }

    /// The same basis with its components reordered and turned so that each resembles the one of `reference` at its
    /// place: pictures fitted apart then share their colours. The pair with the largest |cosine| is settled first.
    pub fn aligned_to(&self, reference: &Self) -> Result<Self, AnalysisError> {
        same_channels("the reference basis", self.dim(), reference.dim())?;
        let order = alignment(self, reference);
        let mut aligned = Self {
            components: Vec::with_capacity(self.components.len()),
            explained_variance: order
                .iter()
                .map(|&(own, _)| self.explained_variance[own])
                .collect(),
            explained_variance_ratio: order
                .iter()
                .map(|&(own, _)| self.explained_variance_ratio[own])
                .collect(),
            mean: self.mean.clone(),
            origin: self.origin.clone(),
        };
        for (own, sign) in order {
            let turned = self.component(own).iter().map(|value| sign * value);
            aligned.components.extend(turned);
        }
        Ok(aligned)
    }

    fn from_spectrum(found: &Spectrum, origin: BasisOrigin) -> Self {
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
        // Equal rows have no variance at all: every part of it is 0, not 0/0.
        let total = found.total_variance.max(f64::MIN_POSITIVE);
        let ratio: Vec<f64> = found.variance.iter().map(|value| value / total).collect();
        Self {
            mean: narrow(&found.mean),
            components: narrow(&found.components.concat()),
            explained_variance: narrow(&found.variance),
            explained_variance_ratio: narrow(&ratio),
            origin,
        }
    }
}

/// The patches `[rows][dim]` that take part in a fit.
fn fitted_rows<'a>(
    maps: &'a [FeatureMap],
    masks: Option<&[Vec<bool>]>,
) -> Result<Vec<&'a [f32]>, AnalysisError> {
    check_masks(maps, masks)?;
    let mut rows = Vec::new();
    for (at, map) in maps.iter().enumerate() {
        same_channels("a feature map", maps[0].dim(), map.dim())?;
        let inside = |patch: usize| masks.is_none_or(|masks| masks[at][patch]);
        rows.extend(
            (0..map.patches())
                .filter(|&patch| inside(patch))
                .map(|patch| map.patch(patch)),
        );
    }
    if rows.len() < MIN_PATCHES {
        return Err(AnalysisError::TooFewPatches {
            found: rows.len(),
            needed: MIN_PATCHES,
        });
    }
    Ok(rows)
}

/// One mask a map, one entry a patch.
pub(super) fn check_masks(
    maps: &[FeatureMap],
    masks: Option<&[Vec<bool>]>,
) -> Result<(), AnalysisError> {
    let Some(masks) = masks else { return Ok(()) };
    let counts = maps
        .iter()
        .map(FeatureMap::patches)
        .zip(masks.iter().map(Vec::len));
    let mismatch = counts
        .chain([(maps.len(), masks.len())])
        .find(|(expected, found)| expected != found);
    match mismatch {
        Some((expected, found)) => Err(AnalysisError::Mask { expected, found }),
        None => Ok(()),
    }
}

/// For each place, which own component goes there and its sign.
fn alignment(own: &PcaBasis, reference: &PcaBasis) -> Vec<(usize, f32)> {
    let mut pairs = Vec::new();
    for place in 0..own.len().min(reference.len()) {
        for index in 0..own.len() {
            let (a, b) = (own.component(index), reference.component(place));
            let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            pairs.push((cosine, place, index));
        }
    }
    // Stable: equal cosines keep the order of places.
    pairs.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let mut order: Vec<Option<(usize, f32)>> = vec![None; own.len()];
    let mut free: Vec<bool> = vec![true; own.len()];
    for (cosine, place, index) in pairs {
        if order[place].is_none() && free[index] {
            order[place] = Some((index, 1.0_f32.copysign(cosine)));
            free[index] = false;
        }
    }
    let mut left = (0..own.len()).filter(|&index| free[index]);
    let fill = |slot: Option<(usize, f32)>| slot.or_else(|| left.next().map(|index| (index, 1.0)));
    order.into_iter().filter_map(fill).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn basis() -> PcaBasis {
        let values = |i: usize| ((i * 37 + i * i * 11) % 101) as f32 / 50.0 + (i % 6) as f32;
        let map = FeatureMap::new(5, 4, 6, (0..120).map(values).collect::<Vec<f32>>()).unwrap();
        PcaBasis::fit(&[map], None, 3).unwrap()
    }

    #[test]
    fn alignment_undoes_swaps_and_flips() {
        let reference = basis();
        let mut shuffled = reference.clone();
        let dim = reference.dim();
        for (place, (own, sign)) in [(2, -1.0), (0, 1.0), (1, -1.0)].into_iter().enumerate() {
            let turned = reference.component(own).iter().map(|value| sign * value);
            let turned: Vec<f32> = turned.collect();
            shuffled.components[place * dim..][..dim].copy_from_slice(&turned);
            shuffled.explained_variance[place] = reference.explained_variance[own];
            shuffled.explained_variance_ratio[place] = reference.explained_variance_ratio[own];
        }
        assert_eq!(shuffled.aligned_to(&reference).unwrap(), reference);
    }

    #[test]
    fn too_few_patches_and_too_many_components_are_errors() {
        let map = FeatureMap::new(
            2,
            3,
            5,
            (0..30).map(|i| (i * i % 17) as f32).collect::<Vec<f32>>(),
        );
        let maps = [map.unwrap()];
        let three = vec![vec![true, true, true, false, false, false]];
        let error = PcaBasis::fit(&maps, Some(&three), 1).unwrap_err();
        assert!(matches!(
            error,
            AnalysisError::TooFewPatches {
                found: 3,
                needed: 4
            }
        ));
        let error = PcaBasis::fit(&maps, None, 6).unwrap_err();
        assert!(matches!(
            error,
            AnalysisError::Component {
                asked: 5,
                available: 5
            }
        ));
        assert!(PcaBasis::fit(&[], None, 1).is_err());
        let short = vec![vec![true; 5]];
        assert!(matches!(
            PcaBasis::fit(&maps, Some(&short), 1),
            Err(AnalysisError::Mask { .. })
        ));
    }
}
