//! What imports, what it computes, and what is refused by name.

use std::path::Path;

use rten_onnx::onnx::{AttributeProto, NodeProto};

use super::build::{Chain, external, float, int, ints, numbers, shape, small, tensor, text};
use super::{ImportError, import, import_bytes};
use crate::net::graph::{Graph, Operation};
use crate::net::network::Shape;

fn graph(chain: Chain) -> Graph {
    import_bytes(&chain.bytes(), "test", None).unwrap()
}

fn refusal(chain: Chain) -> String {
    import_bytes(&chain.bytes(), "test", None)
        .unwrap_err()
        .to_string()
}

/// The logits of an image whose pixels are all different.
fn logits(graph: &Graph) -> Vec<f32> {
    let image: Vec<u8> = (0..graph.input.len()).map(|i| (i * 37) as u8).collect();
    graph.evaluate(&image).unwrap()
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(x, y)| (x - y).abs() <= 1e-4 * (1.0 + x.abs()))
}

#[test]
fn a_small_network_imports_with_its_shapes_and_counts() {
    let graph = graph(small());
    let operations: Vec<_> = graph.rows().into_iter().map(|row| row.operation).collect();
    assert_eq!(
        operations,
        [
            "convolution 3×3, padding 1",
            "ReLU",
            "max pool 2×2, stride 2",
            "convolution 3×3, padding 1",
            "ReLU",
            "average pool 2×2, stride 2",
            "flatten",
            "fully connected"
        ]
    );
    assert_eq!(graph.output(), Shape::vector(3));
    let rows = graph.rows();
    assert_eq!((rows[0].parameters, rows[0].macs), (40, 36 * 64));
    assert_eq!((rows[1].activations, rows[4].activations), (256, 80));
}

#[test]
fn a_convolution_sums_over_its_padded_window() {
    // One channel, a 2 × 2 image, a 3 × 3 kernel that counts its taps in powers of two.
    let taps: Vec<f32> = (0..9).map(|i| (1 << i) as f32).collect();
    let chain = Chain::new(&[1, 2, 2])
        .with(tensor("w", &[1, 1, 3, 3], &taps))
        .node("Conv", &["w"], vec![ints("pads", &[1, 1, 1, 1])]);
    let y = graph(chain).evaluate(&[128, 0, 0, 64]).unwrap();
    // Pixel (0, 0) is ½ and (1, 1) is ¼; the tap over pixel p at output o is (p − o + 1).
    assert_eq!(
        y,
        [
            16.0 / 2.0 + 256.0 / 4.0,
            8.0 / 2.0 + 128.0 / 4.0,
            2.0 / 2.0 + 32.0 / 4.0,
            1.0 / 2.0 + 16.0 / 4.0
        ]
    );
}

#[test]
fn automatic_padding_equals_padding_by_hand() {
    for (mode, pads) in [
        ("SAME_UPPER", [0, 0, 1, 1]),
        ("SAME_LOWER", [1, 1, 0, 0]),
        ("VALID", [0; 4]),
    ] {
        let with = |attribute| {
            logits(&graph(
                Chain::new(&[2, 6, 6])
                    .conv([3, 2, 3, 3], vec![ints("strides", &[2, 2]), attribute]),
            ))
        };
        assert_eq!(with(text("auto_pad", mode)), with(ints("pads", &pads)));
    }
}

#[test]
fn batch_normalisation_folds_into_the_layer_before() {
    let plain = || Chain::new(&[2, 5, 5]).conv([3, 2, 3, 3], vec![]);
    let parameters = [
        ("gamma", [1.5, -0.5, 2.0]),
        ("beta", [0.25, 0.5, -1.0]),
        ("mean", [0.5, -0.25, 0.75]),
        ("variance", [0.9, 0.4, 3.9]),
    ];
    let mut chain = plain();
    for (name, values) in &parameters {
        chain = chain.with(tensor(name, &[3], values));
    }
    let chain = chain.node(
        "BatchNormalization",
        &["gamma", "beta", "mean", "variance"],
        vec![float("epsilon", 0.1)],
    );
    let folded = graph(chain);
    assert_eq!(folded.nodes.len(), 1);
    let mut want = logits(&graph(plain()));
    let [gamma, beta, mean, variance] = parameters.map(|(_, values)| values);
    for (channel, plane) in want.chunks_exact_mut(9).enumerate() {
        let factor = gamma[channel] / (variance[channel] + 0.1f32).sqrt();
        plane
            .iter_mut()
            .for_each(|v| *v = (*v - mean[channel]) * factor + beta[channel]);
    }
    assert!(close(&logits(&folded), &want));
}

#[test]
fn gemm_matmul_and_add_agree() {
    let weights = numbers(12);
    let transposed: Vec<f32> = (0..3)
        .flat_map(|o| (0..4).map(move |i| (i, o)))
        .map(|(i, o)| weights[i * 3 + o] * 2.0)
        .collect();
    let bias = [0.5, -1.0, 4.0];
    let product = Chain::new(&[4])
        .with(tensor("w", &[4, 3], &weights))
        .with(tensor("b", &[3], &bias.map(|b| b / 2.0)))
        .node("MatMul", &["w"], vec![])
        .node("Add", &["b"], vec![]);
    let gemm = Chain::new(&[4])
        .with(tensor("w", &[3, 4], &transposed))
        .with(tensor("b", &[1, 3], &bias))
        .node(
            "Gemm",
            &["w", "b"],
            vec![int("transB", 1), float("alpha", 0.5), float("beta", 0.5)],
        );
    let (product, gemm) = (graph(product), graph(gemm));
    assert_eq!(product.nodes.len(), 1);
    assert!(close(&logits(&product), &logits(&gemm)));
}

#[test]
fn nodes_that_do_nothing_disappear_and_squares_stay() {
    let chain = Chain::new(&[1, 4, 4])
        .conv([2, 1, 3, 3], vec![])
        .node("Identity", &[], vec![])
        .with(shape("none", &[0; 8]))
        .node("Pad", &["none"], vec![])
        .node("Dropout", &[], vec![float("ratio", 0.5)]);
    let value = chain.value();
    let chain = chain
        .node("Mul", &[&value], vec![])
        .node("Flatten", &[], vec![int("axis", 1)])
        .gemm(2, 8);
    let names: Vec<_> = graph(chain)
        .nodes
        .iter()
        .map(|n| n.operation.name())
        .collect();
    assert_eq!(
        names,
        ["convolution", "square", "flatten", "fully connected"]
    );
}

#[test]
fn weights_come_from_lists_constant_nodes_and_shared_names() {
    let mut listed = tensor("w", &[2, 3], &[]);
    listed.raw_data = None;
    listed.float_data = numbers(6);
    let want = logits(&graph(
        Chain::new(&[3])
            .with(tensor("w", &[2, 3], &numbers(6)))
            .node("Gemm", &["w"], vec![int("transB", 1)]),
    ));
    let chain = Chain::new(&[3])
        .with(listed.clone())
        .node("Gemm", &["w"], vec![int("transB", 1)]);
    assert_eq!(logits(&graph(chain)), want);
    let constant = NodeProto {
        op_type: Some("Constant".to_owned()),
        output: vec!["c".to_owned()],
        attribute: vec![AttributeProto {
            name: Some("value".to_owned()),
            t: Some(listed),
            ..Default::default()
        }],
        ..Default::default()
    };
    let alias = NodeProto {
        op_type: Some("Identity".to_owned()),
        input: vec!["c".to_owned()],
        output: vec!["w".to_owned()],
        ..Default::default()
    };
    let mut chain = Chain::new(&[3]);
    chain.graph().node.extend([constant, alias]);
    let chain = chain.node("Gemm", &["w"], vec![int("transB", 1)]);
    assert_eq!(logits(&graph(chain)), want);
}

#[test]
fn weights_in_a_file_beside_the_model_stay_inside_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let data: Vec<u8> = [9.0f32, 9.0]
        .iter()
        .chain(&numbers(6))
        .flat_map(|v| v.to_le_bytes())
        .collect();
    std::fs::write(inner.join("model.onnx.data"), &data).unwrap();
    std::fs::write(directory.path().join("secret"), &data).unwrap();
    let import_with = |location: &str, offset| {
        let chain = Chain::new(&[3])
            .with(external("w", &[2, 3], location, offset))
            .node("Gemm", &["w"], vec![int("transB", 1)]);
        let path = inner.join("model.onnx");
        std::fs::write(&path, chain.bytes()).unwrap();
        import(&path)
    };
    let read = import_with("model.onnx.data", 8).unwrap();
    assert!(
        matches!(&read.nodes[0].operation, Operation::FullyConnected { weights, .. } if *weights == numbers(6))
    );
    let says = |location: &str, offset| import_with(location, offset).unwrap_err().to_string();
    assert!(says("../secret", 0).contains("outside the model's directory"));
    assert!(says(directory.path().join("secret").to_str().unwrap(), 0).contains("outside"));
    assert!(says("model.onnx.data", 12).contains("32 bytes"));
    assert!(says("model.onnx.data", u64::MAX).contains("32 bytes"));
    assert!(says("absent", 0).contains("cannot read"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret", inner.join("link")).unwrap();
        assert!(says("link", 0).contains("is a link out"));
    }
}

#[test]
fn unsupported_operators_are_named_with_their_node_and_a_hint() {
    for (operator, hint) in [
        ("Softmax", "logits"),
        ("Sigmoid", "Mul(x, x)"),
        ("Concat", "sequential"),
        ("ReduceMean", "GlobalAveragePool"),
        ("Shape", "torch.flatten"),
        ("Div", "byte/256"),
        ("NoSuchThing", "supported are Conv"),
    ] {
        let says = refusal(Chain::new(&[1, 4, 4]).conv([1, 1, 3, 3], vec![]).node(
            operator,
            &[],
            vec![],
        ));
        assert!(says.contains(&format!("operator {operator} (node {operator}_2)")));
        assert!(says.contains(hint), "{says}");
    }
}

#[test]
fn supported_operators_are_refused_where_they_mean_something_else() {
    let image = || Chain::new(&[2, 6, 6]);
    let conv = |attribute| image().conv([3, 2, 3, 3], vec![attribute]);
    let pool = |operator: &str, attributes: Vec<AttributeProto>| {
        image()
            .conv([3, 2, 3, 3], vec![])
            .node(operator, &[], attributes)
    };
    let kernel = || ints("kernel_shape", &[3, 3]);
    let value = "v0";
    for (chain, reason) in [
        (conv(ints("dilations", &[2, 2])), "dilations"),
        (conv(int("group", 2)), "group = 2"),
        (conv(ints("strides", &[0, 1])), "strides"),
        (
            conv(ints("pads", &[3, 0, 0, 0])),
            "not smaller than the kernel",
        ),
        (conv(ints("kernel_shape", &[5, 5])), "kernel_shape differs"),
        (conv(text("auto_pad", "MAYBE")), "MAYBE"),
        (conv(int("strides", 2)), "strides"),
        (conv(int("secret_option", 1)), "secret_option"),
        (image().conv([3, 1, 3, 3], vec![]), "take 1 channels"),
        (image().conv([3, 2, 7, 7], vec![]), "does not fit"),
        (image().gemm(3, 72), "put a Flatten in between"),
        (Chain::new(&[8]).gemm(3, 9), "take 9 values"),
        (
            pool("AveragePool", vec![kernel(), ints("pads", &[1, 1, 1, 1])]),
            "count_include_pad",
        ),
        (
            pool(
                "MaxPool",
                vec![kernel(), ints("strides", &[2, 2]), int("ceil_mode", 1)],
            ),
            "ceil_mode",
        ),
        (pool("MaxPool", vec![]), "kernel_shape is missing"),
        (image().node("Flatten", &[], vec![int("axis", 2)]), "axis 2"),
        (
            image()
                .with(shape("s", &[2, 36]))
                .node("Reshape", &["s"], vec![]),
            "neither a vector",
        ),
        (
            image()
                .conv([3, 2, 3, 3], vec![])
                .with(shape("s", &[0, 0, 0, 0, 0, 0, 1, 1]))
                .node("Pad", &["s"], vec![]),
            "into the pads",
        ),
        (
            image()
                .node("Relu", &[], vec![])
                .with(tensor("c", &[2, 1, 1], &[1.0, 2.0]))
                .node("Add", &["c"], vec![]),
            "must directly follow",
        ),
        (
            image()
                .conv([3, 2, 3, 3], vec![])
                .node("Add", &[value], vec![]),
            "only sequential",
        ),
        (
            image()
                .conv([3, 2, 3, 3], vec![])
                .with(tensor("c", &[1], &[2.0]))
                .node("Mul", &["c"], vec![]),
            "only a square",
        ),
        (
            Chain::new(&[3])
                .with(tensor("w", &[2, 3], &[f32::NAN; 6]))
                .node("Gemm", &["w"], vec![int("transB", 1)]),
            "value 0 is NaN",
        ),
        (
            Chain::new(&[3])
                .with(tensor("w", &[2, 3], &numbers(5)))
                .node("Gemm", &["w"], vec![int("transB", 1)]),
            "24 bytes of data, but it has 20",
        ),
        (
            Chain::new(&[3])
                .with(tensor("w", &[1 << 40, 1 << 40], &[]))
                .node("Gemm", &["w"], vec![int("transB", 1)]),
            "more than the",
        ),
        (
            Chain::new(&[1 << 20, 1 << 20, 1]).node("Relu", &[], vec![]),
            "more than the",
        ),
        (Chain::new(&[3, 4]).node("Relu", &[], vec![]), "3 axes"),
        (
            Chain::new(&[3, -4, 4]).node("Relu", &[], vec![]),
            "must be fixed",
        ),
        (Chain::new(&[3]), "one output"),
    ] {
        let says = refusal(chain);
        assert!(says.contains(reason), "{reason:?} not in {says:?}");
    }
}

#[test]
fn files_that_are_no_models_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.onnx");
    assert!(matches!(import(&path), Err(ImportError::Read { .. })));
    for bytes in [&b""[..], b"\x89PNG\r\n", b"not a model at all"] {
        std::fs::write(&path, bytes).unwrap();
        assert!(import(&path).is_err());
    }
    let mut old = small();
    old.model.opset_import[0].version = Some(6);
    assert!(refusal(old).contains("operator set 6"));
    assert!(import_bytes(&small().bytes(), "", Some(Path::new("/nowhere"))).is_ok());
}
