//! Gates and bytes by closed formula.

use super::*;

#[test]
fn impossible_layers_are_refused_before_anything_is_sent() {
    let invalid = [
        NonLinear { window: 0, ..RELU },
        NonLinear {
            input_bits: 64,
            ..RELU
        },
        NonLinear { shift: 23, ..RELU },
        NonLinear {
            activation_bits: 0,
            ..RELU
        },
        NonLinear {
            output_bits: 7,
            ..RELU
        },
        NonLinear {
            output_bits: 64,
            ..RELU
        },
    ];
    for layer in invalid {
        assert!(matches!(layer.validate(), Err(MpcError::InvalidLayer(_))));
        assert_eq!((layer.and_gates(), layer.bytes(10)), (0, (0, 0)));
    }
}

#[test]
fn gates_and_bytes_are_the_closed_formulas() {
    for k in [12usize, 23, 30] {
        for (window, shift, b) in [(1, 8, 8), (4, 8, 8), (4, 3, 8), (9, 0, 4)] {
            let layer = NonLinear {
                window,
                shift: shift as u32,
                activation_bits: b as u32,
                input_bits: k as u32,
                ..RELU
            };
            let n = k - shift;
            let reconstruct = window * (k - 1);
            let join = window * (n - 1).saturating_sub(b + 1);
            let select = (window - 1) * 2 * n.min(b + 2);
            let split = usize::from(n - 1 > b);
            let kept = b.min(n - 1);
            assert_eq!(
                layer.and_gates(),
                reconstruct + join + select + split + kept,
                "{layer:?}"
            );
            let counts = layer.counts().unwrap();
            assert_eq!(counts.and_garbler, window);
            let blocks = 2 * (layer.and_gates() - kept) - window;
            let rows = 3 * (0..kept).map(|i| 23 - i).sum::<usize>() + 23 * split;
            let tables = |l: usize| 16 * blocks * l + (rows * l).div_ceil(8);
            let (up, down) = layer.bytes(100);
            assert_eq!(
                up,
                512 * (100 * window * k).div_ceil(128) + 5 * (100 * window * k).div_ceil(8192)
            );
            assert_eq!(down, 5 + 16 + frames(&[tables(64), tables(36)]));
        }
    }
    // The layer that decides most networks.
    assert_eq!(RELU.and_gates(), 36);
    let (up, down) = RELU.bytes(2304);
    assert_eq!((up as f64 / 2304.0).round(), 92.0);
    assert_eq!((down as f64 / 2304.0).round(), 941.0);
}

/// Headers and tables of chunks that share frames of up to 256 KiB, by full chunks.
fn frames(chunks: &[usize]) -> usize {
    let per_frame = (256 * 1024 / chunks[0]).max(1);
    chunks.iter().sum::<usize>() + 5 * chunks.len().div_ceil(per_frame)
}
