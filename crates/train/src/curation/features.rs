//! A table of features, one row a picture: in mapped safetensors files or in memory, of f32 or f16.
//!
//! Output: rows as f32, checked to be finite, of length one where asked. Only what is read is in memory.

use std::ops::Range;
use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use safetensors::Dtype;

use super::CurationError;
use super::error::{bad_file, bad_shape};
use super::mapped::Mapped;

/// Most features of a row: a bound for what a file may claim.
pub const MAX_DIM: usize = 1 << 16;
/// Least length that a row is divided by; a zero row stays zero.
const NORM_EPS: f64 = 1e-12;
/// Rows that one task reads when rows are picked.
const ROWS_PER_TASK: usize = 64;

/// Rows of features `[rows, dim]`, f32 or f16, in files or in memory.
#[derive(Debug)]
pub struct FeatureTable<'a> {
    shards: Vec<Values<'a>>,
    /// First row of each shard, and the number of all rows.
    starts: Vec<usize>,
    dim: usize,
    normalized: bool,
}

/// Values of some rows.
#[derive(Debug)]
enum Values<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    Mapped(Mapped),
}

impl FeatureTable<'static> {
    /// Maps a safetensors file: its tensor of that name, or its only matrix of f32 or f16.
    pub fn open(path: &Path, tensor: Option<&str>) -> Result<Self, CurationError> {
        Self::open_shards(&[path], tensor)
    }

    /// Maps several files as one table, their rows one after the other.
    pub fn open_shards<P: AsRef<Path>>(
        paths: &[P],
        tensor: Option<&str>,
    ) -> Result<Self, CurationError> {
        let mut table = Self::empty(0);
        for path in paths {
            let path = path.as_ref();
            let found = Mapped::open(path, tensor)?;
            let (rows, dim) = (found.rows, found.dim);
            if table.shards.is_empty() {
                table.dim = dim;
            }
            if dim != table.dim {
                let reason = format!("its rows have {dim} features, expected {}", table.dim);
                return Err(bad_file("a table of features", reason, path));
            }
            table.push(Values::Mapped(found), rows)?;
        }
        if table.shards.is_empty() {
            return Err(bad_shape("tables of features", "at least one", "none"));
        }
        Ok(table)
    }
}

impl<'a> FeatureTable<'a> {
    /// A table of `values` `[rows, dim]`.
    pub fn from_f32(values: &'a [f32], dim: usize) -> Result<Self, CurationError> {
        Self::from_memory(Values::F32(values), values.len(), dim)
    }

    /// A table of `values` `[rows, dim]`.
    pub fn from_f16(values: &'a [f16], dim: usize) -> Result<Self, CurationError> {
        Self::from_memory(Values::F16(values), values.len(), dim)
    }

    /// The same rows, each divided by its length when read; a zero row stays zero.
    #[must_use]
    pub fn normalized(self) -> Self {
        Self {
            normalized: true,
            ..self
        }
    }

    /// How many rows there are, at least 1 and at most `u32::MAX`.
    pub fn rows(&self) -> usize {
        self.starts[self.shards.len()]
    }

    /// Features of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether rows are divided by their length when read.
    pub fn is_normalized(&self) -> bool {
        self.normalized
    }

    /// Reads some rows into `out` `[rows, dim]`.
    ///
    /// # Panics
    /// If there are no such rows or `out` has another length.
    pub fn read(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), CurationError> {
        self.read_as(rows, self.normalized, out)
    }

    /// Reads the rows with these numbers, in this order, into `out` `[numbers, dim]`.
    ///
    /// # Panics
    /// If there is no such row or `out` has another length.
    pub fn gather(&self, numbers: &[u32], out: &mut [f32]) -> Result<(), CurationError> {
        self.gather_as(numbers, self.normalized, out)
    }

    /// As [`Self::read`], of length one or not whatever the table is set to.
    pub(super) fn read_as(
        &self,
        rows: Range<usize>,
        normalized: bool,
        out: &mut [f32],
    ) -> Result<(), CurationError> {
        let count = self.rows();
        assert!(
            rows.start <= rows.end && rows.end <= count,
            "features: rows {rows:?} of {count}"
        );
        let expected = rows.len() * self.dim;
        assert_eq!(
            out.len(),
            expected,
            "features: {} values for {} rows of {}",
            out.len(),
            rows.len(),
            self.dim
        );
        let mut shard = self.starts.partition_point(|&start| start <= rows.start) - 1;
        let (mut at, mut rest) = (rows.start, out);
        while at < rows.end {
            let end = rows.end.min(self.starts[shard + 1]);
            let (now, later) = rest.split_at_mut((end - at) * self.dim);
            let first = (at - self.starts[shard]) * self.dim;
            self.shards[shard].decode(first, now);
            (at, rest, shard) = (end, later, shard + 1);
            self.finish(end, normalized, now)?;
        }
        Ok(())
    }

    /// As [`Self::gather`], of length one or not whatever the table is set to.
    pub(super) fn gather_as(
        &self,
        numbers: &[u32],
        normalized: bool,
        out: &mut [f32],
    ) -> Result<(), CurationError> {
        let (rows, values) = (numbers.len(), out.len());
        assert_eq!(
            values,
            rows * self.dim,
            "features: {values} values for {rows} rows of {}",
            self.dim
        );
        out.par_chunks_mut(ROWS_PER_TASK * self.dim)
            .zip(numbers.par_chunks(ROWS_PER_TASK))
            .try_for_each(|(out, numbers)| {
                for (row, out) in numbers.iter().zip(out.chunks_exact_mut(self.dim)) {
                    let (row, end) = (*row as usize, *row as usize + 1);
                    self.read_as(row..end, normalized, out)?;
                }
                Ok(())
            })
    }

    fn empty(dim: usize) -> Self {
        Self {
            shards: Vec::new(),
            starts: vec![0],
            dim,
            normalized: false,
        }
    }

    fn from_memory(values: Values<'a>, len: usize, dim: usize) -> Result<Self, CurationError> {
        if dim == 0 || !len.is_multiple_of(dim) {
            let found = format!("{len} values");
            return Err(bad_shape("features", format!("rows of {dim}"), found));
        }
        let mut table = Self::empty(dim);
        table.push(values, len / dim)?;
        Ok(table)
    }

    fn push(&mut self, values: Values<'a>, rows: usize) -> Result<(), CurationError> {
        if self.dim == 0 || self.dim > MAX_DIM {
            let expected = format!("1 to {MAX_DIM}");
            return Err(bad_shape("features of a row", expected, self.dim));
        }
        // Rows are numbered in 32 bits throughout: half the memory of a label.
        let total = self.rows().checked_add(rows);
        let Some(total) = total.filter(|&total| rows > 0 && u32::try_from(total).is_ok()) else {
            let expected = format!("1 to {}", u32::MAX);
            return Err(bad_shape("rows of features", expected, rows));
        };
        self.shards.push(values);
        self.starts.push(total);
        Ok(())
    }

    /// Checks the values `[rows, dim]` of the rows before `end`, and divides them by their length if asked.
    fn finish(
        &self,
        end: usize,
        normalized: bool,
        values: &mut [f32],
    ) -> Result<(), CurationError> {
        let first = end - values.len() / self.dim;
        for (at, row) in values.chunks_exact_mut(self.dim).enumerate() {
            // The square of a finite f32 is finite in f64.
            let square = square(row);
            if !square.is_finite() {
                return Err(CurationError::NotFinite { row: first + at });
            }
            if normalized {
                let scale = 1.0 / square.sqrt().max(NORM_EPS);
                for value in row {
                    *value = (f64::from(*value) * scale) as f32;
                }
            }
        }
        Ok(())
    }
}

impl Values<'_> {
    /// Values from the one with the number `first` on.
    fn decode(&self, first: usize, out: &mut [f32]) {
        match self {
            Self::F32(values) => out.copy_from_slice(&values[first..][..out.len()]),
            Self::F16(values) => values[first..][..out.len()].convert_to_f32_slice(out),
            Self::Mapped(mapped) if mapped.dtype == Dtype::F16 => {
                halves(&mapped.bytes()[first * 2..][..out.len() * 2], out);
            }
            Self::Mapped(mapped) => {
                let (bytes, _) = mapped.bytes()[first * 4..][..out.len() * 4].as_chunks();
                for (out, bytes) in out.iter_mut().zip(bytes) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
        }
    }
}

/// Converts little-endian f16 at any alignment.
fn halves(bytes: &[u8], out: &mut [f32]) {
    let mut aligned = [f16::ZERO; 256];
    for (bytes, out) in bytes.chunks(2 * aligned.len()).zip(out.chunks_mut(256)) {
        for (to, bytes) in aligned.iter_mut().zip(bytes.as_chunks().0) {
            *to = f16::from_le_bytes(*bytes);
        }
        aligned[..out.len()].convert_to_f32_slice(out);
    }
}

/// Sum of the squares of a row.
pub(super) fn square(row: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let (body, rest) = row.as_chunks::<8>();
    for values in body {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    let rest: f64 = rest.iter().map(|&value| f64::from(value).powi(2)).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests;
