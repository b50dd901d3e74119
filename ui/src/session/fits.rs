//! Joint bases of principal components, shared by all views that show one.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use dinoscope_engine::FeatureMap;
use dinoscope_engine::analysis::foreground::otsu;
use dinoscope_engine::analysis::{Pca, PcaBasis};
use dinoscope_jobs::runner::{
    Failure, JobContext, JobError, Lane, Runner, Slot as JobSlot, Spec, Title, Visibility,
};

use super::features::{FeatureKey, Ready};
use super::slot::Slot;
use crate::document::{PcaSettings, PictureId};

/// Components that a basis has at least, where pictures and network give as many.
pub const COMPONENTS: usize = 8;
/// Bases that are kept.
const KEPT: usize = 6;

/// Names a basis by what it is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FitKey {
    /// Features of the pictures, in their order.
    pub features: Vec<FeatureKey>,
    /// A saved basis that is used as it is.
    pub frozen: Option<PathBuf>,
    /// Cut of the first component in 1/1000 standard deviations, `i32::MAX` for a found one; none without foreground.
    pub cut: Option<i32>,
    /// Whether the other side of the cut is taken.
    pub invert: bool,
    /// The highest component that is shown.
    pub highest: usize,
}

impl FitKey {
    /// The basis that `settings` ask for.
    pub fn new(features: Vec<FeatureKey>, settings: &PcaSettings) -> Self {
        let highest = settings
            .components
            .iter()
            .chain(&settings.single)
            .copied()
            .max();
        Self {
            features,
            frozen: settings.frozen.as_ref().map(|frozen| frozen.path.clone()),
            cut: settings.foreground.then_some(match settings.threshold {
                None => i32::MAX,
                Some(cut) => (cut * 1000.0) as i32,
            }),
            invert: settings.invert,
            highest: highest.unwrap_or(0).max(COMPONENTS - 1),
        }
    }
}

/// One picture in a basis.
#[derive(Clone, Debug)]
pub struct Projected {
    /// The picture.
    pub picture: PictureId,
    /// Features that were projected.
    pub map: FeatureMap,
    /// Projections in standard deviations `[patches, components]`.
    pub values: Arc<[f32]>,
    /// Patches in the foreground `[patches]`; all without it.
    pub foreground: Option<Arc<[bool]>>,
}

/// A basis with the pictures that it was fitted on.
#[derive(Debug)]
pub struct Fit {
    /// The axes.
    pub basis: Arc<PcaBasis>,
    /// The pictures, in the order of the key.
    pub pictures: Vec<Projected>,
    /// First component of every patch before the foreground was cut out, in standard deviations.
    pub scores: Vec<f32>,
    /// Where it was cut.
    pub cut: f32,
}

impl Fit {
    /// A picture of it.
    pub fn picture(&self, id: PictureId) -> Option<&Projected> {
        self.pictures.iter().find(|it| it.picture == id)
    }

    /// Patches in the foreground, and all.
    pub fn kept(&self) -> (usize, usize) {
        let all: usize = self.pictures.iter().map(|it| it.map.patches()).sum();
        let kept = self.pictures.iter().map(|it| match &it.foreground {
            None => it.map.patches(),
            Some(mask) => mask.iter().filter(|&&inside| inside).count(),
        });
        (kept.sum(), all)
    }
}

struct Entry {
    slot: Slot<Arc<Fit>>,
    asked: u64,
}

/// Bases of all views.
#[derive(Default)]
pub struct Fits {
    entries: HashMap<FitKey, Entry>,
    frame: u64,
    /// The basis that was last shown: new ones take over its order and signs.
    last: Option<Arc<Fit>>,
}

impl Fits {
    /// Takes what jobs have finished; true if something changed.
    pub fn poll(&mut self) -> bool {
        self.frame += 1;
        let mut changed = false;
        #[expect(clippy::iter_over_hash_type, reason = "each entry stands alone")]
        for entry in self.entries.values_mut() {
            if entry.slot.poll() {
                changed = true;
                tracing::debug!(job = "pca", "done");
            }
        }
        if self.entries.len() > KEPT {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.asked);
            let old = oldest.filter(|(_, entry)| entry.asked + 2 < self.frame);
            if let Some(key) = old.map(|(key, _)| key.clone()) {
                self.entries.remove(&key);
            }
        }
        changed
    }

    /// The basis of `key`, and what there was before while it is computed.
    ///
    /// Of one `owner` only the newest question is worked on: a slider asks many.
    pub fn ask(
        &mut self,
        (key, owner): (&FitKey, u32),
        ready: &[(PictureId, Arc<Ready>)],
        align: bool,
        runner: &Runner,
    ) -> (Option<Arc<Fit>>, FitState) {
        let frame = self.frame;
        let last = self.last.clone();
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry {
            slot: Slot::Empty,
            asked: frame,
        });
        entry.asked = frame;
        if entry.slot.is_empty() {
            let reference = last.clone().filter(|_| align && key.frozen.is_none());
            entry
                .slot
                .start(start((key, owner), ready, reference, runner));
        }
        match &entry.slot {
            Slot::Ready(fit) => {
                self.last = Some(Arc::clone(fit));
                (Some(Arc::clone(fit)), FitState::Ready)
            }
            Slot::Failed(failure) => (None, FitState::Failed(failure.message.clone())),
            _ => (last, FitState::Busy),
        }
    }

    /// Forgets what was fitted on a picture.
    pub fn forget_picture(&mut self, picture: PictureId) {
        let of = |key: &FitKey| key.features.iter().any(|key| key.picture == picture);
        self.entries.retain(|key, _| !of(key));
        if self
            .last
            .as_ref()
            .is_some_and(|fit| fit.picture(picture).is_some())
        {
            self.last = None;
        }
    }

    /// The basis that was last shown.
    pub fn last(&self) -> Option<&Arc<Fit>> {
        self.last.as_ref()
    }
}

/// How it stands with a basis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FitState {
    /// It is the one that was asked for.
    Ready,
    /// It is being computed.
    Busy,
    /// It cannot be computed.
    Failed(String),
}

fn start(
    (key, owner): (&FitKey, u32),
    ready: &[(PictureId, Arc<Ready>)],
    reference: Option<Arc<Fit>>,
    runner: &Runner,
) -> dinoscope_jobs::runner::Ticket<Arc<Fit>> {
    let mut spec = Spec::new(
        Lane::Analysis,
        Title::new("job-pca").number("count", ready.len() as f64),
    );
    spec.slot = Some(JobSlot::new(format!("pca/{owner}")));
    spec.visible = Visibility::Hidden;
    let key = key.clone();
    let maps: Vec<(PictureId, FeatureMap)> = ready
        .iter()
        .map(|(picture, ready)| (*picture, ready.layer.patches.clone()))
        .collect();
    runner.submit(spec, move |cx| {
        fit(&key, &maps, reference.as_deref(), cx).map(Arc::new)
    })
}

fn fit(
    key: &FitKey,
    pictures: &[(PictureId, FeatureMap)],
    reference: Option<&Fit>,
    cx: &JobContext,
) -> Result<Fit, JobError> {
    let context = super::Session::analysis_context(cx.cancel());
    let maps: Vec<FeatureMap> = pictures.iter().map(|(_, map)| map.clone()).collect();
    let frozen = key.frozen.as_deref().map(PcaBasis::load).transpose()?;
    if let Some(frozen) = &frozen
        && maps.iter().any(|map| map.dim() != frozen.dim())
    {
        let found = maps.first().map_or(0, FeatureMap::dim);
        let message = format!(
            "the frozen basis has {} channels, expected {found}, those of the model",
            frozen.dim()
        );
        return Err(Failure::new(message).into());
    }
    let patches: usize = maps.iter().map(FeatureMap::patches).sum();
    let dim = maps.first().map_or(0, FeatureMap::dim);
    let available = frozen
        .as_ref()
        .map_or(patches.saturating_sub(1).min(dim), PcaBasis::len);
    let components: Vec<usize> = (0..=key.highest)
        .take_while(|&at| at < available.max(1))
        .collect();
    let first = PcaBasis::fit(&maps, None, 1)?;
    let mut scores = Vec::with_capacity(patches);
    for map in &maps {
        cx.cancel().check()?;
        scores.extend(whitened(&context, map, &first, &[0])?);
    }
    let cut = match key.cut {
        Some(i32::MAX) | None => otsu(&scores),
        Some(cut) => cut as f32 / 1000.0,
    };
    let pca = Pca {
        components: components.clone(),
        foreground: key.cut.is_some(),
        threshold: key.cut.filter(|&cut| cut != i32::MAX).map(|_| cut),
        invert: key.invert,
        ..Pca::default()
    };
    let found = pca.maps(&maps, None, frozen.as_ref(), &context.compute)?;
    let basis = match reference {
        Some(last) if last.basis.dim() == found.basis.dim() => {
            found.basis.aligned_to(&last.basis).unwrap_or(found.basis)
        }
        _ => found.basis,
    };
    let components: Vec<usize> = components
        .into_iter()
        .filter(|&at| at < basis.len())
        .collect();
    let mut projected = Vec::with_capacity(pictures.len());
    for ((picture, map), shown) in pictures.iter().zip(found.maps) {
        cx.cancel().check()?;
        projected.push(Projected {
            picture: *picture,
            values: whitened(&context, map, &basis, &components)?.into(),
            foreground: shown.foreground.map(Into::into),
            map: map.clone(),
        });
    }
    Ok(Fit {
        basis: Arc::new(basis),
        pictures: projected,
        scores,
        cut,
    })
}

/// Projections of all patches `[patches, components]` in standard deviations.
fn whitened(
    context: &dinoscope_engine::analysis::Context,
    map: &FeatureMap,
    basis: &PcaBasis,
    components: &[usize],
) -> Result<Vec<f32>, JobError> {
    let mut values = context.compute.project(map, basis, components)?;
    let scales: Vec<f32> = components
        .iter()
        .map(|&at| {
            let variance = basis.explained_variance[at];
            if variance > 0.0 {
                1.0 / variance.sqrt()
            } else {
                0.0
            }
        })
        .collect();
    for patch in values.chunks_exact_mut(components.len().max(1)) {
        patch
            .iter_mut()
            .zip(&scales)
            .for_each(|(value, scale)| *value *= scale);
    }
    Ok(values)
}
