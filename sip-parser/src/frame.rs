//! Streams: how many bytes the first message takes (RFC 3261 18.3, keep-alives of RFC 5626 4.4.1).
//! Owns the framer, which looks at each byte of a head once however the bytes arrive.
//!
//! ```text
//!            +------------- Idle <------------ result given
//!   CRLFCRLF |               | other byte
//!   Keepalive+               v
//!                         Head ---- empty line, length known ---> Body ---> Message / Http
//!                           \--- line end, limit, length --------> Bad
//! ```

use crate::http::is_http_line;
use crate::lex::{self, block, peek};
use crate::{HeaderId, Limits};

/// Why a stream cannot be framed. All are fatal: where the next message begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadFrame {
    /// A line ends in LF alone, or a CR stands alone.
    #[error("a line does not end in CRLF")]
    LineEnd,
    /// The head is longer than its limit.
    #[error("the head is too long")]
    HeadTooLong,
    /// More headers than their limit.
    #[error("there are too many headers")]
    TooManyHeaders,
    /// A header field is longer than its limit.
    #[error("a header is too long")]
    LineTooLong,
    /// The announced body is longer than its limit.
    #[error("the body is too long")]
    BodyTooLong,
    /// SIP without Content-Length (RFC 3261 20.14: it must be there on streams).
    #[error("there is no Content-Length")]
    NoContentLength,
    /// Content-Length is not a number, or is there twice.
    #[error("the Content-Length is malformed")]
    ContentLength,
    /// HTTP with a transfer encoding; only plain bodies are framed here.
    #[error("the transfer encoding is not supported")]
    TransferEncoding,
    /// The first line cannot begin a message: it begins with white space or a control character.
    #[error("this is no message")]
    NotAMessage,
}

/// What the front of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Not decided yet. At least `at_least` bytes in total are needed before it can be.
    NeedMore {
        /// Total bytes of the buffer without which asking again is useless.
        at_least: usize,
    },
    /// The first so many bytes are a SIP message.
    Message(usize),
    /// The first 2 bytes are a CRLF, or the first 4 are two of them: a ping, to be answered with
    /// one CRLF (RFC 5626 4.4.1).
    Keepalive(usize),
    /// The first so many bytes are an HTTP/1.x message.
    Http(usize),
    /// The stream cannot go on.
    Bad(BadFrame),
}

/// Cuts a stream into messages. Give it the same growing buffer until it answers anything but
/// [`Framed::NeedMore`]; then take that many bytes off the front and go on. It remembers how far
/// it looked, so that no byte of a head is looked at twice.
#[derive(Clone, Debug)]
pub struct Framer {
    limits: Limits,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Head(Head),
    Body { total: usize, http: bool },
}

/// How far the head was looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// Where the line begins that is being looked at.
    line: usize,
    /// Everything before it was searched for the end of that line.
    searched: usize,
    headers: usize,
    http: bool,
    length: Option<usize>,
}

impl Framer {
    /// A framer at the start of a message.
    pub fn new(limits: Limits) -> Framer {
        Framer { limits, state: State::Idle }
    }

    /// Forgets what was seen, for a new stream.
    pub fn reset(&mut self) {
        self.state = State::Idle;
    }

    /// Whether a message has begun but not ended: a stream that stalls or ends now was cut.
    pub fn is_inside(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// Says what the front of `buf` is. `buf` must begin where the last result ended and must
    /// hold all it held when asked last.
    pub fn next(&mut self, buf: &[u8]) -> Framed {
        let framed = self.step(buf);
        if !matches!(framed, Framed::NeedMore { .. }) {
            self.state = State::Idle;
        }
        framed
    }

    fn step(&mut self, buf: &[u8]) -> Framed {
        if let State::Idle = self.state {
            match begin(buf) {
                Some(framed) => return framed,
                None => self.state = State::Head(Head::default()),
            }
        }
        if let State::Head(mut head) = self.state {
            match head.advance(buf, &self.limits) {
                Ok(Some(total)) => self.state = State::Body { total, http: head.http },
                Ok(None) => {
                    self.state = State::Head(head);
                    return Framed::NeedMore { at_least: buf.len() + 1 };
                }
                Err(bad) => return Framed::Bad(bad),
            }
        }
        match self.state {
            State::Body { total, .. } if buf.len() < total => Framed::NeedMore { at_least: total },
            State::Body { total, http: true } => Framed::Http(total),
            State::Body { total, http: false } => Framed::Message(total),
            State::Idle | State::Head(_) => Framed::NeedMore { at_least: buf.len() + 1 },
        }
    }
}

/// What can be said before a head begins; None when one does.
fn begin(buf: &[u8]) -> Option<Framed> {
    match buf {
        [] => Some(Framed::NeedMore { at_least: 1 }),
        [b'\r'] => Some(Framed::NeedMore { at_least: 2 }),
        // A single CRLF is a pong, and only what follows tells that it is not half a ping.
        [b'\r', b'\n'] => Some(Framed::NeedMore { at_least: 3 }),
        [b'\r', b'\n', b'\r'] => Some(Framed::NeedMore { at_least: 4 }),
        [b'\r', b'\n', b'\r', b'\n', ..] => Some(Framed::Keepalive(4)),
        [b'\r', b'\n', ..] => Some(Framed::Keepalive(2)),
        [first, ..] if !lex::is(*first, lex::class::TOKEN) => {
            Some(Framed::Bad(BadFrame::NotAMessage))
        }
        _ => None,
    }
}

impl Head {
    /// Goes on through the lines of the head. The total length of the message once it is known.
    fn advance(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<usize>, BadFrame> {
        let window = buf.get(..limits.head_limit()).unwrap_or(buf);
        loop {
            let lf = block::find_byte(window, self.searched, b'\n');
            if lf == window.len() {
                return self.starved(buf, window, limits);
            }
            self.check_line(lf + 1, limits)?;
            if lf == self.line || peek(window, lf - 1) != b'\r' {
                return Err(BadFrame::LineEnd);
            }
            if lf - 1 == self.line && self.line > 0 {
                return self.finish(lf + 1, limits).map(Some);
            }
            // Only the byte behind a line end tells whether the header goes on (a fold).
            match buf.get(lf + 1) {
                None => {
                    self.searched = lf;
                    return Ok(None);
                }
                Some(b' ' | b'\t') if self.line > 0 => self.searched = past_folds(window, lf + 2),
                Some(_) => {
                    self.take_line(window.get(self.line..lf - 1).unwrap_or_default(), limits)?;
                    (self.line, self.searched) = (lf + 1, lf + 1);
                }
            }
        }
    }

    /// There is no further LF in what may still be head.
    fn starved(
        &mut self,
        buf: &[u8],
        window: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, BadFrame> {
        self.searched = window.len();
        self.check_line(window.len(), limits)?;
        if buf.len() >= limits.head_limit() { Err(BadFrame::HeadTooLong) } else { Ok(None) }
    }

    /// Checks the length of the header field that is known up to `end`, its CRLF included. The
    /// same test decides for whole lines and for parts of them, so that the answer does not
    /// depend on how the bytes arrive.
    fn check_line(&self, end: usize, limits: &Limits) -> Result<(), BadFrame> {
        let too_long = self.line > 0 && end - self.line > limits.line.saturating_add(2);
        if too_long { Err(BadFrame::LineTooLong) } else { Ok(()) }
    }

    /// Takes in one whole line with its folds, without its last CRLF.
    fn take_line(&mut self, line: &[u8], limits: &Limits) -> Result<(), BadFrame> {
        if self.line == 0 {
            self.http = is_http_line(line);
            return Ok(());
        }
        self.headers += 1;
        if self.headers > limits.headers {
            return Err(BadFrame::TooManyHeaders);
        }
        // The names that matter have 1, 14 and 17 letters and begin with l, c or t.
        if !matches!(line.first(), Some(b'l' | b'L' | b'c' | b'C' | b't' | b'T')) {
            return Ok(());
        }
        let name_end = lex::span(line, 0, lex::class::TOKEN);
        let name = line.get(..name_end).unwrap_or_default();
        let is_length = match name.len() {
            1 => !self.http && HeaderId::from_name(name) == HeaderId::ContentLength,
            14 => HeaderId::from_name(name) == HeaderId::ContentLength,
            17 if self.http && name.eq_ignore_ascii_case(b"transfer-encoding") => {
                return Err(BadFrame::TransferEncoding);
            }
            _ => false,
        };
        if !is_length {
            return Ok(());
        }
        let colon = lex::skip_lws(line, name_end);
        let value = lex::trim(line.get(colon + 1..).unwrap_or_default());
        match (peek(line, colon), lex::number(value), self.length) {
            (b':', Some(n), None) => self.length = Some(n as usize),
            _ => return Err(BadFrame::ContentLength),
        }
        Ok(())
    }

    /// The empty line was met; `body` is the offset behind it.
    fn finish(&self, body: usize, limits: &Limits) -> Result<usize, BadFrame> {
        let length = match self.length {
            Some(length) => length,
            None if self.http => 0,
            None => return Err(BadFrame::NoContentLength),
        };
        if length > limits.body { Err(BadFrame::BodyTooLong) } else { Ok(body + length) }
    }
}

/// Offset behind the folds at `at` that hold nothing, of which there may be many.
fn past_folds(window: &[u8], mut at: usize) -> usize {
    while let Some([b'\r', b'\n', b' ' | b'\t']) = window.get(at..at.saturating_add(3)) {
        at += 3;
    }
    at.min(window.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &[u8]) -> Framed {
        Framer::new(Limits::DEFAULT).next(text)
    }

    const SIP: &[u8] = b"MESSAGE sip:a SIP/2.0\r\nl : \r\n 3\r\nTo: x\r\n\r\nabc";

    #[test]
    fn a_reason_phrase_makes_no_http_of_a_sip_response() {
        let text = b"SIP/2.0 502 upstream said HTTP/1.1\r\nl: 3\r\n\r\nabc";
        assert_eq!(one(text), Framed::Message(text.len()));
        let text = b"sip/2.0 502 upstream said HTTP/1.1\r\nl: 3\r\n\r\nabc";
        assert_eq!(one(text), Framed::Message(text.len()));
        assert_eq!(one(b"SIPS / HTTP/1.1\r\n\r\n"), Framed::Http(19));
    }

    #[test]
    fn messages_end_where_their_length_says() {
        assert_eq!(one(SIP), Framed::Message(SIP.len()));
        let longer = [SIP, b"NEXT"].concat();
        assert_eq!(one(&longer), Framed::Message(SIP.len()));
        assert_eq!(one(&SIP[..SIP.len() - 1]), Framed::NeedMore { at_least: SIP.len() });
    }

    #[test]
    fn keepalives_and_http_are_told_apart() {
        assert_eq!(one(b"\r\n\r\n"), Framed::Keepalive(4));
        assert_eq!(one(b"\r\nA"), Framed::Keepalive(2));
        assert_eq!(one(b"\r\n"), Framed::NeedMore { at_least: 3 });
        assert_eq!(one(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nab"), Framed::Http(27));
        let post = b"POST /l HTTP/1.1\r\nl: 9\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(one(post), Framed::Http(post.len()));
    }

    #[test]
    fn a_stream_that_cannot_be_framed_says_why() {
        let small = Limits { head: 60, body: 5, headers: 2, line: 30, ..Limits::DEFAULT };
        let long_line = format!("ACK sip:a SIP/2.0\r\nX: {}\r\n", "y".repeat(30));
        let unending = format!("ACK sip:a SIP/2.0\r\nX: {}", "y".repeat(30));
        for (text, bad) in [
            (&b"ACK sip:a SIP/2.0\r\nTo: x\r\n\r\n"[..], BadFrame::NoContentLength),
            (b"ACK sip:a SIP/2.0\r\nl: -1\r\n\r\n", BadFrame::ContentLength),
            (b"ACK sip:a SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\n", BadFrame::ContentLength),
            (b"ACK sip:a SIP/2.0\r\nl: 6\r\n\r\n", BadFrame::BodyTooLong),
            (b"ACK sip:a SIP/2.0\nl: 6\r\n\r\n", BadFrame::LineEnd),
            (b"ACK sip:a SIP/2.0\r\nA:\r\nB:\r\nC:\r\n\r\n", BadFrame::TooManyHeaders),
            (long_line.as_bytes(), BadFrame::LineTooLong),
            (unending.as_bytes(), BadFrame::LineTooLong),
            (&[b'a'; 60], BadFrame::HeadTooLong),
            (b" ACK", BadFrame::NotAMessage),
            (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", BadFrame::TransferEncoding),
        ] {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(Framer::new(small).next(text), Framed::Bad(bad), "{shown:?}");
        }
    }

    #[test]
    fn a_stream_is_cut_into_all_its_parts() {
        let stream = [b"\r\n\r\n", SIP, b"\r\n", SIP].concat();
        let mut framer = Framer::new(Limits::DEFAULT);
        let (mut at, mut parts) = (0, Vec::new());
        while at < stream.len() {
            let framed = framer.next(&stream[at..]);
            parts.push(framed);
            match framed {
                Framed::Message(n) | Framed::Keepalive(n) => at += n,
                other => panic!("{other:?}"),
            }
        }
        let (ping, m) = (Framed::Keepalive(4), Framed::Message(SIP.len()));
        assert_eq!(parts, [ping, m, Framed::Keepalive(2), m]);
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "\r\n", "\r", "\n", " ", "l: 3", "Content-Length: 5", "To: x", ":", "A sip:a SIP/2.0",
                "GET / HTTP/1.1", "abc", "\r\n\r\n", "\t",
            ]), 0..14),
            cuts in prop::collection::vec(1usize..6, 1..40),
        ) {
            let text = pieces.concat().into_bytes();
            let limits = Limits { head: 60, body: 4, headers: 3, line: 18, ..Limits::DEFAULT };
            let whole = Framer::new(limits).next(&text);
            let mut framer = Framer::new(limits);
            let mut given = 0;
            let mut last = Framed::NeedMore { at_least: 1 };
            for cut in cuts.iter().cycle() {
                given = (given + cut).min(text.len());
                let needed = last;
                last = framer.next(&text[..given]);
                if let Framed::NeedMore { at_least } = needed
                    && given < at_least
                {
                    prop_assert!(matches!(last, Framed::NeedMore { .. }), "at_least lied");
                }
                if given == text.len() || !matches!(last, Framed::NeedMore { .. }) {
                    break;
                }
            }
            prop_assert_eq!(last, whole);
        }
    }
}
