//! Pictures as PNG files: read for a network's input, written from grey pixels.
//!
//! Read are pictures of eight bits per sample, grey or RGB, without transparency, of exactly the size that the network
//! takes. For a network with one channel, red, green and blue become (77·R + 150·G + 29·B + 128) / 256, rounded down: the
//! usual weights of luminance in 256ths. For three channels, a grey value is taken three times. Other conversions are
//! left to the tools that people have for pictures, because each of them changes what the network sees.

use std::io::{Cursor, Write};
use std::path::Path;

use addax_core::quant::round_shift;
use png::{BitDepth, ColorType, Decoder, Encoder, Limits};

use super::DataError;
use super::source::load;
use crate::net::Shape;

/// The most memory that decoding may take, in bytes.
const MAX_DECODED: usize = 64 << 20;

/// Reads the picture at `path` as an input of shape `want`: planes one after another, row by row.
///
/// # Errors
/// [`DataError::Read`], and [`DataError::Picture`] for what is no PNG, has another size, or needs a conversion.
pub fn read(path: &Path, want: Shape) -> Result<Vec<u8>, DataError> {
    parse(&load(path)?, &path.display().to_string(), want)
}

/// As [`read`], from memory; `file` is the name for errors.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], file: &str, want: Shape) -> Result<Vec<u8>, DataError> {
    let refuse = |reason: String| DataError::Picture {
        file: file.to_owned(),
        reason,
    };
    let damaged = |error: png::DecodingError| refuse(format!("not a readable PNG: {error}"));
    let limits = Limits { bytes: MAX_DECODED };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(damaged)?;

    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    if (width, height) != (want.width, want.height) {
        return Err(refuse(format!(
            "it is {width} × {height} pixels, but the network takes {} × {}: resize it",
            want.width, want.height
        )));
    }
    if info.bit_depth != BitDepth::Eight {
        return Err(refuse(format!(
            "it has {} bits per sample: save it with 8",
            info.bit_depth as u8
        )));
    }
    let samples = match info.color_type {
        ColorType::Grayscale => 1,
        ColorType::Rgb => 3,
        ColorType::Indexed => {
            return Err(refuse(
                "it has a palette: save it as grey or RGB".to_owned(),
            ));
        }
        ColorType::GrayscaleAlpha | ColorType::Rgba => {
            return Err(refuse(
                "it is transparent: flatten it and save it without alpha".to_owned(),
            ));
        }
    };
    let size = reader
        .output_buffer_size()
        .filter(|&size| size == samples * want.area())
        .ok_or_else(|| refuse("its rows are larger than its size says".to_owned()))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(damaged)?;
    match (samples, want.channels) {
        (1, 1) => Ok(pixels),
        (1, 3) => Ok(pixels.repeat(3)),
        (3, 1) => Ok(pixels.as_chunks().0.iter().map(|rgb| grey(*rgb)).collect()),
        (3, 3) => Ok((0..3)
            .flat_map(|plane| pixels.iter().skip(plane).step_by(3).copied())
            .collect()),
        (_, channels) => Err(refuse(format!(
            "the network takes {channels} channels, which a picture does not have"
        ))),
    }
}

fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 77 * i64::from(red) + 150 * i64::from(green) + 29 * i64::from(blue);
    // The weights add up to 256, so the result is at most 255.
    round_shift(sum, 8) as u8
}

/// Writes `pixels`, row by row, as a grey PNG of `width` columns.
///
/// # Errors
/// [`png::EncodingError`]: the writer's, or `pixels` are not whole rows.
pub fn write_grey(
    pixels: &[u8],
    width: usize,
    to: &mut dyn Write,
) -> Result<(), png::EncodingError> {
    let rows = pixels.len().checked_div(width).unwrap_or(0);
    let extent =
        |extent: usize| u32::try_from(extent).map_err(|_| png::EncodingError::LimitsExceeded);
    let mut encoder = Encoder::new(to, extent(width)?, extent(rows)?);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)
}
