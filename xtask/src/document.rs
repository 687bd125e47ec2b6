//! Tables in documents, written by commands between two marker lines.

use std::fs;

use anyhow::{Context, Result};

use crate::shell::root;

/// A place for a table.
pub struct Place {
    /// The document, below the root.
    pub path: &'static str,
    /// Its first line.
    pub begin: &'static str,
    /// Its last line.
    pub end: &'static str,
}

impl Place {
    /// Writes what stands between the markers.
    pub fn write(&self, table: &str) -> Result<()> {
        let path = root().join(self.path);
        let text = fs::read_to_string(&path).context(self.path)?;
        let new = self.replaced(&text, table)?;
        if new != text {
            fs::write(path, new)?;
        }
        println!("    {}: written", self.path);
        Ok(())
    }

    /// Whether the document holds `table`.
    pub fn holds(&self, table: &str) -> Result<bool> {
        let text = fs::read_to_string(root().join(self.path)).context(self.path)?;
        Ok(self.replaced(&text, table)? == text)
    }

    /// `text` with what stands between the markers replaced.
    fn replaced(&self, text: &str, table: &str) -> Result<String> {
        let Self { path, begin, end } = self;
        let (before, rest) = text
            .split_once(begin)
            .with_context(|| format!("{path} has no line `{begin}`"))?;
        let (_, after) = rest
            .split_once(end)
            .with_context(|| format!("{path}: no line `{end}` after `{begin}`"))?;
        Ok(format!(
            "{before}{begin}\n\n{}\n\n{end}{after}",
            table.trim_end()
        ))
    }
}

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_replaced_between_its_markers() {
        let place = Place {
            path: "README.md",
            begin: "<!-- begin -->",
            end: "<!-- end -->",
        };
        let text = "a\n<!-- begin -->\nold\n<!-- end -->\nb\n";
        let new = place.replaced(text, "new\n").unwrap();
        assert_eq!(new, "a\n<!-- begin -->\n\nnew\n\n<!-- end -->\nb\n");
        assert_eq!(place.replaced(&new, "new\n").unwrap(), new);
        assert!(place.replaced("a", "new").is_err());
        assert!(place.replaced("<!-- end --><!-- begin -->", "new").is_err());
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_465_924), "1,465,924");
    }
}
