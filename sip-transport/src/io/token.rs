//! What a poll event is about, packed into mio's token.

use mio::Token;

/// The owner of a registered descriptor, by its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// The wake-up.
    Wake,
    /// A UDP socket, by its place in the worker's list.
    Udp(u32),
    /// A TCP listener, by its place in the worker's list.
    Accept(u32),
    /// A connection, by its slot. An event that outlived its connection meets the slot empty or
    /// wakes its successor once for nothing.
    Conn(u32),
    /// A service's own socket, by its place in the worker's list.
    Service(u32),
    /// A connection on a service socket, by its slot.
    ServicePeer(u32),
}

const KIND_BITS: u32 = 3;

impl Source {
    pub(super) fn token(self) -> Token {
        let (kind, index) = match self {
            Self::Wake => (0, 0),
            Self::Udp(i) => (1, i),
            Self::Accept(i) => (2, i),
            Self::Conn(i) => (3, i),
            Self::Service(i) => (4, i),
            Self::ServicePeer(i) => (5, i),
        };
        Token((index as usize) << KIND_BITS | kind)
    }

    pub(super) fn of(token: Token) -> Option<Self> {
        let index = u32::try_from(token.0 >> KIND_BITS).ok()?;
        Some(match token.0 & ((1 << KIND_BITS) - 1) {
            0 => Self::Wake,
            1 => Self::Udp(index),
            2 => Self::Accept(index),
            3 => Self::Conn(index),
            4 => Self::Service(index),
            5 => Self::ServicePeer(index),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_what_it_was_made_of() {
        let n = 0x0fff_ffff;
        for s in [
            Source::Wake,
            Source::Udp(1),
            Source::Accept(n),
            Source::Conn(n),
            Source::Service(0),
            Source::ServicePeer(7),
        ] {
            assert_eq!(Source::of(s.token()), Some(s));
        }
        assert_eq!(Source::of(Token(7)), None);
    }
}
