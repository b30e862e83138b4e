//! What is written is read back: typed values made of lawful parts come back equal, and values made
//! of anything at all cannot break the header they stand in.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sip_parser::{
    AccessNetwork, Agent, AuthenticationInfo, CSeq, CallId, Challenge, ChargingAddresses,
    ChargingVector, Contact, ContentDisposition, ContentType, Credentials, Date, Diversion, Event,
    FeatureSet, GeolocationError, HeaderId as Id, HistoryInfo, Host, Identity, InReplyTo, InfoUri,
    Join, Message, MimeVersion, MinSe, NameAddr, Number, Params, ParamsBuf, Privacy, QuotedText,
    RAck, Reason, ReferSub, ReferredBy, RemotePartyId, Replaces, ResourcePriority, RetryAfter,
    SecurityMechanism, ServiceId, SessionExpires, SessionId, SubscriptionState, TargetDialog, Text,
    Timestamp, Tokens, UserToUser, Via, VisitedNetwork, Warning, quote,
};

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,9}"
}

/// Text that may stand in quotes: anything but line ends and NUL.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("no line end", |b| !matches!(b, 0 | b'\r' | b'\n'));
    prop::collection::vec(byte, 0..12)
}

fn quoted() -> impl Strategy<Value = Vec<u8>> {
    text().prop_map(|t| quote(&t))
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9]{0,8}(\\.[a-z][a-z0-9]{0,8}){0,2}",
        any::<std::net::Ipv4Addr>().prop_map(|a| a.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|a| format!("[{a}]")),
    ]
}

#[derive(Clone, Debug)]
enum Param {
    Flag(String),
    Value(String, String),
    Text(String, Vec<u8>),
    Number(String, u32),
}

/// Parameters of every kind, and the text they are known to have.
fn params() -> impl Strategy<Value = ParamsBuf> {
    let param = prop_oneof![
        token().prop_map(Param::Flag),
        (token(), prop_oneof![token(), host(), "[^\\x00-\\x20\\x7f;,\"<>\\\\]{1,6}"])
            .prop_map(|(n, v)| Param::Value(n, v)),
        (token(), text()).prop_map(|(n, t)| Param::Text(n, t)),
        (token(), any::<u32>()).prop_map(|(n, v)| Param::Number(n, v)),
    ];
    prop::collection::vec(param, 0..4).prop_map(|list| {
        list.iter().fold(ParamsBuf::new(), |all, param| match param {
            Param::Flag(name) => all.flag(name),
            Param::Value(name, value) => all.value(name, value.as_bytes()),
            Param::Text(name, text) => all.text(name, text),
            Param::Number(name, number) => all.number(name, u64::from(*number)),
        })
    })
}

fn uri() -> impl Strategy<Value = String> {
    let scheme =
        prop_oneof![Just("sip:"), Just("sips:"), Just("http://"), Just("urn:"), Just("x.y:")];
    (scheme, "[a-zA-Z0-9@:/?;=&,._~!$'()*+%-]{1,16}").prop_map(|(s, rest)| format!("{s}{rest}"))
}

/// A display name: plain words, raw UTF-8, a quoted string, or text that will have to be quoted.
fn display() -> impl Strategy<Value = Option<Vec<u8>>> {
    let name = prop_oneof![
        "[a-zA-Z0-9.!_~-]{1,6}( [a-z\u{e4}-\u{fc}]{1,6}){0,2}".prop_map(String::into_bytes),
        quoted(),
    ];
    prop::option::of(name)
}

/// Digits of a qvalue or of nothing like one.
fn call_id() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~()<>:\\\\\"/\\[\\]?{}-]{1,12}(@[a-z0-9.]{1,9})?"
}

fn written(write: impl Fn(&mut BytesMut)) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out);
    out.to_vec()
}

/// Writes a value, reads it again, and compares by what the closure says of both.
macro_rules! comes_back {
    ($type:ident, $value:expr) => {{
        let value = $value;
        let bytes = written(|out| value.write(out));
        let again = $type::parse(&bytes);
        prop_assert_eq!(again, Ok(value), "{:?}", Bytes::from(bytes.clone()));
        prop_assert_eq!(value.to_string(), String::from_utf8_lossy(&bytes));
    }};
    ($type:ident, $value:expr, $of:expr) => {{
        let value = $value;
        let bytes = written(|out| value.write(out));
        let again = $type::parse(&bytes)
            .map_err(|e| TestCaseError::fail(format!("{e}: {:?}", Bytes::from(bytes.clone()))))?;
        let of = $of;
        prop_assert_eq!(of(&again), of(&value), "{:?}", Bytes::from(bytes.clone()));
        prop_assert_eq!(value.to_string(), String::from_utf8_lossy(&bytes));
    }};
}

/// What an address means, without where it stands.
fn addr<'a>(a: &NameAddr<'a>) -> (String, &'a [u8], Params<'a>) {
    (a.display_text(), a.uri, a.params)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn vias_come_back(
        (protocol, version, transport) in (token(), token(), token()),
        host in host(), port in prop::option::of(any::<u16>()), params in params(),
    ) {
        let host = Host::parse(host.as_bytes()).unwrap();
        let via = Via::new(transport.as_bytes(), host, port, params.params());
        let via = Via { protocol: protocol.as_bytes(), version: version.as_bytes(), ..via };
        comes_back!(Via, via, |v: &Via<'_>| {
            format!("{:?}", (v.protocol, v.version, v.transport, v.host, v.port, v.params))
        });
    }

    #[test]
    fn addresses_come_back(name in display(), uri in uri(), params in params()) {
        let a = NameAddr::new(name.as_deref(), uri.as_bytes(), params.params());
        let show = |a: &NameAddr<'_>| format!("{:?}", addr(a));
        comes_back!(NameAddr, a, show);
        comes_back!(Contact, Contact::Addr(a), |c: &Contact<'_>| show(c.addr().unwrap()));
        comes_back!(Diversion, Diversion { addr: a }, |d: &Diversion<'_>| show(&d.addr));
        comes_back!(HistoryInfo, HistoryInfo { addr: a }, |h: &HistoryInfo<'_>| show(&h.addr));
        comes_back!(ReferredBy, ReferredBy { addr: a }, |r: &ReferredBy<'_>| show(&r.addr));
        comes_back!(RemotePartyId, RemotePartyId { addr: a }, |r: &RemotePartyId<'_>| show(&r.addr));
        comes_back!(InfoUri, InfoUri::new(a.uri, a.params), |i: &InfoUri<'_>| {
            format!("{:?}", (i.uri, i.params))
        });
    }

    #[test]
    fn display_names_mean_the_text_they_were_given(name in text(), uri in uri()) {
        let name: Vec<u8> = name.into_iter().filter(|b| !b" \t\"".contains(b)).collect();
        let a = NameAddr::new(Some(&name), uri.as_bytes(), Params::default());
        let bytes = written(|out| a.write(out));
        let again = NameAddr::parse(&bytes).unwrap();
        prop_assert_eq!(again.display_text(), String::from_utf8_lossy(&name));
        prop_assert_eq!(again.uri, uri.as_bytes());
    }

    #[test]
    fn tokens_with_parameters_come_back(word in token(), other in token(), params in params()) {
        let (name, params) = (word.as_bytes(), params.params());
        comes_back!(Tokens, Tokens::new(name, params), |t: &Tokens<'_>| {
            format!("{:?}", (t.token, t.params))
        });
        comes_back!(Event, Event { package: name, params });
        comes_back!(SubscriptionState, SubscriptionState { state: name, params });
        comes_back!(ContentDisposition, ContentDisposition { kind: name, params });
        comes_back!(ContentType, ContentType { kind: name, subtype: other.as_bytes(), params });
        comes_back!(Reason, Reason { protocol: name, params });
        comes_back!(SecurityMechanism, SecurityMechanism { name, params });
        comes_back!(AccessNetwork, AccessNetwork { kind: name, params });
        comes_back!(FeatureSet, FeatureSet { params });
        comes_back!(ReferSub, ReferSub { subscribes: word.len() % 2 == 0, params });
        comes_back!(UserToUser, UserToUser { data: name, params });
        comes_back!(VisitedNetwork, VisitedNetwork { id: name, params });
        comes_back!(ChargingVector, ChargingVector::new(name, params));
        comes_back!(ChargingAddresses, ChargingAddresses::new(name, other.as_bytes(), params));
    }

    #[test]
    fn quoted_data_comes_back(data in quoted(), params in params(), code in 100u16..1000, agent in host()) {
        let params = params.params();
        comes_back!(UserToUser, UserToUser { data: &data, params });
        comes_back!(VisitedNetwork, VisitedNetwork { id: &data, params });
        comes_back!(ChargingVector, ChargingVector::new(&data, params));
        comes_back!(Warning, Warning { code, agent: agent.as_bytes(), text: &data });
    }

    #[test]
    fn numbers_come_back(a in any::<u32>(), b in any::<u32>(), params in params(), name in token(),
                         code in 0u16..1000, comment in "\\(([a-z ]|\\\\[ -~]|\\([a-z]*\\)){0,6}\\)",
                         with_comment in any::<bool>(), unix in 0u64..253_402_300_800) {
        let params = params.params();
        prop_assert_eq!(Number::parse(Number(a).to_string().as_bytes()), Ok(Number(a)));
        let version = MimeVersion { major: a, minor: b };
        prop_assert_eq!(MimeVersion::parse(version.to_string().as_bytes()), Ok(version));
        prop_assert_eq!(Date::parse(Date { unix }.to_string().as_bytes()), Ok(Date { unix }));
        comes_back!(CSeq, CSeq::new(a, name.as_bytes()));
        comes_back!(RAck, RAck::new(a, b, name.as_bytes()));
        comes_back!(SessionExpires, SessionExpires { seconds: a, params });
        comes_back!(MinSe, MinSe { seconds: a, params });
        comes_back!(GeolocationError, GeolocationError { code, params });
        let comment = with_comment.then_some(comment.as_bytes());
        comes_back!(RetryAfter, RetryAfter { seconds: a, comment, params });
        let (time, delay) = (format!("{a}.{b}"), b.to_string());
        comes_back!(Timestamp, Timestamp { time: time.as_bytes(), delay: Some(delay.as_bytes()) });
        comes_back!(Timestamp, Timestamp { time: delay.as_bytes(), delay: None });
    }

    #[test]
    fn dialogs_come_back(call_id in call_id(), a in token(), b in token(), params in params()) {
        let tags = |to: &str, from: &str| {
            [params.params().raw(), format!(";{to}={a};{from}={b}").as_bytes()].concat()
        };
        let clash = |name: &[u8]| name.to_ascii_lowercase().ends_with(b"-tag");
        prop_assume!(!params.params().iter().any(|(name, _)| clash(name)));
        let id = call_id.as_bytes();
        let both = tags("to-tag", "From-Tag");
        comes_back!(Replaces, Replaces { call_id: id, params: Params::new(&both) });
        comes_back!(Join, Join { call_id: id, params: Params::new(&both) });
        let ends = tags("local-tag", "remote-tag");
        comes_back!(TargetDialog, TargetDialog { call_id: id, params: Params::new(&ends) });
        comes_back!(CallId, CallId(id));
        comes_back!(InReplyTo, InReplyTo(id));
    }

    #[test]
    fn odd_ones_come_back(list in prop::collection::vec(token(), 1..4), namespace in "[a-zA-Z0-9!%*_+`'~-]{1,6}",
                          priority in "[a-zA-Z0-9-]{1,6}", hex in "[0-9a-f]{32}", params in params(),
                          digest in "[A-Za-z0-9+/=_-]{1,20}(\\.[A-Za-z0-9+/=_-]{1,20}){0,2}", target in uri(),
                          words in "[!-~\u{e4}]([ -~\u{e4}]{0,12}[!-~])?") {
        let list = list.join(";");
        comes_back!(Privacy, Privacy { list: list.as_bytes() });
        let (namespace, priority) = (namespace.as_bytes(), priority.as_bytes());
        comes_back!(ResourcePriority, ResourcePriority { namespace, priority });
        comes_back!(SessionId, SessionId { local: hex.as_bytes(), params: params.params() });
        comes_back!(Text, Text(words.as_bytes()));
        comes_back!(Agent, Agent(words.as_bytes()));
        let urn = format!("urn:{}", priority.escape_ascii());
        comes_back!(ServiceId, ServiceId { urn: urn.as_bytes() });
        let signed = format!(";info=<{target}>;alg=ES256;ppt=\"x y\"");
        comes_back!(Identity, Identity { digest: digest.as_bytes(), params: signed.as_bytes() });
        let bare = Identity { digest: digest.as_bytes(), params: params.params().raw() };
        comes_back!(Identity, bare);
    }

    #[test]
    fn digests_come_back(first in text(), texts in prop::collection::vec(prop::option::of(text()), 6),
                         words in prop::collection::vec(prop::option::of(token()), 3)) {
        // Texts stand there as between quotes: with their escapes.
        let inside: Vec<Option<Vec<u8>>> = [Some(first)].iter().chain(&texts).map(|t| {
            t.as_ref().map(|t| QuotedText::new(&quote(t)).inside().to_vec())
        }).collect();
        let t = |i: usize| inside[i].as_deref();
        let w = |i: usize| words[i].as_ref().map(String::as_bytes);
        let c = Credentials {
            scheme: b"Digest", rest: b"", username: t(0), realm: t(1), nonce: t(2), uri: t(3),
            response: t(4), cnonce: t(5), opaque: t(6), algorithm: w(0), qop: w(1), nc: w(2),
        };
        comes_back!(Credentials, c, |c: &Credentials<'_>| format!("{:?}", Credentials { rest: b"", ..*c }));
        let c = Challenge {
            scheme: b"digest", rest: b"", realm: t(0), domain: t(1), nonce: t(2), opaque: t(3),
            qop: t(4), stale: w(0), algorithm: w(1),
        };
        comes_back!(Challenge, c, |c: &Challenge<'_>| format!("{:?}", Challenge { rest: b"", ..*c }));
        let a = AuthenticationInfo {
            rest: b"", nextnonce: t(0), rspauth: t(1), cnonce: t(2), qop: w(0), nc: w(1),
        };
        comes_back!(AuthenticationInfo, a, |a: &AuthenticationInfo<'_>| {
            format!("{:?}", AuthenticationInfo { rest: b"", ..*a })
        });
    }

    #[test]
    fn no_field_can_break_the_header(bytes in prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n\" ;,<>\\:(=\0"[..])], 0..24,
    ), n in any::<u16>(), host in host()) {
        let s: &[u8] = &bytes;
        let (params, addr) = (Params::new(s), NameAddr::new(Some(s), s, Params::new(s)));
        let name = Host::parse(host.as_bytes()).unwrap();
        macro_rules! values {
            ($($value:expr),* $(,)?) => {
                vec![$(written(|out| $value.write(out))),*]
            };
        }
        let all = values![
            Via { protocol: s, version: s, ..Via::new(s, Host::Name(s), Some(n), params) },
            Via::new(s, name, None, params), addr, Contact::Addr(addr), Diversion { addr },
            HistoryInfo { addr }, ReferredBy { addr }, RemotePartyId { addr },
            InfoUri::new(s, params), Tokens::new(s, params), Event { package: s, params },
            SubscriptionState { state: s, params }, ContentDisposition { kind: s, params },
            ContentType { kind: s, subtype: s, params }, Reason { protocol: s, params },
            SecurityMechanism { name: s, params }, AccessNetwork { kind: s, params },
            FeatureSet { params }, ReferSub { subscribes: true, params },
            UserToUser { data: s, params }, VisitedNetwork { id: s, params },
            ChargingVector::new(s, params), ChargingAddresses::new(s, s, params),
            Warning { code: n, agent: s, text: s }, CSeq::new(7, s), RAck::new(7, 8, s),
            RetryAfter { seconds: 1, comment: Some(s), params },
            SessionExpires { seconds: 1, params }, MinSe { seconds: 1, params },
            GeolocationError { code: n, params }, Timestamp { time: s, delay: Some(s) },
            Replaces { call_id: s, params }, Join { call_id: s, params },
            TargetDialog { call_id: s, params }, CallId(s), InReplyTo(s), Privacy { list: s },
            ResourcePriority { namespace: s, priority: s }, SessionId { local: s, params },
            Text(s), Agent(s), ServiceId { urn: s }, Identity { digest: s, params: s },
            Credentials { scheme: s, rest: s, ..Credentials::default() },
            Credentials { scheme: b"Digest", rest: s, username: Some(s), algorithm: Some(s), ..Credentials::default() },
            Challenge { scheme: b"Digest", rest: s, realm: Some(s), stale: Some(s), ..Challenge::default() },
            AuthenticationInfo { rest: s, nextnonce: Some(s), qop: Some(s), ..AuthenticationInfo::default() },
        ];
        for value in all {
            let text = [b"ACK sip:a SIP/2.0\r\nX: ", &value[..], b"\r\nY: 1\r\n\r\n"].concat();
            let shown = Bytes::from(text.clone());
            let m = Message::parse(Bytes::from(text)).map_err(|e| TestCaseError::fail(format!("{e}: {shown:?}")))?;
            prop_assert_eq!(m.headers().count(), 2, "{:?}", shown);
            prop_assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n')), "{:?}", shown);
        }
        // Written into a list, no value can pretend to be two.
        for (id, value, last) in [
            (Id::Route, written(|out| addr.write(out)), "<sip:end>"),
            (Id::Supported, written(|out| Tokens::new(s, params).write(out)), "end"),
            (Id::UserToUser, written(|out| UserToUser { data: s, params }.write(out)), "end"),
            (Id::Warning, written(|out| Warning { code: n, agent: s, text: s }.write(out)), "399 a \"\""),
            (Id::InReplyTo, written(|out| InReplyTo(s).write(out)), "end"),
        ] {
            let head = format!("ACK sip:a SIP/2.0\r\n{}: ", id.name());
            let text = [head.as_bytes(), &value, b", ", last.as_bytes(), b"\r\n\r\n"].concat();
            let m = Message::parse(Bytes::from(text)).unwrap();
            let members = match id {
                Id::Route => m.routes().count(),
                Id::Supported => m.tokens(id).count(),
                Id::UserToUser => m.user_to_user().count(),
                Id::Warning => m.warnings().count(),
                _ => m.in_reply_to().count(),
            };
            prop_assert!(members <= 2, "{:?}", m);
        }
    }
}
