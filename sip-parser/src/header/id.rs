//! Header identity: which header a name means. Owns the list of known headers, their compact
//! forms, and the perfect hash that finds a name without looking at the others.
//!
//! A name is found by a hash over its length, its first byte and its last eight, all in lower
//! case, and one comparison. Case is folded on letters only, under a mask kept with each name:
//! folding every byte would make CR equal to a hyphen.

use crate::lex::block;
use core::fmt;

macro_rules! headers {
    ($($(#[$doc:meta])* $id:ident = $name:literal $(| $compact:literal)?;)*) => {
        /// A header by identity; the full name and the compact form are the same header
        /// (RFC 3261 7.3.3). Headers not listed are `Other` and told apart by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum HeaderId {
            $($(#[$doc])* $id,)*
            /// Any header without a name here; kept byte for byte.
            Other,
        }

        /// How many headers have a name.
        pub(crate) const KNOWN: usize = [$(HeaderId::$id),*].len();

        static IDS: [HeaderId; KNOWN] = [$(HeaderId::$id),*];
        const NAMES: [&str; KNOWN] = [$($name),*];
        const COMPACT: [HeaderId; 32] = {
            let mut t = [HeaderId::Other; 32];
            $($(t[($compact & 31) as usize] = HeaderId::$id;)?)*
            t
        };

        impl HeaderId {
            /// The full name as the RFCs write it; empty for `Other`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(HeaderId::$id => $name,)*
                    HeaderId::Other => "",
                }
            }

            pub(crate) const fn bad_reason(self) -> &'static str {
                match self {
                    $(HeaderId::$id => concat!("Bad ", $name),)*
                    HeaderId::Other => "Bad Header",
                }
            }

            pub(crate) const fn missing_reason(self) -> &'static str {
                match self {
                    $(HeaderId::$id => concat!("Missing ", $name),)*
                    HeaderId::Other => "Missing Header",
                }
            }

            pub(crate) const fn duplicate_reason(self) -> &'static str {
                match self {
                    $(HeaderId::$id => concat!("Duplicate ", $name),)*
                    HeaderId::Other => "Duplicate Header",
                }
            }
        }
    };
}

headers! {
    /// Via, RFC 3261 20.42.
    Via = "Via" | b'v';
    /// From, RFC 3261 20.20.
    From = "From" | b'f';
    /// To, RFC 3261 20.39.
    To = "To" | b't';
    /// Call-ID, RFC 3261 20.8.
    CallId = "Call-ID" | b'i';
    /// CSeq, RFC 3261 20.16.
    CSeq = "CSeq";
    /// Max-Forwards, RFC 3261 20.22.
    MaxForwards = "Max-Forwards";
    /// Contact, RFC 3261 20.10.
    Contact = "Contact" | b'm';
    /// Route, RFC 3261 20.34.
    Route = "Route";
    /// Record-Route, RFC 3261 20.30.
    RecordRoute = "Record-Route";
    /// Content-Length, RFC 3261 20.14.
    ContentLength = "Content-Length" | b'l';
    /// Content-Type, RFC 3261 20.15.
    ContentType = "Content-Type" | b'c';
    /// Expires, RFC 3261 20.19.
    Expires = "Expires";
    /// Min-Expires, RFC 3261 20.23.
    MinExpires = "Min-Expires";
    /// Path, RFC 3327.
    Path = "Path";
    /// Service-Route, RFC 3608.
    ServiceRoute = "Service-Route";
    /// Authorization, RFC 3261 20.7.
    Authorization = "Authorization";
    /// Proxy-Authorization, RFC 3261 20.28.
    ProxyAuthorization = "Proxy-Authorization";
    /// WWW-Authenticate, RFC 3261 20.44.
    WwwAuthenticate = "WWW-Authenticate";
    /// Proxy-Authenticate, RFC 3261 20.27.
    ProxyAuthenticate = "Proxy-Authenticate";
    /// Authentication-Info, RFC 3261 20.6.
    AuthenticationInfo = "Authentication-Info";
    /// Proxy-Authentication-Info, RFC 7615.
    ProxyAuthenticationInfo = "Proxy-Authentication-Info";
    /// Require, RFC 3261 20.32.
    Require = "Require";
    /// Proxy-Require, RFC 3261 20.29.
    ProxyRequire = "Proxy-Require";
    /// Supported, RFC 3261 20.37.
    Supported = "Supported" | b'k';
    /// Unsupported, RFC 3261 20.40.
    Unsupported = "Unsupported";
    /// Allow, RFC 3261 20.5.
    Allow = "Allow";
    /// Allow-Events, RFC 6665 8.2.2.
    AllowEvents = "Allow-Events" | b'u';
    /// Event, RFC 6665 8.2.1.
    Event = "Event" | b'o';
    /// Subscription-State, RFC 6665 8.2.3.
    SubscriptionState = "Subscription-State";
    /// SIP-ETag, RFC 3903 11.3.1.
    SipEtag = "SIP-ETag";
    /// SIP-If-Match, RFC 3903 11.3.2.
    SipIfMatch = "SIP-If-Match";
    /// Accept, RFC 3261 20.1.
    Accept = "Accept";
    /// Accept-Encoding, RFC 3261 20.2.
    AcceptEncoding = "Accept-Encoding";
    /// Accept-Language, RFC 3261 20.3.
    AcceptLanguage = "Accept-Language";
    /// Accept-Contact, RFC 3841 9.2.
    AcceptContact = "Accept-Contact" | b'a';
    /// Reject-Contact, RFC 3841 9.2.
    RejectContact = "Reject-Contact" | b'j';
    /// Request-Disposition, RFC 3841 9.1.
    RequestDisposition = "Request-Disposition" | b'd';
    /// Accept-Resource-Priority, RFC 4412 3.2.
    AcceptResourcePriority = "Accept-Resource-Priority";
    /// Resource-Priority, RFC 4412 3.1.
    ResourcePriority = "Resource-Priority";
    /// Alert-Info, RFC 3261 20.4.
    AlertInfo = "Alert-Info";
    /// Call-Info, RFC 3261 20.9.
    CallInfo = "Call-Info";
    /// Error-Info, RFC 3261 20.18.
    ErrorInfo = "Error-Info";
    /// Answer-Mode, RFC 5373.
    AnswerMode = "Answer-Mode";
    /// Priv-Answer-Mode, RFC 5373.
    PrivAnswerMode = "Priv-Answer-Mode";
    /// Content-Disposition, RFC 3261 20.11.
    ContentDisposition = "Content-Disposition";
    /// Content-Encoding, RFC 3261 20.12.
    ContentEncoding = "Content-Encoding" | b'e';
    /// Content-Language, RFC 3261 20.13.
    ContentLanguage = "Content-Language";
    /// Date, RFC 3261 20.17.
    Date = "Date";
    /// Diversion, RFC 5806.
    Diversion = "Diversion";
    /// Flow-Timer, RFC 5626 11.4.
    FlowTimer = "Flow-Timer";
    /// Geolocation, RFC 6442 4.1.
    Geolocation = "Geolocation";
    /// Geolocation-Error, RFC 6442 4.3.
    GeolocationError = "Geolocation-Error";
    /// Geolocation-Routing, RFC 6442 4.2.
    GeolocationRouting = "Geolocation-Routing";
    /// History-Info, RFC 7044.
    HistoryInfo = "History-Info";
    /// Identity, RFC 8224 4.
    Identity = "Identity" | b'y';
    /// Identity-Info, RFC 4474 9.
    IdentityInfo = "Identity-Info" | b'n';
    /// In-Reply-To, RFC 3261 20.21.
    InReplyTo = "In-Reply-To";
    /// Info-Package, RFC 6086 10.8.
    InfoPackage = "Info-Package";
    /// Recv-Info, RFC 6086 10.9.
    RecvInfo = "Recv-Info";
    /// Join, RFC 3911 7.1.
    Join = "Join";
    /// Replaces, RFC 3891 6.1.
    Replaces = "Replaces";
    /// Refer-To, RFC 3515 2.1.
    ReferTo = "Refer-To" | b'r';
    /// Referred-By, RFC 3892 3.
    ReferredBy = "Referred-By" | b'b';
    /// Refer-Sub, RFC 4488 4.
    ReferSub = "Refer-Sub";
    /// Refer-Events-At, RFC 7614.
    ReferEventsAt = "Refer-Events-At";
    /// Target-Dialog, RFC 4538 7.
    TargetDialog = "Target-Dialog";
    /// Max-Breadth, RFC 5393 5.3.3.
    MaxBreadth = "Max-Breadth";
    /// MIME-Version, RFC 3261 20.24.
    MimeVersion = "MIME-Version";
    /// Min-SE, RFC 4028 5.
    MinSe = "Min-SE";
    /// Session-Expires, RFC 4028 4.
    SessionExpires = "Session-Expires" | b'x';
    /// Session-ID, RFC 7989.
    SessionId = "Session-ID";
    /// Organization, RFC 3261 20.25.
    Organization = "Organization";
    /// P-Access-Network-Info, RFC 7315 4.4.
    PAccessNetworkInfo = "P-Access-Network-Info";
    /// P-Asserted-Identity, RFC 3325 9.1.
    PAssertedIdentity = "P-Asserted-Identity";
    /// P-Preferred-Identity, RFC 3325 9.2.
    PPreferredIdentity = "P-Preferred-Identity";
    /// P-Asserted-Service, RFC 6050 4.1.
    PAssertedService = "P-Asserted-Service";
    /// P-Preferred-Service, RFC 6050 4.2.
    PPreferredService = "P-Preferred-Service";
    /// P-Associated-URI, RFC 7315 4.1.
    PAssociatedUri = "P-Associated-URI";
    /// P-Called-Party-ID, RFC 7315 4.2.
    PCalledPartyId = "P-Called-Party-ID";
    /// P-Charging-Function-Addresses, RFC 7315 4.5.
    PChargingFunctionAddresses = "P-Charging-Function-Addresses";
    /// P-Charging-Vector, RFC 7315 4.6.
    PChargingVector = "P-Charging-Vector";
    /// P-Visited-Network-ID, RFC 7315 4.3.
    PVisitedNetworkId = "P-Visited-Network-ID";
    /// P-Early-Media, RFC 5009.
    PEarlyMedia = "P-Early-Media";
    /// Permission-Missing, RFC 5360.
    PermissionMissing = "Permission-Missing";
    /// Privacy, RFC 3323 4.2.
    Privacy = "Privacy";
    /// Priority, RFC 3261 20.26.
    Priority = "Priority";
    /// RAck, RFC 3262 7.2.
    RAck = "RAck";
    /// RSeq, RFC 3262 7.1.
    RSeq = "RSeq";
    /// Reason, RFC 3326.
    Reason = "Reason";
    /// Remote-Party-ID, draft-ietf-sip-privacy-04.
    RemotePartyId = "Remote-Party-ID";
    /// Reply-To, RFC 3261 20.31.
    ReplyTo = "Reply-To";
    /// Retry-After, RFC 3261 20.33.
    RetryAfter = "Retry-After";
    /// Security-Client, RFC 3329 2.2.
    SecurityClient = "Security-Client";
    /// Security-Server, RFC 3329 2.2.
    SecurityServer = "Security-Server";
    /// Security-Verify, RFC 3329 2.2.
    SecurityVerify = "Security-Verify";
    /// Server, RFC 3261 20.35.
    Server = "Server";
    /// Subject, RFC 3261 20.36.
    Subject = "Subject" | b's';
    /// Suppress-If-Match, RFC 5839.
    SuppressIfMatch = "Suppress-If-Match";
    /// Timestamp, RFC 3261 20.38.
    Timestamp = "Timestamp";
    /// Trigger-Consent, RFC 5360.
    TriggerConsent = "Trigger-Consent";
    /// User-Agent, RFC 3261 20.41.
    UserAgent = "User-Agent";
    /// User-to-User, RFC 7433.
    UserToUser = "User-to-User";
    /// Warning, RFC 3261 20.43.
    Warning = "Warning";
    /// Feature-Caps, RFC 6809.
    FeatureCaps = "Feature-Caps";
}

/// Longest name that is looked up; none of the known ones is longer.
const WIDTH: usize = 32;
const SLOTS: usize = 512;
const NONE: u8 = 255;
const BLANKS: u64 = 0x2020_2020_2020_2020;

/// One known name, padded, in lower case, with the mask that lowers its letters.
#[derive(Clone, Copy)]
struct Key {
    name: [[u8; 16]; 2],
    case: [[u8; 16]; 2],
    /// The bits that must be equal in the first and in the second block.
    wanted: [u32; 2],
    len: usize,
}

/// Slot of a name by its last eight bytes (fewer when it is shorter), its first byte and its
/// length. The multipliers were found by search.
const fn hash(tail: u64, first: u8, len: usize) -> usize {
    let rest = (len as u64) | ((first | 0x20) as u64) << 8;
    let mixed = tail
        .wrapping_mul(0xa73f_615f_8941_719b)
        .wrapping_add(rest.wrapping_mul(0xc955_4a5f_f336_99ef));
    (mixed >> 55) as usize
}

/// The last eight bytes of a name in lower case, or all of a shorter one, given eight bytes that
/// end where it ends, or begin where a shorter one begins.
const fn tail(bytes: [u8; 8], len: usize) -> u64 {
    let keep = u64::MAX >> ((8usize.saturating_sub(len) * 8) & 63);
    (u64::from_le_bytes(bytes) | BLANKS) & keep
}

const fn keys() -> [Key; 128] {
    let empty = Key { name: [[0; 16]; 2], case: [[0; 16]; 2], wanted: [0; 2], len: 0 };
    let mut keys = [empty; 128];
    let mut i = 0;
    while i < KNOWN {
        let name = NAMES[i].as_bytes();
        assert!(name.len() > 1 && name.len() <= WIDTH);
        keys[i].len = name.len();
        let mut j = 0;
        while j < name.len() {
            keys[i].name[j / 16][j % 16] = name[j].to_ascii_lowercase();
            keys[i].case[j / 16][j % 16] = if name[j].is_ascii_alphabetic() { 0x20 } else { 0 };
            keys[i].wanted[j / 16] |= 1 << (j % 16);
            j += 1;
        }
        i += 1;
    }
    keys
}

/// Slot of each name; building it fails to compile when two names collide.
const fn slots() -> [u8; SLOTS] {
    let mut slots = [NONE; SLOTS];
    let mut i = 0;
    while i < KNOWN {
        let name = NAMES[i].as_bytes();
        let mut ends = [0u8; 8];
        let mut j = 0;
        while j < 8 && j < name.len() {
            ends[j] = name[name.len().saturating_sub(8) + j];
            j += 1;
        }
        let at = hash(tail(ends, name.len()), name[0], name.len());
        assert!(slots[at] == NONE, "two header names share a slot: search new multipliers");
        slots[at] = i as u8;
        i += 1;
    }
    slots
}

static KEYS: [Key; 128] = keys();
static TABLE: [u8; SLOTS] = slots();

impl HeaderId {
    /// All headers with a name.
    pub fn all() -> &'static [HeaderId] {
        &IDS
    }

    /// The header that `name` means, compared without case, compact forms included.
    pub fn from_name(name: &[u8]) -> HeaderId {
        find(name, name.len())
    }

    /// Index into tables of [`KNOWN`] entries; `KNOWN` itself for `Other`.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for HeaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == HeaderId::Other { "header" } else { self.name() })
    }
}

/// The header whose name is the first `len` bytes of `rest`. What follows the name may be read,
/// never counts.
#[inline]
pub(crate) fn find(rest: &[u8], len: usize) -> HeaderId {
    if len <= 1 {
        return match rest.first() {
            Some(b) if len == 1 && b.is_ascii_alphabetic() => COMPACT[usize::from(b & 31)],
            _ => HeaderId::Other,
        };
    }
    let from = len.saturating_sub(8);
    let ends = rest.get(from..from + 8).and_then(|t| t.first_chunk::<8>());
    let (Some(block), Some(ends)) = (rest.first_chunk::<16>(), ends) else {
        return find_alone(rest.get(..len).unwrap_or_default());
    };
    let slot = TABLE[hash(tail(*ends, len), block[0], len) % SLOTS];
    let Some(&id) = IDS.get(usize::from(slot)) else { return HeaderId::Other };
    let key = &KEYS[usize::from(slot & 127)];
    let equal = block::equal_folded(block, &key.case[0], &key.name[0]);
    if key.len != len || equal & key.wanted[0] != key.wanted[0] {
        return HeaderId::Other;
    }
    if len <= 16 || second_block_equal(rest, key) { id } else { HeaderId::Other }
}

#[inline]
fn second_block_equal(rest: &[u8], key: &Key) -> bool {
    match rest.get(16..).and_then(|r| r.first_chunk::<16>()) {
        Some(block) => {
            let equal = block::equal_folded(block, &key.case[1], &key.name[1]);
            equal & key.wanted[1] == key.wanted[1]
        }
        None => {
            let pairs = key.name[1].iter().zip(&key.case[1]).take(key.len - 16);
            let tail = rest.get(16..).unwrap_or_default();
            tail.len() >= key.len - 16 && tail.iter().zip(pairs).all(|(b, (n, c))| b | c == *n)
        }
    }
}

/// [`find`] for a name with too little text behind it.
#[cold]
fn find_alone(name: &[u8]) -> HeaderId {
    let mut room = [0u8; WIDTH + 16];
    match room.get_mut(..name.len()) {
        Some(place) if (1..=WIDTH).contains(&name.len()) => {
            place.copy_from_slice(name);
            find(&room, name.len())
        }
        _ => HeaderId::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_found_by_its_name_in_any_case_wherever_it_stands() {
        for &id in HeaderId::all() {
            for name in [id.name().to_string(), id.name().to_lowercase(), id.name().to_uppercase()]
            {
                assert_eq!(HeaderId::from_name(name.as_bytes()), id, "{name}");
                let line = format!("{name}: value that makes the line longer than the name is");
                assert_eq!(find(line.as_bytes(), name.len()), id, "{name}");
            }
        }
    }

    #[test]
    fn compact_forms_are_their_headers() {
        for (letter, id) in [
            (b'v', HeaderId::Via),
            (b'I', HeaderId::CallId),
            (b'l', HeaderId::ContentLength),
            (b'k', HeaderId::Supported),
            (b'o', HeaderId::Event),
            (b'x', HeaderId::SessionExpires),
            (b'q', HeaderId::Other),
            (b'6', HeaderId::Other),
        ] {
            assert_eq!(HeaderId::from_name(&[letter]), id);
        }
    }

    #[test]
    fn only_letters_are_folded() {
        assert_eq!(HeaderId::from_name(b"Call\rID"), HeaderId::Other);
        assert_eq!(HeaderId::from_name(b"C%6Fntact"), HeaderId::Other);
        assert_eq!(HeaderId::from_name(b""), HeaderId::Other);
    }

    #[test]
    fn a_name_one_byte_off_is_another_header() {
        for &id in HeaderId::all() {
            for i in 0..id.name().len() {
                let mut name = id.name().as_bytes().to_vec();
                name[i] = b'!';
                assert_eq!(HeaderId::from_name(&name), HeaderId::Other);
            }
        }
    }
}
