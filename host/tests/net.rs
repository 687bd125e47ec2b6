//! Networks from file to integers, on published models and data.

use std::path::{Path, PathBuf};

use addax::data::Dataset;
use addax::data::draw::drawings;
use addax::net::accuracy::accuracy;
use addax::net::onnx::import;
use addax::net::quantise::{QuantiseOptions, quantise};

/// A path below the workspace.
fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The test images of a published data set.
fn data(name: &str) -> Dataset {
    let root =
        std::env::var_os("ADDAX_DATA").map_or_else(|| workspace("../shared/data"), PathBuf::from);
    Dataset::open(&root.join(name)).unwrap()
}

/// The integer accuracy of a shipped model over a whole test set, calibrated without any of its images.
fn integer_accuracy(model: &str, set: &str) -> f64 {
    accuracy_of_first(10_000, model, set)
}

fn accuracy_of_first(images: usize, model: &str, set: &str) -> f64 {
    let graph = import(&workspace("models").join(model)).unwrap();
    let network = quantise(&graph, None, &QuantiseOptions::default()).unwrap();
    let result = accuracy(&network, &data(set), images).unwrap();
    assert_eq!(result.images, images);
    println!("{model}: {}", result.fraction());
    result.fraction()
}

#[test]
#[ignore = "needs MNIST: cargo xtask test"]
fn lite3_keeps_its_accuracy_in_integers() {
    assert!(integer_accuracy("lite3-mnist.onnx", "mnist") >= 0.9935);
}

#[test]
#[ignore = "needs MNIST: cargo xtask test"]
fn network_d_keeps_its_accuracy_in_integers() {
    assert!(integer_accuracy("d-mnist.onnx", "mnist") >= 0.9930);
}

#[test]
fn shipped_networks_read_drawn_digits_at_any_seed() {
    for model in ["lite3-mnist.onnx", "d-mnist.onnx", "cryptonets-mnist.onnx"] {
        let graph = import(&workspace("models").join(model)).unwrap();
        let network = quantise(&graph, None, &QuantiseOptions::default()).unwrap();
        for seed in 0..200 {
            let result = accuracy(&network, &drawings(10, seed), 10).unwrap();
            assert_eq!(result.correct, 10, "{model}, seed {seed}");
        }
    }
}

#[test]
#[ignore = "needs MNIST: cargo xtask test"]
fn cryptonets_keeps_its_accuracy_in_integers() {
    assert!(integer_accuracy("cryptonets-mnist.onnx", "mnist") >= 0.9900);
}

#[test]
#[ignore = "needs Fashion-MNIST: cargo xtask test"]
fn network_d_on_fashion_keeps_its_accuracy_in_integers() {
    assert!(integer_accuracy("d-fashion.onnx", "fashion-mnist") >= 0.9026);
}

#[test]
#[ignore = "needs MNIST: cargo xtask test"]
fn small28_keeps_its_accuracy_in_integers() {
    assert!(integer_accuracy("small28-mnist.onnx", "mnist") >= 0.9900);
}

#[test]
#[ignore = "needs CIFAR-10: cargo xtask test"]
fn cifar7_keeps_its_accuracy_in_integers() {
    // All 10,000, of which 88.67 % are right, take `addax eval` minutes.
    assert!(accuracy_of_first(1_000, "cifar7.onnx", "cifar10") >= 0.87);
}
