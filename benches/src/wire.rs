//! As much reading of SIP as a load generator needs: which header a line is, the status, and the
//! key that the generator itself put into the Call-ID.
//!
//! Not a parser: it reads messages that started as the generator's own templates and came back
//! through a proxy. Folded lines are not understood; neither server that is measured makes any.

/// The headers that the generator copies or looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Via, to be echoed in responses.
    Via,
    /// From, echoed.
    From,
    /// To, echoed with the answerer's tag.
    To,
    /// Call-ID, which carries the key.
    CallId,
    /// CSeq, which tells the transactions of one call apart.
    CSeq,
    /// Record-Route, echoed by the answerer and turned into Route by the caller.
    RecordRoute,
    /// Contact, the remote target.
    Contact,
    /// Anything else.
    Other,
}

/// The lines of a message without their line ends, from the start line up to the empty line.
pub fn lines(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() { None } else { Some(line) }
    })
}

/// Which header a line is, and its value without the blanks in front.
pub fn header(line: &[u8]) -> (Kind, &[u8]) {
    // The first byte decides for nearly all lines that do not matter.
    let kind = match line.first().map(u8::to_ascii_lowercase) {
        Some(b'v') => of(line, &[(b"via", Kind::Via), (b"v", Kind::Via)]),
        Some(b'f') => of(line, &[(b"from", Kind::From), (b"f", Kind::From)]),
        Some(b't') => of(line, &[(b"to", Kind::To), (b"t", Kind::To)]),
        Some(b'i') => of(line, &[(b"i", Kind::CallId)]),
        Some(b'c') => of(
            line,
            &[(b"call-id", Kind::CallId), (b"cseq", Kind::CSeq), (b"contact", Kind::Contact)],
        ),
        Some(b'm') => of(line, &[(b"m", Kind::Contact)]),
        Some(b'r') => of(line, &[(b"record-route", Kind::RecordRoute)]),
        _ => None,
    };
    kind.unwrap_or((Kind::Other, line))
}

fn of<'a>(line: &'a [u8], names: &[(&[u8], Kind)]) -> Option<(Kind, &'a [u8])> {
    names.iter().find_map(|(name, kind)| {
        let (head, rest) = line.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b":")?;
        head.eq_ignore_ascii_case(name).then(|| (*kind, value.trim_ascii_start()))
    })
}

/// The status of a response's start line; `None` for requests.
pub fn status(message: &[u8]) -> Option<u16> {
    let digits = message.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    digits.iter().try_fold(0, |n: u16, d| d.is_ascii_digit().then(|| n * 10 + u16::from(d - b'0')))
}

/// The key at the start of a Call-ID: 16 hexadecimal digits.
pub fn key(call_id: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(call_id.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

/// The key and the CSeq value of a message, found in one pass.
pub fn identify(message: &[u8]) -> Option<(u64, &[u8])> {
    let (mut id, mut seq) = (None, None);
    for line in lines(message) {
        match header(line) {
            (Kind::CallId, value) => id = Some(key(value)?),
            (Kind::CSeq, value) => seq = Some(value),
            _ => continue,
        }
        if let (Some(id), Some(seq)) = (id, seq) {
            return Some((id, seq));
        }
    }
    None
}

/// Appends the head of a response up to its own headers, as RFC 3261 8.2.6.2 says, with
/// Record-Route as 12.1.1 says. `start_line` has its line end; `tag` is added to a To without one.
pub fn response(start_line: &[u8], request: &[u8], tag: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(start_line);
    for line in lines(request).skip(1) {
        match header(line).0 {
            Kind::Via | Kind::From | Kind::CallId | Kind::CSeq | Kind::RecordRoute => {
                out.extend_from_slice(line);
            }
            Kind::To => {
                out.extend_from_slice(line);
                if memchr::memmem::find(line, b";tag=").is_none() {
                    out.extend_from_slice(b";tag=");
                    out.extend_from_slice(tag);
                }
            }
            Kind::Contact | Kind::Other => continue,
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stop_before_the_body() {
        let got: Vec<_> = lines(b"A\r\nB: 1\r\n\r\nC: 2\r\n").collect();
        assert_eq!(got, [b"A".as_slice(), b"B: 1"]);
    }

    #[test]
    fn names_are_read_in_any_case_and_short() {
        assert_eq!(header(b"VIA: x"), (Kind::Via, b"x".as_slice()));
        assert_eq!(header(b"m:<sip:a@b>"), (Kind::Contact, b"<sip:a@b>".as_slice()));
        assert_eq!(header(b"To-Do: x").0, Kind::Other);
        assert_eq!(header(b"Content-Length: 0").0, Kind::Other);
    }

    #[test]
    fn a_message_is_identified_by_call_id_and_cseq() {
        let message = b"SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\nCall-ID: 00000000000000ff@x\r\n\r\n";
        assert_eq!(status(message), Some(200));
        assert_eq!(identify(message), Some((255, b"2 BYE".as_slice())));
        assert_eq!(identify(b"SIP/2.0 200 OK\r\nCall-ID: nonsense\r\n\r\n"), None);
        assert_eq!(status(b"BYE sip:a SIP/2.0\r\n"), None);
        assert_eq!(status(b"SIP/2.0 2x0 OK\r\n"), None);
    }

    #[test]
    fn a_response_echoes_what_the_rfc_says_and_tags_to_once() {
        let request = b"INVITE sip:a SIP/2.0\r\nVia: 1\r\nVia: 2\r\nRecord-Route: <sip:p;lr>\r\n\
            Max-Forwards: 1\r\nFrom: f\r\nTo: <sip:t>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\nbody";
        let mut out = Vec::new();
        response(b"SIP/2.0 200 OK\r\n", request, b"x", &mut out);
        let text = String::from_utf8(out.clone()).expect("text");
        let wanted = "SIP/2.0 200 OK\r\nVia: 1\r\nVia: 2\r\nRecord-Route: <sip:p;lr>\r\nFrom: f\r\n\
            To: <sip:t>;tag=x\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n";
        assert_eq!(text, wanted);
        let mut again = Vec::new();
        out.extend_from_slice(b"\r\n");
        response(b"SIP/2.0 200 OK\r\n", &out, b"y", &mut again);
        assert_eq!(String::from_utf8(again).expect("text"), wanted);
    }
}
