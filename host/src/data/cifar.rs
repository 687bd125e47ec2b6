//! CIFAR-10's binary records: a label of 0 to 9, then 1,024 bytes each of red, green and blue, row by row.

use std::path::Path;

use super::source::{MAX_BYTES, load, reader, take};
use super::{DataError, Dataset};
use crate::net::Shape;

/// The shape of every image.
pub const SHAPE: Shape = Shape {
    channels: 3,
    height: 32,
    width: 32,
};

/// Reads a batch, plain or gzip.
///
/// # Errors
/// [`DataError`]: unreadable, not a whole number of records, or a label above 9.
pub fn read(path: &Path) -> Result<Dataset, DataError> {
    parse(&load(path)?, &path.display().to_string())
}

/// As [`read`], from memory; `file` is the name for errors.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], file: &str) -> Result<Dataset, DataError> {
    let record = 1 + SHAPE.len();
    let bytes = take(&mut *reader(bytes), MAX_BYTES + 1, file)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(DataError::TooLarge {
            file: file.to_owned(),
            what: "its size",
            size: bytes.len() as u64,
            limit: MAX_BYTES,
        });
    }
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(DataError::Content {
            file: file.to_owned(),
            reason: format!(
                "{} bytes are not a whole number of records of {record} bytes",
                bytes.len()
            ),
        });
    }
    let mut images = Vec::with_capacity(bytes.len());
    let mut labels = Vec::with_capacity(bytes.len() / record);
    for (index, record) in bytes.chunks_exact(record).enumerate() {
        if record[0] > 9 {
            return Err(DataError::Content {
                file: file.to_owned(),
                reason: format!("record {index} has the label {}", record[0]),
            });
        }
        labels.push(record[0]);
        images.extend_from_slice(&record[1..]);
    }
    Dataset::new(SHAPE, images, labels)
}
