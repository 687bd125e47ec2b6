//! Constants of a model: initialisers, constant nodes, and weights in a file beside the model.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::MAX_PARAMETERS;
use super::error::ImportError;

/// Every named constant of a model, read when a node asks for it.
pub(super) struct Constants<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    directory: Option<PathBuf>,
    /// Parameters that may still be read: nodes can share a tensor, and each use costs memory.
    left: u64,
}

fn wrong(name: &str, reason: impl Into<String>) -> ImportError {
    ImportError::Tensor {
        name: name.to_owned(),
        reason: reason.into(),
    }
}

impl<'a> Constants<'a> {
    /// No constants yet; external data is looked for in `directory`.
    pub(super) fn new(directory: Option<&Path>) -> Self {
        Self {
            tensors: HashMap::new(),
            directory: directory.map(Path::to_path_buf),
            left: MAX_PARAMETERS,
        }
    }

    /// Gives `tensor` a name.
    pub(super) fn insert(
        &mut self,
        name: &'a str,
        tensor: &'a TensorProto,
    ) -> Result<(), ImportError> {
        if name.is_empty() || self.tensors.insert(name, tensor).is_some() {
            return Err(wrong(name, "two constants have this name, or it is empty"));
        }
        Ok(())
    }

    /// Whether `name` is a constant.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor of that name.
    pub(super) fn get(&self, name: &str) -> Option<&'a TensorProto> {
        self.tensors.get(name).copied()
    }

    /// The extents and the finite 32-bit floats of constant `name`.
    pub(super) fn floats(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>), ImportError> {
        let tensor = self
            .get(name)
            .ok_or_else(|| wrong(name, "it is not a constant of the model"))?;
        let (extents, count) = extents(name, tensor)?;
        if tensor.data_type != Some(DataType::FLOAT) {
            return Err(wrong(
                name,
                format!(
                    "its type is {}: export the model with 32-bit floats",
                    type_name(tensor)
                ),
            ));
        }
        if count > self.left {
            return Err(ImportError::TooLarge {
                what: format!("the number of parameters up to tensor {name}"),
                size: MAX_PARAMETERS - self.left + count,
                limit: MAX_PARAMETERS,
            });
        }
        self.left -= count;
        let values = if tensor.data_location == Some(DataLocation::EXTERNAL) {
            floats_of(&self.external(name, tensor, 4 * count)?)
        } else if let Some(raw) = &tensor.raw_data {
            let raw = raw.borrow();
            check_length(name, raw.len() as u64, 4 * count)?;
            floats_of(&raw)
        } else {
            check_length(name, 4 * tensor.float_data.len() as u64, 4 * count)?;
            tensor.float_data.clone()
        };
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(wrong(name, format!("value {index} is {}", values[index])));
        }
        Ok((extents, values))
    }

    /// The 64-bit integers of the vector `name`: a shape, so at most eight of them.
    pub(super) fn integers(&self, name: &str) -> Result<Vec<i64>, ImportError> {
        let tensor = self.get(name).ok_or_else(|| {
            wrong(
                name,
                "it is computed at run time; export the model with fixed shapes",
            )
        })?;
        let (extents, count) = extents(name, tensor)?;
        if tensor.data_type != Some(DataType::INT64) || extents.len() != 1 || count > 8 {
            return Err(wrong(
                name,
                "a shape must be a short list of 64-bit integers",
            ));
        }
        if tensor.data_location == Some(DataLocation::EXTERNAL) {
            let bytes = self.external(name, tensor, 8 * count)?;
            return Ok(integers_of(&bytes));
        }
        if let Some(raw) = &tensor.raw_data {
            let raw = raw.borrow();
            check_length(name, raw.len() as u64, 8 * count)?;
            return Ok(integers_of(&raw));
        }
        check_length(name, 8 * tensor.int64_data.len() as u64, 8 * count)?;
        Ok(tensor.int64_data.clone())
    }

    /// `length` bytes of the file that `tensor` names, which must lie in the model's directory.
    fn external(
        &self,
        name: &str,
        tensor: &TensorProto,
        length: u64,
    ) -> Result<Vec<u8>, ImportError> {
        let entry = |key: &str| {
            let mut pairs = tensor.external_data.iter();
            pairs
                .find(|pair| pair.key.as_deref() == Some(key))
                .and_then(|pair| pair.value.as_deref())
        };
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(wrong(name, format!("its {key}, {text:?}, is not a number"))),
            },
        };
        let location = entry("location")
            .ok_or_else(|| wrong(name, "its data are in another file, which is not named"))?;
        let offset = number("offset")?.unwrap_or(0);
        if let Some(stated) = number("length")? {
            check_length(name, stated, length)?;
        }
        let Some(directory) = &self.directory else {
            return Err(wrong(
                name,
                format!("its data are in the file {location:?}; import the model from its path"),
            ));
        };
        let relative = Path::new(location);
        let inside = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || location.is_empty() {
            return Err(wrong(
                name,
                format!("its data file {location:?} is outside the model's directory"),
            ));
        }
        let path = directory.join(relative);
        let unreadable = |source| ImportError::Read {
            path: path.clone(),
            source,
        };
        // A link could still lead outside.
        let root = directory.canonicalize().map_err(unreadable)?;
        let real = path.canonicalize().map_err(unreadable)?;
        if !real.starts_with(&root) {
            return Err(wrong(
                name,
                format!("its data file {location:?} is a link out of the model's directory"),
            ));
        }
        let mut file = File::open(&real).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(wrong(
                name,
                format!(
                    "it needs {length} bytes at offset {offset} of {location:?}, which has {size} bytes"
                ),
            ));
        }
        let mut bytes = vec![0; length as usize];
        file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        file.read_exact(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }
}

/// The extents of a tensor and their product, both bounded.
fn extents(name: &str, tensor: &TensorProto) -> Result<(Vec<usize>, u64), ImportError> {
    if tensor.dims.len() > 8 {
        return Err(wrong(name, format!("it has {} axes", tensor.dims.len())));
    }
    let mut count = 1u64;
    let mut list = Vec::with_capacity(tensor.dims.len());
    for &extent in &tensor.dims {
        let extent = u64::try_from(extent)
            .ok()
            .filter(|&e| e >= 1)
            .ok_or_else(|| wrong(name, format!("an axis has the extent {extent}")))?;
        count = count.saturating_mul(extent);
        if count > MAX_PARAMETERS {
            return Err(ImportError::TooLarge {
                what: format!("the number of values of tensor {name}"),
                size: count,
                limit: MAX_PARAMETERS,
            });
        }
        list.push(extent as usize);
    }
    Ok((list, count))
}

fn check_length(name: &str, got: u64, want: u64) -> Result<(), ImportError> {
    if got == want {
        return Ok(());
    }
    Err(wrong(
        name,
        format!("its extents ask for {want} bytes of data, but it has {got}"),
    ))
}

fn type_name(tensor: &TensorProto) -> String {
    tensor
        .data_type
        .map_or_else(|| "not stated".to_owned(), |t| t.to_string())
}

fn floats_of(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect()
}

fn integers_of(bytes: &[u8]) -> Vec<i64> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|b| i64::from_le_bytes(*b))
        .collect()
}
