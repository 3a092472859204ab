//! How what is made of others is written: options, pairs, lists, boxes.

use super::fields::{Number, Pack, Plain, Small};
use super::words::{Near, Reader, Row, Writer};
use crate::tcp::{Duration, Timestamp};

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
        w.row(row, const { &Row::of([5, 5]) });
    }

    #[inline]
    fn unpack(&mut self, r: &mut Reader<'_>) {
        let [a, b] = r.row(const { &Row::of([5, 5]) });
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
        w.row([self.len() as u64], const { &Row::of([1]) });
        for each in self {
            each.pack(w);
        }
    }

    #[inline]
    fn unpack(&mut self, r: &mut Reader<'_>) {
        self.clear();
        let [len] = r.row(const { &Row::of([1]) });
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
                w.row([number], const { &Row::of([$width]) });
            }

            #[inline]
            fn unpack(&mut self, r: &mut Reader<'_>) {
                let [number] = r.row(const { &Row::of([$width]) });
                *self = Self::of(number, &mut r.near);
            }
        }
    )*};
}

alone!(u16: 2 Timestamp: 5 Duration: 5);
