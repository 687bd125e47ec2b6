//! `addax accel`: programs of the ring processor as files, and the simulated circuit on the command line.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{addax, fails, json, text};

const PROGRAM: &str = "machine n=1024 butterflies=1 slots=4 limbs=2
constant 12345
slot 0 limb 1 random 7
stream edges
LD.1 1
NTT.1 1, 1
LOOP 2, next 1
MAC.1 0, 1, stream      ; twice
MULI.1 2, 0, #0
AUT 3, 2, X^5
RED.0 2, 3, from 1
ST 2
";

fn write(directory: &Path, text: &str) -> String {
    let path = directory.join("program.txt");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn run(program: &str, accelerator: &str) -> Value {
    json(&[
        "accel",
        "run",
        program,
        "--accelerator",
        accelerator,
        "--json",
    ])
}

#[test]
fn a_program_runs_as_defined() {
    let directory = tempfile::tempdir().unwrap();
    let program = write(directory.path(), PROGRAM);
    let [cpu, reference] = ["cpu", "reference"].map(|name| run(&program, name));
    // LD, NTT, LOOP, MAC twice, MULI, AUT, RED, ST, HALT with n = 1024, B = 1.
    let cycles = 1061 + 5156 + 6 + 2 * 1062 + 1060 + 530 + 1060 + 1060 + 6;
    for (found, name) in [(&cpu, "cpu"), (&reference, "reference")] {
        assert_eq!(found["accelerator"], name);
        assert_eq!(found["as_defined"], true);
        assert_eq!(found["cycles"], cycles);
        assert_eq!(found["instructions"], 10);
        assert_eq!(found["transforms"], 1);
        assert_eq!(
            (&found["words_in"], &found["words_out"]),
            (&3072.into(), &1024.into())
        );
        assert_eq!(found["slots"].as_array().unwrap().len(), 4);
        assert_eq!(found["output_digest"], cpu["output_digest"]);
        assert_eq!(found["slots"], cpu["slots"]);
    }
    assert!(text(&["accel", "run", &program]).contains("all as defined"));
    assert!(text(&["accel", "run", "--help"]).contains("LOOP 2, next 1, a += 1"));
}

#[test]
fn programs_that_fault_or_are_none_say_where() {
    let directory = tempfile::tempdir().unwrap();
    let error = |text: &str| fails(&["accel", "run", &write(directory.path(), text)], 1);
    assert!(error("NTT.0 0").contains("line 1: expected a slot"));
    assert!(error("LD.0 99").contains("word 0: touches slot 99, there are 16"));
    assert!(fails(&["accel", "run", "/nowhere/program"], 1).contains("/nowhere/program"));
    let program = write(directory.path(), "SYNC\nST 3");
    let assert = addax(&["accel", "run", &program, "--json"]).code(1);
    let output = assert.get_output();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["fault"], "word 1, ST 3: slot 3 was never written");
    assert_eq!(found["as_defined"], true);
    let error = fails(&["accel", "run", &program, "--trace", "signals.vcd"], 1);
    assert!(error.contains("accelerator cpu records no signals, verilator does"));
}

#[test]
fn a_missing_tool_is_named_with_its_package() {
    let without_tools = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_addax"));
        command.args(arguments).env("PATH", "").assert()
    };
    let directory = tempfile::tempdir().unwrap();
    let program = write(directory.path(), "SYNC");
    let arguments = ["accel", "run", &program, "--accelerator", "verilator"];
    let assert = without_tools(&arguments).code(1);
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    for said in [
        "verilator is missing",
        "apt-get install verilator",
        "cargo xtask test",
    ] {
        assert!(error.contains(said), "{error}");
    }
    let list = without_tools(&["accel", "list", "--json"]).success();
    let list: Value = serde_json::from_slice(&list.get_output().stdout).unwrap();
    assert_eq!(list["accelerators"][3]["available"], false);
    assert_eq!(list["accelerators"][2]["available"], true);
    let bench = without_tools(&["accel", "bench", "--accelerator", "verilator", "--json"]);
    let bench = bench.success();
    let bench: Value = serde_json::from_slice(&bench.get_output().stdout).unwrap();
    assert_eq!(bench["accelerators"][0]["available"], false);
}

#[test]
fn speed_and_cycles_are_measured() {
    let bench = json(&[
        "accel",
        "bench",
        "--accelerator",
        "cpu",
        "--time",
        "1",
        "--json",
    ]);
    let machines = bench["accelerators"][0]["machines"].as_array().unwrap();
    assert_eq!(machines.len(), 2);
    for (machine, butterflies, transform) in [(&machines[0], 1, 24_612), (&machines[1], 8, 3108)] {
        assert_eq!(machine["butterflies"], butterflies);
        assert!(machine["cycles_per_s"].as_u64().unwrap() > 0);
        let cycles = machine["cycles"].as_array().unwrap();
        assert_eq!(cycles.len(), 15);
        let ntt = cycles
            .iter()
            .find(|row| row["instruction"] == "NTT")
            .unwrap();
        assert_eq!(ntt["cycles"], transform);
    }
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn the_simulated_circuit_does_what_software_does() {
    let directory = tempfile::tempdir().unwrap();
    let program = write(directory.path(), PROGRAM);
    let cpu = run(&program, "cpu");
    let trace = directory.path().join("signals.vcd");
    let traced = json(&[
        "accel",
        "run",
        &program,
        "--accelerator",
        "verilator",
        "--trace",
        &trace.display().to_string(),
        "--json",
    ]);
    assert!(
        fs::read_to_string(&trace)
            .unwrap()
            .contains("$enddefinitions")
    );
    for found in [traced, run(&program, "verilator"), run(&program, "rtl")] {
        assert_eq!(found["as_defined"], true);
        for name in ["cycles", "instructions", "output_digest", "slots"] {
            assert_eq!(found[name], cpu[name], "{name}");
        }
        assert_eq!(found["stalls"], 0);
    }
    let list = json(&["accel", "list", "--json"]);
    assert_eq!(list["accelerators"][3]["name"], "verilator");
    assert_eq!(list["accelerators"][3]["available"], true);
}

#[test]
#[ignore = "needs verilator: cargo xtask test"]
fn an_image_is_classified_on_the_simulated_circuit() {
    let demo = |accelerator| {
        let arguments = ["demo", "--images", "1", "--seed", "3", "--accelerator"];
        json(&[&arguments[..], &[accelerator, "--json"]].concat())
    };
    let [cpu, verilator] = ["cpu", "verilator"].map(demo);
    assert_eq!(verilator["bit_exact"], true);
    assert_eq!(verilator["logits_digest"], cpu["logits_digest"]);
    // The circuit's own counters say what the model predicts.
    let cycles = |demo: &Value| -> Vec<Value> {
        let layers = demo["layers"].as_array().unwrap();
        layers.iter().map(|layer| layer["cycles"].clone()).collect()
    };
    assert_eq!(cycles(&verilator), cycles(&cpu));
}
