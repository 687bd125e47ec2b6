//! Images to calibrate with when the user gives none: made up, always available, the same on every machine.
//!
//! Shifts depend on how large accumulators become, which depends on brightness, contrast and how coarse an image is, much
//! less on what it shows. So a set of fields with the statistics of photographs (each octave of detail half as strong as
//! the one before, colours that mostly move together, hard edges, sensor noise, means and contrasts of all kinds) finds
//! the same shifts as real photographs do. Networks that take 28 × 28 grey pixels also see drawn digits.
//!
//! Only additions, multiplications, divisions and square roots are used, which IEEE 754 defines to the last bit.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::network::Shape;
use crate::data::draw;

/// The number of images in a calibration set.
const IMAGES: u64 = 48;

/// The calibration set for networks that take `input`.
#[must_use]
pub fn images(input: Shape) -> Vec<Vec<u8>> {
    let pixels = draw::SHAPE.len();
    let digits = input == draw::SHAPE || input == Shape::vector(pixels);
    (0..IMAGES)
        .map(|index| {
            if digits && index % 2 == 0 {
                draw::draw((index / 2 % 10) as u8, index)
            } else {
                // A vector of 28 × 28 values is a picture all the same.
                field(if digits { draw::SHAPE } else { input }, index)
            }
        })
        .collect()
}

struct Random(ChaCha20Rng);

impl Random {
    /// Uniform in −1 ..= 1.
    fn signed(&mut self) -> f64 {
        self.0.next_u32() as f64 / 2_147_483_648.0 - 1.0
    }

    /// Uniform in `least` ..= `most`.
    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * (self.signed() + 1.0) / 2.0
    }
}

/// Image number `index`: a coloured random field with the given shape.
fn field(input: Shape, index: u64) -> Vec<u8> {
    let mut seed = [0; 32];
    seed[..23].copy_from_slice(b"addax calibration field");
    seed[24..].copy_from_slice(&index.to_le_bytes());
    let mut random = Random(ChaCha20Rng::from_seed(seed));
    let (height, width) = (input.height, input.width);

    let mut light = octaves(&mut random, height, width);
    for _ in 0..3 {
        edge(&mut random, &mut light, width);
    }
    // One image of three has objects on a dark ground, as scans and product pictures do; the others fill the frame.
    let mask = index
        .is_multiple_of(3)
        .then(|| octaves(&mut random, height, width));
    let mean = random.between(50.0, 200.0);
    let contrast = random.between(25.0, 80.0);
    let colour = random.between(0.1, 0.5);
    let noise = random.between(0.0, 8.0);

    let mut image = Vec::with_capacity(input.len());
    for _ in 0..input.channels {
        let tint = octaves(&mut random, height, width);
        let cast = random.signed() * 25.0;
        let plane: Vec<f64> = light
            .iter()
            .zip(&tint)
            .map(|(l, t)| l + colour * t)
            .collect();
        let plane = standardised(&plane);
        for (position, value) in plane.iter().enumerate() {
            let value = mean + cast + contrast * value + noise * random.signed();
            let shown = mask.as_ref().is_none_or(|mask| mask[position] > 0.0);
            // A cast from float to integer saturates: this is the clamp to 0 ..= 255.
            image.push(if shown { value as u8 } else { 0 });
        }
    }
    image
}

/// Value noise: random grids of 2, 4, 8 … cells, interpolated, each half as strong as the one before.
fn octaves(random: &mut Random, height: usize, width: usize) -> Vec<f64> {
    let mut sum = vec![0.0; height * width];
    let mut strength = 1.0;
    for octave in 1..=5 {
        let cells = 1usize << octave;
        let grid: Vec<f64> = (0..(cells + 1) * (cells + 1))
            .map(|_| random.signed())
            .collect();
        for row in 0..height {
            let (i, y) = cell(row, height, cells);
            for column in 0..width {
                let (j, x) = cell(column, width, cells);
                let at = |i: usize, j: usize| grid[i * (cells + 1) + j];
                let top = at(i, j) * (1.0 - x) + at(i, j + 1) * x;
                let bottom = at(i + 1, j) * (1.0 - x) + at(i + 1, j + 1) * x;
                sum[row * width + column] += strength * (top * (1.0 - y) + bottom * y);
            }
        }
        strength /= 2.0;
    }
    sum
}

/// The grid cell that holds `position`, and how far into the cell it lies (0 to 1).
fn cell(position: usize, extent: usize, cells: usize) -> (usize, f64) {
    let along = position as f64 * cells as f64 / extent as f64;
    let cell = along as usize;
    (cell, along - cell as f64)
}

/// Adds a step along a random line.
fn edge(random: &mut Random, light: &mut [f64], width: usize) {
    let height = light.len() / width;
    let (across, down) = (random.signed(), random.signed());
    let middle_x = random.between(0.0, width as f64);
    let middle_y = random.between(0.0, height as f64);
    let step = random.signed();
    for (position, value) in light.iter_mut().enumerate() {
        let x = (position % width) as f64 - middle_x;
        let y = (position / width) as f64 - middle_y;
        if x * across + y * down > 0.0 {
            *value += step;
        }
    }
}

/// `values` with mean 0 and variance 1 (all 0 if they are equal).
fn standardised(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
    let spread = variance.sqrt().max(1e-9);
    values.iter().map(|v| (v - mean) / spread).collect()
}
