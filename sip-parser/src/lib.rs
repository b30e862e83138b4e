//! SIP messages: bytes to meaning to bytes.
//!
//! This crate must not know time, locks, sockets or any policy. It takes a buffer, says where
//! everything in it is, and writes it out again with edits; what to do about a message is for
//! others. Nothing here reads a clock, opens a socket or keeps global state.
//!
//! Read first: RFC 3261 7 (messages), 19.1 (URIs), 20 (headers) and 25 (grammar).
//!
//! ```text
//! Bytes -> Message::parse -> spans of the start line and of each header     (eager, one pass)
//!              |-> header(id), top_via(), from(), contacts() ...             (parsed when asked)
//!              |-> check()                                                   (what a proxy needs)
//!              |-> sdp(), multipart(), content(type, subtype)                (views of the body)
//!              |-> Patch -> write -> the same bytes, but for the edits
//! Bytes -> PartialMessage::parse_headers(until) -> the same, header by header
//! stream -> frame::Framer -> how many bytes are the next message
//! ```
//!
//! A message is immutable and owns its bytes, so that it can be stored and sent across threads;
//! headers are found by identity in constant time, and their values are parsed when first asked
//! for. Untouched bytes always survive exactly: case, compact forms, order and folds included.
#![forbid(unsafe_code)]

pub mod body;
mod error;
mod escape;
pub mod frame;
mod header;
pub mod http;
mod lex;
mod limits;
mod method;
mod msg;
#[cfg(any(test, fuzzing))]
pub mod oracle;
pub mod sdp;
mod span;
mod status;
mod uri;

pub use error::{Fault, HeaderError, ParseError, ParseErrorKind};
pub use escape::{escape_header, escape_param, escape_user, unescape};
pub use header::access_network::AccessNetwork;
pub use header::agent::{Agent, AgentPart};
pub use header::auth::{Challenge, Credentials};
pub use header::auth_info::AuthenticationInfo;
pub use header::call_id::{CallId, InReplyTo};
pub use header::charging::{ChargingAddresses, ChargingVector};
pub use header::contact::Contact;
pub use header::content_disposition::ContentDisposition;
pub use header::content_type::ContentType;
pub use header::cseq::CSeq;
pub use header::date::Date;
pub use header::dialog_ref::{Join, Replaces, TargetDialog};
pub use header::diversion::Diversion;
pub use header::event::{Event, SubscriptionState};
pub use header::features::FeatureSet;
pub use header::geolocation_error::GeolocationError;
pub use header::history_info::HistoryInfo;
pub use header::id::HeaderId;
pub use header::identity::Identity;
pub use header::info_uri::InfoUri;
pub use header::mime_version::MimeVersion;
pub use header::name_addr::NameAddr;
pub use header::number::Number;
pub use header::params_buf::ParamsBuf;
pub use header::privacy::Privacy;
pub use header::quoted::{QuotedText, quote};
pub use header::rack::RAck;
pub use header::reason::Reason;
pub use header::refer::{ReferSub, ReferredBy};
pub use header::remote_party_id::RemotePartyId;
pub use header::resource_priority::ResourcePriority;
pub use header::retry_after::RetryAfter;
pub use header::security::SecurityMechanism;
pub use header::service_id::ServiceId;
pub use header::session_id::SessionId;
pub use header::session_timer::{MinSe, Refresher, SessionExpires};
pub use header::text::Text;
pub use header::timestamp::Timestamp;
pub use header::tokens::Tokens;
pub use header::user_to_user::UserToUser;
pub use header::via::Via;
pub use header::visited_network::VisitedNetwork;
pub use header::warning::Warning;
pub use limits::Limits;
pub use method::Method;
pub use msg::Message;
pub use msg::builder::{RequestBuilder, ResponseBuilder};
pub use msg::index::Header;
pub use msg::partial::{HeaderSet, PartialMessage};
pub use msg::patch::Patch;
pub use msg::typed::Values;
pub use span::Span;
pub use status::reason_phrase;
pub use uri::host::{Host, Scoped};
pub use uri::params::Params;
pub use uri::tel::{Digits, PhoneContext, Tel};
pub use uri::urn::Urn;
pub use uri::{Scheme, Uri, UriError, UriFault};

/// The examples of the README are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
