//! A segment in the words of tcpdump and packetdrill, as long as there is room: `P. 1:101(100) ack 1 win 512`.

use crate::report::Sent;
use crate::tcp::Options;

/// How sequence numbers are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers {
    /// Less the ISN.
    Relative,
    /// As in the header.
    Absolute,
}

/// The most words of a segment that fit `room` characters.
pub fn words(sent: &Sent, numbers: Numbers, room: usize) -> String {
    let s = &sent.segment;
    let mark = sent.mark.map(|m| format!(" [{}]", m.words())).unwrap_or_default();
    let seq = seq_words(sent, numbers);
    let ack = match numbers {
        _ if !s.flags.ack() => String::new(),
        Numbers::Relative => format!(" ack {}", sent.ack),
        Numbers::Absolute => format!(" ack {}", s.ack),
    };
    let urgent = if s.urgent == 0 { String::new() } else { format!(" urg {}", s.urgent) };
    let window = format!(" win {}{urgent}", s.window);
    let options = option_words(sent, numbers);
    let flags = s.flags;
    let mut last = String::new();
    for text in [
        format!("{flags}{seq}{ack}{window}{options}{mark}"),
        format!("{flags}{seq}{ack}{window}{mark}"),
        format!("{flags}{seq}{ack}{mark}"),
        format!("{flags}{ack}{mark}"),
        format!("{flags}{seq}"),
    ] {
        if text.chars().count() <= room {
            return text;
        }
        last = text;
    }
    last
}

/// Where it stands, for what takes sequence numbers or asks with an old one.
fn seq_words(sent: &Sent, numbers: Numbers) -> String {
    let s = &sent.segment;
    let asks =
        sent.mark.is_some_and(|m| matches!(m, crate::report::Mark::KeepAlive | crate::report::Mark::Probe));
    let (first, last) = match numbers {
        Numbers::Relative => (sent.seq, sent.seq + i64::from(s.payload_len)),
        Numbers::Absolute => (s.seq.0.into(), (s.seq + s.payload_len).0.into()),
    };
    match !s.is_empty() || s.flags.rst() || asks || s.flags.0 == 0 {
        true => format!(" {first}:{last}({})", s.payload_len),
        false => String::new(),
    }
}

fn option_words(sent: &Sent, numbers: Numbers) -> String {
    let s = &sent.segment;
    let options: &Options = &s.options;
    let mut words: Vec<String> = Vec::new();
    if s.flags.syn() {
        words.extend(options.mss.map(|mss| format!("mss {mss}")));
        words.extend(options.window_scale.map(|scale| format!("wscale {scale}")));
        words.extend(options.sack_permitted.then(|| "sackOK".into()));
        words.extend(options.timestamps.map(|_| "TS".into()));
        words.extend(options.fast_open.map(|cookie| format!("tfo {cookie}")));
        words.extend(options.mptcp.then(|| "mptcp".into()));
    }
    for (left, right) in options.sack.as_slice() {
        let (left, right) = match numbers {
            Numbers::Absolute => (i64::from(left.0), i64::from(right.0)),
            Numbers::Relative => {
                let number = |n: crate::tcp::SeqNumber| sent.ack + i64::from(n.distance(s.ack));
                (number(*left), number(*right))
            }
        };
        words.push(format!("sack {left}:{right}"));
    }
    if words.is_empty() { String::new() } else { format!(" <{}>", words.join(",")) }
}
