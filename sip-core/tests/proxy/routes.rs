//! Route preprocessing: RFC 3261 16.4, 16.6 step 6, 16.12.1.

use bytes::{Bytes, BytesMut};
use sip_core::net::{Listener, Listeners, Proto};
use sip_core::proxy::{Follow, LooseRoute, is_local_uri, loose_route};
use sip_parser::{Message, Patch, Span, Uri};

/// What `loose_route` says about a request with these Route lines, and the request after it.
fn routed(uri: &str, routes: &str) -> (LooseRoute, Message, String) {
    routed_as(uri, routes, Follow::Any)
}

fn routed_as(uri: &str, routes: &str, follow: Follow) -> (LooseRoute, Message, String) {
    let on = |proto, at: &str| Listener::new(proto, at.parse().unwrap(), None);
    let listeners = Listeners::new(vec![
        on(Proto::Udp, "192.0.2.100:5060"),
        Listener::new(
            Proto::Tcp,
            "[::1]:5070".parse().unwrap(),
            Some(("p.example.com".into(), 80)),
        ),
    ]);
    let text = format!(
        "BYE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n{routes}From: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 BYE\r\n\r\n"
    );
    let msg = Message::parse(Bytes::from(text)).unwrap();
    let mut patch = Patch::new();
    let found = loose_route(&msg, &mut patch, follow, |uri| is_local_uri(&listeners, uri)).unwrap();
    let mut out = BytesMut::new();
    patch.write(&msg, &mut out);
    let written = Message::parse(out.freeze()).unwrap();
    let left: Vec<_> = written.routes().map(|r| text_of(r.unwrap().uri)).collect();
    (found, msg, left.join(" "))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn at(msg: &Message, span: Option<Span>) -> String {
    span.map_or_else(|| "-".into(), |s| text_of(msg.slice(s)))
}

#[test]
fn our_route_is_taken_off_and_the_next_one_is_the_way() {
    let (r, msg, left) =
        routed("sip:callee@far", "Route: <sip:192.0.2.100:5060;lr;ftag=7>, <sip:next;lr>\r\n");
    assert_eq!(at(&msg, r.own), "sip:192.0.2.100:5060;lr;ftag=7");
    assert_eq!((at(&msg, r.next), at(&msg, r.uri)), ("sip:next;lr".into(), "-".into()));
    assert_eq!(left, "sip:next;lr");
    let own = Uri::parse(msg.slice(r.own.unwrap())).unwrap();
    assert_eq!(own.params.value(b"ftag"), Some(&b"7"[..]));
}

#[test]
fn the_last_route_leaves_the_way_to_the_request_uri() {
    let (r, msg, left) = routed("sip:callee@far", "Route: <sip:p.example.com:80;lr>\r\n");
    assert_eq!((at(&msg, r.next), left), ("-".into(), String::new()));
    assert!(r.own.is_some() && r.twin.is_none());
}

#[test]
fn a_pair_is_taken_off_together() {
    let (r, msg, left) = routed(
        "sip:callee@far",
        "Route: <sip:[::1]:5070;transport=tcp;r2=on;lr>\r\n\
         Route: <sip:192.0.2.100:5060;r2=on;lr>, <sip:next;lr>\r\n",
    );
    assert_eq!(at(&msg, r.own), "sip:[::1]:5070;transport=tcp;r2=on;lr");
    assert_eq!(at(&msg, r.twin), "sip:192.0.2.100:5060;r2=on;lr");
    assert_eq!((at(&msg, r.next), left.as_str()), ("sip:next;lr".into(), "sip:next;lr"));
    // Without the mark only the first one goes: a spiral.
    let twice = "Route: <sip:192.0.2.100:5060;lr>, <sip:192.0.2.100:5060;lr>\r\n";
    let (r, msg, left) = routed("sip:callee@far", twice);
    assert_eq!((at(&msg, r.twin), left.as_str()), ("-".into(), "sip:192.0.2.100:5060;lr"));
    assert_eq!(at(&msg, r.next), "sip:192.0.2.100:5060;lr");
}

#[test]
fn a_route_that_is_not_ours_stays() {
    let (r, msg, left) = routed("sip:callee@far", "Route: <sip:192.0.2.100:5062;lr>\r\n");
    assert_eq!(r.own, None);
    assert_eq!(at(&msg, r.next), "sip:192.0.2.100:5062;lr");
    assert_eq!(left, "sip:192.0.2.100:5062;lr");
    let (r, ..) = routed("sip:callee@far", "");
    assert_eq!(r, LooseRoute::default());
}

/// RFC 3261 16.4, 16.12.1.2: the previous hop is a strict router.
#[test]
fn our_own_uri_in_the_request_line_is_undone() {
    let (r, msg, left) =
        routed("sip:192.0.2.100:5060;lr", "Route: <sip:next;lr>\r\nRoute: <sip:callee@far>\r\n");
    assert_eq!(at(&msg, r.uri), "sip:callee@far");
    assert_eq!((at(&msg, r.next), left.as_str()), ("sip:next;lr".into(), "sip:next;lr"));
    assert_eq!(at(&msg, r.own), "sip:192.0.2.100:5060;lr");
    let (r, msg, left) = routed("sip:192.0.2.100:5060;lr", "Route: <sip:callee@far>\r\n");
    assert_eq!((at(&msg, r.uri), at(&msg, r.next)), ("sip:callee@far".into(), "-".into()));
    assert_eq!(left, "");
}

/// RFC 3261 16.6 step 6: the next hop is a strict router.
#[test]
fn a_strict_router_gets_its_uri_in_the_request_line() {
    let (r, msg, left) = routed(
        "sip:callee@far",
        "Route: <sip:192.0.2.100:5060;lr>, <sip:strict>, <sip:other;lr>\r\n",
    );
    assert_eq!((at(&msg, r.uri), at(&msg, r.next)), ("sip:strict".into(), "-".into()));
    assert_eq!(left, "sip:other;lr sip:callee@far");
    let (r, msg, left) =
        routed("sip:callee@far", "Route: <sip:192.0.2.100:5060;lr>,<sip:strict>\r\n");
    assert_eq!((at(&msg, r.uri), left.as_str()), ("sip:strict".into(), "sip:callee@far"));
}

#[test]
fn a_route_that_did_not_lead_here_is_followed_only_by_who_follows_any() {
    for routes in ["Route: <sip:other;lr>\r\n", "Route: <sip:strict>, <sip:192.0.2.100;lr>\r\n"] {
        let (any, msg, _) = routed("sip:callee@far", routes);
        assert!(any.next.is_some() || any.uri.is_some(), "{}", at(&msg, any.own));
        let (ours, _, left) = routed_as("sip:callee@far", routes, Follow::Ours);
        assert_eq!(ours, LooseRoute::default());
        let untouched = routes.matches('<').count();
        assert_eq!(left.split(' ').count(), untouched, "{left}");
    }
    for (uri, routes) in [
        ("sip:callee@far", "Route: <sip:192.0.2.100;lr>, <sip:strict>\r\n"),
        ("sip:192.0.2.100;lr", "Route: <sip:callee@far>\r\n"),
    ] {
        let (any, _, left) = routed(uri, routes);
        assert_eq!(routed_as(uri, routes, Follow::Ours).0, any);
        assert_eq!(routed_as(uri, routes, Follow::Ours).2, left);
    }
}

#[test]
fn a_route_that_cannot_be_read_is_an_error() {
    let msg = Message::parse(Bytes::from_static(
        b"BYE sip:a SIP/2.0\r\nRoute: <sip:x;lr\r\nCall-ID: 1\r\n\r\n",
    ));
    assert!(loose_route(&msg.unwrap(), &mut Patch::new(), Follow::Any, |_| false).is_err());
}
