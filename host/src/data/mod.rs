//! Labelled images: published data sets, picture files, and drawn digits.
//!
//! - [`idx`] reads and writes the format of MNIST and Fashion-MNIST; [`cifar`] reads CIFAR-10's binary records;
//!   [`Dataset::open`] finds either in a directory.
//! - [`image`] reads and writes PNG pictures; [`terminal`] shows a picture in text.
//! - [`draw`] makes drawn digits, the project's own.
//!
//! Files come from strangers: every size that a header states is compared with what is there before it is believed.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::net::Shape;

pub mod cifar;
pub mod draw;
mod glyphs;
pub mod idx;
pub mod image;
mod source;
pub mod terminal;
#[cfg(test)]
mod tests;

/// Images of one shape with a label each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    shape: Shape,
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Dataset {
    /// Images one after another in `images`, each of `shape` (channel, row, column), and their labels.
    ///
    /// # Errors
    /// [`DataError::Disagree`] when there are not as many images as labels.
    pub fn new(shape: Shape, images: Vec<u8>, labels: Vec<u8>) -> Result<Self, DataError> {
        let size = shape.len().max(1);
        if !images.len().is_multiple_of(size) || images.len() / size != labels.len() {
            return Err(DataError::Disagree {
                images: images.len() / size,
                labels: labels.len(),
            });
        }
        Ok(Self {
            shape,
            images,
            labels,
        })
    }

    /// Reads the test images of a directory: MNIST's files (`t10k-images-idx3-ubyte` and its labels) or CIFAR-10's
    /// `test_batch.bin`, plain or with `.gz`.
    ///
    /// # Errors
    /// [`DataError`]: no such files, or files that contradict their own headers.
    pub fn open(directory: &Path) -> Result<Self, DataError> {
        let find = |name: &str| {
            let candidates = [directory.join(name), directory.join(format!("{name}.gz"))];
            candidates.into_iter().find(|path| path.is_file())
        };
        let [images, labels] = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
        if let (Some(images), Some(labels)) = (find(images), find(labels)) {
            let (shape, pixels) = idx::read_images(&images)?;
            return Self::new(shape, pixels, idx::read_labels(&labels)?);
        }
        if let Some(batch) = find("test_batch.bin") {
            return cifar::read(&batch);
        }
        Err(DataError::Nothing {
            directory: directory.to_path_buf(),
        })
    }

    /// The shape of every image.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The bytes of image `index`: channel, row, column.
    ///
    /// # Panics
    /// When there is no such image.
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.shape.len()..][..self.shape.len()]
    }

    /// As [`Self::image`], for numbers that people type.
    ///
    /// # Errors
    /// [`DataError::Index`] when there is no such image.
    pub fn try_image(&self, index: usize) -> Result<&[u8], DataError> {
        if index >= self.len() {
            return Err(DataError::Index {
                index,
                count: self.len(),
            });
        }
        Ok(self.image(index))
    }

    /// The label of image `index`.
    ///
    /// # Panics
    /// When there is no such image.
    #[must_use]
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }
}

/// Data that cannot be read, or are not what they claim to be.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A directory has no data set in it.
    #[error(
        "{} holds neither t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte nor test_batch.bin \
         (each plain or .gz)",
        directory.display()
    )]
    Nothing {
        /// The directory.
        directory: PathBuf,
    },
    /// A file begins with the wrong number.
    #[error(
        "{file}: it begins with {got:#010x}, but an IDX file of {what} begins with {want:#010x}"
    )]
    Magic {
        /// The file.
        file: String,
        /// What was to be read.
        what: &'static str,
        /// The number of that format.
        want: u32,
        /// The number found.
        got: u32,
    },
    /// A file is shorter or longer than its header says.
    #[error("{file}: its header promises {want} bytes ({what}), but it has {got}")]
    Length {
        /// The file.
        file: String,
        /// The sizes in the header, spelled out.
        what: String,
        /// The bytes that they ask for.
        want: u64,
        /// The bytes that are there; a decompressed file is not read much further than the promise.
        got: u64,
    },
    /// A size is beyond what this program accepts.
    #[error("{file}: {what} is {size}, which is more than the {limit} that are accepted")]
    TooLarge {
        /// The file.
        file: String,
        /// What has that size.
        what: &'static str,
        /// The size.
        size: u64,
        /// The largest accepted.
        limit: u64,
    },
    /// A value that the format does not allow.
    #[error("{file}: {reason}")]
    Content {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Images and labels do not belong together.
    #[error("there are {images} images but {labels} labels: take both files from one data set")]
    Disagree {
        /// Whole images.
        images: usize,
        /// Labels.
        labels: usize,
    },
    /// A picture that cannot enter the network.
    #[error("{file}: {reason}")]
    Picture {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// There is no image of that number.
    #[error("there is no image {index}: the data set has {count} images, counted from 0")]
    Index {
        /// The number asked for.
        index: usize,
        /// Images there are.
        count: usize,
    },
}
