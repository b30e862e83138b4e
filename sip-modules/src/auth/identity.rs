//! Whether the user that was proved is the one that the request speaks for (auth_db module
//! documentation, `auth_check`).

use sip_module_api::call::CallState;
use sip_parser::{Method, Uri, unescape};

/// Compare the user.
const CHECK: i64 = 1;
/// But not for requests that may hide who they come from.
const ALLOW_ANONYMOUS: i64 = 2;

/// Whether `user` may send this request, as far as `flags` ask. `realm`: the hosts of the URIs
/// must be it too.
pub(super) fn may_send(call: &CallState, user: &[u8], flags: i64, realm: Option<&[u8]>) -> bool {
    if flags & CHECK == 0 {
        return true;
    }
    let method = call.msg.method();
    let anonymous = matches!(
        method,
        Some(Method::Invite | Method::Bye | Method::Prack | Method::Update | Method::Message)
    );
    if flags & ALLOW_ANONYMOUS != 0 && anonymous {
        return true;
    }
    let same = |uri: &[u8]| is_user(uri, user, realm);
    let from = || call.msg.from().is_ok_and(|a| same(a.uri));
    let to = || call.msg.to().is_ok_and(|a| same(a.uri));
    match method {
        Some(Method::Register) => from() && to(),
        Some(Method::Publish) => from() && to() && same(call.msg.request_uri()),
        _ => from(),
    }
}

fn is_user(uri: &[u8], user: &[u8], realm: Option<&[u8]>) -> bool {
    let Ok(uri) = Uri::parse(uri) else { return false };
    let host = |realm: &[u8]| uri.host.to_string().as_bytes().eq_ignore_ascii_case(realm);
    uri.user.is_some_and(|u| u == user || *unescape(u) == *user) && realm.is_none_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_compared_without_escapes_and_a_host_without_case() {
        for (uri, user, realm, same) in [
            ("sip:alice@a.test", "alice", None, true),
            ("sip:%61lice@a.test", "alice", None, true),
            ("sip:Alice@a.test", "alice", None, false),
            ("sip:a.test", "alice", None, false),
            ("no uri", "alice", None, false),
            ("sip:alice@A.test:5070", "alice", Some("a.test"), true),
            ("sip:alice@b.test", "alice", Some("a.test"), false),
        ] {
            let found = is_user(uri.as_bytes(), user.as_bytes(), realm.map(str::as_bytes));
            assert_eq!(found, same, "{uri}");
        }
    }
}
