//! What a file seems to be that is no capture, and what to do with it.

/// In words that go on from "FILE is not a capture: ".
pub(super) fn seems(first: &[u8]) -> String {
    if first.is_empty() {
        return "the file is empty".into();
    }
    if let Some((_, what)) = MAGICS.iter().find(|(magic, _)| first.starts_with(magic)) {
        return (*what).into();
    }
    if first.get(TAR_MAGIC..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        return "it is a tar archive; unpack it with `tar xf`".into();
    }
    if first.iter().all(|b| *b == 0) {
        return "it begins with zeros, as a file does whose writing was cut off".into();
    }
    if is_text(first) {
        return "it looks like text, not packets; tcpdump writes packets with -w".into();
    }
    if is_erf(first) {
        return "it may be an Endace ERF capture; convert it with `editcap -F pcap`".into();
    }
    "its format is unknown; if Wireshark opens it, convert it with `editcap -F pcap`".into()
}

/// UTF-8 without control characters, but for a character cut at the end.
fn is_text(first: &[u8]) -> bool {
    let valid = match std::str::from_utf8(first) {
        Ok(text) => Some(text),
        Err(e) if e.error_len().is_none() => {
            first.get(..e.valid_up_to()).and_then(|t| std::str::from_utf8(t).ok())
        }
        Err(_) => None,
    };
    valid.is_some_and(|text| !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

/// ERF has no magic number: a record of a known type, whose length covers its header and what follows on the wire.
fn is_erf(first: &[u8]) -> bool {
    let Some(&[kind, flags, r0, r1, _, _, w0, w1]) = first.get(8..16).and_then(|h| h.first_chunk::<8>())
    else {
        return false;
    };
    let (record, wire) = (u16::from_be_bytes([r0, r1]), u16::from_be_bytes([w0, w1]));
    (1..=48).contains(&(kind & 0x7f))
        && flags & 0xc0 == 0
        && record >= 16
        && wire > 0
        && record <= wire.max(64).saturating_add(64)
}

/// Where the header of a tar archive's first file has its magic (POSIX.1-2017, pax).
const TAR_MAGIC: usize = 257;
/// First bytes and what they mean.
const MAGICS: &[(&[u8], &str)] = &[
    (b"snoop\0\0\0", "it is a snoop capture; convert it with `editcap -F pcap`"),
    (b"GMBU", "it is a Microsoft Network Monitor 2 capture; convert it with `editcap -F pcap`"),
    (b"RTSS", "it is a Microsoft Network Monitor 1 capture; convert it with `editcap -F pcap`"),
    (b"TRSNIFF data    \x1a", "it is a Sniffer capture; convert it with `editcap -F pcap`"),
    (b"XCP\0", "it is a NetXRay or Windows Sniffer capture; convert it with `editcap -F pcap`"),
    (b"btsnoop\0", "it is a Bluetooth capture (btsnoop), which holds no TCP"),
    (b"\xcd\x34\xb2\xa1", "it is a pcap of a variant nobody documents; convert it with `editcap -F pcap`"),
    (b"\xa1\xb2\x34\xcd", "it is a pcap of a variant nobody documents; convert it with `editcap -F pcap`"),
    (b"BZh", "it is compressed with bzip2; unpack it with `bunzip2`"),
    (b"PK\x03\x04", "it is a zip archive; unpack it with `unzip`"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7-Zip archive; unpack it with `7z x`"),
    (b"\x1f\x9d", "it is compressed with compress(1); unpack it with `gunzip`"),
    (b"\x1f\x8b", "it is gzip within other compression; unpack it once"),
    (b"\x28\xb5\x2f\xfd", "it is Zstandard within other compression; unpack it once"),
    (b"\x5d\x00\x00", "it is compressed with lzma; unpack it with `unlzma`"),
    (b"LZIP", "it is compressed with lzip; unpack it with `lzip -d`"),
    (b"Rar!\x1a\x07", "it is a RAR archive; unpack it with `unrar x`"),
    (b"\x7fELF", "it is a program"),
    (b"%PDF", "it is a PDF document"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_sentence() {
        for (first, word) in [
            (&b""[..], "empty"),
            (b"10:00:00.0 IP 10.0.0.1 > 10.0.0.2: Flags [S]\n", "text"),
            ("Größe\u{e9}".as_bytes(), "text"),
            (&"é".as_bytes()[..1], "unknown"),
            (b"snoop\0\0\0\0\0\0\x02", "snoop"),
            (b"GMBU\0\x02", "Network Monitor 2"),
            (&[0; 64], "zeros"),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0, 96, 0, 0, 0, 74, 0, 0], "ERF"),
            (b"\xff\xfe\xfd\xfc", "unknown"),
            (&[&b"a.pcap"[..], &[0; 251], b"ustar\0"].concat(), "tar xf"),
            (b"\x5d\0\0\x80\0", "unlzma"),
            (&[&[8; 8][..], &[2, 4, 0, 96, 0, 0, 255, 255, 0, 0]].concat(), "ERF"),
        ] {
            assert!(seems(first).contains(word), "{word}: {}", seems(first));
        }
    }
}
