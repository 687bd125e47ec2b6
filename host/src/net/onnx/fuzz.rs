//! No file makes the importer panic, hang, or ask for memory out of proportion.

use super::build::{Chain, float, int, ints, numbers, shape, small, tensor};
use super::import_bytes;
use crate::mutate::mutation;
use crate::net::quantise::{QuantiseOptions, quantise};

#[test]
fn ten_thousand_damaged_models_are_refused_or_imported_without_a_panic() {
    let squares = Chain::new(&[1, 6, 6]).conv([2, 1, 3, 3], vec![ints("strides", &[2, 2])]);
    let value = squares.value();
    let files = [
        small().bytes(),
        squares
            .node("Mul", &[&value], vec![])
            .node("Dropout", &[], vec![float("ratio", 0.1)])
            .node("GlobalAveragePool", &[], vec![])
            .with(shape("flat", &[0, -1]))
            .node("Reshape", &["flat"], vec![int("allowzero", 0)])
            .gemm(3, 2)
            .bytes(),
        Chain::new(&[12])
            .with(tensor("w", &[12, 5], &numbers(60)))
            .with(tensor("b", &[5], &numbers(5)))
            .node("MatMul", &["w"], vec![])
            .node("Add", &["b"], vec![])
            .node("Relu", &[], vec![])
            .gemm(2, 5)
            .bytes(),
    ];
    let mut imported = 0;
    for index in 0..12_000 {
        let bytes = mutation(&files, index);
        if let Ok(graph) = import_bytes(&bytes, "damaged", None) {
            imported += 1;
            // Damage that leaves a valid model must not break what comes next either. Shapes may have grown.
            let work: u64 = graph.nodes.iter().map(|node| node.macs()).sum();
            if index % 8 < 3 && work < 1 << 16 && graph.input.len() < 1 << 12 {
                let _ = quantise(&graph, None, &QuantiseOptions::default());
            }
        }
    }
    // Flipped weights leave valid models, so both outcomes must occur often.
    assert!((1_000..11_000).contains(&imported), "{imported} imported");
}
