//! The short way of the decoder gives what the long one does, for any packets of any link type.
//!
//! The input is a row of `LINK_TYPES`, then packets: how many bytes were not captured, how many were, and these.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpscope::config::DecodeConfig;
use tcpscope::decode::{Decoder, LINK_TYPES};
use tcpscope::source::{LinkType, Packet};
use tcpscope::tcp::Timestamp;

fuzz_target!(|input: &[u8]| {
    let Some((row, mut rest)) = input.split_first() else { return };
    let link = LinkType(LINK_TYPES[usize::from(*row) % LINK_TYPES.len()].number);
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut plain = Decoder::new(DecodeConfig::default());
    let mut number = 0;
    // Several, because fragments are remembered.
    while let [u0, u1, l0, l1, behind @ ..] = rest {
        number += 1;
        let captured = usize::from(u16::from_le_bytes([*l0, *l1])).min(behind.len());
        let (data, next) = behind.split_at(captured);
        rest = next;
        let wire_len = data.len() as u32 + u32::from(u16::from_le_bytes([*u0, *u1]));
        let packet = Packet { number, time: Timestamp(number as i64), link, wire_len, data };
        assert_eq!(decoder.decode(&packet), plain.decode_by_layers(&packet), "{packet:?}");
    }
});
