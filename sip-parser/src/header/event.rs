//! Event and Subscription-State (RFC 6665 8.2.1, 8.2.3 and 8.4).

use super::write::{put_params, put_token};
use super::{At, Value, grammar};
use crate::{Params, lex};
use bytes::BytesMut;

/// The value of an Event header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Package with its templates, such as `presence.winfo`; compared with case.
    pub package: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// The id parameter.
    pub fn id(&self) -> Option<&'a [u8]> {
        self.params.value(b"id")
    }
}

/// The value of a Subscription-State header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending`, `terminated`, or another token.
    pub state: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// Whether the state is `terminated`, compared without case.
    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"terminated")
    }

    /// The expires parameter in seconds, when it is a number.
    pub fn expires(&self) -> Option<u32> {
        self.params.value(b"expires").and_then(lex::number)
    }

    /// The retry-after parameter in seconds, when it is a number.
    pub fn retry_after(&self) -> Option<u32> {
        self.params.value(b"retry-after").and_then(lex::number)
    }

    /// The reason parameter.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.params.value(b"reason")
    }
}

public_face!(Event: Event, SubscriptionState: SubscriptionState);

impl<'a> Value<'a> for Event<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(Event<'a>, usize)> {
        let (package, params, end) = grammar::token_and_params(s, at)?;
        Ok((Event { package, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.package);
        put_params(out, self.params);
    }
}

impl<'a> Value<'a> for SubscriptionState<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(SubscriptionState<'a>, usize)> {
        let (state, params, end) = grammar::token_and_params(s, at)?;
        Ok((SubscriptionState { state, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.state);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn packages_and_states_come_with_parameters() {
        let e = Event::parse(b"presence.winfo;id=42").unwrap();
        assert_eq!((e.package, e.id()), (&b"presence.winfo"[..], Some(&b"42"[..])));
        let s = SubscriptionState::parse(b"terminated ;reason=timeout;retry-after=5").unwrap();
        assert!(s.is_terminated());
        assert_eq!((s.reason(), s.retry_after()), (Some(&b"timeout"[..]), Some(5)));
        assert_eq!(s.to_string(), "terminated;reason=timeout;retry-after=5");
        let refused = |s| Event::parse(s).map_err(|e| (e.fault, e.offset)).unwrap_err();
        assert_eq!(refused(b"a b"), (Fault::Syntax, 2));
        assert_eq!(refused(b"presence, dialog"), (Fault::Syntax, 8));
        assert_eq!(refused(b""), (Fault::Empty, 0));
    }
}
