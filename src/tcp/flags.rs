//! `Flags`: the control bits of a TCP header, as six bits and as tcpdump's letters (RFC 9293 §3.1, RFC 3168, RFC 9768).

use std::fmt;

/// The control bits; the six classic ones are the low six, `0b000010` is SYN and `0b010000` is ACK.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256 (RFC 9768; NS before).
    pub u16,
);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Self = Self(1);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(2);
    /// Reset the connection.
    pub const RST: Self = Self(4);
    /// Push function.
    pub const PSH: Self = Self(8);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(16);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(32);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(64);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(128);
    /// Accurate ECN (RFC 9768), formerly NS.
    pub const AE: Self = Self(256);
    /// SYN and ACK.
    pub const SYN_ACK: Self = Self(18);

    /// Whether every bit of `other` is set here.
    #[inline]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set here.
    #[inline]
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// FIN is set.
    #[inline]
    pub fn fin(self) -> bool {
        self.has(Self::FIN)
    }

    /// SYN is set.
    #[inline]
    pub fn syn(self) -> bool {
        self.has(Self::SYN)
    }

    /// RST is set.
    #[inline]
    pub fn rst(self) -> bool {
        self.has(Self::RST)
    }

    /// ACK is set.
    #[inline]
    pub fn ack(self) -> bool {
        self.has(Self::ACK)
    }

    /// The six classic bits URG ACK PSH RST SYN FIN as a number from 0 to 63.
    #[inline]
    pub fn six(self) -> u8 {
        (self.0 & 0x3f) as u8
    }

    /// The six classic bits in header order, such as `010010` for SYN+ACK.
    pub fn bits(self) -> &'static str {
        SIX_BITS.get(usize::from(self.six()) * 6..).and_then(|rest| rest.get(..6)).unwrap_or("")
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// tcpdump's letters: `S F R P . U E W e`, or `none`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("none");
        }
        for (flag, letter) in LETTERS {
            if self.has(flag) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// All 64 combinations of the six bits, six characters each.
const SIX_BITS: &str = {
    const DIGITS: [u8; 64 * 6] = {
        let mut digits = [b'0'; 64 * 6];
        let mut at = 0;
        while at < digits.len() {
            digits[at] += (((at / 6) >> (5 - at % 6)) & 1) as u8;
            at += 1;
        }
        digits
    };
    match std::str::from_utf8(&DIGITS) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// The order and letters of tcpdump's `print-tcp.c` (`tcp_flag_values`), which writes `.` for ACK.
const LETTERS: [(Flags, &str); 9] = [
    (Flags::FIN, "F"),
    (Flags::SYN, "S"),
    (Flags::RST, "R"),
    (Flags::PSH, "P"),
    (Flags::ACK, "."),
    (Flags::URG, "U"),
    (Flags::ECE, "E"),
    (Flags::CWR, "W"),
    (Flags::AE, "e"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_bits_stand_in_header_order() {
        assert_eq!(Flags::SYN.bits(), "000010");
        assert_eq!(Flags::ACK.bits(), "010000");
        assert_eq!(Flags::SYN_ACK.bits(), "010010");
        assert_eq!((Flags::URG | Flags::PSH | Flags::FIN).bits(), "101001");
    }

    #[test]
    fn letters_are_tcpdumps() {
        assert_eq!(Flags::SYN.to_string(), "S");
        assert_eq!(Flags::SYN_ACK.to_string(), "S.");
        assert_eq!((Flags::SYN | Flags::ECE | Flags::CWR).to_string(), "SEW");
        assert_eq!(Flags(0).to_string(), "none");
    }
}
