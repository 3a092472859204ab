//! Capture times as text: RFC 3339, seconds since 1970, or since the first packet. Any `Timestamp` has a text.

use jiff::tz::{Offset, TimeZone};

use crate::tcp::Timestamp;

/// How times are written.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeStyle {
    /// `2026-11-22T10:00:00.123456789Z`.
    Utc,
    /// In this zone, with its offset.
    Zone(TimeZone),
    /// Seconds since 1970.
    Epoch,
    /// Seconds since the first packet of the input.
    Relative,
}

/// A style and the time it counts from.
#[derive(Clone, Debug)]
pub struct Clock<'a> {
    /// How times are written.
    pub style: &'a TimeStyle,
    /// Time of the first packet, for [`TimeStyle::Relative`].
    pub start: Timestamp,
    /// Digits after the point, at most 9.
    pub digits: usize,
}

impl Clock<'_> {
    /// The text of a time.
    pub fn text(&self, at: Timestamp) -> String {
        match self.style {
            TimeStyle::Utc => format!("{}Z", self.civil(at, Offset::UTC)),
            TimeStyle::Zone(zone) => {
                let offset = zone.to_offset(moment(at));
                format!("{}{}", self.civil(at, offset), offset_text(offset))
            }
            TimeStyle::Epoch => self.seconds(i128::from(at.0)),
            TimeStyle::Relative => self.seconds(i128::from(at.0) - i128::from(self.start.0)),
        }
    }

    fn civil(&self, at: Timestamp, offset: Offset) -> String {
        let mut text = [0; 29];
        write_civil(at, offset, &mut text);
        let end = match self.digits {
            0 => 19,
            digits => 20 + digits.min(9),
        };
        String::from_utf8_lossy(&text[..end]).into_owned()
    }

    fn seconds(&self, ns: i128) -> String {
        let sign = if ns < 0 { "-" } else { "" };
        let (whole, part) = (ns.unsigned_abs() / 1_000_000_000, ns.unsigned_abs() % 1_000_000_000);
        let mut text = format!("{sign}{whole}.{part:09}");
        text.truncate(text.len() - 9 + self.digits.min(9));
        text
    }
}

/// RFC 3339 in UTC with nine digits, such as `2026-11-22T10:00:00.123456789Z`; ASCII.
pub fn rfc3339(at: Timestamp) -> [u8; 30] {
    let mut text = [b'Z'; 30];
    if let Some(civil) = text.first_chunk_mut() {
        write_civil(at, Offset::UTC, civil);
    }
    text
}

/// `2026-11-22T10:00:00.123456789` in the offset.
fn write_civil(at: Timestamp, offset: Offset, text: &mut [u8; 29]) {
    let local = i128::from(at.0) + i128::from(offset.seconds()) * 1_000_000_000;
    let (seconds, nanoseconds) =
        (local.div_euclid(1_000_000_000) as i64, local.rem_euclid(1_000_000_000) as u32);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
    let (year, month, date) = civil(day);
    *text = *b"0000-00-00T00:00:00.000000000";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], date);
    digits(&mut text[11..13], second / 3600);
    digits(&mut text[14..16], second / 60 % 60);
    digits(&mut text[17..19], second % 60);
    digits(&mut text[20..29], nanoseconds);
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar, for years from 0 on. A line of
/// output holds twenty times, and a date library's general way took a tenth of its cost. March comes first, so that
/// the leap day is the last of its year; 400 years are 146,097 days.
fn civil(day: i64) -> (u32, u32, u32) {
    let day = day + 719_468; // from 0000-03-01
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097) as u32);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era as u32 * 400 + year_of_era + u32::from(month <= 2);
    (year, month, date)
}

/// Every 64-bit number of nanoseconds lies between the years 1677 and 2262, well inside what jiff holds.
fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(at.0.into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Fills the slice with the last digits of the number.
fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// `+02:00`.
fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(ns: i64) -> String {
        String::from_utf8(rfc3339(Timestamp(ns)).to_vec()).expect("ASCII")
    }

    #[test]
    fn any_number_of_nanoseconds_has_a_date() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(utc(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(utc(1_795_341_600_123_456_789), "2026-11-22T10:00:00.123456789Z");
        assert_eq!(utc(951_782_400_000_000_000), "2000-02-29T00:00:00.000000000Z");
        assert_eq!(utc(i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(utc(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    }

    #[test]
    fn dates_are_jiffs() {
        for day in -106_000..=106_000_i64 {
            let at = Timestamp(day * 86_400_000_000_000);
            let date = Offset::UTC.to_datetime(moment(at)).date();
            let wanted = (date.year() as u32, date.month() as u32, date.day() as u32);
            assert_eq!(civil(day), wanted, "day {day}");
        }
    }

    #[test]
    fn each_style_keeps_its_digits() {
        let start = Timestamp(1_795_341_600_000_000_000);
        let at = Timestamp(start.0 + 1_030_000_500);
        let text = |style: TimeStyle, digits| Clock { style: &style, start, digits }.text(at);
        let zone = TimeZone::fixed(jiff::tz::offset(-3).saturating_sub(jiff::SignedDuration::from_mins(30)));
        assert_eq!(text(TimeStyle::Utc, 6), "2026-11-22T10:00:01.030000Z");
        assert_eq!(text(TimeStyle::Zone(zone), 0), "2026-11-22T06:30:01-03:30");
        assert_eq!(text(TimeStyle::Epoch, 9), "1795341601.030000500");
        assert_eq!(text(TimeStyle::Relative, 6), "1.030000");
    }

    #[test]
    fn times_before_the_first_packet_are_negative() {
        let clock = Clock { style: &TimeStyle::Relative, start: Timestamp(5), digits: 9 };
        assert_eq!(clock.text(Timestamp(4)), "-0.000000001");
        assert_eq!(Clock { start: Timestamp::MAX, ..clock }.text(Timestamp::MIN), "-18446744073.709551615");
    }
}
