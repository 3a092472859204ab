//! The list of interfaces, for people and as JSON.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::text::escape;
use crate::source::{Connection, Interface};

/// Writes one line for each interface.
///
/// # Errors
/// The writer's.
pub fn list_interfaces(all: &[Interface], out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 3]> = all.iter().map(row).collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or_default();
    let (name, state) = (width(0), width(1));
    for [n, s, rest] in &rows {
        writeln!(out, "{}", format!("{n:name$}  {s:state$}  {rest}").trim_end())?;
    }
    Ok(())
}

/// Writes one JSON document.
///
/// # Errors
/// The writer's.
pub fn interfaces_json(all: &[Interface], out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<Line<'_>> = all.iter().map(Line::new).collect();
    serde_json::to_writer_pretty(&mut *out, &lines)?;
    writeln!(out)
}

fn row(i: &Interface) -> [String; 3] {
    let addresses: Vec<String> = i.addresses.iter().map(IpAddr::to_string).collect();
    let mut rest = vec![addresses.join(" ")];
    rest.extend(i.description.as_deref().map(|text| format!("({})", escape(text))));
    rest.retain(|text| !text.is_empty());
    [escape(&i.name).into_owned(), state(i).into(), rest.join(" ")]
}

fn state(i: &Interface) -> &'static str {
    match (i.up, i.running, i.connection) {
        (false, ..) => "down",
        (true, _, Connection::Disconnected) => "up, disconnected",
        (true, false, _) => "up, not running",
        (true, true, _) => "up",
    }
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    description: Option<&'a str>,
    addresses: &'a [IpAddr],
    state: &'static str,
    up: bool,
    running: bool,
    loopback: bool,
    wireless: bool,
    /// Null where there is nothing to connect.
    connected: Option<bool>,
}

impl<'a> Line<'a> {
    fn new(i: &'a Interface) -> Self {
        Self {
            name: &i.name,
            description: i.description.as_deref(),
            addresses: &i.addresses,
            state: state(i),
            up: i.up,
            running: i.running,
            loopback: i.loopback,
            wireless: i.wireless,
            connected: match i.connection {
                Connection::Connected => Some(true),
                Connection::Disconnected => Some(false),
                Connection::None => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_one_line() {
        let eth = Interface {
            name: "eth0".into(),
            description: None,
            addresses: vec!["10.0.0.1".parse().expect("an address"), "fe80::1".parse().expect("an address")],
            up: true,
            running: true,
            loopback: false,
            wireless: false,
            connection: Connection::Connected,
        };
        let down = Interface {
            name: "evil\x1b[2J".into(),
            description: Some("a\nb".into()),
            up: false,
            addresses: Vec::new(),
            ..eth.clone()
        };
        let mut bytes = Vec::new();
        list_interfaces(&[eth, down], &mut bytes).expect("memory takes all");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(text, "eth0           up    10.0.0.1 fe80::1\nevil\\u{1b}[2J  down  (a\\nb)\n");
    }
}
