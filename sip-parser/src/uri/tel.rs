//! Telephone numbers: tel URIs (RFC 3966) and the user parts of sip and sips URIs that hold one
//! (RFC 3261 19.1.1 user=phone). Owns the grammar of `telephone-subscriber` and when two of them
//! are equivalent (RFC 3966 4).

use super::compare::no_case_eq;
use super::{Scheme, Uri, UriError, UriFault, fault};
use crate::lex::{class, is};
use crate::{Host, Params};
use smallvec::SmallVec;

/// A telephone number with its parameters; borrows the text of its URI.
#[derive(Clone, Copy, Debug)]
pub struct Tel<'a> {
    number: &'a [u8],
    params: Params<'a>,
}

/// Where a local number is valid (RFC 3966 5.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneContext<'a> {
    /// A domain name, under whose rules it is.
    Domain(&'a [u8]),
    /// The leading digits of global numbers, with the plus sign and visual separators. Not a
    /// prefix that makes the number global.
    Prefix(&'a [u8]),
}

/// The digits of a number without visual separators, letters in lower case.
pub type Digits = SmallVec<[u8; 24]>;

fn is_separator(b: u8) -> bool {
    matches!(b, b'-' | b'.' | b'(' | b')')
}

fn digits_of(number: &[u8]) -> Digits {
    number.iter().filter(|b| !is_separator(**b)).map(u8::to_ascii_lowercase).collect()
}

/// `global-number-digits`: a plus sign and digits, at least one, with visual separators.
fn is_global(s: &[u8]) -> bool {
    s.strip_prefix(b"+").is_some_and(|digits| {
        digits.iter().all(|b| b.is_ascii_digit() || is_separator(*b))
            && digits.iter().any(u8::is_ascii_digit)
    })
}

/// `local-number-digits`.
fn is_local(s: &[u8]) -> bool {
    let digit = |b: u8| is(b, class::HEX) || matches!(b, b'*' | b'#');
    s.iter().all(|b| digit(*b) || is_separator(*b)) && s.iter().any(|b| digit(*b))
}

impl<'a> Tel<'a> {
    /// The number of a tel URI, or of a sip or sips URI with `user=phone`; None for any other URI.
    /// An error when what should be a number breaks the grammar, when a local number has no
    /// context, or when a parameter is there twice.
    pub fn of(uri: &Uri<'a>) -> Option<Result<Tel<'a>, UriError>> {
        let from = uri.scheme_name.len() + 1;
        if uri.scheme == Scheme::Tel {
            return Some(Tel::new(uri.user?, uri.params, from));
        }
        let phone = uri.params.value(b"user").is_some_and(|v| v.eq_ignore_ascii_case(b"phone"));
        let user = uri.user.filter(|_| uri.is_sip() && phone)?;
        let end = memchr::memchr(b';', user).unwrap_or(user.len());
        let (number, params) = user.split_at_checked(end)?;
        Some(Tel::new(number, Params::new(params), from))
    }

    /// The number begins at offset `from` of its URI.
    fn new(number: &'a [u8], params: Params<'a>, from: usize) -> Result<Tel<'a>, UriError> {
        let bad_params = || fault(UriFault::Parameter, from + number.len());
        let tel = Tel { number, params };
        let lawful = if tel.is_global() { is_global(number) } else { is_local(number) };
        if !lawful {
            return Err(fault(UriFault::User, from));
        }
        let sane = |name: &[u8]| !name.is_empty() && name.iter().all(is_name_byte);
        // Few parameters are lawful, so that comparing each with those before it is cheap; the
        // bound keeps it so.
        let mut seen: SmallVec<[&[u8]; 16]> = SmallVec::new();
        for (name, _) in params {
            let twice = seen.iter().any(|s| s.eq_ignore_ascii_case(name));
            if !sane(name) || twice || seen.len() >= MAX_PARAMS {
                return Err(bad_params());
            }
            seen.push(name);
        }
        let extension = |v: &[u8]| v.iter().all(|b| b.is_ascii_digit() || is_separator(*b));
        let broken = tel.extension().is_some_and(|v| v.is_empty() || !extension(v))
            || (tel.params.has(b"ext") && tel.params.has(b"isub"))
            || (tel.params.has(b"phone-context") && tel.context().is_none())
            || (!tel.is_global() && tel.context().is_none());
        if broken { Err(bad_params()) } else { Ok(tel) }
    }

    /// The number as received.
    pub fn number(&self) -> &'a [u8] {
        self.number
    }

    /// All parameters, as received.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// Whether it is a global number: it begins with a plus sign (RFC 3966 5.1.4).
    pub fn is_global(&self) -> bool {
        self.number.first() == Some(&b'+')
    }

    /// The number without visual separators, with its plus sign.
    pub fn digits(&self) -> Digits {
        digits_of(self.number)
    }

    /// `isub`: the ISDN subaddress (RFC 3966 5.2).
    pub fn subaddress(&self) -> Option<&'a [u8]> {
        self.params.value(b"isub")
    }

    /// `ext`: the extension behind a PBX (RFC 3966 5.3).
    pub fn extension(&self) -> Option<&'a [u8]> {
        self.params.value(b"ext")
    }

    /// `phone-context`: where a local number is valid. A domain name, or leading digits with a
    /// plus sign; None when it is absent or neither.
    pub fn context(&self) -> Option<PhoneContext<'a>> {
        let value = self.params.value(b"phone-context")?;
        if value.first() == Some(&b'+') {
            return is_global(value).then_some(PhoneContext::Prefix(value));
        }
        let bare = value.strip_suffix(b".").unwrap_or(value);
        matches!(Host::parse(bare), Some(Host::Name(_))).then_some(PhoneContext::Domain(value))
    }

    /// `postd`: what is to be dialled once the call stands. Of RFC 2806 2.2, which RFC 3966 has
    /// replaced; still sent by some.
    pub fn post_dial(&self) -> Option<&'a [u8]> {
        self.params.value(b"postd")
    }

    /// The names of the parameters that must be understood before the URI is used: those that
    /// begin with `m-` (RFC 3966 5.4). None is defined by that RFC.
    pub fn mandatory(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let must = |name: &[u8]| name.get(..2).is_some_and(|m| m.eq_ignore_ascii_case(b"m-"));
        self.params.iter().map(|(name, _)| name).filter(move |name| must(name))
    }

    /// Whether both mean the same number (RFC 3966 4): equal digits, and the same parameters
    /// with equal values in whatever order; numbers in parameters too without visual separators.
    pub fn equivalent(&self, other: &Tel<'_>) -> bool {
        let count = self.params.iter().count();
        self.digits() == other.digits()
            && count == other.params.iter().count()
            && self.params.iter().all(|(name, value)| {
                other.params.get(name).is_some_and(|theirs| same_value(name, value, theirs))
            })
    }
}

/// More parameters than this, and it is no telephone number.
const MAX_PARAMS: usize = 64;

fn is_name_byte(b: &u8) -> bool {
    b.is_ascii_alphanumeric() || *b == b'-'
}

fn same_value(name: &[u8], a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return a == b };
    let number = |v: &[u8]| v.first() == Some(&b'+');
    if name.eq_ignore_ascii_case(b"ext")
        || (name.eq_ignore_ascii_case(b"phone-context") && number(a) && number(b))
    {
        return digits_of(a) == digits_of(b);
    }
    if name.eq_ignore_ascii_case(b"phone-context") {
        let bare = |v| <[u8]>::strip_suffix(v, b".").unwrap_or(v);
        return no_case_eq(bare(a), bare(b));
    }
    no_case_eq(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tel(text: &'static str) -> Tel<'static> {
        let uri = Uri::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
        Tel::of(&uri).unwrap().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn numbers_are_taken_apart() {
        let t = tel("tel:+1-(201)-555.0123;ext=12-34;postd=pp22;m-x=1");
        assert_eq!((t.is_global(), &t.digits()[..]), (true, &b"+12015550123"[..]));
        assert_eq!((t.extension(), t.subaddress()), (Some(&b"12-34"[..]), None));
        assert_eq!((t.post_dial(), t.context()), (Some(&b"pp22"[..]), None));
        assert_eq!(t.mandatory().collect::<Vec<_>>(), [b"m-x"]);
        let t = tel("tel:7042-*A;isub=1411;phone-context=example.com");
        assert_eq!((t.is_global(), &t.digits()[..]), (false, &b"7042*a"[..]));
        assert_eq!(t.subaddress(), Some(&b"1411"[..]));
        assert_eq!(t.context(), Some(PhoneContext::Domain(b"example.com")));
        let t = tel("tel:863-1234;phone-context=+1-914-555");
        assert_eq!(t.context(), Some(PhoneContext::Prefix(b"+1-914-555")));
        let t = tel("sip:+49-30-1;ext=7@gw.example;user=phone");
        assert_eq!((&t.digits()[..], t.extension()), (&b"+49301"[..], Some(&b"7"[..])));
        for none in ["sip:+49301@gw.example", "sip:gw.example;user=phone", "urn:service:sos"] {
            assert!(Tel::of(&Uri::parse(none.as_bytes()).unwrap()).is_none(), "{none}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for (text, what) in [
            ("tel:+", UriFault::User),
            ("tel:+1A", UriFault::User),
            ("tel:1+2;phone-context=a.example", UriFault::User),
            ("tel:911", UriFault::Parameter),
            ("tel:911;phone-context=+", UriFault::Parameter),
            ("tel:911;phone-context=192.0.2.1", UriFault::Parameter),
            ("tel:911;phone-context", UriFault::Parameter),
            ("tel:+1;ext=a", UriFault::Parameter),
            ("tel:+1;ext=1;isub=2", UriFault::Parameter),
            ("tel:+1;a=1;A=2", UriFault::Parameter),
            ("tel:+1;a_b=1", UriFault::Parameter),
            ("sip:alice@gw.example;user=phone", UriFault::User),
        ] {
            // Some are refused by the URI grammar before.
            let Ok(uri) = Uri::parse(text.as_bytes()) else { continue };
            let e = Tel::of(&uri).unwrap().unwrap_err();
            assert_eq!(e.fault, what, "{text}");
            let number_end = text.find(';').unwrap_or(text.len());
            assert_eq!(
                e.offset as usize,
                if what == UriFault::User { 4 } else { number_end },
                "{text}"
            );
        }
    }

    #[test]
    fn each_clause_of_the_comparison_holds() {
        let same = |a, b| {
            let (a, b) = (tel(a), tel(b));
            assert_eq!(a.equivalent(&b), b.equivalent(&a));
            a.equivalent(&b)
        };
        for (a, b) in [
            ("tel:+1-201-555-0123", "tel:+1(201)555.0123"),
            ("tel:+1;ext=5;x=a", "tel:+1;X=A;ext=5"),
            ("tel:+1;ext=5-1", "tel:+1;ext=51"),
            ("tel:7;phone-context=A.example", "tel:7;phone-context=a.EXAMPLE."),
            ("tel:7;phone-context=+1-201", "tel:7;phone-context=+1.2(01)"),
            ("tel:7a;phone-context=b.example", "tel:7-A;phone-context=b.example"),
            ("tel:+1;x=%61", "tel:+1;x=a"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("tel:+12", "tel:12;phone-context=a.example"),
            ("tel:+12", "tel:+13"),
            ("tel:+1;ext=5", "tel:+1"),
            ("tel:+1;x", "tel:+1"),
            ("tel:+1;x", "tel:+1;x=1"),
            ("tel:+1;x=1", "tel:+1;y=1"),
            ("tel:7;phone-context=a.example", "tel:7;phone-context=b.example"),
            ("tel:7;phone-context=+1", "tel:7;phone-context=+2"),
            ("tel:7;phone-context=+1", "tel:7;phone-context=a1"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
