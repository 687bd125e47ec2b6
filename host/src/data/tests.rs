//! Readers against honest, lying and damaged files; drawings against their own rules.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::draw::{SHAPE, SIDE, draw, drawings};
use super::{DataError, Dataset, cifar, idx, image};
use crate::mutate::mutation;
use crate::net::Shape;

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn images_file(data: &Dataset) -> Vec<u8> {
    let mut bytes = Vec::new();
    idx::write_images(data, &mut bytes).unwrap();
    bytes
}

/// A PNG of any colour type.
fn png(
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3]);
    }
    encoder
        .write_header()
        .unwrap()
        .write_image_data(data)
        .unwrap();
    bytes
}

const GREY: Shape = Shape {
    channels: 1,
    height: 2,
    width: 3,
};
const COLOUR: Shape = Shape {
    channels: 3,
    ..GREY
};

#[test]
fn what_is_written_as_idx_is_read_back_plain_and_zipped() {
    let data = drawings(20, 7);
    let directory = tempfile::tempdir().unwrap();
    let mut labels = Vec::new();
    idx::write_labels(&data, &mut labels).unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("t10k-images-idx3-ubyte.gz"), zipped(&images_file(&data))).unwrap();
    std::fs::write(at("t10k-labels-idx1-ubyte"), labels).unwrap();
    assert_eq!(Dataset::open(directory.path()).unwrap(), data);
    assert!(data.try_image(19).is_ok());
    assert!(matches!(
        data.try_image(20),
        Err(DataError::Index {
            index: 20,
            count: 20
        })
    ));
}

#[test]
fn an_empty_directory_says_what_was_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let says = Dataset::open(directory.path()).unwrap_err().to_string();
    assert!(says.contains("t10k-images-idx3-ubyte") && says.contains("test_batch.bin"));
}

#[test]
fn headers_that_lie_are_refused_with_numbers() {
    let file = images_file(&drawings(2, 1));
    let with = |at: usize, word: u32| {
        let mut file = file.clone();
        file[at..at + 4].copy_from_slice(&word.to_be_bytes());
        idx::parse_images(&file, "f").unwrap_err().to_string()
    };
    assert!(with(0, 0x0801).contains("0x00000801"));
    assert!(with(4, 3).contains("promises 2352 bytes (3 × 28 × 28), but it has 1568"));
    assert!(with(4, 1).contains("but it has 785"));
    assert!(with(4, u32::MAX).contains("more than the 1073741824"));
    assert!(with(12, 0).contains("promises 0 bytes"));
    assert!(
        idx::parse_images(&file[..10], "f")
            .unwrap_err()
            .to_string()
            .contains("header alone")
    );
    assert!(idx::parse_images(&[], "f").is_err());
    let mut longer = file.clone();
    longer.push(0);
    assert!(idx::parse_images(&longer, "f").is_err());
    assert!(idx::parse_images(&zipped(&longer), "f").is_err());
    assert!(
        idx::parse_images(&zipped(&file)[..200], "f")
            .unwrap_err()
            .to_string()
            .contains("damaged")
    );
    assert!(
        idx::parse_labels(&file, "f")
            .unwrap_err()
            .to_string()
            .contains("labels")
    );
}

#[test]
fn a_compression_bomb_is_read_no_further_than_its_header_promises() {
    // 64 MB of zeros behind a header that promises one label.
    let mut bytes = vec![0, 0, 8, 1, 0, 0, 0, 1];
    bytes.resize(64 << 20, 0);
    let says = idx::parse_labels(&zipped(&bytes), "f")
        .unwrap_err()
        .to_string();
    assert!(says.contains("promises 1 bytes (1), but it has 2"));
}

#[test]
fn as_many_labels_as_images_are_wanted() {
    assert!(matches!(
        Dataset::new(GREY, vec![0; 12], vec![1]),
        Err(DataError::Disagree {
            images: 2,
            labels: 1
        })
    ));
    assert!(Dataset::new(GREY, vec![0; 13], vec![1, 2]).is_err());
}

#[test]
fn cifar_records_are_whole_and_their_labels_digits() {
    let mut batch = vec![3u8; 2 * 3073];
    batch[3073] = 9;
    let data = cifar::parse(&zipped(&batch), "f").unwrap();
    assert_eq!((data.len(), data.label(0), data.label(1)), (2, 3, 9));
    assert_eq!(data.shape(), cifar::SHAPE);
    assert!(cifar::parse(&batch[1..], "f").is_err());
    assert!(cifar::parse(&[], "f").is_err());
    batch[0] = 10;
    assert!(
        cifar::parse(&batch, "f")
            .unwrap_err()
            .to_string()
            .contains("label 10")
    );
}

#[test]
fn pictures_become_planes_of_the_network_s_shape() {
    let grey = [1, 2, 3, 4, 5, 255];
    let mut file = Vec::new();
    image::write_grey(&grey, 3, &mut file).unwrap();
    assert_eq!(image::parse(&file, "f", GREY).unwrap(), grey);
    assert_eq!(image::parse(&file, "f", COLOUR).unwrap(), grey.repeat(3));
    let rgb: Vec<u8> = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255; 3],
        [0; 3],
        [10, 20, 30],
    ]
    .concat();
    let file = png(3, 2, png::ColorType::Rgb, png::BitDepth::Eight, &rgb);
    assert_eq!(
        image::parse(&file, "f", GREY).unwrap(),
        [77, 149, 29, 255, 0, 18]
    );
    assert_eq!(
        image::parse(&file, "f", COLOUR).unwrap()[..6],
        [255, 0, 0, 255, 0, 10]
    );
    let says = image::parse(&file, "f", SHAPE).unwrap_err().to_string();
    assert!(
        says.contains("3 × 2 pixels") && says.contains("28 × 28"),
        "{says}"
    );
}

#[test]
fn pictures_that_need_a_conversion_are_refused_with_what_to_do() {
    use png::{BitDepth, ColorType};
    for (color, depth, samples, reason) in [
        (ColorType::Rgba, BitDepth::Eight, 24, "without alpha"),
        (
            ColorType::GrayscaleAlpha,
            BitDepth::Eight,
            12,
            "without alpha",
        ),
        (ColorType::Grayscale, BitDepth::Sixteen, 12, "16 bits"),
        (ColorType::Indexed, BitDepth::Eight, 6, "palette"),
    ] {
        let file = png(3, 2, color, depth, &vec![0; samples]);
        let says = image::parse(&file, "f", GREY).unwrap_err().to_string();
        assert!(says.contains(reason), "{says}");
    }
    assert!(image::parse(b"GIF89a", "f", GREY).is_err());
    let five = Shape {
        channels: 5,
        ..GREY
    };
    let file = png(3, 2, ColorType::Grayscale, BitDepth::Eight, &[0; 6]);
    assert!(
        image::parse(&file, "f", five)
            .unwrap_err()
            .to_string()
            .contains("5 channels")
    );
}

#[test]
fn damaged_data_sets_never_panic() {
    let data = drawings(3, 5);
    let mut labels = Vec::new();
    idx::write_labels(&data, &mut labels).unwrap();
    let files = [
        images_file(&data),
        zipped(&images_file(&data)),
        labels.clone(),
        zipped(&labels),
    ];
    let mut read = 0;
    for index in 0..12_000 {
        let bytes = mutation(&files, index);
        read += usize::from(idx::parse_images(&bytes, "f").is_ok());
        read += usize::from(idx::parse_labels(&bytes, "f").is_ok());
        let _ = cifar::parse(&bytes, "f");
    }
    assert!((100..11_900).contains(&read), "{read} were readable");
}

#[test]
fn damaged_pictures_never_panic() {
    let picture = draw(3, 1);
    let mut grey = Vec::new();
    image::write_grey(&picture, SIDE, &mut grey).unwrap();
    let side = SIDE as u32;
    let rgb = png(
        side,
        side,
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        &picture.repeat(3),
    );
    let files = [grey, rgb];
    let mut read = 0;
    for index in 0..12_000 {
        let bytes = mutation(&files, index);
        read += usize::from(image::parse(&bytes, "f", SHAPE).is_ok());
    }
    assert!(read < 11_900, "{read} were readable");
}

#[test]
fn drawings_are_centred_and_every_run_of_ten_has_every_digit() {
    let data = drawings(200, 3);
    for run in 0..20 {
        let mut labels: Vec<u8> = (0..10).map(|i| data.label(10 * run + i)).collect();
        labels.sort_unstable();
        assert_eq!(labels, (0..10).collect::<Vec<u8>>());
    }
    for index in 0..data.len() {
        let picture = data.image(index);
        let mass: f64 = picture.iter().map(|&v| f64::from(v)).sum();
        for axis in [1, SIDE] {
            let moment: f64 = (0..SHAPE.len())
                .map(|i| f64::from(picture[i]) * ((i / axis % SIDE) as f64 + 0.5))
                .sum();
            assert!((moment / mass - 14.0).abs() < 0.3);
        }
    }
}

#[test]
fn a_seed_gives_the_same_bytes_on_every_machine() {
    let drawn = Sha256::digest(&drawings(100, 42).images);
    let fields = crate::net::calibration::images(cifar::SHAPE);
    let fields = Sha256::digest(fields.concat());
    let text = |digest: &[u8]| {
        digest[..8]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    };
    assert_eq!(
        [text(&drawn), text(&fields)],
        ["22dc3da4592de206", "4786c4939501eca6"]
    );
    assert_ne!(draw(4, 1), draw(4, 2));
}
