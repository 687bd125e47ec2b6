//! A first pass over the bytes of a model file, before a parser builds anything from them.
//!
//! Protocol Buffers messages nest by stated lengths, and a parser that believes those lengths allocates what they say.
//! This pass walks the messages that the parser will enter and checks, without allocating, that every length lies inside
//! its parent, every variable-length integer ends within ten bytes, nesting is bounded, and the file does not hold more
//! messages and short fields than a sane model needs. What passes is parsed in memory proportional to the file.
//!
//! Field numbers are those of `onnx.proto`.

use super::error::ImportError;

/// The most messages and scalar fields of a file: a bound on what the parser allocates beyond the file's own bytes.
const MAX_FIELDS: usize = 1 << 20;

/// The most bytes of integer lists in one tensor, since a one-byte integer becomes eight bytes in memory.
const MAX_INTEGER_BYTES: usize = 1 << 20;

/// The messages that the parser enters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Pair,
    OperatorSet,
    ValueInfo,
    Type,
    TensorType,
    TensorShape,
    Dimension,
}

/// What a length-delimited field holds.
enum Content {
    /// Bytes or text that the parser copies or skips.
    Bytes,
    /// A message.
    Message(Message),
    /// Variable-length integers one after another.
    Integers,
    /// A graph inside a node, or a type that is no tensor: never part of a sequential network.
    Refused(&'static str),
}

impl Message {
    fn content(self, number: u64) -> Content {
        use Content::{Bytes, Integers, Message as M, Refused};
        match (self, number) {
            (Self::Model, 7) => M(Self::Graph),
            (Self::Model, 8) => M(Self::OperatorSet),
            (Self::Model, 14) => M(Self::Pair),
            (Self::Graph, 1) => M(Self::Node),
            (Self::Graph, 5) => M(Self::Tensor),
            (Self::Graph, 11..=13) => M(Self::ValueInfo),
            (Self::Node, 5) => M(Self::Attribute),
            (Self::Attribute, 5) => M(Self::Tensor),
            (Self::Attribute, 6) => Refused(
                "a node holds a graph of its own (If, Loop, Scan): only sequential networks are supported",
            ),
            (Self::Tensor, 1 | 5 | 7) => Integers,
            (Self::Tensor, 13) => M(Self::Pair),
            (Self::ValueInfo, 2) => M(Self::Type),
            (Self::Type, 1) => M(Self::TensorType),
            (Self::Type, 4) => Refused("a value is a sequence: only tensors are supported"),
            (Self::TensorType, 2) => M(Self::TensorShape),
            (Self::TensorShape, 1) => M(Self::Dimension),
            _ => Bytes,
        }
    }
}

/// Checks that `bytes` is a well-formed, reasonable model message.
///
/// # Errors
/// [`ImportError::Malformed`] with the offset of the first thing wrong.
pub(super) fn check(bytes: &[u8]) -> Result<(), ImportError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        fields: 0,
    };
    reader.message(Message::Model, bytes.len())
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    fields: usize,
}

impl Reader<'_> {
    fn malformed(&self, reason: &str) -> ImportError {
        ImportError::Malformed {
            offset: self.at,
            reason: reason.to_owned(),
        }
    }

    /// A variable-length integer that ends before `end`.
    fn varint(&mut self, end: usize) -> Result<u64, ImportError> {
        let mut value = 0u64;
        for index in 0..10 {
            if self.at >= end {
                return Err(self.malformed("a number is cut off"));
            }
            let byte = self.bytes[self.at];
            if index == 9 && byte > 1 {
                break;
            }
            self.at += 1;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed("a number has more than 64 bits"))
    }

    fn advance(&mut self, length: u64, end: usize) -> Result<(), ImportError> {
        let left = (end - self.at) as u64;
        if length > left {
            return Err(self.malformed(&format!(
                "a field claims {length} bytes, but {left} are left"
            )));
        }
        self.at += length as usize;
        Ok(())
    }

    /// The fields up to `end`. Depth is bounded by the schema: no message here contains itself.
    fn message(&mut self, message: Message, end: usize) -> Result<(), ImportError> {
        while self.at < end {
            self.fields += 1;
            if self.fields > MAX_FIELDS {
                return Err(self.malformed(&format!("more than {MAX_FIELDS} fields")));
            }
            let key = self.varint(end)?;
            match key & 7 {
                0 => {
                    self.varint(end)?;
                }
                1 => self.advance(8, end)?,
                2 => self.field(message, key >> 3, end)?,
                5 => self.advance(4, end)?,
                other => {
                    return Err(self.malformed(&format!("wire type {other} is not in use")));
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, message: Message, number: u64, end: usize) -> Result<(), ImportError> {
        let length = self.varint(end)?;
        let start = self.at;
        self.advance(length, end)?;
        let stop = self.at;
        self.at = start;
        match message.content(number) {
            Content::Bytes => {}
            Content::Message(inner) => self.message(inner, stop)?,
            Content::Integers => {
                if stop - start > MAX_INTEGER_BYTES {
                    return Err(
                        self.malformed("a list of integers is too long: weights must be floats")
                    );
                }
                while self.at < stop {
                    self.varint(stop)?;
                }
            }
            Content::Refused(reason) => return Err(self.malformed(reason)),
        }
        self.at = stop;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        check(bytes).unwrap_err().to_string()
    }

    #[test]
    fn lengths_beyond_the_file_are_refused() {
        // Graph (field 7) of 2^40 bytes.
        assert!(reason(&[0x3a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]).contains("claims"));
        // A node inside the graph that is longer than the graph.
        assert!(reason(&[0x3a, 0x02, 0x0a, 0x7f, 0, 0, 0]).contains("claims 127 bytes"));
    }

    #[test]
    fn endless_numbers_are_refused() {
        // Also inside a tensor's packed dimensions, where ten bytes without an end would stall a parser.
        let dims = [&[0x0a, 12][..], &[0xff; 12]].concat();
        let tensor = [&[0x2a, dims.len() as u8][..], &dims].concat();
        let graph = [&[0x3a, tensor.len() as u8][..], &tensor].concat();
        assert!(reason(&graph).contains("more than 64 bits"));
        assert!(reason(&[0xff; 10]).contains("more than 64 bits"));
        assert!(reason(&[0x80]).contains("cut off"));
    }

    #[test]
    fn nested_graphs_and_groups_are_refused() {
        let attribute = [0x32, 0x00];
        let node = [&[0x2a, 2][..], &attribute].concat();
        let graph = [&[0x0a, 4][..], &node].concat();
        let model = [&[0x3a, 6][..], &graph].concat();
        assert!(reason(&model).contains("graph of its own"));
        assert!(reason(&[0x0b]).contains("wire type 3"));
    }
}
