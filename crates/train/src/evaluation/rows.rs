//! Features and labels, checked once.
//!
//! Input: slices. Output: [`Rows`] and [`Labeled`], views that are whole, finite and of classes that can be counted.

use super::EvaluationError;

/// Classes there may be at most.
const MAX_CLASSES: u32 = 1 << 16;

/// Finite features `[rows, dim]`, row-major; at least one row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    values: &'a [f32],
    dim: usize,
}

impl<'a> Rows<'a> {
    /// Checks `values` `[rows, dim]`; `what` names them in errors.
    pub fn new(what: &'static str, values: &'a [f32], dim: usize) -> Result<Self, EvaluationError> {
        if dim == 0 || values.is_empty() || !values.len().is_multiple_of(dim) {
            return Err(EvaluationError::Shape {
                what,
                expected: format!("at least one row of {dim}"),
                found: values.len(),
            });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(EvaluationError::NotFinite {
                what,
                row: at / dim,
                value: values[at],
            });
        }
        Ok(Self { values, dim })
    }

    /// Number of rows.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one row")]
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Channels.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// `[rows, dim]`.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// One row `[dim]`.
    ///
    /// # Panics
    /// Past the last row.
    pub fn row(&self, at: usize) -> &'a [f32] {
        &self.values[at * self.dim..][..self.dim]
    }

    /// An error if `other` has another number of channels.
    pub(super) fn same_channels(
        &self,
        what: &'static str,
        other: &Rows<'_>,
    ) -> Result<(), EvaluationError> {
        if self.dim == other.dim {
            return Ok(());
        }
        Err(EvaluationError::Channels {
            what,
            expected: self.dim,
            found: other.dim,
        })
    }

    /// Copies of some rows, `[indices, dim]`.
    pub(super) fn pick(&self, indices: &[usize]) -> Vec<f32> {
        let rows = indices.iter().flat_map(|&at| self.row(at));
        rows.copied().collect()
    }
}

/// Features with the class number of each row.
#[derive(Clone, Copy, Debug)]
pub struct Labeled<'a> {
    what: &'static str,
    rows: Rows<'a>,
    labels: &'a [u32],
    classes: usize,
}

impl<'a> Labeled<'a> {
    /// Checks `values` `[rows, dim]` and `labels` `[rows]`, numbers below 65536; `what` names them in errors.
    pub fn new(
        what: &'static str,
        values: &'a [f32],
        dim: usize,
        labels: &'a [u32],
    ) -> Result<Self, EvaluationError> {
        let rows = Rows::new(what, values, dim)?;
        if labels.len() != rows.len() {
            return Err(EvaluationError::Shape {
                what,
                expected: format!("{} values of {} labels", labels.len() * dim, labels.len()),
                found: values.len(),
            });
        }
        if let Some(row) = labels.iter().position(|label| *label >= MAX_CLASSES) {
            return Err(EvaluationError::Label {
                what,
                row,
                expected: MAX_CLASSES,
                found: labels[row],
            });
        }
        let largest = labels.iter().max().copied().unwrap_or(0);
        Ok(Self {
            what,
            rows,
            labels,
            classes: largest as usize + 1,
        })
    }

    /// The features.
    pub fn rows(&self) -> Rows<'a> {
        self.rows
    }

    /// `[rows]`.
    pub fn labels(&self) -> &'a [u32] {
        self.labels
    }

    /// The largest label and one.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// An error unless two classes occur.
    pub(super) fn two_classes(&self) -> Result<(), EvaluationError> {
        if self.labels.iter().any(|label| *label != self.labels[0]) {
            return Ok(());
        }
        Err(EvaluationError::Classes {
            what: self.what,
            found: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_input_is_refused_in_words() {
        let error = |values: &[f32], dim, labels: &[u32]| {
            Labeled::new("the set", values, dim, labels)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(&[1.0; 5], 2, &[0, 1]),
            "the set has 5 values, expected at least one row of 2"
        );
        assert!(error(&[], 2, &[]).starts_with("the set has 0 values"));
        assert!(error(&[1.0], 0, &[0]).starts_with("the set has 1 values"));
        assert_eq!(
            error(&[1.0; 4], 2, &[0]),
            "the set has 4 values, expected 2 values of 1 labels"
        );
        assert_eq!(
            error(&[1.0, 2.0, 3.0, f32::NAN], 2, &[0, 1]),
            "the set has the value NaN in row 1, expected finite values"
        );
        assert!(error(&[1.0; 2], 1, &[0, u32::MAX]).contains("label 4294967295"));
    }

    #[test]
    fn one_class_is_refused_where_two_are_needed() {
        let one = Labeled::new("the set", &[1.0, 2.0], 1, &[3, 3]).unwrap();
        assert_eq!(one.classes(), 4);
        assert!(one.two_classes().is_err());
        let two = Labeled::new("the set", &[1.0, 2.0], 1, &[3, 0]).unwrap();
        assert!(two.two_classes().is_ok());
    }
}
