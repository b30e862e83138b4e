//! What phones are told to do: whom to call and how, how to answer, what to register.

use bytes::Bytes;
use sip_core::time::Duration;

/// A user's credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The user name.
    pub user: Bytes,
    /// The password.
    pub password: Bytes,
}

impl Account {
    /// Credentials from a name and a password.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: Bytes::copy_from_slice(user.as_bytes()),
            password: Bytes::copy_from_slice(password.as_bytes()),
        }
    }
}

/// A call to make.
#[derive(Clone, Debug)]
pub struct CallPlan {
    /// The user part of the caller's address.
    pub from: Bytes,
    /// The URI to call, as `sip:bob@example.com`.
    pub to: Bytes,
    /// How long to talk before hanging up; `None`: the callee hangs up.
    pub hold: Option<Duration>,
    /// Cancel the call after this long, counted from the first INVITE. A call that was answered
    /// before is hung up at once.
    pub cancel_after: Option<Duration>,
    /// How long to wait for a final response before the call is cancelled anyway.
    pub patience: Duration,
    /// What to answer challenges with.
    pub account: Option<Account>,
}

impl CallPlan {
    /// A call from user `from` that talks for three seconds and waits for an answer for three
    /// minutes.
    #[must_use]
    pub fn new(from: &str, to: &str) -> Self {
        Self {
            from: Bytes::copy_from_slice(from.as_bytes()),
            to: Bytes::copy_from_slice(to.as_bytes()),
            hold: Some(Duration::from_secs(3)),
            cancel_after: None,
            patience: Duration::from_secs(180),
            account: None,
        }
    }

    /// The same, talking for `hold`.
    #[must_use]
    pub fn holding(self, hold: Duration) -> Self {
        Self { hold: Some(hold), ..self }
    }

    /// The same, cancelled after `after`.
    #[must_use]
    pub fn cancelled_after(self, after: Duration) -> Self {
        Self { cancel_after: Some(after), ..self }
    }

    /// The same, with credentials.
    #[must_use]
    pub fn with_account(self, account: Account) -> Self {
        Self { account: Some(account), ..self }
    }
}

/// How a call ends up at the phone that is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 200 after this long.
    Accept {
        /// Counted from the INVITE.
        after: Duration,
    },
    /// Another final response after this long.
    Refuse {
        /// The status code, 300 or more.
        code: u16,
        /// Counted from the INVITE.
        after: Duration,
        /// A Contact to go with it, as a redirection needs.
        contact: Option<Bytes>,
    },
    /// It rings until it is cancelled (480 after five minutes).
    Ring,
}

/// How to answer one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerPlan {
    /// When to send 180; `None`: never.
    pub ring_after: Option<Duration>,
    /// What comes of it.
    pub answer: Answer,
    /// How long to talk before hanging up; `None`: the caller hangs up.
    pub hold: Option<Duration>,
}

impl AnswerPlan {
    /// Rings at once and answers after `after`.
    #[must_use]
    pub const fn accept(after: Duration) -> Self {
        let answer = Answer::Accept { after };
        Self { ring_after: Some(Duration::ZERO), answer, hold: None }
    }

    /// Refuses with `code` after `after`, without ringing.
    #[must_use]
    pub const fn refuse(code: u16, after: Duration) -> Self {
        Self { ring_after: None, answer: Answer::Refuse { code, after, contact: None }, hold: None }
    }

    /// Rings at once and is never picked up.
    #[must_use]
    pub const fn ring() -> Self {
        Self { ring_after: Some(Duration::ZERO), answer: Answer::Ring, hold: None }
    }
}

/// What a REGISTER says about contacts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contacts {
    /// The phone's own contact for the user.
    Own,
    /// These header values.
    These(Vec<Bytes>),
    /// All of them, to be removed: `*`. Goes with `expires: 0`.
    Star,
    /// None: a query.
    Query,
}

/// A registration to make.
#[derive(Clone, Debug)]
pub struct RegisterPlan {
    /// The user to register.
    pub user: Bytes,
    /// Which contacts.
    pub contacts: Contacts,
    /// For how many seconds; 0 removes them.
    pub expires: u32,
    /// The contact's q value, as `0.5`.
    pub q: Option<&'static str>,
    /// What to answer challenges with.
    pub account: Option<Account>,
    /// Whether to register again before it expires.
    pub refresh: bool,
    /// How often to try again after a timeout or a 5xx, a second apart.
    pub retries: u32,
}

impl RegisterPlan {
    /// Registers the phone's own contact for `user` for an hour, once, and keeps trying.
    #[must_use]
    pub fn new(user: &str) -> Self {
        Self {
            user: Bytes::copy_from_slice(user.as_bytes()),
            contacts: Contacts::Own,
            expires: 3600,
            q: None,
            account: None,
            refresh: false,
            retries: 100,
        }
    }

    /// The same, with credentials.
    #[must_use]
    pub fn with_account(self, account: Account) -> Self {
        Self { account: Some(account), ..self }
    }

    /// The same for so many seconds.
    #[must_use]
    pub fn expiring(self, expires: u32) -> Self {
        Self { expires, ..self }
    }

    /// The same, kept up.
    #[must_use]
    pub fn kept_up(self) -> Self {
        Self { refresh: true, ..self }
    }
}
