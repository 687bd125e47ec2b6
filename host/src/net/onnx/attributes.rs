//! A node with its attributes, and errors that name it.

use rten_onnx::onnx::{AttributeProto, NodeProto, TensorProto};

use super::error::ImportError;

/// A node being imported.
pub(super) struct Context<'a> {
    /// The operator.
    pub(super) operator: &'a str,
    /// The node's name, or that of its output.
    pub(super) name: String,
    node: &'a NodeProto,
}

impl<'a> Context<'a> {
    /// Names node number `index`.
    pub(super) fn new(node: &'a NodeProto, index: usize) -> Self {
        let stated = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        let name = stated(&node.name)
            .or_else(|| stated(&node.output.first().cloned()))
            .unwrap_or_else(|| format!("#{index}"));
        Self {
            operator: node.op_type.as_deref().unwrap_or("(none)"),
            name,
            node,
        }
    }

    /// Input `index`, if the node has it.
    pub(super) fn input(&self, index: usize) -> Option<&'a str> {
        self.node
            .input
            .get(index)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// Input `index`.
    pub(super) fn required(&self, index: usize) -> Result<&'a str, ImportError> {
        self.input(index)
            .ok_or_else(|| self.wrong(format!("input {index} is missing")))
    }

    /// An error about how this supported operator is used.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> ImportError {
        ImportError::Node {
            operator: self.operator.to_owned(),
            node: self.name.clone(),
            reason: reason.into(),
        }
    }

    /// Refuses this operator.
    pub(super) fn unsupported(&self, hint: impl Into<String>) -> ImportError {
        ImportError::Unsupported {
            operator: self.operator.to_owned(),
            node: self.name.clone(),
            hint: hint.into(),
        }
    }

    /// Refuses attributes other than `known`: an attribute that is not understood could change the result.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ImportError> {
        for (index, attribute) in self.node.attribute.iter().enumerate() {
            let name = attribute.name.as_deref().unwrap_or("");
            if !known.contains(&name) {
                return Err(self.wrong(format!("attribute {name:?} is not supported")));
            }
            if self.node.attribute[..index]
                .iter()
                .any(|other| other.name.as_deref() == Some(name))
            {
                return Err(self.wrong(format!("attribute {name:?} is there twice")));
            }
        }
        Ok(())
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        let mut list = self.node.attribute.iter();
        list.find(|attribute| attribute.name.as_deref() == Some(name))
    }

    fn typed<T>(
        &self,
        name: &str,
        value: impl Fn(&'a AttributeProto) -> Option<T>,
    ) -> Result<Option<T>, ImportError> {
        match self.attribute(name) {
            None => Ok(None),
            Some(attribute) => match value(attribute) {
                Some(value) => Ok(Some(value)),
                None => Err(self.wrong(format!("attribute {name:?} has the wrong type"))),
            },
        }
    }

    /// An integer attribute.
    pub(super) fn integer(&self, name: &str, default: i64) -> Result<i64, ImportError> {
        Ok(self.typed(name, |a| a.i)?.unwrap_or(default))
    }

    /// A finite float attribute.
    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, ImportError> {
        let value = self.typed(name, |a| a.f)?.unwrap_or(default);
        if !value.is_finite() {
            return Err(self.wrong(format!("attribute {name:?} is {value}")));
        }
        Ok(value)
    }

    /// A text attribute.
    pub(super) fn text(&self, name: &str, default: &'a str) -> Result<&'a str, ImportError> {
        Ok(self.typed(name, |a| a.s.as_deref())?.unwrap_or(default))
    }

    /// A tensor attribute.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>, ImportError> {
        self.typed(name, |a| a.t.as_ref())
    }

    /// A list of integers, empty if the node has no such attribute.
    pub(super) fn integers(&self, name: &str) -> Result<&'a [i64], ImportError> {
        Ok(self
            .typed(name, |a| Some(a.ints.as_slice()))?
            .unwrap_or(&[]))
    }

    /// An attribute of `N` integers, each in `least` ..= 65,535.
    pub(super) fn sizes<const N: usize>(
        &self,
        name: &str,
        least: usize,
    ) -> Result<Option<[usize; N]>, ImportError> {
        let Some(attribute) = self.attribute(name) else {
            return Ok(None);
        };
        let list: Option<Vec<usize>> = attribute
            .ints
            .iter()
            .map(|&value| usize::try_from(value).ok())
            .map(|value| value.filter(|v| (least..=65_535).contains(v)))
            .collect();
        list.and_then(|list| list.try_into().ok())
            .map(Some)
            .ok_or_else(|| {
                self.wrong(format!(
                    "attribute {name:?} is {:?}, but must be {N} integers of {least} to 65535 \
                     (two-dimensional images)",
                    attribute.ints
                ))
            })
    }

    /// Refuses a value of integer attribute `name` other than `only`.
    pub(super) fn fixed(&self, name: &str, only: i64) -> Result<(), ImportError> {
        match self.integer(name, only)? {
            value if value == only => Ok(()),
            value => Err(self.wrong(format!("{name} = {value} is not supported, only {only}"))),
        }
    }
}
