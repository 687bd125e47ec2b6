//! Constructs that mean one thing in Rust and another in Verilog.
//!
//! An operator's operands have a width of their own in Rust; in Verilog they are as wide as the widest thing around
//! them. And `==` binds tighter than `&` in Verilog, looser in Rust. Text of leaf cells is written by hand as Verilog
//! and is not looked at.

use std::fmt;

use super::parse::{Expression, expression};

/// What a line does that it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A cast of something other than a signal: the operand is as wide as the cast in Verilog.
    Cast,
    /// An index that is no number: an array of signals with an index that was not unrolled.
    Index,
    /// `&`, `^` or `|` beside a comparison without parentheses.
    Precedence,
    /// A sum, difference, product, complement or left shift inside a comparison or a right shift: its carry is
    /// dropped in Rust and kept in Verilog.
    Width,
    /// An expression or statement that these rules cannot read.
    Unreadable,
}

/// A line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Line number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {:?}: {}", self.line, self.rule, self.text)
    }
}

/// All violations in text from [`super::generate()`].
pub fn check(text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut translated = false;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        match line {
            "// Update code" => translated = true,
            "endmodule" => translated = false,
            _ if translated => {
                let mut rules = Vec::new();
                for part in expressions(line) {
                    match part.and_then(expression) {
                        Some(expression) => inspect(&expression, &mut rules),
                        None => rules.push(Rule::Unreadable),
                    }
                }
                rules.sort_by_key(|rule| *rule as usize);
                rules.dedup();
                violations.extend(rules.into_iter().map(|rule| Violation {
                    line: i + 1,
                    text: line.to_owned(),
                    rule,
                }));
            }
            _ => {}
        }
    }
    violations
}

/// The expressions of one line of translated code; `None` stands for a line that is no statement.
fn expressions(line: &str) -> Vec<Option<&str>> {
    let structure = [
        "begin",
        "end",
        "else",
        "else begin",
        "endcase",
        "always @(*) begin",
    ];
    if structure.contains(&line) || line.starts_with("//") {
        return Vec::new();
    }
    let conditional = line.strip_prefix("else ").unwrap_or(line);
    if let Some(rest) = conditional.strip_prefix("if (") {
        return vec![rest.strip_suffix(") begin")];
    }
    if let Some(rest) = line.strip_prefix("case (") {
        return vec![rest.strip_suffix(')')];
    }
    if let Some(label) = line.strip_suffix(':') {
        return vec![Some(label)];
    }
    match line
        .strip_suffix(';')
        .and_then(|line| line.split_once(" = "))
    {
        Some((left, right)) => vec![Some(left), Some(right)],
        None => vec![None],
    }
}

fn comparison(operator: &str) -> bool {
    ["==", "!=", "<", "<=", ">", ">="].contains(&operator)
}

fn bitwise(operator: &str) -> bool {
    ["&", "|", "^"].contains(&operator)
}

/// Whether the value depends on how wide its surroundings are.
fn elastic(expression: &Expression) -> bool {
    match expression {
        Expression::Signal { .. } | Expression::Literal => false,
        Expression::Paren(inner) => elastic(inner),
        Expression::Unary(operator, inner) => match operator.as_str() {
            "~" | "-" => true,
            "!" => elastic(inner),
            // A reduction looks at all bits of its operand and has one.
            _ => false,
        },
        Expression::Binary(operator, left, right) => match operator.as_str() {
            "+" | "-" | "*" | "<<" => true,
            "&" | "|" | "^" | ">>" => elastic(left) || elastic(right),
            _ => false,
        },
    }
}

/// Whether a select holds nothing but numbers and what computes with them.
fn numeric(select: &str) -> bool {
    let number = |word: &str| match word.split_once("'h") {
        Some((width, digits)) => {
            width.chars().all(|c| c.is_ascii_digit())
                && digits.chars().all(|c| c.is_ascii_hexdigit())
        }
        None => word.chars().all(|c| c.is_ascii_digit()),
    };
    select
        .split(|c: char| !(c.is_ascii_alphanumeric() || "'_$".contains(c)))
        .all(number)
}

fn inspect(expression: &Expression, rules: &mut Vec<Rule>) {
    match expression {
        Expression::Literal => {}
        Expression::Signal { selects } => {
            // `3`, `(3)+:(4)`, `(64'hc)+:(1)`, with the unrolled variables of a loop: numbers and what computes with them.
            if !selects.iter().all(|select| numeric(select)) {
                rules.push(Rule::Index);
            }
        }
        Expression::Paren(inner) => inspect(inner, rules),
        Expression::Unary(operator, inner) => {
            if bitwise(operator) && elastic(inner) {
                rules.push(Rule::Width);
            }
            inspect(inner, rules);
        }
        Expression::Binary(operator, left, right) => {
            let operands = [left.as_ref(), right.as_ref()];
            for operand in operands {
                if let Expression::Binary(inner, ..) = operand
                    && (bitwise(operator) && comparison(inner)
                        || comparison(operator) && bitwise(inner))
                {
                    rules.push(Rule::Precedence);
                }
            }
            let cast = operator == "&"
                && matches!(right.as_ref(), Expression::Literal)
                && matches!(left.as_ref(), Expression::Paren(inner)
                    if !matches!(inner.as_ref(), Expression::Signal { .. }));
            if cast {
                rules.push(Rule::Cast);
            }
            if (comparison(operator) || operator == ">>") && operands.into_iter().any(elastic) {
                rules.push(Rule::Width);
            }
            for operand in operands {
                inspect(operand, rules);
            }
        }
    }
}
