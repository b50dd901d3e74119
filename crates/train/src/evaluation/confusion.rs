//! How often which class was taken for which.
//!
//! Input: pairs of true and found class. Output: counts, accuracy, intersection over union.

use serde::{Deserialize, Serialize};

/// Counts of pairs of classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Number of classes.
    pub classes: usize,
    /// `[true class, found class]`.
    pub counts: Vec<u64>,
}

/// The numbers that a confusion comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Rows that were counted.
    pub rows: u64,
    /// Part of the rows that are right, 0 to 1.
    pub accuracy: f64,
    /// Mean over the classes that occur of the part of their rows that is right, 0 to 1.
    pub mean_class_accuracy: f64,
}

impl Confusion {
    /// No pairs yet.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts pairs; a class of either list beyond the others widens the table.
    pub fn of(truth: &[u32], found: &[u32]) -> Self {
        let largest = truth.iter().chain(found).max();
        let mut confusion = Self::new(largest.map_or(0, |largest| *largest as usize + 1));
        for (truth, found) in truth.iter().zip(found) {
            confusion.add(*truth as usize, *found as usize);
        }
        confusion
    }

    /// Counts one pair.
    ///
    /// # Panics
    /// If a class is not below [`Self::classes`].
    pub fn add(&mut self, truth: usize, found: usize) {
        let classes = self.classes;
        assert!(
            truth < classes && found < classes,
            "confusion: classes {truth} and {found}, expected two below {classes}"
        );
        self.counts[truth * classes + found] += 1;
    }

    /// Adds the counts of another table of as many classes.
    ///
    /// # Panics
    /// If it has another number of classes.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.classes, other.classes, "confusion: classes");
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
    }

    /// Number of pairs.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Accuracies; 0 without pairs.
    pub fn scores(&self) -> Scores {
        let right: u64 = (0..self.classes).map(|class| self.right(class)).sum();
        let recalls: Vec<f64> = (0..self.classes)
            .filter_map(|class| ratio(self.right(class), self.of_class(class)))
            .collect();
        Scores {
            rows: self.total(),
            accuracy: ratio(right, self.total()).unwrap_or(0.0),
            mean_class_accuracy: mean(&recalls),
        }
    }

    /// Intersection over union of each class, 0 to 1; `None` for a class that neither occurs nor was found.
    pub fn iou(&self) -> Vec<Option<f64>> {
        let class = |class: usize| {
            let found: u64 = (0..self.classes)
                .map(|truth| self.counts[truth * self.classes + class])
                .sum();
            let both = self.right(class);
            ratio(both, self.of_class(class) + found - both)
        };
        (0..self.classes).map(class).collect()
    }

    /// Mean of [`Self::iou`] over the classes that have one; 0 without any.
    pub fn mean_iou(&self) -> f64 {
        let found: Vec<f64> = self.iou().into_iter().flatten().collect();
        mean(&found)
    }

    fn right(&self, class: usize) -> u64 {
        self.counts[class * self.classes + class]
    }

    fn of_class(&self, class: usize) -> u64 {
        self.counts[class * self.classes..][..self.classes]
            .iter()
            .sum()
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_worked_out_by_hand() {
        // True 0: two right, one taken for 1. True 1: one right. Class 2 is found once for a true 1. Class 3 never.
        let mut confusion = Confusion::new(4);
        for (truth, found) in [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2)] {
            confusion.add(truth, found);
        }
        let scores = confusion.scores();
        assert_eq!(scores.rows, 5);
        assert!((scores.accuracy - 0.6).abs() < 1e-12);
        assert!((scores.mean_class_accuracy - f64::midpoint(2.0 / 3.0, 0.5)).abs() < 1e-12);
        let iou = confusion.iou();
        assert_eq!(iou, [Some(2.0 / 3.0), Some(1.0 / 3.0), Some(0.0), None]);
        assert!((confusion.mean_iou() - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn pairs_of_two_lists_are_counted_and_tables_added() {
        let mut confusion = Confusion::of(&[0, 1, 1], &[0, 1, 3]);
        assert_eq!(confusion.classes, 4);
        let again = confusion.clone();
        confusion.merge(&again);
        assert_eq!(confusion.total(), 6);
        assert!((confusion.scores().accuracy - 2.0 / 3.0).abs() < 1e-12);
        assert!(Confusion::of(&[], &[]).scores().accuracy.abs() < 1e-12);
    }
}
