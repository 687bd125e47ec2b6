//! Arguments and files that are wrong: exit code 2 for the command line, 1 for everything else, and a clear error.

use std::fs;
use std::path::Path;

use crate::support::{Drawings, Server, fails, json, model};

#[test]
fn a_wrong_command_line_ends_with_2() {
    for arguments in [
        &["dance"][..],
        &["demo", "--images", "0"],
        &["demo", "--accelerator", "abacus"],
        &["demo", "--accelerator", "abacus", "--json"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--timeout", "-1"],
        &["classify", "--server", "127.0.0.1:1"],
        &["classify", "--server", "127.0.0.1", "--idx", "a"],
        &[
            "classify",
            "--server",
            "127.0.0.1:1",
            "--idx",
            "a",
            "--image",
            "b",
        ],
        &[
            "classify",
            "--server",
            "127.0.0.1:1",
            "--idx",
            "a",
            "--count",
            "0",
        ],
        &["plan", "--weight-bits", "1"],
        &["demo", "--threads", "0"],
        &["demo", "--data", "a", "--seed", "1"],
        &["eval"],
        &["draw", "--out", "a", "--digit", "10"],
    ] {
        fails(arguments, 2);
    }
    let error = fails(&["accel", "selftest", "--accelerator", "abacus"], 2);
    assert!(error.contains("cpu, reference"), "{error}");
}

#[test]
fn a_level_of_instructions_that_there_is_not_is_named() {
    let assert = assert_cmd::Command::new(env!("CARGO_BIN_EXE_addax"))
        .args(["accel", "list"])
        .env("ADDAX_SIMD", "AVX2")
        .assert();
    let stderr = String::from_utf8_lossy(&assert.code(1).get_output().stderr).into_owned();
    assert!(stderr.contains("ADDAX_SIMD is \"AVX2\""), "{stderr}");
    assert!(stderr.contains("portable, avx2, avx512"), "{stderr}");
}

#[test]
fn missing_files_end_with_1_and_are_named() {
    let gone = "/nowhere/file";
    for arguments in [
        &["plan", "--model", gone][..],
        &["plan", "--model", gone, "--json"],
        &["model", "show", "--model", gone],
        &["serve", "--model", gone],
        &["eval", "--data", gone],
        &["demo", "--data", gone],
        &["classify", "--server", "127.0.0.1:1", "--data", gone],
        &["classify", "--server", "127.0.0.1:1", "--idx", gone],
        &["classify", "--server", "127.0.0.1:1", "--image", gone],
        &["draw", "--out", "/nowhere/file.png"],
    ] {
        let error = fails(arguments, 1);
        assert!(error.contains(gone), "{arguments:?}: {error}");
    }
}

#[test]
fn damaged_and_unsupported_models_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let show = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = fails(
            &["model", "show", "--json", "--model", path.to_str().unwrap()],
            1,
        );
        assert!(error.contains(name), "{error}");
        error
    };
    let whole = fs::read(model("lite3-mnist.onnx")).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        show("truncated.onnx", &whole[..length]);
    }
    show("text.onnx", b"this is not a model");
    // Names and types of nodes become those of an operator that is not supported.
    let mut tanh = whole.clone();
    for position in 0..tanh.len() - 4 {
        if &tanh[position..position + 4] == b"Relu" {
            tanh[position..position + 4].copy_from_slice(b"Tanh");
        }
    }
    let error = show("tanh.onnx", &tanh);
    assert!(error.contains("Tanh"), "{error}");
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let idx = |count: u32, side: u32, bytes: usize| {
        let header = [0x0803, count, side, side].map(u32::to_be_bytes).concat();
        [header, vec![0; bytes]].concat()
    };
    fs::write(path("small.idx"), idx(1, 20, 400)).unwrap();
    fs::write(path("lying.idx"), idx(1_000_000, 28, 784)).unwrap();
    fs::write(path("huge.idx"), idx(u32::MAX, u32::MAX, 16)).unwrap();
    fs::write(path("text.idx"), b"hello, world, this is text").unwrap();
    let mut png = fs::File::create(path("small.png")).unwrap();
    addax::data::image::write_grey(&[0; 400], 20, &mut png).unwrap();
    fs::write(path("text.png"), b"hello").unwrap();

    // Files that can be judged without a server are judged before connecting.
    let nobody = ["classify", "--server", "127.0.0.1:1", "--idx"];
    for (name, words) in [
        ("lying.idx", "header promises"),
        ("huge.idx", "more than"),
        ("text.idx", "IDX"),
    ] {
        let error = fails(&[&nobody[..], &[&path(name)]].concat(), 1);
        assert!(error.contains(name) && error.contains(words), "{error}");
    }
    let drawings = Drawings::new(1);
    let beyond = [&nobody[..], &[&drawings.idx, "--index", "1"]].concat();
    assert!(fails(&beyond, 1).contains("no image 1"));

    let server = Server::start(&["--sessions", "5"]);
    let error = server.refuses(&["--idx", &path("small.idx")]);
    assert!(
        error.contains("1×20×20") && error.contains("1×28×28"),
        "{error}"
    );
    let error = server.refuses(&["--image", &path("small.png")]);
    assert!(error.contains("20 × 20 pixels"), "{error}");
    let error = server.refuses(&["--image", &path("text.png")]);
    assert!(error.contains("PNG"), "{error}");
    let limited = ["--max-values", "100", "--idx", &drawings.idx];
    let error = server.refuses(&limited);
    assert!(error.contains("accepts at most 100"), "{error}");
    server.classify(&["--idx", &drawings.idx]);
    let report = server.report();
    // A client that has nothing to ask says so; only the plan that was too large was a failure.
    assert_eq!(report["failures"].as_array().unwrap().len(), 1, "{report}");
}

#[test]
fn data_without_labels_and_labels_without_data_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().display().to_string();
    assert!(fails(&["eval", "--data", &data], 1).contains("holds neither"));
    json(&["draw", "--out", &data, "--count", "3", "--json"]);
    let labels = Path::new(&data).join("t10k-labels-idx1-ubyte");
    let bytes = [0x0801u32.to_be_bytes(), 2u32.to_be_bytes()].concat();
    fs::write(labels, [&bytes[..], &[0, 1]].concat()).unwrap();
    let error = fails(&["eval", "--data", &data], 1);
    assert!(error.contains("3 images but 2 labels"), "{error}");
    let error = fails(&["draw", "--out", "three.png", "--count", "3"], 1);
    assert!(error.contains("one drawing"), "{error}");
}
