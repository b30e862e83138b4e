//! P-Access-Network-Info (RFC 7315 4.4): the radio or line that the sender is attached to.

use super::quoted::QuotedText;
use super::write::{put_params, put_token};
use super::{At, Value, grammar};
use crate::Params;
use bytes::BytesMut;

/// One value of a P-Access-Network-Info header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessNetwork<'a> {
    /// Access type or class, such as `3GPP-E-UTRAN-FDD` or `IEEE-802.11`.
    pub kind: &'a [u8],
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> AccessNetwork<'a> {
    /// The cell, without quotes: the first of `cgi-3gpp`, `utran-cell-id-3gpp`, `ci-3gpp2` and
    /// `i-wlan-node-id` that is there.
    pub fn cell(&self) -> Option<&'a [u8]> {
        let names = [&b"cgi-3gpp"[..], b"utran-cell-id-3gpp", b"ci-3gpp2", b"i-wlan-node-id"];
        let value = names.iter().find_map(|name| self.params.value(name))?;
        Some(QuotedText::new(value).inside())
    }

    /// Whether a proxy of the network added it, so that it can be trusted: `network-provided`, or
    /// `np` of earlier versions.
    pub fn is_network_provided(&self) -> bool {
        self.params.has(b"network-provided") || self.params.has(b"np")
    }
}

public_face!(AccessNetwork: PAccessNetworkInfo);

impl<'a> Value<'a> for AccessNetwork<'a> {
    fn parse_member(s: &'a [u8], at: usize, _: u32) -> At<(AccessNetwork<'a>, usize)> {
        let (kind, params, end) = grammar::token_and_params(s, at)?;
        Ok((AccessNetwork { kind, params }, end))
    }

    fn put(&self, out: &mut BytesMut) {
        put_token(out, self.kind);
        put_params(out, self.params);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn cells_are_found_under_any_of_their_names() {
        let a =
            AccessNetwork::parse(b"3GPP-UTRAN-TDD; utran-cell-id-3gpp=\"234151D0FCE11\"").unwrap();
        assert_eq!((a.kind, a.cell()), (&b"3GPP-UTRAN-TDD"[..], Some(&b"234151D0FCE11"[..])));
        assert!(!a.is_network_provided());
        assert_eq!(a.to_string(), "3GPP-UTRAN-TDD;utran-cell-id-3gpp=\"234151D0FCE11\"");
        let line = AccessNetwork::parse(b"ADSL2+;dsl-location=\"x\";network-provided").unwrap();
        assert!(line.is_network_provided() && line.cell().is_none());
        for (s, fault, offset) in [
            (&b""[..], Fault::Empty, 0),
            (b"\"ADSL\"", Fault::Quote, 0),
            (b"ADSL;cgi-3gpp=\"1", Fault::Quote, 14),
        ] {
            let e = AccessNetwork::parse(s).unwrap_err();
            assert_eq!((e.fault, e.offset), (fault, offset), "{}", String::from_utf8_lossy(s));
        }
    }
}
