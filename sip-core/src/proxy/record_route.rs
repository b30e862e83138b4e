//! Record-Route: staying on the path of a dialog (RFC 3261 16.6 step 4). Two values are written
//! when a request leaves by another listener than it came in by, so that either side sees an
//! address it can reach (RFC 5658 3); Kamailio marks such a pair `r2=on`, and so do we.

use bytes::{BufMut, BytesMut};

use crate::net::{Listener, Proto};

/// When a Record-Route has two values (rr module, `enable_double_rr`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DoubleRr {
    /// 0: never.
    Never,
    /// 1: when a request leaves by another listener than it came in by.
    #[default]
    WhenDifferent,
    /// 2: always, for phones that otherwise forget the transport.
    Always,
}

/// What the values of a Record-Route say.
#[derive(Clone, Copy, Debug)]
pub struct RecordRoute<'a> {
    /// The From tag to remember as `ftag`, which later tells a request's direction; `None`: no such
    /// parameter (rr module, `append_fromtag`).
    pub ftag: Option<&'a [u8]>,
    /// The user part, without `@`; empty: none (`add_username`).
    pub user: &'a [u8],
    /// `lr=on` rather than `lr`, for peers that cannot read the latter (`enable_full_lr`).
    pub full_lr: bool,
    /// When there are two values.
    pub double: DoubleRr,
    /// More URI parameters, each with its semicolon, for the value or both values
    /// (`add_rr_param`).
    pub params: &'a [u8],
}

impl Default for RecordRoute<'_> {
    fn default() -> Self {
        Self { ftag: None, user: b"", full_lr: false, double: DoubleRr::default(), params: b"" }
    }
}

/// Appends the header lines for a request that came in by `inward` and leaves by `outward`.
/// `secure`: the Request-URI is a SIPS URI, hence so are the values (RFC 3261 16.6 step 4).
pub fn record_route(
    out: &mut BytesMut,
    values: &RecordRoute<'_>,
    inward: &Listener,
    outward: &Listener,
    secure: bool,
) {
    let same = inward.proto == outward.proto && inward.sent_by() == outward.sent_by();
    let double = match values.double {
        DoubleRr::Never => false,
        DoubleRr::WhenDifferent => !same,
        DoubleRr::Always => true,
    };
    // The one that the next hop sees is on top.
    put_line(out, values, outward, secure, double);
    if double {
        put_line(out, values, inward, secure, double);
    }
}

fn put_line(
    out: &mut BytesMut,
    values: &RecordRoute<'_>,
    listener: &Listener,
    secure: bool,
    double: bool,
) {
    out.put_slice(if secure { b"Record-Route: <sips:" } else { b"Record-Route: <sip:" });
    if !values.user.is_empty() {
        out.put_slice(values.user);
        out.put_u8(b'@');
    }
    out.put_slice(listener.sent_by());
    if listener.proto != Proto::Udp {
        out.put_slice(b";transport=");
        out.put_slice(listener.proto.token().as_bytes());
    }
    if double {
        out.put_slice(b";r2=on");
    }
    out.put_slice(if values.full_lr { b";lr=on" } else { b";lr" });
    if let Some(tag) = values.ftag {
        out.put_slice(b";ftag=");
        out.put_slice(tag);
    }
    out.put_slice(values.params);
    out.put_slice(b">\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(proto: Proto, addr: &str) -> Listener {
        Listener::new(proto, addr.parse().unwrap(), None)
    }

    fn text(values: &RecordRoute<'_>, a: &Listener, b: &Listener, secure: bool) -> String {
        let mut out = BytesMut::new();
        record_route(&mut out, values, a, b, secure);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn one_listener_writes_one_value() {
        let udp = listener(Proto::Udp, "127.0.0.1:5060");
        let values = RecordRoute { ftag: Some(b"77"), ..Default::default() };
        assert_eq!(
            text(&values, &udp, &udp, false),
            "Record-Route: <sip:127.0.0.1:5060;lr;ftag=77>\r\n"
        );
    }

    #[test]
    fn two_listeners_write_a_pair_with_the_outer_one_on_top() {
        let udp = listener(Proto::Udp, "127.0.0.1:5060");
        let tcp = listener(Proto::Tcp, "[::1]:5070");
        let mut values = RecordRoute { params: b";x=1", full_lr: true, ..Default::default() };
        assert_eq!(
            text(&values, &udp, &tcp, false),
            "Record-Route: <sip:[::1]:5070;transport=tcp;r2=on;lr=on;x=1>\r\n\
             Record-Route: <sip:127.0.0.1:5060;r2=on;lr=on;x=1>\r\n"
        );
        values.double = DoubleRr::Never;
        assert_eq!(text(&values, &udp, &tcp, true).matches("sips:").count(), 1);
        values.double = DoubleRr::Always;
        assert_eq!(text(&values, &udp, &udp, false).matches(";r2=on").count(), 2);
    }
}
