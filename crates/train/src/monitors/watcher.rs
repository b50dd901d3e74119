//! From readings to warnings, each told once until its value recovers.
//!
//! Input: a [`Reading`] now and then. Output: [`Warning`]s. Slow changes must last for some readings, and a value must
//! come back behind its limit by a margin before the same warning is told again. Source: `spec/06`, section 7.

use std::collections::{BTreeMap, VecDeque};

use super::alarms::{Alarm, Warning};
use super::gradients::NormBand;
use super::reading::{Monitor, Reading};
use super::thresholds::Thresholds;

/// Fewest possible directions for which an effective rank says anything.
const LEAST_DIRECTIONS: usize = 4;

/// Watches the monitors of a run.
#[derive(Clone, Debug, Default)]
pub struct Watcher {
    /// When it warns.
    pub thresholds: Thresholds,
    told: BTreeMap<Alarm, Bad>,
    lowest: BTreeMap<Monitor, f64>,
    gaps: VecDeque<f64>,
    norms: NormBand,
}

/// How long something has been bad.
#[derive(Clone, Copy, Debug, Default)]
struct Bad {
    readings: u32,
    told: bool,
}

/// On which side of its limit a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Bad,
    /// Behind the limit, but not by the margin.
    Near,
    Good,
}

/// One alarm and whether it holds; with what is seen if it does.
struct Check {
    alarm: Alarm,
    side: Side,
    seen: String,
}

impl Watcher {
    /// A watcher with other thresholds.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            ..Self::default()
        }
    }

    /// Looks at a reading; returns what there is to say that was not said before.
    pub fn look(&mut self, reading: &Reading) -> Vec<Warning> {
        let mut checks = broken(reading);
        checks.extend(self.targets(reading));
        checks.extend(self.features(reading));
        checks.extend(self.patches(reading));
        checks.extend(self.weights(reading));
        checks.extend(self.scores(reading));
        let tell = |check: Check| self.tell(check, reading.step);
        checks.into_iter().filter_map(tell).collect()
    }

    /// Keeps count of one alarm; the warning, if it is due.
    fn tell(&mut self, check: Check, step: u64) -> Option<Warning> {
        let Check { alarm, side, seen } = check;
        if alarm.is_slow() && step < self.thresholds.warm_up_steps {
            return None;
        }
        let needed = if alarm.is_slow() {
            self.thresholds.readings
        } else {
            1
        };
        let bad = self.told.entry(alarm).or_default();
        match side {
            Side::Good => *bad = Bad::default(),
            Side::Near if !bad.told => bad.readings = 0,
            Side::Near => {}
            Side::Bad => bad.readings = bad.readings.saturating_add(1),
        }
        if side != Side::Bad || bad.told || bad.readings < needed {
            return None;
        }
        bad.told = true;
        Some(Warning {
            monitor: alarm.monitor(),
            severity: alarm.severity(),
            text: format!("{seen} {}", alarm.advice()),
            step,
        })
    }

    fn targets(&self, reading: &Reading) -> Vec<Check> {
        let limits = &self.thresholds;
        let mut checks = Vec::new();
        let prototypes = reading.sizes.prototypes;
        let usage_limit = limits.least_usage * reachable(reading);
        let usage = finite(reading, Monitor::Usage);
        if let Some(entropy) = finite(reading, Monitor::TeacherEntropy)
            && prototypes > 1
        {
            let most = (prototypes as f64).ln();
            let seen = format!(
                "The entropy of the teacher's targets is {entropy:.3} of at most {most:.3} nats."
            );
            let flat = self.above(
                entropy / most,
                limits.flat_entropy,
                1.0 - limits.flat_entropy,
            );
            let divergence = finite(reading, Monitor::Divergence);
            let trivial = match divergence {
                Some(found) if flat == Side::Bad => self.below(found, limits.trivial_divergence),
                _ => Side::Good,
            };
            let flat = if trivial == Side::Bad {
                Side::Near
            } else {
                flat
            };
            checks.push(check(Alarm::FlatTargets, flat, seen.clone()));
            let seen_both = format!(
                "{seen} The student is within {:.4} nats of them.",
                divergence.unwrap_or(0.0)
            );
            checks.push(check(Alarm::TrivialTargets, trivial, seen_both));
            let sharp = match usage {
                Some(usage) if usage < usage_limit => {
                    self.below(entropy / most, limits.sharp_entropy)
                }
                _ => Side::Good,
            };
            checks.push(check(Alarm::OneHotTargets, sharp, seen));
        }
        if let Some(usage) = usage {
            let percent = 100.0 * usage;
            let seen = format!("The teacher uses {percent:.2} % of its {prototypes} prototypes.");
            let side = self.below(usage, usage_limit);
            checks.push(check(Alarm::FewPrototypes, side, seen));
        }
        for monitor in [Monitor::TeacherLogit, Monitor::StudentLogit] {
            if let Some(logit) = finite(reading, monitor) {
                let seen = format!("The {} by its temperature is {logit:.1}.", monitor.title());
                let side = self.above(logit, limits.most_logit, limits.most_logit);
                checks.push(check(Alarm::LargeLogits(monitor), side, seen));
            }
        }
        checks
    }

    fn features(&self, reading: &Reading) -> Vec<Check> {
        let limits = &self.thresholds;
        let mut checks = Vec::new();
        if let Some(std) = finite(reading, Monitor::FeatureStd) {
            let seen = format!(
                "The spread of class tokens is {std:.3}, where 1 is that of unrelated directions."
            );
            let side = self.below(std, limits.least_std);
            checks.push(check(Alarm::NarrowFeatures, side, seen));
        }
        if let Some(cosine) = finite(reading, Monitor::PairCosine) {
            let seen = format!(
                "The mean cosine between class tokens of different pictures is {cosine:.3}."
            );
            let side = self.above(cosine, limits.most_pair_cosine, limits.most_pair_cosine);
            checks.push(check(Alarm::AlikePictures, side, seen));
        }
        let bound = reading.sizes.rows.min(reading.sizes.dim);
        if let Some(rank) = finite(reading, Monitor::RankMe)
            && bound >= LEAST_DIRECTIONS
        {
            // Above 1, which even a single direction has.
            let part = (rank - 1.0) / (bound as f64 - 1.0);
            let seen =
                format!("The effective rank of class tokens is {rank:.1} of at most {bound}.");
            checks.push(check(
                Alarm::LowRank,
                self.below(part, limits.least_rank),
                seen,
            ));
        }
        checks
    }

    fn patches(&mut self, reading: &Reading) -> Vec<Check> {
        let limits = self.thresholds;
        let mut checks = Vec::new();
        if let Some((cosine, lowest)) = self.with_lowest(reading, Monitor::PatchCosine) {
            let rose = cosine - lowest >= limits.cosine_rise || cosine > limits.alike_patches;
            let side = self.above(cosine, limits.most_patch_cosine, limits.most_patch_cosine);
            let seen = format!(
                "The mean cosine between patches of a picture is {cosine:.3}, up from {lowest:.3}."
            );
            checks.push(check(Alarm::AlikePatches, only_if(rose, side), seen));
        }
        if let Some((cosine, lowest)) = self.with_lowest(reading, Monitor::ClsPatchCosine) {
            let rose = cosine - lowest >= limits.cosine_rise;
            let most = limits.most_cls_patch_cosine;
            let seen = format!(
                "The mean cosine between class token and patches is {cosine:.3}, up from {lowest:.3}."
            );
            let side = only_if(rose, self.above(cosine, most, most));
            checks.push(check(Alarm::ClsInPatches, side, seen));
        }
        if let Some((drift, lowest)) = self.with_lowest(reading, Monitor::GramDrift) {
            let most = (limits.drift_rise * lowest).max(limits.least_drift);
            let seen = format!(
                "Patch similarities are {drift:.4} away from the older network's, {lowest:.4} at best."
            );
            checks.push(check(
                Alarm::DriftingPatches,
                self.above(drift, most, most),
                seen,
            ));
        }
        if let Some(share) = finite(reading, Monitor::Outliers) {
            let seen = format!(
                "{:.2} % of the patches are far longer than the others.",
                100.0 * share
            );
            let side = self.above(share, limits.most_outliers, limits.most_outliers);
            checks.push(check(Alarm::LongPatches, side, seen));
        }
        checks
    }

    fn weights(&mut self, reading: &Reading) -> Vec<Check> {
        let limits = self.thresholds;
        let mut checks = Vec::new();
        if let Some(gap) = finite(reading, Monitor::EmaGap) {
            let seen =
                format!("The weights of teacher and student differ by {gap:.3e} of their length.");
            let same = self.below(gap, limits.least_gap);
            checks.push(check(Alarm::TeacherIsStudent, same, seen.clone()));
            self.gaps.push_back(gap);
            if self.gaps.len() > limits.gap_readings.max(2) {
                self.gaps.pop_front();
            }
            let grows = self.gaps.len() >= limits.gap_readings.max(2)
                && self.gaps.iter().is_sorted_by(|a, b| a < b);
            let seen = format!(
                "{seen} It has grown at each of the last {} readings.",
                self.gaps.len()
            );
            let side = only_if(grows, self.above(gap, limits.most_gap, limits.most_gap));
            checks.push(check(Alarm::TeacherIsLost, side, seen));
        }
        if let Some(norm) = finite(reading, Monitor::GradientNorm) {
            let usual = self.norms.median();
            if let Some(times) = self.norms.push(norm) {
                let seen = format!(
                    "The gradient is {norm:.3} long, {times:.0} times the usual {usual:.3}."
                );
                let side = self.above(times, limits.gradient_burst, limits.gradient_burst);
                checks.push(check(Alarm::GradientBurst, side, seen));
            }
            let clipped = self.norms.clipped_share(reading.clip);
            if let Some(share) = clipped.filter(|_| reading.clip > 0.0) {
                let seen = format!(
                    "{:.0} % of the last gradients were longer than the limit of {}.",
                    100.0 * share,
                    reading.clip
                );
                let side = self.above(share, limits.most_clipped, limits.most_clipped);
                checks.push(check(Alarm::AlwaysClipped, side, seen));
            }
        }
        checks
    }

    fn scores(&self, reading: &Reading) -> Vec<Check> {
        let found = finite(reading, Monitor::Knn);
        let (Some(score), Some(baseline)) = (found, finite(reading, Monitor::KnnBaseline)) else {
            return Vec::new();
        };
        let seen = format!(
            "Nearest neighbors are right for {:.1} % of the held-out pictures, {:.1} % without training.",
            100.0 * score,
            100.0 * baseline
        );
        let side = self.below(score, baseline);
        vec![check(Alarm::WorseThanUntrained, side, seen)]
    }

    /// A value and the lowest of it so far, itself included.
    fn with_lowest(&mut self, reading: &Reading, monitor: Monitor) -> Option<(f64, f64)> {
        let value = finite(reading, monitor)?;
        let lowest = self.lowest.entry(monitor).or_insert(value);
        *lowest = lowest.min(value);
        Some((value, *lowest))
    }

    /// Bad above `limit`; good again below it by the margin of `scale`.
    fn above(&self, value: f64, limit: f64, scale: f64) -> Side {
        if value > limit {
            Side::Bad
        } else if value > limit - self.thresholds.margin * scale {
            Side::Near
        } else {
            Side::Good
        }
    }

    /// Bad below `limit`; good again above it by the margin.
    fn below(&self, value: f64, limit: f64) -> Side {
        if value < limit {
            Side::Bad
        } else if value < limit * (1.0 + self.thresholds.margin) {
            Side::Near
        } else {
            Side::Good
        }
    }
}

fn check(alarm: Alarm, side: Side, seen: String) -> Check {
    Check { alarm, side, seen }
}

/// What is bad counts only under a condition.
fn only_if(condition: bool, side: Side) -> Side {
    match side {
        Side::Bad if !condition => Side::Near,
        _ => side,
    }
}

/// The value, unless it is not finite, which has a warning of its own.
fn finite(reading: &Reading, monitor: Monitor) -> Option<f64> {
    reading.get(monitor).filter(|value| value.is_finite())
}

/// Values that are not finite.
fn broken(reading: &Reading) -> Vec<Check> {
    let checks = reading.values().map(|(monitor, value)| {
        let side = if value.is_finite() {
            Side::Good
        } else {
            Side::Bad
        };
        let seen = format!("The value of the monitor is {value}.");
        check(Alarm::NotFinite(monitor), side, seen)
    });
    checks.collect()
}

/// Part of the prototypes that as many rows could use if each were sure of one.
fn reachable(reading: &Reading) -> f64 {
    let sizes = reading.sizes;
    if sizes.rows == 0 || sizes.prototypes == 0 {
        return 1.0;
    }
    (sizes.rows as f64 / sizes.prototypes as f64).min(1.0)
}

#[cfg(test)]
mod tests;
