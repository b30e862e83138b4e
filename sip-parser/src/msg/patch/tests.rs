//! Patches written out, held against texts made by hand.

use super::*;
use bytes::Bytes;

const TEXT: &str = "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a , SIP/2.0/UDP b,\r\n \
        SIP/2.0/UDP c\r\nTo:<sip:t>\r\nv: SIP/2.0/UDP d\r\n\r\nbody";

fn message() -> Message {
    Message::parse(Bytes::from_static(TEXT.as_bytes())).unwrap()
}

fn written(m: &Message, p: &Patch) -> String {
    let mut out = BytesMut::new();
    p.write(m, &mut out);
    assert_eq!(out.len(), p.written_len(m));
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn no_edits_give_the_same_bytes() {
    assert_eq!(written(&message(), &Patch::new()), TEXT);
}

#[test]
fn edits_land_where_they_were_meant_whatever_their_order() {
    let m = message();
    let mut p = Patch::new();
    p.append_header(&m, "X", b"2");
    p.set_request_uri(&m, b"sip:other");
    p.add_before_first(&m, HeaderId::Via, "Via", b"one");
    p.add_before_first(&m, HeaderId::Via, "Via", b"two");
    p.add_before_first(&m, HeaderId::Route, "Route", b"<sip:r>");
    p.set_body(&m, b"hi");
    let expected = TEXT
        .replace("sip:b ", "sip:other ")
        .replacen("Via: S", "Via: one\r\nVia: two\r\nRoute: <sip:r>\r\nVia: S", 1)
        .replace("UDP d\r\n\r\nbody", "UDP d\r\nX: 2\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(written(&m, &p), expected);
    p.set_body(&m, b"");
    p.set_body(&m, b"ho");
    assert_eq!(written(&m, &p), expected.replace("\r\nhi", "\r\nho"));
    p.clear();
    assert_eq!(written(&m, &p), TEXT);
}

#[test]
fn removing_values_in_any_order_leaves_a_lawful_list() {
    let m = message();
    let spans: Vec<Span> = m.vias().map(|v| v.unwrap().span).collect();
    let orders: [&[usize]; 10] =
        [&[0], &[1], &[2], &[3], &[0, 1], &[1, 0], &[1, 2], &[2, 1], &[0, 2], &[2, 0, 1, 3]];
    for order in orders {
        let mut p = Patch::new();
        order.iter().for_each(|i| p.remove_value(&m, HeaderId::Via, spans[*i]));
        let left = Message::parse(Bytes::from(written(&m, &p).into_bytes())).unwrap();
        let hosts: Vec<_> = left.vias().map(|v| v.unwrap().sent_by.to_vec()).collect();
        let wanted: Vec<_> = (0..4usize)
            .filter(|i| !order.contains(i))
            .map(|i| vec![b'a' + u8::try_from(i).unwrap()])
            .collect();
        assert_eq!(hosts, wanted, "{order:?}");
    }
    let mut p = Patch::new();
    p.remove_value(&m, HeaderId::Via, spans[3]);
    assert_eq!(written(&m, &p), TEXT.replace("v: SIP/2.0/UDP d\r\n", ""));
}

#[test]
fn long_lists_lose_their_values_in_any_order() {
    let n = 6000;
    let text = format!("ACK sip:b SIP/2.0\r\nk: {}\r\nX: y\r\n\r\n", vec!["a"; n].join(","));
    let m = Message::parse(Bytes::from(text.into_bytes())).unwrap();
    let list = m.header(HeaderId::Supported).unwrap().value_span;
    let step = |i: usize| u32::try_from(i * 2).unwrap();
    let value = |i: usize| Span::new(list.start + step(i), list.start + step(i) + 1);
    let shuffled = (0..n).map(|i| i * 7919 % n);
    let orders: [Vec<usize>; 3] = [(0..n).collect(), (0..n).rev().collect(), shuffled.collect()];
    for order in orders {
        let mut p = Patch::new();
        let (most, rest) = order.split_at(n - 2);
        most.iter().for_each(|i| p.remove_value(&m, HeaderId::Supported, value(*i)));
        assert_eq!(written(&m, &p), "ACK sip:b SIP/2.0\r\nk: a,a\r\nX: y\r\n\r\n");
        rest.iter().for_each(|i| p.remove_value(&m, HeaderId::Supported, value(*i)));
        assert_eq!(written(&m, &p), "ACK sip:b SIP/2.0\r\nX: y\r\n\r\n");
    }
}

#[test]
fn many_edits_out_of_order_are_written_as_few_are() {
    let m = message();
    let mut p = Patch::new();
    for i in (0..100u32).rev() {
        p.insert(i / 2, if i % 2 == 0 { b"2" } else { b"1" });
    }
    p.set(Span::new(0, 6), b"ACK");
    p.set(Span::new(0, 6), b"BYE");
    let mut text = BytesMut::new();
    p.write_text(TEXT.as_bytes(), &mut text);
    let marked: String = TEXT.chars().enumerate().fold(String::new(), |mut s, (i, c)| {
        match i {
            0 => s.push_str("12BYE"),
            1..6 => return s,
            6..50 => s.push_str("12"),
            _ => {}
        }
        s.push(c);
        if i == 0 {
            s.pop();
        }
        s
    });
    assert_eq!(text, marked.as_bytes());
    assert_eq!(written(&m, &p), marked);
    assert!(p.inserts(49, b"1") && p.is_removed(Span::new(1, 3)));
    p.forget_inserts(49, |_| true);
    assert_eq!(written(&m, &p), {
        let at = marked.match_indices("12").last().unwrap().0;
        format!("{}{}", &marked[..at], &marked[at + 2..])
    });
}

#[test]
fn commas_in_quotes_and_brackets_do_not_separate() {
    let text = "ACK sip:b SIP/2.0\r\nRoute: \"a,<b\" <sip:a,b@c>;x=\",\" , <sip:d>\r\n\r\n";
    let m = Message::parse(Bytes::from_static(text.as_bytes())).unwrap();
    let first = m.routes().next().unwrap().unwrap();
    let mut p = Patch::new();
    p.remove_value(&m, HeaderId::Route, first.span);
    assert_eq!(written(&m, &p), "ACK sip:b SIP/2.0\r\nRoute: <sip:d>\r\n\r\n");
}

#[test]
fn what_is_inserted_inside_a_removed_range_goes_with_it() {
    let m = message();
    let to = m.header(HeaderId::To).unwrap();
    let mut p = Patch::new();
    p.insert(to.value_span.end, b";tag=1");
    p.insert(to.span.start, b"A: 1\r\n");
    p.remove_header(&to);
    p.insert(to.span.start, b"B: 2\r\n");
    p.insert(to.span.end, b"C: 3\r\n");
    let lines = "A: 1\r\nB: 2\r\nC: 3\r\n";
    assert_eq!(written(&m, &p), TEXT.replace("To:<sip:t>\r\n", lines));
}

#[test]
fn offsets_beyond_the_message_do_no_harm() {
    let m = message();
    let mut p = Patch::new();
    p.remove(Span::new(u32::MAX - 1, u32::MAX));
    p.insert(u32::MAX, b"!");
    p.replace(Span::new(3, 1), b"");
    let expected = TEXT.replace("d\r\n\r\n", "d\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(written(&m, &p), format!("{expected}!"));
}

#[test]
fn content_length_fits_an_edited_body() {
    let parse = |text: &str| Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap();
    let m = parse("ACK sip:b SIP/2.0\r\nl :  004\r\nTo: t\r\n\r\nbodytail");
    let body = m.body_start();
    let edited = |edit: &dyn Fn(&mut Patch)| {
        let mut p = Patch::new();
        edit(&mut p);
        let text = written(&m, &p);
        text.strip_prefix("ACK sip:b SIP/2.0\r\n").unwrap().to_string()
    };
    let at = |from, to| Span::new(body + from, body + to);
    // Untouched, or edited to the same length: the bytes stay as they are.
    assert_eq!(edited(&|_| {}), "l :  004\r\nTo: t\r\n\r\nbody");
    assert_eq!(edited(&|p| p.replace(at(0, 1), b"B")), "l :  004\r\nTo: t\r\n\r\nBody");
    assert_eq!(edited(&|p| p.insert(body, b"any")), "l :  7\r\nTo: t\r\n\r\nanybody");
    assert_eq!(edited(&|p| p.insert(body + 4, b"!")), "l :  5\r\nTo: t\r\n\r\nbody!");
    assert_eq!(edited(&|p| p.remove(at(0, 4))), "l :  0\r\nTo: t\r\n\r\n");
    assert_eq!(edited(&|p| p.set_body(&m, b"0123456789")), "l :  10\r\nTo: t\r\n\r\n0123456789");
    // An edit of the head does not count, wherever it stands.
    let appended = edited(&|p| {
        p.insert(body, b"_");
        p.append_header(&m, "X", b"1");
    });
    assert_eq!(appended, "l :  5\r\nTo: t\r\nX: 1\r\n\r\n_body");
    // The caller's own word stands.
    let own = edited(&|p| {
        p.replace(m.header(HeaderId::ContentLength).unwrap().value_span, b"2");
        p.set_body(&m, b"hi!");
    });
    assert_eq!(own, "l :  2\r\nTo: t\r\n\r\nhi!");
    let m = parse("ACK sip:b SIP/2.0\r\nTo: t\r\n\r\nbody");
    let mut p = Patch::new();
    p.set_body(&m, b"hi");
    assert!(written(&m, &p).ends_with("To: t\r\nContent-Length: 2\r\n\r\nhi"));
    p.add_before_first(&m, HeaderId::To, "L", b"2");
    assert!(written(&m, &p).ends_with("L: 2\r\nTo: t\r\n\r\nhi"));
}
