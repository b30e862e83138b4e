//! From a REGISTER to what it asks of the location table. Pure: it looks at the message and the
//! parameters and at nothing else.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use sip_core::net::Flow;
use sip_core::rng::Rng;
use sip_core::time::WallTime;
use sip_core::txn::Facts;
use sip_parser::{Contact as ContactValue, HeaderId, Message, NameAddr, Uri, unescape};
use smallvec::SmallVec;

use super::reject::Reject;
use super::reply::{ReplyParams, write_date};
use crate::aor::{Aor, AorRules};
use crate::methods::Methods;
use crate::params::{PathMode, RegistrarParams};

/// What a route says about a REGISTER beside the message: the arguments of `save`, and what was
/// set before it.
#[derive(Clone, Debug, Default)]
pub struct SaveOptions<'a> {
    /// The address-of-record instead of the To URI.
    pub uri: Option<&'a [u8]>,
    /// What was read from the REGISTER when it came in; saves reading it again.
    pub facts: Option<&'a Facts>,
    /// The URI of where the REGISTER really came from, for clients behind NAT; empty for none.
    pub received: &'a [u8],
    /// The name of the socket to keep instead of the listener; empty for none.
    pub socket: &'a [u8],
    /// Branch flags to keep.
    pub cflags: u32,
    /// Kamailio's internal flags to keep.
    pub flags: u32,
    /// No database (flag 0x01 of `save`).
    pub memory_only: bool,
    /// No other binding than those of this REGISTER stays (flag 0x04).
    pub single: bool,
    /// No chance in lifetimes (flag 0x08).
    pub no_range: bool,
    /// The lifetime instead of what the client asks for, in seconds.
    pub expires: Option<u32>,
    /// The q instead of what the client gives, in thousandths.
    pub q: Option<u16>,
    /// Instead of the parameter of that name.
    pub max_contacts: Option<u32>,
    /// The number under which the commit is told, under write-through.
    pub token: u64,
}

/// One contact of a REGISTER.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'m> {
    /// Its URI. Taken apart only if it is new to the table, which then may refuse it: the usual
    /// refresh has the text that is there.
    pub uri: &'m [u8],
    /// Its lifetime in seconds; 0 removes it.
    pub expires: u32,
    /// Its q in thousandths.
    pub q: Option<u16>,
    /// Its instance id with the angle brackets, empty for none.
    pub instance: &'m [u8],
    /// Its reg-id, 0 for none.
    pub reg_id: u32,
    /// The methods it takes.
    pub methods: Methods,
}

/// What a REGISTER asks for.
#[derive(Clone, Debug)]
pub enum Request<'m> {
    /// The list of bindings (RFC 3261 10.2.3).
    Query,
    /// The removal of all bindings (RFC 3261 10.2.2).
    Clear,
    /// The addition, refresh or removal of each of these.
    Change(SmallVec<[Binding<'m>; 2]>),
}

/// A REGISTER that can be done as far as it can be told without the table.
#[derive(Clone, Debug)]
pub struct Plan<'m> {
    /// Whose bindings.
    pub aor: Aor,
    /// What is asked for.
    pub request: Request<'m>,
    /// The Call-ID.
    pub call_id: &'m [u8],
    /// The CSeq number.
    pub cseq: u32,
    /// The URI of where the REGISTER really came from, empty for none.
    pub received: Cow<'m, [u8]>,
    /// The Path to keep, empty for none.
    pub path: Cow<'m, [u8]>,
    /// The Path goes back in the answer.
    pub echo_path: bool,
    /// The User-Agent to keep.
    pub user_agent: &'m [u8],
    /// The name of the socket to keep instead of the listener, empty for none.
    pub socket: &'m [u8],
    /// Kamailio's internal flags to keep.
    pub flags: u32,
    /// Branch flags to keep.
    pub cflags: u32,
    /// The way it came.
    pub flow: Option<Flow>,
    /// No other binding stays.
    pub single: bool,
    /// No database.
    pub memory_only: bool,
    /// Bindings at most afterwards, 0 for no limit.
    pub max_contacts: u32,
    /// The number under which the commit is told.
    pub token: u64,
}

impl<'m> Plan<'m> {
    /// Reads a REGISTER that came by `flow`.
    ///
    /// # Errors
    /// When the registrar refuses it, whatever the table holds.
    pub fn new(
        msg: &'m Message,
        flow: &Flow,
        rules: &AorRules,
        params: &RegistrarParams,
        options: &SaveOptions<'m>,
        rng: &mut dyn Rng,
    ) -> Result<Self, Reject> {
        Self::with(msg, flow, rules, params, options, rng, |_| {})
    }

    /// The same; `early` is told the address-of-record as soon as it is known.
    pub(crate) fn with(
        msg: &'m Message,
        flow: &Flow,
        rules: &AorRules,
        params: &RegistrarParams,
        options: &SaveOptions<'m>,
        rng: &mut dyn Rng,
        early: impl FnOnce(&[u8]),
    ) -> Result<Self, Reject> {
        let (to, call_id, cseq) = match options.facts {
            Some(facts) => (facts.to_uri(msg), facts.call_id(msg), facts.cseq()),
            None => (
                msg.to().map_err(|_| Reject::BadHeader("To"))?.uri,
                msg.call_id().map_err(|_| Reject::BadHeader("Call-ID"))?,
                msg.cseq().map_err(|_| Reject::BadHeader("CSeq"))?.number,
            ),
        };
        let aor = rules.canonical(options.uri.unwrap_or(to))?;
        early(&aor);
        bounded(call_id.len(), params.limits.call_id, "Call-ID")?;
        required_extensions(msg)?;
        let mut plan = Self {
            aor,
            request: Request::Query,
            call_id,
            cseq,
            received: Cow::Borrowed(options.received),
            path: Cow::Borrowed(b""),
            echo_path: false,
            user_agent: user_agent(msg, params.limits.user_agent),
            socket: options.socket,
            flags: options.flags,
            cflags: options.cflags,
            flow: Some(*flow),
            single: options.single,
            memory_only: options.memory_only,
            max_contacts: options.max_contacts.unwrap_or(params.max_contacts),
            token: options.token,
        };
        if params.use_path {
            plan.take_path(msg, params)?;
        }
        if plan.received.len() > params.contact_max_size {
            return Err(Reject::ContactTooLong);
        }
        plan.request = requested(msg, params, options, rng)?;
        Ok(plan)
    }

    /// Keeps the Path as `path_mode` says (RFC 3327 5.3).
    fn take_path(&mut self, msg: &'m Message, params: &RegistrarParams) -> Result<(), Reject> {
        let path = path_of(msg)?;
        if path.is_empty() {
            return Ok(());
        }
        bounded(path.len(), params.limits.path, "Path")?;
        let supported = params.path_mode != PathMode::Off && supports(msg, b"path");
        if params.path_mode == PathMode::Strict && !supported {
            return Err(Reject::PathUnsupported { path: path.into_owned() });
        }
        if params.path_use_received
            && let Some(Ok(first)) = msg.paths().next()
            && let Ok(uri) = Uri::parse(first.uri)
            && let Some(received) = uri.params.value(b"received")
        {
            let received = unescape(received);
            // It is told in answers and sent to.
            let plain = received.iter().all(|c| c.is_ascii_graphic() && !b"\"\\<>".contains(c));
            if !plain || Uri::parse(&received).is_err() {
                return Err(Reject::BadHeader("Path"));
            }
            self.received = received;
        }
        self.echo_path = supported;
        self.path = path;
        Ok(())
    }

    /// Writes the headers of the 200 that do not depend on the table: Date and Path.
    pub fn write_headers(&self, now: WallTime, params: &ReplyParams, out: &mut BytesMut) {
        if params.date {
            write_date(out, now);
        }
        if self.echo_path && !self.path.is_empty() {
            out.put_slice(b"Path: ");
            out.put_slice(&self.path);
            out.put_slice(b"\r\n");
        }
    }
}

fn bounded(size: usize, limit: usize, what: &'static str) -> Result<(), Reject> {
    if size > limit { Err(Reject::TooLong(what)) } else { Ok(()) }
}

/// The option tags that a client may require of us.
const EXTENSIONS: [&[u8]; 1] = [b"path"];

/// RFC 3261 10.3 step 2 and 8.2.2.3.
fn required_extensions(msg: &Message) -> Result<(), Reject> {
    let mut unsupported = Vec::new();
    for header in msg.headers_of(HeaderId::Require) {
        for tag in header.value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            let known = EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(tag));
            if tag.is_empty() || known || !tag.iter().all(u8::is_ascii_graphic) {
                continue;
            }
            if !unsupported.is_empty() {
                unsupported.extend_from_slice(b", ");
            }
            unsupported.extend_from_slice(tag);
        }
    }
    if unsupported.is_empty() {
        return Ok(());
    }
    Err(Reject::BadExtension { tags: unsupported })
}

fn supports(msg: &Message, tag: &[u8]) -> bool {
    msg.headers_of(HeaderId::Supported).chain(msg.headers_of(HeaderId::Require)).any(|header| {
        header.value.split(|b| *b == b',').any(|t| t.trim_ascii().eq_ignore_ascii_case(tag))
    })
}

/// All Path headers, separated by commas; an error when a value is malformed.
fn path_of(msg: &Message) -> Result<Cow<'_, [u8]>, Reject> {
    let mut path: Cow<'_, [u8]> = Cow::Borrowed(b"");
    for header in msg.headers_of(HeaderId::Path) {
        let folded = header.value.iter().any(|b| matches!(b, b'\r' | b'\n'));
        if path.is_empty() && !folded {
            path = Cow::Borrowed(header.value);
            continue;
        }
        let whole = path.to_mut();
        if !whole.is_empty() {
            whole.push(b',');
        }
        let plain = header.value.iter().map(|b| if b.is_ascii_whitespace() { b' ' } else { *b });
        whole.extend(plain);
    }
    if !path.is_empty() && msg.paths().any(|value| value.is_err()) {
        return Err(Reject::BadHeader("Path"));
    }
    Ok(path)
}

/// The User-Agent up to its first fold, cut to `limit` bytes.
fn user_agent(msg: &Message, limit: usize) -> &[u8] {
    let Some(header) = msg.header(HeaderId::UserAgent) else { return b"" };
    let end = header.value.iter().position(|b| b.is_ascii_control() && *b != b'\t');
    let whole = header.value.get(..end.unwrap_or(header.value.len())).unwrap_or_default();
    whole.get(..limit).unwrap_or(whole)
}

/// The Contact headers (RFC 3261 10.3 steps 6 and 7, as far as they need no table).
fn requested<'m>(
    msg: &'m Message,
    params: &RegistrarParams,
    options: &SaveOptions<'_>,
    rng: &mut dyn Rng,
) -> Result<Request<'m>, Reject> {
    // A malformed Expires counts as an hour (RFC 3261 20.19).
    let header = match msg.expires() {
        Ok(expires) => expires,
        Err(_) => Some(3600),
    };
    let mut asked = Asked { params, options, rng, header, allow: None };
    let mut bindings = SmallVec::new();
    let mut star = false;
    for contact in msg.contacts() {
        match contact.map_err(|_| Reject::BadContact)? {
            ContactValue::Star => star = true,
            ContactValue::Addr(addr) => {
                if bindings.len() >= params.limits.contacts_per_request {
                    return Err(Reject::TooManyInRequest);
                }
                bindings.push(asked.binding(msg, &addr)?);
            }
        }
        if star && !bindings.is_empty() {
            return Err(Reject::StarWithOthers);
        }
    }
    match (star, header) {
        (true, Some(0)) => Ok(Request::Clear),
        (true, _) => Err(Reject::StarWithExpires),
        (false, _) if bindings.is_empty() => Ok(Request::Query),
        (false, _) => Ok(Request::Change(bindings)),
    }
}

/// What holds for every contact of a REGISTER.
struct Asked<'p, 'o> {
    params: &'p RegistrarParams,
    options: &'p SaveOptions<'o>,
    rng: &'p mut dyn Rng,
    header: Option<u32>,
    allow: Option<Methods>,
}

impl Asked<'_, '_> {
    fn binding<'m>(
        &mut self,
        msg: &'m Message,
        addr: &NameAddr<'m>,
    ) -> Result<Binding<'m>, Reject> {
        if addr.uri.len() > self.params.contact_max_size {
            return Err(Reject::ContactTooLong);
        }
        let mut own = OwnParams::default();
        for (name, value) in addr.params.iter() {
            own.take(name, value.unwrap_or_default());
        }
        let expires = self.lifetime(own.expires.map(delta_seconds))?;
        let q = match (self.options.q, own.q) {
            (Some(q), _) => Some(q),
            (None, Some(text)) => Some(thousandths(text).ok_or(Reject::BadQ)?),
            (None, None) => self.params.default_q,
        };
        let instance = own.instance.unwrap_or_default();
        bounded(instance.len(), self.params.limits.instance, "Instance")?;
        let methods = match own.methods {
            Some(list) => Methods::parse(list),
            None => self.allowed(msg),
        };
        // RFC 5626 4.2: it has a meaning beside an instance only.
        let outbound = || !instance.is_empty() && supports(msg, b"outbound");
        let reg_id = match own.reg_id {
            0 => 0,
            id if self.params.use_regid || outbound() => id,
            _ => 0,
        };
        Ok(Binding { uri: addr.uri, expires, q, instance, reg_id, methods })
    }

    /// What Allow says, read once; all when it is absent.
    fn allowed(&mut self, msg: &Message) -> Methods {
        *self.allow.get_or_insert_with(|| {
            msg.headers_of(HeaderId::Allow)
                .map(|h| Methods::parse(h.value))
                .reduce(Methods::union)
                .unwrap_or(Methods::ALL)
        })
    }

    /// The lifetime for what the contact's own parameter says (RFC 3261 10.3 step 7).
    fn lifetime(&mut self, own: Option<u32>) -> Result<u32, Reject> {
        let (asked, range) = match self.options.expires.or(own).or(self.header) {
            Some(asked) => (asked, self.params.expires_range),
            None => (self.params.default_expires, self.params.default_expires_range),
        };
        if asked == 0 {
            return Ok(0);
        }
        let mut lifetime = asked;
        if range > 0 && !self.options.no_range {
            let most = u64::from(asked) * u64::from(range.min(100)) / 100;
            let less = self.rng.below(most + 1);
            lifetime = asked - u32::try_from(less).unwrap_or(0);
        }
        let min = self.params.min_expires;
        if asked < min && self.params.refuse_short && asked < 3600 {
            return Err(Reject::IntervalTooBrief { min });
        }
        let max = if self.params.max_expires > 0 { self.params.max_expires } else { u32::MAX };
        Ok(lifetime.max(min).min(max).max(1))
    }
}

/// The parameters of a contact that we know.
#[derive(Default)]
struct OwnParams<'m> {
    expires: Option<&'m [u8]>,
    q: Option<&'m [u8]>,
    instance: Option<&'m [u8]>,
    methods: Option<&'m [u8]>,
    reg_id: u32,
}

impl<'m> OwnParams<'m> {
    fn take(&mut self, name: &[u8], value: &'m [u8]) {
        match name.len() {
            1 if name.eq_ignore_ascii_case(b"q") => self.q = Some(value),
            7 if name.eq_ignore_ascii_case(b"expires") => self.expires = Some(value),
            7 if name.eq_ignore_ascii_case(b"methods") => self.methods = Some(unquoted(value)),
            13 if name.eq_ignore_ascii_case(b"+sip.instance") => {
                self.instance = Some(unquoted(value));
            }
            6 if name.eq_ignore_ascii_case(b"reg-id") => {
                self.reg_id = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// The seconds of an `expires` parameter, an hour when it is malformed (RFC 3261 20.10).
fn delta_seconds(text: &[u8]) -> u32 {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return 3600;
    }
    let digit = |n: u32, b: &u8| n.saturating_mul(10).saturating_add(u32::from(b & 0x0f));
    text.iter().fold(0, digit)
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
}

/// A q in thousandths, what is beyond them cut off; `None` for what is no number from 0 to 1.
fn thousandths(text: &[u8]) -> Option<u16> {
    let point = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
    let (whole, rest) = text.split_at(point);
    let digits = rest.strip_prefix(b".").unwrap_or_default();
    if text.is_empty() || (whole.is_empty() && digits.is_empty()) {
        return None;
    }
    if !whole.iter().chain(digits).all(u8::is_ascii_digit) {
        return None;
    }
    let whole =
        whole.iter().try_fold(0u16, |n, d| n.checked_mul(10)?.checked_add(u16::from(d - b'0')))?;
    let part = |place: usize| digits.get(place).map_or(0, |d| u16::from(d - b'0'));
    let q = whole.checked_mul(1000)?.checked_add(part(0) * 100 + part(1) * 10 + part(2))?;
    let beyond = digits.iter().skip(3).any(|d| *d != b'0');
    (q < 1000 || (q == 1000 && !beyond)).then_some(q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_is_read_as_kamailio_reads_it() {
        for (text, q) in [
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("0.1234", Some(123)),
            ("0", Some(0)),
            ("0.", Some(0)),
            ("1.001", None),
            ("1.0001", None),
            ("2", None),
            ("99999", None),
            ("abc", None),
            ("", None),
            (".", None),
            ("0.1.2", None),
            ("-0.1", None),
        ] {
            assert_eq!(thousandths(text.as_bytes()), q, "{text}");
        }
    }
}
