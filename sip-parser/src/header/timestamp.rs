//! Timestamp (RFC 3261 20.38): when the sender sent, by its own clock, and how long the answer
//! took.

use super::write::put_class;
use super::{At, Value, grammar};
use crate::Fault;
use crate::lex::{class, peek, skip_lws, span};
use bytes::{BufMut, BytesMut};

/// The value of a Timestamp header. Both are decimal seconds as received, such as `54.21`; the
/// clock they count by is the sender's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// When it was sent.
    pub time: &'a [u8],
    /// How long the request waited for the response, when it says so.
    pub delay: Option<&'a [u8]>,
}

impl Timestamp<'_> {
    /// `delay` in microseconds, further digits cut off; None when it is absent or too large.
    pub fn delay_micros(&self) -> Option<u64> {
        micros(self.delay?)
    }

    /// `time` in microseconds, further digits cut off; None when it is too large.
    pub fn micros(&self) -> Option<u64> {
        micros(self.time)
    }
}

fn micros(text: &[u8]) -> Option<u64> {
    let mut parts = text.splitn(2, |b| *b == b'.');
    let (whole, fraction) = (parts.next()?, parts.next().unwrap_or_default());
    let mut n = 0u64;
    let padding = core::iter::repeat(&b'0');
    for b in whole.iter().chain(fraction.iter().chain(padding).take(6)) {
        let digit = char::from(*b).to_digit(10)?;
        n = n.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(n)
}

public_face!(Timestamp: Timestamp);

/// The offset after `*DIGIT ["." *DIGIT]` at `at`.
fn decimal_end(s: &[u8], at: usize) -> usize {
    let end = span(s, at, class::DIGIT);
    if peek(s, end) == b'.' { span(s, end + 1, class::DIGIT) } else { end }
}

/// Digits and one point of what may be anything.
fn put_decimal(out: &mut BytesMut, text: &[u8]) {
    if decimal_end(text, 0) == text.len() && text.first().is_some_and(u8::is_ascii_digit) {
        out.put_slice(text);
    } else {
        out.put_u8(b'0');
    }
}

impl<'a> Value<'a> for Timestamp<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Timestamp<'a>, usize)> {
        grammar::present(s, at)?;
        let end = decimal_end(s, at);
        if !peek(s, at).is_ascii_digit() {
            return Err((Fault::Number, at));
        }
        let time = s.get(at..end).unwrap_or_default();
        let delay_at = skip_lws(s, end);
        if delay_at == end || delay_at >= s.len() {
            return Ok((Timestamp { time, delay: None }, grammar::ending(s, end)?));
        }
        let end = decimal_end(s, delay_at);
        let delay = s.get(delay_at..end).filter(|d| d.iter().any(u8::is_ascii_digit));
        if delay.is_none() {
            return Err((Fault::Number, delay_at));
        }
        Ok((Timestamp { time, delay }, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        put_decimal(out, self.time);
        if let Some(delay) = self.delay {
            out.put_u8(b' ');
            // A delay may begin with its point.
            match delay {
                [b'.', digits @ ..] if !digits.is_empty() => {
                    out.put_slice(b"0.");
                    put_class(out, digits, class::TOKEN);
                }
                delay => put_decimal(out, delay),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_delays_are_decimal_seconds() {
        let t = Timestamp::parse(b"54.21  0.5").unwrap();
        assert_eq!((t.micros(), t.delay_micros()), (Some(54_210_000), Some(500_000)));
        assert_eq!(t.to_string(), "54.21 0.5");
        let t = Timestamp::parse(b"54").unwrap();
        assert_eq!((t.micros(), t.delay), (Some(54_000_000), None));
        assert_eq!(Timestamp::parse(b"1.1234567").unwrap().micros(), Some(1_123_456));
        assert_eq!(Timestamp::parse(b"99999999999999999999").unwrap().micros(), None);
        assert_eq!(Timestamp::parse(b"1. .25").unwrap().to_string(), "1. 0.25");
    }

    #[test]
    fn malformed_times_say_where() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"now", Fault::Number, 0),
            (b".5", Fault::Number, 0),
            (b"1.2.3", Fault::Syntax, 3),
            (b"1 x", Fault::Number, 2),
            (b"1 2 3", Fault::Syntax, 4),
        ] {
            let e = Timestamp::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
