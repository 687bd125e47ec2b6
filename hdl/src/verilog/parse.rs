//! Expressions of the emitter's Verilog, read with Verilog's own precedence.

/// An expression as Verilog reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// A signal, with its part select if it has one.
    Signal {
        /// Text of the part or bit select, without the brackets; empty if there is none.
        selects: Vec<String>,
    },
    /// A number.
    Literal,
    /// Parentheses.
    Paren(Box<Self>),
    /// Operator before its operand.
    Unary(String, Box<Self>),
    /// Operator between its operands.
    Binary(String, Box<Self>, Box<Self>),
}

/// Binary operators by precedence, loosest first.
const PRECEDENCE: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*"],
];

/// Splits at operators, brackets and spaces; a select `[…]` stays in one piece.
fn tokens(text: &str) -> Option<Vec<String>> {
    let characters: Vec<char> = text.chars().collect();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '\'');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < characters.len() {
        let c = characters[i];
        let start = i;
        if c.is_whitespace() {
            i += 1;
            continue;
        } else if word(c) {
            while i < characters.len() && word(characters[i]) {
                i += 1;
            }
        } else if c == '[' {
            let mut depth = 0;
            loop {
                match characters.get(i)? {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                i += 1;
                if depth == 0 {
                    break;
                }
            }
        } else {
            let pair: String = characters[i..].iter().take(2).collect();
            let double = ["||", "&&", "==", "!=", "<=", ">=", "<<", ">>"].contains(&pair.as_str());
            i += if double { 2 } else { 1 };
        }
        tokens.push(characters[start..i].iter().collect());
    }
    Some(tokens)
}

struct Reader {
    tokens: Vec<String>,
    next: usize,
}

impl Reader {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(String::as_str)
    }

    fn take(&mut self) -> Option<String> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn binary(&mut self, level: usize) -> Option<Expression> {
        let Some(operators) = PRECEDENCE.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.peek().filter(|token| operators.contains(token)) {
            let operator = operator.to_owned();
            self.next += 1;
            let right = self.binary(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expression> {
        let token = self.take()?;
        match token.as_str() {
            "~" | "-" | "&" | "|" | "^" | "!" => {
                Some(Expression::Unary(token, Box::new(self.unary()?)))
            }
            "(" => {
                let inner = self.binary(0)?;
                (self.take()? == ")").then(|| Expression::Paren(Box::new(inner)))
            }
            _ if token.starts_with(|c: char| c.is_ascii_digit()) => Some(Expression::Literal),
            _ if token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                let mut selects = Vec::new();
                while self.peek().is_some_and(|token| token.starts_with('[')) {
                    let select = self.take()?;
                    selects.push(select[1..select.len() - 1].to_owned());
                }
                Some(Expression::Signal { selects })
            }
            _ => None,
        }
    }
}

/// The expression that a text is, if it is one.
pub(super) fn expression(text: &str) -> Option<Expression> {
    let mut reader = Reader {
        tokens: tokens(text)?,
        next: 0,
    };
    let expression = reader.binary(0)?;
    (reader.next == reader.tokens.len()).then_some(expression)
}
