//! Parameters: `;name=value` lists of URIs and of headers. Owns their iteration and the check
//! that header parameters follow the grammar (RFC 3261 25.1 generic-param).

use crate::Fault;
use crate::lex::{self, block, class, peek, skip_lws};

/// A list of `;name[=value]` parameters, checked when the value it belongs to was parsed.
/// Iterating allocates nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a> {
    raw: &'a [u8],
}

impl<'a> Params<'a> {
    /// A view of raw parameter text, which begins with `;` or is empty. Nothing is checked:
    /// malformed text gives odd names and values, never a panic.
    pub const fn new(raw: &'a [u8]) -> Params<'a> {
        Params { raw }
    }

    /// The text as received, from the first `;`.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Each parameter in order: its name, and its value when it has one, a quoted value with its
    /// quotes.
    pub fn iter(&self) -> ParamsIter<'a> {
        ParamsIter { raw: self.raw, at: 0 }
    }

    /// The first parameter of that name, compared without case: `Some(None)` when it has no
    /// value, such as `lr`.
    pub fn get(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first parameter of that name; None when it is absent or has no value.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.get(name).flatten()
    }

    /// The value of `tag`, which is mostly the first parameter, and the only one.
    #[inline]
    pub(crate) fn tag(&self) -> Option<&'a [u8]> {
        if !self.raw.starts_with(b";tag=") {
            return self.value(b"tag");
        }
        let from = skip_lws(self.raw, 5);
        let end = value_end(self.raw, from);
        Some(lex::trim_end(self.raw.get(from..end).unwrap_or_default()))
    }

    /// Whether there can be a parameter of that name: one begins like it. A look at the bytes behind
    /// the semicolons, for checks that most values need not go through.
    #[inline]
    pub(crate) fn may_have(&self, name: &[u8]) -> bool {
        let Some(first) = name.first() else { return true };
        memchr::memchr_iter(b';', self.raw).any(|at| {
            let from = skip_lws(self.raw, at + 1);
            peek(self.raw, from) | 0x20 == first | 0x20
                && self.raw.get(from + 1..).is_some_and(|rest| {
                    let rest = rest.get(..name.len() - 1).unwrap_or_default();
                    rest.eq_ignore_ascii_case(name.get(1..).unwrap_or_default())
                })
        })
    }

    /// Whether there is a parameter of that name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }
}

impl<'a> IntoIterator for Params<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);
    type IntoIter = ParamsIter<'a>;

    fn into_iter(self) -> ParamsIter<'a> {
        self.iter()
    }
}

/// Iterator of [`Params::iter`].
#[derive(Clone, Debug)]
pub struct ParamsIter<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Iterator for ParamsIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let s = self.raw;
        while peek(s, self.at) == b';' {
            let start = skip_lws(s, self.at + 1);
            let mut i = start;
            while i < s.len() && !matches!(s[i], b';' | b'=') {
                i += 1;
            }
            let name = lex::trim_end(s.get(start..i).unwrap_or_default());
            let mut value = None;
            if peek(s, i) == b'=' {
                let from = skip_lws(s, i + 1);
                i = value_end(s, from);
                value = Some(lex::trim_end(s.get(from..i).unwrap_or_default()));
            }
            self.at = i;
            if !name.is_empty() || value.is_some() {
                return Some((name, value));
            }
        }
        None
    }
}

fn value_end(s: &[u8], from: usize) -> usize {
    let mut i = from;
    if peek(s, i) == b'"' {
        i = lex::quoted_end(s, i).unwrap_or(s.len());
    }
    block::find_byte(s, i, b';')
}

/// Checks the header parameters at `at` and returns the offset after the last one, where a comma
/// or the end of the text must follow. White space behind the last one is not counted in the
/// first offset but is in the second.
#[inline]
pub(crate) fn header_params(s: &[u8], at: usize) -> Result<(usize, usize), (Fault, usize)> {
    let mut end = at;
    let mut i = skip_lws(s, at);
    while peek(s, i) == b';' {
        let start = skip_lws(s, i + 1);
        i = lex::span(s, start, class::TOKEN);
        if i == start {
            return Err((Fault::Parameter, start));
        }
        end = i;
        i = skip_lws(s, i);
        if peek(s, i) == b'=' {
            let from = skip_lws(s, i + 1);
            i = if peek(s, from) == b'"' {
                lex::quoted_end(s, from)?
            } else {
                value_text_end(s, from)
            };
            if i == from {
                return Err((Fault::Parameter, from));
            }
            end = i;
            i = skip_lws(s, i);
        }
    }
    Ok((end, i))
}

/// Offset after the unquoted value at `from`. It may hold what cannot be taken for a delimiter:
/// more than the grammar says, since peers send it, but nothing that could move a boundary.
#[inline]
fn value_text_end(s: &[u8], from: usize) -> usize {
    block::find(s, from, b' ', [b';', b',', b'"', b'<', b'>', b'\\', 0x7f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_in_order_with_or_without_values() {
        let p = Params::new(b";lr;Foo = \"a;b\" ; x=1;y=");
        let all: Vec<_> = p.iter().collect();
        assert_eq!(
            all,
            [
                (&b"lr"[..], None),
                (b"Foo", Some(&b"\"a;b\""[..])),
                (b"x", Some(b"1")),
                (b"y", Some(b"")),
            ]
        );
        assert_eq!(p.get(b"LR"), Some(None));
        assert_eq!(p.value(b"foo"), Some(&b"\"a;b\""[..]));
        assert_eq!(p.get(b"z"), None);
        for text in [";tag=a", ";tag= \"a;b\" ;x", ";TAG=a;tag=b", ";tag", ";x;tag=a", ";tag=", ""]
        {
            let p = Params::new(text.as_bytes());
            assert_eq!(p.tag(), p.value(b"tag"), "{text}");
            assert!(p.may_have(b"tag") || !p.has(b"tag"), "{text}");
        }
    }

    #[test]
    fn header_parameters_are_checked_up_to_the_comma() {
        assert_eq!(header_params(b";a=b ; c , x", 0), Ok((8, 9)));
        assert_eq!(header_params(b";;", 0), Err((Fault::Parameter, 1)));
        assert_eq!(header_params(b";a=", 0), Err((Fault::Parameter, 3)));
        assert_eq!(header_params(b";a=\"b", 0), Err((Fault::Quote, 3)));
        assert_eq!(header_params(b" rest", 0), Ok((0, 1)));
    }
}
