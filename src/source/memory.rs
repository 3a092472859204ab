//! `Memory`: packets that are there already, for tests and for callers who have their own.

use std::path::PathBuf;
use std::vec::IntoIter;

use crate::error::Error;
use crate::source::{Input, LinkType, Next, Packet, Source};
use crate::tcp::Timestamp;

/// A source over a list of packets.
///
/// # Example
/// ```
/// use tcpscope::source::{LinkType, Memory, Next, Source};
/// use tcpscope::tcp::Timestamp;
///
/// let mut source = Memory::new([(Timestamp(5), LinkType::ETHERNET, 60, vec![0; 60])]);
/// assert!(matches!(source.next(), Ok(Next::Packet(p)) if p.number == 1));
/// assert!(matches!(source.next(), Ok(Next::End)));
/// ```
#[derive(Debug)]
pub struct Memory {
    rest: IntoIter<(Timestamp, LinkType, u32, Vec<u8>)>,
    current: Vec<u8>,
    number: u64,
    input: Input,
}

impl Memory {
    /// A source giving `packets` in this order: capture time, link type, length on the wire, bytes captured.
    pub fn new(packets: impl IntoIterator<Item = (Timestamp, LinkType, u32, Vec<u8>)>) -> Self {
        let packets: Vec<_> = packets.into_iter().collect();
        let input = Input { path: PathBuf::from("memory"), format: "memory".into(), ..Input::default() };
        Self { rest: packets.into_iter(), current: Vec::new(), number: 0, input }
    }
}

impl Source for Memory {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        let Some((time, link, wire_len, data)) = self.rest.next() else { return Ok(Next::End) };
        self.number += 1;
        self.current = data;
        let packet = Packet { number: self.number, time, link, wire_len, data: &self.current };
        self.input.count(&packet);
        Ok(Next::Packet(packet))
    }

    fn inputs(&self) -> &[Input] {
        std::slice::from_ref(&self.input)
    }
}
