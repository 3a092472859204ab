//! `Condition`: which connections are meant, as in `state == TIME_WAIT && port == 443`; `Bound`: which values are
//! allowed, as in `<= 50ms`. One language for `--where`, policies and every other place that asks for some of many.
//!
//! Names are those of [`COLUMNS`](super::COLUMNS), and some for both ends at once: a test of both ends holds when one
//! of them passes it. A value that is absent passes no test but `== none`; `!=` is always the opposite of `==`.

mod grammar;
mod kept;
mod literal;
mod names;

use std::ops::Range;

use super::Connection;
use super::value::{Kind, Value};
pub use grammar::Op;
use grammar::{Comparison, Tree, Word};
pub use kept::Kept;
use literal::Literal;
pub use literal::span;
use names::Name;
pub use names::{BOTH_ENDS, BothEnds};

/// Which connections are meant.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    node: Node,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// It breaks the grammar, or a word in it means nothing; the fault names the place and what was likely meant.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Ok(Self { text: text.trim().into(), node: Node::of(&grammar::condition(text)?)? })
    }

    /// Whether this connection is meant.
    pub fn holds(&self, connection: &Connection) -> bool {
        self.node.holds(connection)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Which values are allowed: `== 3`, `>= 0.99`, `> 1ms && <= 50ms`.
#[derive(Clone, Debug)]
pub struct Bound {
    text: String,
    tests: Vec<(Op, Literal)>,
}

impl Bound {
    /// Reads a bound of values of a kind; a value alone means equal to it.
    ///
    /// # Errors
    /// It breaks the grammar, or the value is of another kind.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, Fault> {
        let plain = text.trim();
        if let Ok(value) = Literal::parse(plain, kind) {
            return Ok(Self { text: format!("== {plain}"), tests: vec![(Op::Equal, value)] });
        }
        let mut tests = Vec::new();
        for comparison in &grammar::bounds(text)? {
            let (values, op) = meaning(comparison, kind)?;
            tests.extend(values.into_iter().map(|value| (op, value)));
        }
        Ok(Self { text: plain.into(), tests })
    }

    /// `== n`.
    pub fn exactly(n: u64) -> Self {
        Self { text: format!("== {n}"), tests: vec![(Op::Equal, Literal::Count(n))] }
    }

    /// `>= n`.
    pub fn at_least(n: u64) -> Self {
        Self { text: format!(">= {n}"), tests: vec![(Op::AtLeast, Literal::Count(n))] }
    }

    /// Whether the value is allowed.
    pub fn allows(&self, value: &Value<'_>) -> bool {
        self.tests.iter().all(|(op, literal)| literal.compare(value, *op))
    }

    /// As it was written, with an operator.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What is wrong in a condition or a bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Where, in bytes of the text.
    pub at: Range<usize>,
    /// What.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(at: Range<usize>, message: String, hint: String) -> Self {
        Self { at, message, hint }
    }

    /// The text, and below it a mark under the place.
    pub fn underlined(&self, text: &str) -> String {
        let width = |part: Option<&str>| part.map_or(0, |p| p.chars().count());
        let (before, marked) = (width(text.get(..self.at.start)), width(text.get(self.at.clone())).max(1));
        format!("  {text}\n  {:before$}{}", "", "^".repeat(marked))
    }
}

/// A tree whose words have a meaning.
#[derive(Clone, Debug)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Always(bool),
    Test { name: Name, op: Op, values: Vec<Literal> },
}

impl Node {
    fn of(tree: &Tree<'_>) -> Result<Self, Fault> {
        let all = |trees: &[Tree<'_>]| trees.iter().map(Self::of).collect::<Result<Vec<_>, _>>();
        match tree {
            Tree::Any(trees) => Ok(Self::Any(all(trees)?)),
            Tree::All(trees) => Ok(Self::All(all(trees)?)),
            Tree::Not(tree) => Ok(Self::Not(Box::new(Self::of(tree)?))),
            Tree::Test(word, None) => Self::alone(word),
            Tree::Test(word, Some(comparison)) => {
                let name = Name::find(word)?;
                let (values, op) = meaning(comparison, name.kind())?;
                Ok(Self::Test { name, op, values })
            }
        }
    }

    /// A name without a comparison.
    fn alone(word: &Word<'_>) -> Result<Self, Fault> {
        match word.text {
            "true" => return Ok(Self::Always(true)),
            "false" => return Ok(Self::Always(false)),
            _ => {}
        }
        let name = Name::find(word)?;
        match name.kind() {
            Kind::Flag => Ok(Self::Test { name, op: Op::Equal, values: vec![Literal::Flag(true)] }),
            kind => {
                let hint = format!("compare it, as in `{} == {}`", word.text, literal::example(kind));
                Err(Fault::new(
                    word.at.clone(),
                    format!("{} is not a question of yes or no", word.text),
                    hint,
                ))
            }
        }
    }

    fn holds(&self, connection: &Connection) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(connection)),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(connection)),
            Self::Not(node) => !node.holds(connection),
            Self::Always(always) => *always,
            Self::Test { name, op: Op::Unequal, values } => !name.passes(connection, Op::Equal, values),
            Self::Test { name, op, values } => name.passes(connection, *op, values),
        }
    }
}

/// The values of a comparison, where they and the operator suit the kind.
fn meaning(comparison: &Comparison<'_>, kind: Kind) -> Result<(Vec<Literal>, Op), Fault> {
    let op = comparison.op;
    if !literal::is_comparable(kind, op) {
        let (at, message) = (comparison.at.clone(), format!("{} does not go with words", op.text()));
        return Err(Fault::new(at, message, "use == or !=, or in {a b}".into()));
    }
    let values = comparison.values.iter().map(|word| {
        Literal::parse(word.text, kind).map_err(|e| Fault::new(word.at.clone(), e.message, e.hint))
    });
    Ok((values.collect::<Result<_, _>>()?, op))
}

#[cfg(test)]
mod tests;
