//! Request methods. Owns the list of those known by name.

/// The method of a request. `Other` stands for every token without a name here; its text is
/// [`Message::method_name`](crate::Message::method_name). Names are case-sensitive (RFC 3261 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Method {
    /// INVITE, RFC 3261 13.
    Invite,
    /// ACK, RFC 3261 13 and 17.1.1.3.
    Ack,
    /// BYE, RFC 3261 15.
    Bye,
    /// CANCEL, RFC 3261 9.
    Cancel,
    /// REGISTER, RFC 3261 10.
    Register,
    /// OPTIONS, RFC 3261 11.
    Options,
    /// SUBSCRIBE, RFC 6665.
    Subscribe,
    /// NOTIFY, RFC 6665.
    Notify,
    /// PUBLISH, RFC 3903.
    Publish,
    /// MESSAGE, RFC 3428.
    Message,
    /// INFO, RFC 6086.
    Info,
    /// PRACK, RFC 3262.
    Prack,
    /// UPDATE, RFC 3311.
    Update,
    /// REFER, RFC 3515.
    Refer,
    /// Any other token.
    Other,
}

impl Method {
    /// All methods with a name, in the order of the enum.
    pub const KNOWN: [Method; 14] = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Register,
        Method::Options,
        Method::Subscribe,
        Method::Notify,
        Method::Publish,
        Method::Message,
        Method::Info,
        Method::Prack,
        Method::Update,
        Method::Refer,
    ];

    /// The method of that name, compared with case; `Other` when it has none here.
    #[inline]
    pub fn from_name(name: &[u8]) -> Method {
        match name {
            b"INVITE" => Method::Invite,
            b"ACK" => Method::Ack,
            b"BYE" => Method::Bye,
            b"CANCEL" => Method::Cancel,
            b"REGISTER" => Method::Register,
            b"OPTIONS" => Method::Options,
            b"SUBSCRIBE" => Method::Subscribe,
            b"NOTIFY" => Method::Notify,
            b"PUBLISH" => Method::Publish,
            b"MESSAGE" => Method::Message,
            b"INFO" => Method::Info,
            b"PRACK" => Method::Prack,
            b"UPDATE" => Method::Update,
            b"REFER" => Method::Refer,
            _ => Method::Other,
        }
    }

    /// Its name on the wire; empty for `Other`.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Publish => "PUBLISH",
            Method::Message => "MESSAGE",
            Method::Info => "INFO",
            Method::Prack => "PRACK",
            Method::Update => "UPDATE",
            Method::Refer => "REFER",
            Method::Other => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_method_is_found_by_its_name_and_case_counts() {
        for m in Method::KNOWN {
            assert_eq!(Method::from_name(m.name().as_bytes()), m);
            assert_eq!(Method::from_name(m.name().to_lowercase().as_bytes()), Method::Other);
        }
        assert_eq!(Method::from_name(b"RE%47IST%45R"), Method::Other);
    }
}
