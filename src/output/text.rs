//! Numbers and foreign text as people can read them, and safely.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::time::Clock;
use crate::decode::LinkRow;
use crate::report::{Unit, Value};
use crate::source::LinkType;
use crate::tcp::{Certainty, State};

/// Text from a capture, a path or the system, with everything that could move the cursor or hide text made visible:
/// control characters, and the marks that change the direction of text.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_unsafe(c) {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// `1 packet`, `2 packets`: the noun takes an `s`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// `100 B`, `1.5 KiB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match unit {
        "B" => format!("{n} B"),
        _ => format!("{value:.1} {unit}"),
    }
}

/// Lines of whole words, none wider than `width` characters unless a single word is.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let wide = word.chars().count();
        if used > 0 && used + 1 + wide > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += wide;
        }
    }
    lines
}

/// A state with the mark of how it is known: `ESTABLISHED`, `ESTABLISHED?`, `ESTABLISHED??`.
pub fn state(state: State, certainty: Certainty) -> String {
    let mark = match certainty {
        _ if state == State::Unknown => "",
        Certainty::Observed => "",
        Certainty::Inferred => "?",
        Certainty::Assumed => "??",
    };
    format!("{state}{mark}")
}

/// A cell for people.
pub fn shown(value: &Value<'_>, unit: Unit, clock: &Clock<'_>) -> String {
    match value {
        Value::Absent => "-".into(),
        Value::Flag(true) => "yes".into(),
        Value::Flag(false) => "no".into(),
        Value::Count(n) if unit == Unit::Bytes => bytes(*n),
        Value::Share(share) => format!("{:.0} %", share * 100.0),
        Value::Span(span) => span.to_string(),
        Value::State(s, certainty) => state(*s, *certainty),
        Value::List(words) if words.is_empty() => "-".into(),
        Value::List(words) => words.join(" "),
        Value::Text(text) => escape(text).into_owned(),
        Value::Count(_) | Value::Time(_) | Value::Addr(_) | Value::Endpoint(_) => raw(value, clock),
    }
}

/// A cell for programs: plain numbers, nothing for an absent value, words of a list apart by blanks.
pub fn raw(value: &Value<'_>, clock: &Clock<'_>) -> String {
    let mut text = String::new();
    match value {
        Value::Absent => Ok(()),
        Value::Flag(flag) => write!(text, "{flag}"),
        Value::Count(n) => write!(text, "{n}"),
        Value::Span(span) => write!(text, "{}", span.0),
        Value::Time(at) => write!(text, "{}", clock.text(*at)),
        Value::Share(share) => write!(text, "{}", rounded(*share)),
        Value::Addr(addr) => write!(text, "{addr}"),
        Value::Endpoint(endpoint) => write!(text, "{endpoint}"),
        Value::State(state, _) => write!(text, "{state}"),
        Value::Text(word) => write!(text, "{word}"),
        Value::List(words) => write!(text, "{}", words.join(" ")),
    }
    .expect("a string takes all");
    text
}

/// A value as a number, spans in nanoseconds; `None` where it is none.
#[cfg(feature = "check")]
pub fn number(value: &Value<'_>) -> Option<serde_json::Number> {
    match value {
        Value::Count(n) => Some((*n).into()),
        Value::Span(span) => Some(span.0.into()),
        Value::Share(share) => serde_json::Number::from_f64(rounded(*share)),
        _ => None,
    }
}

/// libpcap's name of a link type, or its number.
pub fn link_name(link: LinkType) -> Cow<'static, str> {
    match LinkRow::of(link) {
        Some(row) => row.name.into(),
        None => format!("DLT_{}", link.0).into(),
    }
}

/// With at most four decimals.
pub fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_can_not_drive_the_terminal() {
        assert_eq!(escape("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(escape("exe.\u{202e}pcap"), "exe.\\u{202e}pcap");
        assert!(matches!(escape("Prüfung.pcap"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("§3.10.7.4, first  check", 10), ["§3.10.7.4,", "first", "check"]);
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(1_048_575), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!(counted(1, "packet"), "1 packet");
    }
}
