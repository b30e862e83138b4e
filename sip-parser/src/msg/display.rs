//! Showing messages to people: `Display` gives the text as it is, `Debug` one line.

use super::Message;
use crate::{Header, HeaderId};
use core::fmt::{self, Write};

/// Writes text with line ends as they are; other control characters and bytes that are no UTF-8
/// are shown escaped, so that a terminal or a log is safe from them.
pub(crate) fn readable(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => {}
                '\n' | '\t' => f.write_char(c)?,
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        for b in chunk.invalid() {
            write!(f, "\\x{b:02x}")?;
        }
    }
    Ok(())
}

/// The message as text, line by line, safe to print.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        readable(f, self.bytes())
    }
}

/// The header as text, name and value, safe to print.
impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        readable(f, self.name)?;
        f.write_str(": ")?;
        readable(f, self.value)
    }
}

/// One line: what it is, whose, and how long.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message(")?;
        match self.status() {
            Some(status) => write!(f, "{status}")?,
            None => {
                readable(f, self.method_name())?;
                f.write_char(' ')?;
                readable(f, self.request_uri())?;
            }
        }
        for id in [HeaderId::CallId, HeaderId::CSeq] {
            if let Some(h) = self.header(id) {
                write!(f, ", {id} ")?;
                readable(f, h.value)?;
            }
        }
        write!(f, ", {} headers, body {})", self.headers().count(), self.body().len())
    }
}

#[cfg(test)]
mod tests {
    use crate::Message;
    use bytes::Bytes;

    #[test]
    fn messages_are_shown_readably_and_safely() {
        let text = b"ACK sip:a SIP/2.0\r\nCall-ID: c\r\nX: \x1b[31m\xff\r\n\r\nhi";
        let m = Message::parse(Bytes::from_static(text)).unwrap();
        assert_eq!(m.to_string(), "ACK sip:a SIP/2.0\nCall-ID: c\nX: \\u{1b}[31m\\xff\n\nhi");
        assert_eq!(format!("{m:?}"), "Message(ACK sip:a, Call-ID c, 2 headers, body 2)");
        let lines: Vec<_> = m.headers().map(|h| h.to_string()).collect();
        assert_eq!(lines, ["Call-ID: c", "X: \\u{1b}[31m\\xff"]);
        let text = b"SIP/2.0 486 Busy\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n";
        let m = Message::parse(Bytes::from_static(text)).unwrap();
        assert_eq!(format!("{m:?}"), "Message(486, Call-ID c, CSeq 1 INVITE, 2 headers, body 0)");
    }
}
