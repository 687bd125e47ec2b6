//! `addax draw`: drawn digits as files.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use addax::data::draw::{SHAPE, SIDE, draw, drawings};
use addax::data::{Dataset, idx, image};
use anyhow::{Context, Result, bail};
use clap::{Args, value_parser};
use serde::Serialize;

use super::gallery::{Frame, gallery};
use super::output::{Report, plural};

/// Drawings shown in the terminal.
const SHOWN: usize = 20;

/// Arguments of `addax draw`.
#[derive(Args)]
pub struct DrawArgs {
    /// FILE.png for one drawing; FILE.idx for images, with the labels beside them in FILE.labels.idx; a directory for
    /// PNG files and IDX files that `eval --data` reads
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Draw this digit only; otherwise all in turn, in a random order
    #[arg(long, value_parser = value_parser!(u8).range(0..=9))]
    digit: Option<u8>,
    /// Number of drawings
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Chooses the drawings
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// What was drawn, and where it is.
#[derive(Serialize)]
pub struct DrawReport {
    files: Vec<PathBuf>,
    labels: Vec<u8>,
    #[serde(skip)]
    drawings: Dataset,
}

/// Draws.
///
/// # Errors
/// Files that cannot be written, several drawings for one PNG file.
pub fn run(args: &DrawArgs) -> Result<DrawReport> {
    let count = args.count as usize;
    let drawings = match args.digit {
        None => drawings(count, args.seed),
        Some(digit) => {
            let seeds = (0..u64::from(args.count)).map(|index| args.seed.wrapping_add(index));
            let images = seeds.flat_map(|seed| draw(digit, seed)).collect();
            Dataset::new(SHAPE, images, vec![digit; count])?
        }
    };
    let out = &args.out;
    let files = match out.extension().and_then(|extension| extension.to_str()) {
        Some("png") if count > 1 => bail!(
            "{} holds one drawing, not {count}: name a directory or a file ending in .idx",
            out.display()
        ),
        Some("png") => {
            png(&drawings, 0, out)?;
            vec![out.clone()]
        }
        Some("idx") => idx_pair(&drawings, out, &out.with_extension("labels.idx"))?,
        _ => directory(&drawings, out)?,
    };
    Ok(DrawReport {
        files,
        labels: (0..count).map(|index| drawings.label(index)).collect(),
        drawings,
    })
}

fn directory(drawings: &Dataset, out: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(out)
        .with_context(|| format!("cannot make the directory {}", out.display()))?;
    let images = out.join("t10k-images-idx3-ubyte");
    let mut files = idx_pair(drawings, &images, &out.join("t10k-labels-idx1-ubyte"))?;
    for index in 0..drawings.len() {
        let path = out.join(format!("{index:04}-digit-{}.png", drawings.label(index)));
        png(drawings, index, &path)?;
        files.push(path);
    }
    Ok(files)
}

fn png(drawings: &Dataset, index: usize, path: &Path) -> Result<()> {
    let mut file = create(path)?;
    image::write_grey(drawings.image(index), SIDE, &mut file)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn idx_pair(drawings: &Dataset, images: &Path, labels: &Path) -> Result<Vec<PathBuf>> {
    idx::write_images(drawings, &mut create(images)?)
        .with_context(|| format!("cannot write {}", images.display()))?;
    idx::write_labels(drawings, &mut create(labels)?)
        .with_context(|| format!("cannot write {}", labels.display()))?;
    Ok(vec![images.to_path_buf(), labels.to_path_buf()])
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}

impl Report for DrawReport {
    fn text(&self, width: usize) -> String {
        let frames: Vec<Frame<'_>> = (0..self.drawings.len().min(SHOWN))
            .map(|index| Frame {
                picture: self.drawings.image(index),
                caption: self.drawings.label(index).to_string(),
            })
            .collect();
        let mut text = gallery(&frames, SIDE, width);
        text += &format!(
            "{} in {}",
            plural(self.labels.len(), "drawing"),
            plural(self.files.len(), "file")
        );
        for file in self.files.iter().take(SHOWN) {
            text += &format!("\n  {}", file.display());
        }
        if self.files.len() > SHOWN {
            text += "\n  …";
        }
        text
    }
}
