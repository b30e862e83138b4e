//! Why a request is not authenticated.

use thiserror::Error;

/// Why a request is not authenticated, precise enough to decide what to answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
pub enum AuthFailure {
    /// No digest credentials for the realm.
    #[error("no credentials for the realm")]
    NoCredentials,
    /// The credentials lack a field, or a field has no valid form. The field is named.
    #[error("the credentials' {0} is missing or malformed")]
    Malformed(&'static str),
    /// An algorithm that is not offered.
    #[error("the algorithm is not one that was offered")]
    UnsupportedAlgorithm,
    /// A protection that is not offered, or none where one is required.
    #[error("the quality of protection is not one that was offered")]
    UnsupportedQop,
    /// The nonce does not have the form of ours.
    #[error("the nonce has another form than ours")]
    MalformedNonce,
    /// The nonce was not made with our secret, or for another realm or source.
    #[error("the nonce is not ours")]
    ForeignNonce,
    /// The nonce is too old, or from the future.
    #[error("the nonce is stale")]
    StaleNonce,
    /// The nonce's uses are no longer remembered, so that this might be a replay.
    #[error("the nonce's uses are no longer remembered")]
    ForgottenNonce,
    /// The nonce count was used before, or is too far behind.
    #[error("the nonce count was used before")]
    ReplayedCount,
    /// The nonce was used before and may be used once.
    #[error("the nonce was used before")]
    NonceReused,
    /// There is no such account.
    #[error("there is no such user")]
    UnknownUser,
    /// The response was not made with the account's password.
    #[error("the password is wrong")]
    WrongPassword,
    /// The credentials are another user's than the one the request claims to be from.
    #[error("the user is another than the request's")]
    UserMismatch,
    /// The credentials are for another request URI.
    #[error("the digest is for another URI")]
    UriMismatch,
}

impl AuthFailure {
    /// The return code that Kamailio's auth and auth_db functions give for it, as their
    /// documentation lists them; where it is silent, as Kamailio 5.6 was seen to behave.
    #[must_use]
    pub const fn kamailio_code(self) -> i32 {
        match self {
            Self::Malformed(_)
            | Self::MalformedNonce
            | Self::UnsupportedAlgorithm
            | Self::UnsupportedQop
            | Self::UriMismatch => -1,
            Self::WrongPassword => -2,
            Self::UnknownUser => -3,
            Self::ForeignNonce | Self::StaleNonce | Self::ForgottenNonce | Self::ReplayedCount => {
                -4
            }
            Self::NoCredentials => -5,
            Self::NonceReused => -6,
            Self::UserMismatch => -8,
        }
    }

    /// Whether only the nonce was at fault, so that a new challenge says `stale=true` and the
    /// phone tries again without asking its user (RFC 7616 3.3).
    #[must_use]
    pub const fn is_stale(self) -> bool {
        matches!(
            self,
            Self::MalformedNonce
                | Self::ForeignNonce
                | Self::StaleNonce
                | Self::ForgottenNonce
                | Self::ReplayedCount
                | Self::NonceReused
        )
    }

    /// Whether the request itself is wrong and a 400 is due rather than a challenge.
    #[must_use]
    pub const fn is_bad_request(self) -> bool {
        matches!(self, Self::Malformed(_))
    }
}
