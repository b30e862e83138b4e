//! Warning (RFC 3261 20.43): what else there is to say about a response.

use super::quoted::{QuotedText, put_plain_quoted};
use super::write::{is_quoted, put_class, put_number, put_unfolded};
use super::{At, Value, grammar};
use crate::lex::{class, skip_lws, span};
use crate::{Fault, lex};
use bytes::{BufMut, BytesMut};

/// One value of a Warning header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Three digits, such as 301.
    pub code: u16,
    /// Who warns: a host with or without a port, or a pseudonym.
    pub agent: &'a [u8],
    /// The text with its quotes. To be written, it may also be plain text.
    pub text: &'a [u8],
}

impl<'a> Warning<'a> {
    /// The text for humans, without its quotes.
    pub fn message(&self) -> QuotedText<'a> {
        QuotedText::new(self.text)
    }
}

public_face!(Warning: Warning);

/// The offset behind the white space that must stand at `at`.
fn blank(s: &[u8], at: usize) -> At<usize> {
    let next = skip_lws(s, at);
    if next == at { Err((Fault::Syntax, at)) } else { Ok(next) }
}

impl<'a> Value<'a> for Warning<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Warning<'a>, usize)> {
        grammar::present(s, at)?;
        let digits_end = span(s, at, class::DIGIT);
        let code = lex::number(s.get(at..digits_end).unwrap_or_default());
        let code = code.and_then(|code| u16::try_from(code).ok());
        let code = code.filter(|_| digits_end == at + 3).ok_or((Fault::Number, at))?;
        let agent_at = blank(s, digits_end)?;
        let agent_end = span(s, agent_at, class::VALUE);
        if agent_end == agent_at {
            return Err((Fault::Syntax, agent_at));
        }
        let text_at = blank(s, agent_end)?;
        let (_, end) = grammar::run(s, text_at, grammar::quoted)?;
        let warning = Warning {
            code,
            agent: s.get(agent_at..agent_end).unwrap_or_default(),
            text: s.get(text_at..end).unwrap_or_default(),
        };
        Ok((warning, grammar::ending(s, end)?))
    }

    fn put(&self, out: &mut BytesMut) {
        // Codes have three digits, whatever the field holds.
        put_number(out, self.code.clamp(100, 999));
        out.put_u8(b' ');
        put_class(out, self.agent, class::VALUE);
        out.put_u8(b' ');
        match is_quoted(self.text) {
            true => put_unfolded(out, self.text),
            false => put_plain_quoted(out, self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_name_code_agent_and_text() {
        let text = b"307 isi.edu \"Session parameter 'foo' not understood\", \
                     399 [2001:db8::1]:5060 \"a \\\"b\\\", c\"";
        let (first, end) = Warning::parse_member(text, 0, 0).unwrap();
        assert_eq!((first.code, first.agent), (307, &b"isi.edu"[..]));
        assert_eq!(first.message().inside(), b"Session parameter 'foo' not understood");
        let (second, _) = Warning::parse_member(text, end + 2, 0).unwrap();
        assert_eq!(second.agent, b"[2001:db8::1]:5060");
        assert_eq!(second.message().chars().collect::<Vec<_>>(), b"a \"b\", c");
        assert_eq!(second.to_string().as_bytes(), &text[end + 2..]);
        let own = Warning { code: 399, agent: b"proxy", text: b"say \"no\"" };
        assert_eq!(own.to_string(), r#"399 proxy "say \"no\"""#);
    }

    #[test]
    fn malformed_warnings_say_where() {
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"30 a \"b\"", Fault::Number, 0),
            (b"3000 a \"b\"", Fault::Number, 0),
            (b"300a \"b\"", Fault::Syntax, 3),
            (b"300 \"b\"", Fault::Syntax, 4),
            (b"300 a b", Fault::Syntax, 6),
            (b"300 a \"b", Fault::Quote, 6),
            (b"300 a \"b\" c", Fault::Syntax, 10),
        ] {
            let e = Warning::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
