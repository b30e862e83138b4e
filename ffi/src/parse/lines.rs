//! The headers of a message, walked over by C: all of them, by identity, by name.

use std::ffi::c_char;

use looseroute::Message;
use looseroute::parser::{Header, HeaderId, HeaderSet, Span};
use smallvec::SmallVec;

use super::error::{Parsed, lr_parse_error, parsing};
use super::header_id::{header_of, lr_hdr_type, lr_hdr_type_raw, number_of};
use super::message::{SipMsg, lr_sip_msg, with};
use super::view::{Text, lr_view};
use crate::boundary::{c_bytes, put, read, required};
use crate::status::{Failure, Outcome, lr_status};

/// A header field (Kamailio's `hdr_field`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_hdr_field {
    /// Which header it is.
    pub id: lr_hdr_type,
    /// Its name as it is written, full or compact.
    pub name: lr_view,
    /// Its value without white space at either end; folds are still inside.
    pub body: lr_view,
    /// The whole line or lines with the last line end: what `lr_msg_remove` takes.
    pub line: lr_view,
}

/// Where a walk over headers or over their values is. All 0 before the first; once over, it stays so.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lr_iter {
    /// How many header lines lie behind it.
    pub line: u32,
    /// How much of the next one does.
    pub at: u32,
}

/// Where a walk is when it has ended at a malformed line.
const OVER: u32 = u32::MAX;

/// The headers of a message, in order: what the parser's own index does not give by number.
#[derive(Default)]
pub(crate) struct Lines {
    all: SmallVec<[Line; 24]>,
    known: bool,
}

/// One header field.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) id: HeaderId,
    name: Span,
    pub(crate) value: Span,
    line: Span,
}

impl Line {
    fn of(header: &Header<'_>) -> Self {
        let start = header.span.start;
        let len = u32::try_from(header.name.len()).unwrap_or(u32::MAX);
        let name = Span::new(start, start.saturating_add(len));
        Self { id: header.id, name, value: header.value_span, line: header.span }
    }
}

impl Lines {
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.known = false;
    }

    /// Takes the headers of a message over, once, in memory that is used again.
    pub(crate) fn fill(&mut self, message: &Message) {
        if !self.known {
            self.all.extend(message.headers().map(|header| Line::of(&header)));
            self.known = true;
        }
    }
}

/// Which headers a walk goes over.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    All,
    Of(HeaderId),
    Named(&'a [u8]),
}

impl Wanted<'_> {
    fn takes(self, line: &Line, text: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Of(id) => line.id == id,
            Self::Named(name) => match HeaderId::from_name(name) {
                HeaderId::Other => line.name.of(text).eq_ignore_ascii_case(name),
                id => line.id == id,
            },
        }
    }
}

impl SipMsg {
    /// The next header from `iter` on that is wanted, and its number. The head is read to its end
    /// first: when that fails, the failure follows the last header before it, once.
    pub(crate) fn next_line(
        &mut self,
        iter: *mut lr_iter,
        wanted: Wanted<'_>,
    ) -> Parsed<(u32, Line)> {
        let from = read(iter.cast_const(), "iter")?.line;
        let over = || Failure::not_found("there are no more of this header");
        if from == OVER {
            return Err(over().into());
        }
        let read = self.read_to(HeaderSet::ALL);
        self.index_lines()?;
        let text = self.seen()?.bytes();
        let rest = self.lines.all.get(from as usize..).unwrap_or_default();
        let lines = rest.iter().zip(from..);
        let found = lines.map(|(line, at)| (at, *line)).find(|(_, line)| wanted.takes(line, text));
        match (found, read) {
            (Some(found), _) => Ok(found),
            (None, Err(failure)) => {
                put(iter, lr_iter { line: OVER, at: 0 });
                Err(failure)
            }
            (None, Ok(_)) => Err(over().into()),
        }
    }
}

fn field(text: Text<'_>, line: &Line) -> lr_hdr_field {
    let view = |span: Span| text.view(span.of(text.bytes));
    let (name, body, whole) = (view(line.name), view(line.value), view(line.line));
    lr_hdr_field { id: number_of(line.id), name, body, line: whole }
}

fn step(
    msg: lr_sip_msg,
    wanted: Wanted<'_>,
    iter: *mut lr_iter,
    header: *mut lr_hdr_field,
) -> Parsed {
    required(header, "header")?;
    required(iter, "iter")?;
    with(msg, |msg| {
        let (at, line) = msg.next_line(iter, wanted)?;
        put(header, field(msg.text()?, &line));
        put(iter, lr_iter { line: at.saturating_add(1), at: 0 });
        Ok(())
    })
}

/// The header that a number stands for.
pub(crate) fn known(number: lr_hdr_type_raw) -> Outcome<HeaderId> {
    header_of(number).ok_or_else(|| Failure::invalid(format!("no header has number {number}")))
}

/// The next header of the message, in the order in which they stand (in Kamailio, the list
/// `sip_msg.headers`). `*iter` is all 0 at first. `LR_NOT_FOUND` when there is no further one; when
/// a header line is malformed, `LR_MESSAGE` behind the last one before it, and then `LR_NOT_FOUND`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_header_next(
    msg: lr_sip_msg,
    iter: *mut lr_iter,
    header: *mut lr_hdr_field,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || step(msg, Wanted::All, iter, header))
}

/// The next header of one identity (Kamailio's `get_hdr` and `next_sibling_hdr`), otherwise as
/// `lr_msg_header_next`; `LR_HDR_OTHER` is all without a name here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_header_by_id(
    msg: lr_sip_msg,
    id: lr_hdr_type_raw,
    iter: *mut lr_iter,
    header: *mut lr_hdr_field,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || step(msg, Wanted::Of(known(id)?), iter, header))
}

/// The next header of that name, compared without case (Kamailio's `get_hdr_by_name`), otherwise as
/// `lr_msg_header_next`; a compact form and its full name find the same headers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_msg_header_by_name(
    msg: lr_sip_msg,
    name: *const c_char,
    iter: *mut lr_iter,
    header: *mut lr_hdr_field,
    error: *mut lr_parse_error,
) -> lr_status {
    parsing(error, || step(msg, Wanted::Named(c_bytes(name, "name")?), iter, header))
}

/// The number of the header that a name means, full or compact, without case; `LR_HDR_OTHER` when it
/// has none here, and for NULL. (Kamailio's `parse_hname2` does that.)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_hdr_of_name(name: *const c_char) -> lr_hdr_type {
    c_bytes(name, "name").map_or(lr_hdr_type::LR_HDR_OTHER, |n| number_of(HeaderId::from_name(n)))
}
