//! Matches and maps as CSV.
//!
//! Input: correspondences, or an array on the patch grid. Output: a header and a line a match or patch, comma separated,
//! `.` as the decimal point; numbers have as many digits as f32 needs.

use std::io::{self, Write};
use std::path::Path;

use super::{Array, Existing, ValuesError, write_file};
use crate::analysis::Correspondence;

/// First line of the CSV of matches.
pub const MATCH_HEADER: &str = "ax,ay,bx,by,similarity,mutual,cycle_error_px";

/// Writes matches as CSV: patch centres in pixels of the original pictures, `mutual` as 1 or 0.
pub fn write_matches(
    path: &Path,
    matches: &[Correspondence],
    existing: Existing,
) -> Result<(), ValuesError> {
    write_file(path, existing, |out| matches_csv(out, matches))
}

/// The CSV of matches, to any writer: the command line sends it to stdout when no file is asked for.
pub fn matches_csv(mut out: impl Write, matches: &[Correspondence]) -> io::Result<()> {
    writeln!(out, "{MATCH_HEADER}")?;
    for found in matches {
        let ([ax, ay], [bx, by]) = (found.a_px, found.b_px);
        let (similarity, cycle) = (found.similarity, found.cycle_error_px);
        let mutual = u8::from(found.mutual);
        writeln!(out, "{ax},{ay},{bx},{by},{similarity},{mutual},{cycle}")?;
    }
    Ok(())
}

/// Writes a map `[rows, cols]` or `[rows, cols, k]` as CSV.
pub(super) fn write_map(
    path: &Path,
    map: &Array<'_>,
    patch_px: (f64, f64),
    existing: Existing,
) -> Result<(), ValuesError> {
    if !matches!(map.shape, [_, _] | [_, _, _]) {
        return Err(ValuesError::Format {
            expected: "[rows, cols] or [rows, cols, k] for .csv",
            found: format!("values have the shape {:?}", map.shape),
            path: path.to_owned(),
        });
    }
    write_file(path, existing, |out| map_csv(out, map, patch_px))
}

/// The CSV of a map, to any writer: `row,col,x,y,value` or `row,col,x,y,c0,c1,…`, where (x, y) is the patch center in
/// pixels of the original picture and `patch_px` is (width, height) of a patch there. NaN is an empty field.
pub fn map_csv(
    mut out: impl Write,
    map: &Array<'_>,
    (width, height): (f64, f64),
) -> io::Result<()> {
    let (cols, channels) = match *map.shape {
        [_, cols] => (cols, None),
        [_, cols, k] => (cols, Some(k)),
        _ => return Err(io::Error::other("a map has two or three axes")),
    };
    write!(out, "row,col,x,y")?;
    match channels {
        None => write!(out, ",value")?,
        Some(k) => (0..k).try_for_each(|channel| write!(out, ",c{channel}"))?,
    }
    writeln!(out)?;
    let k = channels.unwrap_or(1);
    // No patches, or patches without channels: a header alone.
    for (patch, values) in map.values.chunks_exact(k.max(1)).enumerate() {
        let (row, col) = (patch / cols, patch % cols);
        let (x, y) = ((col as f64 + 0.5) * width, (row as f64 + 0.5) * height);
        write!(out, "{row},{col},{x},{y}")?;
        for value in values {
            if value.is_nan() {
                write!(out, ",")?;
            } else {
                write!(out, ",{value}")?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_one_csv_line() {
        let found = Correspondence {
            a: 1,
            b: 2,
            a_px: [24.0, 8.5],
            b_px: [40.25, 8.0],
            similarity: 0.75,
            second: 0.5,
            mutual: true,
            cycle_error_px: 0.0,
        };
        let mut text = Vec::new();
        matches_csv(&mut text, &[found]).unwrap();
        let expected = format!("{MATCH_HEADER}\n24,8.5,40.25,8,0.75,1,0\n");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    fn text(shape: &[usize], values: &[f32], patch_px: (f64, f64)) -> String {
        let map = Array {
            name: "map",
            shape,
            values,
        };
        let mut out = Vec::new();
        map_csv(&mut out, &map, patch_px).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_patch_is_one_line_with_its_center_and_nan_is_empty() {
        let found = text(&[2, 2], &[0.5, f32::NAN, -1.0, 0.1], (16.0, 12.5));
        assert_eq!(
            found,
            "row,col,x,y,value\n0,0,8,6.25,0.5\n0,1,24,6.25,\n1,0,8,18.75,-1\n1,1,24,18.75,0.1\n"
        );
        let found = text(&[1, 2, 3], &[1.0, 2.0, 3.0, 4.0, f32::NAN, 6.0], (2.0, 2.0));
        assert_eq!(found, "row,col,x,y,c0,c1,c2\n0,0,1,1,1,2,3\n0,1,3,1,4,,6\n");
    }

    #[test]
    fn maps_without_patches_or_channels_are_a_header_and_other_shapes_are_errors() {
        assert_eq!(text(&[0, 5], &[], (1.0, 1.0)), "row,col,x,y,value\n");
        assert_eq!(text(&[2, 5, 0], &[], (1.0, 1.0)), "row,col,x,y\n");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let vector = Array {
            name: "v",
            shape: &[3],
            values: &[0.0; 3],
        };
        let error = write_map(&path, &vector, (1.0, 1.0), Existing::Keep).unwrap_err();
        assert!(
            error.to_string().contains("expected [rows, cols]"),
            "{error}"
        );
    }
}
