//! Date (RFC 3261 20.17): RFC 1123 form, always GMT. Owns the conversion to seconds and back;
//! reads no clock.

use super::grammar::{self, Parsed};
use super::{At, Value};
use crate::{Fault, HeaderError, HeaderId};
use bytes::BytesMut;
use core::fmt;
use nom::Parser;
use nom::bytes::complete::{tag, take_while_m_n};
use nom::combinator::map_opt;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A point in time, in seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
/// `Display` writes it as SIP does: `Sat, 13 Nov 2010 23:29:00 GMT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Seconds since the epoch. Dates before it are refused.
    pub unix: u64,
}

/// Days from the epoch to a date, by counting in 400-year eras that begin in March.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since the epoch.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn fixed(digits: usize) -> impl Fn(&[u8]) -> Parsed<'_, u64> {
    move |s| {
        map_opt(take_while_m_n(digits, digits, |b: u8| b.is_ascii_digit()), |d: &[u8]| {
            crate::lex::number(d).map(u64::from)
        })
        .parse(s)
    }
}

fn word<'a>(names: &'static [&'static str]) -> impl Fn(&'a [u8]) -> Parsed<'a, u64> {
    move |s| {
        map_opt(take_while_m_n(3, 3, |b: u8| b.is_ascii_alphabetic()), |w: &[u8]| {
            let i = names.iter().position(|n| n.as_bytes().eq_ignore_ascii_case(w))?;
            u64::try_from(i).ok()
        })
        .parse(s)
    }
}

impl Date {
    /// Parses `s`, which must be one date and nothing else. The name of the day is not checked
    /// against the date.
    pub fn parse(s: &[u8]) -> Result<Date, HeaderError> {
        super::parse_alone(s, HeaderId::Date)
    }

    /// Appends the date as SIP writes it.
    pub fn write(&self, out: &mut BytesMut) {
        self.put(out);
    }
}

impl Value<'_> for Date {
    fn parse_member(s: &[u8], at: usize, _: u32) -> At<(Date, usize)> {
        let date = (word(&DAYS), tag(&b", "[..]), fixed(2), tag(&b" "[..]), word(&MONTHS));
        let clock = (fixed(2), tag(&b":"[..]), fixed(2), tag(&b":"[..]), fixed(2));
        let all = (date, tag(&b" "[..]), fixed(4), tag(&b" "[..]), clock, tag(&b" GMT"[..]));
        let (((_, _, day, _, month), _, year, _, (h, _, m, _, sec), _), end) =
            grammar::run(s, at, all)?;
        let month = month + 1;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if year < 1970 || day == 0 || day > last || h > 23 || m > 59 || sec > 60 {
            return Err((Fault::Number, at));
        }
        let unix = days_from_civil(year, month, day) * 86_400 + h * 3600 + m * 60 + sec;
        Ok((Date { unix }, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        super::write::put_shown(out, self);
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, secs) = (self.unix / 86_400, self.unix % 86_400);
        let (year, month, day) = civil_from_days(days);
        let name = |names: &[&'static str], i: u64| {
            usize::try_from(i).ok().and_then(|i| names.get(i)).copied().unwrap_or_default()
        };
        let (week, month) = (name(&DAYS, days % 7), name(&MONTHS, month - 1));
        let (h, m, s) = (secs / 3600, secs / 60 % 60, secs % 60);
        write!(f, "{week}, {day:02} {month} {year:04} {h:02}:{m:02}:{s:02} GMT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_and_written() {
        let d = Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
        assert_eq!(d.unix, 1_289_690_940);
        assert_eq!(d.to_string(), "Sat, 13 Nov 2010 23:29:00 GMT");
        let e = Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT+1").unwrap_err();
        assert_eq!((e.fault, e.offset), (Fault::Syntax, 29));
        assert_eq!(Date { unix: 0 }.to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn other_zones_and_impossible_days_are_refused() {
        for (s, fault) in [
            ("Fri, 01 Jan 2010 16:00:00 EST", Fault::Syntax),
            ("Fri, 30 Feb 2010 16:00:00 GMT", Fault::Number),
            ("Fri, 01 Jan 1969 16:00:00 GMT", Fault::Number),
            ("Fri, 1 Jan 2010 16:00:00 GMT", Fault::Syntax),
            ("Fri, 01 Jan 2010 24:00:00 GMT", Fault::Number),
        ] {
            assert_eq!(Date::parse(s.as_bytes()).map_err(|e| e.fault), Err(fault), "{s}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(unix in 0u64..253_402_300_800) {
            let date = Date { unix };
            prop_assert_eq!(Date::parse(date.to_string().as_bytes()), Ok(date));
        }
    }
}
