//! Requests of our own outside of dialogs: one request, one client transaction, one answer
//! (RFC 3261 8.1). A challenge is answered once, if there are credentials (RFC 3261 22.2, 22.3).
//!
//! An INVITE is none of these: its 2xx makes a dialog that somebody must own.

mod credentials;
mod write;

use std::fmt;

use sip_parser::Message;

use crate::net::Target;

pub(crate) use credentials::{AnsweredChallenge, answer_challenge};
pub(crate) use write::{again, first};

/// What is to be called with the answer, once and on the worker where it came, with no lock held.
pub type Done = Box<dyn FnOnce(LocalOutcome) + Send>;

/// One request of our own. Via, Max-Forwards, From tag, Call-ID, CSeq and Content-Length are added
/// by whoever sends it.
#[derive(Clone, Copy)]
pub struct LocalRequest<'a> {
    /// The method: any but INVITE, ACK and CANCEL.
    pub method: &'a [u8],
    /// The Request-URI.
    pub uri: &'a [u8],
    /// Where to send it.
    pub target: Target,
    /// The From value without a tag, as `<sip:a@example.com>`.
    pub from: &'a [u8],
    /// The To value.
    pub to: &'a [u8],
    /// The Call-ID; empty: one is made.
    pub call_id: &'a [u8],
    /// The number of the CSeq.
    pub cseq: u32,
    /// Whole header lines, each with its CRLF; Content-Type of the body is among them.
    pub headers: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl fmt::Debug for LocalRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |b| String::from_utf8_lossy(b);
        write!(f, "LocalRequest({} {})", text(self.method), text(self.uri))
    }
}

/// The name and password to answer a challenge with.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user name.
    pub user: Box<[u8]>,
    /// The password.
    pub password: Box<[u8]>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}, ..)", String::from_utf8_lossy(&self.user))
    }
}

/// What came of a request of our own.
#[derive(Clone, Debug)]
pub struct LocalOutcome {
    /// The final code; 408 when nobody answered, 503 when it could not be sent (RFC 3261 8.1.3.1).
    pub code: u16,
    /// The response, if one came.
    pub response: Option<Message>,
}

/// Why a request of our own was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LocalError {
    /// The method is INVITE, ACK or CANCEL, or none at all.
    #[error("only requests that stand alone are sent here")]
    Method,
    /// A part of it would break the message.
    #[error("the request is malformed")]
    Malformed,
    /// No listener can send to the target.
    #[error("no listener fits the target")]
    NoListener,
    /// There are `max_transactions` already.
    #[error("there are too many transactions")]
    Full,
}

/// What a local transaction carries until it has its answer.
#[derive(Default)]
pub(crate) struct Local {
    pub(crate) account: Option<Account>,
    /// A challenge was answered: another one is final.
    pub(crate) answered: bool,
    pub(crate) done: Option<Done>,
    /// The answer, until it is fetched.
    pub(crate) outcome: Option<LocalOutcome>,
}
