//! The JSON document as types: field names, order and doc comments here are the interface, and its JSON Schema.
//!
//! Everything borrows from the report and is written straight through; no tree of values is built.
//! Additions are free; a change of meaning raises [`SCHEMA_VERSION`].

mod client;
mod connection;
mod curve;
mod finding;
mod flow;
mod host;
mod input;
mod life;
mod listener;
mod scalar;

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::Serialize;

pub use client::Client;
pub use connection::{Connection, Endpoint};
pub use curve::Curve;
pub use finding::{Finding, Series};
pub use host::Host;
pub use input::{Input, Summary};
pub use listener::Listener;

use scalar::Each;
pub use scalar::{Ends, OneOf, Time};

use super::layout::Layout;
use crate::engine;
use crate::report::{self, Frames, Report};

/// Version of the document's meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// What `tcpscope read FILE --json` prints. With `--format ndjson`, and from `tcpscope live`, each line is a `Line` of
/// `$defs`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<'a> {
    /// Version of the meaning of this document; fields may be added without raising it.
    pub schema_version: u32,
    /// Which program wrote it.
    pub tool: Tool<'a>,
    /// What was read, in the order of reading.
    pub input: Vec<Input<'a>>,
    /// Counts over all that was read.
    pub summary: Summary,
    /// Connections, by id.
    pub connections: Vec<Connection<'a>>,
    /// Addresses and ports that connections were opened to, in their order.
    pub listeners: Each<'a, engine::Listener, Listener<'a>>,
    /// Clients, by address.
    pub clients: Each<'a, engine::Client, Client>,
    /// Holders of TIME_WAIT, by address.
    pub time_wait: Each<'a, engine::Host, Host>,
    /// Findings, by first frame, then rule.
    pub findings: Vec<Finding<'a>>,
}

/// The program that wrote the document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool<'a> {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Version of the libpcap that read the input.
    pub libpcap: Option<&'a str>,
}

/// What a connection or a finding must know of the inputs to name its place.
#[derive(Clone, Debug, Default)]
pub struct Places {
    frames: Frames,
    paths: Vec<String>,
}

impl Places {
    /// The places of a report's frames.
    pub fn new(inputs: &[crate::source::Input]) -> Self {
        let paths = inputs.iter().map(|i| i.path.to_string_lossy().into_owned()).collect();
        Self { frames: Frames::new(inputs), paths }
    }

    /// The input that holds the frame.
    pub fn path(&self, frame: u64) -> Option<&str> {
        let (input, _) = self.frames.locate(frame)?;
        self.paths.get(input).map(String::as_str)
    }

    /// The frames' numbers in the one input that holds them all.
    pub fn within_one(&self, frames: &[u64]) -> Option<Vec<u64>> {
        self.frames.within_one(frames)
    }

    /// Whether there is one input, so that Wireshark counts streams as the tracker does.
    pub fn single(&self) -> bool {
        self.paths.len() == 1
    }
}

impl<'a> Document<'a> {
    /// The document of a report; connections are those that the layout wants, in its order.
    pub fn new(report: &'a Report, layout: &'a Layout, places: &'a Places) -> Self {
        let view = report.view(layout.sort.as_ref(), layout.top_or(None));
        let connection = |c: &'a report::Connection| Connection::new(&c.record, &c.rules, places);
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool::this(layout.libpcap.as_deref()),
            input: Input::list(&report.inputs),
            summary: Summary::new(&report.summary),
            connections: view.into_iter().map(connection).collect(),
            listeners: report.listeners.as_slice().into(),
            clients: report.clients.as_slice().into(),
            time_wait: report.hosts.as_slice().into(),
            findings: report.findings.iter().map(|f| Finding::new(f, places)).collect(),
        }
    }
}

impl<'a> Tool<'a> {
    /// This program.
    pub fn this(libpcap: Option<&'a str>) -> Self {
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), libpcap }
    }
}

/// The JSON Schema of the document and of its lines, indented, with a line end.
pub fn schema() -> String {
    let mut generator = schema_generator();
    generator.subschema_for::<super::ndjson::Line<'static>>();
    schema_text::<Document<'static>>(generator)
}

/// The schema of another kind of document.
#[cfg(feature = "check")]
pub(in crate::output) fn schema_of<T: JsonSchema>() -> String {
    schema_text::<T>(schema_generator())
}

fn schema_generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

fn schema_text<T: JsonSchema>(generator: SchemaGenerator) -> String {
    let mut text =
        serde_json::to_string_pretty(&generator.into_root_schema_for::<T>()).expect("a schema is JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/output/schema.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, schema()).expect("the schema can be written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == schema(), "UPDATE_GOLDEN=1 cargo test rewrites src/output/schema.json");
    }
}
