//! The typed getters of a message: each reads its own header, says which is malformed and where,
//! and leaves what is not asked for alone.

use bytes::{Bytes, BytesMut};
use sip_parser::{
    AgentPart, Fault, HeaderId as Id, Message, Method, MimeVersion, Patch, Refresher, Tokens,
};

fn message(headers: &str) -> Message {
    let text = format!("INVITE sip:bob@b.example SIP/2.0\r\n{headers}\r\n");
    Message::parse(Bytes::from(text.into_bytes())).unwrap()
}

#[test]
fn addresses_are_read() {
    let m = message(
        "Reply-To: Bob <sip:bob@a>\r\nr: <sip:refer@a;method=INVITE>\r\nb: <sip:by@a>;cid=\"1@a\"\r\n\
         Refer-Sub: false\r\nRefer-Events-At: <sip:events@a>\r\n\
         P-Asserted-Identity: \"A\" <sip:a@a>\r\nP-Asserted-Identity: <tel:+1>\r\n\
         P-Preferred-Identity: <sip:p@a>\r\nP-Associated-URI:\r\nP-Called-Party-ID: <sip:c@a>\r\n\
         Remote-Party-ID: <sip:r@a>;party=calling;screen=yes\r\n\
         Diversion: <sip:d@a>;reason=\"user-busy\", <sip:e@a>;counter=3\r\n\
         History-Info: <sip:h@a>;index=1, <sip:i@a>;index=1.1;mp=1\r\nPrivacy: id;user\r\n\
         y: abc.def;info=<https://a/>;alg=ES256\r\nIdentity: ..x;info=<https://b/>\r\n\
         n: <https://c/>;alg=rsa-sha1\r\nPermission-Missing: sip:pm@a\r\n\
         Trigger-Consent: sip:tc@a;target-uri=\"sip:x\"\r\n\
         P-Asserted-Service: urn:x:1, urn:x:2\r\nP-Preferred-Service: urn:x:3\r\n",
    );
    assert_eq!(m.reply_to().unwrap().unwrap().display_text(), "Bob");
    assert_eq!(m.refer_to().unwrap().unwrap().uri, b"sip:refer@a;method=INVITE");
    assert_eq!(m.referred_by().unwrap().unwrap().cid(), Some(&b"1@a"[..]));
    assert!(!m.refer_sub().unwrap().unwrap().subscribes);
    assert_eq!(m.refer_events_at().unwrap().unwrap().uri, b"sip:events@a");
    let asserted: Vec<_> = m.asserted_identities().map(|a| a.unwrap().uri).collect();
    assert_eq!(asserted, [&b"sip:a@a"[..], b"tel:+1"]);
    assert_eq!(m.preferred_identities().map(|a| a.unwrap().uri).next(), Some(&b"sip:p@a"[..]));
    assert_eq!(m.associated_uris().count(), 0);
    assert_eq!(m.called_party_id().unwrap().unwrap().uri, b"sip:c@a");
    assert!(m.remote_party_ids().next().unwrap().unwrap().is_screened());
    let diversions: Vec<_> = m.diversions().map(|d| d.unwrap()).collect();
    assert_eq!(
        (diversions[0].reason(), diversions[1].counter()),
        (Some(&b"user-busy"[..]), Some(3))
    );
    let history: Vec<_> = m.history_info().map(|h| h.unwrap()).collect();
    assert_eq!((history[0].index(), history[1].mp()), (Some(&b"1"[..]), Some(&b"1"[..])));
    assert!(m.privacy().unwrap().unwrap().has("ID"));
    let infos: Vec<_> = m.identities().map(|i| i.unwrap().info().unwrap()).collect();
    assert_eq!(infos, [b"https://a/", b"https://b/"]);
    assert_eq!(m.identity_info().unwrap().unwrap().alg(), Some(&b"rsa-sha1"[..]));
    assert_eq!(m.permissions_missing().next().unwrap().unwrap().uri, b"sip:pm@a");
    let trigger = m.triggers_of_consent().next().unwrap().unwrap();
    assert_eq!(trigger.params.value(b"target-uri"), Some(&b"\"sip:x\""[..]));
    let services: Vec<_> = m.asserted_services().map(|s| s.unwrap().urn).collect();
    assert_eq!(services, [b"urn:x:1", b"urn:x:2"]);
    assert_eq!(m.preferred_services().next().unwrap().unwrap().urn, b"urn:x:3");
    assert_eq!(m.check_headers(), Ok(()));
}

#[test]
fn sessions_and_dialogs_are_read() {
    let m = message(
        "x: 1800;refresher=uas\r\nMin-SE: 90\r\n\
         Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n\
         Replaces: r@a;to-tag=1;from-tag=2;early-only\r\nJoin: j@a;to-tag=3;from-tag=4\r\n\
         Target-Dialog: t@a;local-tag=5;remote-tag=6\r\nRAck: 7 8 INVITE\r\nRSeq: 9\r\n\
         Max-Breadth: 60\r\nFlow-Timer: 126\r\nSIP-ETag: etag\r\nSIP-If-Match: match\r\n\
         Suppress-If-Match: *\r\nReason: SIP;cause=480, Q.850;cause=16;text=\"bye\"\r\n\
         Warning: 399 a \"one\", 301 b \"two\"\r\nTimestamp: 54.2 0.1\r\n\
         In-Reply-To: c1@a, c2@a\r\nInfo-Package: foo\r\nAnswer-Mode: Manual\r\n\
         Priv-Answer-Mode: Auto;require\r\nUser-to-User: 56a3;encoding=hex\r\n",
    );
    let session = m.session_expires().unwrap().unwrap();
    assert_eq!((session.seconds, session.refresher()), (1800, Some(Refresher::Uas)));
    assert_eq!(m.min_se().unwrap().unwrap().seconds, 90);
    assert_eq!(m.session_id().unwrap().unwrap().remote(), Some(&[b'0'; 32][..]));
    let replaces = m.replaces().unwrap().unwrap();
    assert_eq!((replaces.call_id, replaces.early_only()), (&b"r@a"[..], true));
    assert_eq!(m.join().unwrap().unwrap().from_tag(), Some(&b"4"[..]));
    assert_eq!(m.target_dialog().unwrap().unwrap().remote_tag(), Some(&b"6"[..]));
    let rack = m.rack().unwrap().unwrap();
    assert_eq!((rack.response, rack.cseq, rack.method), (7, 8, Method::Invite));
    assert_eq!(m.rseq(), Ok(Some(9)));
    assert_eq!((m.max_breadth(), m.flow_timer()), (Ok(Some(60)), Ok(Some(126))));
    assert_eq!(m.sip_etag(), Ok(Some(&b"etag"[..])));
    assert_eq!(m.sip_if_match(), Ok(Some(&b"match"[..])));
    assert_eq!(m.suppress_if_match(), Ok(Some(&b"*"[..])));
    let causes: Vec<_> = m.reasons().map(|r| r.unwrap().cause()).collect();
    assert_eq!(causes, [Some(480), Some(16)]);
    let texts: Vec<_> = m.warnings().map(|w| w.unwrap().message().inside()).collect();
    assert_eq!(texts, [b"one", b"two"]);
    assert_eq!(m.timestamp().unwrap().unwrap().delay_micros(), Some(100_000));
    let calls: Vec<_> = m.in_reply_to().map(|c| c.unwrap().0).collect();
    assert_eq!(calls, [b"c1@a", b"c2@a"]);
    let token = |t: Result<Option<Tokens<'_>>, _>| {
        t.map(|t| String::from_utf8(t.unwrap().token.to_vec()).unwrap())
    };
    assert_eq!(token(m.info_package()).as_deref(), Ok("foo"));
    assert_eq!(token(m.answer_mode()).as_deref(), Ok("Manual"));
    assert_eq!(token(m.priv_answer_mode()).as_deref(), Ok("Auto"));
    assert_eq!(m.user_to_user().next().unwrap().unwrap().encoding(), Some(&b"hex"[..]));
    assert_eq!(m.check_headers(), Ok(()));
}

#[test]
fn bodies_and_senders_are_read() {
    let m = message(
        "Content-Disposition: session;handling=optional\r\nMIME-Version: 1.0\r\n\
         Accept: application/sdp, text/*;q=0.5\r\nAlert-Info: <urn:alert:service:call-waiting>\r\n\
         Call-Info: <http://a/>;purpose=icon\r\nError-Info: <sip:e@a>\r\nServer: S/1 (x)\r\n\
         User-Agent: U/2\r\ns: one\r\n two\r\nOrganization: Caf\u{e9}\r\nPriority: urgent\r\n\
         Geolocation: <cid:g@a>\r\nGeolocation-Routing: no\r\n\
         Geolocation-Error: 100;code=\"Cannot Process Location\"\r\n\
         e: gzip\r\nContent-Language: fr, en\r\nAccept-Encoding:\r\nAccept-Language: da;q=0.5\r\n",
    );
    assert!(m.content_disposition().unwrap().unwrap().is_optional());
    assert_eq!(m.mime_version(), Ok(Some(MimeVersion { major: 1, minor: 0 })));
    let ranges: Vec<_> = m.accept().map(|r| r.unwrap()).collect();
    assert!(ranges[0].is("application", "sdp") && ranges[1].covers("text", "html"));
    assert_eq!(m.alert_info().next().unwrap().unwrap().uri, b"urn:alert:service:call-waiting");
    assert_eq!(m.call_info().next().unwrap().unwrap().purpose(), Some(&b"icon"[..]));
    assert_eq!(m.error_info().next().unwrap().unwrap().uri, b"sip:e@a");
    let product = AgentPart::Product { name: b"S", version: Some(b"1") };
    assert_eq!(m.server().unwrap().unwrap().parts().next(), Some(product));
    assert_eq!(m.user_agent().unwrap().unwrap().0, b"U/2");
    assert_eq!(m.subject(), Ok(Some(&b"one\r\n two"[..])));
    assert_eq!(m.organization(), Ok(Some("Caf\u{e9}".as_bytes())));
    assert_eq!(m.priority(), Ok(Some(&b"urgent"[..])));
    assert_eq!(m.geolocations().next().unwrap().unwrap().uri, b"cid:g@a");
    assert_eq!(m.geolocation_routing(), Ok(Some(&b"no"[..])));
    assert_eq!(m.geolocation_error().unwrap().unwrap().code, 100);
    let tokens = |id| m.tokens(id).map(|t| t.unwrap()).collect::<Vec<_>>();
    assert!(tokens(Id::ContentEncoding)[0].is("GZIP"));
    assert_eq!(tokens(Id::ContentLanguage).len(), 2);
    assert!(tokens(Id::AcceptEncoding).is_empty());
    assert_eq!(tokens(Id::AcceptLanguage)[0].q(), Some(500));
    assert_eq!(m.check_headers(), Ok(()));
}

#[test]
fn networks_are_read() {
    let m = message(
        "a: *;audio;require\r\nj: *;video\r\nFeature-Caps: *;+g.a=\"x\"\r\n\
         Resource-Priority: wps.3, dsn.flash\r\nAccept-Resource-Priority:\r\n\
         P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=00\r\n\
         P-Visited-Network-ID: \"net 1\"\r\nP-Charging-Vector: icid-value=1;orig-ioi=a\r\n\
         P-Charging-Function-Addresses: ccf=192.0.2.1;ccf=192.0.2.2\r\n\
         Security-Client: tls;q=0.2\r\nSecurity-Server: digest;d-alg=md5\r\n\
         Security-Verify: digest;d-ver=\"1\"\r\nAuthentication-Info: nextnonce=\"n\"\r\n\
         Proxy-Authentication-Info: rspauth=\"r\"\r\n",
    );
    assert!(m.accept_contacts().next().unwrap().unwrap().is_required());
    assert!(!m.reject_contacts().next().unwrap().unwrap().is_required());
    assert!(m.feature_caps().next().unwrap().unwrap().params.has(b"+g.a"));
    let namespaces: Vec<_> = m.resource_priorities().map(|r| r.unwrap().namespace).collect();
    assert_eq!(namespaces, [b"wps", b"dsn"]);
    assert_eq!(m.accepted_resource_priorities().count(), 0);
    assert_eq!(m.access_networks().next().unwrap().unwrap().cell(), Some(&b"00"[..]));
    assert_eq!(m.visited_networks().next().unwrap().unwrap().text().inside(), b"net 1");
    assert_eq!(m.charging_vector().unwrap().unwrap().icid(), Some(&b"1"[..]));
    assert_eq!(m.charging_addresses().unwrap().unwrap().collection().count(), 2);
    assert_eq!(m.security_client().next().unwrap().unwrap().q(), Some(200));
    assert_eq!(m.security_server().next().unwrap().unwrap().digest_algorithm(), Some(&b"md5"[..]));
    assert_eq!(m.security_verify().next().unwrap().unwrap().digest_verify(), Some(&b"1"[..]));
    assert_eq!(m.authentication_info().unwrap().unwrap().nextnonce, Some(&b"n"[..]));
    assert_eq!(m.proxy_authentication_info().unwrap().unwrap().rspauth, Some(&b"r"[..]));
    assert_eq!(m.check_headers(), Ok(()));
}

#[test]
fn what_is_absent_is_none_and_what_is_doubled_is_refused() {
    let m = message("");
    assert!(m.reply_to().unwrap().is_none() && m.rack().unwrap().is_none());
    assert!(m.reasons().next().is_none() && m.identities().next().is_none());
    let m = message("RSeq: 1\r\nRSeq: 2\r\nReason: a\r\nReason: b\r\n");
    assert_eq!(m.rseq().unwrap_err().status(), (400, "Duplicate RSeq"));
    assert_eq!(m.reasons().count(), 2);
    let e = m.check_headers().unwrap_err();
    assert_eq!((e.header, e.fault), (Id::RSeq, Fault::Duplicate));
}

#[test]
fn errors_count_from_the_start_of_the_message() {
    let m = message("Subject: x\r\nReason: SIP;cause=1,\r\n Q.850;;\r\nDiversion: <sip:a@:>\r\n");
    let e = m.reasons().nth(1).unwrap().unwrap_err();
    assert_eq!(
        (e.header, e.fault, m.bytes()[e.offset as usize]),
        (Id::Reason, Fault::Parameter, b';')
    );
    assert!(m.bytes()[..e.offset as usize].ends_with(b"Q.850;"));
    assert_eq!(m.check_headers(), Err(e));
    let m = message("Diversion: <sip:a@:>\r\n");
    assert!(m.diversions().all(|d| d.is_ok()));
    let e = m.check_headers().unwrap_err();
    assert_eq!((e.fault, m.bytes()[e.offset as usize]), (Fault::Host, b':'));
}

#[test]
fn members_can_be_taken_out_of_their_list() {
    let m = message("Reason: SIP;cause=1 , Q.850 ;cause=2,\r\n X\r\n");
    let spans: Vec<_> = m.reasons().with_spans().map(|r| r.unwrap().0).collect();
    let texts: Vec<_> = spans.iter().map(|s| m.slice(*s)).collect();
    assert_eq!(texts, [&b"SIP;cause=1"[..], b"Q.850 ;cause=2", b"X"]);
    let (mut patch, mut out) = (Patch::new(), BytesMut::new());
    patch.remove_value(&m, Id::Reason, spans[1]);
    patch.write(&m, &mut out);
    let left = Message::parse(out.freeze()).unwrap();
    let left: Vec<_> = left.reasons().map(|r| r.unwrap().to_string()).collect();
    assert_eq!(left, ["SIP;cause=1", "X"]);
}
