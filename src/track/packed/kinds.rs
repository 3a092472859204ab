//! How numbers, times, sequence numbers and states are written.

use super::fields::{Number, Plain, Small, choices};
use super::words::Near;
use crate::tcp::{Certainty, Checksum, Duration, Flags, SeqNumber, State, Timestamp};

choices!(State in 4: Closed Listen SynSent SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait Unknown);
choices!(Certainty in 2: Observed Inferred Assumed);
choices!(Checksum in 2: Good Bad Offloaded Unverifiable);

/// One line for each kind: its number, and what has that number.
macro_rules! numbers {
    ($($kind:ty: |$value:ident, $near:ident| $number:expr, |$back:ident, $near_back:ident| $of:expr;)*) => {$(
        impl Number for $kind {
            #[inline]
            fn number(&self, $near: &mut Near) -> u64 {
                let $value = *self;
                $number
            }

            #[inline]
            fn of($back: u64, $near_back: &mut Near) -> Self {
                $of
            }
        }
    )*};
}

numbers! {
    u16: |n, _near| u64::from(n), |n, _near| n as u16;
    u32: |n, _near| u64::from(n), |n, _near| n as u32;
    u64: |n, _near| n, |n, _near| n;
    i64: |n, _near| folded(n), |n, _near| unfolded(n);
    Flags: |flags, _near| u64::from(flags.0), |n, _near| Flags(n as u16);
    Duration: |span, _near| folded(span.0), |n, _near| Duration(unfolded(n));
    Timestamp: |at, near| near.number_of_time(at), |n, near| near.time_of(n);
    SeqNumber: |seq, near| near.number_of_seq(seq), |n, near| near.seq_of(n);
}

/// One line for each kind: how many bits, its bits, and what has those.
macro_rules! smalls {
    ($($kind:ty: $count:expr, |$value:ident| $bits:expr, |$back:ident| $of:expr;)*) => {$(
        impl Small for $kind {
            const BITS: u32 = $count;

            #[inline]
            fn small(&self) -> u64 {
                let $value = *self;
                $bits
            }

            #[inline]
            fn of_small($back: u64) -> Self {
                $of
            }
        }
    )*};
}

// `usize`: of a connection, the index of an end.
smalls! {
    bool: 1, |is_set| u64::from(is_set), |bits| bits & 1 != 0;
    u8: 8, |byte| u64::from(byte), |bits| bits as u8;
    u16: 16, |n| u64::from(n), |bits| bits as u16;
    Flags: 16, |flags| u64::from(flags.0), |bits| Flags(bits as u16);
    usize: 1, |end| u64::from(end != 0), |bits| (bits & 1) as usize;
}

/// What is plain of each kind.
macro_rules! plains {
    ($($kind:ty: $plain:expr;)*) => {$(
        impl Plain for $kind {
            #[inline]
            fn plain() -> Self {
                $plain
            }
        }
    )*};
}

plains! {
    bool: false;
    u8: 0;
    u16: 0;
    u32: 0;
    u64: 0;
    i64: 0;
    usize: 0;
    Flags: Flags(0);
    Duration: Duration::ZERO;
    Timestamp: Timestamp::MIN;
    SeqNumber: SeqNumber(0);
}

impl Near {
    /// Where 0 has another meaning. Only a time of centuries has the highest number.
    #[inline]
    pub fn one_more(&mut self, number: u64) -> u64 {
        self.is_lost |= number == u64::MAX;
        number.wrapping_add(1)
    }

    /// 0 is the time before all; any other is its distance from the one before.
    #[inline]
    fn number_of_time(&mut self, at: Timestamp) -> u64 {
        if at == Timestamp::MIN {
            return 0;
        }
        let distance = at.0.wrapping_sub(self.time.0);
        self.time = at;
        self.one_more(folded(distance))
    }

    #[inline]
    fn time_of(&mut self, number: u64) -> Timestamp {
        if number == 0 {
            return Timestamp::MIN;
        }
        self.time = Timestamp(self.time.0.wrapping_add(unfolded(number.wrapping_sub(1))));
        self.time
    }

    /// 0 is 0; any other is its distance from the nearer of two.
    #[inline]
    fn number_of_seq(&self, seq: SeqNumber) -> u64 {
        let [a, b] = self.seqs;
        let (a, b) = (seq.distance(a), seq.distance(b));
        let (distance, which) = if b.unsigned_abs() < a.unsigned_abs() { (b, 1) } else { (a, 0) };
        if seq == SeqNumber(0) {
            0
        } else {
            1 + (u64::from((distance << 1 ^ distance >> 31) as u32) << 1 | which)
        }
    }

    #[inline]
    fn seq_of(&self, number: u64) -> SeqNumber {
        let Some(number) = number.checked_sub(1) else { return SeqNumber(0) };
        let [a, b] = self.seqs;
        let near = if number & 1 == 0 { a } else { b };
        let folded = (number >> 1) as u32;
        near + (folded >> 1 ^ (folded & 1).wrapping_neg())
    }

    /// A packet's number: its distance from the one before.
    #[inline]
    pub fn number_of_frame(&mut self, frame: u64) -> u64 {
        let distance = frame.wrapping_sub(self.frame) as i64;
        self.frame = frame;
        folded(distance)
    }

    /// The packet's number.
    #[inline]
    pub fn frame_of(&mut self, number: u64) -> u64 {
        self.frame = self.frame.wrapping_add(unfolded(number) as u64);
        self.frame
    }
}

/// A number that may be below zero; near to zero it is small.
#[inline]
fn folded(n: i64) -> u64 {
    (n << 1 ^ n >> 63) as u64
}

#[inline]
fn unfolded(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}
