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

/// The frames in rows of up to `columns` characters. Pictures are `width` pixels wide; empty margins are cut off: left and
/// right of every picture, above and below as much as all pictures beside one another allow.
pub fn gallery(frames: &[Frame<'_>], width: usize, columns: usize) -> String {
    let mut text = String::new();
    let mut rest = frames;
    while !rest.is_empty() {
        let mut used = 0;
        let fitting = rest.iter().take_while(|frame| {
            used += frame.columns(width) + GAP;
            used <= columns + GAP
        });
        let (row, others) = rest.split_at(fitting.count().max(1));
        rest = others;
        let Some(rows) = Rows::of_all(row, width) else {
            continue;
        };
        let cells: Vec<Vec<String>> = row.iter().map(|frame| frame.lines(width, &rows)).collect();
        for line in 0..cells[0].len() {
            let line: Vec<&str> = cells.iter().map(|cell| &cell[line][..]).collect();
            text += line.join(&" ".repeat(GAP)).trim_end();
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// The rows of pixels that are shown of pictures beside one another.
struct Rows {
    first: usize,
    end: usize,
}

impl Rows {
    /// From the uppermost to the lowest ink of any picture among them. None if there is no ink at all.
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

impl Frame<'_> {
    /// From the first to the last column with ink; all columns if there is none.
    fn extent(&self, width: usize) -> (usize, usize) {
        let inked = |column: &usize| {
            let pixels = self.picture.iter().skip(*column).step_by(width.max(1));
            pixels.copied().any(|pixel| pixel >= INK)
        };
        let first = (0..width).find(inked).unwrap_or(0);
        let end = (0..width).rfind(inked).map_or(width, |last| last + 1);
        (first, end)
    }

    /// Characters side by side.
    fn columns(&self, width: usize) -> usize {
        let (first, end) = self.extent(width);
        (end - first).max(self.caption.chars().count())
    }

    /// Picture and caption as lines of one length.
    fn lines(&self, width: usize, rows: &Rows) -> Vec<String> {
        let (first, end) = self.extent(width);
        let shown = self
            .picture
            .chunks_exact(width)
            .skip(rows.first)
            .take(rows.end - rows.first);
        let mut cropped: Vec<u8> = shown.flat_map(|row| &row[first..end]).copied().collect();
        if !(rows.end - rows.first).is_multiple_of(2) {
            // A character shows two rows.
            cropped.resize(cropped.len() + end - first, 0);
        }
        let mut lines = terminal::lines(&cropped, end - first);
        lines.push(String::new());
        lines.push(self.caption.clone());
        let columns = self.columns(width);
        for line in &mut lines {
            let missing = columns - line.chars().count();
            let left = missing / 2;
            *line = format!("{}{line}{}", " ".repeat(left), " ".repeat(missing - left));
        }
        lines
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
