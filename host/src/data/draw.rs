//! Drawn digits: grey 28 × 28 pictures in the manner of MNIST, made from strokes by a seeded generator.
//!
//! A glyph's points wobble, then an affine map turns, slants and stretches them; the strokes are fitted into a box of
//! 20 × 20 pixels, drawn with a round pen of random width and soft edges, and moved so that the centre of mass is the
//! picture's centre, which is how MNIST was normalised. They are the project's own and stand in for a data set in the
//! demonstration: networks trained on MNIST read them well, but that says nothing about their accuracy on MNIST.
//!
//! Only operations that IEEE 754 defines to the last bit are used (rotations come from tan(θ/2) by the rational
//! parametrisation of the circle), so a seed gives the same bytes on every machine.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::Dataset;
use super::glyphs::{DIGITS, Stroke};
use crate::net::Shape;

/// Rows and columns of a drawing.
pub const SIDE: usize = 28;

/// The shape of a drawing: one channel.
pub const SHAPE: Shape = Shape {
    channels: 1,
    height: SIDE,
    width: SIDE,
};

/// The side of the box that the middle line of the strokes is fitted into.
const BOX: f64 = 18.0;

type Point = [f64; 2];

/// Draws `digit`: `SIDE`² bytes, 0 the ground and 255 the pen. The same `digit` and `seed` give the same bytes.
///
/// # Panics
/// When `digit` is above 9.
#[must_use]
pub fn draw(digit: u8, seed: u64) -> Vec<u8> {
    let mut bytes = [0; 32];
    bytes[..19].copy_from_slice(b"addax drawn digits ");
    bytes[19] = digit;
    bytes[24..].copy_from_slice(&seed.to_le_bytes());
    let mut random = Random(ChaCha20Rng::from_seed(bytes));

    let glyphs = DIGITS[usize::from(digit)];
    let glyph = glyphs[random.0.next_u32() as usize % glyphs.len()];
    let map = Affine::random(&mut random);
    let mut paths: Vec<Vec<Point>> = glyph
        .iter()
        .map(|stroke| path(stroke, &map, &mut random))
        .collect();
    fit(&mut paths);
    let pen = random.between(1.0, 1.6);
    // The second pass differs from the first by a shift of less than a few pixels.
    let [x, y] = centre_of_mass(&ink(&paths, pen));
    let middle = SIDE as f64 / 2.0;
    for point in paths.iter_mut().flatten() {
        *point = [point[0] + middle - x, point[1] + middle - y];
    }
    ink(&paths, pen)
}

/// `count` drawings. Each run of ten holds every digit once, in a random order.
#[must_use]
pub fn drawings(count: usize, seed: u64) -> Dataset {
    let mut bytes = [0; 32];
    bytes[..18].copy_from_slice(b"addax order, seeds");
    bytes[24..].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha20Rng::from_seed(bytes);
    let mut images = Vec::with_capacity(count * SHAPE.len());
    let mut labels = Vec::with_capacity(count);
    let mut digits: [u8; 10] = std::array::from_fn(|digit| digit as u8);
    for index in 0..count {
        let place = index % 10;
        // Fisher and Yates, one step per drawing.
        let other = place + random.next_u32() as usize % (10 - place);
        digits.swap(place, other);
        images.extend(draw(digits[place], random.next_u64()));
        labels.push(digits[place]);
    }
    Dataset {
        shape: SHAPE,
        images,
        labels,
    }
}

struct Random(ChaCha20Rng);

impl Random {
    /// Uniform in `least` ..= `most`.
    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * f64::from(self.0.next_u32()) / f64::from(u32::MAX)
    }

    /// The sum of three uniform numbers: bell-shaped, in −`reach` ..= `reach`.
    fn around(&mut self, reach: f64) -> f64 {
        (0..3).map(|_| self.between(-reach, reach)).sum::<f64>() / 3.0
    }
}

/// A linear map of the plane.
struct Affine([Point; 2]);

impl Affine {
    /// Turns by up to 12°, slants by up to 0.22, narrows or widens.
    fn random(random: &mut Random) -> Self {
        let half = random.around(0.105);
        let scale = 1.0 + half * half;
        let (cos, sin) = ((1.0 - half * half) / scale, 2.0 * half / scale);
        let slant = random.around(0.22);
        let stretch = random.between(0.8, 1.1);
        Self([
            [cos * stretch, -sin - slant * cos],
            [sin * stretch, cos - slant * sin],
        ])
    }

    fn apply(&self, [x, y]: Point) -> Point {
        let Self([[a, b], [c, d]]) = self;
        [a * x + b * y, c * x + d * y]
    }
}

/// The stroke as a chain of short straight lines, its points wobbled and mapped.
fn path(stroke: &Stroke, map: &Affine, random: &mut Random) -> Vec<Point> {
    let points: Vec<Point> = stroke
        .points
        .iter()
        .map(|&[x, y]| map.apply([x + random.around(0.03), y + random.around(0.03)]))
        .collect();
    if !stroke.smooth {
        return points;
    }
    // Catmull and Rom's spline: through every point, with the tangent that its neighbours have.
    let at = |index: isize| points[index.clamp(0, points.len() as isize - 1) as usize];
    let mut path = vec![points[0]];
    for segment in 0..points.len() as isize - 1 {
        let [a, b, c, d] = [-1, 0, 1, 2].map(|offset| at(segment + offset));
        for step in 1..=8 {
            let t = f64::from(step) / 8.0;
            path.push([0, 1].map(|k| {
                let linear = c[k] - a[k];
                let quadratic = 2.0 * a[k] - 5.0 * b[k] + 4.0 * c[k] - d[k];
                let cubic = 3.0 * (b[k] - c[k]) + d[k] - a[k];
                b[k] + 0.5 * t * (linear + t * (quadratic + t * cubic))
            }));
        }
    }
    path
}

/// Scales and moves the paths so that their larger extent fills the box in the middle.
fn fit(paths: &mut [Vec<Point>]) {
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for point in paths.iter().flatten() {
        for k in 0..2 {
            low[k] = low[k].min(point[k]);
            high[k] = high[k].max(point[k]);
        }
    }
    let scale = BOX / (high[0] - low[0]).max(high[1] - low[1]);
    for point in paths.iter_mut().flatten() {
        *point = [0, 1].map(|k| (point[k] - (low[k] + high[k]) / 2.0) * scale + SIDE as f64 / 2.0);
    }
}

/// The picture: a pixel is as dark as its distance to the nearest stroke says, with an edge one pixel wide.
fn ink(paths: &[Vec<Point>], pen: f64) -> Vec<u8> {
    let mut picture = Vec::with_capacity(SHAPE.len());
    for row in 0..SIDE {
        for column in 0..SIDE {
            let pixel = [column as f64 + 0.5, row as f64 + 0.5];
            let nearest = paths
                .iter()
                .flat_map(|path| path.windows(2))
                .map(|ends| squared_distance(pixel, ends[0], ends[1]))
                .fold(f64::MAX, f64::min);
            let cover = (pen + 0.5 - nearest.sqrt()).clamp(0.0, 1.0);
            picture.push((cover * 255.0) as u8);
        }
    }
    picture
}

fn squared_distance(p: Point, a: Point, b: Point) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let to = [p[0] - a[0], p[1] - a[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let t = if length > 0.0 {
        ((to[0] * along[0] + to[1] * along[1]) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let off = [to[0] - t * along[0], to[1] - t * along[1]];
    off[0] * off[0] + off[1] * off[1]
}

/// The mean position of the ink, in pixels from the upper left corner.
fn centre_of_mass(picture: &[u8]) -> Point {
    let (mut mass, mut moment) = (0.0, [0.0; 2]);
    for (index, &value) in picture.iter().enumerate() {
        let value = f64::from(value);
        mass += value;
        moment[0] += value * ((index % SIDE) as f64 + 0.5);
        moment[1] += value * ((index / SIDE) as f64 + 0.5);
    }
    if mass == 0.0 {
        return [SIDE as f64 / 2.0; 2];
    }
    [moment[0] / mass, moment[1] / mass]
}
