//! What is read from session descriptions, and what edits leave of them.

use super::*;
use crate::Patch;
use bytes::BytesMut;

const OFFER: &str = "v=0\r\no=alice 2890844526 2890844527 IN IP4 host.example\r\ns= \r\n\
    c=IN IP4 192.0.2.10\r\nb=AS:256\r\nt=0 0\r\na=group:BUNDLE a v\r\na=sendonly\r\n\
    m=audio 49170 RTP/AVP 0 8 97 101\r\na=mid:a\r\na=rtpmap:97 opus/48000/2\r\n\
    a=fmtp:97 useinbandfec=1; MaxPlayBackRate = 16000;cbr\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\n\
    m=video 51372/2 RTP/SAVPF 99 100\r\nc=IN IP6 2001:db8::1\r\na=mid:v\r\na=rtpmap:99 VP8/90000\r\n\
    a=rtcp-fb:99 nack pli\r\na=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=99\r\na=inactive\r\n\
    a=candidate:1 1 UDP 2130706431 192.0.2.1 51372 typ srflx raddr 10.0.0.1 rport 99 generation 0\r\n";

fn edited(text: &str, edit: impl FnOnce(&mut SdpEditor<'_, '_>)) -> String {
    let sdp = Sdp::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
    let (mut patch, mut out) = (Patch::new(), BytesMut::new());
    edit(&mut sdp.edit(&mut patch));
    patch.write_text(text.as_bytes(), &mut out);
    let out = String::from_utf8(out.to_vec()).unwrap();
    Sdp::parse(out.as_bytes()).unwrap_or_else(|e| panic!("{e}: {out}"));
    out
}

#[test]
fn a_description_is_taken_apart() {
    let sdp = Sdp::parse(OFFER.as_bytes()).unwrap();
    assert_eq!((sdp.check(), sdp.media_count(), sdp.name()), (Ok(()), 2, Some(&b" "[..])));
    let o = sdp.origin().unwrap();
    assert_eq!(
        (o.username, o.session_id, o.version),
        (&b"alice"[..], &b"2890844526"[..], &b"2890844527"[..])
    );
    assert_eq!((o.addr_type, o.address), (&b"IP4"[..], &b"host.example"[..]));
    let t = sdp.timings().next().unwrap().unwrap();
    assert_eq!((t.start, t.stop), (&b"0"[..], &b"0"[..]));
    let bandwidths: Vec<_> = sdp.session().bandwidths().collect();
    assert_eq!(bandwidths, [(&b"AS"[..], &b"256"[..])]);
    assert_eq!(sdp.session().attribute(b"group").unwrap().value, Some(&b"BUNDLE a v"[..]));
    assert!(sdp.session().attribute(b"mid").is_none());

    let audio = sdp.medium(0).unwrap();
    assert_eq!((audio.kind, audio.port, audio.port_count), (&b"audio"[..], 49170, 1));
    assert_eq!((audio.protocol, audio.mid()), (&b"RTP/AVP"[..], Some(&b"a"[..])));
    // What it does not say itself it takes from the session.
    assert_eq!(audio.connection().unwrap().ip(), Some("192.0.2.10".parse().unwrap()));
    assert_eq!((audio.own_connection(), audio.direction()), (None, Direction::SendOnly));
    let codecs = audio.codecs();
    let names: Vec<_> =
        codecs.iter().map(|c| (c.payload, c.encoding, c.clock, c.channels)).collect();
    assert_eq!(
        names,
        [
            (0, &b"PCMU"[..], 8000, 1),
            (8, b"PCMA", 8000, 1),
            (97, b"opus", 48000, 2),
            (101, b"telephone-event", 8000, 1)
        ]
    );
    let opus = audio.fmtp(b"97").unwrap();
    assert_eq!(opus.get(b"maxplaybackrate"), Some(&b"16000"[..]));
    assert_eq!((opus.get(b"cbr"), opus.get(b"stereo")), (Some(&b""[..]), None));
    assert_eq!(audio.rtpmap(101).unwrap().encoding, b"telephone-event");

    let video = sdp.medium(1).unwrap();
    assert_eq!((video.port, video.port_count, video.direction()), (51372, 2, Direction::Inactive));
    assert_eq!(video.connection().unwrap().ip(), Some("2001:db8::1".parse().unwrap()));
    let c = video.candidates().next().unwrap();
    assert_eq!((c.foundation, c.component, c.port, c.kind), (&b"1"[..], 1, 51372, &b"srflx"[..]));
    assert_eq!((c.related_address, c.related_port), (Some(&b"10.0.0.1"[..]), Some(99)));
    assert_eq!((c.ip(), c.extension(b"generation")), ("192.0.2.1".parse().ok(), Some(&b"0"[..])));
    assert!(sdp.medium(2).is_none());
}

#[test]
fn lines_are_shown_readably() {
    let text = "v=0\r\ns=a\x1b[2J\r\nm=audio 9 RTP/AVP 0\r\n";
    let sdp = Sdp::parse(text.as_bytes()).unwrap();
    let lines: Vec<_> = sdp.session().lines().map(|l| l.to_string()).collect();
    assert_eq!(lines, ["v=0", "s=a\\u{1b}[2J"]);
    let shown = format!("{:?}", sdp.medium(0).unwrap().section());
    assert_eq!(shown, "[\"m=audio 9 RTP/AVP 0\"]");
}

#[test]
fn spans_count_from_the_message() {
    let text = format!("HEAD{OFFER}");
    let sdp = Sdp::parse_at(&text.as_bytes()[4..], 4, &Limits::DEFAULT).unwrap();
    let at = |span: Span| String::from_utf8_lossy(span.of(text.as_bytes())).into_owned();
    assert_eq!(at(sdp.medium(1).unwrap().port_span), "51372");
    assert_eq!(at(sdp.connection().unwrap().span), "IN IP4 192.0.2.10");
    assert_eq!(at(sdp.origin().unwrap().version_span), "2890844527");
    let media = sdp.medium(0).unwrap();
    assert!(at(media.section().span()).starts_with("m=audio"));
    assert!(at(media.section().span()).ends_with("0-15\r\n"));
    for (word, span) in media.formats() {
        assert_eq!(at(span).as_bytes(), word);
    }
    for line in media.section().lines() {
        assert_eq!(at(line.value_span).as_bytes(), line.value);
    }
    let c = sdp.medium(1).unwrap().candidates().next().unwrap();
    assert_eq!(at(c.address_span), "192.0.2.1");
}

#[test]
fn bare_line_feeds_a_missing_end_and_empty_lines_at_the_end_are_taken() {
    let lf = OFFER.replace("\r\n", "\n");
    assert_eq!(Sdp::parse(lf.as_bytes()).unwrap().check(), Ok(()));
    assert_eq!(
        Sdp::parse(OFFER.trim_end().as_bytes()).unwrap().medium(1).unwrap().codecs().iter().count(),
        2
    );
    let padded = format!("{OFFER}\r\n\r\n\n");
    assert_eq!(Sdp::parse(padded.as_bytes()).unwrap().media_count(), 2);
    // A line added at the end stands before them.
    let out = edited(&padded, |e| e.add_attribute(Place::Media(1), b"x", None));
    assert_eq!(out, format!("{OFFER}a=x\r\n\r\n\r\n\n"));
}

#[test]
fn malformed_descriptions_say_what_and_where() {
    for (text, fault, kind, offset) in [
        ("", SdpFault::Version, b'?', 0),
        ("v=1\r\n", SdpFault::Version, b'v', 0),
        ("o=x\r\n", SdpFault::Version, b'o', 0),
        ("v=0\r\nx\r\n", SdpFault::Line, b'x', 5),
        ("v=0\r\n\r\ns=x\r\n", SdpFault::Line, b'?', 5),
        ("v=0\r\nA=x\r\n", SdpFault::Line, b'?', 5),
        ("v=0\r\na=x\0y\r\n", SdpFault::Character, b'a', 8),
        ("v=0\r\na=x\ry\r\n", SdpFault::Character, b'a', 8),
        ("v=0\r\nc=IN IP4\r\n", SdpFault::Syntax, b'c', 5),
        ("v=0\r\nm=audio 4294967296 RTP/AVP 0\r\n", SdpFault::Syntax, b'm', 5),
        ("v=0\r\nm=audio 1\r\n", SdpFault::Syntax, b'm', 5),
        ("v=0\r\nm=audio 1/x RTP/AVP 0\r\n", SdpFault::Syntax, b'm', 5),
    ] {
        let e = Sdp::parse(text.as_bytes()).unwrap_err();
        assert_eq!((e.fault, e.kind, e.offset), (fault, kind, offset), "{text:?}");
        assert_eq!(e.status().0, 400);
    }
    for (line, fault, kind) in [
        ("o=alice 2890844526 2890844527 IN IP4 host.example\r\n", SdpFault::Missing, b'o'),
        ("s= \r\n", SdpFault::Missing, b's'),
        ("t=0 0\r\n", SdpFault::Missing, b't'),
        ("c=IN IP4 192.0.2.10\r\n", SdpFault::Missing, b'c'),
    ] {
        let lacking = OFFER.replacen(line, "", 1);
        let e = Sdp::parse(lacking.as_bytes()).unwrap().check().unwrap_err();
        assert_eq!((e.fault, e.kind), (fault, kind));
        if kind != b'c' && kind != b't' {
            let twice = OFFER.replacen(line, &line.repeat(2), 1);
            let e = Sdp::parse(twice.as_bytes()).unwrap().check().unwrap_err();
            assert_eq!((e.fault, e.kind), (SdpFault::Duplicate, kind));
        }
    }
    let bad = OFFER.replace("t=0 0", "t=0");
    assert_eq!(Sdp::parse(bad.as_bytes()).unwrap().check().unwrap_err().fault, SdpFault::Syntax);
}

#[test]
fn limits_hold_at_their_value_and_not_beyond() {
    let text = OFFER.as_bytes();
    let lines = OFFER.lines().count();
    let parse = |limits| Sdp::parse_at(text, 0, &limits).map(|_| ()).map_err(|e| e.fault);
    let all = Limits::DEFAULT;
    assert_eq!(
        parse(Limits { sdp_lines: lines, sdp_media: 2, sdp_formats: 4, body: text.len(), ..all }),
        Ok(())
    );
    assert_eq!(parse(Limits { sdp_lines: lines - 1, ..all }), Err(SdpFault::TooManyLines));
    assert_eq!(parse(Limits { sdp_media: 1, ..all }), Err(SdpFault::TooManyMedia));
    assert_eq!(parse(Limits { sdp_formats: 3, ..all }), Err(SdpFault::TooManyFormats));
    assert_eq!(parse(Limits { body: text.len() - 1, ..all }), Err(SdpFault::TooLong));
    let e = Sdp::parse_at(text, 0, &Limits { sdp_media: 1, ..all }).unwrap_err();
    assert_eq!((e.status().0, e.offset as usize), (513, OFFER.find("m=video").unwrap()));
}

#[test]
fn addresses_and_ports_are_set() {
    let out = edited(OFFER, |e| {
        e.set_connections("198.51.100.7".parse().unwrap());
        e.set_connections("2001:db8::7".parse().unwrap());
        assert!(e.set_origin_address("198.51.100.8".parse().unwrap()));
        assert!(
            e.set_port(0, 1) && e.set_port(0, 30000) && e.set_port(1, 30002) && !e.set_port(2, 1)
        );
    });
    let expected = OFFER
        .replace("IN IP4 host.example", "IN IP4 198.51.100.8")
        .replace("IP4 192.0.2.10", "IP6 2001:db8::7")
        .replace("IP6 2001:db8::1\r", "IP6 2001:db8::7\r")
        .replace("49170", "30000")
        .replace("video 51372/2", "video 30002/2");
    assert_eq!(out, expected);
    // Where there is no c= line it is added where it belongs.
    let bare = OFFER.replace("c=IN IP4 192.0.2.10\r\n", "").replace("c=IN IP6 2001:db8::1\r\n", "");
    let out = edited(&bare, |e| e.set_connections("192.0.2.10".parse().unwrap()));
    assert_eq!(out, OFFER.replace("c=IN IP6 2001:db8::1\r\n", ""));
    let out = edited(OFFER, |e| e.set_connection(Place::Media(0), "192.0.2.9".parse().unwrap()));
    assert_eq!(out, OFFER.replace("101\r\na=mid:a", "101\r\nc=IN IP4 192.0.2.9\r\na=mid:a"));
}

#[test]
fn attributes_are_added_set_and_removed() {
    let out = edited(OFFER, |e| {
        assert_eq!(e.remove_attributes(Place::Session, b"group"), 1);
        assert_eq!(e.remove_attributes(Place::Media(0), b"fmtp"), 2);
        assert_eq!(e.remove_attributes(Place::Media(7), b"fmtp"), 0);
        e.set_attribute(Place::Media(1), b"mid", Some(b"w\r\na=evil"));
        e.set_attribute(Place::Media(1), b"rtcp-mux", None);
        e.add_attribute(Place::Media(0), b"ptime", Some(b"20"));
        e.set_direction(Place::Session, Direction::RecvOnly);
        e.set_direction(Place::Media(0), Direction::SendRecv);
        e.add_line(Place::Media(0), b'b', b"TIAS:64000");
    });
    let expected = OFFER
        .replace("a=group:BUNDLE a v\r\na=sendonly", "a=recvonly")
        .replace("a=fmtp:97 useinbandfec=1; MaxPlayBackRate = 16000;cbr\r\n", "")
        .replace("a=fmtp:101 0-15\r\n", "a=ptime:20\r\na=sendrecv\r\n")
        .replace("101\r\na=mid:a", "101\r\nb=TIAS:64000\r\na=mid:a")
        .replace("a=mid:v", "a=mid:w  a=evil")
        + "a=rtcp-mux\r\n";
    assert_eq!(out, expected);
}

#[test]
fn lines_are_added_in_their_order_whatever_the_order_of_the_calls() {
    for text in [
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0",
    ] {
        let ip = "192.0.2.1".parse().unwrap();
        let out = edited(text, |e| {
            e.add_attribute(Place::Media(0), b"x", None);
            e.add_line(Place::Media(0), b'b', b"AS:1");
            e.set_connection(Place::Media(0), ip);
            e.add_line(Place::Session, b'b', b"AS:2");
            e.set_connection(Place::Session, ip);
            e.add_line(Place::Session, b'i', b"about");
        });
        let expected = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\ni=about\r\nc=IN IP4 192.0.2.1\r\nb=AS:2\r\nt=0 0\r\n\
            m=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nb=AS:1\r\na=x\r\n";
        assert_eq!(out, expected);
    }
}

#[test]
fn what_is_set_twice_has_the_last_value_where_it_had_none() {
    let text = "v=0\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n";
    let out = edited(text, |e| {
        for (ip, direction, value) in [
            ("192.0.2.1", Direction::Inactive, &b"1"[..]),
            ("2001:db8::1", Direction::SendOnly, b"2"),
        ] {
            e.set_connections(ip.parse().unwrap());
            e.set_connection(Place::Media(0), ip.parse().unwrap());
            e.set_direction(Place::Media(0), direction);
            e.set_attribute(Place::Media(0), b"mid", Some(value));
            e.add_attribute(Place::Media(0), b"more", Some(value));
        }
    });
    let expected = "v=0\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n\
        a=more:1\r\na=sendonly\r\na=mid:2\r\na=more:2\r\n";
    assert_eq!(out, expected);
}

#[test]
fn an_empty_line_is_replaced_like_any_other() {
    let text = "v=0\r\ns=\r\na=\r\n";
    let out = edited(text, |e| {
        let lines: Vec<_> = e.sdp.session().lines().collect();
        e.replace_line(&lines[1], b"first");
        e.replace_line(&lines[1], b"second");
        e.replace_line(&lines[2], b"x");
    });
    assert_eq!(out, "v=0\r\ns=second\r\na=x\r\n");
}

#[test]
fn media_are_added_and_removed() {
    let video = OFFER.find("m=video").unwrap();
    let out = edited(OFFER, |e| assert!(e.remove_media(1) && !e.remove_media(2)));
    assert_eq!(out, OFFER[..video]);
    let add = |e: &mut SdpEditor<'_, '_>| {
        e.add_media(b"text 9 RTP/AVP 98", &[(b'a', b"rtpmap:98 t140/1000")])
    };
    let section = "m=text 9 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n";
    assert_eq!(edited(OFFER, add), format!("{OFFER}{section}"));
    let session = &OFFER[..OFFER.find("m=audio").unwrap()];
    assert_eq!(edited(session, add), format!("{session}{section}"));
    let both = edited(OFFER, |e| {
        e.remove_media(0);
        e.remove_media(1);
        add(e);
    });
    assert_eq!(both, format!("{session}{section}"));
    let other: &[(u8, &[u8])] = &[(b'a', b"rtpmap:98 t140/1000"), (b'm', b"none"), (b'v', b"0")];
    let replaced = edited(OFFER, |e| {
        e.set_port(0, 7);
        assert!(e.replace_media(0, b"text 9 RTP/AVP 98", other) && !e.replace_media(2, b"x", &[]));
        e.add_attribute(Place::Session, b"last", None);
    });
    assert_eq!(replaced, format!("{session}a=last\r\n{section}{}", &OFFER[video..]));
    // The last one, which does not end its last line, before and behind what is added.
    let open = OFFER.trim_end();
    for order in [[0, 1, 1], [1, 0, 1], [1, 1, 0]] {
        let out = edited(open, |e| {
            for step in order {
                match step {
                    0 => assert!(e.replace_media(1, b"text 9 RTP/AVP 98", other)),
                    _ => e.add_attribute(Place::Media(1), b"x", None),
                }
            }
        });
        assert_eq!(out, format!("{}{section}a=x\r\na=x\r\n", &OFFER[..video]));
    }
    let out = edited("v=0\nm=a 1 b c", |e| {
        e.replace_media(0, b"d 2 e f", &[]);
        e.add_attribute(Place::Media(0), b"x", None);
    });
    assert_eq!(out, "v=0\nm=d 2 e f\na=x\n");
    let out = edited("v=0\na=", |e| {
        let last = e.sdp.session().lines().nth(1).unwrap();
        e.replace_line(&last, b"y");
        e.add_attribute(Place::Session, b"x", None);
    });
    assert_eq!(out, "v=0\na=y\na=x\n");
    // What is added to a section stays in it, whatever was added behind it before.
    for (text, place) in
        [(OFFER, Place::Media(1)), (open, Place::Media(1)), (session, Place::Session)]
    {
        let out = edited(text, |e| {
            add(e);
            e.add_attribute(place, b"1", None);
            add(e);
            e.add_attribute(place, b"2", None);
        });
        assert_eq!(out, format!("{}\r\na=1\r\na=2\r\n{section}{section}", text.trim_end()));
    }
    // Without a last line end, in LF: the new lines are like the old ones.
    let lf = OFFER.trim_end().replace("\r\n", "\n");
    let section = section.replace("\r\n", "\n");
    assert_eq!(edited(&lf, add), format!("{lf}\n{section}"));
    assert_eq!(edited(&lf, |e| (0..2).for_each(|_| add(e))), format!("{lf}\n{section}{section}"));
    let kept = OFFER[..video].replace("\r\n", "\n");
    let removed_first = edited(&lf, |e| {
        e.remove_media(1);
        add(e);
    });
    let removed_last = edited(&lf, |e| {
        add(e);
        e.remove_media(1);
    });
    assert_eq!((&removed_first, &removed_last), (&format!("{kept}{section}"), &removed_first));
    // The last lines go one by one, and others come in their place.
    let bare = "v=0\na=1\na=2";
    let out = edited(bare, |e| {
        e.add_attribute(Place::Session, b"3", None);
        e.remove_attributes(Place::Session, b"2");
        e.remove_attributes(Place::Session, b"1");
        e.add_attribute(Place::Session, b"4", None);
    });
    assert_eq!(out, "v=0\na=3\na=4\n");
}

#[test]
fn codecs_go_with_every_line_about_them() {
    let out = edited(OFFER, |e| {
        assert_eq!(e.remove_codec(0, "OPUS/48000/2"), CodecsLeft { removed: 1, left: 3 });
        assert_eq!(e.remove_codec(0, "opus"), CodecsLeft { removed: 0, left: 3 });
        assert_eq!(e.remove_payloads(0, &[8, 77]), CodecsLeft { removed: 1, left: 2 });
    });
    let expected = OFFER
        .replace("0 8 97 101", "0 101")
        .replace("a=rtpmap:97 opus/48000/2\r\n", "")
        .replace("a=fmtp:97 useinbandfec=1; MaxPlayBackRate = 16000;cbr\r\n", "");
    assert_eq!(out, expected);
    let out = edited(OFFER, |e| {
        assert_eq!(e.keep_codecs(0, &["PCMA", "telephone-event"]).left, 2);
    });
    assert!(out.contains("RTP/AVP 8 101\r\na=mid:a\r\na=rtpmap:101"), "{out}");
    // The last codec stays, and the stream is refused; what is retransmitted goes with its codec.
    let refused = OFFER.replace("m=video 51372/2", "m=video 0/2");
    let out = edited(OFFER, |e| {
        assert_eq!(e.remove_codec(1, "VP8"), CodecsLeft { removed: 0, left: 0 });
    });
    assert_eq!(out, refused);
    let three = OFFER.replace("SAVPF 99 100", "SAVPF 99 100 34");
    let out = edited(&three, |e| {
        assert_eq!(e.remove_codec(1, "VP8"), CodecsLeft { removed: 2, left: 1 });
        assert_eq!(e.remove_codec(1, "H263"), CodecsLeft { removed: 0, left: 0 });
    });
    let video = &out[out.find("m=video").unwrap()..];
    assert!(video.starts_with("m=video 0/2 RTP/SAVPF 34\r\nc="), "{video}");
    assert!(!video.contains(":99 ") && !video.contains("a=fmtp:100") && video.contains("inactive"));
}

#[test]
fn odd_attributes_are_no_rtpmap_and_no_candidate() {
    let text = "v=0\r\nm=audio 1 RTP/AVP 0 200 x\r\na=rtpmap:200 x/8000\r\na=rtpmap:0 PCMU\r\n\
        a=rtpmap:0 /8000\r\na=rtpmap\r\na=fmtp\r\na=candidate:1 1 UDP 1 h 70000 typ host\r\n\
        a=candidate:1 1 UDP 1 h 7 typ host raddr\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
    let sdp = Sdp::parse(text.as_bytes()).unwrap();
    let audio = sdp.medium(0).unwrap();
    assert_eq!(
        (audio.rtpmaps().count(), audio.fmtps().count(), audio.candidates().count()),
        (0, 0, 0)
    );
    assert_eq!(audio.codecs().iter().map(|c| c.encoding).collect::<Vec<_>>(), [b"PCMU"]);
    let data = sdp.medium(1).unwrap();
    assert!(!data.is_rtp() && data.codecs().iter().next().is_none());
    assert_eq!(data.formats().next().unwrap().0, b"webrtc-datachannel");
}

#[test]
fn check_judges_media_lines_and_a_second_connection() {
    let verdict = |connections: &str, media: &str| {
        let text = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\n{connections}t=0 0\r\nm={media}\r\n");
        Sdp::parse(text.as_bytes()).unwrap().check().map_err(|e| (e.fault, e.kind))
    };
    let (one, two) = ("c=IN IP4 192.0.2.1\r\n", "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n");
    for media in ["audio 1 RTP/AVP 0", "audio 0 RTP/AVP 0 8", "image 9/2 udptl t38"] {
        assert_eq!(verdict(one, media), Ok(()), "{media}");
    }
    for media in
        ["audio 1 RTP/AVP", "audio 1 RTP/AVP ", "audio  1 RTP/AVP 0", "audio 1 RTP/AVP 0  8"]
    {
        assert_eq!(verdict(one, media), Err((SdpFault::Syntax, b'm')), "{media}");
    }
    assert_eq!(verdict(two, "audio 1 RTP/AVP 0"), Err((SdpFault::Duplicate, b'c')));
    let each = format!("audio 1 RTP/AVP 0\r\n{two}a=x");
    assert_eq!(verdict("", &each), Ok(()), "a multicast session may have several (RFC 8866 5.7)");
}

#[test]
fn codecs_are_taken_out_of_many_long_media_lines_once_each() {
    let head = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    let formats: String = (0..128).map(|n| format!(" {n}")).collect();
    let line = format!("m=audio 1 RTP/AVP{formats}\r\na=rtpmap:97 x/8000\r\na=mid:1\r\n");
    let text = format!("{head}{}", line.repeat(60));
    let sdp = Sdp::parse(text.as_bytes()).unwrap();
    let mut patch = Patch::new();
    // From the last on, so that no edit stands where it is to be written.
    for i in (0..60).rev() {
        let kept = sdp.edit(&mut patch).keep_codecs(i, &["PCMU", "PCMA"]);
        assert_eq!((kept.removed, kept.left), (126, 2), "{i}");
        let again = sdp.edit(&mut patch).keep_codecs(i, &["PCMU", "PCMA"]);
        assert_eq!((again.removed, again.left), (0, 2), "{i}");
    }
    let mut out = BytesMut::new();
    patch.write_text(text.as_bytes(), &mut out);
    let wanted = format!("{head}{}", "m=audio 1 RTP/AVP 0 8\r\na=mid:1\r\n".repeat(60));
    assert_eq!(out, wanted.as_bytes());
}
