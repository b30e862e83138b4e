//! What the fuzz targets share: the families of headers, and what must hold for a value of any.

use bytes::{Bytes, BytesMut};
use sip_parser::{HeaderId, Message};

/// The families, each with the headers whose grammar it is; a target for each. The first byte of
/// the input picks the header, the rest is its value.
pub const FAMILIES: &[(&str, &[HeaderId])] = {
    use HeaderId::*;
    &[
        ("header_via", &[Via]),
        (
            "header_address",
            &[
                From,
                To,
                Contact,
                Route,
                RecordRoute,
                Path,
                ServiceRoute,
                ReplyTo,
                ReferTo,
                PAssertedIdentity,
                PPreferredIdentity,
                PAssociatedUri,
                PCalledPartyId,
                PermissionMissing,
                TriggerConsent,
            ],
        ),
        (
            "header_party",
            &[Diversion, HistoryInfo, RemotePartyId, ReferredBy, Privacy, Identity, IdentityInfo],
        ),
        (
            "header_auth",
            &[
                Authorization,
                ProxyAuthorization,
                WwwAuthenticate,
                ProxyAuthenticate,
                AuthenticationInfo,
                ProxyAuthenticationInfo,
                SecurityClient,
                SecurityServer,
                SecurityVerify,
            ],
        ),
        (
            "header_token",
            &[
                Supported,
                Require,
                ProxyRequire,
                Unsupported,
                Allow,
                AllowEvents,
                AcceptEncoding,
                AcceptLanguage,
                ContentEncoding,
                ContentLanguage,
                RequestDisposition,
                RecvInfo,
                InfoPackage,
                AnswerMode,
                PrivAnswerMode,
                PEarlyMedia,
                Priority,
                SipEtag,
                SipIfMatch,
                SuppressIfMatch,
                GeolocationRouting,
                ReferSub,
            ],
        ),
        (
            "header_number",
            &[
                CSeq,
                RAck,
                RSeq,
                MaxForwards,
                MaxBreadth,
                ContentLength,
                Expires,
                MinExpires,
                SessionExpires,
                MinSe,
                FlowTimer,
                RetryAfter,
                Date,
                Timestamp,
                MimeVersion,
            ],
        ),
        (
            "header_dialog",
            &[CallId, InReplyTo, Replaces, Join, TargetDialog, SessionId, Event, SubscriptionState],
        ),
        (
            "header_content",
            &[ContentType, Accept, ContentDisposition, AcceptContact, RejectContact, FeatureCaps],
        ),
        (
            "header_info",
            &[
                AlertInfo,
                CallInfo,
                ErrorInfo,
                Geolocation,
                ReferEventsAt,
                GeolocationError,
                Reason,
                Warning,
                UserToUser,
            ],
        ),
        (
            "header_network",
            &[
                PAccessNetworkInfo,
                PVisitedNetworkId,
                PChargingVector,
                PChargingFunctionAddresses,
                PAssertedService,
                PPreferredService,
                ResourcePriority,
                AcceptResourcePriority,
            ],
        ),
        ("header_text", &[Subject, Organization, Server, UserAgent, Other]),
    ]
};

/// One input of the family of that name.
pub fn family(name: &str, data: &[u8]) {
    let found = FAMILIES.iter().find(|(family, _)| *family == name);
    let (_, ids) = found.expect("the target has the name of a family");
    let Some((pick, value)) = data.split_first() else { return };
    if let Some(id) = ids.get(usize::from(*pick) % ids.len()) {
        self::value(*id, value);
    }
}

/// Any bytes as the value of a header: judging does no harm; the place of an error lies inside;
/// what is lawful has a normal form, which is lawful, is its own normal form, ends no line, and
/// means in a message what it means alone.
pub fn value(id: HeaderId, value: &[u8]) {
    let mut normal = BytesMut::new();
    normal.extend_from_slice(b"kept");
    let outcome = id.normalize(value, &mut normal);
    assert_eq!(outcome, id.check(value), "{id}");
    let normal = normal.split_off(4);
    match outcome {
        Err(e) => {
            assert!(e.offset as usize <= value.len() && e.header == id, "{e:?}");
            assert!(normal.is_empty(), "{id}: something was appended");
        }
        Ok(()) if id == HeaderId::Other => assert_eq!(normal, value),
        Ok(()) => {
            assert!(!normal.iter().any(|b| b"\r\n".contains(b)), "{id}: {normal:?}");
            let mut again = BytesMut::new();
            assert_eq!(id.normalize(&normal, &mut again), Ok(()), "{id}: {normal:?}");
            assert_eq!(again, normal, "{id}");
        }
    }
    in_message(id, value);
}

/// The same value where it belongs: the message has it, and says of it what was said before.
fn in_message(id: HeaderId, value: &[u8]) {
    if id == HeaderId::ContentLength || id == HeaderId::Other {
        return;
    }
    let text =
        [b"INVITE sip:a SIP/2.0\r\n", id.name().as_bytes(), b": ", value, b"\r\n\r\n"].concat();
    let Ok(m) = Message::parse(Bytes::from(text)) else { return };
    // A line end inside would have made two headers of it.
    if m.headers().count() == 1 && m.body().is_empty() {
        let h = m.header(id).expect("it is there");
        assert_eq!(h.id.check(h.value).is_ok(), m.check_headers().is_ok(), "{id}");
        if h.value == value {
            assert_eq!(id.check(value).is_ok(), m.check_headers().is_ok(), "{id}");
        }
    }
}
