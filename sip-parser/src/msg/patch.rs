//! Patches: edits of a message, applied once, when it is written out. Owns their order, and that
//! every byte no edit touches survives exactly.
//!
//! A patch is a list of "at this offset, leave out so many bytes and put these in their place",
//! sorted by offset; what is put in lives in one arena. Edits at the same offset keep the order
//! in which they were made. What was put in strictly inside a range that another edit leaves out
//! goes with it; at the edges it stays.
//!
//! A message whose body is edited is written with a Content-Length that fits the new body
//! (RFC 3261 20.14), unless an edit of the caller's already says something about that header.

use super::Message;
use crate::header::id::HeaderId as Id;
use crate::lex::{self, block, peek, skip_lws};
use crate::{Header, HeaderId, Span};
use bytes::{BufMut, BytesMut};
use smallvec::SmallVec;

#[derive(Clone, Copy, Debug)]
struct Edit {
    at: u32,
    delete: u32,
    text: Span,
}

impl Edit {
    fn end(&self) -> u32 {
        self.at.saturating_add(self.delete)
    }
}

/// A list of edits. Reusable: [`Patch::clear`] keeps its memory. It belongs to the message whose
/// offsets it was made with; written over another one it gives nonsense, never a panic.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    edits: SmallVec<[Edit; 8]>,
    arena: BytesMut,
    /// The largest offset any edit touches: tells whether the body is edited at all.
    reach: u32,
}

impl Patch {
    /// A patch that changes nothing.
    pub fn new() -> Patch {
        Patch::default()
    }

    /// Forgets all edits.
    pub fn clear(&mut self) {
        self.edits.clear();
        self.arena.clear();
        self.reach = 0;
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Adds an edit behind those at the same offset.
    fn push(&mut self, edit: Edit) {
        self.reach = self.reach.max(edit.end());
        let mut i = self.edits.len();
        while i > 0 && self.edits.get(i - 1).is_some_and(|e| e.at > edit.at) {
            i -= 1;
        }
        self.edits.insert(i, edit);
    }

    /// Adds an edit whose text is what `fill` appends to the arena.
    fn edit(&mut self, at: u32, delete: u32, fill: impl FnOnce(&mut BytesMut)) {
        let start = crate::span::offset(self.arena.len());
        fill(&mut self.arena);
        let end = crate::span::offset(self.arena.len());
        self.push(Edit { at, delete, text: Span::new(start, end.max(start)) });
    }

    /// Inserts `bytes` before the byte at `at`, behind what was inserted there before.
    pub fn insert(&mut self, at: u32, bytes: &[u8]) {
        self.edit(at, 0, |arena| arena.put_slice(bytes));
    }

    /// Inserts what `fill` appends to the buffer it is given. It may only append.
    pub fn insert_with(&mut self, at: u32, fill: impl FnOnce(&mut BytesMut)) {
        self.edit(at, 0, fill);
    }

    /// [`Patch::insert_with`], but before the first of what was inserted there that `later` holds
    /// for.
    pub(crate) fn insert_ahead_of(
        &mut self,
        at: u32,
        later: impl Fn(&[u8]) -> bool,
        fill: impl FnOnce(&mut BytesMut),
    ) {
        self.insert_with(at, fill);
        let later = |e: &Edit| e.at == at && e.delete == 0 && later(self.text(e));
        let (first, last) =
            (self.edits.iter().position(later), self.edits.iter().rposition(|e| e.at == at));
        if let (Some(first), Some(last)) = (first, last)
            && let Some(moved) = self.edits.get_mut(first..=last)
        {
            moved.rotate_right(1);
        }
    }

    /// Puts `bytes` in the place of a span.
    pub fn replace(&mut self, span: Span, bytes: &[u8]) {
        self.edit(span.start, span.len(), |arena| arena.put_slice(bytes));
    }

    /// [`Patch::replace`], but what an earlier `set` or `replace` put in the place of exactly this
    /// span is forgotten: the last one counts.
    pub fn set(&mut self, span: Span, bytes: &[u8]) {
        let same = |e: &Edit| e.at == span.start && e.delete == span.len() && e.delete > 0;
        let Some(i) = self.edits.iter().position(same) else { return self.replace(span, bytes) };
        let start = crate::span::offset(self.arena.len());
        self.arena.put_slice(bytes);
        let text = Span::new(start, crate::span::offset(self.arena.len()));
        if let Some(edit) = self.edits.get_mut(i) {
            edit.text = text;
        }
    }

    /// Leaves out a span.
    pub fn remove(&mut self, span: Span) {
        self.edit(span.start, span.len(), |_| {});
    }

    /// Adds a header line before the first header of identity `id`; after the start line when
    /// there is none. The caller answers for `name` and `value` being lawful text without line
    /// ends.
    pub fn add_before_first(&mut self, m: &Message, id: HeaderId, name: &str, value: &[u8]) {
        let at = m.header(id).map_or(m.start_line_end(), |h| h.span.start);
        self.edit(at, 0, |arena| header_line(arena, name.as_bytes(), value));
    }

    /// Adds a header line after the last header. The same holds for `name` and `value`.
    pub fn append_header(&mut self, m: &Message, name: &str, value: &[u8]) {
        self.edit(m.headers_end(), 0, |arena| header_line(arena, name.as_bytes(), value));
    }

    /// Replaces the Request-URI of a request; a response is left alone.
    pub fn set_request_uri(&mut self, m: &Message, uri: &[u8]) {
        if m.is_request() {
            self.replace(m.request_uri_span(), uri);
        }
    }

    /// Replaces the body; the last call counts. Content-Length is corrected when the message is written; Content-Type is
    /// the caller's.
    pub fn set_body(&mut self, m: &Message, body: &[u8]) {
        let end = crate::span::offset(m.bytes().len());
        self.set(Span::new(m.body_start(), end), body);
    }

    /// Leaves out a whole header field with its folds.
    pub fn remove_header(&mut self, header: &Header<'_>) {
        self.remove(header.span);
    }

    /// Leaves out one value of a comma list: with its comma when other values stay, with the
    /// whole header field when none does. Values removed before from the same list are counted as
    /// gone. A span that is no value of a header of identity `id` changes nothing.
    pub fn remove_value(&mut self, m: &Message, id: HeaderId, value: Span) {
        let holds = |h: &Header<'_>| {
            h.value_span.start <= value.start && value.end <= h.value_span.end && !value.is_empty()
        };
        let Some(header) = m.headers_of(id).find(holds) else { return };
        let list = Neighbours::of(m, &header, value, |span| self.is_removed(span));
        match (list.next_start, list.kept_before, list.kept_after) {
            (_, None, false) => self.remove(header.span),
            (Some(next), _, true) => self.remove(Span::new(value.start, next)),
            (_, Some(before), _) => self.remove(Span::new(before, value.end)),
            (None, None, true) => {}
        }
    }

    /// Whether an edit leaves out all of `span`.
    pub(crate) fn is_removed(&self, span: Span) -> bool {
        self.edits.iter().any(|e| e.at <= span.start && span.end <= e.end() && e.delete > 0)
    }

    fn text(&self, edit: &Edit) -> &[u8] {
        edit.text.of(&self.arena)
    }

    /// What the last edit that leaves out all of `span` puts in its place.
    pub(crate) fn text_over(&self, span: Span) -> Option<&[u8]> {
        let over = |e: &&Edit| e.at <= span.start && span.end <= e.end() && e.delete > 0;
        self.edits.iter().rfind(over).map(|e| self.text(e))
    }

    /// Whether an edit inserts exactly `text` at `at`.
    pub(crate) fn inserts(&self, at: u32, text: &[u8]) -> bool {
        self.edits.iter().any(|e| e.at == at && e.delete == 0 && self.text(e) == text)
    }

    /// Takes back what was inserted at `at` and `gone` holds for.
    pub(crate) fn forget_inserts(&mut self, at: u32, gone: impl Fn(&[u8]) -> bool) {
        let Patch { edits, arena, .. } = self;
        edits.retain(|e| e.at != at || e.delete > 0 || !gone(e.text.of(arena)));
    }

    /// The edits in order: offset, bytes left out, text put in.
    #[inline]
    fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.edits.iter().map(|e| Step { edit: *e, arena: &self.arena })
    }

    /// Appends the message with all edits to `out`, which grows at most once. When an edit lies
    /// in the body, Content-Length is made to fit: in its place when it is there, else as a new
    /// last header; but where an edit touches or adds that header, the caller's word stands.
    pub fn write(&self, m: &Message, out: &mut BytesMut) {
        out.reserve(m.bytes().len() + self.arena.len());
        self.for_each_piece(m, |piece| out.put_slice(piece));
    }

    /// How many bytes [`Patch::write`] would append.
    pub fn written_len(&self, m: &Message) -> usize {
        let mut len = 0;
        self.for_each_piece(m, |piece| len += piece.len());
        len
    }

    /// Appends any text with all edits to `out`: for a patch that was made over a text that is no
    /// message, such as a session description that stands alone.
    pub fn write_text(&self, text: &[u8], out: &mut BytesMut) {
        out.reserve(text.len() + self.arena.len());
        pieces(text, self.steps(), |piece| out.put_slice(piece));
    }

    #[inline(always)]
    fn for_each_piece(&self, m: &Message, mut take: impl FnMut(&[u8])) {
        if self.reach < m.body_start() {
            return pieces(m.bytes(), self.steps(), take);
        }
        self.for_each_fitted_piece(m, &mut take);
    }

    #[cold]
    fn for_each_fitted_piece(&self, m: &Message, take: &mut dyn FnMut(&[u8])) {
        let Some((place, text)) = self.fitted_length(m) else {
            return pieces(m.bytes(), self.steps(), take);
        };
        let all = Span::new(0, crate::span::offset(text.len()));
        let edit = Edit { at: place.start, delete: place.len(), text: all };
        let fix = core::iter::once(Step { edit, arena: &text });
        let split = self.edits.partition_point(|e| e.at <= place.start);
        let steps = self.steps().take(split).chain(fix).chain(self.steps().skip(split));
        pieces(m.bytes(), steps, take);
    }

    /// What must stand where so that Content-Length fits the edited body; None when it does
    /// already, when there is no body to speak of, and when the caller edited it.
    fn fitted_length(&self, m: &Message) -> Option<(Span, Vec<u8>)> {
        let (bytes, body) = (m.bytes(), m.body_start());
        // A request that was salvaged has no empty line, and no body.
        if m.headers_end() == body {
            return None;
        }
        let (mut all, mut head) = (0, 0);
        pieces(bytes, self.steps(), |piece| all += piece.len());
        let before = bytes.get(..body as usize).unwrap_or_default();
        pieces(before, self.steps().filter(|s| s.edit.at < body), |piece| head += piece.len());
        let length = all.saturating_sub(head);
        let Some(h) = m.header(Id::ContentLength) else {
            let added = self.steps().any(|s| s.edit.at < body && names_length(s.text()));
            let line = format!("Content-Length: {length}\r\n").into_bytes();
            return (!added).then_some((Span::new(m.headers_end(), m.headers_end()), line));
        };
        let value = h.value_span;
        let edited = self.edits.iter().any(|e| e.at <= value.end && e.end() >= value.start);
        let fits = lex::number(h.value).is_some_and(|n| n as usize == length);
        (!edited && !fits).then(|| (value, length.to_string().into_bytes()))
    }
}

/// One edit and where its text lives.
#[derive(Clone, Copy)]
struct Step<'a> {
    edit: Edit,
    arena: &'a [u8],
}

impl<'a> Step<'a> {
    #[inline(always)]
    fn text(&self) -> &'a [u8] {
        self.edit.text.of(self.arena)
    }
}

/// Each piece of `bytes` with the edits applied, in order.
#[inline(always)]
fn pieces<'a>(
    bytes: &'a [u8],
    steps: impl Iterator<Item = Step<'a>>,
    mut take: impl FnMut(&'a [u8]),
) {
    let len = crate::span::offset(bytes.len());
    // What is left out last begins at `gap` and ends at `copied`.
    let (mut copied, mut gap) = (0, 0);
    for step in steps {
        let at = step.edit.at.min(len);
        if at >= copied {
            take(Span::new(copied, at).of(bytes));
            (copied, gap) = (at, at);
        }
        if at == gap {
            take(step.text());
        }
        copied = copied.max(step.edit.end().min(len));
    }
    take(Span::new(copied, len).of(bytes));
}

/// Whether any line of a text that was put in is a Content-Length header.
fn names_length(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|line| {
        let name = line.get(..lex::span(line, 0, lex::class::TOKEN)).unwrap_or_default();
        Id::from_name(name) == Id::ContentLength
    })
}

pub(super) fn header_line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.put_slice(name);
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// What stands round one value of a list, and which of it stays.
struct Neighbours {
    /// End of the nearest value before it that stays.
    kept_before: Option<u32>,
    /// Whether any value behind it stays.
    kept_after: bool,
    /// Where the value behind it begins, whether it stays or not.
    next_start: Option<u32>,
}

impl Neighbours {
    fn of(m: &Message, h: &Header<'_>, value: Span, gone: impl Fn(Span) -> bool) -> Neighbours {
        let mut found = Neighbours { kept_before: None, kept_after: false, next_start: None };
        for member in members(m, h.value_span) {
            if member.end <= value.start {
                if !gone(member) {
                    found.kept_before = Some(member.end);
                }
            } else if member.start >= value.end {
                found.next_start = found.next_start.or(Some(member.start));
                found.kept_after |= !gone(member);
            }
        }
        found
    }
}

/// The members of a comma list, white space not counted; commas in quotes and in angle brackets
/// do not separate.
fn members(m: &Message, list: Span) -> impl Iterator<Item = Span> + '_ {
    let s = m.slice(list);
    let mut at = Some(0);
    core::iter::from_fn(move || {
        let start = skip_lws(s, at?);
        let end = member_end(s, start);
        at = (end < s.len()).then_some(end + 1);
        let text = lex::trim_end(s.get(start..end).unwrap_or_default());
        Some(Span::at(list.start, start, start + text.len()))
    })
}

fn member_end(s: &[u8], from: usize) -> usize {
    let mut i = from;
    loop {
        i = block::find(s, i, 0, [b',', b'"', b'<']);
        match s.get(i) {
            None | Some(b',') => return i.min(s.len()),
            Some(b'"') => i = lex::quoted_end(s, i).unwrap_or(s.len()),
            Some(b'<') => i = bracket_end(s, i),
            Some(_) => i += 1,
        }
    }
}

/// Offset after the bracket that closes the one at `at`; just after it when none does.
fn bracket_end(s: &[u8], at: usize) -> usize {
    let i = block::find(s, at + 1, 0, [b'>', b'<', b'"']);
    if peek(s, i) == b'>' { i + 1 } else { at + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const TEXT: &str = "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a , SIP/2.0/UDP b,\r\n \
        SIP/2.0/UDP c\r\nTo:<sip:t>\r\nv: SIP/2.0/UDP d\r\n\r\nbody";

    fn message() -> Message {
        Message::parse(Bytes::from_static(TEXT.as_bytes())).unwrap()
    }

    fn written(m: &Message, p: &Patch) -> String {
        let mut out = BytesMut::new();
        p.write(m, &mut out);
        assert_eq!(out.len(), p.written_len(m));
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn no_edits_give_the_same_bytes() {
        assert_eq!(written(&message(), &Patch::new()), TEXT);
    }

    #[test]
    fn edits_land_where_they_were_meant_whatever_their_order() {
        let m = message();
        let mut p = Patch::new();
        p.append_header(&m, "X", b"2");
        p.set_request_uri(&m, b"sip:other");
        p.add_before_first(&m, HeaderId::Via, "Via", b"one");
        p.add_before_first(&m, HeaderId::Via, "Via", b"two");
        p.add_before_first(&m, HeaderId::Route, "Route", b"<sip:r>");
        p.set_body(&m, b"hi");
        let expected = TEXT
            .replace("sip:b ", "sip:other ")
            .replacen("Via: S", "Via: one\r\nVia: two\r\nRoute: <sip:r>\r\nVia: S", 1)
            .replace("UDP d\r\n\r\nbody", "UDP d\r\nX: 2\r\nContent-Length: 2\r\n\r\nhi");
        assert_eq!(written(&m, &p), expected);
        p.set_body(&m, b"");
        p.set_body(&m, b"ho");
        assert_eq!(written(&m, &p), expected.replace("\r\nhi", "\r\nho"));
        p.clear();
        assert_eq!(written(&m, &p), TEXT);
    }

    #[test]
    fn removing_values_in_any_order_leaves_a_lawful_list() {
        let m = message();
        let spans: Vec<Span> = m.vias().map(|v| v.unwrap().span).collect();
        let orders: [&[usize]; 10] =
            [&[0], &[1], &[2], &[3], &[0, 1], &[1, 0], &[1, 2], &[2, 1], &[0, 2], &[2, 0, 1, 3]];
        for order in orders {
            let mut p = Patch::new();
            order.iter().for_each(|i| p.remove_value(&m, HeaderId::Via, spans[*i]));
            let left = Message::parse(Bytes::from(written(&m, &p).into_bytes())).unwrap();
            let hosts: Vec<_> = left.vias().map(|v| v.unwrap().sent_by.to_vec()).collect();
            let wanted: Vec<_> = (0..4usize)
                .filter(|i| !order.contains(i))
                .map(|i| vec![b'a' + u8::try_from(i).unwrap()])
                .collect();
            assert_eq!(hosts, wanted, "{order:?}");
        }
        let mut p = Patch::new();
        p.remove_value(&m, HeaderId::Via, spans[3]);
        assert_eq!(written(&m, &p), TEXT.replace("v: SIP/2.0/UDP d\r\n", ""));
    }

    #[test]
    fn commas_in_quotes_and_brackets_do_not_separate() {
        let text = "ACK sip:b SIP/2.0\r\nRoute: \"a,<b\" <sip:a,b@c>;x=\",\" , <sip:d>\r\n\r\n";
        let m = Message::parse(Bytes::from_static(text.as_bytes())).unwrap();
        let first = m.routes().next().unwrap().unwrap();
        let mut p = Patch::new();
        p.remove_value(&m, HeaderId::Route, first.span);
        assert_eq!(written(&m, &p), "ACK sip:b SIP/2.0\r\nRoute: <sip:d>\r\n\r\n");
    }

    #[test]
    fn what_is_inserted_inside_a_removed_range_goes_with_it() {
        let m = message();
        let to = m.header(HeaderId::To).unwrap();
        let mut p = Patch::new();
        p.insert(to.value_span.end, b";tag=1");
        p.insert(to.span.start, b"A: 1\r\n");
        p.remove_header(&to);
        p.insert(to.span.start, b"B: 2\r\n");
        p.insert(to.span.end, b"C: 3\r\n");
        let lines = "A: 1\r\nB: 2\r\nC: 3\r\n";
        assert_eq!(written(&m, &p), TEXT.replace("To:<sip:t>\r\n", lines));
    }

    #[test]
    fn offsets_beyond_the_message_do_no_harm() {
        let m = message();
        let mut p = Patch::new();
        p.remove(Span::new(u32::MAX - 1, u32::MAX));
        p.insert(u32::MAX, b"!");
        p.replace(Span::new(3, 1), b"");
        let expected = TEXT.replace("d\r\n\r\n", "d\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(written(&m, &p), format!("{expected}!"));
    }

    #[test]
    fn content_length_fits_an_edited_body() {
        let parse = |text: &str| Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap();
        let m = parse("ACK sip:b SIP/2.0\r\nl :  004\r\nTo: t\r\n\r\nbodytail");
        let body = m.body_start();
        let edited = |edit: &dyn Fn(&mut Patch)| {
            let mut p = Patch::new();
            edit(&mut p);
            let text = written(&m, &p);
            text.strip_prefix("ACK sip:b SIP/2.0\r\n").unwrap().to_string()
        };
        let at = |from, to| Span::new(body + from, body + to);
        // Untouched, or edited to the same length: the bytes stay as they are.
        assert_eq!(edited(&|_| {}), "l :  004\r\nTo: t\r\n\r\nbody");
        assert_eq!(edited(&|p| p.replace(at(0, 1), b"B")), "l :  004\r\nTo: t\r\n\r\nBody");
        assert_eq!(edited(&|p| p.insert(body, b"any")), "l :  7\r\nTo: t\r\n\r\nanybody");
        assert_eq!(edited(&|p| p.insert(body + 4, b"!")), "l :  5\r\nTo: t\r\n\r\nbody!");
        assert_eq!(edited(&|p| p.remove(at(0, 4))), "l :  0\r\nTo: t\r\n\r\n");
        assert_eq!(
            edited(&|p| p.set_body(&m, b"0123456789")),
            "l :  10\r\nTo: t\r\n\r\n0123456789"
        );
        // An edit of the head does not count, wherever it stands.
        let appended = edited(&|p| {
            p.insert(body, b"_");
            p.append_header(&m, "X", b"1");
        });
        assert_eq!(appended, "l :  5\r\nTo: t\r\nX: 1\r\n\r\n_body");
        // The caller's own word stands.
        let own = edited(&|p| {
            p.replace(m.header(HeaderId::ContentLength).unwrap().value_span, b"2");
            p.set_body(&m, b"hi!");
        });
        assert_eq!(own, "l :  2\r\nTo: t\r\n\r\nhi!");
        let m = parse("ACK sip:b SIP/2.0\r\nTo: t\r\n\r\nbody");
        let mut p = Patch::new();
        p.set_body(&m, b"hi");
        assert!(written(&m, &p).ends_with("To: t\r\nContent-Length: 2\r\n\r\nhi"));
        p.add_before_first(&m, HeaderId::To, "L", b"2");
        assert!(written(&m, &p).ends_with("L: 2\r\nTo: t\r\n\r\nhi"));
    }
}
