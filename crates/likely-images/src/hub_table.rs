//! Pictures in Parquet files as data sets of the hub have them.

use crate::picture::decode;
use crate::source::Gathered;
use crate::{ImageSet, ImagesError, Reading};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use rayon::prelude::*;
use std::fs::File;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;

/// Names that data sets give to the column of pictures.
const IMAGE_COLUMNS: [&str; 3] = ["image", "img", "jpg"];
/// Names that they give to the column of labels.
const LABEL_COLUMNS: [&str; 2] = ["label", "labels"];

/// Rows that are decoded before their pictures are put together.
const BLOCK: usize = 256;

/// The pictures of all files, one after the other, with labels where every file has them.
///
/// Pictures have checksums of their own; labels have none, so a file is best fetched with its hash.
pub(crate) fn read(paths: &[&Path], reading: &Reading) -> Result<ImageSet, ImagesError> {
    let mut gathered = Gathered::new(reading);
    let (mut labels, mut count) = (Vec::new(), 0);
    for path in paths {
        // The reader asserts what a damaged file may not keep.
        let rows = catch_unwind(|| rows(path)).unwrap_or_else(|_| {
            Err(ImagesError::file(path, "it is a damaged Parquet file: the reader gave up"))
        })?;
        for (block, rows) in rows.chunks(BLOCK).enumerate() {
            let pictures: Vec<_> = rows.par_iter().map(|(bytes, _)| decode(bytes.data())).collect();
            for (offset, (picture, (_, label))) in pictures.into_iter().zip(rows).enumerate() {
                let index = block * BLOCK + offset;
                picture
                    .and_then(|picture| {
                        gathered.push(picture, || format!("that of row {index} of {}", path.display()))
                    })
                    .map_err(|reason| {
                        ImagesError::file(path, format!("the picture of row {index}: {reason}"))
                    })?;
                labels.extend(*label);
                count += 1;
            }
        }
    }
    let set = gathered.finish()?;
    if labels.len() == count { set.with_labels(labels) } else { Ok(set) }
}

/// The bytes of the picture of each row, and its label.
fn rows(path: &Path) -> Result<Vec<(ByteArray, Option<u8>)>, ImagesError> {
    let failed = |source| ImagesError::read(path, source);
    let wrong = |reason: String| ImagesError::file(path, reason);
    let damaged = |error: ParquetError| {
        wrong(format!("it is a damaged Parquet file, or one of a kind that is not read: {error}"))
    };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    check_places(reader.metadata(), length).map_err(wrong)?;
    let (image, label, projection) = columns(reader.metadata().file_metadata().schema()).map_err(wrong)?;
    let row = |(index, row): (usize, Result<Row, ParquetError>)| {
        let in_row = |reason: String| wrong(format!("row {index}: {reason}"));
        let row = row.map_err(damaged)?;
        let bytes = bytes_of(&row, &image).map_err(in_row)?.clone();
        let label = label.as_ref().map(|label| label_of(&row, label)).transpose().map_err(in_row)?;
        Ok((bytes, label))
    };
    let rows: Vec<_> = reader
        .get_row_iter(Some(projection))
        .map_err(damaged)?
        .enumerate()
        .map(row)
        .collect::<Result<_, ImagesError>>()?;
    if rows.is_empty() { Err(wrong("it holds no picture".to_owned())) } else { Ok(rows) }
}

/// Where the file says that its columns are must be in the file; the reader takes that for granted.
fn check_places(metadata: &ParquetMetaData, length: u64) -> Result<(), String> {
    let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    for column in columns {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let end = start.checked_add(column.compressed_size()).and_then(|end| u64::try_from(end).ok());
        let fits = start >= 0 && column.compressed_size() >= 0 && end.is_some_and(|end| end <= length);
        if !fits {
            let name = column.column_path().string();
            return Err(format!("it is a damaged Parquet file: its column {name} lies outside the file"));
        }
    }
    Ok(())
}

/// The column of pictures, that of labels where there is one, and the schema of both alone.
fn columns(schema: &Type) -> Result<(String, Option<String>, Type), String> {
    let fields = schema.get_fields();
    let there = |names: &[&str]| {
        names.iter().find_map(|name| fields.iter().find(|field| field.name() == *name)).map(Arc::clone)
    };
    let Some(image) = there(&IMAGE_COLUMNS) else {
        let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
        return Err(format!(
            "it has no column of pictures, `{}`; its columns are {}",
            IMAGE_COLUMNS.join("` or `"),
            names.join(", ")
        ));
    };
    let label = there(&LABEL_COLUMNS);
    let kept = std::iter::once(Arc::clone(&image)).chain(label.clone()).collect();
    let projection = Type::group_type_builder(schema.name())
        .with_fields(kept)
        .build()
        .map_err(|error| format!("it is a damaged Parquet file: {error}"))?;
    Ok((image.name().to_owned(), label.map(|label| label.name().to_owned()), projection))
}

fn field<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field)
}

fn bytes_of<'a>(row: &'a Row, column: &str) -> Result<&'a ByteArray, String> {
    let bytes = match field(row, column) {
        Some(Field::Group(group)) => field(group, "bytes"),
        other => other,
    };
    match bytes {
        Some(Field::Bytes(bytes)) => Ok(bytes),
        Some(Field::Null) => {
            Err(format!("`{column}` has no bytes; pictures must be in the file, not beside it"))
        }
        _ => Err(format!("`{column}` holds no bytes of a PNG or JPEG file")),
    }
}

fn label_of(row: &Row, column: &str) -> Result<u8, String> {
    let label = match field(row, column) {
        Some(Field::Long(label)) => Some(*label),
        Some(Field::Int(label)) => Some(i64::from(*label)),
        Some(Field::Short(label)) => Some(i64::from(*label)),
        Some(Field::Byte(label)) => Some(i64::from(*label)),
        Some(Field::UByte(label)) => Some(i64::from(*label)),
        _ => None,
    };
    label
        .and_then(|label| u8::try_from(label).ok())
        .ok_or_else(|| format!("`{column}` is no number from 0 to 255"))
}
