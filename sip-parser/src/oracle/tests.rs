//! Both readings agree: on the known good and bad, on soup made of what SIP is made of, and on
//! good text with one byte changed.

use super::*;
use proptest::prelude::*;

const VIAS: [&str; 8] = [
    "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77;rport;received=[2001:db8::1]",
    "SIP  / 2.0\r\n /  TCP   spindle.example.com : 5060  ;\r\n branch  =  z9 ;rport = 5",
    "SIP/2.0/WSS a_b.invalid;x=\"q;\\\" \\\\\"",
    "SIP/2.0/TLS [fe80::1%25eth0]:5061;maddr=224.2.0.1",
    "SIP/2.0/UDP 010.0.0.1 ; a=x@y/z:=b",
    "SIP/2.0/UDP",
    "SIP/2.0/UDP h:99999",
    "SIP/2.0/UDP h;;",
];
const ADDRESSES: [&str; 10] = [
    "\"A. G. \\\"Bell\" <sip:agb@bell.example;lr?x=y>;tag=a48s",
    "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8",
    "sip:+12125551212@phone2net.com;tag=887s",
    "J\u{f6}rg  M\r\n \u{fc}ller<tel:+1>",
    "<sip:a,b@c>;x=\",\" ; y",
    "*star* <sip:a@b>",
    "< sip:a@b>",
    "\"a\" sip:a@b",
    "sip:a@b?c=d",
    "<1:a>",
];
const URIS: [&str; 18] = [
    "sip:alice:secret@example.com:5070;transport=tcp;lr?subject=x&a=%20",
    "sip:u;par=u%40example.net?x/y@example.com",
    "SIPS:[2001:db8::10]:5070;maddr=[::1]",
    "sip:[1:2:3:4:5:6:7::]",
    "sip:[1:2:3:4:5:6:7:8::]",
    "sip:[::ffff:192.0.2.1%eth0]",
    "sip:[::ffff:192.0.02.1]",
    "sip:[192.0.2.10:1::ffff:1]",
    "sip:[1:2:3:4:5:6:192.0.2.1]",
    "sip:[64:ff9b::1%25a%20b]",
    "sip:a%4@h",
    "sip:@h",
    "sip:h?a=b=c&d=",
    "sip:h?=b",
    "tel:+1-(201);phone-context=a",
    "tel:-;a",
    "urn:service:sos#x",
    "x-y.z+1:\u{e9}",
];

#[test]
fn both_agree_on_the_known_and_on_every_byte_of_it_changed() {
    for text in VIAS.iter().chain(&ADDRESSES).chain(&URIS) {
        check(text.as_bytes());
        for at in 0..text.len() {
            for b in b" \t\r\n\"\\<>;,=:/?&%@[]()*+-._019aFz\0\x7f\x80\xff" {
                let mut changed = text.as_bytes().to_vec();
                changed[at] = *b;
                check(&changed);
                changed.truncate(at);
                check(&changed);
            }
        }
    }
}

#[test]
fn the_oracle_is_not_blind() {
    let good =
        |all: &[&str], f: &dyn Fn(&[u8]) -> bool| all.iter().filter(|t| f(t.as_bytes())).count();
    assert_eq!(good(&VIAS, &|s| via(s).is_some()), 5);
    assert_eq!(good(&ADDRESSES, &|s| name_addr(s).is_some()), 6);
    assert_eq!(good(&URIS, &|s| uri(s).is_some()), 10);
    let parts = uri(b"sip:a@[::1]:7;lr;x=1").unwrap();
    assert_eq!(parts.host, Place::V6([0, 0, 0, 0, 0, 0, 0, 1], None));
    assert_eq!(
        (parts.port, parts.params),
        (Some(7), vec![(&b"lr"[..], None), (b"x", Some(&b"1"[..]))])
    );
}

/// Pieces of values; in any order they are often nearly right.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"SIP/2.0/UDP ",
        b"SIP",
        b"/",
        b"2.0",
        b" ",
        b"\t",
        b"\r\n ",
        b"h",
        b"a.example",
        b"192.0.2.1",
        b"[::1]",
        b"[",
        b"]",
        b"::",
        b"1:",
        b"ff",
        b"%25eth0",
        b"%",
        b"%41",
        b":",
        b"5060",
        b"65536",
        b";",
        b"lr",
        b"branch",
        b"=",
        b"z9hG4bK",
        b"\"",
        b"\\",
        b"<",
        b">",
        b",",
        b"sip:",
        b"sips:",
        b"tel:",
        b"urn:",
        b"x:",
        b"+1",
        b"@",
        b"?",
        b"&",
        b"a",
        b"-",
        b".",
        b"_",
        b"(",
        b"*",
        b"#",
        b"\xc3\xbc",
        b"\x7f",
        b"\0",
        b"0",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..16).prop_map(|p| p.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn both_agree_on_soup(
        front in prop::sample::select(vec![&b""[..], b"SIP/2.0/UDP ", b"sip:", b"<sip:", b"a <sip:h>", b"sip:["]),
        rest in soup(),
    ) {
        check(&[front, &rest].concat());
    }

    #[test]
    fn both_agree_on_bytes(s in prop::collection::vec(any::<u8>(), 0..40)) {
        check(&s);
    }
}
