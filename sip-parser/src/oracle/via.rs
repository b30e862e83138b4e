//! `via-parm` (RFC 3261 25.1).

use super::host::{Place, host, port};
use super::lexical::{header_params, lws, mark, sws, token};
use super::{Pairs, collect};
use crate::Via;
use nom::Parser;
use nom::combinator::{all_consuming, opt};
use nom::sequence::{delimited, preceded};

/// A Via value as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViaParts<'a> {
    /// Protocol name, version and transport.
    pub protocol: [&'a [u8]; 3],
    /// Host of sent-by.
    pub host: Place<'a>,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// Parameters.
    pub params: Pairs<'a>,
}

/// One Via value that is all of `s`.
pub fn via(s: &[u8]) -> Option<ViaParts<'_>> {
    let protocol = (token, mark(b"/"), token, mark(b"/"), token);
    let sent_by = (preceded(lws, host), opt(preceded(mark(b":"), port)));
    let value = (protocol, sent_by, header_params);
    let (_, ((name, _, version, _, transport), (host, port), params)) =
        all_consuming(delimited(sws, value, sws)).parse(s).ok()?;
    Some(ViaParts { protocol: [name, version, transport], host, port, params })
}

/// Reads `s` in both ways. Panics where they differ.
pub fn check_via(s: &[u8]) {
    let by_hand = Via::parse(s).ok().map(|v| ViaParts {
        protocol: [v.protocol, v.version, v.transport],
        host: v.host.into(),
        port: v.port,
        params: collect(v.params),
    });
    assert_eq!(by_hand, via(s), "Via {:?}", String::from_utf8_lossy(s));
}
