//! Devices on the command line: a machine of this process offered on a socket.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use addax::accel::{Cpu, device::Place};
use addax::he::Basis;
use addax_core::isa::Geometry;
use addax_core::link::Device;
use addax_core::link::fault::Rates;
use addax_core::modulus::Modulus;
use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::PRIMES;
use addax_sim::link::server::{Quality, serve};
use serde_json::Value;

use super::support::{fails, json, text};

/// A device that serves until this process ends.
fn device(log_n: u32, limbs: usize, faults: Option<(Rates, u64)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let moduli: Vec<Modulus> = PRIMES[..limbs]
            .iter()
            .map(|&q| Modulus::new(q).unwrap())
            .collect();
        let storage = |_| vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
        let basis = Basis::new(&moduli, log_n, storage).unwrap();
        // Another geometry than the default one: the host compiles for it.
        let geometry = Geometry::new(log_n, 4, 7).unwrap();
        let machine = Cpu::new(&basis, geometry).unwrap();
        let mut device = Device::new(
            machine,
            moduli.into_iter(),
            "a test",
            false,
            vec![0; 1 << log_n],
        );
        let quality = Quality {
            faults,
            ..Quality::default()
        };
        let _ = serve(&mut device, &listener, quality, None, |_| {});
    });
    address
}

fn demo(accelerator: &str) -> Value {
    json(&[
        "demo",
        "--images",
        "1",
        "--json",
        "--seed",
        "7",
        "--accelerator",
        accelerator,
    ])
}

#[test]
fn an_inference_on_a_device_is_exact_also_over_a_bad_line() {
    let good = demo(&format!("socket:{}", device(12, 3, None)));
    let bad = demo(&format!(
        "socket:{}",
        device(12, 3, Some((Rates::even(100), 1)))
    ));
    let cpu = demo("cpu");
    for found in [&good, &bad] {
        assert_eq!(found["bit_exact"], true);
        assert_eq!(found["logits_digest"], cpu["logits_digest"]);
        assert_eq!(found["machine_transforms"], cpu["machine_transforms"]);
    }
    for layer in good["layers"].as_array().unwrap() {
        let linear = layer["cycles"].as_u64().unwrap() > 0;
        assert_eq!(layer["link_bytes"].as_u64().unwrap() > 0, linear, "{layer}");
        assert_eq!(layer["link_ms"].as_f64().unwrap() > 0.0, linear, "{layer}");
    }
    assert!(cpu["layers"][0].get("link_bytes").is_none());
}

#[test]
fn a_device_passes_the_selftest_at_its_own_geometry() {
    let name = format!("socket:{}", device(10, 2, None));
    let tested = json(&[
        "accel",
        "selftest",
        "--accelerator",
        &name,
        "--programs",
        "2",
        "--json",
    ]);
    assert_eq!(tested["passed"], true);
    let row = &tested["accelerators"][0];
    assert_eq!(row["name"], name);
    assert_eq!(row["random_programs"], 2);
    assert!(row["single_instructions"].as_u64().unwrap() > 40);
    let shown = text(&[
        "accel",
        "selftest",
        "--accelerator",
        &name,
        "--programs",
        "1",
    ]);
    assert!(shown.contains("as defined"), "{shown}");
}

#[test]
fn a_device_says_what_it_is_and_tests_itself() {
    let name = format!("socket:{}", device(10, 2, None));
    let info = json(&["accel", "info", "--test", "--accelerator", &name, "--json"]);
    assert_eq!((&info["n"], &info["slots"]), (&1024.into(), &7.into()));
    assert_eq!(info["moduli"].as_array().unwrap().len(), 2);
    assert_eq!(info["test_passed"], true);
    assert_eq!(info["name"], "a test");
    assert!(text(&["accel", "info", "--accelerator", &name]).contains("coefficients"));
    assert!(fails(&["accel", "info", "--accelerator", "cpu"], 1).contains("no device"));
}

#[test]
fn devices_that_cannot_be_used_say_why() {
    let name = format!("socket:{}", device(10, 2, None));
    let error = fails(&["demo", "--images", "1", "--accelerator", &name], 1);
    assert!(
        error.contains("n = 1024") && error.contains("n = 4096"),
        "{error}"
    );
    let name = format!("socket:{}", device(12, 2, None));
    let error = fails(&["demo", "--images", "1", "--accelerator", &name], 1);
    assert!(
        error.contains("limb 2: the device computes modulo 0"),
        "{error}"
    );
    // Somebody who listens and is no device.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("socket:{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
    });
    let start = Instant::now();
    let error = fails(&["accel", "selftest", "--accelerator", &name], 1);
    assert!(error.contains("has not answered for"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
    for (name, code, hint) in [
        ("socket:127.0.0.1", 2, "socket:HOST:PORT"),
        ("serial:", 2, "serial:PATH@BAUD"),
        ("serial:/dev/null@fast", 2, "serial:PATH@BAUD"),
        ("serial:/nowhere/port", 1, "cannot open the port"),
        ("socket:127.0.0.1:1", 1, "cannot connect"),
    ] {
        let error = fails(&["accel", "selftest", "--accelerator", name], code);
        assert!(error.contains(hint), "{name}: {error}");
    }
}

#[test]
fn names_of_devices_are_written_as_they_are_read() {
    for name in [
        "socket:127.0.0.1:7710",
        "serial:/dev/ttyACM0",
        "serial:/dev/ttyACM0@115200",
    ] {
        let accelerator: addax::accel::Accelerator = name.parse().unwrap();
        assert_eq!(accelerator.to_string(), name);
    }
    let place = Place::Serial {
        path: "COM3".to_owned(),
        baud: 9600,
    };
    assert_eq!(place.to_string(), "serial:COM3@9600");
}
