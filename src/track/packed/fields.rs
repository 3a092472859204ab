//! Structs as lists of their fields, and what a field must be for that.

use super::words::{Near, Reader, Writer};

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
/// bytes it mostly needs; then parts that are written for themselves. Fields `beside` are left out. One that is not listed
/// does not compile.
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
                    w.row(row, const { &$crate::track::packed::Row::of([$($width),*]) });
                )*
                $($crate::track::packed::Pack::pack($part, w);)*
            }

            fn unpack(&mut self, r: &mut $crate::track::packed::Reader<'_>) {
                let fold = $crate::track::packed::Fold::read(r);
                $(let ($small, fold) = fold.take();)*
                fold.end(r);
                $(self.$small = $small;)*
                $(
                    let [$($number),*] = r.row(const { &$crate::track::packed::Row::of([$($width),*]) });
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
