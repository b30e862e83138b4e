//! One member of a comma list, and where the next one begins.

use looseroute::parser::{Fault, HeaderError};

/// A member that was read.
pub(crate) struct Member<'a, T> {
    pub(crate) value: T,
    /// Its text, white space at the ends not counted.
    pub(crate) text: &'a [u8],
    /// Offset in the list of the comma behind it, or of the list's end.
    pub(crate) end: usize,
}

/// Reads the member that begins at `from` with the parser of a lone value: where that stops at a
/// comma, the member ends. A malformed member is an error with its offset in the list.
pub(crate) fn member<'a, T>(
    list: &'a [u8],
    from: usize,
    parse: impl Fn(&'a [u8]) -> Result<T, HeaderError>,
) -> Result<Member<'a, T>, HeaderError> {
    let moved = |e: HeaderError| {
        let by = u32::try_from(from).unwrap_or(u32::MAX);
        HeaderError { offset: e.offset.saturating_add(by), ..e }
    };
    let rest = list.get(from..).unwrap_or_default();
    let error = match parse(rest) {
        Ok(value) => return Ok(Member { value, text: rest.trim_ascii(), end: list.len() }),
        Err(error) => error,
    };
    let comma = error.offset as usize;
    if error.fault != Fault::Syntax || rest.get(comma) != Some(&b',') {
        return Err(moved(error));
    }
    let text = rest.get(..comma).unwrap_or_default();
    let value = parse(text).map_err(moved)?;
    Ok(Member { value, text: text.trim_ascii(), end: from + comma })
}

#[cfg(test)]
mod tests {
    use super::*;
    use looseroute::parser::{Contact, NameAddr, Via};

    fn texts(list: &str) -> Vec<Result<&str, (Fault, u32)>> {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            match member(list.as_bytes(), from, NameAddr::parse) {
                Ok(found) => {
                    all.push(Ok(std::str::from_utf8(found.text).expect("UTF-8")));
                    if found.end == list.len() {
                        return all;
                    }
                    from = found.end + 1;
                }
                Err(e) => {
                    all.push(Err((e.fault, e.offset)));
                    return all;
                }
            }
        }
    }

    #[test]
    fn commas_part_members_but_not_within_quotes_and_brackets() {
        assert_eq!(texts("<sip:a>"), [Ok("<sip:a>")]);
        assert_eq!(
            texts("\"a, b\" <sip:a,b@h;x=1,2>;p=\"1,2\" ,\r\n sip:b;q=1"),
            [Ok("\"a, b\" <sip:a,b@h;x=1,2>;p=\"1,2\""), Ok("sip:b;q=1")]
        );
        assert_eq!(texts("<sip:a>,"), [Ok("<sip:a>"), Err((Fault::Empty, 8))]);
        assert_eq!(texts("<sip:a>, ,<sip:b>"), [Ok("<sip:a>"), Err((Fault::Empty, 9))]);
        assert_eq!(texts("<sip:a> x,<sip:b>"), [Err((Fault::Syntax, 8))]);
    }

    #[test]
    fn every_grammar_stops_at_its_comma() {
        let via = member(b"SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b", 0, Via::parse).expect("a Via");
        assert_eq!((via.text, via.end), (&b"SIP/2.0/UDP a;branch=1"[..], 22));
        let star = member(b"* , *", 0, Contact::parse).expect("a star");
        assert_eq!((star.text, star.end), (&b"*"[..], 2));
    }
}
