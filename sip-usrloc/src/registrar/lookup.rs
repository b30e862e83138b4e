//! From an address-of-record to where its requests go.

use sip_core::net::{ConnId, ListenId};
use sip_core::time::Now;
use sip_parser::{Method, NameAddr};
use smallvec::SmallVec;

use crate::contact::Contact;
use crate::domain::Domain;

/// What `lookup` looks at beside the address-of-record.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookupRules {
    /// Contacts that do not take the request's method are left out (registrar
    /// `method_filtering`): the method of an initial request, without a To tag; else `None`.
    pub method: Option<Method>,
    /// Only contacts with one of these branch flags (`lookup_filter_mode` 1); 0 for all.
    pub cflags: u32,
    /// Only the first one (`append_branches` 0).
    pub first_only: bool,
}

/// One place a request goes to: a copy of the binding, independent of the table.
#[derive(Clone, Debug)]
pub struct LookupTarget {
    /// The binding.
    pub contact: Contact,
}

impl LookupTarget {
    /// The Request-URI: the contact as registered.
    #[must_use]
    pub fn uri(&self) -> &[u8] {
        self.contact.uri()
    }

    /// The Route headers to put in front, from the Path (RFC 3327 5.4); empty for none.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.contact.path()
    }

    /// The URI that says where to send: the first of the Path, else where the REGISTER really
    /// came from, else the contact itself. Over a connection, [`conn`](Self::conn) says so
    /// before any of them, unless there is a Path.
    #[must_use]
    pub fn next_hop(&self) -> &[u8] {
        let path = self.path();
        if !path.is_empty() {
            let end = first_value(path);
            if let Some(first) = path.get(..end)
                && let Ok(addr) = NameAddr::parse(first)
            {
                return addr.uri;
            }
        }
        let received = self.contact.received();
        if received.is_empty() { self.uri() } else { received }
    }

    /// The connection it was registered over.
    #[must_use]
    pub fn conn(&self) -> Option<ConnId> {
        self.contact.conn()
    }

    /// The listener it was registered on, to send from.
    #[must_use]
    pub fn listen(&self) -> Option<ListenId> {
        self.contact.listen()
    }

    /// Its q in thousandths, 0 when the client gave none: it is then among the last, as in
    /// Kamailio.
    #[must_use]
    pub fn q(&self) -> u16 {
        self.contact.q().unwrap_or(0)
    }
}

/// The targets of a lookup, the most preferred first.
pub type Targets = SmallVec<[LookupTarget; 2]>;

/// How a lookup ended; the number is Kamailio's return code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i8)]
pub enum Looked {
    /// There are targets.
    Found = 1,
    /// There is no binding.
    NotFound = -1,
    /// There are bindings, and none takes the method.
    MethodNotAllowed = -2,
}

/// Finds where requests to `aor` go: appends the targets in their order, by q (those without last)
/// or newest first, as the table keeps them.
pub fn lookup(
    domain: &Domain,
    now: Now,
    aor: &[u8],
    rules: &LookupRules,
    targets: &mut Targets,
) -> Looked {
    domain.with_contacts(now, aor, |contacts| {
        let (mut any, mut found) = (false, false);
        for contact in contacts {
            if rules.cflags != 0 && contact.cflags() & rules.cflags == 0 {
                continue;
            }
            any = true;
            if rules.method.is_some_and(|m| !contact.methods().contains(m)) {
                continue;
            }
            targets.push(LookupTarget { contact: contact.clone() });
            found = true;
            if rules.first_only {
                break;
            }
        }
        match (found, any) {
            (true, _) => Looked::Found,
            (false, true) => Looked::MethodNotAllowed,
            (false, false) => Looked::NotFound,
        }
    })
}

/// Where the first of several values ends: at a comma outside of brackets and quotes.
fn first_value(list: &[u8]) -> usize {
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    for (i, b) in list.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => bracket = true,
            b'>' if !quoted => bracket = false,
            b',' if !quoted && !bracket => return i,
            _ => {}
        }
    }
    list.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::ContactData;

    fn target(path: &str, received: &str) -> LookupTarget {
        let data = ContactData {
            uri: b"sip:a@h",
            path: path.as_bytes(),
            received: received.as_bytes(),
            ..ContactData::default()
        };
        LookupTarget { contact: Contact::new(&data, b"") }
    }

    #[test]
    fn the_next_hop_is_the_path_then_the_real_address_then_the_contact() {
        for (path, received, hop) in [
            ("<sip:p1.test;lr>, <sip:p2.test;lr>", "sip:1.2.3.4", "sip:p1.test;lr"),
            ("\"a, b\" <sip:p1.test,x;lr>,<sip:p2.test>", "", "sip:p1.test,x;lr"),
            ("", "sip:1.2.3.4", "sip:1.2.3.4"),
            ("", "", "sip:a@h"),
        ] {
            assert_eq!(target(path, received).next_hop(), hop.as_bytes(), "{path}");
        }
    }
}
