//! Tables in files and in memory, and files that lie.

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
