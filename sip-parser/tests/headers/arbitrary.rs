//! What holds for any value of any header: nothing panics, the offset of an error and every span
//! lie inside, and the normal form of a value is lawful and its own normal form.

use crate::examples::GOOD;
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sip_parser::{HeaderError, HeaderId as Id, Message, Span};

/// Text made of what header values are made of, so that random input gets deep into the grammars.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(soup_piece(), 0..14).prop_map(|p| p.concat())
}

fn soup_piece() -> impl Strategy<Value = &'static [u8]> {
    let pieces: Vec<&'static [u8]> = vec![
        b" ",
        b"\r\n ",
        b"\t",
        b",",
        b", ",
        b";",
        b"=",
        b"\"",
        b"\\",
        b"<",
        b">",
        b"/",
        b":",
        b"*",
        b"(",
        b")",
        b".",
        b"?",
        b"@",
        b"%41",
        b"1",
        b"0",
        b"999",
        b"4294967296",
        b"a",
        b"b.c",
        b"sip:a@b",
        b"<sip:a@[::1]:5;lr>",
        b"<urn:x:y>",
        b"tel:+1",
        b"SIP/2.0/UDP h",
        b"INVITE",
        b"Digest",
        b"realm=\"x\"",
        b";q=0.5",
        b";tag=1",
        b";to-tag=1;from-tag=2",
        b"\"x y\"",
        b";info=<a:b>",
        b"text/html",
        b"307 a \"b\"",
        b"true",
        b"ccf=1",
        b"\0",
        b"\x01",
        b"\x7f",
        b"\xc3\xa9",
        b"\xff",
        b"(c)",
        b"ab30317f1a784dc48ff824d0d3715d86",
        b"Sat, 13 Nov 2010 23:29:00 GMT",
        b"\\\"",
        b"_",
        b"dsn.flash",
    ];
    prop::sample::select(pieces)
}

/// An example of an RFC, changed here and there: most of these are nearly right.
fn bent_example() -> impl Strategy<Value = (Id, Vec<u8>)> {
    let change = (any::<prop::sample::Index>(), 0usize..3, soup_piece());
    let changes = prop::collection::vec(change, 0..4);
    (prop::sample::select(GOOD), changes).prop_map(|((id, value, _), changes)| {
        let mut value = value.as_bytes().to_vec();
        for (index, len, piece) in changes {
            let from = index.index(value.len() + 1);
            let to = (from + len).min(value.len());
            value.splice(from..to, piece.iter().copied());
        }
        (id, value)
    })
}

fn any_header() -> impl Strategy<Value = Id> {
    let all: Vec<Id> = Id::all().iter().copied().chain([Id::Other]).collect();
    prop::sample::select(all)
}

/// What must hold for a value, lawful or not.
fn judge(id: Id, value: &[u8]) -> Result<(), TestCaseError> {
    let mut out = BytesMut::new();
    let outcome = id.normalize(value, &mut out);
    prop_assert_eq!(outcome, id.check(value));
    if let Err(e) = outcome {
        prop_assert!(e.header == id && e.offset as usize <= value.len() && out.is_empty());
        return Ok(());
    }
    let mut again = BytesMut::new();
    prop_assert_eq!(id.normalize(&out, &mut again), Ok(()), "{}: {:?} {:?}", id, value, out);
    prop_assert_eq!(&out, &again, "{}: {:?}", id, value);
    prop_assert!(id == Id::Other || !out.iter().any(|b| matches!(b, b'\r' | b'\n')));
    Ok(())
}

fn at(m: &Message, e: HeaderError) {
    assert!(e.offset as usize <= m.bytes().len());
}

fn inside(m: &Message, span: Span) {
    assert!(span.start <= span.end && span.end as usize <= m.bytes().len());
}

/// Asks a message for everything; panics only if the parser does, or a span or offset is wrong.
fn visit(m: &Message) {
    macro_rules! once {
        ($($name:ident)*) => {$(match m.$name() {
            Ok(Some(value)) => { let _ = format!("{value:?}"); }
            Ok(None) => {}
            Err(e) => at(m, e),
        })*};
    }
    macro_rules! list {
        ($($name:ident)*) => {$(
            for value in m.$name().with_spans() {
                match value {
                    Ok((span, value)) => {
                        inside(m, span);
                        assert!(!format!("{value:?} {value}").is_empty() && !span.is_empty());
                    }
                    Err(e) => at(m, e),
                }
            }
            assert_eq!(m.$name().count(), m.$name().with_spans().count());
        )*};
    }
    once!(reply_to refer_to referred_by refer_sub refer_events_at called_party_id privacy
          identity_info session_expires min_se session_id replaces join target_dialog rack rseq
          max_breadth flow_timer sip_etag sip_if_match suppress_if_match timestamp info_package
          answer_mode priv_answer_mode content_disposition mime_version server user_agent subject
          organization priority geolocation_routing geolocation_error charging_vector
          charging_addresses authentication_info proxy_authentication_info content_type
          retry_after date event subscription_state expires min_expires max_forwards);
    list!(asserted_identities preferred_identities associated_uris remote_party_ids diversions
          history_info permissions_missing triggers_of_consent asserted_services
          preferred_services reasons warnings in_reply_to user_to_user accept alert_info call_info
          error_info geolocations accept_contacts reject_contacts feature_caps resource_priorities
          accepted_resource_priorities access_networks visited_networks security_client
          security_server security_verify vias contacts routes record_routes paths
          service_routes);
    for agent in [m.server(), m.user_agent()].into_iter().flatten().flatten() {
        assert!(agent.parts().count() <= agent.0.len());
    }
    for i in m.identities().flatten() {
        let _ = (i.info(), i.alg(), i.ppt(), i.to_string());
    }
    m.diversions().flatten().for_each(|d| assert_eq!(m.slice(d.addr.uri_span), d.addr.uri));
    m.alert_info().flatten().for_each(|a| assert_eq!(m.slice(a.uri_span), a.uri));
    if let Err(e) = m.check_headers() {
        at(m, e);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn soup_has_a_lawful_normal_form_or_none(id in any_header(), value in soup()) {
        judge(id, &value)?;
    }

    #[test]
    fn bent_examples_have_a_lawful_normal_form_or_none((id, value) in bent_example()) {
        judge(id, &value)?;
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        id in any_header(), value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        judge(id, &value)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn soup_as_every_header_does_no_harm(value in soup()) {
        for &id in Id::all() {
            let head = format!("ACK sip:a SIP/2.0\r\n{}: ", id.name());
            let text = [head.as_bytes(), &value[..], b"\r\n\r\n"].concat();
            if let Ok(m) = Message::parse(Bytes::from(text)) {
                visit(&m);
            }
        }
    }

    #[test]
    fn a_message_full_of_headers_is_judged_like_its_values(
        headers in prop::collection::vec((any_header(), soup()), 0..30),
    ) {
        let mut text = b"ACK sip:a SIP/2.0\r\n".to_vec();
        for (id, value) in &headers {
            let name = if *id == Id::Other { "X-Other" } else { id.name() };
            text.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        text.extend(b"\r\n");
        let Ok(m) = Message::parse(Bytes::from(text)) else { return Ok(()) };
        visit(&m);
        let all_good = m.headers().all(|h| h.id.check(h.value).is_ok());
        let doubled = m.headers().any(|h| h.id.is_single() && m.headers_of(h.id).count() > 1);
        prop_assert_eq!(m.check_headers().is_ok(), all_good && !doubled);
    }
}
