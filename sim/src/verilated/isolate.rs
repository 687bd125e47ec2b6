//! Verilog that Verilator runs faster, and that means the same.
//!
//! The generator writes a module as one combinational block. Read as a whole, two such blocks look like a loop where no
//! signal depends on itself, and Verilator evaluates such a loop again and again until nothing changes. Its comment
//! `isolate_assignments` at a signal's declaration lets it put the signal's assignments into a block of their own.
//!
//! That keeps the meaning only where final values are read: if an assignment to s, or a condition around it, reads a
//! signal t that the block assigns again further down, then t would be read too late. Both s and t are left where they
//! are. A block with a line that is not understood is left as it is.

use std::collections::{HashMap, HashSet};

const NOTE: &str = " /* verilator isolate_assignments */;";

/// Adds the comment wherever it changes nothing.
pub fn isolated(verilog: &str) -> String {
    let lines: Vec<&str> = verilog.lines().collect();
    let mut noted = HashSet::new();
    let mut first = 0;
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("module ") {
            first = at;
        } else if *line == "endmodule" {
            noted.extend(declarations(&lines, first, at).unwrap_or_default());
        }
    }
    let mut text = String::with_capacity(2 * verilog.len());
    for (at, line) in lines.iter().enumerate() {
        match line.strip_suffix(';').filter(|_| noted.contains(&at)) {
            Some(declaration) => {
                text.push_str(declaration);
                text.push_str(NOTE);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Lines of a module that declare signals whose assignments can be isolated; `None` if the module has no block of the
/// generator's, or one that is not understood.
fn declarations(lines: &[&str], first: usize, last: usize) -> Option<Vec<usize>> {
    let block = (first..last).find(|&at| {
        lines[at] == "    // Update code" && lines[at + 1] == "    always @(*) begin"
    })?;
    let assignments = assignments(&lines[block + 2..last])?;
    let mut finally: HashMap<&str, usize> = HashMap::new();
    for assignment in &assignments {
        finally.insert(assignment.target, assignment.at);
    }
    let mut kept = HashSet::new();
    for Assignment { target, reads, .. } in &assignments {
        for (at, signal) in reads {
            if signal != target && finally.get(signal).is_some_and(|last| last > at) {
                kept.extend([*target, *signal]);
            }
        }
    }
    let declared = (first..block).filter(|&at| {
        let declaration = lines[at].strip_suffix(';').unwrap_or_default();
        let declared = declaration
            .strip_prefix("    output reg  ")
            .or(declaration.strip_prefix("    reg  "))
            .and_then(|rest| rest.split_whitespace().last());
        declared.is_some_and(|name| finally.contains_key(name) && !kept.contains(name))
    });
    Some(declared.collect())
}

struct Assignment<'l> {
    at: usize,
    target: &'l str,
    /// The signals that decide its value, and where they are read.
    reads: Vec<(usize, &'l str)>,
}

/// The assignments of a block; `None` for lines of another form than the generator's.
fn assignments<'l>(lines: &[&'l str]) -> Option<Vec<Assignment<'l>>> {
    let mut found = Vec::new();
    // What decides whether the current line is executed: for each level, the conditions read on the way to it.
    let mut around: Vec<Vec<(usize, &str)>> = Vec::new();
    let mut closed = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim();
        let reads = |expression| identifiers(expression).map(move |signal| (at, signal));
        if line == "end" || line == "endcase" {
            match around.pop() {
                Some(level) => closed = level,
                None => return Some(found),
            }
        } else if let Some(condition) = between(line, "if (", ") begin") {
            around.push(reads(condition).collect());
        } else if let Some(condition) = between(line, "else if (", ") begin") {
            closed.extend(reads(condition));
            around.push(std::mem::take(&mut closed));
        } else if line == "else begin" {
            around.push(std::mem::take(&mut closed));
        } else if let Some(selector) = between(line, "case (", ")") {
            around.push(reads(selector).collect());
        } else if line.ends_with(": begin") {
            around.push(Vec::new());
        } else if !line.is_empty() && !line.starts_with("//") {
            let (target, value) = line.strip_suffix(';')?.split_once(" = ")?;
            let name = target.split('[').next()?;
            if identifiers(name).next() != Some(name) {
                return None;
            }
            let decided = around.iter().flatten().copied();
            found.push(Assignment {
                at,
                target: name,
                reads: decided
                    .chain(reads(value))
                    .chain(reads(&target[name.len()..]))
                    .collect(),
            });
        }
    }
    None
}

fn between<'l>(line: &'l str, before: &str, after: &str) -> Option<&'l str> {
    line.strip_prefix(before)?.strip_suffix(after)
}

/// Names in an expression, literals such as `4'hf` left out.
fn identifiers(expression: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_alphanumeric() || "_$'".contains(c);
    let words = expression.split(move |c| !part(c));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "module m(a, b, q);
    input wire  [3:0] a;
    input wire  b;
    output reg  [3:0] q;
    reg  [3:0] early$d;
    reg  [3:0] late$d;
    reg  [3:0] sum;
    reg  chosen;
    // Update code
    always @(*) begin
        sum = a;
        early$d = sum + 4'h1;
        chosen = b;
        if (b) begin
            sum = sum + a;
        end
        else if (chosen) begin
            q = 4'hf;
        end
        else begin
            q[2] = b;
        end
        late$d = sum;
    end
endmodule
";

    fn noted(text: &str) -> Vec<&str> {
        let isolated = text.lines().filter(|line| line.ends_with(NOTE));
        let names = isolated.filter_map(|line| line.strip_suffix(NOTE)?.split_whitespace().last());
        names.collect()
    }

    #[test]
    fn signals_that_read_final_values_are_isolated() {
        let text = isolated(MODULE);
        assert_eq!(noted(&text), ["q", "late$d", "chosen"]);
        assert_eq!(text.replace(NOTE, ";"), MODULE);
    }

    #[test]
    fn a_condition_that_changes_further_down_keeps_a_signal_in_place() {
        let text = MODULE.replace("        late$d = sum;", "        chosen = a[0];");
        assert_eq!(noted(&isolated(&text)), Vec::<&str>::new());
    }

    #[test]
    fn a_block_that_is_not_understood_is_left_alone() {
        let text = MODULE.replace("        sum = a;", "        sum <= a;");
        assert_eq!(isolated(&text), text);
        let text = MODULE.replace("    // Update code", "    // Update code (custom)");
        assert_eq!(isolated(&text), text);
    }
}
