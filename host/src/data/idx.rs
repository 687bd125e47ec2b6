//! The IDX format: a big-endian header, then bytes.
//!
//! ```text
//! images:  00 00 08 03 | count | rows | columns | count·rows·columns bytes, each image row by row
//! labels:  00 00 08 01 | count | count bytes
//! ```
//!
//! 08 is the code of unsigned bytes and the last byte of the magic number counts the sizes, each of 32 bits.

use std::io::{self, Write};
use std::path::Path;

use super::source::{MAX_BYTES, load, reader, take};
use super::{DataError, Dataset};
use crate::net::Shape;

const IMAGES: u32 = 0x0803;
const LABELS: u32 = 0x0801;

/// Reads the images of a file, plain or gzip: their shape (one channel) and their bytes.
///
/// # Errors
/// [`DataError`]: unreadable, another format, or a header that does not match the length.
pub fn read_images(path: &Path) -> Result<(Shape, Vec<u8>), DataError> {
    parse_images(&load(path)?, &path.display().to_string())
}

/// Reads the labels of a file, plain or gzip.
///
/// # Errors
/// As [`read_images`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    parse_labels(&load(path)?, &path.display().to_string())
}

/// As [`read_images`], from memory; `file` is the name for errors.
///
/// # Errors
/// As [`read_images`].
pub fn parse_images(bytes: &[u8], file: &str) -> Result<(Shape, Vec<u8>), DataError> {
    let ([_, rows, columns], pixels) = parse(bytes, file, "images", IMAGES)?;
    let shape = Shape {
        channels: 1,
        height: rows as usize,
        width: columns as usize,
    };
    if shape.is_empty() {
        return Err(DataError::Content {
            file: file.to_owned(),
            reason: format!("its images have {rows} rows and {columns} columns"),
        });
    }
    Ok((shape, pixels))
}

/// As [`read_labels`], from memory; `file` is the name for errors.
///
/// # Errors
/// As [`read_images`].
pub fn parse_labels(bytes: &[u8], file: &str) -> Result<Vec<u8>, DataError> {
    let ([_], labels) = parse(bytes, file, "labels", LABELS)?;
    Ok(labels)
}

/// `N` sizes and the bytes that they count, neither more nor fewer.
fn parse<const N: usize>(
    bytes: &[u8],
    file: &str,
    what: &'static str,
    want: u32,
) -> Result<([u32; N], Vec<u8>), DataError> {
    let mut source = reader(bytes);
    let header = take(&mut *source, 4 + 4 * N as u64, file)?;
    let mut numbers = header.as_chunks().0.iter().map(|b| u32::from_be_bytes(*b));
    // A file too short for a magic number is not of this format either.
    let got = numbers.next().unwrap_or(0);
    if got != want {
        return Err(DataError::Magic {
            file: file.to_owned(),
            what,
            want,
            got,
        });
    }
    let sizes: Vec<u32> = numbers.collect();
    let Ok(sizes) = <[u32; N]>::try_from(sizes) else {
        return Err(DataError::Length {
            file: file.to_owned(),
            what: "the header alone".to_owned(),
            want: 4 + 4 * N as u64,
            got: header.len() as u64,
        });
    };
    let size = sizes
        .iter()
        .try_fold(1u64, |product, &size| product.checked_mul(u64::from(size)))
        .unwrap_or(u64::MAX);
    if size > MAX_BYTES {
        return Err(DataError::TooLarge {
            file: file.to_owned(),
            what: "the size that its header promises",
            size,
            limit: MAX_BYTES,
        });
    }
    // One byte beyond the promise shows that there are more, without decompressing the rest.
    let content = take(&mut *source, size + 1, file)?;
    if content.len() as u64 != size {
        let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
        return Err(DataError::Length {
            file: file.to_owned(),
            what: sizes.join(" × "),
            want: size,
            got: content.len() as u64,
        });
    }
    Ok((sizes, content))
}

/// Writes the images of a one-channel data set.
///
/// # Errors
/// Those of the writer, and [`io::ErrorKind::InvalidInput`] for images of several channels or too many of them.
pub fn write_images(data: &Dataset, to: &mut dyn Write) -> io::Result<()> {
    let shape = data.shape();
    if shape.channels != 1 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("IDX holds grey images, these are {shape}"),
        ));
    }
    to.write_all(&IMAGES.to_be_bytes())?;
    for size in [data.len(), shape.height, shape.width] {
        to.write_all(&size_word(size)?)?;
    }
    to.write_all(&data.images)
}

/// Writes the labels of a data set.
///
/// # Errors
/// Those of the writer.
pub fn write_labels(data: &Dataset, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(&LABELS.to_be_bytes())?;
    to.write_all(&size_word(data.len())?)?;
    to.write_all(&data.labels)
}

fn size_word(size: usize) -> io::Result<[u8; 4]> {
    u32::try_from(size)
        .map(u32::to_be_bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
