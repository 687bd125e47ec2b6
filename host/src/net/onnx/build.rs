//! Model files for tests: chains of nodes, written by the same crate that parses them.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, DataLocation, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto,
    TypeProtoTensor, ValueInfoProto,
};

/// A chain that grows node by node. The value after node n is called `v<n>`, the input `v0`.
pub(crate) struct Chain {
    pub(crate) model: ModelProto,
    length: usize,
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        ..Default::default()
    }
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        ..Default::default()
    }
}

pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        f: Some(value),
        ..Default::default()
    }
}

pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        s: Some(value.to_owned()),
        ..Default::default()
    }
}

/// A tensor of floats in `raw_data`.
pub(crate) fn tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::FLOAT),
        raw_data: Some(RefCell::new(raw)),
        ..Default::default()
    }
}

/// A vector of 64-bit integers.
pub(crate) fn shape(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::INT64),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

/// A tensor of floats that lie in another file.
pub(crate) fn external(name: &str, dims: &[i64], location: &str, offset: u64) -> TensorProto {
    let pair = |key: &str, value: String| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value),
    };
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::FLOAT),
        external_data: vec![
            pair("location", location.to_owned()),
            pair("offset", offset.to_string()),
        ],
        data_location: Some(DataLocation::EXTERNAL),
        ..Default::default()
    }
}

/// Weights without a pattern, in −1 ..= 1.
pub(crate) fn numbers(count: usize) -> Vec<f32> {
    (0..count as u64)
        .map(|i| (i * 7919 % 201) as f32 / 100.0 - 1.0)
        .collect()
}

impl Chain {
    /// A model whose input has a symbolic batch and then `dims`.
    pub(crate) fn new(dims: &[i64]) -> Self {
        let mut dim = vec![Dimension {
            dim_param: Some("batch".to_owned()),
            ..Default::default()
        }];
        dim.extend(dims.iter().map(|&value| Dimension {
            dim_value: Some(value),
            ..Default::default()
        }));
        let input = ValueInfoProto {
            name: Some("v0".to_owned()),
            r#type: Some(TypeProto {
                tensor_type: Some(TypeProtoTensor {
                    elem_type: Some(DataType::FLOAT),
                    shape: Some(TensorShapeProto { dim }),
                }),
                ..Default::default()
            }),
        };
        let model = ModelProto {
            ir_version: Some(8),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(17),
            }],
            graph: Some(GraphProto {
                input: vec![input],
                ..Default::default()
            }),
            ..Default::default()
        };
        Self { model, length: 0 }
    }

    pub(crate) fn graph(&mut self) -> &mut GraphProto {
        self.model.graph.as_mut().unwrap()
    }

    /// The name of the value so far.
    pub(crate) fn value(&self) -> String {
        format!("v{}", self.length)
    }

    /// Appends a node that takes the value so far and then `inputs`.
    pub(crate) fn node(
        mut self,
        operator: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) -> Self {
        let mut input = vec![self.value()];
        input.extend(inputs.iter().map(|&name| name.to_owned()));
        self.length += 1;
        let node = NodeProto {
            name: Some(format!("{operator}_{}", self.length)),
            op_type: Some(operator.to_owned()),
            input,
            output: vec![self.value()],
            attribute,
            ..Default::default()
        };
        self.graph().node.push(node);
        self
    }

    /// Adds an initialiser.
    pub(crate) fn with(mut self, tensor: TensorProto) -> Self {
        self.graph().initializer.push(tensor);
        self
    }

    /// A convolution with weights of its own, and a bias.
    pub(crate) fn conv(self, dims: [i64; 4], attributes: Vec<AttributeProto>) -> Self {
        let (w, b) = (
            format!("w{}", self.length + 1),
            format!("b{}", self.length + 1),
        );
        let weights = numbers(dims.iter().product::<i64>() as usize);
        let bias = numbers(dims[0] as usize);
        self.with(tensor(&w, &dims, &weights))
            .with(tensor(&b, &[dims[0]], &bias))
            .node("Conv", &[&w, &b], attributes)
    }

    /// A Gemm with weights of its own, one row per output, and a bias.
    pub(crate) fn gemm(self, outputs: i64, inputs: i64) -> Self {
        let (w, b) = (
            format!("w{}", self.length + 1),
            format!("b{}", self.length + 1),
        );
        self.with(tensor(
            &w,
            &[outputs, inputs],
            &numbers((outputs * inputs) as usize),
        ))
        .with(tensor(&b, &[outputs], &numbers(outputs as usize)))
        .node("Gemm", &[&w, &b], vec![int("transB", 1)])
    }

    /// The file.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let name = Some(self.value());
        self.graph().output = vec![ValueInfoProto { name, r#type: None }];
        self.model.write_buf().unwrap()
    }
}

/// A small network with every kind of layer that the private protocol evaluates: 8 × 8 pixels to 3 logits.
pub(crate) fn small() -> Chain {
    Chain::new(&[1, 8, 8])
        .conv([4, 1, 3, 3], vec![ints("pads", &[1, 1, 1, 1])])
        .with(tensor("gamma", &[4], &[1.0, 0.5, 2.0, 1.5]))
        .with(tensor("beta", &[4], &[0.1, -0.1, 0.2, 0.0]))
        .with(tensor("mean", &[4], &[0.5, 0.2, -0.3, 0.1]))
        .with(tensor("variance", &[4], &[1.0, 0.25, 2.0, 0.5]))
        .node(
            "BatchNormalization",
            &["gamma", "beta", "mean", "variance"],
            vec![float("epsilon", 1e-3)],
        )
        .node("Relu", &[], vec![])
        .node(
            "MaxPool",
            &[],
            vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])],
        )
        .conv([5, 4, 3, 3], vec![text("auto_pad", "SAME_UPPER")])
        .node("Relu", &[], vec![])
        .node(
            "AveragePool",
            &[],
            vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])],
        )
        .with(shape("target", &[-1, 20]))
        .node("Reshape", &["target"], vec![])
        .gemm(3, 20)
}
