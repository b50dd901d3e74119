//! Probes: what a frozen network knows of classes (nearest neighbors, linear layers) or of masks.
//!
//! Features are computed once; nothing about the network changes. Source: `spec/05`, sections 3, 8 and 10.

use std::collections::BTreeMap;
use std::time::Duration;

use dinoscope_model::Backbone;

use super::embed::{Embedded, embed, mask_square};
use super::supervised::{Target, largest_class, untested};
use super::{Context, Export, Recipe, Report, Task};
use crate::config::ProbeKind;
use crate::data::DataSet;
use crate::error::TrainError;
use crate::evaluation::{
    KnnSettings, Labeled, LinearSettings, LogisticSettings, Mask, MaskedMap, Resolution, knn,
    linear_fit, logistic_fit, segmentation_fit, segmentation_score, stratified,
};
use crate::schedule::Values;
use crate::start::{StartModel, Statistics};
use crate::state::State;

/// See the module.
pub(super) struct Probe;

impl Recipe for Probe {
    fn prepare(&self, context: &Context) -> Result<Box<dyn Task>, TrainError> {
        let start = StartModel::of(&context.config)?;
        let backbone = start.backbone(&context.device)?;
        let masks = context.config.probe.kinds == [ProbeKind::Segmentation];
        let target = if masks {
            Target::Masks
        } else {
            Target::Classes
        };
        let task = ProbeTask {
            context: context.clone(),
            backbone,
            statistics: start.statistics,
            lineage: start.lineage,
            untested: untested(context, target).into_iter().collect(),
        };
        task.check()?;
        Ok(Box::new(task))
    }
}

struct ProbeTask {
    context: Context,
    backbone: Backbone,
    statistics: Statistics,
    lineage: Vec<(String, String)>,
    /// What was found before the pictures are looked at.
    untested: Vec<String>,
}

impl ProbeTask {
    /// Told before any feature is computed.
    fn check(&self) -> Result<(), TrainError> {
        let data = &self.context.data;
        let needs = |expected: &str, found: String| TrainError::Needs {
            recipe: "probe",
            expected: expected.into(),
            found,
        };
        let kinds = &self.context.config.probe.kinds;
        if kinds.iter().any(|kind| *kind != ProbeKind::Segmentation) && data.classes().len() < 2 {
            let found = data.classes().len();
            let expected =
                "at least 2 classes (folders in data.folder, or labels in data.manifest)";
            return Err(needs(expected, found.to_string()));
        }
        if kinds.contains(&ProbeKind::Segmentation) {
            let parts = [
                ("a mask for every picture (data.masks)", Some(data)),
                (
                    "a mask for every held-out picture (data.masks)",
                    self.context.held_out.as_ref(),
                ),
            ];
            for (expected, data) in parts {
                let Some(data) = data else { continue };
                let without = data.without_masks();
                if without > 0 {
                    let found = format!("{without} of {} without one", data.len());
                    return Err(needs(expected, found));
                }
                largest_class(data)?;
            }
        }
        Ok(())
    }

    fn features(&self, data: &DataSet, with_patches: bool) -> Embedded {
        let all: Vec<usize> = (0..data.len()).collect();
        let px = self.context.config.probe.px;
        let device = &self.context.device;
        embed(
            &self.backbone,
            data,
            &all,
            px,
            self.statistics,
            with_patches,
            device,
        )
    }

    /// Numbers of the probes of classes.
    fn classes(
        &self,
        train: &Labels,
        test: &Labels,
        numbers: &mut Vec<(String, f64)>,
    ) -> Result<(), TrainError> {
        let config = &self.context.config;
        let (known, asked) = (
            train.labeled("pictures to learn from")?,
            test.labeled("pictures to test with")?,
        );
        for kind in &config.probe.kinds {
            match kind {
                ProbeKind::Knn => {
                    let settings = KnnSettings {
                        neighbors: config.probe.neighbours.clone(),
                        ..KnnSettings::default()
                    };
                    let report = knn(known, asked, &settings)?;
                    let best = report.best();
                    numbers.push(("eval/knn".into(), best.accuracy));
                    for result in report.results {
                        let name = format!("eval/knn_{}", result.neighbors);
                        numbers.push((name, result.accuracy));
                    }
                }
                ProbeKind::Logistic => {
                    let settings = LogisticSettings {
                        seed: config.seed,
                        ..LogisticSettings::default()
                    };
                    let fit = logistic_fit(known, &settings)?;
                    let found = fit.head.predict(asked.rows())?;
                    numbers.push(("eval/logistic".into(), share(&found, asked.labels())));
                }
                ProbeKind::Linear => {
                    let settings = LinearSettings {
                        seed: config.seed,
                        ..LinearSettings::default()
                    };
                    let fit = linear_fit(known, &settings)?;
                    let found = fit.head.predict(asked.rows())?;
                    numbers.push(("eval/linear".into(), share(&found, asked.labels())));
                }
                ProbeKind::Segmentation => {}
            }
        }
        Ok(())
    }

    /// Mean intersection over union of a linear layer over patches.
    fn segmentation(
        &self,
        [train, test]: [(&DataSet, &Embedded); 2],
        numbers: &mut Vec<(String, f64)>,
    ) -> Result<(), TrainError> {
        let dim = self.backbone.config().dim();
        let (learned, tested) = (Masked::new(train, dim), Masked::new(test, dim));
        let settings = LinearSettings {
            seed: self.context.config.seed,
            batch: 4096,
            ..LinearSettings::default()
        };
        let fit = segmentation_fit(&learned.maps(), dim, &settings)?;
        let report = segmentation_score(&fit.head, &tested.maps(), Resolution::Pixels)?;
        numbers.push(("eval/miou".into(), report.mean_iou));
        numbers.push(("eval/pixel_accuracy".into(), report.accuracy));
        Ok(())
    }
}

impl Task for ProbeTask {
    fn steps(&self) -> u64 {
        0
    }

    fn seek(&mut self, _: u64) -> Result<(), TrainError> {
        Ok(())
    }

    fn step(&mut self, _: u64, _: &Values, _: bool) -> Result<Report, TrainError> {
        Ok(Report::default())
    }

    fn exports(&self) -> Vec<Export<'_>> {
        vec![Export {
            name: "model".into(),
            backbone: &self.backbone,
            statistics: self.statistics,
        }]
    }

    fn lineage(&self) -> Vec<(String, String)> {
        self.lineage.clone()
    }

    fn state(&self) -> State {
        State::default()
    }

    fn restore(&mut self, _: State) -> Result<(), TrainError> {
        Ok(())
    }

    fn waited(&self) -> Duration {
        Duration::ZERO
    }

    fn warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.untested);
        warnings.extend(self.context.data.take_warnings());
        warnings
    }

    fn evaluate(&mut self) -> Result<Vec<(String, f64)>, TrainError> {
        let config = &self.context.config;
        let with_masks = config.probe.kinds.contains(&ProbeKind::Segmentation);
        let data = &self.context.data;
        let embedded = self.features(data, with_masks);
        let mut numbers = Vec::new();
        let (train, test) = if let Some(held_out) = &self.context.held_out {
            let tested = self.features(held_out, with_masks);
            ((&**data, embedded), (&**held_out, tested))
        } else {
            let labels: Vec<u32> = embedded
                .indices
                .iter()
                .map(|&at| data.item(at).label().unwrap_or(0))
                .collect();
            let split = stratified(&labels, config.probe.test_share, config.seed)?;
            let [train, test] = [&split.train, &split.test].map(|rows| embedded.picked(rows));
            ((&**data, train), (&**data, test))
        };
        let of_masks = |kind: &ProbeKind| *kind == ProbeKind::Segmentation;
        let labels = [Labels::of(train.0, &train.1), Labels::of(test.0, &test.1)];
        // Pictures that count: without a class that is learned, none is right or wrong.
        let counts = if config.probe.kinds.iter().all(of_masks) {
            let dim = self.backbone.config().dim();
            [(train.0, &train.1), (test.0, &test.1)].map(|of| Masked::new(of, dim).masks.len())
        } else {
            [labels[0].classes.len(), labels[1].classes.len()]
        };
        numbers.push(("eval/pictures".into(), counts[0] as f64));
        numbers.push(("eval/tested".into(), counts[1] as f64));
        if !config.probe.kinds.iter().all(of_masks) {
            self.classes(&labels[0], &labels[1], &mut numbers)?;
        }
        if with_masks {
            self.segmentation([(train.0, &train.1), (test.0, &test.1)], &mut numbers)?;
        }
        // The best first: that is what a run is judged by.
        numbers.sort_by_key(|(name, _)| name != "eval/knn" && name != "eval/miou");
        Ok(numbers)
    }
}

/// Accuracy of the nearest neighbors of held-out pictures, for a run that has some with classes.
pub(super) fn held_out(
    context: &Context,
    backbone: &Backbone,
    statistics: Statistics,
) -> Result<Vec<(String, f64)>, TrainError> {
    /// Pictures that are looked up at most: a probe is a look, not a pause.
    const MOST: usize = 2_000;
    let Some(held_out) = &context.held_out else {
        return Ok(Vec::new());
    };
    if held_out.classes().len() < 2 {
        return Ok(Vec::new());
    }
    let of = |data: &DataSet| {
        embed(
            backbone,
            data,
            &spread(data, MOST),
            context.config.crops.global_px,
            statistics,
            false,
            &context.device,
        )
    };
    // Where what is learned from has no classes, the held-out pictures are each other's neighbors.
    let (known, asked) = if context.data.classes().len() > 1 {
        (
            Labels::of(&context.data, &of(&context.data)),
            Labels::of(held_out, &of(held_out)),
        )
    } else {
        let all = of(held_out);
        let labels: Vec<u32> = all
            .indices
            .iter()
            .map(|&at| held_out.item(at).label().unwrap_or(0))
            .collect();
        let split = stratified(&labels, 0.5, context.config.seed)?;
        let [known, asked] = [&split.train, &split.test].map(|rows| all.picked(rows));
        (Labels::of(held_out, &known), Labels::of(held_out, &asked))
    };
    // Of few pictures, some of them broken, nothing may be left to tell apart: no reason to end a run.
    if !known.tell_apart() || asked.classes.is_empty() {
        return Ok(Vec::new());
    }
    let settings = KnnSettings {
        neighbors: vec![1, 5, 20],
        ..KnnSettings::default()
    };
    let report = knn(
        known.labeled("pictures to learn from")?,
        asked.labeled("held-out pictures")?,
        &settings,
    )?;
    Ok(vec![("eval/knn".into(), report.best().accuracy)])
}

/// At most `most` of the pictures with a class, the same part of every class: the first ones would be of few classes,
/// since pictures come in the order of their paths.
fn spread(data: &DataSet, most: usize) -> Vec<usize> {
    let labeled = (0..data.len()).filter(|&at| data.item(at).label().is_some());
    let mut labeled: Vec<usize> = labeled.collect();
    labeled.sort_by_key(|&at| data.item(at).label());
    let step = labeled.len().div_ceil(most).max(1);
    labeled.into_iter().step_by(step).collect()
}

/// Features with the classes of their pictures.
struct Labels {
    rows: Vec<f32>,
    width: usize,
    classes: Vec<u32>,
}

impl Labels {
    /// Pictures without a class are left out.
    fn of(data: &DataSet, embedded: &Embedded) -> Self {
        let mut labels = Self {
            rows: Vec::new(),
            width: embedded.width,
            classes: Vec::new(),
        };
        for (row, &index) in embedded
            .rows
            .chunks_exact(embedded.width)
            .zip(&embedded.indices)
        {
            if let Some(label) = data.item(index).label() {
                labels.rows.extend_from_slice(row);
                labels.classes.push(label);
            }
        }
        labels
    }

    /// Whether there are two classes.
    fn tell_apart(&self) -> bool {
        self.classes.iter().any(|class| *class != self.classes[0])
    }

    fn labeled(&self, what: &'static str) -> Result<Labeled<'_>, TrainError> {
        Ok(Labeled::new(what, &self.rows, self.width, &self.classes)?)
    }
}

/// Patches with the masks of their pictures.
struct Masked<'a> {
    embedded: &'a Embedded,
    side: usize,
    dim: usize,
    masks: BTreeMap<usize, (usize, usize, Vec<u8>)>,
}

impl<'a> Masked<'a> {
    fn new((data, embedded): (&DataSet, &'a Embedded), dim: usize) -> Self {
        let masks = embedded.indices.iter().enumerate();
        let masks = masks
            .filter_map(|(row, &index)| Some((row, mask_square(data.item(index).mask()?)?)))
            .collect();
        let patches = embedded.patches.len() / dim / embedded.indices.len().max(1);
        Self {
            embedded,
            side: patches.isqrt(),
            dim,
            masks,
        }
    }

    fn maps(&self) -> Vec<MaskedMap<'_>> {
        let size = self.side * self.side * self.dim;
        self.masks
            .iter()
            .map(|(row, (width, height, levels))| MaskedMap {
                rows: self.side,
                cols: self.side,
                features: &self.embedded.patches[row * size..][..size],
                mask: Mask {
                    width: *width,
                    height: *height,
                    levels,
                },
            })
            .collect()
    }
}

/// Part of the classes that are right.
fn share(found: &[u32], truth: &[u32]) -> f64 {
    let right = found
        .iter()
        .zip(truth)
        .filter(|(found, truth)| found == truth);
    right.count() as f64 / truth.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::data::Source;

    /// Pictures of a table: `each` of every class, and one without a class.
    fn labeled(classes: u32, each: u32) -> DataSet {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("m.csv");
        let mut text = String::from("path,label\nnone.png,\n");
        for class in 0..classes {
            for picture in 0..each {
                writeln!(text, "{class:03}/{picture:05}.png,{class}").unwrap();
            }
        }
        std::fs::write(&manifest, text).unwrap();
        DataSet::open(&Source {
            manifest,
            ..Source::default()
        })
        .unwrap()
    }

    #[test]
    fn pictures_to_look_at_are_of_all_classes() {
        let data = labeled(10, 700);
        let chosen = spread(&data, 2_000);
        assert_eq!(chosen.len(), 1_750);
        let mut counts = BTreeMap::new();
        for at in chosen {
            *counts.entry(data.item(at).label().unwrap()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 10);
        assert!(counts.values().all(|count| *count == 175), "{counts:?}");
    }

    #[test]
    fn few_pictures_are_all_looked_at() {
        assert_eq!(spread(&labeled(3, 2), 2_000).len(), 6);
        assert!(spread(&labeled(0, 0), 2_000).is_empty());
    }

    #[test]
    fn one_class_is_nothing_to_tell_apart() {
        let labels = |classes: &[u32]| Labels {
            rows: Vec::new(),
            width: 1,
            classes: classes.to_vec(),
        };
        assert!(labels(&[2, 2, 0]).tell_apart());
        assert!(!labels(&[2, 2]).tell_apart());
        assert!(!labels(&[]).tell_apart());
    }
}
