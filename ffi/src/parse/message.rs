//! Whole messages for C: the handle, its memory that is used again, and reading a head in steps.

use std::ffi::c_char;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut, BytesMut};
use looseroute::Message;
use looseroute::parser::{HeaderId, HeaderSet, Limits, ParseError, PartialMessage, Patch};
use parking_lot::Mutex;

use super::error::{Parsed, Refusal, lr_parse_error, parsing};
use super::header_id::{mask_of, set_of};
use super::lines::Lines;
use super::view::{Text, lr_view};
use crate::boundary::{boundary, put, read, required};
use crate::status::{Failure, lr_error, lr_status};
use crate::table::{Object, TABLE};

/// A message being parsed, and its edits (Kamailio's `sip_msg`), as a 64-bit id checked by
/// generation. Made by `lr_sip_msg_new`, filled by `lr_parse_msg` as often as wanted, freed by
/// `lr_sip_msg_free`. It keeps a copy of the text, in memory that is used again: after the first
/// messages, one of up to 24 headers takes no heap memory.
///
/// Before `lr_parse_msg` has found a start line, the other functions answer `LR_STATE`. All views
/// count from the first byte that was given to it, so that they are good for the program's own buffer.
/// Usable from any thread; needs no engine.
pub type lr_sip_msg = u64;

/// How much one message may take before it is refused with a 513 or 414. 0 stands for the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_parse_limits {
    /// Bytes of start line and headers, at most and by default 65,535.
    pub head: u32,
    /// Bytes of the body; by default 1 MiB.
    pub body: u32,
    /// Header fields; by default 256.
    pub headers: u32,
    /// Bytes of one header field with its folds; by default 32 KiB.
    pub line: u32,
    /// Bytes of the Request-URI; by default 8 KiB.
    pub uri: u32,
    /// Parameters of one header value or URI, as `lr_msg_check` counts them; by default 128.
    pub params: u32,
}

impl lr_parse_limits {
    fn limits(self) -> Limits {
        let or = |given: u32, default: usize| if given == 0 { default } else { given as usize };
        let default = Limits::DEFAULT;
        Limits {
            head: or(self.head, default.head).min(Limits::MAX_HEAD),
            body: or(self.body, default.body),
            headers: or(self.headers, default.headers),
            line: or(self.line, default.line),
            uri: or(self.uri, default.uri),
            params: or(self.params, default.params),
            ..default
        }
    }
}

/// What the table holds of an lr_sip_msg.
pub(crate) struct SipMsg {
    limits: Limits,
    /// Where texts are copied to, while no message shares it.
    store: BytesMut,
    /// Bytes that were skipped in front of the message.
    before: u32,
    /// What was read so far; None before the first parse and after a start line that is none.
    seen: Option<PartialMessage>,
    /// The whole message, once it was needed.
    whole: Option<Message>,
    /// The headers, once they were walked over.
    pub(crate) lines: Lines,
    /// The edits, and what bounds them.
    pub(crate) patch: Patch,
    pub(crate) edits: usize,
    pub(crate) edit_bytes: usize,
    /// Where messages are written to before they are copied to C.
    pub(crate) written: BytesMut,
}

impl SipMsg {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            store: BytesMut::new(),
            before: 0,
            seen: None,
            whole: None,
            lines: Lines::default(),
            patch: Patch::new(),
            edits: 0,
            edit_bytes: 0,
            written: BytesMut::new(),
        }
    }

    /// Reads the start line of a text, and its headers up to the first Via.
    pub(crate) fn parse(&mut self, text: &[u8]) -> Parsed {
        (self.seen, self.whole) = (None, None);
        self.lines.clear();
        self.forget_edits();
        let line_ends = text.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.before = u32::try_from(line_ends).unwrap_or(u32::MAX);
        // What lies beyond the limits is refused or cut off, so that one byte more tells as much.
        let most = self.limits.head.saturating_add(self.limits.body).saturating_add(1);
        let text = text.get(line_ends..).unwrap_or_default();
        self.store.clear();
        self.store.put_slice(text.get(..most).unwrap_or(text));
        let text = self.store.split().freeze();
        let seen = PartialMessage::new_with(text, &self.limits).map_err(|e| self.refused(e))?;
        self.seen = Some(seen);
        self.read_to(HeaderSet::of(&[HeaderId::Via])).map(drop)
    }

    fn refused(&self, error: ParseError) -> Refusal {
        Refusal::message(error, self.before)
    }

    fn unparsed() -> Refusal {
        Failure::new(lr_status::LR_STATE, "no message was parsed").into()
    }

    /// Reads on until these headers were found.
    pub(crate) fn read_to(&mut self, until: HeaderSet) -> Parsed<HeaderSet> {
        let before = self.before;
        let seen = self.seen.as_mut().ok_or_else(Self::unparsed)?;
        seen.parse_headers(until).map_err(|e| Refusal::message(e, before))
    }

    /// Whether such a header was read.
    pub(crate) fn found(&self, id: HeaderId) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.found().contains(id))
    }

    /// Reads on to the next header line of these.
    fn read_next(&mut self, wanted: HeaderSet) -> Parsed<HeaderSet> {
        let before = self.before;
        let seen = self.seen.as_mut().ok_or_else(Self::unparsed)?;
        seen.parse_next(wanted).map_err(|e| Refusal::message(e, before))?;
        Ok(seen.found())
    }

    /// What was read so far.
    pub(crate) fn seen(&self) -> Parsed<&Message> {
        Ok(self.seen.as_ref().ok_or_else(Self::unparsed)?.seen())
    }

    /// Makes the list of headers; the head must have been read to its end, or to its malformed line.
    pub(crate) fn index_lines(&mut self) -> Parsed {
        let seen = self.seen.as_ref().ok_or_else(Self::unparsed)?;
        self.lines.fill(seen.seen());
        Ok(())
    }

    /// The whole message, read to its end.
    pub(crate) fn whole(&mut self) -> Parsed<&Message> {
        if self.whole.is_none() {
            self.read_to(HeaderSet::ALL)?;
            let seen = self.seen.clone().ok_or_else(Self::unparsed)?;
            self.whole = Some(seen.finish().map_err(|e| self.refused(e))?);
        }
        self.whole.as_ref().ok_or_else(Self::unparsed)
    }

    /// The whole message and its edits.
    pub(crate) fn editable(&mut self) -> Parsed<(&Message, &mut Patch)> {
        self.whole()?;
        Ok((self.whole.as_ref().ok_or_else(Self::unparsed)?, &mut self.patch))
    }

    /// The text that views of this message count in.
    pub(crate) fn text(&self) -> Parsed<Text<'_>> {
        Ok(Text { bytes: self.seen()?.bytes(), before: self.before })
    }

    /// Bytes in front of the message.
    pub(crate) const fn before(&self) -> u32 {
        self.before
    }

    /// The limits it is parsed under.
    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn forget_edits(&mut self) {
        self.patch.clear();
        (self.edits, self.edit_bytes) = (0, 0);
    }
}

/// Runs `body` with the message that `id` names.
pub(crate) fn with<T>(id: lr_sip_msg, body: impl FnOnce(&mut SipMsg) -> Parsed<T>) -> Parsed<T> {
    let Some(Object::SipMsg(msg)) = TABLE.get(id) else {
        return Err(Failure::gone("the message was freed, or is none").into());
    };
    let mut msg = msg.lock();
    body(&mut msg)
}

/// Makes an empty message (Kamailio's `sip_msg` stands on the stack or in its memory), to be filled
/// by `lr_parse_msg`. `limits` may be NULL. The caller frees it
/// with `lr_sip_msg_free`. `LR_LIMIT` when there are too many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_sip_msg_new(
    limits: *const lr_parse_limits,
    msg: *mut lr_sip_msg,
    error: *mut lr_error,
) -> lr_status {
    /// Spreads messages over the parts of the table.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    boundary(error, || {
        required(msg, "msg")?;
        let limits = match limits.is_null() {
            true => Limits::DEFAULT,
            false => read(limits, "limits")?.limits(),
        };
        let object = Object::SipMsg(Arc::new(Mutex::new(SipMsg::new(limits))));
        let full = || Failure::new(lr_status::LR_LIMIT, "there are too many messages");
        put(msg, TABLE.insert(NEXT.fetch_add(1, Ordering::Relaxed), object).ok_or_else(full)?);
        Ok(())
    })
}

/// Frees a message (Kamailio's `free_sip_msg`). `LR_GONE` when it was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_sip_msg_free(msg: lr_sip_msg) -> lr_status {
    boundary(std::ptr::null_mut(), || {
        let removed = TABLE.remove(msg, |object| matches!(object, Object::SipMsg(_)));
        removed.map(drop).ok_or_else(|| Failure::gone("the message was freed before"))
    })
}

/// Begins a message (Kamailio's `parse_msg`): reads the start line and the headers up to the first
/// Via, or to the end when there is none. What `msg` held before is forgotten with its edits. The
/// bytes are copied. Line ends in front are skipped (RFC 3261 7.5), but counted in offsets.
///
/// `LR_MESSAGE` when it is malformed so far; when it is not the start line, what stands before the
/// malformed header can still be read. What follows the first Via is judged when it is read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_msg(
    msg: lr_sip_msg,
    text: *const c_char,
    len: usize,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        let text = Text::given(text, len)?;
        with(msg, |msg| msg.parse(text.bytes))
    })
}

/// Reads on from where the last step stopped (Kamailio's `parse_headers`) until each header of
/// `until` was found at least once, or the head ends: `LR_HDR_F(LR_HDR_TO) | LR_HDR_F(LR_HDR_CSEQ)`,
/// or `LR_HDR_EOH_F` for all. With `next`, reads on to the next header of `until` even when one was
/// found before. `found` receives the mask of all headers found so far, those with a number up to
/// 62; it may be NULL. That a header is not there is no failure.
///
/// `LR_MESSAGE` when a header line is malformed, now and at every further step; the headers before
/// it can still be read. The other functions read on by themselves as far as they need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_parse_headers(
    msg: lr_sip_msg,
    until: u64,
    next: bool,
    found: *mut u64,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        with(msg, |msg| {
            let until = set_of(until);
            let all = if next { msg.read_next(until) } else { msg.read_to(until) }?;
            if !found.is_null() {
                put(found, mask_of(all));
            }
            Ok(())
        })
    })
}

/// Judges the whole message: what every hop must understand is there, once, and well formed, that
/// is Request-URI, Via, From, To, Call-ID, CSeq and Max-Forwards; with `routing` also each value of
/// Route, Record-Route, Path, Service-Route and Contact. It does what the checks of Kamailio's
/// module sanity are for. `LR_MESSAGE` with the answer that the request deserves in `error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_check(
    msg: lr_sip_msg,
    routing: bool,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        with(msg, |msg| {
            let (limits, before) = (*msg.limits(), msg.before());
            let whole = msg.whole()?;
            let judged = match routing {
                true => whole.check_routing_with(&limits),
                false => whole.check_with(&limits),
            };
            judged.map_err(|e| Refusal::message(e, before))
        })
    })
}

/// The body (Kamailio's `get_body`), empty when there is none; and `end`, which may be NULL, the
/// offset behind the message: what follows it in a datagram is not part of it, and in a stream is
/// the next one. Reads the head to its end. `LR_MESSAGE` when the body is shorter than
/// Content-Length says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_body(
    msg: lr_sip_msg,
    body: *mut lr_view,
    end: *mut u32,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || {
        required(body, "body")?;
        with(msg, |msg| {
            let before = msg.before();
            let whole = msg.whole()?;
            let text = Text { bytes: whole.bytes(), before };
            let view = text.view(whole.body());
            put(body, view);
            if !end.is_null() {
                put(end, u32::try_from(view.end()).unwrap_or(u32::MAX));
            }
            Ok(())
        })
    })
}
