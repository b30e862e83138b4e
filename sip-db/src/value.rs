//! The values that go into and come out of a database, and the civil calendar that text dates
//! are written in.

use bytes::Bytes;

/// What a column holds, so that a driver can store a value in its own way and read it back as
/// the same [`Value`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A signed integer of 64 bits.
    Int,
    /// A floating point number.
    Real,
    /// Text; bytes that are no UTF-8 pass through where the database takes them.
    Text,
    /// Bytes.
    Blob,
    /// A point in time, whole seconds of UTC. SQLite stores it as a Julian day, as Kamailio's
    /// `db_sqlite` does; servers have a type for it.
    Time,
}

/// One value.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(Bytes),
    /// Bytes.
    Blob(Bytes),
    /// Seconds since the Unix epoch, UTC.
    Time(i64),
}

impl Value {
    /// A text value that owns a copy of `s`.
    #[must_use]
    pub fn text(s: impl AsRef<[u8]>) -> Self {
        Self::Text(Bytes::copy_from_slice(s.as_ref()))
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The integer; a real that is whole and a time count as one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(v) | Self::Time(v) => Some(*v),
            Self::Real(v) if v.fract() == 0.0 && v.abs() < 9e15 => Some(*v as i64),
            _ => None,
        }
    }

    /// The number; an integer counts as one.
    #[must_use]
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Self::Real(v) => Some(*v),
            Self::Int(v) => Some(*v as f64),
            _ => None,
        }
    }

    /// The bytes of a text or a blob.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Text(b) | Self::Blob(b) => Some(b),
            _ => None,
        }
    }

    /// How two values sort: nothing first, then numbers and times, text, blobs. Numbers of
    /// different kinds compare by value.
    #[must_use]
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Blob(a), Self::Blob(b)) => a.cmp(b),
            (Self::Int(a) | Self::Time(a), Self::Int(b) | Self::Time(b)) => a.cmp(b),
            _ => match (self.as_real_or_time(), other.as_real_or_time()) {
                (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
                _ => self.class().cmp(&other.class()),
            },
        }
    }

    const fn as_real_or_time(&self) -> Option<f64> {
        match self {
            Self::Real(v) => Some(*v),
            Self::Int(v) | Self::Time(v) => Some(*v as f64),
            _ => None,
        }
    }

    const fn class(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Int(_) | Self::Real(_) | Self::Time(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        }
    }
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<u32> for Value {
    fn from(v: u32) -> Self {
        Self::Int(i64::from(v))
    }
}

/// A point in time on the Gregorian calendar, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    /// The year, as 2026.
    pub year: i64,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59.
    pub second: u8,
    /// The day of the week, 0 for Sunday.
    pub weekday: u8,
}

impl Civil {
    /// The calendar's reading of `secs` seconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix(secs: i64) -> Self {
        let days = secs.div_euclid(86_400);
        let rest = secs.rem_euclid(86_400);
        // Eras of 400 years that begin on a 1 March, so that a leap day ends its year.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let doe = shifted.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Self {
            year: yoe + era * 400 + (month <= 2) as i64,
            month: month as u8,
            day: (doy - (153 * mp + 2) / 5 + 1) as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
        }
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn to_unix(self) -> i64 {
        let year = self.year - (self.month <= 2) as i64;
        let era = year.div_euclid(400);
        let yoe = year.rem_euclid(400);
        let mp = (self.month as i64 + 9) % 12;
        let doy = (153 * mp + 2) / 5 + self.day as i64 - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let days = era * 146_097 + doe - 719_468;
        days * 86_400 + self.hour as i64 * 3600 + self.minute as i64 * 60 + self.second as i64
    }

    /// Reads `YYYY-MM-DD HH:MM:SS` (a `T` between is fine, what follows the seconds is ignored);
    /// `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            text.get(range)?
                .iter()
                .try_fold(0, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
        };
        let at = |i: usize, set: &[u8]| text.get(i).is_some_and(|c| set.contains(c));
        let marks = at(4, b"-") && at(7, b"-") && at(10, b" T") && at(13, b":") && at(16, b":");
        let part = |start: usize, low: i64, high: i64| -> Option<u8> {
            let n = number(start..start + 2)?;
            u8::try_from(n).ok().filter(|_| marks && (low..=high).contains(&n))
        };
        let civil = Self {
            year: number(0..4)?,
            month: part(5, 1, 12)?,
            day: part(8, 1, 31)?,
            hour: part(11, 0, 23)?,
            minute: part(14, 0, 59)?,
            second: part(17, 0, 60)?,
            weekday: 0,
        };
        Some(Self::from_unix(civil.to_unix()))
    }
}

impl std::fmt::Display for Civil {
    /// `YYYY-MM-DD HH:MM:SS`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates_have_their_seconds_and_weekdays() {
        for (secs, text, weekday) in [
            (0, "1970-01-01 00:00:00", 4),
            (951_782_400, "2000-02-29 00:00:00", 2),
            (1_000_000_000, "2001-09-09 01:46:40", 0),
            (4_107_542_399, "2100-02-28 23:59:59", 0),
            (-1, "1969-12-31 23:59:59", 3),
        ] {
            let civil = Civil::from_unix(secs);
            assert_eq!((civil.to_string().as_str(), civil.weekday), (text, weekday));
            assert_eq!(Civil::parse(text.as_bytes()), Some(civil));
        }
        for bad in ["", "2000-02-29", "2000-13-01 00:00:00", "2000/02/29 00:00:00", "x"] {
            assert_eq!(Civil::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers_sort_by_value_across_kinds() {
        use std::cmp::Ordering::{Greater, Less};
        assert_eq!(Value::Int(2).order(&Value::Real(2.5)), Less);
        assert_eq!(Value::Null.order(&Value::Int(i64::MIN)), Less);
        assert_eq!(Value::text("a").order(&Value::Int(9)), Greater);
    }

    proptest! {
        #[test]
        fn a_date_survives_the_calendar(secs in -60_000_000_000_i64..250_000_000_000) {
            prop_assert_eq!(Civil::from_unix(secs).to_unix(), secs);
        }
    }
}
