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
                    let row = *row as usize;
                    self.read_as(row..row + 1, normalized, out)?;
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::curation::fixtures::{noise, write_raw, write_table};

    fn all(table: &FeatureTable<'_>) -> Vec<f32> {
        let mut out = vec![0.0; table.rows() * table.dim()];
        table.read(0..table.rows(), &mut out).unwrap();
        out
    }

    #[test]
    fn a_mapped_table_equals_the_one_in_memory_also_in_shards() {
        let folder = tempfile::tempdir().unwrap();
        let values = noise(700, 5, 1);
        let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        // Shards of different types make one table.
        write_table(&one, "F16", 300, 5, bytemuck::cast_slice(&halves[..1500]));
        write_table(&two, "F32", 400, 5, bytemuck::cast_slice(&values[1500..]));
        let mut expected = values.clone();
        halves[..1500].convert_to_f32_slice(&mut expected[..1500]);
        for normalized in [false, true] {
            let set = |table: FeatureTable<'static>| {
                if normalized {
                    table.normalized()
                } else {
                    table
                }
            };
            let table = set(FeatureTable::open_shards(&[&one, &two], Some("features")).unwrap());
            assert_eq!((table.rows(), table.dim()), (700, 5));
            let memory = FeatureTable::from_f32(&expected, 5).unwrap();
            let memory = if normalized {
                memory.normalized()
            } else {
                memory
            };
            assert_eq!(all(&table), all(&memory));
            let mut some = vec![0.0; 15];
            table.gather(&[699, 0, 300], &mut some).unwrap();
            let memory = all(&memory);
            let rows = [699, 0, 300].map(|row| &memory[row * 5..][..5]).concat();
            assert_eq!(some, rows);
        }
        let single = FeatureTable::open(&one, None).unwrap();
        assert_eq!(
            all(&single),
            all(&FeatureTable::from_f16(&halves[..1500], 5).unwrap())
        );
    }

    #[test]
    fn rows_of_length_one_are_of_length_one_whatever_their_scale() {
        let values = [3e30, 4e30, 0.0, 0.0, -3e-30, 0.0, 1.0, 1.0];
        let found = all(&FeatureTable::from_f32(&values, 2).unwrap().normalized());
        let root = 0.5_f32.sqrt();
        // A row shorter than the smallest length that is divided by counts as zero.
        let expected = [0.6, 0.8, 0.0, 0.0, -3e-18, 0.0, root, root];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn values_that_are_not_finite_are_found_when_they_are_read() {
        let mut values = noise(9, 20, 1);
        for bad in [f32::NAN, f32::INFINITY] {
            values[7 * 20 + 19] = bad;
            let table = FeatureTable::from_f32(&values, 20).unwrap();
            let mut out = vec![0.0; 160];
            table.read(0..7, &mut out[..140]).unwrap();
            let error = table.read(0..8, &mut out).unwrap_err();
            assert!(
                matches!(error, CurationError::NotFinite { row: 7 }),
                "{error}"
            );
        }
    }

    #[test]
    fn hostile_headers_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        let tensor = |dtype: &str, shape: &str, end: u64| {
            format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
        };
        let cases = [
            (tensor("F32", "[18446744073709551615,2]", 16), 16),
            (tensor("F32", "[4611686018427387904,4]", 0), 0),
            (tensor("F32", "[1000000000,384]", 1_536_000_000_000), 16),
            (tensor("F32", "[2,2]", 16), 15),
            (tensor("F32", "[2,2]", 16), 17),
            (tensor("F32", "[0,4]", 0), 0),
            (tensor("F32", "[4,0]", 0), 0),
            (tensor("F32", "[4]", 16), 16),
            (tensor("F32", "[2,2,1]", 16), 16),
            (tensor("I32", "[2,2]", 16), 16),
            (tensor("F32", "[1,65537]", 262_148), 262_148),
            (tensor("F32", "[-1,2]", 16), 16),
            ("{}".to_owned(), 0),
            ("[".repeat(10_000), 0),
        ];
        for (header, len) in cases {
            write_raw(&path, &header, &vec![0; len]);
            assert!(FeatureTable::open(&path, None).is_err(), "{header:.80}");
            assert!(
                FeatureTable::open(&path, Some("a")).is_err(),
                "{header:.80}"
            );
        }
        std::fs::write(&path, u64::MAX.to_le_bytes()).unwrap();
        assert!(FeatureTable::open(&path, None).is_err());
        std::fs::write(&path, []).unwrap();
        assert!(FeatureTable::open(&path, None).is_err());
        assert!(FeatureTable::open(folder.path(), None).is_err());
        write_table(&path, "F32", 1, 1, &[0; 4]);
        let error = FeatureTable::open(&path, Some("other"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no tensor \"other\""), "{error}");
        assert!(FeatureTable::open_shards::<&Path>(&[], None).is_err());
        assert!(FeatureTable::from_f32(&[0.0; 5], 2).is_err());
        assert!(FeatureTable::from_f32(&[], 2).is_err());
    }

    #[test]
    fn shards_of_different_widths_do_not_make_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        write_table(&one, "F32", 1, 2, &[0; 8]);
        write_table(&two, "F32", 2, 1, &[0; 8]);
        let error = FeatureTable::open_shards(&[one, two], None).unwrap_err();
        assert!(error.to_string().contains("expected 2"), "{error}");
    }

    proptest! {
        #[test]
        fn any_range_over_any_shards_is_what_it_is_in_one_piece(
            parts in prop::collection::vec(1_usize..9, 1..5), from: usize, to: usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let rows: usize = parts.iter().sum();
            let values = noise(rows, 3, 4);
            let (mut paths, mut first) = (Vec::new(), 0);
            for &part in &parts {
                let path = folder.path().join(first.to_string());
                write_table(&path, "F32", part, 3, bytemuck::cast_slice(&values[first * 3..][..part * 3]));
                paths.push(path);
                first += part;
            }
            let table = FeatureTable::open_shards(&paths, None).unwrap();
            let (from, to) = (from % (rows + 1), to % (rows + 1));
            let (from, to) = (from.min(to), from.max(to));
            let mut out = vec![0.0; (to - from) * 3];
            table.read(from..to, &mut out).unwrap();
            prop_assert_eq!(&out[..], &values[from * 3..to * 3]);
        }
    }
}
