//! Pictures side by side in a terminal, each with a caption below.

use addax::data::terminal;

/// Columns between two pictures.
const GAP: usize = 3;

/// The least value that counts as ink when a picture is cropped.
const INK: u8 = 96;

/// A grey picture and what stands below it.
pub struct Frame<'a> {
    /// Pixels, row by row.
    pub picture: &'a [u8],
    /// A few words.
    pub caption: String,
}

/// The frames in rows of up to `columns` characters. Pictures are `width` pixels wide; empty margins are cut off, above
/// and below by as much as all frames allow, left and right by as much as each allows.
pub fn gallery(frames: &[Frame<'_>], width: usize, columns: usize) -> String {
    let cells: Vec<Cell> = Rows::of_all(frames, width).map_or_else(Vec::new, |rows| {
        frames
            .iter()
            .map(|frame| Cell::new(frame, width, &rows))
            .collect()
    });
    let mut text = String::new();
    let mut rest = &cells[..];
    while !rest.is_empty() {
        let mut used = rest[0].width;
        let mut fitting = 1;
        while let Some(next) = rest
            .get(fitting)
            .filter(|next| used + GAP + next.width <= columns)
        {
            used += GAP + next.width;
            fitting += 1;
        }
        let (row, others) = rest.split_at(fitting);
        let height = row.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
        for line in 0..height {
            let line: Vec<&str> = row
                .iter()
                .filter_map(|cell| cell.lines.get(line).map(String::as_str))
                .collect();
            text += line.join(&" ".repeat(GAP)).trim_end();
            text.push('\n');
        }
        text.push('\n');
        rest = others;
    }
    text
}

/// The rows of pixels that are shown of every picture.
struct Rows {
    first: usize,
    end: usize,
}

impl Rows {
    /// From the uppermost to the lowest ink of any picture, an even number of rows. None if there is no ink at all.
    fn of_all(frames: &[Frame<'_>], width: usize) -> Option<Self> {
        let inked = |frame: &Frame<'_>| {
            let rows = frame
                .picture
                .chunks_exact(width.max(1))
                .map(has_ink)
                .collect::<Vec<_>>();
            let first = rows.iter().position(|&ink| ink)?;
            let last = rows.iter().rposition(|&ink| ink)?;
            Some((first, last + 1))
        };
        let extents: Vec<(usize, usize)> = frames.iter().filter_map(inked).collect();
        let first = extents.iter().map(|extent| extent.0).min()?;
        let end = extents.iter().map(|extent| extent.1).max()?;
        Some(Self { first, end })
    }
}

fn has_ink(pixels: &[u8]) -> bool {
    pixels.iter().any(|&pixel| pixel >= INK)
}

/// A picture and its caption as lines of one width.
struct Cell {
    lines: Vec<String>,
    width: usize,
}

impl Cell {
    fn new(frame: &Frame<'_>, width: usize, rows: &Rows) -> Self {
        let rows: Vec<&[u8]> = frame
            .picture
            .chunks_exact(width)
            .skip(rows.first)
            .take(rows.end - rows.first)
            .collect();
        let inked = |column: &usize| rows.iter().any(|row| row[*column] >= INK);
        let first = (0..width).find(inked).unwrap_or(0);
        let end = (0..width).rfind(inked).map_or(width, |last| last + 1);
        let mut cropped: Vec<u8> = rows
            .iter()
            .flat_map(|row| &row[first..end])
            .copied()
            .collect();
        if !rows.len().is_multiple_of(2) {
            // A character shows two rows.
            cropped.resize(cropped.len() + end - first, 0);
        }
        let mut lines = terminal::lines(&cropped, end - first);
        lines.push(String::new());
        lines.push(frame.caption.clone());
        let wide = lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        for line in &mut lines {
            let missing = wide - line.chars().count();
            *line = format!(
                "{}{line}{}",
                " ".repeat(missing / 2),
                " ".repeat(missing - missing / 2)
            );
        }
        Self { lines, width: wide }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_share_a_line_as_long_as_they_fit() {
        // A picture of 4 × 4 pixels with a bar of two columns.
        let picture = [0, 255, 255, 0].repeat(4);
        let frames: Vec<Frame<'_>> = (0..3)
            .map(|label| Frame {
                picture: &picture,
                caption: label.to_string(),
            })
            .collect();
        assert_eq!(
            gallery(&frames, 4, 7),
            "██   ██\n██   ██\n\n0    1\n\n██\n██\n\n2\n\n"
        );
        assert_eq!(gallery(&frames, 4, 80).lines().count(), 5);
        assert_eq!(gallery(&[], 4, 80), "");
    }

    #[test]
    fn pictures_without_ink_are_not_shown() {
        let frame = Frame {
            picture: &[0; 16],
            caption: "nothing".to_owned(),
        };
        assert_eq!(gallery(&[frame], 4, 80), "");
    }
}
