//! A picture in a terminal: half blocks, two pixels above one another in each character.

/// Lines that show a grey picture of `width` columns, given row by row. One character is two rows of one column, so
/// 28 × 28 pixels become 14 lines of 28 characters. A pixel counts as ink from a value of 96 on.
///
/// A last row that is not complete is left out.
#[must_use]
pub fn lines(picture: &[u8], width: usize) -> Vec<String> {
    if width == 0 {
        return Vec::new();
    }
    let rows: Vec<&[u8]> = picture.chunks_exact(width).collect();
    rows.chunks(2)
        .map(|pair| {
            (0..width)
                .map(|column| {
                    let ink = |row: usize| pair.get(row).is_some_and(|row| row[column] >= 96);
                    match (ink(0), ink(1)) {
                        (true, true) => '█',
                        (true, false) => '▀',
                        (false, true) => '▄',
                        (false, false) => ' ',
                    }
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_share_a_line() {
        let picture = [255, 0, 255, 0, 0, 255, 255, 0];
        assert_eq!(lines(&picture, 4), ["▀▄█ "]);
        // Three rows: the last line has nothing below.
        assert_eq!(lines(&picture[..6], 2), ["█ ", " ▀"]);
        assert!(lines(&picture, 0).is_empty());
    }

    #[test]
    fn a_drawing_fits_fourteen_lines_of_28_characters() {
        let lines = lines(&crate::data::draw::draw(8, 1), 28);
        assert_eq!(lines.len(), 14);
        assert!(lines.iter().all(|line| line.chars().count() == 28));
    }
}
