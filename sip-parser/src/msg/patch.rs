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

mod list;

use self::list::{Index, Neighbours};
use super::Message;
use crate::header::id::HeaderId as Id;
use crate::lex;
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

/// Up to so many edits are kept sorted as they come, and are looked through rather than indexed.
const FEW: usize = 16;

/// A list of edits. Reusable: [`Patch::clear`] keeps its memory. It belongs to the message whose
/// offsets it was made with; written over another one it gives nonsense, never a panic.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    edits: SmallVec<[Edit; 8]>,
    arena: BytesMut,
    /// The largest offset any edit touches: tells whether the body is edited at all.
    reach: u32,
    /// Whether edits stand out of order, in the order they were made.
    jumbled: bool,
    index: Option<Box<Index>>,
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
        self.jumbled = false;
        self.index = None;
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Adds an edit behind those at the same offset.
    fn push(&mut self, edit: Edit) {
        self.reach = self.reach.max(edit.end());
        if let Some(index) = &mut self.index
            && edit.delete > 0
        {
            index.leave_out(Span::new(edit.at, edit.end()));
        }
        let in_order = self.edits.last().is_none_or(|e| e.at <= edit.at);
        if in_order || self.jumbled || self.edits.len() >= FEW {
            self.jumbled |= !in_order;
            return self.edits.push(edit);
        }
        let i = self.edits.partition_point(|e| e.at <= edit.at);
        self.edits.insert(i, edit);
    }

    /// Puts the edits in order.
    fn settle(&mut self) {
        if self.jumbled {
            self.edits.sort_by_key(|e| e.at);
            self.jumbled = false;
        }
    }

    /// A copy with the edits in order.
    #[cold]
    fn settled(&self) -> Patch {
        let mut copy = self.clone();
        copy.settle();
        copy
    }

    /// Indexes what is left out, when there are many edits: before [`Patch::is_removed`] is asked
    /// over and over.
    pub(crate) fn expect_questions(&mut self) {
        if self.edits.len() > FEW && self.index.is_none() {
            let mut index = Box::<Index>::default();
            for e in self.edits.iter().filter(|e| e.delete > 0) {
                index.leave_out(Span::new(e.at, e.end()));
            }
            self.index = Some(index);
        }
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
        self.settle();
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
        self.settle();
        let first = self.edits.partition_point(|e| e.at < span.start);
        let there = self.edits.iter().skip(first).take_while(|e| e.at == span.start);
        let Some(i) = there.enumerate().find(|(_, e)| same(e)).map(|(i, _)| first + i) else {
            return self.replace(span, bytes);
        };
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
        self.expect_questions();
        let list = match &mut self.index {
            Some(index) => index.neighbours(m, &header, value),
            None => Neighbours::of(m, &header, value, |span| self.is_removed(span)),
        };
        match (list.next_start, list.kept_before, list.kept_after) {
            (_, None, false) => self.remove(header.span),
            (Some(next), _, true) => self.remove(Span::new(value.start, next)),
            (_, Some(before), _) => self.remove(Span::new(before, value.end)),
            (None, None, true) => {}
        }
    }

    /// Whether an edit leaves out all of `span`.
    pub(crate) fn is_removed(&self, span: Span) -> bool {
        if let Some(index) = &self.index {
            return index.is_removed(span);
        }
        self.edits.iter().any(|e| e.at <= span.start && span.end <= e.end() && e.delete > 0)
    }

    fn text(&self, edit: &Edit) -> &[u8] {
        edit.text.of(&self.arena)
    }

    /// What the last edit that leaves out all of `span` puts in its place.
    pub(crate) fn text_over(&self, span: Span) -> Option<&[u8]> {
        let over = |e: &&Edit| e.at <= span.start && span.end <= e.end() && e.delete > 0;
        self.edits.iter().filter(over).max_by_key(|e| e.at).map(|e| self.text(e))
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

    /// The edits, which are settled: offset, bytes left out, text put in.
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
        let take = |piece: &[u8]| out.put_slice(piece);
        if self.jumbled {
            return pieces(text, self.settled().steps(), take);
        }
        pieces(text, self.steps(), take);
    }

    #[inline(always)]
    fn for_each_piece(&self, m: &Message, mut take: impl FnMut(&[u8])) {
        if self.jumbled {
            return self.settled().for_each_settled_piece(m, &mut take);
        }
        self.for_each_settled_piece(m, take);
    }

    #[inline(always)]
    fn for_each_settled_piece(&self, m: &Message, mut take: impl FnMut(&[u8])) {
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

#[cfg(test)]
mod tests;
