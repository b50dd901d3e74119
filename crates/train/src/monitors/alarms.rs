//! What can go wrong, and the words for it: what is seen, what it usually means, what to change.

use std::fmt;

use super::reading::Monitor;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look; the run may well be fine.
    Notice,
    /// The run is most likely lost unless something is changed.
    Serious,
}

/// What a monitor has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Whose value it is.
    pub monitor: Monitor,
    /// How bad it is.
    pub severity: Severity,
    /// What is seen, what it usually means, what to change: three sentences or so.
    pub text: String,
    /// Steps that were done.
    pub step: u64,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "step {}, {}: {}",
            self.step,
            self.monitor.title(),
            self.text
        )
    }
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Alarm {
    NotFinite(Monitor),
    FlatTargets,
    TrivialTargets,
    OneHotTargets,
    FewPrototypes,
    NarrowFeatures,
    AlikePictures,
    AlikePatches,
    ClsInPatches,
    LowRank,
    LongPatches,
    TeacherIsStudent,
    TeacherIsLost,
    LargeLogits(Monitor),
    GradientBurst,
    AlwaysClipped,
    DriftingPatches,
    WorseThanUntrained,
}

impl Alarm {
    pub(super) fn monitor(self) -> Monitor {
        match self {
            Self::NotFinite(monitor) | Self::LargeLogits(monitor) => monitor,
            Self::FlatTargets | Self::OneHotTargets => Monitor::TeacherEntropy,
            Self::TrivialTargets => Monitor::Divergence,
            Self::FewPrototypes => Monitor::Usage,
            Self::NarrowFeatures => Monitor::FeatureStd,
            Self::AlikePictures => Monitor::PairCosine,
            Self::AlikePatches => Monitor::PatchCosine,
            Self::ClsInPatches => Monitor::ClsPatchCosine,
            Self::LowRank => Monitor::RankMe,
            Self::LongPatches => Monitor::Outliers,
            Self::TeacherIsStudent | Self::TeacherIsLost => Monitor::EmaGap,
            Self::GradientBurst | Self::AlwaysClipped => Monitor::GradientNorm,
            Self::DriftingPatches => Monitor::GramDrift,
            Self::WorseThanUntrained => Monitor::Knn,
        }
    }

    pub(super) fn severity(self) -> Severity {
        match self {
            Self::ClsInPatches
            | Self::LongPatches
            | Self::AlwaysClipped
            | Self::DriftingPatches
            | Self::TeacherIsLost => Severity::Notice,
            _ => Severity::Serious,
        }
    }

    /// Whether it is told only after the warm-up and if it lasts.
    pub(super) fn is_slow(self) -> bool {
        !matches!(
            self,
            Self::NotFinite(_) | Self::LargeLogits(_) | Self::GradientBurst
        )
    }

    /// What it usually means and what to change.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::NotFinite(_) => {
                "Some value of the network is not a number or has overflowed. \
                 Go back to the last checkpoint and lower optimizer.lr."
            }
            Self::FlatTargets => {
                "The targets are nearly uniform, so there is little to learn from them: the temperature is too high, the \
                 prototypes are far more than the rows, or the heads have not started. Lower teacher.temperature, set \
                 heads.dino_prototypes to at most 8 times 2 x run.batch x run.accumulate, and check that \
                 teacher.freeze_last_layer ends."
            }
            Self::TrivialTargets => {
                "Teacher and student agree that every prototype is as likely as any other: the trivial solution, whose \
                 cross-entropy looks like that of a healthy run. Lower teacher.temperature and optimizer.lr, and start \
                 again from a checkpoint before this."
            }
            Self::OneHotTargets => {
                "The teacher is sure of the same few prototypes for everything: a collapse, whose loss falls to nearly \
                 nothing. Raise teacher.temperature and teacher.momentum, lower optimizer.lr, and start again from a \
                 checkpoint before this."
            }
            Self::FewPrototypes => {
                "Before they are balanced, the teacher's answers fall on a few prototypes: the features collapse or the \
                 head has more prototypes than it can use. Lower optimizer.lr, raise teacher.momentum, and set \
                 heads.dino_prototypes to at most 8 times 2 x run.batch x run.accumulate."
            }
            Self::NarrowFeatures => {
                "Class tokens of different pictures point in nearly the same direction: features collapse. Raise \
                 loss.koleo and teacher.momentum, lower optimizer.lr, or use a larger run.batch."
            }
            Self::AlikePictures => {
                "The network tells pictures hardly apart: features collapse, or the pictures are nearly the same. Look \
                 at the pictures, then raise loss.koleo and lower optimizer.lr."
            }
            Self::AlikePatches => {
                "Patches of a picture become alike, and dense features are lost although the loss may fall. Go on with \
                 the recipe gram from a checkpoint before this, or stop here."
            }
            Self::ClsInPatches => {
                "Patches take over what the class token says and lose what is their own; dense scores fall when this \
                 goes on. Look at the previews; if they blur, go on with the recipe gram."
            }
            Self::LowRank => {
                "Features use a few directions only: dimensional collapse. Raise loss.koleo and run.batch, lower \
                 optimizer.lr, or lower optimizer.weight_decay_end."
            }
            Self::LongPatches => {
                "Such patches hold facts about the whole picture in place of their own. Use model.registers = 4, and \
                 look at the previews for single bright patches."
            }
            Self::TeacherIsStudent => {
                "The teacher is a copy of the student instead of its average, which ends in a collapse. Set \
                 teacher.momentum to 0.99 or so, and check that optimizer.lr is not 0."
            }
            Self::TeacherIsLost => {
                "The teacher does not keep up with the student. Lower optimizer.lr, or lower teacher.momentum so that \
                 its half-life, ln 2 / (1 - momentum), is 1 to 3 % of the run."
            }
            Self::LargeLogits(_) => {
                "Exponentials of such numbers overflow; the losses here survive it, but the head's last layer grows \
                 without bound. Lower optimizer.lr, set optimizer.clip, or raise optimizer.weight_decay."
            }
            Self::GradientBurst => {
                "One batch pulls far harder than all others: a broken picture, or the beginning of an instability. Set \
                 optimizer.clip to 3 or less; if it happens again, lower optimizer.lr or raise optimizer.warmup."
            }
            Self::AlwaysClipped => {
                "Clipping has become the rule, and the learning rate means little. Lower optimizer.lr, or raise \
                 optimizer.clip if the loss falls steadily."
            }
            Self::DriftingPatches => {
                "Patch similarities move away from those of the older network that they are compared with. Raise \
                 gram.weight, or lower optimizer.lr."
            }
            Self::WorseThanUntrained => {
                "The features are worse than none. Check that the classes belong to the pictures; if they do, the run \
                 has collapsed: start again with a lower optimizer.lr."
            }
        }
    }
}
