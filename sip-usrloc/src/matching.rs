//! Which of a record's bindings a contact of a REGISTER means.

use sip_parser::Uri;

use crate::contact::Contact;

/// The parameter `matching_mode` of usrloc.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MatchingMode {
    /// 0: the contact's URI, by the comparison rules of RFC 3261 19.1.4. What RFC 3261 10.3 says.
    #[default]
    Contact,
    /// 1: the URI as text, and the Call-ID.
    ContactCallId,
    /// 2: the URI, and the Path. Without a Path as mode 0.
    ContactPath,
    /// 3: the Call-ID alone.
    CallId,
}

impl MatchingMode {
    /// The mode with Kamailio's number; `None` for no mode's.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Contact,
            1 => Self::ContactCallId,
            2 => Self::ContactPath,
            3 => Self::CallId,
            _ => return None,
        })
    }

    /// The place of the binding that is meant, if it is there.
    #[must_use]
    #[inline]
    pub fn find(
        self,
        contacts: &[Contact],
        uri: &[u8],
        call_id: &[u8],
        path: &[u8],
    ) -> Option<usize> {
        match self {
            Self::Contact => find_uri(contacts, uri, |_| true),
            Self::ContactCallId => {
                contacts.iter().position(|c| c.uri() == uri && c.call_id() == call_id)
            }
            Self::ContactPath if path.is_empty() => find_uri(contacts, uri, |_| true),
            Self::ContactPath => find_uri(contacts, uri, |c| c.path() == path),
            Self::CallId => contacts.iter().position(|c| c.call_id() == call_id),
        }
    }
}

/// The same text is the usual case and costs no parsing.
fn find_uri(contacts: &[Contact], uri: &[u8], also: impl Fn(&Contact) -> bool) -> Option<usize> {
    contacts.iter().position(|c| c.uri() == uri && also(c)).or_else(|| {
        let asked = Uri::parse(uri).ok()?;
        contacts.iter().position(|c| {
            also(c) && Uri::parse(c.uri()).is_ok_and(|known| Uri::equivalent(&asked, &known))
        })
    })
}

/// Whether two contact URIs are the same by RFC 3261 19.1.4; as text when one cannot be parsed.
#[must_use]
pub fn same_uri(a: &[u8], b: &[u8]) -> bool {
    a == b
        || match (Uri::parse(a), Uri::parse(b)) {
            (Ok(a), Ok(b)) => Uri::equivalent(&a, &b),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::ContactData;

    fn contacts() -> Vec<Contact> {
        [("sip:a@h.test", "c1", ""), ("sip:b@h.test", "c2", "<sip:p;lr>")]
            .map(|(uri, call_id, path)| {
                let data = ContactData {
                    uri: uri.as_bytes(),
                    call_id: call_id.as_bytes(),
                    path: path.as_bytes(),
                    ..ContactData::default()
                };
                Contact::new(&data, b"")
            })
            .to_vec()
    }

    #[test]
    fn each_mode_looks_at_what_it_says() {
        use MatchingMode::{CallId, Contact, ContactCallId, ContactPath};
        for (mode, uri, call_id, path, place) in [
            (Contact, "sip:b@h.test", "x", "", Some(1)),
            (Contact, "SIP:b@H.TEST", "x", "", Some(1)),
            (Contact, "sip:B@h.test", "x", "", None),
            (Contact, "sip:b@h.test:5060", "x", "", None),
            (ContactCallId, "sip:a@h.test", "c1", "", Some(0)),
            (ContactCallId, "sip:a@h.test", "c2", "", None),
            (ContactPath, "sip:b@h.test", "x", "<sip:p;lr>", Some(1)),
            (ContactPath, "sip:b@h.test", "x", "<sip:q;lr>", None),
            (ContactPath, "sip:b@h.test", "x", "", Some(1)),
            (CallId, "sip:other@h.test", "c2", "", Some(1)),
        ] {
            let found = mode.find(&contacts(), uri.as_bytes(), call_id.as_bytes(), path.as_bytes());
            assert_eq!(found, place, "{mode:?} {uri} {call_id} {path}");
        }
        assert_eq!(MatchingMode::from_number(3), Some(CallId));
        assert_eq!(MatchingMode::from_number(4), None);
    }
}
