//! What the monitors read at one step.

use std::collections::BTreeMap;

/// One monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Monitor {
    /// Mean entropy of the teacher's targets, nats.
    TeacherEntropy,
    /// Below this the entropy cannot fall, nats.
    EntropyFloor,
    /// Divergence of the student from the teacher's targets, nats.
    Divergence,
    /// Part of the prototypes that the teacher uses, 0 to 1.
    Usage,
    /// Spread of class tokens; 1 in all directions, 0 in none.
    FeatureStd,
    /// Mean cosine of the class tokens of two pictures.
    PairCosine,
    /// Mean cosine of two patches of a picture.
    PatchCosine,
    /// Mean cosine of a picture's class token and its patches.
    ClsPatchCosine,
    /// Directions that class tokens use, 1 to their number or that of channels.
    RankMe,
    /// Mean squared change of patch similarities against an older network.
    GramDrift,
    /// Part of the patches that are far too long, 0 to 1.
    Outliers,
    /// Distance of teacher and student relative to the student.
    EmaGap,
    /// Largest logit of the teacher by its temperature.
    TeacherLogit,
    /// Largest logit of the student by its temperature.
    StudentLogit,
    /// Length of the gradient before clipping.
    GradientNorm,
    /// Accuracy of nearest neighbors on held-out pictures, 0 to 1.
    Knn,
    /// The same with raw pixels or the network before training.
    KnnBaseline,
}

impl Monitor {
    /// All of them, in the order of metrics.
    pub const ALL: [Self; 17] = [
        Self::TeacherEntropy,
        Self::EntropyFloor,
        Self::Divergence,
        Self::Usage,
        Self::FeatureStd,
        Self::PairCosine,
        Self::PatchCosine,
        Self::ClsPatchCosine,
        Self::RankMe,
        Self::GramDrift,
        Self::Outliers,
        Self::EmaGap,
        Self::TeacherLogit,
        Self::StudentLogit,
        Self::GradientNorm,
        Self::Knn,
        Self::KnnBaseline,
    ];

    /// As metrics name it.
    pub fn key(self) -> &'static str {
        match self {
            Self::TeacherEntropy => "monitor/teacher_entropy",
            Self::EntropyFloor => "monitor/entropy_floor",
            Self::Divergence => "monitor/kl",
            Self::Usage => "monitor/prototype_usage",
            Self::FeatureStd => "monitor/cls_std",
            Self::PairCosine => "monitor/cls_cosine",
            Self::PatchCosine => "monitor/patch_cosine",
            Self::ClsPatchCosine => "monitor/cls_patch_cosine",
            Self::RankMe => "monitor/rankme",
            Self::GramDrift => "monitor/gram_drift",
            Self::Outliers => "monitor/outlier_share",
            Self::EmaGap => "monitor/ema_gap",
            Self::TeacherLogit => "monitor/teacher_logit",
            Self::StudentLogit => "monitor/student_logit",
            Self::GradientNorm => "monitor/grad_norm",
            Self::Knn => "monitor/knn",
            Self::KnnBaseline => "monitor/knn_baseline",
        }
    }

    /// As people name it.
    pub fn title(self) -> &'static str {
        match self {
            Self::TeacherEntropy => "teacher entropy",
            Self::EntropyFloor => "entropy floor",
            Self::Divergence => "divergence of student and teacher",
            Self::Usage => "prototype usage",
            Self::FeatureStd => "spread of class tokens",
            Self::PairCosine => "cosine of class tokens",
            Self::PatchCosine => "cosine of patches",
            Self::ClsPatchCosine => "cosine of class token and patches",
            Self::RankMe => "effective rank",
            Self::GramDrift => "change of patch similarities",
            Self::Outliers => "patches that are too long",
            Self::EmaGap => "distance of teacher and student",
            Self::TeacherLogit => "largest logit of the teacher",
            Self::StudentLogit => "largest logit of the student",
            Self::GradientNorm => "length of the gradient",
            Self::Knn => "nearest-neighbor accuracy",
            Self::KnnBaseline => "nearest-neighbor accuracy without training",
        }
    }
}

/// How many rows, prototypes and channels the values come from: what some thresholds are relative to. 0: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Class tokens, and targets that are balanced together.
    pub rows: usize,
    /// Prototypes of the head.
    pub prototypes: usize,
    /// Channels of a class token.
    pub dim: usize,
}

/// What the monitors read at one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Steps that are done.
    pub step: u64,
    /// What the values come from.
    pub sizes: Sizes,
    /// Length that gradients are clipped to; 0 for none.
    pub clip: f64,
    values: BTreeMap<Monitor, f64>,
}

impl Reading {
    /// A reading without values yet.
    pub fn new(step: u64, sizes: Sizes) -> Self {
        Self {
            step,
            sizes,
            ..Self::default()
        }
    }

    /// Puts a value in; one that is not finite is warned of.
    pub fn set(&mut self, monitor: Monitor, value: f64) {
        self.values.insert(monitor, value);
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, monitor: Monitor, value: f64) -> Self {
        self.set(monitor, value);
        self
    }

    /// The value of a monitor, if it was read.
    pub fn get(&self, monitor: Monitor) -> Option<f64> {
        self.values.get(&monitor).copied()
    }

    /// All values, in the order of [`Monitor::ALL`].
    pub fn values(&self) -> impl Iterator<Item = (Monitor, f64)> {
        self.values
            .iter()
            .map(|(&monitor, &value)| (monitor, value))
    }

    /// All values by the names of metrics.
    pub fn numbers(&self) -> impl Iterator<Item = (String, f64)> {
        self.values()
            .map(|(monitor, value)| (monitor.key().to_owned(), value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_monitor_has_a_name_of_its_own() {
        let keys: BTreeSet<_> = Monitor::ALL.iter().map(|monitor| monitor.key()).collect();
        let titles: BTreeSet<_> = Monitor::ALL.iter().map(|monitor| monitor.title()).collect();
        assert_eq!((keys.len(), titles.len()), (17, 17));
        assert!(Monitor::ALL.is_sorted());
        assert!(keys.iter().all(|key| key.starts_with("monitor/")));
    }

    #[test]
    fn numbers_are_in_the_order_of_monitors() {
        let reading = Reading::new(3, Sizes::default())
            .with(Monitor::RankMe, 40.0)
            .with(Monitor::Usage, 0.5)
            .with(Monitor::Usage, 0.25);
        let numbers: Vec<_> = reading.numbers().collect();
        assert_eq!(
            numbers,
            [
                ("monitor/prototype_usage".to_owned(), 0.25),
                ("monitor/rankme".to_owned(), 40.0)
            ]
        );
    }
}
