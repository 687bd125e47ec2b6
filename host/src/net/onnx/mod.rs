//! Import of ONNX models: sequential networks, with every size checked before it is used.
//!
//! A model file comes from a stranger. Its bytes are first walked by `wire`, which lets only consistent lengths pass,
//! then parsed by the crate `rten-onnx`, then each node is translated. Whatever is not understood is refused by the name
//! of the operator and of the node: a network that is imported computes what the file says, or is not imported.
//!
//! Supported: Conv (dilation 1, one group), BatchNormalization and added constants behind a linear layer, Gemm, MatMul,
//! Relu, MaxPool, AveragePool, GlobalAveragePool, Flatten, Reshape to a constant shape, Mul(x, x), Identity, Dropout;
//! operator sets from 7; weights as 32-bit floats in the file or in one beside it.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rten_onnx::onnx::{DataType, GraphProto, ModelProto, NodeProto, ValueInfoProto};

use super::fold::fold;
use super::graph::{Graph, Node, Operation};
use super::network::Shape;
use attributes::Context;
use tensor::Constants;

mod attributes;
#[cfg(test)]
pub(crate) mod build;
mod error;
#[cfg(test)]
mod fuzz;
mod operators;
mod reshape;
mod tensor;
#[cfg(test)]
mod tests;
mod window;
mod wire;

pub use error::{ImportError, InputSize};

/// The largest model file, in bytes.
pub const MAX_FILE: u64 = 256 << 20;
/// The most parameters of a model.
pub const MAX_PARAMETERS: u64 = 64 << 20;
/// The most values of a tensor between two layers.
pub const MAX_VALUES: u64 = 16 << 20;
/// The most nodes of a model.
pub const MAX_NODES: usize = 4096;
/// The most multiply-accumulates for one image.
pub const MAX_MACS: u64 = 1 << 36;

/// The first operator set whose broadcasting and batch normalisation are the ones implemented here.
const FIRST_OPERATOR_SET: i64 = 7;

/// The value between two nodes: a shape, and whether the file sees it as a vector (two axes) or an image (four).
#[derive(Clone, Copy)]
struct Value {
    shape: Shape,
    flat: bool,
}

impl Value {
    fn flattened(self) -> Self {
        Self {
            shape: Shape::vector(self.shape.len()),
            flat: true,
        }
    }
}

/// Reads the model at `path`, with the weights that it keeps in files of the same directory.
///
/// # Errors
/// [`ImportError`]: the file cannot be read, is no model, or is one that is not supported.
pub fn import(path: &Path) -> Result<Graph, ImportError> {
    let unreadable = |source| ImportError::Read {
        path: path.to_path_buf(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than is accepted tells a file that is too long from one that is not, whatever its metadata say.
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let name = path
        .file_stem()
        .map_or_else(|| "model".to_owned(), |s| s.to_string_lossy().into_owned());
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
    import_bytes(&bytes, &name, Some(directory.unwrap_or(Path::new("."))))
}

/// Reads a model from memory. Weights in other files are looked for in `directory`, and refused if there is none.
///
/// # Errors
/// As [`import`].
pub fn import_bytes(
    bytes: &[u8],
    name: &str,
    directory: Option<&Path>,
) -> Result<Graph, ImportError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(ImportError::TooLarge {
            what: "the model file".to_owned(),
            size: bytes.len() as u64,
            limit: MAX_FILE,
        });
    }
    wire::check(bytes)?;
    let model =
        ModelProto::parse_buf(bytes).map_err(|error| ImportError::Protobuf(error.to_string()))?;
    check_operator_set(&model)?;
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| ImportError::Graph("the file has none".to_owned()))?;
    let graph = fold(sequence(graph, name, directory)?)?;
    check_totals(&graph)?;
    Ok(graph)
}

fn check_operator_set(model: &ModelProto) -> Result<(), ImportError> {
    let mut sets = model.opset_import.iter();
    let main = sets.find(|set| is_main(set.domain.as_deref()));
    match main.and_then(|set| set.version) {
        Some(version) if version >= FIRST_OPERATOR_SET => Ok(()),
        Some(version) => Err(ImportError::Graph(format!(
            "it uses operator set {version}; export it with {FIRST_OPERATOR_SET} or later"
        ))),
        None => Err(ImportError::Graph(
            "the file does not say which operator set it uses".to_owned(),
        )),
    }
}

fn is_main(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

/// Follows the chain of nodes from the input to the output.
fn sequence(
    proto: &GraphProto,
    name: &str,
    directory: Option<&Path>,
) -> Result<Graph, ImportError> {
    if proto.node.len() > MAX_NODES {
        return Err(ImportError::TooLarge {
            what: "the number of nodes".to_owned(),
            size: proto.node.len() as u64,
            limit: MAX_NODES as u64,
        });
    }
    let mut constants = Constants::new(directory);
    for tensor in &proto.initializer {
        constants.insert(tensor.name.as_deref().unwrap_or(""), tensor)?;
    }
    let (mut at, mut value) = input(proto, &constants)?;
    let shape = value.shape;
    let mut seen = HashSet::from([at]);
    let mut nodes = Vec::new();
    for (index, proto) in proto.node.iter().enumerate() {
        let node = Context::new(proto, index);
        if !is_main(proto.domain.as_deref()) {
            return Err(node.unsupported("only operators of the ONNX standard are supported"));
        }
        let output = sole_output(&node, proto)?;
        if constant(&node, proto, output, &mut constants)? {
            continue;
        }
        if let Some(stray) = stray_input(proto, at, &constants) {
            return Err(node.wrong(format!(
                "it takes {stray:?}, which is neither a constant nor the result of the node before it: \
                 only sequential networks are supported"
            )));
        }
        if !seen.insert(output) || constants.contains(output) {
            return Err(node.wrong(format!("the name {output:?} is given to two values")));
        }
        if let Some((operation, after)) = operators::import(&node, value, &mut constants)? {
            nodes.push(Node {
                name: node.name,
                operation,
                input: value.shape,
                output: after.shape,
            });
            value = after;
        }
        at = output;
    }
    match proto.output.as_slice() {
        [one] if one.name.as_deref() == Some(at) && !nodes.is_empty() => {}
        _ => {
            return Err(ImportError::Graph(format!(
                "it must have one output, the result of its last node ({at:?})"
            )));
        }
    }
    Ok(Graph {
        name: name.to_owned(),
        input: shape,
        nodes,
    })
}

/// The first output; further ones (masks, indices, running statistics) are dropped and so must not be used, which
/// [`stray_input`] ensures.
fn sole_output<'a>(node: &Context<'_>, proto: &'a NodeProto) -> Result<&'a str, ImportError> {
    match proto.output.first() {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(node.wrong("it has no output")),
    }
}

/// An input of the node that is neither the value `at` nor a constant; or the value's absence, shown as "".
fn stray_input<'a>(proto: &'a NodeProto, at: &str, constants: &Constants<'_>) -> Option<&'a str> {
    let used = proto.input.iter().any(|name| name == at);
    let first_is_constant = proto
        .input
        .first()
        .is_some_and(|name| constants.contains(name));
    let commutes = matches!(proto.op_type.as_deref(), Some("Add" | "Mul"));
    if !used || (first_is_constant && !commutes) {
        return Some(proto.input.first().map_or("", String::as_str));
    }
    let mut inputs = proto.input.iter().map(String::as_str);
    inputs.find(|&name| !name.is_empty() && name != at && !constants.contains(name))
}

/// Records the node's result if it is a constant.
fn constant<'a>(
    node: &Context<'a>,
    proto: &NodeProto,
    output: &'a str,
    constants: &mut Constants<'a>,
) -> Result<bool, ImportError> {
    let tensor = match node.operator {
        "Constant" => {
            node.only(&["value"])?;
            node.tensor("value")?
                .ok_or_else(|| node.wrong("it has no tensor"))?
        }
        // Exporters let layers share weights by way of Identity.
        "Identity" => match proto.input.as_slice() {
            [name] => match constants.get(name) {
                Some(tensor) => tensor,
                None => return Ok(false),
            },
            _ => return Err(node.wrong("it must have one input")),
        },
        _ => return Ok(false),
    };
    constants.insert(output, tensor)?;
    Ok(true)
}

/// The name and shape of the one input that is not a constant.
fn input<'a>(
    graph: &'a GraphProto,
    constants: &Constants<'_>,
) -> Result<(&'a str, Value), ImportError> {
    let name = |value: &'a ValueInfoProto| value.name.as_deref().unwrap_or("");
    let mut inputs = graph
        .input
        .iter()
        .filter(|value| !constants.contains(name(value)));
    let (Some(value), None) = (inputs.next(), inputs.next()) else {
        return Err(ImportError::Graph("it must have one input".to_owned()));
    };
    let title = name(value);
    let refuse = |reason: String| ImportError::Graph(format!("input {title:?}: {reason}"));
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| refuse("it is not a tensor".to_owned()))?;
    if tensor.elem_type != Some(DataType::FLOAT) {
        return Err(refuse("it must consist of 32-bit floats".to_owned()));
    }
    let axes = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    let extents: Vec<Option<i64>> = axes.iter().map(|axis| axis.dim_value).collect();
    let Some((batch, rest)) = extents.split_first() else {
        return Err(refuse("its shape is not stated".to_owned()));
    };
    if batch.is_some_and(|batch| batch > 1) {
        return Err(refuse(
            "its batch is fixed; export the model with a batch of one or a symbolic one".to_owned(),
        ));
    }
    let mut size = 1u64;
    let mut sizes = Vec::new();
    for extent in rest {
        let extent = extent.and_then(|e| u64::try_from(e).ok()).unwrap_or(0);
        if extent == 0 {
            return Err(refuse("all axes but the first must be fixed".to_owned()));
        }
        size = size.saturating_mul(extent);
        if size > MAX_VALUES {
            return Err(ImportError::TooLarge {
                what: "the number of input values".to_owned(),
                size,
                limit: MAX_VALUES,
            });
        }
        sizes.push(extent as usize);
    }
    let value = match *sizes.as_slice() {
        [channels, height, width] => Value {
            shape: Shape {
                channels,
                height,
                width,
            },
            flat: false,
        },
        [length] => Value {
            shape: Shape::vector(length),
            flat: true,
        },
        _ => {
            return Err(refuse(format!(
                "it has {} axes; batch, channels, rows, columns are wanted, or batch and values",
                axes.len()
            )));
        }
    };
    Ok((title, value))
}

/// What no single node shows: the total work, and numbers that folding made infinite.
fn check_totals(graph: &Graph) -> Result<(), ImportError> {
    let macs = graph
        .nodes
        .iter()
        .fold(0u64, |sum, node| sum.saturating_add(node.macs()));
    if macs > MAX_MACS {
        return Err(ImportError::TooLarge {
            what: "the number of multiply-accumulates for one image".to_owned(),
            size: macs,
            limit: MAX_MACS,
        });
    }
    for node in &graph.nodes {
        if let Operation::Convolution { weights, bias, .. }
        | Operation::FullyConnected { weights, bias } = &node.operation
            && !weights.iter().chain(bias).all(|v| v.is_finite())
        {
            return Err(ImportError::Node {
                operator: node.operation.name().to_owned(),
                node: node.name.clone(),
                reason: "its folded weights are not finite".to_owned(),
            });
        }
    }
    Ok(())
}
