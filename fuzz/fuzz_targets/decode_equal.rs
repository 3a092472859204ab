//! The short way of the decoder gives what the long one does, for any packets of any link type.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tcpscope::config::DecodeConfig;
use tcpscope::decode::{Decoder, LINK_TYPES};
use tcpscope::source::{LinkType, Packet};
use tcpscope::tcp::Timestamp;

fuzz_target!(|input: (u8, Vec<(u16, Vec<u8>)>)| {
    let (row, packets) = input;
    let link = LinkType(LINK_TYPES[usize::from(row) % LINK_TYPES.len()].number);
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut plain = Decoder::new(DecodeConfig::default());
    // Several, because fragments are remembered.
    for (number, (uncaptured, data)) in (1..).zip(&packets) {
        let wire_len = data.len() as u32 + u32::from(*uncaptured);
        let packet = Packet { number, time: Timestamp(number as i64), link, wire_len, data };
        assert_eq!(decoder.decode(&packet), plain.decode_by_layers(&packet), "{packet:?}");
    }
});
