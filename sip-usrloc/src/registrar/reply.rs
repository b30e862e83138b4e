//! The headers of a 200 for a REGISTER, written straight into the answer (RFC 3261 10.3 step 8).

use std::cell::Cell;

use bytes::{BufMut, BytesMut};
use sip_core::time::WallTime;
use sip_db::Civil;

use crate::contact::{Contact, PERMANENT};

/// What the 200 says beside the bindings.
#[derive(Clone, Debug)]
pub struct ReplyParams {
    /// The name of the contact parameter with the client's real address, empty for none
    /// (registrar `received_param`).
    pub received_param: Vec<u8>,
    /// Send a Date header (RFC 3261 10.3 step 8: SHOULD).
    pub date: bool,
}

impl Default for ReplyParams {
    /// `received`, and a Date.
    fn default() -> Self {
        Self { received_param: b"received".to_vec(), date: true }
    }
}

/// Writes one Contact header with `contacts` in order, each with its q, if it has one, and its
/// remaining lifetime; nothing when there are none. `now`: seconds of wall time.
pub(crate) fn write_contacts<'a>(
    out: &mut BytesMut,
    contacts: impl Iterator<Item = &'a Contact>,
    now: u32,
    params: &ReplyParams,
) {
    let mut first = true;
    for contact in contacts {
        out.reserve(contact.heap_size() + 64);
        out.put_slice(if first { b"Contact: <" } else { b", <" });
        first = false;
        write_contact(out, contact, now, params);
    }
    if !first {
        out.put_slice(b"\r\n");
    }
}

fn write_contact(out: &mut BytesMut, contact: &Contact, now: u32, params: &ReplyParams) {
    out.put_slice(contact.uri());
    out.put_u8(b'>');
    if let Some(q) = contact.q() {
        out.put_slice(b";q=");
        write_q(out, q);
    }
    out.put_slice(b";expires=");
    write_number(out, remaining(contact.expires(), now));
    if !contact.received().is_empty() && !params.received_param.is_empty() {
        out.put_u8(b';');
        out.put_slice(&params.received_param);
        out.put_slice(b"=\"");
        out.put_slice(contact.received());
        out.put_u8(b'"');
    }
    if !contact.instance().is_empty() {
        out.put_slice(b";+sip.instance=\"");
        out.put_slice(contact.instance());
        out.put_u8(b'"');
    }
    if contact.reg_id() != 0 {
        out.put_slice(b";reg-id=");
        write_number(out, contact.reg_id());
    }
}

/// The seconds left; a permanent binding is told as a day, to be refreshed or not.
fn remaining(expires: u32, now: u32) -> u32 {
    if expires == PERMANENT { 86_400 } else { expires.saturating_sub(now) }
}

/// Writes a number in decimal.
pub(crate) fn write_number(out: &mut BytesMut, value: u32) {
    let mut digits = [0u8; 10];
    let mut at = digits.len();
    let mut rest = value;
    while at > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}

/// Writes a q in thousandths as `1`, `0.75`, `0` (RFC 3261 25.1 qvalue).
fn write_q(out: &mut BytesMut, q: u16) {
    if q >= 1000 {
        return out.put_u8(b'1');
    }
    out.put_u8(b'0');
    let mut rest = q;
    let mut unit = 100;
    if rest > 0 {
        out.put_u8(b'.');
    }
    while rest > 0 && unit > 0 {
        out.put_u8(b'0' + (rest / unit) as u8);
        rest %= unit;
        unit /= 10;
    }
}

/// Writes a Date header (RFC 3261 20.17).
pub fn write_date(out: &mut BytesMut, now: WallTime) {
    let secs = now.as_secs();
    let (at, line) = LAST_DATE.get();
    if at == secs {
        return out.put_slice(&line);
    }
    let line = date_line(secs);
    LAST_DATE.set((secs, line));
    out.put_slice(&line);
}

type DateLine = [u8; 37];

thread_local! {
    /// The line of the second that was last asked for: a thousand answers say the same.
    static LAST_DATE: Cell<(u64, DateLine)> = const { Cell::new((0, EPOCH)) };
}

const EPOCH: DateLine = *b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

fn date_line(secs: u64) -> DateLine {
    const DAYS: &[u8; 21] = b"SunMonTueWedThuFriSat";
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let civil = Civil::from_unix(i64::try_from(secs).unwrap_or(i64::MAX));
    let mut line = EPOCH;
    let mut word = |at: usize, names: &[u8], index: u8| {
        let start = usize::from(index) * 3;
        if let Some(name) = names.get(start..start + 3) {
            line[at..at + 3].copy_from_slice(name);
        }
    };
    word(6, DAYS, civil.weekday);
    word(14, MONTHS, civil.month.saturating_sub(1));
    let mut two = |at: usize, n: u8| {
        line[at] = b'0' + n / 10 % 10;
        line[at + 1] = b'0' + n % 10;
    };
    let year = u16::try_from(civil.year).unwrap_or_default();
    two(11, civil.day);
    two(18, (year / 100 % 100) as u8);
    two(20, (year % 100) as u8);
    two(23, civil.hour);
    two(26, civil.minute);
    two(29, civil.second);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::ContactData;

    fn written(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn contacts_stand_in_one_header_with_what_is_known_of_each() {
        let plain = ContactData { uri: b"sip:a@h", expires: 1300, ..ContactData::default() };
        let full = ContactData {
            uri: b"sip:b@h;transport=tcp",
            expires: 1060,
            q: Some(750),
            received: b"sip:192.0.2.1:5061",
            instance: b"<urn:uuid:1>",
            reg_id: 2,
            ..ContactData::default()
        };
        let contacts = [plain, full].map(|d| Contact::new(&d, b""));
        let params = ReplyParams::default();
        assert_eq!(
            written(|out| write_contacts(out, contacts.iter(), 1000, &params)),
            "Contact: <sip:a@h>;expires=300, <sip:b@h;transport=tcp>;q=0.75;expires=60;\
             received=\"sip:192.0.2.1:5061\";+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n"
        );
        assert_eq!(written(|out| write_contacts(out, [].iter(), 1000, &params)), "");
    }

    #[test]
    fn q_values_are_as_short_as_they_can_be() {
        for (q, text) in [(1000, "1"), (750, "0.75"), (500, "0.5"), (1, "0.001"), (50, "0.05")] {
            assert_eq!(written(|out| write_q(out, q)), text);
        }
        assert_eq!(written(|out| write_q(out, 0)), "0");
    }

    #[test]
    fn numbers_are_written_to_their_edges() {
        for n in [0, 9, 10, 3600, u32::MAX] {
            assert_eq!(written(|out| write_number(out, n)), n.to_string());
        }
    }

    #[test]
    fn the_date_is_the_rfcs() {
        let date = |secs| written(|out| write_date(out, WallTime::from_secs(secs)));
        assert_eq!(date(1_289_690_940), "Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n");
        assert_eq!(date(0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
    }
}
