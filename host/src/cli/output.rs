//! What a command prints: one JSON object for programs, text and tables for people.

use std::io::{self, ErrorKind, Write};

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::{Serialize, Serializer};

/// Columns of a terminal that does not say how wide it is.
const DEFAULT_WIDTH: usize = 80;

/// Lines above, below and under the header only.
const STYLE: TableStyle = TableStyle::new()
    .top_border(RULE)
    .header_separator(RULE)
    .bottom_border(RULE);

const RULE: LineStyle = LineStyle::none().fill('─').junction('─');

/// What a command found. Serialised it is the command's JSON object.
pub trait Report: Serialize {
    /// The same for people, in lines that fit `width` columns where that is possible.
    fn text(&self, width: usize) -> String;

    /// What is wrong with what was found, if the command is to fail in spite of having found it.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// Prints a report and fails if it is one of failure.
pub fn finish(json: bool, report: &impl Report) -> Result<()> {
    if json {
        print(&serde_json::to_string_pretty(report)?)?;
    } else {
        print(report.text(terminal_width()).trim_end())?;
    }
    match report.failure() {
        Some(failure) => bail!(failure),
        None => Ok(()),
    }
}

/// Prints a line. A reader that has gone away, such as `head`, is not an error.
pub fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let result = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn terminal_width() -> usize {
    Table::new().width().map_or(DEFAULT_WIDTH, usize::from)
}

/// A table whose first `names` columns are words and whose others are numbers.
pub fn table(width: usize, names: usize, header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header.iter().copied())
        .add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if index >= names {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A count with a comma before every third digit; 0 is a dash, because most tables are sparse.
pub fn count(value: u64) -> String {
    match value {
        0 => "–".to_owned(),
        value => thousands(value),
    }
}

/// A number with a comma before every third digit.
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in three or four digits and a decimal unit.
pub fn bytes(value: u64) -> String {
    match value {
        0 => "–".to_owned(),
        1..1_000 => format!("{value} B"),
        1_000..100_000 => format!("{:.1} KB", value as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} KB", value as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.2} MB", value as f64 / 1e6),
        _ => format!("{} MB", thousands(value / 1_000_000)),
    }
}

/// For sentences about time: what was prepared ahead, if anything was.
pub fn ahead(ms: f64) -> String {
    match ms > 0.0 {
        true => format!(", {} ms ahead", milliseconds(ms)),
        false => String::new(),
    }
}

/// Milliseconds in three digits or so, without the unit.
pub fn milliseconds(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => thousands(value.round() as u64),
    }
}

/// Serialises milliseconds to the microsecond: what is below is noise.
pub fn to_microseconds<S: Serializer>(milliseconds: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((milliseconds * 1e3).round() / 1e3)
}

/// "1 image", "2 images".
pub fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", thousands(count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_have_decimal_units() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_000), "1.0 KB");
        assert_eq!(bytes(123_456), "123 KB");
        assert_eq!(bytes(2_345_678), "2.35 MB");
        assert_eq!(milliseconds(0.254), "0.25");
        assert_eq!(milliseconds(1_234.6), "1,235");
        assert_eq!(plural(1, "image"), "1 image");
        assert_eq!(plural(1_200, "image"), "1,200 images");
    }
}
