//! How each kind of field is written, and structs as lists of their fields.

use super::words::{Near, Reader, Writer};
use crate::tcp::{Certainty, Duration, Flags, SeqNumber, State, Timestamp};

/// What comes back as it was written.
pub trait Pack {
    /// Writes it.
    fn pack(&self, w: &mut Writer);

    /// Becomes what was written, whatever it was.
    fn unpack(&mut self, r: &mut Reader<'_>);
}

/// What can be made from nothing, to become what was written.
pub trait Plain {
    /// Of no meaning yet.
    fn plain() -> Self;
}

/// What is one number of a row: the smaller the better. 0 where nothing was seen.
pub trait Number: Plain {
    /// The number.
    fn number(&self, near: &mut Near) -> u64;

    /// What has it.
    fn of(number: u64, near: &mut Near) -> Self;
}

/// What is a few bits of a number.
pub trait Small: Plain {
    /// How many.
    const BITS: u32;

    /// The bits.
    fn small(&self) -> u64;

    /// What has them; others may be set above.
    fn of_small(bits: u64) -> Self;
}

/// How a struct is written: first the small fields, all in one number of up to 64 bits; then rows of numbers, each with the
/// bytes it mostly needs; then parts that are written for themselves. Fields `beside` are left out. One that is not listed does not compile.
macro_rules! written {
    ($name:ident {
        small [$($small:ident)*]
        $(row [$($number:ident: $width:literal)*])*
        part [$($part:ident)*]
        beside [$($beside:ident)*]
    }) => {
        impl $crate::track::packed::Pack for $name {
            fn pack(&self, w: &mut $crate::track::packed::Writer) {
                let Self { $($small,)* $($($number,)*)* $($part,)* $($beside: _,)* } = self;
                let fold = $crate::track::packed::Fold::default();
                $(let fold = fold.with($small);)*
                fold.write(w);
                $(
                    let row = [$($crate::track::packed::Number::number($number, &mut w.near)),*];
                    w.row(row, [$($width),*]);
                )*
                $($crate::track::packed::Pack::pack($part, w);)*
            }

            fn unpack(&mut self, r: &mut $crate::track::packed::Reader<'_>) {
                let fold = $crate::track::packed::Fold::read(r);
                $(let ($small, fold) = fold.take();)*
                fold.end(r);
                $(self.$small = $small;)*
                $(
                    let [$($number),*] = r.row([$($width),*]);
                    $(self.$number = $crate::track::packed::Number::of($number, &mut r.near);)*
                )*
                $($crate::track::packed::Pack::unpack(&mut self.$part, r);)*
            }
        }
    };
}

/// The same for a struct that is made of fields that can be made of nothing.
macro_rules! fields {
    ($name:ident {
        small [$($small:ident)*]
        $(row [$($number:ident: $width:literal)*])*
        part [$($part:ident)*]
    }) => {
        impl $crate::track::packed::Plain for $name {
            #[inline]
            fn plain() -> Self {
                Self {
                    $($small: $crate::track::packed::Plain::plain(),)*
                    $($($number: $crate::track::packed::Plain::plain(),)*)*
                    $($part: $crate::track::packed::Plain::plain(),)*
                }
            }
        }

        $crate::track::packed::written!($name {
            small [$($small)*] $(row [$($number: $width)*])* part [$($part)*] beside []
        });
    };
}

/// How an enum without fields is written: in so many bits, as its place in this list, which is that of its declaration.
macro_rules! choices {
    ($name:ident in $bits:literal: $($each:ident)*) => {
        impl $crate::track::packed::Plain for $name {
            #[inline]
            fn plain() -> Self {
                let [plain, ..] = [$(Self::$each),*];
                plain
            }
        }

        impl $crate::track::packed::Small for $name {
            const BITS: u32 = $bits;

            #[inline]
            fn small(&self) -> u64 {
                match self {
                    $(Self::$each)|* => *self as u64,
                }
            }

            #[inline]
            fn of_small(bits: u64) -> Self {
                const ALL: &[$name] = &[$($name::$each),*];
                const _: () = {
                    let mut at = 0;
                    while at < ALL.len() {
                        assert!(ALL[at] as usize == at && at < 1 << $bits);
                        at += 1;
                    }
                };
                ALL.get((bits & ((1 << $bits) - 1)) as usize).copied().unwrap_or(ALL[0])
            }
        }

        impl $crate::track::packed::Number for $name {
            #[inline]
            fn number(&self, _: &mut $crate::track::packed::Near) -> u64 {
                $crate::track::packed::Small::small(self)
            }

            #[inline]
            fn of(number: u64, _: &mut $crate::track::packed::Near) -> Self {
                $crate::track::packed::Small::of_small(number)
            }
        }
    };
}

pub(in crate::track) use {choices, fields, written};

/// Small fields, one above the other.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::track) struct Fold {
    bits: u64,
    count: u32,
}

impl Fold {
    /// And this one.
    #[inline]
    #[must_use]
    pub fn with<T: Small>(self, field: &T) -> Self {
        debug_assert!(self.count + T::BITS <= u64::BITS, "more than one number holds");
        Self { bits: self.bits | field.small() << self.count, count: self.count + T::BITS }
    }

    /// Writes all.
    #[inline]
    pub fn write(self, w: &mut Writer) {
        w.put(self.bits, self.count.div_ceil(8));
    }

    /// All that was written.
    #[inline]
    pub fn read(r: &mut Reader<'_>) -> Self {
        Self { bits: r.peek(), count: 0 }
    }

    /// The first, and the others.
    #[inline]
    pub fn take<T: Small>(self) -> (T, Self) {
        (T::of_small(self.bits >> self.count), Self { bits: self.bits, count: self.count + T::BITS })
    }

    /// There are no more.
    #[inline]
    pub fn end(self, r: &mut Reader<'_>) {
        r.skip(self.count.div_ceil(8));
    }
}

choices!(State in 4: Closed Listen SynSent SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait Unknown);
choices!(Certainty in 2: Observed Inferred Assumed);

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
    fn one_more(&mut self, number: u64) -> u64 {
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

impl<T> Plain for Option<T> {
    #[inline]
    fn plain() -> Self {
        None
    }
}

/// The number of what is there and one more.
impl<T: Number> Number for Option<T> {
    #[inline]
    fn number(&self, near: &mut Near) -> u64 {
        match self {
            None => 0,
            Some(value) => {
                let number = value.number(near);
                near.one_more(number)
            }
        }
    }

    #[inline]
    fn of(number: u64, near: &mut Near) -> Self {
        if number == 0 { None } else { Some(T::of(number - 1, near)) }
    }
}

impl<T: Small> Small for Option<T> {
    const BITS: u32 = 1 + T::BITS;

    #[inline]
    fn small(&self) -> u64 {
        self.as_ref().map_or(0, |value| value.small() << 1 | 1)
    }

    #[inline]
    fn of_small(bits: u64) -> Self {
        if bits & 1 == 0 { None } else { Some(T::of_small(bits >> 1)) }
    }
}

impl<T: Pack + Plain> Pack for Option<T> {
    #[inline]
    fn pack(&self, w: &mut Writer) {
        w.put(u64::from(self.is_some()), 1);
        if let Some(value) = self {
            value.pack(w);
        }
    }

    #[inline]
    fn unpack(&mut self, r: &mut Reader<'_>) {
        *self = if r.take(1) == 0 { None } else { Some(read(r)) };
    }
}

impl<T: Plain> Plain for Box<T> {
    fn plain() -> Self {
        Self::new(T::plain())
    }
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, w: &mut Writer) {
        (**self).pack(w);
    }

    fn unpack(&mut self, r: &mut Reader<'_>) {
        (**self).unpack(r);
    }
}

impl<A: Plain, B: Plain> Plain for (A, B) {
    #[inline]
    fn plain() -> Self {
        (A::plain(), B::plain())
    }
}

impl<A: Small, B: Small> Small for (A, B) {
    const BITS: u32 = A::BITS + B::BITS;

    #[inline]
    fn small(&self) -> u64 {
        self.0.small() | self.1.small() << A::BITS
    }

    #[inline]
    fn of_small(bits: u64) -> Self {
        (A::of_small(bits), B::of_small(bits >> A::BITS))
    }
}

impl<A: Number, B: Number> Pack for (A, B) {
    #[inline]
    fn pack(&self, w: &mut Writer) {
        let row = [self.0.number(&mut w.near), self.1.number(&mut w.near)];
        w.row(row, [3, 5]);
    }

    #[inline]
    fn unpack(&mut self, r: &mut Reader<'_>) {
        let [a, b] = r.row([3, 5]);
        *self = (A::of(a, &mut r.near), B::of(b, &mut r.near));
    }
}

impl<T: Plain + Copy, const N: usize> Plain for [T; N] {
    #[inline]
    fn plain() -> Self {
        [T::plain(); N]
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    #[inline]
    fn pack(&self, w: &mut Writer) {
        for each in self {
            each.pack(w);
        }
    }

    #[inline]
    fn unpack(&mut self, r: &mut Reader<'_>) {
        for each in self {
            each.unpack(r);
        }
    }
}

impl<T> Plain for Vec<T> {
    #[inline]
    fn plain() -> Self {
        Self::new()
    }
}

/// Into the room that is there.
impl<T: Pack + Plain> Pack for Vec<T> {
    #[inline]
    fn pack(&self, w: &mut Writer) {
        w.row([self.len() as u64], [1]);
        for each in self {
            each.pack(w);
        }
    }

    #[inline]
    fn unpack(&mut self, r: &mut Reader<'_>) {
        self.clear();
        let [len] = r.row([1]);
        self.reserve_exact(len as usize);
        for _ in 0..len {
            self.push(read(r));
        }
    }
}

/// One more of its kind.
#[inline]
pub(in crate::track) fn read<T: Pack + Plain>(r: &mut Reader<'_>) -> T {
    let mut value = T::plain();
    value.unpack(r);
    value
}

/// A row of one.
macro_rules! alone {
    ($($kind:ty: $width:literal)*) => {$(
        impl Pack for $kind {
            #[inline]
            fn pack(&self, w: &mut Writer) {
                let number = self.number(&mut w.near);
                w.row([number], [$width]);
            }

            #[inline]
            fn unpack(&mut self, r: &mut Reader<'_>) {
                let [number] = r.row([$width]);
                *self = Self::of(number, &mut r.near);
            }
        }
    )*};
}

alone!(u16: 2 Timestamp: 5 Duration: 5);
