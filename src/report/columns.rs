//! `COLUMNS`: name, title, unit, doc and value of every column of a connection, once for all formats, sorting and choosing.

use std::cmp::Ordering;

use super::near::nearest;
use super::value::{Kind, Value};
use super::words::{Word, words};
use super::{Connection, measure};
use crate::rules::Severity;
use crate::tcp::Certainty;
use crate::track::{
    Class, CloseOutcome, CloseShape, Closer, Ended, Flow, HalfOpenEnd, OpenOutcome, OpenShape, Role,
    RoleBasis, TimeWaitEnd,
};

/// One column.
#[derive(Debug)]
pub struct Column {
    /// What users type, in snake case, without the unit.
    pub name: &'static str,
    /// Heading of the table.
    pub title: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// What it holds, in one sentence.
    pub doc: &'static str,
    /// Its value for one connection.
    pub value: for<'a> fn(&'a Connection) -> Value<'a>,
}

impl Column {
    /// The column of a name, with or without the unit's ending.
    ///
    /// # Errors
    /// There is none; the error says which names are near.
    pub fn find(name: &str) -> Result<&'static Self, UnknownColumn> {
        let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
        COLUMNS
            .iter()
            .find(|c| {
                wanted
                    .strip_prefix(c.name)
                    .is_some_and(|rest| rest.is_empty() || rest == c.kind.unit().suffix())
            })
            .ok_or_else(|| UnknownColumn {
                name: name.trim().into(),
                near: nearest(&wanted, COLUMNS.iter().map(|c| c.name)),
            })
    }

    /// The columns of a list such as `id,client,duration`.
    ///
    /// # Errors
    /// One of the names is unknown.
    pub fn parse_list(list: &str) -> Result<Vec<&'static Self>, UnknownColumn> {
        list.split(',').map(Self::find).collect()
    }

    /// The name with the unit's ending, for raw numbers.
    pub fn raw_name(&self) -> String {
        format!("{}{}", self.name, self.kind.unit().suffix())
    }
}

/// No column has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {name:?}")]
pub struct UnknownColumn {
    /// The name as given.
    pub name: String,
    /// Names that differ least from it, at most three.
    pub near: Vec<&'static str>,
}

/// In which order connections are shown.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// By this column.
    pub column: &'static Column,
    /// Ascending or descending.
    pub direction: Direction,
}

/// Ascending or descending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Sort {
    /// Reads `KEY`, `KEY:asc` or `KEY:desc`.
    ///
    /// # Errors
    /// The column is unknown; a direction that is neither counts as part of the name.
    pub fn parse(text: &str) -> Result<Self, UnknownColumn> {
        let (name, direction) = match text.rsplit_once(':') {
            Some((name, "desc")) => (name, Direction::Descending),
            Some((name, "asc")) => (name, Direction::Ascending),
            _ => (text, Direction::Ascending),
        };
        Ok(Self { column: Column::find(name)?, direction })
    }

    /// Which of the two comes first: absent values last either way, equal ones by id.
    pub fn compare(&self, a: &Connection, b: &Connection) -> Ordering {
        let (x, y) = ((self.column.value)(a), (self.column.value)(b));
        let by_value = match self.direction {
            _ if x.is_absent() || y.is_absent() => x.is_absent().cmp(&y.is_absent()),
            Direction::Ascending => x.compare(&y),
            Direction::Descending => y.compare(&x),
        };
        by_value.then(a.record.id.cmp(&b.record.id))
    }
}

/// Every column, in the order of `--format csv`.
pub const COLUMNS: &[Column] = &[
    column(Kind::Count, "id", "Id", "Number of its first packet.", |c| Value::Count(c.record.id)),
    column(Kind::Count, "last_frame", "Last", "Number of its last packet.", |c| {
        Value::Count(c.record.last_frame)
    }),
    column(Kind::Endpoint, "client", "Client", "Who opened it.", |c| {
        Value::Endpoint(c.record.endpoints.client)
    }),
    column(Kind::Endpoint, "server", "Server", "The other end.", |c| {
        Value::Endpoint(c.record.endpoints.server)
    }),
    column(Kind::Addr, "client_addr", "Client address", "Address of the client.", |c| {
        Value::Addr(c.record.endpoints.client.addr)
    }),
    column(Kind::Count, "client_port", "Client port", "Port of the client.", |c| {
        n(c.record.endpoints.client.port)
    }),
    column(Kind::Addr, "server_addr", "Server address", "Address of the server.", |c| {
        Value::Addr(c.record.endpoints.server.addr)
    }),
    column(Kind::Count, "server_port", "Server port", "Port of the server.", |c| {
        n(c.record.endpoints.server.port)
    }),
    column(
        Kind::Word(words::<RoleBasis>),
        "roles_from",
        "Roles from",
        "What told the client from the server.",
        |c| word(c.record.roles.from),
    ),
    column(Kind::Time, "first", "First", "Time of its first packet.", |c| Value::Time(c.record.first)),
    column(Kind::Time, "last", "Last", "Time of its last packet.", |c| Value::Time(c.record.last)),
    column(Kind::Span, "duration", "Duration", "From its first packet to its last.", |c| {
        Value::Span(c.record.duration())
    }),
    column(Kind::State, "client_state", "Client state", "State of the client at the end.", |c| {
        Value::State(c.record.state.client, c.record.certainty.client)
    }),
    column(Kind::State, "server_state", "Server state", "State of the server at the end.", |c| {
        Value::State(c.record.state.server, c.record.certainty.server)
    }),
    column(
        Kind::Word(words::<Certainty>),
        "client_certainty",
        "Client sure",
        "How the client's state is known.",
        |c| word(c.record.certainty.client),
    ),
    column(
        Kind::Word(words::<Certainty>),
        "server_certainty",
        "Server sure",
        "How the server's state is known.",
        |c| word(c.record.certainty.server),
    ),
    column(Kind::Word(words::<Ended>), "ended", "Ended", "Why the record ended.", |c| word(c.record.ended)),
    column(Kind::Word(words::<OpenOutcome>), "open", "Open", "What came of its opening.", |c| {
        word(c.record.open.outcome)
    }),
    column(Kind::Word(words::<OpenShape>), "open_shape", "Open shape", "How it was opened.", |c| {
        word(c.record.open.shape)
    }),
    column(
        Kind::Words(words::<OpenShape>),
        "open_labels",
        "Open labels",
        "All that applies to its opening.",
        |c| Value::List(c.record.open.labels.iter().map(|l| l.word()).collect()),
    ),
    column(Kind::Count, "syn_retransmissions", "SYN again", "SYNs sent again.", |c| {
        n(c.record.open.syn_retransmissions)
    }),
    column(Kind::Count, "syn_ack_retransmissions", "SYN+ACK again", "SYN+ACKs sent again.", |c| {
        n(c.record.open.syn_ack_retransmissions)
    }),
    column(Kind::Span, "setup", "Set-up", "From the first SYN to an open server.", |c| {
        opt(measure::setup(&c.record), Value::Span)
    }),
    column(Kind::Span, "rtt", "RTT", "Client's last SYN to the final ACK.", |c| {
        opt(c.record.open.rtt, Value::Span)
    }),
    column(
        Kind::Span,
        "server_rtt",
        "Server RTT",
        "SYN to SYN+ACK: capture point to server and back.",
        |c| opt(c.record.open.server_rtt, Value::Span),
    ),
    column(
        Kind::Span,
        "client_rtt",
        "Client RTT",
        "SYN+ACK to ACK: capture point to client and back.",
        |c| opt(c.record.open.client_rtt, Value::Span),
    ),
    column(Kind::Word(words::<CloseOutcome>), "close", "Close", "What came of its close.", |c| {
        word(c.record.close.outcome)
    }),
    column(Kind::Word(words::<CloseShape>), "close_shape", "Close shape", "How it was closed.", |c| {
        word(c.record.close.shape)
    }),
    column(Kind::Word(words::<Closer>), "active_closer", "Closed by", "Who closed first.", |c| {
        opt(c.record.close.active_closer, word)
    }),
    column(Kind::Word(words::<Role>), "reset_by", "Reset by", "Who sent the RST that ended it.", |c| {
        opt(c.record.close.reset_by, word)
    }),
    column(Kind::Span, "teardown", "Teardown", "From its first FIN or RST to the end of the close.", |c| {
        opt(c.record.close.duration, Value::Span)
    }),
    column(Kind::Span, "half_closed", "Half-closed", "How long only one direction was open.", |c| {
        opt(c.record.half_closed, Value::Span)
    }),
    column(
        Kind::Span,
        "time_wait",
        "TIME_WAIT",
        "How long its ends sat in TIME_WAIT, where known or assumed.",
        |c| opt(measure::time_wait_total(&c.record), Value::Span),
    ),
    column(
        Kind::Word(words::<TimeWaitEnd>),
        "time_wait_end",
        "TIME_WAIT end",
        "How the end of its last TIME_WAIT is known.",
        |c| opt(c.record.time_wait.last(), |t| word(t.end_kind)),
    ),
    column(Kind::Span, "half_open", "Half-open", "How long it was half-open, where its end is known.", |c| {
        opt(c.record.half_open.and_then(|h| h.end.map(|end| end.since(h.start))), Value::Span)
    }),
    column(
        Kind::Word(words::<HalfOpenEnd>),
        "half_open_end",
        "Half-open end",
        "How it stopped being half-open.",
        |c| opt(c.record.half_open, |h| word(h.end_kind)),
    ),
    column(
        Kind::Word(words::<Class>),
        "class",
        "Class",
        "Short: one exchange, then closed; long: used again, kept or idle.",
        |c| opt(c.record.class, word),
    ),
    column(Kind::Count, "exchanges", "Exchanges", "Requests of the client.", |c| n(c.record.exchanges)),
    column(Kind::Count, "segments", "Segments", "Segments of both ends.", |c| {
        Value::Count(both(c, |f| f.segments))
    }),
    column(Kind::Share, "overhead", "Overhead", "Share of segments without payload.", |c| {
        opt(measure::overhead_share(&c.record), Value::Share)
    }),
    column(Kind::Bytes, "bytes", "Bytes", "Payload of both ends, repeats included.", |c| {
        Value::Count(both(c, |f| f.payload_bytes))
    }),
    column(Kind::Bytes, "bytes_to_server", "To server", "Payload of the client, repeats included.", |c| {
        Value::Count(c.record.sent.client.payload_bytes)
    }),
    column(Kind::Bytes, "bytes_to_client", "To client", "Payload of the server, repeats included.", |c| {
        Value::Count(c.record.sent.server.payload_bytes)
    }),
    column(Kind::Bytes, "unique_bytes", "Unique", "Payload of both ends, each sequence number once.", |c| {
        Value::Count(both(c, |f| f.unique_bytes))
    }),
    column(Kind::Bytes, "gaps_bytes", "Missing", "Bytes of both ends that were never captured.", |c| {
        Value::Count(both(c, |f| f.gaps_bytes))
    }),
    column(Kind::Count, "retransmissions", "Retx", "Segments sent again, of both ends.", |c| {
        count(c, |f| f.retransmissions)
    }),
    column(Kind::Count, "spurious_retransmissions", "Spurious", "Of these, already acknowledged.", |c| {
        count(c, |f| f.spurious_retransmissions)
    }),
    column(Kind::Count, "out_of_order", "Out of order", "Segments that came late.", |c| {
        count(c, |f| f.out_of_order)
    }),
    column(Kind::Count, "duplicate_acks", "Dup ACKs", "Pure ACKs that repeat the last one.", |c| {
        count(c, |f| f.duplicate_acks)
    }),
    column(Kind::Count, "keep_alives", "Keep-alives", "Keep-alive probes.", |c| count(c, |f| f.keep_alives)),
    column(Kind::Count, "zero_windows", "Zero windows", "Segments that offer no window.", |c| {
        count(c, |f| f.zero_windows)
    }),
    column(Kind::Count, "window_probes", "Probes", "Probes of a closed window.", |c| {
        count(c, |f| f.window_probes)
    }),
    column(Kind::Count, "duplicates", "Copies", "Copies of packets, dropped.", |c| {
        count(c, |f| f.duplicates)
    }),
    column(Kind::Count, "rst", "RSTs", "RSTs of both ends.", |c| count(c, |f| f.rst)),
    column(Kind::Flag, "capture_loss", "Loss", "Acknowledged bytes were never captured.", |c| {
        Value::Flag(c.record.visibility.capture_loss)
    }),
    column(Kind::Flag, "both_directions", "Both ways", "Segments of both ends were captured.", |c| {
        Value::Flag(c.record.visibility.both_directions)
    }),
    column(Kind::Text, "zeek_state", "conn_state", "Zeek's conn_state.", |c| {
        Value::Text(c.record.zeek_state)
    }),
    column(Kind::Text, "zeek_history", "History", "Zeek's history letters.", |c| {
        Value::Text(&c.record.zeek_history)
    }),
    column(Kind::Count, "completeness", "Completeness", "Wireshark's tcp.completeness bits.", |c| {
        n(c.record.completeness)
    }),
    column(Kind::Count, "stream", "Stream", "Wireshark's stream number.", |c| opt(c.record.stream, n)),
    column(Kind::Level(words::<Severity>), "severity", "Severity", "The worst of its findings.", |c| {
        opt(c.worst(), word)
    }),
    column(Kind::Rules, "findings", "Findings", "Rules that had something to say, worst first.", |c| {
        Value::List(c.rules.iter().map(|(_, rule)| *rule).collect())
    }),
];

type Getter = for<'a> fn(&'a Connection) -> Value<'a>;

const fn column(
    kind: Kind,
    name: &'static str,
    title: &'static str,
    doc: &'static str,
    value: Getter,
) -> Column {
    Column { name, title, kind, doc, value }
}

fn n<'a>(number: impl Into<u64>) -> Value<'a> {
    Value::Count(number.into())
}

fn word<'a>(value: impl Word) -> Value<'a> {
    Value::Text(value.word())
}

fn opt<'a, T>(value: Option<T>, some: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    value.map_or(Value::Absent, some)
}

fn both(c: &Connection, of: impl Fn(&Flow) -> u64) -> u64 {
    of(&c.record.sent.client).saturating_add(of(&c.record.sent.server))
}

fn count<'a>(c: &Connection, of: impl Fn(&Flow) -> u32) -> Value<'a> {
    Value::Count(both(c, |flow| u64::from(of(flow))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn names_are_unique_and_snake_case() {
        let mut names: Vec<_> = COLUMNS.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COLUMNS.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }

    #[test]
    fn a_wrong_name_is_told_the_near_ones() {
        assert_eq!(Column::find("duratoin").expect_err("wrong").near.first(), Some(&"duration"));
        assert!(Column::find("state").expect_err("wrong").near.contains(&"client_state"));
        assert!(Column::find("").is_err());
    }

    #[test]
    fn the_unit_may_be_typed() {
        assert_eq!(Column::find("duration_ns").expect("a column").name, "duration");
        assert_eq!(Column::find("Time-Wait").expect("a column").name, "time_wait");
        assert!(Column::find("bytes_ns").is_err());
    }

    #[test]
    fn absent_values_are_last_in_both_directions() {
        let with = Connection::new(sample::graceful(1), &[]);
        let without = Connection::new(sample::half_open(2), &[]);
        for text in ["setup", "setup:desc"] {
            let sort = Sort::parse(text).expect("a column");
            assert_eq!(sort.compare(&with, &without), Ordering::Less, "{text}");
        }
    }
}
