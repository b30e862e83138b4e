//! Taking codecs out of a media section: the format of the `m=` line and every line about it.

use super::attribute::payload;
use super::{Codec, SdpEditor};
use crate::Span;

/// What taking codecs out has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecsLeft {
    /// Formats that were taken out, those included that hang on another one (RFC 4588 8.1).
    pub removed: usize,
    /// Formats that stay. With 0 nothing was taken out, since an `m=` line needs one: the port
    /// was set to 0, which refuses the stream (RFC 3264 6).
    pub left: usize,
}

impl SdpEditor<'_, '_> {
    /// Takes out payload types of a media section with their rtpmap, fmtp and rtcp-fb lines, and
    /// the retransmission formats whose fmtp says that they belong to one of them (`apt=`).
    pub fn remove_payloads(&mut self, index: usize, payloads: &[u8]) -> CodecsLeft {
        self.remove_codecs_where(index, |c| payloads.contains(&c.payload))
    }

    /// Takes out every codec of that name (see [`Codec::is`]) the same way.
    pub fn remove_codec(&mut self, index: usize, name: &str) -> CodecsLeft {
        self.remove_codecs_where(index, |c| c.is(name))
    }

    /// Takes out every codec that is of none of these names. What goes with a codec must be named
    /// too: `telephone-event`, `CN`, `rtx`.
    pub fn keep_codecs(&mut self, index: usize, names: &[&str]) -> CodecsLeft {
        self.remove_codecs_where(index, |c| !names.iter().any(|n| c.is(n)))
    }

    /// Takes out every codec that `condition` holds for. Formats that are no payload types stay.
    pub fn remove_codecs_where(
        &mut self,
        index: usize,
        mut condition: impl FnMut(&Codec<'_>) -> bool,
    ) -> CodecsLeft {
        let Some(media) = self.medium(index) else { return CodecsLeft::default() };
        self.patch.expect_questions();
        let codecs = media.codecs();
        let mut gone = [false; 128];
        for codec in codecs.iter() {
            gone[usize::from(codec.payload & 127)] = condition(&codec);
        }
        for codec in codecs.iter() {
            let base = codec.fmtp.and_then(|f| f.get(b"apt")).and_then(payload);
            if base.is_some_and(|p| gone[usize::from(p & 127)]) {
                gone[usize::from(codec.payload & 127)] = true;
            }
        }
        let is_gone = |word: &[u8]| payload(word).is_some_and(|p| gone[usize::from(p & 127)]);
        let staying = media.formats().filter(|(w, s)| !is_gone(w) && !self.patch.is_removed(*s));
        let left = staying.count();
        let wanted = media.formats().filter(|(w, s)| is_gone(w) && !self.patch.is_removed(*s));
        let removed = wanted.count();
        if removed == 0 {
            return CodecsLeft { removed, left };
        }
        if left == 0 {
            self.set_port(index, 0);
            return CodecsLeft { removed: 0, left };
        }
        // Each format goes with the blank before it.
        let mut before = media.head().value_span.start;
        for (i, (word, span)) in media.head().words().enumerate() {
            if i >= 3 && is_gone(word) && !self.patch.is_removed(span) {
                self.patch.remove(Span::new(before, span.end));
            }
            before = span.end;
        }
        let about = media
            .section()
            .attributes()
            .filter(|a| a.payload().is_some_and(|p| gone[usize::from(p & 127)]));
        for attribute in about {
            if !self.patch.is_removed(attribute.line.span) {
                self.remove_line(&attribute.line);
            }
        }
        CodecsLeft { removed, left }
    }
}
