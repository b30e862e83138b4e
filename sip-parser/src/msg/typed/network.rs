//! Getters of what networks tell each other: routing preferences, charging, protection.

use crate::{
    AccessNetwork, AuthenticationInfo, ChargingAddresses, ChargingVector, FeatureSet, HeaderError,
    HeaderId, Message, ResourcePriority, SecurityMechanism, Values, VisitedNetwork,
};

impl Message {
    /// All Accept-Contact values (RFC 3841 9.2).
    pub fn accept_contacts(&self) -> Values<'_, FeatureSet<'_>> {
        self.list(HeaderId::AcceptContact)
    }

    /// All Reject-Contact values (RFC 3841 9.2).
    pub fn reject_contacts(&self) -> Values<'_, FeatureSet<'_>> {
        self.list(HeaderId::RejectContact)
    }

    /// All Feature-Caps values (RFC 6809).
    pub fn feature_caps(&self) -> Values<'_, FeatureSet<'_>> {
        self.list(HeaderId::FeatureCaps)
    }

    /// All Resource-Priority values (RFC 4412 3.1).
    pub fn resource_priorities(&self) -> Values<'_, ResourcePriority<'_>> {
        self.list(HeaderId::ResourcePriority)
    }

    /// All Accept-Resource-Priority values (RFC 4412 3.2). An empty header has none.
    pub fn accepted_resource_priorities(&self) -> Values<'_, ResourcePriority<'_>> {
        self.list_or_nothing(HeaderId::AcceptResourcePriority)
    }

    /// All P-Access-Network-Info values (RFC 7315 4.4).
    pub fn access_networks(&self) -> Values<'_, AccessNetwork<'_>> {
        self.list(HeaderId::PAccessNetworkInfo)
    }

    /// All P-Visited-Network-ID values (RFC 7315 4.3).
    pub fn visited_networks(&self) -> Values<'_, VisitedNetwork<'_>> {
        self.list(HeaderId::PVisitedNetworkId)
    }

    /// P-Charging-Vector (RFC 7315 4.6); None when it is absent.
    pub fn charging_vector(&self) -> Result<Option<ChargingVector<'_>>, HeaderError> {
        self.once(HeaderId::PChargingVector)
    }

    /// P-Charging-Function-Addresses (RFC 7315 4.5); None when it is absent.
    pub fn charging_addresses(&self) -> Result<Option<ChargingAddresses<'_>>, HeaderError> {
        self.once(HeaderId::PChargingFunctionAddresses)
    }

    /// All mechanisms of Security-Client (RFC 3329 2.2).
    pub fn security_client(&self) -> Values<'_, SecurityMechanism<'_>> {
        self.list(HeaderId::SecurityClient)
    }

    /// All mechanisms of Security-Server (RFC 3329 2.2).
    pub fn security_server(&self) -> Values<'_, SecurityMechanism<'_>> {
        self.list(HeaderId::SecurityServer)
    }

    /// All mechanisms of Security-Verify (RFC 3329 2.2).
    pub fn security_verify(&self) -> Values<'_, SecurityMechanism<'_>> {
        self.list(HeaderId::SecurityVerify)
    }

    /// Authentication-Info (RFC 3261 20.6); None when it is absent.
    pub fn authentication_info(&self) -> Result<Option<AuthenticationInfo<'_>>, HeaderError> {
        self.once(HeaderId::AuthenticationInfo)
    }

    /// Proxy-Authentication-Info (RFC 7615 4); None when it is absent.
    pub fn proxy_authentication_info(&self) -> Result<Option<AuthenticationInfo<'_>>, HeaderError> {
        self.once(HeaderId::ProxyAuthenticationInfo)
    }
}
