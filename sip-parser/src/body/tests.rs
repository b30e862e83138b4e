//! Multipart bodies: what is read from them, what is refused, what edits leave.

use super::*;
use crate::{HeaderId, Patch};
use bytes::{Bytes, BytesMut};

const BODY: &str = "preamble\r\n--b1\r\nc: application/sdp\r\nContent-Disposition: session;\r\n \
    handling=optional\r\n\r\nv=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n\r\n--b1 \t\r\n\
    Content-Type: multipart/alternative; boundary=\"in ner\"\r\n\r\n\
    --in ner\r\n\r\nplain\r\n--in ner\r\nContent-Type: text/html\r\nContent-ID: <x@y>\r\n\r\n<p>\r\n--in ner--\r\n\
    --b1\r\nX-Y: no content\r\n\r\n--b1--\r\nepilogue --b1";

fn message(kind: &str, body: &str) -> Message {
    let text =
        format!("INVITE sip:b SIP/2.0\r\nc: {kind}\r\nTo: t\r\nl: {}\r\n\r\n{body}", body.len());
    Message::parse(Bytes::from(text.into_bytes())).unwrap()
}

fn mixed() -> Message {
    message("multipart/mixed;boundary=b1", BODY)
}

fn fault(body: &str) -> (BodyFault, usize) {
    let e = Multipart::parse(body.as_bytes(), b"b").unwrap_err();
    assert_eq!(e.status().0, 400, "{body:?}");
    (e.fault, e.offset as usize)
}

fn patched(m: &Message, edit: impl FnOnce(&mut Patch)) -> Message {
    let (mut patch, mut out) = (Patch::new(), BytesMut::new());
    edit(&mut patch);
    patch.write(m, &mut out);
    let written = Message::parse(out.clone().freeze()).unwrap();
    assert_eq!(written.bytes(), &out, "Content-Length is wrong");
    written
}

#[test]
fn a_body_is_taken_apart() {
    let m = mixed();
    let body = m.multipart().unwrap().unwrap();
    assert_eq!((body.count(), body.boundary()), (3, &b"b1"[..]));
    assert_eq!(
        (body.preamble(), body.epilogue()),
        (&b"preamble\r\n"[..], &b"\r\nepilogue --b1"[..])
    );
    let first = body.part(0).unwrap();
    let names: Vec<_> = first.headers().map(|h| (h.id, h.value)).collect();
    assert_eq!(
        names,
        [
            (HeaderId::ContentType, &b"application/sdp"[..]),
            (HeaderId::ContentDisposition, b"session;\r\n handling=optional")
        ]
    );
    for h in first.headers() {
        assert_eq!((m.slice(h.value_span), m.slice(h.span).starts_with(h.name)), (h.value, true));
    }
    assert!(first.content.starts_with(b"v=0\r\n") && first.content.ends_with(b"AVP 0\r\n"));
    assert_eq!(m.slice(first.content_span), first.content);
    assert!(m.slice(first.span).starts_with(b"--b1\r\nc:"));
    assert!(m.slice(first.inner_span).starts_with(b"c: app"));
    let second = body.part(1).unwrap();
    let inner = second.multipart(&Limits::DEFAULT).unwrap().unwrap();
    let contents: Vec<_> = inner.parts().map(|p| p.content).collect();
    assert_eq!(contents, [b"plain".as_slice(), b"<p>"]);
    assert!(inner.part(0).unwrap().is("text", "plain"));
    let third = body.part(2).unwrap();
    assert_eq!(
        (third.content, third.header_named(b"x-y").map(|h| h.value)),
        (&b""[..], Some(&b"no content"[..]))
    );
    assert!(body.part(3).is_none());
}

#[test]
fn contents_are_found_however_deep() {
    let m = mixed();
    let html = m.content("TEXT", "html").unwrap().unwrap();
    assert_eq!((html.bytes, m.slice(html.span)), (&b"<p>"[..], &b"<p>"[..]));
    assert_eq!(m.content("text", "xml"), Ok(None));
    let sdp = m.sdp().unwrap().unwrap();
    let port = sdp.medium(0).unwrap().port_span;
    assert_eq!(m.slice(port), b"9");
    let body = m.multipart().unwrap().unwrap();
    let by_id = body.find_where(&Limits::DEFAULT, |p| p.content_id() == Some(b"x@y")).unwrap();
    assert_eq!(by_id.unwrap().content, b"<p>");
    assert_eq!(body.walk(&Limits::DEFAULT).count(), 5);
    // A body that is the content itself, and one that is not.
    let m = message("Application/SDP", "v=0\r\n");
    assert_eq!(
        (m.sdp().unwrap().unwrap().media_count(), m.multipart().unwrap().is_none()),
        (0, true)
    );
    assert!(message("text/plain", "v=0\r\n").sdp().unwrap().is_none());
    assert!(message("application/sdp", "").sdp().unwrap().is_none());
    let zipped = message("application/sdp\r\nContent-Encoding: gzip", "\x1f");
    assert!(zipped.sdp().unwrap().is_none());
    let coded = BODY
        .replace("c: application/sdp", "c: application/sdp\r\nContent-Transfer-Encoding: base64");
    assert!(message("multipart/mixed;boundary=b1", &coded).sdp().unwrap().is_none());
    assert_eq!(
        message("application/sdp", "x").sdp().unwrap_err().status(),
        (400, "Bad Session Description")
    );
    assert_eq!(
        message("a/b\r\nc: a/b", "x").sdp().unwrap_err().status(),
        (400, "Bad Content-Type")
    );
}

#[test]
fn what_is_ambiguous_or_unclosed_is_refused_with_its_place() {
    use BodyFault::*;
    for (body, wanted) in [
        ("", (NoPart, 0)),
        ("--b--\r\n", (NoPart, 0)),
        ("text --b\r\n\r\nx\r\n--b--", (NoPart, 15)),
        ("--b\r\n\r\nx", (Unterminated, 8)),
        ("--b\r\n\r\nx\r\n--b", (Unterminated, 13)),
        ("--b\r\n\r\nx\r\n--bc\r\n--b--", (Delimiter, 10)),
        ("--b\r\n\r\nx\n--b\r\n\r\ny\r\n--b--", (Delimiter, 9)),
        ("--b\n\nx\n--b--", (Delimiter, 0)),
        ("--b\r\n\r\nx\r\n--b--x", (Delimiter, 10)),
        ("--b\r\n--b--", (Delimiter, 5)),
        ("--b\r\nno header\r\n\r\nx\r\n--b--", (Header, 5)),
        ("--b\r\nA: b\nC: d\r\n\r\nx\r\n--b--", (Header, 5)),
        ("--b\r\nA: b\r\n--b--", (Header, 5)),
    ] {
        assert_eq!(fault(body), wanted, "{body:?}");
    }
    assert_eq!(
        Multipart::parse(b"--b\r\n\r\n\r\n--b--", b"b").unwrap().part(0).unwrap().content,
        b""
    );
    assert_eq!(Multipart::parse(b"--b\r\n\r\n--b--", b"b").unwrap().part(0).unwrap().content, b"");
    assert_eq!(
        Multipart::parse(b"--b\r\nA: b\r\n\r\n--b--", b"b")
            .unwrap()
            .part(0)
            .unwrap()
            .headers()
            .count(),
        1
    );
    let boundary = |b: &[u8]| Multipart::parse(b"", b).unwrap_err().fault;
    for bad in [&b""[..], b"a ", b"a\"b", b"a\r\nb", &[b'a'; 71]] {
        assert_eq!(boundary(bad), BodyFault::Boundary);
    }
    assert_eq!(boundary(&[b'a'; 70]), BodyFault::NoPart);
    let none = message("multipart/mixed", BODY).multipart().unwrap_err();
    assert_eq!(none.status(), (400, "Bad Multipart Boundary"));
    // An error lies where it lies in the message.
    let m = message("multipart/mixed;boundary=b", "--b\r\nbad\r\n\r\n--b--");
    let e = m.multipart().unwrap_err();
    assert!(m.slice(Span::new(e.offset, e.offset + 3)) == b"bad");
}

#[test]
fn limits_hold_at_their_value_and_not_beyond() {
    let m = mixed();
    let read = |limits: Limits| {
        let body = m.multipart_with(&limits)?;
        let count = body.map(|b| b.walk(&limits).collect::<Result<Vec<_>, _>>().map(|p| p.len()));
        count.transpose().map(Option::unwrap).inspect_err(|e| assert_eq!(e.status().0, 513))
    };
    let all = Limits::DEFAULT;
    let fault = |limits| read(limits).map_err(|e| e.fault);
    assert_eq!(
        fault(Limits { nesting: 2, parts: 3, headers: 2, line: 54, body: BODY.len(), ..all }),
        Ok(5)
    );
    assert_eq!(fault(Limits { nesting: 1, ..all }), Err(BodyFault::TooDeep));
    assert_eq!(fault(Limits { nesting: 0, ..all }), Err(BodyFault::TooDeep));
    assert_eq!(fault(Limits { parts: 2, ..all }), Err(BodyFault::TooManyParts));
    assert_eq!(fault(Limits { headers: 1, ..all }), Err(BodyFault::HeadersTooLong));
    assert_eq!(fault(Limits { line: 53, ..all }), Err(BodyFault::HeadersTooLong));
    assert_eq!(fault(Limits { body: BODY.len() - 1, ..all }), Err(BodyFault::TooLong));
}

#[test]
fn parts_are_added_removed_and_replaced() {
    let m = mixed();
    let body = m.multipart().unwrap().unwrap();
    let new = patched(&m, |p| {
        body.add_part(p, &[("Content-Type", b"text/x\r\nEvil: 1")], b"new").unwrap();
        body.remove_part(p, 1).unwrap();
        body.set_content(p, 2, b"filled").unwrap();
        body.set_content(p, 0, b"x").unwrap();
        body.set_content(p, 0, b"v=0\r\n").unwrap();
        assert_eq!(body.add_part(p, &[], b"a\r\n--b1\r\n"), Err(EditFault::Boundary));
        assert_eq!(body.set_content(p, 0, b"--b1"), Err(EditFault::Boundary));
        assert_eq!(body.remove_part(p, 3), Err(EditFault::NoPart));
    });
    let text = "preamble\r\n--b1\r\nc: application/sdp\r\nContent-Disposition: session;\r\n \
        handling=optional\r\n\r\nv=0\r\n\r\n--b1\r\nX-Y: no content\r\n\r\nfilled\r\n\
        --b1\r\nContent-Type: text/x  Evil: 1\r\n\r\nnew\r\n--b1--\r\nepilogue --b1";
    assert_eq!(String::from_utf8_lossy(new.body()), text);
    assert_eq!(new.multipart().unwrap().unwrap().count(), 3);
    let new = patched(&m, |p| {
        body.replace_part(p, 0, &[], b"none").unwrap();
        body.replace_part(p, 0, &[("c", b"a/b")], b"one").unwrap();
        body.remove_part(p, 2).unwrap();
        body.remove_part(p, 1).unwrap();
        assert_eq!(body.remove_part(p, 0), Err(EditFault::LastPart));
    });
    let text = "preamble\r\n--b1\r\nc: a/b\r\n\r\none\r\n--b1--\r\nepilogue --b1";
    assert_eq!(String::from_utf8_lossy(new.body()), text);
}

#[test]
fn an_edit_of_a_description_inside_a_part_leaves_the_rest_alone() {
    let m = mixed();
    let sdp = m.sdp().unwrap().unwrap();
    let new = patched(&m, |p| {
        sdp.edit(p).set_port(0, 40000);
        sdp.edit(p).set_connection(crate::sdp::Place::Session, "192.0.2.7".parse().unwrap());
    });
    let expected = BODY
        .replace("audio 9 ", "audio 40000 ")
        .replace("s=-\r\n", "s=-\r\nc=IN IP4 192.0.2.7\r\n");
    assert_eq!(String::from_utf8_lossy(new.body()), expected);
}

#[test]
fn a_single_body_becomes_the_first_of_several() {
    let kind = "application/sdp\r\nContent-Disposition: session\r\nContent-Language: de";
    let m = message(kind, "v=0\r\n");
    let part = NewPart {
        content_type: "text/plain",
        headers: &[("Content-ID", b"<1@h>")],
        content: b"hi",
    };
    let new = patched(&m, |p| add_parts(p, &m, &[part, part], &Limits::DEFAULT).unwrap());
    let body = new.multipart().unwrap().unwrap();
    let contents: Vec<_> = body.parts().map(|p| (p.content, p.headers().count())).collect();
    assert_eq!(contents, [(&b"v=0\r\n"[..], 3), (b"hi", 2), (b"hi", 2)]);
    assert!(new.sdp().unwrap().is_some());
    assert_eq!(new.headers_of(HeaderId::ContentType).count(), 1);
    assert!(
        new.header(HeaderId::ContentDisposition).is_none() && new.header(HeaderId::To).is_some()
    );
    // Again: now it is multipart/mixed and gets one part more.
    let more = patched(&new, |p| add_parts(p, &new, &[part], &Limits::DEFAULT).unwrap());
    assert_eq!(more.multipart().unwrap().unwrap().count(), 4);
    // Another multipart type is kept whole.
    let m = message("multipart/related;boundary=b1", BODY);
    let new = patched(&m, |p| add_parts(p, &m, &[part], &Limits::DEFAULT).unwrap());
    let body = new.multipart().unwrap().unwrap();
    assert_eq!((body.count(), body.walk(&Limits::DEFAULT).count()), (2, 7));
    assert_eq!(body.part(0).unwrap().content, BODY.as_bytes());
}

#[test]
fn a_message_without_a_body_gets_one() {
    let text = "INVITE sip:b SIP/2.0\r\nTo: t\r\nContent-Type: left/over\r\n\r\n";
    let m = Message::parse(Bytes::from_static(text.as_bytes())).unwrap();
    let part = NewPart {
        content_type: "text/plain",
        headers: &[("Content-ID", b"<1@h>")],
        content: b"hi",
    };
    let one = patched(&m, |p| add_parts(p, &m, &[part], &Limits::DEFAULT).unwrap());
    assert_eq!(
        (one.body(), one.content_type().unwrap().unwrap().is("text", "plain")),
        (&b"hi"[..], true)
    );
    assert_eq!(one.headers_named(b"Content-ID").count(), 1);
    let two = patched(&m, |p| add_parts(p, &m, &[part, part], &Limits::DEFAULT).unwrap());
    assert_eq!(two.multipart().unwrap().unwrap().count(), 2);
    let none = patched(&m, |p| add_parts(p, &m, &[], &Limits::DEFAULT).unwrap());
    assert_eq!(none.bytes(), m.bytes());
}

#[test]
fn the_boundary_is_none_that_the_contents_hold() {
    let m = message("text/plain", "x");
    fn part(content: &[u8]) -> NewPart<'_> {
        NewPart { content_type: "text/plain", headers: &[], content }
    }
    let boundary = |content: &[u8]| {
        let new = patched(&m, |p| add_parts(p, &m, &[part(content)], &Limits::DEFAULT).unwrap());
        let body = new.multipart().unwrap().unwrap();
        assert_eq!(body.part(1).unwrap().content, content);
        body.boundary().to_vec()
    };
    let first = boundary(b"same");
    assert_eq!(first, boundary(b"same"));
    assert_ne!(first, boundary(b"other"));
    assert_ne!(boundary(&[b"--", &first[..], b"\r\n"].concat()), first);
    // A body that cannot be read is not built upon.
    let bad = message("multipart/mixed;boundary=b1", "x");
    let outcome = add_parts(&mut Patch::new(), &bad, &[part(b"x")], &Limits::DEFAULT);
    assert!(matches!(outcome, Err(EditFault::Body(e)) if e.fault == BodyFault::NoPart));
}
