//! Bytes of a file, decompressed if they are compressed, and never more of them than asked for.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::DataError;

/// The largest file that is opened, compressed or not, and the largest that comes out of one: 1 GiB.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// The file's bytes as they are on disk.
pub(super) fn load(path: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |source| DataError::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(DataError::TooLarge {
            file: path.display().to_string(),
            what: "the file's size",
            size: bytes.len() as u64,
            limit: MAX_BYTES,
        });
    }
    Ok(bytes)
}

/// Reads from `bytes`, through gzip if they begin as gzip does.
pub(super) fn reader(bytes: &[u8]) -> Box<dyn Read + '_> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(bytes))
    } else {
        Box::new(bytes)
    }
}

/// Up to `limit` bytes of `source`; memory grows with what is really there.
pub(super) fn take(source: &mut dyn Read, limit: u64, file: &str) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    source
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| DataError::Content {
            file: file.to_owned(),
            reason: format!("its compressed data are damaged: {error}"),
        })?;
    Ok(bytes)
}
