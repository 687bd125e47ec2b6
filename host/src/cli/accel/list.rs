//! `addax accel list`: the accelerators of this build.

use addax::accel;
use serde::Serialize;

use crate::cli::output::{Report, table};

/// The accelerators of this build.
#[derive(Serialize)]
pub struct AccelList {
    accelerators: Vec<AccelRow>,
}

#[derive(Serialize)]
struct AccelRow {
    name: &'static str,
    description: &'static str,
    default: bool,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

/// Lists.
pub fn list() -> AccelList {
    let row = |row: accel::Row| AccelRow {
        name: row.name,
        description: row.description,
        default: row.default,
        available: row.missing.is_none(),
        missing: row.missing,
    };
    AccelList {
        accelerators: accel::list().map(row).collect(),
    }
}

impl Report for AccelList {
    fn text(&self, width: usize) -> String {
        let row = |row: &AccelRow| {
            let mark = if row.default { " (default)" } else { "" };
            let missing = row.missing.as_ref();
            let missing = missing.map_or(String::new(), |missing| format!("; {missing}"));
            let description = format!("{}{missing}", row.description);
            vec![format!("{}{mark}", row.name), description]
        };
        let rows = self.accelerators.iter().map(row).collect();
        table(width, 2, &["accelerator", "what it is"], rows)
    }
}
