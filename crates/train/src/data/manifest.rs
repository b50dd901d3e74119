//! Lists of pictures in tables: CSV or Parquet with the column `path` and, if wanted, `label`, `mask` and `set`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;

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

/// Writes a CSV that a data set reads as its manifest: a column `path`, a column `set`, and one more that people may want to sort by.
pub fn write_manifest<'a>(
    out: &mut dyn Write,
    third: &str,
    rows: impl IntoIterator<Item = (&'a Path, &'a str, String)>,
) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["path", "set", third])?;
    for (path, set, value) in rows {
        // Of all ways to write a path that is no text, none can be read back.
        let text = path.to_str().ok_or_else(|| {
            let reason = format!("its path is no UTF-8 text: {}", path.display());
            std::io::Error::new(std::io::ErrorKind::InvalidInput, reason)
        })?;
        writer.write_record([text, set, &value])?;
    }
    writer.flush()
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
    let schema = reader.metadata().file_metadata().schema();
    let columns = schema.get_fields().iter();
    let columns: Vec<String> = columns.map(|column| column.name().to_lowercase()).collect();
    let found = places(path, &columns)?;
    // Only these are read: others may hold whole pictures.
    let mut read: Vec<usize> = found.into_iter().flatten().collect();
    read.sort_unstable();
    let fields = read
        .iter()
        .map(|&place| Arc::clone(&schema.get_fields()[place]));
    let projection = Type::group_type_builder(schema.name())
        .with_fields(fields.collect())
        .build()
        .map_err(|error| failed(path, &error))?;
    let places = found.map(|place| read.iter().position(|&column| Some(column) == place));
    let records = reader
        .get_row_iter(Some(projection))
        .map_err(|error| failed(path, &error))?;
    let mut rows = Vec::new();
    for (number, record) in (1..).zip(records) {
        let record = record.map_err(|error| DataError::Row {
            row: number,
            reason: error.to_string(),
            path: path.to_path_buf(),
        })?;
        rows.push(row(path, number, |column| {
            let field = places[column].and_then(|place| record.get_column_iter().nth(place));
            match field {
                Some((_, field)) => text(field, COLUMNS[column]),
                None => Ok(None),
            }
        })?);
    }
    Ok(rows)
}

/// What a cell says, if anything.
fn text(field: &Field, column: &str) -> Result<Option<String>, String> {
    let text = match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        // Classes are numbers in many tables.
        Field::Int(_)
        | Field::Long(_)
        | Field::Short(_)
        | Field::Byte(_)
        | Field::UInt(_)
        | Field::ULong(_)
        | Field::UShort(_)
        | Field::UByte(_) => field.to_string(),
        // Some writers do not say that their bytes are a text.
        Field::Bytes(bytes) => bytes
            .as_utf8()
            .map(str::to_owned)
            .map_err(|error| error.to_string())?,
        other => {
            return Err(format!(
                "column \"{column}\" is {other}, expected a text or a whole number"
            ));
        }
    };
    Ok((!text.is_empty()).then_some(text))
}
