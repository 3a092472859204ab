//! The names that a condition may use: every column, and short ones that mean the columns of both ends.

use super::Fault;
use super::grammar::{Op, Word};
use super::literal::Literal;
use crate::report::near::did_you_mean;
use crate::report::value::Kind;
use crate::report::{COLUMNS, Column, Connection};

/// A name for the columns of both ends, or a short one.
#[derive(Debug)]
pub struct BothEnds {
    /// What users type.
    pub name: &'static str,
    /// The columns it means.
    pub columns: &'static [&'static str],
}

/// Names beside those of the columns.
pub const BOTH_ENDS: &[BothEnds] = &[
    BothEnds { name: "state", columns: &["client_state", "server_state"] },
    BothEnds { name: "certainty", columns: &["client_certainty", "server_certainty"] },
    BothEnds { name: "ip", columns: &["client_addr", "server_addr"] },
    BothEnds { name: "addr", columns: &["client_addr", "server_addr"] },
    BothEnds { name: "port", columns: &["client_port", "server_port"] },
    BothEnds { name: "endpoint", columns: &["client", "server"] },
    BothEnds { name: "rule", columns: &["findings"] },
];

/// A name that was found: one column or several of the same kind.
#[derive(Clone, Debug)]
pub struct Name(Vec<&'static Column>);

impl Name {
    /// The columns of a name.
    pub fn find(word: &Word<'_>) -> Result<Self, Fault> {
        let wanted = word.text.to_ascii_lowercase();
        if let Some(both) = BOTH_ENDS.iter().find(|b| b.name == wanted) {
            let columns = both.columns.iter().filter_map(|name| Column::find(name).ok());
            return Ok(Self(columns.collect()));
        }
        Column::find(word.text).map(|column| Self(vec![column])).map_err(|_| {
            let all: Vec<_> =
                BOTH_ENDS.iter().map(|b| b.name).chain(COLUMNS.iter().map(|c| c.name)).collect();
            let hint = did_you_mean(word.text, &all, "see the columns with `tcpscope read --help`");
            Fault::new(word.at.clone(), format!("there is no column {:?}", word.text), hint)
        })
    }

    /// What its values are.
    pub fn kind(&self) -> Kind {
        self.0.first().map_or(Kind::Text, |column| column.kind)
    }

    /// Whether one of its columns compares so with one of the values.
    pub fn passes(&self, connection: &Connection, op: Op, values: &[Literal]) -> bool {
        self.0.iter().any(|column| {
            let value = (column.value)(connection);
            values.iter().any(|literal| literal.compare(&value, op))
        })
    }
}
