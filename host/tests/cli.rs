//! The `addax` command as its users run it: processes, files, exit codes.

#[path = "cli/devices.rs"]
mod devices;
#[path = "cli/input.rs"]
mod input;
#[path = "cli/optical.rs"]
mod optical;
#[path = "cli/peers.rs"]
mod peers;
#[path = "cli/programs.rs"]
mod programs;
#[path = "cli/support.rs"]
mod support;

use serde_json::Value;
use support::{addax, fails, json, model, sum, text};

#[test]
fn the_demo_classifies_and_is_exact() {
    let demo = json(&["demo", "--images", "2", "--json"]);
    assert_eq!(demo["images"], 2);
    assert_eq!(demo["correct"], 2);
    assert_eq!(demo["bit_exact"], true);
    assert_eq!(demo["accelerator"], "cpu");
    assert_eq!(demo["logits_digest"].as_str().unwrap().len(), 64);
    for number in [
        "bytes_up",
        "bytes_down",
        "machine_transforms",
        "host_transforms",
    ] {
        assert!(demo[number].as_u64().unwrap() > 0, "{number}");
    }
    assert!(demo["decryption_transforms"].as_u64().unwrap() > 0);
    let [total, online] = ["total_ms", "online_ms"].map(|name| demo[name].as_f64().unwrap());
    assert!(0.0 < online && online < total, "{online} of {total}");
    let layers = demo["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 7);
    for layer in layers {
        assert!(layer["name"].is_string() && layer["kind"].is_string());
        assert!(layer["ms"].as_f64().unwrap() > 0.0);
        // Linear layers run on the ring processor, the others in garbled circuits.
        let [cycles, gates] = ["cycles", "and_gates"].map(|name| layer[name].as_u64().unwrap());
        assert!((cycles == 0) != (gates == 0), "{layer}");
    }
    for way in ["bytes_up", "bytes_down"] {
        assert!(sum(&demo["layers"], way) < demo[way].as_u64().unwrap());
    }
}

#[test]
fn what_is_prepared_ahead_changes_when_bytes_are_sent_and_nothing_else() {
    let model = model("lite3-mnist.onnx");
    let demo = ["demo", "--images", "2", "--json", "--model", &model];
    let once = json(&demo);
    let threads = json(&[&demo[..], &["--ahead", "--threads", "2"]].concat());
    let ahead = json(&[&demo[..], &["--ahead", "--threads", "1"]].concat());
    for report in [&threads, &ahead] {
        assert_eq!(report["bit_exact"], true);
        assert_eq!(report["logits_digest"], once["logits_digest"]);
        let [total, online, before] =
            ["total_ms", "online_ms", "ahead_ms"].map(|name| report[name].as_f64().unwrap());
        assert!(0.0 < before && online + before < total);
        // Tables are most of it, and they went ahead.
        let [early, late] = ["ahead_bytes", "bytes_down"].map(|name| sum(&report["layers"], name));
        assert!(early > late, "{early} ahead, {late} later");
        assert!(late < sum(&once["layers"], "bytes_down"));
    }
    assert_eq!(ahead["bytes_down"], threads["bytes_down"]);
    assert_eq!(once["ahead_ms"], 0.0);
    #[cfg(target_os = "linux")]
    for party in ["client_peak_mb", "server_peak_mb"] {
        assert!(once[party].as_f64().unwrap() > 1.0);
    }
    let shown = text(&["demo", "--images", "1", "--ahead"]);
    assert!(
        shown.contains("ahead ms") && shown.contains(" ms ahead;"),
        "{shown}"
    );
}

#[test]
fn images_of_a_data_set_are_classified_from_where_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("digits").display().to_string();
    json(&["draw", "--out", &data, "--count", "3", "--json"]);
    let demo = json(&["demo", "--images", "2", "--json", "--data", &data]);
    assert_eq!(demo["images"], 2);
    assert_eq!(demo["bit_exact"], true);
    let error = fails(&["demo", "--images", "4", "--data", &data], 1);
    assert!(error.contains("there is no image 3"), "{error}");
}

#[test]
fn accelerators_agree_with_each_other_and_with_the_plan() {
    let demo = |accelerator: &str| {
        let arguments = [
            "demo",
            "--images",
            "1",
            "--json",
            "--seed",
            "7",
            "--accelerator",
        ];
        json(&[&arguments[..], &[accelerator]].concat())
    };
    let [cpu, reference] = [demo("cpu"), demo("reference")];
    assert_eq!(reference["accelerator"], "reference");
    assert_eq!(cpu["logits_digest"], reference["logits_digest"]);
    for number in [
        "machine_transforms",
        "host_transforms",
        "decryption_transforms",
    ] {
        assert_eq!(cpu[number], reference[number], "{number}");
    }
    let plan = json(&["plan", "--json"]);
    assert_eq!(cpu["machine_transforms"], plan["totals"]["transforms"]);
    let planned = plan["layers"].as_array().unwrap();
    for (index, planned) in planned.iter().enumerate() {
        for name in ["name", "cycles", "and_gates", "bytes_up", "bytes_down"] {
            assert_eq!(
                cpu["layers"][index][name], planned[name],
                "{name} of layer {index}"
            );
            assert_eq!(
                reference["layers"][index][name], planned[name],
                "{name} of layer {index}"
            );
        }
    }
}

#[test]
fn the_demo_can_reveal_labels_only() {
    let demo = json(&["demo", "--images", "1", "--json", "--arg-max"]);
    assert_eq!(demo["bit_exact"], true);
    assert_eq!(
        demo["layers"].as_array().unwrap().last().unwrap()["kind"],
        "arg max"
    );
}

#[test]
fn the_demo_shows_drawings_answers_and_layers() {
    let shown = text(&["demo", "--images", "2"]);
    for part in [
        "██",
        "✓",
        "2 of 2 drawings right",
        "/conv1/Conv",
        "AND gates",
        "total",
        "bit exact",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
}

#[test]
fn a_failing_party_of_the_demo_says_why() {
    let error = fails(&["demo", "--model", "/nowhere/model.onnx"], 1);
    assert!(
        error.contains("server process") && error.contains("/nowhere/model.onnx"),
        "{error}"
    );
    let model = model("cryptonets-mnist.onnx");
    let error = fails(&["demo", "--images", "1", "--json", "--model", &model], 1);
    assert!(error.contains("squares"), "{error}");
}

#[test]
fn the_plan_states_bounds_and_refuses_a_modulus_that_is_too_wide() {
    let plan = json(&["plan", "--json"]);
    assert!(plan["totals"]["failure_log2"].as_f64().unwrap() <= -40.0);
    assert!(plan["totals"]["hiding_log2"].as_f64().unwrap() <= -40.0);
    for layer in plan["layers"].as_array().unwrap() {
        assert!(layer["packing"].is_string() && layer["k"].is_u64());
        assert!(layer["predicted_ms"].as_f64().unwrap() > 0.0);
        if layer["cycles"].as_u64().unwrap() > 0 {
            assert!(layer["margin_bits"].as_f64().unwrap() > 0.0);
            assert!(layer["noise_bits"].is_f64() && layer["failure_log2"].is_f64());
        }
    }
    let error = fails(&["plan", "--plain-bits", "30", "--json"], 1);
    assert!(
        error.contains("/Gemm") && error.contains("30 plaintext bits"),
        "{error}"
    );
    let error = fails(&["plan", "--plain-bits", "12"], 1);
    assert!(error.contains("need") && error.contains("12"), "{error}");
    let narrow = json(&[
        "plan",
        "--json",
        "--weight-bits",
        "4",
        "--activation-bits",
        "5",
    ]);
    assert!(narrow["layers"][0]["k"].as_u64() < plan["layers"][0]["k"].as_u64());
    let shown = text(&["plan"]);
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
}

#[test]
fn models_and_accelerators_are_shown() {
    let shown = json(&["model", "show", "--json"]);
    assert_eq!(shown["input"], "1×28×28");
    assert_eq!(shown["layers"].as_array().unwrap().len(), 7);
    assert!(text(&["model", "show"]).contains("/fc2/Gemm"));

    let list = json(&["accel", "list", "--json"]);
    let names: Vec<&Value> = list["accelerators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["name"])
        .collect();
    let devices = ["serial:PATH[@BAUD]", "socket:HOST:PORT"];
    assert_eq!(
        names,
        [&["cpu", "reference", "rtl", "verilator"][..], &devices].concat()
    );
    let arguments = [
        "accel",
        "selftest",
        "--accelerator",
        "cpu",
        "--programs",
        "2",
        "--json",
    ];
    let tested = json(&arguments);
    assert_eq!(tested["passed"], true);
    assert_eq!(tested["accelerators"].as_array().unwrap().len(), 1);
}

#[test]
fn drawings_can_be_evaluated_and_classified() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("digits").display().to_string();
    let drawn = json(&[
        "draw", "--out", &out, "--count", "10", "--seed", "3", "--json",
    ]);
    assert_eq!(drawn["files"].as_array().unwrap().len(), 12);

    let eval = json(&["eval", "--data", &out, "--private", "1", "--json"]);
    assert_eq!(eval["images"], 10);
    assert_eq!(eval["private_images"], 1);
    assert_eq!(eval["bit_exact"], true);
    assert!(eval["accuracy"].as_f64().unwrap() >= 0.9);
    assert_eq!(eval["logits_digest"].as_str().unwrap().len(), 64);

    let squares = model("cryptonets-mnist.onnx");
    let clear = json(&["eval", "--model", &squares, "--data", &out, "--json"]);
    assert!(clear["accuracy"].is_f64() && clear["bit_exact"].is_null());
    let error = fails(
        &[
            "eval",
            "--model",
            &squares,
            "--data",
            &out,
            "--private",
            "1",
        ],
        1,
    );
    assert!(error.contains("squares its input"), "{error}");

    // The same seed draws the same digit, as a picture and as IDX.
    let picture = directory.path().join("three.png").display().to_string();
    json(&["draw", "--out", &picture, "--digit", "3", "--json"]);
    let idx = directory.path().join("three.idx").display().to_string();
    let drawn = json(&["draw", "--out", &idx, "--digit", "3", "--json"]);
    assert_eq!(drawn["labels"], serde_json::json!([3]));
    assert!(directory.path().join("three.labels.idx").is_file());
    let server = support::Server::start(&["--sessions", "2"]);
    let from_picture = server.classify(&["--image", &picture]);
    let from_idx = server.classify(&["--idx", &idx]);
    assert_eq!(from_picture["label"], 3);
    assert_eq!(from_picture["logits"], from_idx["logits"]);
    assert!(from_picture["rounds"].as_u64().unwrap() > 0);
    assert_eq!(server.report()["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn help_and_version_succeed_and_no_command_does_not() {
    for argument in ["--help", "--version"] {
        addax(&[argument]).success();
    }
    addax(&[]).code(2);
}

#[test]
#[ignore = "needs MNIST: cargo xtask test"]
fn mnist_is_evaluated_in_the_clear_and_privately() {
    let root = std::env::var("ADDAX_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
    let data = format!("{root}/mnist");
    let eval = json(&[
        "eval",
        "--data",
        &data,
        "--images",
        "1000",
        "--private",
        "2",
        "--json",
    ]);
    assert_eq!(eval["images"], 1000);
    assert!(eval["accuracy"].as_f64().unwrap() > 0.98);
    assert_eq!(eval["private_images"], 2);
    assert_eq!(eval["bit_exact"], true);
}
