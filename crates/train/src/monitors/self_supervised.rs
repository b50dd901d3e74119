//! The reading of a step of self-supervised training.
//!
//! Input: the tensors that the step copied, the networks. Output: a [`Reading`].

use dinoscope_engine::analysis::Norms;

use super::reading::{Monitor, Reading, Sizes};
use super::{
    cls_patch_cosine, divergence, entropy, entropy_floor, feature_std, largest_logit, network_gap,
    outlier_share, pair_cosine, patch_cosine, rankme, usage,
};
use crate::schedule::Values;
use crate::ssl::{Readings, SelfSupervised, Teacher};

/// Temperature of the student's softmax, as in the losses.
const STUDENT_TEMPERATURE: f64 = 0.1;

impl Reading {
    /// What the monitors read at a step, counted from 0; `found` are the tensors of its first batch.
    ///
    /// The cosine of class token and patches takes the token of the student, whose patches are masked, and the patches
    /// of the teacher.
    ///
    /// # Panics
    /// If the tensors have other shapes than they say.
    pub fn self_supervised(
        found: &Readings,
        training: &SelfSupervised,
        step: u64,
        values: &Values,
    ) -> Self {
        let [crops, patches, dim] = found.shape;
        let sizes = Sizes {
            rows: crops,
            prototypes: found.prototypes,
            dim,
        };
        let mut reading = Self::new(step + 1, sizes);
        reading.clip = training.settings.clip;
        reading.read_targets(found, values.teacher_temp);
        // Of one crop a picture: two of the same picture are meant to be alike.
        let pictures = &found.cls[..found.cls.len() / 2];
        reading.set_if(Monitor::FeatureStd, feature_std(pictures, dim));
        reading.set_if(Monitor::PairCosine, pair_cosine(pictures, dim));
        reading.set(Monitor::RankMe, rankme(&found.cls, dim));
        let shape = [crops, patches, dim];
        reading.set_if(Monitor::PatchCosine, patch_cosine(&found.patches, shape));
        let cosine = cls_patch_cosine(&found.cls, &found.patches, shape);
        reading.set(Monitor::ClsPatchCosine, cosine);
        let outliers = outlier_share(&found.patches, shape, &Norms::default());
        reading.set(Monitor::Outliers, outliers.unwrap_or(f64::NAN));
        let average = match training.settings.teacher {
            Teacher::Average => Some(&training.teacher),
            Teacher::Frozen => training.average.as_ref(),
        };
        let gap = average.map(|average| network_gap(average, &training.student));
        reading.set_if(Monitor::EmaGap, gap);
        reading
    }

    fn read_targets(&mut self, found: &Readings, temperature: f64) {
        let prototypes = found.prototypes;
        self.set(Monitor::TeacherEntropy, entropy(&found.targets, prototypes));
        let floor = entropy_floor(prototypes, self.sizes.rows * found.batches.max(1));
        self.set(Monitor::EntropyFloor, floor);
        // The student predicts from one crop what the teacher says about the other.
        let (first, second) = found
            .student_logits
            .split_at(found.student_logits.len() / 2);
        let crossed = [second, first].concat();
        let kl = divergence(&found.targets, &crossed, prototypes, STUDENT_TEMPERATURE);
        self.set(Monitor::Divergence, kl);
        let used = usage(&found.teacher_logits, prototypes, temperature);
        self.set(Monitor::Usage, used);
        let logit = largest_logit(&found.teacher_logits, temperature);
        self.set(Monitor::TeacherLogit, logit);
        let logit = largest_logit(&found.student_logits, STUDENT_TEMPERATURE);
        self.set(Monitor::StudentLogit, logit);
    }

    fn set_if(&mut self, monitor: Monitor, value: Option<f64>) {
        if let Some(value) = value {
            self.set(monitor, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pictures, two crops of each, three prototypes; rows: both pictures' first crops, then their second ones.
    fn found(student_logits: Vec<f32>) -> Readings {
        let one_hot = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        Readings {
            teacher_logits: one_hot.iter().map(|target| 2.0 * target).collect(),
            targets: one_hot,
            student_logits,
            prototypes: 3,
            shape: [4, 1, 1],
            ..Readings::default()
        }
    }

    fn read(found: &Readings) -> Reading {
        let sizes = Sizes {
            rows: 4,
            prototypes: 3,
            dim: 1,
        };
        let mut reading = Reading::new(1, sizes);
        reading.read_targets(found, 0.04);
        reading
    }

    #[test]
    fn the_student_is_compared_with_the_other_crop_of_its_picture() {
        // What the teacher says of the second crops, then of the first ones.
        let other = vec![0.0, 0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0, 0.0];
        let reading = read(&found(other));
        let close = |monitor, expected: f64| {
            let value = reading.get(monitor).unwrap();
            assert!((value - expected).abs() < 1e-5, "{monitor:?}: {value}");
        };
        close(Monitor::Divergence, 0.0);
        close(Monitor::TeacherEntropy, 0.0);
        close(Monitor::EntropyFloor, 0.0);
        close(Monitor::TeacherLogit, 50.0);
        close(Monitor::StudentLogit, 90.0);
        // Parts 1/4, 1/2 and 1/4: an entropy of 1.5 ln 2.
        close(Monitor::Usage, 2.0_f64.powf(1.5) / 3.0);
        let own = found(vec![0.0; 12]).teacher_logits;
        assert!(read(&found(own)).get(Monitor::Divergence).unwrap() > 1.0);
    }
}
