//! Cuts the bytes of control connections into lines, each connection's on its own.

use bytes::BytesMut;
use hashbrown::HashMap;
use sip_core::output::ServiceId;

/// The longest line; a connection that sends a longer one is closed.
const MAX_LINE: usize = 256 * 1024;

/// The unfinished lines of all control connections.
#[derive(Default)]
pub(crate) struct Lines(HashMap<(ServiceId, u64), BytesMut>);

/// What became of the bytes.
pub(crate) enum Cut {
    /// The whole lines among them, without their ends.
    Lines(Vec<BytesMut>),
    /// The line is too long.
    TooLong,
}

impl Lines {
    /// Takes in what a connection brought; nothing means that it is closed.
    pub(crate) fn take(&mut self, service: ServiceId, peer: u64, bytes: &[u8]) -> Cut {
        let key = (service, peer);
        if bytes.is_empty() {
            self.0.remove(&key);
            return Cut::Lines(Vec::new());
        }
        let held = self.0.entry(key).or_default();
        let mut from = held.len();
        held.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = held.get(from..).and_then(|new| new.iter().position(|b| *b == b'\n'))
        {
            let mut line = held.split_to(from + end + 1);
            line.truncate(from + end);
            lines.push(line);
            from = 0;
        }
        let too_long = held.len() > MAX_LINE;
        if too_long || held.is_empty() {
            self.0.remove(&key);
        }
        if too_long { Cut::TooLong } else { Cut::Lines(lines) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(lines: &mut Lines, bytes: &[u8]) -> Vec<String> {
        match lines.take(ServiceId(0), 1, bytes) {
            Cut::Lines(l) => l.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect(),
            Cut::TooLong => vec!["too long".into()],
        }
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let mut lines = Lines::default();
        assert!(cut(&mut lines, b"on").is_empty());
        assert_eq!(cut(&mut lines, b"e\ntwo\nth"), ["one", "two"]);
        assert_eq!(cut(&mut lines, b"ree\n"), ["three"]);
        assert!(lines.0.is_empty());
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::default();
        assert_eq!(cut(&mut lines, &vec![b'x'; MAX_LINE + 1]), ["too long"]);
        assert!(lines.0.is_empty());
    }
}
