//! Tests of the watcher: what is told, when, and how often.

use super::super::alarms::Severity;
use super::super::reading::Sizes;
use super::super::{feature_std, pair_cosine, rankme};
use super::*;

const SIZES: Sizes = Sizes {
    rows: 64,
    prototypes: 256,
    dim: 32,
};

fn healthy(step: u64) -> Reading {
    let most = 256.0_f64.ln();
    Reading::new(step, SIZES)
        .with(Monitor::TeacherEntropy, 0.6 * most)
        .with(Monitor::Divergence, 1.0)
        .with(Monitor::Usage, 0.6)
        .with(Monitor::FeatureStd, 0.9)
        .with(Monitor::PairCosine, 0.2)
        .with(Monitor::PatchCosine, 0.3)
        .with(Monitor::ClsPatchCosine, 0.2)
        .with(Monitor::RankMe, 20.0)
        .with(Monitor::GramDrift, 0.005)
        .with(Monitor::Outliers, 0.0)
        .with(Monitor::EmaGap, 0.05)
        .with(Monitor::TeacherLogit, 20.0)
        .with(Monitor::StudentLogit, 12.0)
        .with(Monitor::GradientNorm, 1.0)
        .with(Monitor::Knn, 0.5)
        .with(Monitor::KnnBaseline, 0.3)
}

/// What a watcher says to healthy readings and then to two with other values.
fn told(changes: &[(Monitor, f64)]) -> Vec<Warning> {
    let mut watcher = Watcher::default();
    let mut told = Vec::new();
    for step in [1000, 1100, 1200, 1300, 1400, 1500] {
        told.extend(watcher.look(&healthy(step)));
    }
    assert!(told.is_empty(), "a healthy run: {told:?}");
    for step in [1600, 1700] {
        let mut reading = healthy(step);
        for (monitor, value) in changes {
            reading.set(*monitor, *value);
        }
        told.extend(watcher.look(&reading));
    }
    told
}

/// What is read, which monitor warns, and a word of the warning.
type Case<'a> = (&'a [(Monitor, f64)], Monitor, &'a str);

#[test]
fn every_limit_has_its_warning() {
    let most = 256.0_f64.ln();
    let cases: [Case<'_>; 15] = [
        (
            &[(Monitor::TeacherEntropy, 0.995 * most)],
            Monitor::TeacherEntropy,
            "uniform",
        ),
        (
            &[
                (Monitor::TeacherEntropy, 0.995 * most),
                (Monitor::Divergence, 0.001),
            ],
            Monitor::Divergence,
            "trivial solution",
        ),
        (
            &[(Monitor::Usage, 0.01)],
            Monitor::Usage,
            "1.00 % of its 256 prototypes",
        ),
        (
            &[(Monitor::FeatureStd, 0.1)],
            Monitor::FeatureStd,
            "same direction",
        ),
        (
            &[(Monitor::PairCosine, 0.95)],
            Monitor::PairCosine,
            "hardly apart",
        ),
        (
            &[(Monitor::PatchCosine, 0.75)],
            Monitor::PatchCosine,
            "recipe gram",
        ),
        (
            &[(Monitor::ClsPatchCosine, 0.6)],
            Monitor::ClsPatchCosine,
            "class token",
        ),
        (
            &[(Monitor::RankMe, 2.0)],
            Monitor::RankMe,
            "2.0 of at most 32",
        ),
        (
            &[(Monitor::GramDrift, 0.02)],
            Monitor::GramDrift,
            "gram.weight",
        ),
        (&[(Monitor::Outliers, 0.03)], Monitor::Outliers, "3.00 %"),
        (
            &[(Monitor::EmaGap, 0.0)],
            Monitor::EmaGap,
            "copy of the student",
        ),
        (
            &[(Monitor::TeacherLogit, 120.0)],
            Monitor::TeacherLogit,
            "120.0",
        ),
        (
            &[(Monitor::GradientNorm, 250.0)],
            Monitor::GradientNorm,
            "250 times",
        ),
        (&[(Monitor::Knn, 0.2)], Monitor::Knn, "20.0 %"),
        (
            &[(Monitor::StudentLogit, f64::NAN)],
            Monitor::StudentLogit,
            "is NaN",
        ),
    ];
    for (changes, monitor, words) in cases {
        let warnings = told(changes);
        let [warning] = &warnings[..] else {
            panic!("{changes:?}: {warnings:?}");
        };
        assert_eq!(warning.monitor, monitor);
        assert!(warning.text.contains(words), "{words}: {}", warning.text);
        assert!(warning.text.ends_with('.'), "{}", warning.text);
        assert!(
            warning
                .to_string()
                .starts_with(&format!("step {}, ", warning.step))
        );
    }
}

#[test]
fn a_collapse_onto_one_prototype_is_told_by_all_who_see_it() {
    let warnings = told(&[
        (Monitor::TeacherEntropy, 0.01),
        (Monitor::Usage, 1.0 / 256.0),
    ]);
    let monitors: Vec<_> = warnings.iter().map(|warning| warning.monitor).collect();
    assert_eq!(monitors, [Monitor::TeacherEntropy, Monitor::Usage]);
    assert!(warnings.iter().all(|w| w.severity == Severity::Serious));
}

#[test]
fn identical_features_raise_alarms() {
    let row: Vec<f32> = (0..32).map(|i| (i as f32).sin()).collect();
    let same = row.repeat(64);
    let changes = [
        (Monitor::FeatureStd, feature_std(&same, 32).unwrap()),
        (Monitor::PairCosine, pair_cosine(&same, 32).unwrap()),
        (Monitor::RankMe, rankme(&same, 32)),
    ];
    let monitors: Vec<_> = told(&changes).iter().map(|w| w.monitor).collect();
    assert_eq!(
        monitors,
        [Monitor::FeatureStd, Monitor::PairCosine, Monitor::RankMe]
    );
}

#[test]
fn a_warning_is_told_once_and_again_after_recovery() {
    let mut watcher = Watcher::new(Thresholds {
        readings: 1,
        ..Thresholds::default()
    });
    let mut look = |step, usage| {
        let reading = Reading::new(step, SIZES).with(Monitor::Usage, usage);
        watcher.look(&reading).len()
    };
    // 64 rows reach a quarter of 256 prototypes: the limit is 0.05 of that.
    let limit = 0.05 * 0.25;
    assert_eq!(look(300, 0.9 * limit), 1);
    assert_eq!(look(400, 0.5 * limit), 0);
    // Back, but not by the margin.
    assert_eq!(look(500, 1.05 * limit), 0);
    assert_eq!(look(600, 0.9 * limit), 0);
    assert_eq!(look(700, 2.0 * limit), 0);
    assert_eq!(look(800, 0.9 * limit), 1);
}

#[test]
fn a_slow_change_must_last_and_a_broken_number_is_told_at_once() {
    let mut watcher = Watcher::default();
    let bad = |step| Reading::new(step, SIZES).with(Monitor::FeatureStd, 0.1);
    let good = |step| Reading::new(step, SIZES).with(Monitor::FeatureStd, 0.9);
    assert!(watcher.look(&bad(300)).is_empty());
    assert!(watcher.look(&good(400)).is_empty());
    assert!(watcher.look(&bad(500)).is_empty());
    assert_eq!(watcher.look(&bad(600)).len(), 1);
    let broken = Reading::new(1, SIZES).with(Monitor::RankMe, f64::NAN);
    assert_eq!(Watcher::default().look(&broken).len(), 1);
}

#[test]
fn a_fresh_network_may_look_collapsed() {
    let mut watcher = Watcher::default();
    for step in [0, 50, 100, 150] {
        let reading = Reading::new(step, SIZES)
            .with(Monitor::PairCosine, 0.99)
            .with(Monitor::PatchCosine, 0.9);
        assert!(watcher.look(&reading).is_empty());
    }
    // High from the start and falling: no rise.
    for step in [300, 400, 500] {
        let reading = Reading::new(step, SIZES).with(Monitor::PatchCosine, 0.8);
        assert!(watcher.look(&reading).is_empty());
    }
}

#[test]
fn a_teacher_that_falls_ever_further_behind_is_told() {
    let mut watcher = Watcher::default();
    let mut look = |step: u64, gap| {
        let reading = Reading::new(1000 + 100 * step, SIZES).with(Monitor::EmaGap, gap);
        watcher.look(&reading).len()
    };
    let counts: Vec<_> = (0..14).map(|i| look(i, 0.15 + 0.01 * i as f64)).collect();
    assert_eq!(counts.iter().sum::<usize>(), 1);
    assert_eq!(counts[10], 1);
    // Flat at a high value is fine.
    assert_eq!(look(15, 0.25), 0);
}

#[test]
fn gradients_that_are_always_clipped_are_told() {
    let mut watcher = Watcher::default();
    let mut told = Vec::new();
    for step in 0..30 {
        let mut reading = Reading::new(1000 + step, SIZES).with(Monitor::GradientNorm, 5.0);
        reading.clip = 3.0;
        told.extend(watcher.look(&reading));
    }
    let [warning] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(warning.text.starts_with("100 % of the last gradients"));
    assert_eq!(warning.severity, Severity::Notice);
}
