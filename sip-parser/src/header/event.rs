//! Event and Subscription-State (RFC 6665 8.2.1, 8.2.3 and 8.4).

use super::At;
use super::grammar::{self, located};
use crate::lex::{self, skip_lws};
use crate::uri::params;
use crate::{Fault, Params};

/// The value of an Event header.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Package with its templates, such as `presence.winfo`; compared with case.
    pub package: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// Parses `s`, which must be one value and nothing else.
    pub fn parse(s: &'a [u8]) -> Result<Event<'a>, Fault> {
        let (package, params) = token_and_params(s).map_err(|(fault, _)| fault)?;
        Ok(Event { package, params })
    }

    /// The id parameter.
    pub fn id(&self) -> Option<&'a [u8]> {
        self.params.value(b"id")
    }
}

/// The value of a Subscription-State header.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending`, `terminated`, or another token.
    pub state: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// Parses `s`, which must be one value and nothing else.
    pub fn parse(s: &'a [u8]) -> Result<SubscriptionState<'a>, Fault> {
        let (state, params) = token_and_params(s).map_err(|(fault, _)| fault)?;
        Ok(SubscriptionState { state, params })
    }

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

/// A token with parameters and nothing behind them.
pub(super) fn token_and_params(s: &[u8]) -> At<(&[u8], Params<'_>)> {
    let from = skip_lws(s, 0);
    let text = s.get(from..).unwrap_or_default();
    let (token, len) = located(text, grammar::token(text)).map_err(|(f, at)| (f, from + at))?;
    let (params_end, end) = params::header_params(s, from + len)?;
    if end < s.len() {
        return Err((Fault::Syntax, end));
    }
    let params_at = skip_lws(s, from + len);
    Ok((token, Params::new(s.get(params_at..params_end).unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_states_come_with_parameters() {
        let e = Event::parse(b"presence.winfo;id=42").unwrap();
        assert_eq!((e.package, e.id()), (&b"presence.winfo"[..], Some(&b"42"[..])));
        let s = SubscriptionState::parse(b"terminated ;reason=timeout;retry-after=5").unwrap();
        assert!(s.is_terminated());
        assert_eq!((s.reason(), s.retry_after()), (Some(&b"timeout"[..]), Some(5)));
        assert_eq!(Event::parse(b"a b").unwrap_err(), Fault::Syntax);
        assert_eq!(Event::parse(b"").unwrap_err(), Fault::Syntax);
    }
}
