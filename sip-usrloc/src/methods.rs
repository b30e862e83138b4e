//! Sets of methods as bits, with Kamailio's numbers: what the column `methods` of the table
//! `location` holds (observed with Kamailio 5.6.3).

use sip_parser::Method;

/// A set of methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Methods(u32);

impl Methods {
    /// Every method: what a contact takes that does not say (no Allow header).
    pub const ALL: Self = Self(u32::MAX);
    /// No method.
    pub const NONE: Self = Self(0);

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether `method` is in the set. All methods without a number of their own share one.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & bit(method) != 0
    }

    /// The set with `method` in it.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | bit(method))
    }

    /// The methods of an Allow header's value (RFC 3261 20.5).
    #[must_use]
    pub fn parse(allow: &[u8]) -> Self {
        allow
            .split(|b| *b == b',')
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty())
            .fold(Self::NONE, |set, name| set.with(Method::from_name(name)))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const fn bit(method: Method) -> u32 {
    1 << match method {
        Method::Invite => 0,
        Method::Cancel => 1,
        Method::Ack => 2,
        Method::Bye => 3,
        Method::Info => 4,
        Method::Register => 5,
        Method::Subscribe => 6,
        Method::Notify => 7,
        Method::Message => 8,
        Method::Options => 9,
        Method::Prack => 10,
        Method::Update => 11,
        Method::Refer => 12,
        Method::Publish => 13,
        Method::Other => 19,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_header_becomes_kamailios_bits() {
        assert_eq!(Methods::parse(b"INVITE, ACK,BYE").bits(), 13);
        assert_eq!(Methods::parse(b" REFER ,\r\n\tPUBLISH, FOO").bits(), 4096 + 8192 + 524_288);
        assert_eq!(Methods::parse(b""), Methods::NONE);
        assert!(Methods::ALL.contains(Method::Other));
        assert!(!Methods::parse(b"INVITE").contains(Method::Message));
    }
}
