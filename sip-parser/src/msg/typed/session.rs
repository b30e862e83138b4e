//! Getters of what dialogs, sessions and subscriptions are ruled by.

use crate::{
    HeaderError, HeaderId, InReplyTo, Join, Message, MinSe, RAck, Reason, Replaces, SessionExpires,
    SessionId, TargetDialog, Timestamp, Tokens, UserToUser, Values, Warning,
};

impl Message {
    /// Session-Expires (RFC 4028 4); None when it is absent.
    pub fn session_expires(&self) -> Result<Option<SessionExpires<'_>>, HeaderError> {
        self.once(HeaderId::SessionExpires)
    }

    /// Min-SE (RFC 4028 5); None when it is absent.
    pub fn min_se(&self) -> Result<Option<MinSe<'_>>, HeaderError> {
        self.once(HeaderId::MinSe)
    }

    /// Session-ID (RFC 7989 5); None when it is absent.
    pub fn session_id(&self) -> Result<Option<SessionId<'_>>, HeaderError> {
        self.once(HeaderId::SessionId)
    }

    /// Replaces (RFC 3891 6.1); None when it is absent.
    pub fn replaces(&self) -> Result<Option<Replaces<'_>>, HeaderError> {
        self.once(HeaderId::Replaces)
    }

    /// Join (RFC 3911 7.1); None when it is absent.
    pub fn join(&self) -> Result<Option<Join<'_>>, HeaderError> {
        self.once(HeaderId::Join)
    }

    /// Target-Dialog (RFC 4538 7); None when it is absent.
    pub fn target_dialog(&self) -> Result<Option<TargetDialog<'_>>, HeaderError> {
        self.once(HeaderId::TargetDialog)
    }

    /// RAck (RFC 3262 7.2); None when it is absent.
    pub fn rack(&self) -> Result<Option<RAck<'_>>, HeaderError> {
        self.once(HeaderId::RAck)
    }

    /// RSeq (RFC 3262 7.1); None when it is absent.
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::RSeq)
    }

    /// Max-Breadth (RFC 5393 5.3.3); None when it is absent.
    pub fn max_breadth(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::MaxBreadth)
    }

    /// Flow-Timer in seconds (RFC 5626 11.4); None when it is absent.
    pub fn flow_timer(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderId::FlowTimer)
    }

    /// SIP-ETag (RFC 3903 11.3.1); None when it is absent.
    pub fn sip_etag(&self) -> Result<Option<&[u8]>, HeaderError> {
        self.word(HeaderId::SipEtag)
    }

    /// SIP-If-Match (RFC 3903 11.3.2); None when it is absent.
    pub fn sip_if_match(&self) -> Result<Option<&[u8]>, HeaderError> {
        self.word(HeaderId::SipIfMatch)
    }

    /// Suppress-If-Match (RFC 5839), an entity tag or `*`; None when it is absent.
    pub fn suppress_if_match(&self) -> Result<Option<&[u8]>, HeaderError> {
        self.word(HeaderId::SuppressIfMatch)
    }

    /// All Reason values (RFC 3326 2).
    pub fn reasons(&self) -> Values<'_, Reason<'_>> {
        self.list(HeaderId::Reason)
    }

    /// All Warning values (RFC 3261 20.43).
    pub fn warnings(&self) -> Values<'_, Warning<'_>> {
        self.list(HeaderId::Warning)
    }

    /// Timestamp (RFC 3261 20.38); None when it is absent.
    pub fn timestamp(&self) -> Result<Option<Timestamp<'_>>, HeaderError> {
        self.once(HeaderId::Timestamp)
    }

    /// All calls that In-Reply-To names (RFC 3261 20.21).
    pub fn in_reply_to(&self) -> Values<'_, InReplyTo<'_>> {
        self.list(HeaderId::InReplyTo)
    }

    /// Info-Package (RFC 6086 10.8); None when it is absent.
    pub fn info_package(&self) -> Result<Option<Tokens<'_>>, HeaderError> {
        self.once(HeaderId::InfoPackage)
    }

    /// Answer-Mode (RFC 5373); None when it is absent.
    pub fn answer_mode(&self) -> Result<Option<Tokens<'_>>, HeaderError> {
        self.once(HeaderId::AnswerMode)
    }

    /// Priv-Answer-Mode (RFC 5373); None when it is absent.
    pub fn priv_answer_mode(&self) -> Result<Option<Tokens<'_>>, HeaderError> {
        self.once(HeaderId::PrivAnswerMode)
    }

    /// All User-to-User values (RFC 7433 4.1).
    pub fn user_to_user(&self) -> Values<'_, UserToUser<'_>> {
        self.list(HeaderId::UserToUser)
    }
}
