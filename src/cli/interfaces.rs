//! `tcpscope interfaces`: what `live` can capture on.

use super::args::InterfacesArgs;
use super::place::Place;
use crate::output::{interfaces_json, list_interfaces};
use crate::source;

/// Lists them.
pub fn run(args: &InterfacesArgs) -> anyhow::Result<u8> {
    let all = source::interfaces()?;
    Place::Stdout.write(|out| match args.json {
        true => interfaces_json(&all, out),
        false => list_interfaces(&all, out),
    })?;
    Ok(0)
}
