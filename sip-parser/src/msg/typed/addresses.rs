//! Getters of addresses, and of who takes part in a call.

use crate::{
    Diversion, HeaderError, HeaderId, HistoryInfo, Identity, InfoUri, Message, NameAddr, Privacy,
    ReferSub, ReferredBy, RemotePartyId, ServiceId, Values,
};

impl Message {
    /// Reply-To (RFC 3261 20.31); None when it is absent.
    pub fn reply_to(&self) -> Result<Option<NameAddr<'_>>, HeaderError> {
        self.once(HeaderId::ReplyTo)
    }

    /// Refer-To (RFC 3515 2.1); None when it is absent.
    pub fn refer_to(&self) -> Result<Option<NameAddr<'_>>, HeaderError> {
        self.once(HeaderId::ReferTo)
    }

    /// Referred-By (RFC 3892 3); None when it is absent.
    pub fn referred_by(&self) -> Result<Option<ReferredBy<'_>>, HeaderError> {
        self.once(HeaderId::ReferredBy)
    }

    /// Refer-Sub (RFC 4488 4); None when it is absent.
    pub fn refer_sub(&self) -> Result<Option<ReferSub<'_>>, HeaderError> {
        self.once(HeaderId::ReferSub)
    }

    /// Refer-Events-At (RFC 7614); None when it is absent.
    pub fn refer_events_at(&self) -> Result<Option<InfoUri<'_>>, HeaderError> {
        self.once(HeaderId::ReferEventsAt)
    }

    /// All P-Asserted-Identity values (RFC 3325 9.1): one, or a SIP and a tel URI.
    pub fn asserted_identities(&self) -> Values<'_, NameAddr<'_>> {
        self.list(HeaderId::PAssertedIdentity)
    }

    /// All P-Preferred-Identity values (RFC 3325 9.2).
    pub fn preferred_identities(&self) -> Values<'_, NameAddr<'_>> {
        self.list(HeaderId::PPreferredIdentity)
    }

    /// All P-Associated-URI values (RFC 7315 4.1). An empty header has none.
    pub fn associated_uris(&self) -> Values<'_, NameAddr<'_>> {
        self.list_or_nothing(HeaderId::PAssociatedUri)
    }

    /// P-Called-Party-ID (RFC 7315 4.2); None when it is absent.
    pub fn called_party_id(&self) -> Result<Option<NameAddr<'_>>, HeaderError> {
        self.once(HeaderId::PCalledPartyId)
    }

    /// All Remote-Party-ID values (draft-ietf-sip-privacy-04).
    pub fn remote_party_ids(&self) -> Values<'_, RemotePartyId<'_>> {
        self.list(HeaderId::RemotePartyId)
    }

    /// All Diversion values (RFC 5806), the latest first.
    pub fn diversions(&self) -> Values<'_, Diversion<'_>> {
        self.list(HeaderId::Diversion)
    }

    /// All History-Info entries (RFC 7044), the oldest first.
    pub fn history_info(&self) -> Values<'_, HistoryInfo<'_>> {
        self.list(HeaderId::HistoryInfo)
    }

    /// Privacy (RFC 3323 4.2); None when it is absent.
    pub fn privacy(&self) -> Result<Option<Privacy<'_>>, HeaderError> {
        self.once(HeaderId::Privacy)
    }

    /// All Identity values (RFC 8224 4), one a header.
    pub fn identities(&self) -> impl Iterator<Item = Result<Identity<'_>, HeaderError>> {
        self.each(HeaderId::Identity)
    }

    /// Identity-Info (RFC 4474 9); None when it is absent.
    pub fn identity_info(&self) -> Result<Option<InfoUri<'_>>, HeaderError> {
        self.once(HeaderId::IdentityInfo)
    }

    /// All Permission-Missing values (RFC 5360).
    pub fn permissions_missing(&self) -> Values<'_, NameAddr<'_>> {
        self.list(HeaderId::PermissionMissing)
    }

    /// All Trigger-Consent values (RFC 5360).
    pub fn triggers_of_consent(&self) -> Values<'_, NameAddr<'_>> {
        self.list(HeaderId::TriggerConsent)
    }

    /// All P-Asserted-Service values (RFC 6050 4.1).
    pub fn asserted_services(&self) -> Values<'_, ServiceId<'_>> {
        self.list(HeaderId::PAssertedService)
    }

    /// All P-Preferred-Service values (RFC 6050 4.2).
    pub fn preferred_services(&self) -> Values<'_, ServiceId<'_>> {
        self.list(HeaderId::PPreferredService)
    }
}
