//! Lists of pictures in tables: CSV or Parquet with the column `path` and, if wanted, `label`, `mask` and `set`.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, RowAccessor};

use super::error::DataError;

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) path: PathBuf,
    pub(super) label: Option<String>,
    pub(super) mask: Option<PathBuf>,
    pub(super) set: Option<String>,
}

/// Columns that are read.
const COLUMNS: [&str; 4] = ["path", "label", "mask", "set"];

/// Reads a table; the ending decides: `.parquet`, or else CSV. Paths are relative to its folder.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, DataError> {
    let parquet = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    let rows = if parquet {
        read_parquet(path)?
    } else {
        read_csv(path)?
    };
    if rows.is_empty() {
        return Err(DataError::Empty {
            what: "the manifest",
            path: path.to_path_buf(),
        });
    }
    Ok(rows)
}

fn failed(path: &Path, reason: &dyn ToString) -> DataError {
    DataError::Read {
        what: "the manifest",
        reason: reason.to_string(),
        path: path.to_path_buf(),
    }
}

/// Places of the columns; `path` has to be there.
fn places(path: &Path, found: &[String]) -> Result<[Option<usize>; 4], DataError> {
    let places = COLUMNS.map(|name| found.iter().position(|column| column == name));
    if places[0].is_none() {
        return Err(DataError::Column {
            found: found.join(", "),
            path: path.to_path_buf(),
        });
    }
    Ok(places)
}

fn row(
    path: &Path,
    number: u64,
    cell: impl Fn(usize) -> Result<Option<String>, String>,
) -> Result<Row, DataError> {
    let refused = |reason: String| DataError::Row {
        row: number,
        reason,
        path: path.to_path_buf(),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let picture = cell(0).map_err(refused)?;
    let picture = picture.ok_or_else(|| refused("path is empty, expected a file".into()))?;
    Ok(Row {
        path: folder.join(picture),
        label: cell(1).map_err(refused)?,
        mask: cell(2).map_err(refused)?.map(|mask| folder.join(mask)),
        set: cell(3).map_err(refused)?,
    })
}

fn read_csv(path: &Path) -> Result<Vec<Row>, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| failed(path, &error))?;
    let header = reader.headers().map_err(|error| failed(path, &error))?;
    // Spreadsheets put a byte order mark in front.
    let columns: Vec<String> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_lowercase())
        .collect();
    let places = places(path, &columns)?;
    let mut rows = Vec::new();
    for (number, record) in (1..).zip(reader.records()) {
        let record = record.map_err(|error| DataError::Row {
            row: number,
            reason: error.to_string(),
            path: path.to_path_buf(),
        })?;
        rows.push(row(path, number, |column| {
            let text = places[column].and_then(|place| record.get(place));
            Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
        })?);
    }
    Ok(rows)
}

fn read_parquet(path: &Path) -> Result<Vec<Row>, DataError> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| failed(path, &error))?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<String> = schema
        .columns()
        .iter()
        .map(|column| column.path().string().to_lowercase())
        .collect();
    let places = places(path, &columns)?;
    let mut rows = Vec::new();
    for (number, record) in (1..).zip(reader.get_row_iter(None).map_err(|error| failed(path, &error))?) {
        let record = record.map_err(|error| DataError::Row {
            row: number,
            reason: error.to_string(),
            path: path.to_path_buf(),
        })?;
        rows.push(row(path, number, |column| {
            let Some(place) = places[column] else {
                return Ok(None);
            };
            if let Ok(text) = record.get_string(place) {
                return Ok((!text.is_empty()).then(|| text.clone()));
            }
            let field = record.get_column_iter().nth(place).map(|(_, field)| field);
            match field {
                None | Some(Field::Null) => Ok(None),
                // Classes are numbers in many tables.
                Some(Field::Int(number)) => Ok(Some(number.to_string())),
                Some(Field::Long(number)) => Ok(Some(number.to_string())),
                Some(Field::UInt(number)) => Ok(Some(number.to_string())),
                Some(Field::ULong(number)) => Ok(Some(number.to_string())),
                Some(Field::Short(number)) => Ok(Some(number.to_string())),
                Some(Field::Byte(number)) => Ok(Some(number.to_string())),
                Some(other) => Err(format!(
                    "column \"{}\" is {other}, expected a text or a whole number",
                    COLUMNS[column]
                )),
            }
        })?);
    }
    Ok(rows)
}
