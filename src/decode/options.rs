//! TCP options to `Options` (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413).

use crate::tcp::{OptionFaults, Options, SeqNumber, Timestamps};

/// Reads the option bytes of a header into `options`, which has none yet. Where the capture `cut` them, an option that
/// runs past the end is not at fault.
#[inline]
pub(super) fn read(bytes: &[u8], cut: bool, options: &mut Options) {
    if let [1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] = *bytes {
        // What almost every segment of an open connection carries.
        let (value, echo) = (u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3]));
        options.timestamps = Some(Timestamps { value, echo });
        options.layout = digest(digest(digest(EMPTY, 1), 1), 8);
    } else {
        read_each(bytes, cut, options);
    }
}

/// Option by option.
fn read_each(mut bytes: &[u8], cut: bool, options: &mut Options) {
    let mut layout = EMPTY;
    while let [kind, rest @ ..] = bytes {
        layout = digest(layout, *kind);
        options.layout = layout;
        bytes = match kind {
            0 => return at_end(options, rest),
            1 => rest,
            _ => match one(*kind, rest, options) {
                Some(next) => next,
                None => {
                    let unfinished = cut && rest.first().is_none_or(|len| *len >= 2);
                    options.faults.set(if unfinished { OptionFaults::CUT } else { OptionFaults::BAD_LENGTH });
                    return;
                }
            },
        };
    }
}

/// After the end-of-options kind all bytes shall be zero (RFC 9293 §3.1, MUST-69).
fn at_end(options: &mut Options, padding: &[u8]) {
    if padding.iter().any(|byte| *byte != 0) {
        options.faults.set(OptionFaults::NONZERO_AFTER_END);
    }
}

/// An option whose kind was read: gives the bytes behind it, or nothing when its length can't be.
fn one<'a>(kind: u8, rest: &'a [u8], options: &mut Options) -> Option<&'a [u8]> {
    let len = usize::from(*rest.first()?).checked_sub(1).filter(|len| *len >= 1)?;
    let (option, next) = rest.split_at_checked(len)?;
    if value(kind, option.get(1..)?, options).is_none() {
        options.faults.set(OptionFaults::WRONG_FIXED_LENGTH);
    }
    Some(next)
}

/// An option's bytes without kind and length; nothing when the kind has another length than this.
fn value(kind: u8, bytes: &[u8], options: &mut Options) -> Option<()> {
    match kind {
        2 => options.mss = Some(u16::from_be_bytes(*exact(bytes)?)),
        3 => options.window_scale = exact::<1>(bytes).map(|[shift]| Some(*shift))?,
        4 => options.sack_permitted = exact::<0>(bytes).map(|_| true)?,
        5 => sack(bytes, options)?,
        8 => {
            let [v0, v1, v2, v3, e0, e1, e2, e3] = *exact(bytes)?;
            let (value, echo) = (u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3]));
            options.timestamps = Some(Timestamps { value, echo });
        }
        19 => options.md5 = exact::<16>(bytes).map(|_| true)?,
        // Key ids, then a code of any length (RFC 5925 §2.2).
        29 => options.ao = bytes.get(..2).map(|_| true)?,
        30 => options.mptcp = bytes.first().map(|_| true)?,
        34 => options.fast_open = Some(cookie(bytes)?),
        // The experimental kind of Fast Open has a magic number before the cookie (RFC 7413 §4.1.1, RFC 6994).
        254 => {
            if let [0xf9, 0x89, rest @ ..] = bytes {
                options.fast_open = Some(cookie(rest)?);
            }
        }
        _ => {}
    }
    Some(())
}

/// Bytes of just this many.
fn exact<const N: usize>(bytes: &[u8]) -> Option<&[u8; N]> {
    bytes.try_into().ok()
}

/// The length of a Fast Open cookie: none for a request, else 4 to 16 and even (RFC 7413 §4.1.1).
fn cookie(bytes: &[u8]) -> Option<u8> {
    let len = u8::try_from(bytes.len()).ok()?;
    matches!(len, 0 | 4 | 6 | 8 | 10 | 12 | 14 | 16).then_some(len)
}

/// One to four blocks of two sequence numbers (RFC 2018 §3).
fn sack(bytes: &[u8], options: &mut Options) -> Option<()> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(8) {
        return None;
    }
    for block in bytes.chunks_exact(8) {
        let [l0, l1, l2, l3, r0, r1, r2, r3] = *exact(block)?;
        let left = SeqNumber(u32::from_be_bytes([l0, l1, l2, l3]));
        options.sack.push(left, SeqNumber(u32::from_be_bytes([r0, r1, r2, r3])));
    }
    Some(())
}

/// FNV-1a over the kinds, 32 bits (draft-eastlake-fnv).
const fn digest(so_far: u32, kind: u8) -> u32 {
    (so_far ^ kind as u32).wrapping_mul(0x0100_0193)
}

/// The digest of nothing; a header without options has layout 0 instead.
const EMPTY: u32 = 0x811c_9dc5;
