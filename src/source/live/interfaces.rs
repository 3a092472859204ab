//! `Interface`: what can be captured on, as libpcap lists it.

use std::net::IpAddr;

use pcap::{ConnectionStatus, Device};

use crate::error::Error;
use crate::source::libpcap;

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, as [`super::Live::open`] takes it.
    pub name: String,
    /// What it is, in the system's words.
    pub description: Option<String>,
    /// Its addresses, in their order.
    pub addresses: Vec<IpAddr>,
    /// It is switched on.
    pub up: bool,
    /// It can send and receive.
    pub running: bool,
    /// It leads back to this machine.
    pub loopback: bool,
    /// It needs no wire.
    pub wireless: bool,
    /// Whether anything is at its other end.
    pub connection: Connection,
}

/// Whether anything is at the other end of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// A cable or a network is there.
    Connected,
    /// None is.
    Disconnected,
    /// There is nothing to connect, or nobody knows.
    None,
}

/// Every interface that libpcap sees, in its order: the most useful first.
///
/// # Errors
/// [`Error::Interface`] where the system does not tell.
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    let list = Device::list()
        .map_err(|e| Error::Interface { interface: "any interface".into(), why: libpcap::said(e) })?;
    Ok(list.into_iter().map(Interface::of).collect())
}

impl Interface {
    fn of(device: Device) -> Self {
        let mut addresses: Vec<IpAddr> = device.addresses.iter().map(|a| a.addr).collect();
        addresses.sort_unstable();
        addresses.dedup();
        Self {
            name: device.name,
            description: device.desc,
            addresses,
            up: device.flags.is_up(),
            running: device.flags.is_running(),
            loopback: device.flags.is_loopback(),
            wireless: device.flags.is_wireless(),
            connection: match device.flags.connection_status {
                ConnectionStatus::Connected => Connection::Connected,
                ConnectionStatus::Disconnected => Connection::Disconnected,
                ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => Connection::None,
            },
        }
    }
}
