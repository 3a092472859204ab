//! Relative paths as URI references (RFC 3986), which SARIF wants.

use std::fmt::Write as _;

/// Everything but unreserved characters and slashes is written as `%XX`.
pub fn of_path(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into())
            }
            _ => write!(uri, "%{byte:02X}").expect("a string takes all"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_colon_is_no_scheme_and_a_blank_no_end() {
        assert_eq!(super::of_path("a b/c:d#1.pcap"), "a%20b/c%3Ad%231.pcap");
        assert_eq!(super::of_path("ü.pcap"), "%C3%BC.pcap");
    }
}
