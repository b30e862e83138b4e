//! Edits of a session description. Owns where a new line goes (the order of RFC 8866 5) and that
//! every edit leaves lines that are lines.
//!
//! The edits go into a [`Patch`] over the message that the description came from, or, for a
//! description that stands alone, over its own text ([`Patch::write_text`]). All of them can be
//! made in any order; what was set twice has the last value.

use super::{Attribute, Direction, Line, Media, Sdp, Section};
use crate::{Patch, Span};
use bytes::{BufMut, BytesMut};
use core::net::IpAddr;

/// Which section an edit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The session section.
    Session,
    /// The media section of that index, counted from 0. An index that is not there makes the
    /// edit do nothing.
    Media(usize),
}

/// Makes the edits of one session description. Values given to it may not end a line: CR, LF and
/// NUL become blanks.
#[derive(Debug)]
pub struct SdpEditor<'e, 'a> {
    pub(super) sdp: &'e Sdp<'a>,
    pub(super) patch: &'e mut Patch,
}

impl<'a> Sdp<'a> {
    /// Begins edits, which are noted in `patch`.
    pub fn edit<'e>(&'e self, patch: &'e mut Patch) -> SdpEditor<'e, 'a> {
        SdpEditor { sdp: self, patch }
    }
}

/// The order of lines in a session and in a media section (RFC 8866 5).
const SESSION_ORDER: &[u8] = b"vosiuepcbtrzka";
const MEDIA_ORDER: &[u8] = b"micbka";

fn rank(order: &[u8], kind: u8) -> usize {
    order.iter().position(|k| *k == kind).unwrap_or(order.len())
}

fn put_text(out: &mut BytesMut, text: &[u8]) {
    out.extend(text.iter().map(|b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b }));
}

/// Puts `<kind>=<value>` into `out`.
fn put_line(out: &mut BytesMut, kind: u8, value: &[u8]) {
    out.put_slice(&[kind, b'=']);
    put_text(out, value);
}

/// Puts the lines of a media section, without the end of the last.
fn put_media(out: &mut BytesMut, head: &[u8], lines: &[(u8, &[u8])], end: &[u8]) {
    put_line(out, b'm', head);
    for (kind, value) in lines {
        if kind.is_ascii_lowercase() && !matches!(kind, b'v' | b'm') {
            out.put_slice(end);
            put_line(out, *kind, value);
        }
    }
}

fn attribute_text(name: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    match value {
        Some(value) => [name, b":", value].concat(),
        None => name.to_vec(),
    }
}

fn address_text(ip: IpAddr) -> String {
    if ip.is_ipv4() { format!("IP4 {ip}") } else { format!("IP6 {ip}") }
}

impl<'a> SdpEditor<'_, 'a> {
    fn section(&self, place: Place) -> Option<Section<'a>> {
        match place {
            Place::Session => Some(self.sdp.session()),
            Place::Media(i) => Some(self.medium(i)?.section()),
        }
    }

    pub(super) fn medium(&self, index: usize) -> Option<Media<'a>> {
        self.sdp.medium(index)
    }

    /// The line end of the text: that of its first line.
    fn line_end(&self) -> &'static [u8] {
        let first = self.sdp.session().lines().next();
        let crlf = first.is_none_or(|l| l.span.len() != l.value_span.len() + 3);
        if crlf { b"\r\n" } else { b"\n" }
    }

    /// Whether the byte before `at` ends a line.
    fn begins_line(&self, at: u32) -> bool {
        let (text, base) = (self.sdp.text(), self.sdp.span().start);
        at <= base || Span::new(at - 1 - base, at - base).of(text) == b"\n"
    }

    /// Where the text does not end its last line, that is made up for before something is added
    /// behind it at `at`: once, and while that line stays.
    fn close_last_line(&mut self, at: u32) {
        let end = self.line_end();
        if !self.begins_line(at) && !self.is_last_line_closed(at) && !self.patch.inserts(at, end) {
            self.patch.insert(at, end);
        }
    }

    /// Inserts a line before the line that begins at `at`, or behind the last one; before those
    /// inserted there that come later in `order`, and before new media sections.
    fn insert_line(&mut self, at: u32, order: &[u8], kind: u8, value: &[u8]) {
        let (end, own) = (self.line_end(), rank(order, kind));
        self.close_last_line(at);
        let later = |text: &[u8]| match text {
            [b'm', b'=', ..] => true,
            [other, b'=', ..] => rank(order, *other) > own,
            _ => false,
        };
        self.patch.insert_ahead_of(at, later, |out| {
            put_line(out, kind, value);
            out.put_slice(end);
        });
    }

    /// Whether edits have left out the last line of the text, which ends at `end`, or put
    /// something in its place that ends its lines.
    fn is_last_line_closed(&self, end: u32) -> bool {
        let base = self.sdp.span().start;
        let before = Span::new(0, end.saturating_sub(base)).of(self.sdp.text());
        let start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
        // Its letter may stay, as the first one of a section that was replaced.
        let covered =
            self.patch.text_over(Span::new(Span::at(base, start + 1, start + 1).start, end));
        covered.is_some_and(|text| text.is_empty() || text.ends_with(b"\n"))
    }

    /// Leaves out whole lines.
    fn remove_lines(&mut self, span: Span) {
        if !self.begins_line(span.end) {
            let end = self.line_end();
            self.patch.forget_inserts(span.end, |text| text == end);
        }
        self.patch.remove(span);
    }

    /// Leaves out a line.
    pub fn remove_line(&mut self, line: &Line<'_>) {
        self.remove_lines(line.span);
    }

    /// Puts another value into a line; the last call for a line counts.
    pub fn replace_line(&mut self, line: &Line<'_>, value: &[u8]) {
        if !line.value_span.is_empty() {
            return self.set(line.value_span, value);
        }
        // With its letter it is never empty, so that it can be replaced again.
        let mut text = BytesMut::new();
        put_line(&mut text, line.kind, value);
        self.patch.set(Span::new(line.span.start, line.value_span.end), &text);
    }

    /// Puts a value in the place of another, which is not empty.
    fn set(&mut self, span: Span, value: &[u8]) {
        let mut text = BytesMut::new();
        put_text(&mut text, value);
        self.patch.set(span, &text);
    }

    /// Where a line of that letter goes in a section: behind the last one of the same letter, else
    /// before the first that must follow it, else at the end.
    fn place_for(&self, place: Place, kind: u8) -> Option<(u32, &'static [u8])> {
        let order = if place == Place::Session { SESSION_ORDER } else { MEDIA_ORDER };
        let section = self.section(place)?;
        let own = rank(order, kind);
        let same = section.lines().filter(|l| l.kind == kind).last().map(|l| l.span.end);
        let at = same.or_else(|| {
            let later = section.lines().skip(1).find(|l| rank(order, l.kind) > own);
            later.map(|l| l.span.start)
        });
        Some((at.unwrap_or(section.span().end), order))
    }

    /// Adds a line where its letter belongs: behind the lines of the same letter, before those
    /// that must follow it. Does nothing for letters that begin a section (`v`, `m`) and for what
    /// is no letter.
    pub fn add_line(&mut self, place: Place, kind: u8, value: &[u8]) {
        if !kind.is_ascii_lowercase() || matches!(kind, b'v' | b'm') {
            return;
        }
        if let Some((at, order)) = self.place_for(place, kind) {
            self.insert_line(at, order, kind, value);
        }
    }

    /// Adds a line in the place of those that were added before and that `same` holds for, which
    /// is given their values.
    fn add_once(&mut self, place: Place, kind: u8, value: &[u8], same: impl Fn(&[u8]) -> bool) {
        let Some((at, _)) = self.place_for(place, kind) else { return };
        self.patch.forget_inserts(at, |text| match text {
            [k, b'=', value @ ..] if *k == kind => same(value.trim_ascii_end()),
            _ => false,
        });
        self.add_line(place, kind, value);
    }

    /// Adds an attribute behind those of the section.
    pub fn add_attribute(&mut self, place: Place, name: &[u8], value: Option<&[u8]>) {
        self.add_line(place, b'a', &attribute_text(name, value));
    }

    /// Puts a value into the attribute of that name: the first one gets it, further ones are left
    /// out, and where there is none it is added.
    pub fn set_attribute(&mut self, place: Place, name: &[u8], value: Option<&[u8]>) {
        let Some(section) = self.section(place) else { return };
        let mut all = section.attributes_named(name);
        match all.next() {
            None => self.add_once(place, b'a', &attribute_text(name, value), |text| {
                text.split(|b| *b == b':').next() == Some(name)
            }),
            Some(first) => self.set(first.line.value_span, &attribute_text(name, value)),
        }
        all.for_each(|a| self.remove_lines(a.line.span));
    }

    /// Leaves out every attribute of that name; how many there were.
    pub fn remove_attributes(&mut self, place: Place, name: &[u8]) -> usize {
        self.remove_attributes_where(place, |a| a.name == name)
    }

    /// Leaves out every attribute that `condition` holds for; how many there were.
    pub fn remove_attributes_where(
        &mut self,
        place: Place,
        mut condition: impl FnMut(&Attribute<'a>) -> bool,
    ) -> usize {
        let Some(section) = self.section(place) else { return 0 };
        let gone = section.attributes().filter(|a| condition(a));
        gone.map(|a| self.remove_lines(a.line.span)).count()
    }

    /// Sets the direction: in the attribute that says one, else in a new one.
    pub fn set_direction(&mut self, place: Place, direction: Direction) {
        let Some(section) = self.section(place) else { return };
        let mut lines =
            section.lines().filter(|l| l.kind == b'a' && Direction::parse(l.value).is_some());
        match lines.next() {
            Some(line) => self.replace_line(&line, direction.name().as_bytes()),
            None => self.add_once(place, b'a', direction.name().as_bytes(), |text| {
                Direction::parse(text).is_some()
            }),
        }
        lines.for_each(|l| self.remove_lines(l.span));
    }

    /// Sets the address of a section's `c=` line, and adds the line where there is none. Further
    /// `c=` lines of a multicast session are left out.
    pub fn set_connection(&mut self, place: Place, ip: IpAddr) {
        let Some(section) = self.section(place) else { return };
        let value = format!("IN {}", address_text(ip));
        let mut lines = section.lines().filter(|l| l.kind == b'c');
        match lines.next() {
            Some(line) => self.replace_line(&line, value.as_bytes()),
            None => self.add_once(place, b'c', value.as_bytes(), |_| true),
        }
        lines.for_each(|l| self.remove_lines(l.span));
    }

    /// Sets the address of every `c=` line that is there. A description without any gets one in
    /// its session section, since media need one (RFC 8866 5.7).
    pub fn set_connections(&mut self, ip: IpAddr) {
        let has = |section: Section<'_>| section.line(b'c').is_some();
        let mut any = has(self.sdp.session());
        if any {
            self.set_connection(Place::Session, ip);
        }
        for i in 0..self.sdp.media_count() {
            if self.medium(i).is_some_and(|m| has(m.section())) {
                any = true;
                self.set_connection(Place::Media(i), ip);
            }
        }
        if !any {
            self.set_connection(Place::Session, ip);
        }
    }

    /// Sets the address of `o=`; a malformed line stays as it is, false then.
    pub fn set_origin_address(&mut self, ip: IpAddr) -> bool {
        let Ok(origin) = self.sdp.origin() else { return false };
        self.set(origin.address_span, address_text(ip).as_bytes());
        true
    }

    /// Sets the port of a media section; 0 refuses or ends it (RFC 3264 6, 8.2). A number of
    /// ports stays. False when there is no such section.
    pub fn set_port(&mut self, index: usize, port: u16) -> bool {
        let Some(media) = self.medium(index) else { return false };
        self.set(media.port_span, port.to_string().as_bytes());
        true
    }

    /// Adds a media section at the end: the value of its `m=` line, and further lines as letter
    /// and value.
    pub fn add_media(&mut self, head: &[u8], lines: &[(u8, &[u8])]) {
        let last = self.sdp.media_count().checked_sub(1);
        let section = last.and_then(|i| self.medium(i)).map(|m| m.section());
        let at = section.unwrap_or(self.sdp.session()).span().end;
        let end = self.line_end();
        self.close_last_line(at);
        self.patch.insert_with(at, |out| {
            put_media(out, head, lines, end);
            out.put_slice(end);
        });
    }

    /// Puts another media section in the place of one, as [`SdpEditor::add_media`] adds it; what
    /// was edited in the old one is gone with it, what was added behind its last line stays. False
    /// when there is no such section.
    pub fn replace_media(&mut self, index: usize, head: &[u8], lines: &[(u8, &[u8])]) -> bool {
        let Some(media) = self.medium(index) else { return false };
        let (span, end) = (media.section().span(), self.line_end());
        if !self.begins_line(span.end) {
            self.patch.forget_inserts(span.end, |text| text == end);
        }
        // The letter stays, so that what is added to the section before keeps its place.
        let mut text = BytesMut::new();
        put_media(&mut text, head, lines, end);
        text.put_slice(end);
        let rest = text.get(1..).unwrap_or_default();
        self.patch.set(Span::new(span.start.saturating_add(1), span.end), rest);
        true
    }

    /// Leaves out a whole media section. Where an offer was answered before, its sections are
    /// counted by position: there set the port to 0 instead (RFC 3264 8.2).
    pub fn remove_media(&mut self, index: usize) -> bool {
        let Some(media) = self.medium(index) else { return false };
        self.remove_lines(media.section().span());
        true
    }
}
