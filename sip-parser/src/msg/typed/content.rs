//! Getters of what bodies and senders are, and of what may be sent back.

use crate::{
    Agent, ContentDisposition, ContentType, GeolocationError, HeaderError, HeaderId, InfoUri,
    Message, MimeVersion, Text, Values,
};

impl Message {
    /// Content-Disposition (RFC 3261 20.11); None when it is absent.
    pub fn content_disposition(&self) -> Result<Option<ContentDisposition<'_>>, HeaderError> {
        self.once(HeaderId::ContentDisposition)
    }

    /// MIME-Version (RFC 3261 20.24); None when it is absent.
    pub fn mime_version(&self) -> Result<Option<MimeVersion>, HeaderError> {
        self.once(HeaderId::MimeVersion)
    }

    /// All media ranges of Accept (RFC 3261 20.1). An empty header has none.
    pub fn accept(&self) -> Values<'_, ContentType<'_>> {
        self.list_or_nothing(HeaderId::Accept)
    }

    /// All Alert-Info values (RFC 3261 20.4).
    pub fn alert_info(&self) -> Values<'_, InfoUri<'_>> {
        self.list(HeaderId::AlertInfo)
    }

    /// All Call-Info values (RFC 3261 20.9).
    pub fn call_info(&self) -> Values<'_, InfoUri<'_>> {
        self.list(HeaderId::CallInfo)
    }

    /// All Error-Info values (RFC 3261 20.18).
    pub fn error_info(&self) -> Values<'_, InfoUri<'_>> {
        self.list(HeaderId::ErrorInfo)
    }

    /// Server (RFC 3261 20.35); None when it is absent.
    pub fn server(&self) -> Result<Option<Agent<'_>>, HeaderError> {
        self.once(HeaderId::Server)
    }

    /// User-Agent (RFC 3261 20.41); None when it is absent.
    pub fn user_agent(&self) -> Result<Option<Agent<'_>>, HeaderError> {
        self.once(HeaderId::UserAgent)
    }

    /// Subject (RFC 3261 20.36), folds as received; None when it is absent.
    pub fn subject(&self) -> Result<Option<&[u8]>, HeaderError> {
        Ok(self.once::<Text<'_>>(HeaderId::Subject)?.map(|text| text.0))
    }

    /// Organization (RFC 3261 20.25), folds as received; None when it is absent.
    pub fn organization(&self) -> Result<Option<&[u8]>, HeaderError> {
        Ok(self.once::<Text<'_>>(HeaderId::Organization)?.map(|text| text.0))
    }

    /// Priority (RFC 3261 20.26); None when it is absent.
    pub fn priority(&self) -> Result<Option<&[u8]>, HeaderError> {
        self.word(HeaderId::Priority)
    }

    /// All Geolocation values (RFC 6442 4.1).
    pub fn geolocations(&self) -> Values<'_, InfoUri<'_>> {
        self.list(HeaderId::Geolocation)
    }

    /// Geolocation-Routing (RFC 6442 4.2): `yes`, `no` or another token; None when it is absent.
    pub fn geolocation_routing(&self) -> Result<Option<&[u8]>, HeaderError> {
        self.word(HeaderId::GeolocationRouting)
    }

    /// Geolocation-Error (RFC 6442 4.3); None when it is absent.
    pub fn geolocation_error(&self) -> Result<Option<GeolocationError<'_>>, HeaderError> {
        self.once(HeaderId::GeolocationError)
    }
}
