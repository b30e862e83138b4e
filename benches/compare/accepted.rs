//! Differences that do not make a comparison unfair: looseroute sends more than kamailio's
//! configuration asks for, or a value that costs the same.

use crate::fields::Difference;

/// A difference that is accepted, and why.
pub(crate) struct Accepted {
    pub(crate) why: &'static str,
    /// Whether this is one; the start line is the message's.
    is: fn(&str, &Difference) -> bool,
}

const ACCEPTED: [Accepted; 3] = [
    Accepted {
        why: "ours adds Date to answers of the registrar, RFC 3261 10.3 item 8",
        is: |_, d| d.header == "date" && d.theirs.is_empty(),
    },
    Accepted {
        why: "ours asks for rport in its own Via, RFC 3581 3",
        is: |_, d| {
            let own = "SERVER;branch=MADE";
            d.header == "via" && d.ours.replacen(&format!("{own};rport"), own, 1) == d.theirs
        },
    },
    Accepted {
        why: "Max-Forwards of our own ACK and CANCEL is 70, RFC 3261 8.1.1.6",
        is: |start, d| {
            let own = start.starts_with("ACK ") || start.starts_with("CANCEL ");
            own && d.header == "max-forwards" && d.ours == "70"
        },
    },
];

/// The reason why a difference is accepted; `None` when it is not.
pub(crate) fn reason(start: &str, difference: &Difference) -> Option<&'static str> {
    ACCEPTED.iter().find(|a| (a.is)(start, difference)).map(|a| a.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &str, header: &str, ours: &str, theirs: &str) -> bool {
        let (header, ours, theirs) = (header.to_owned(), ours.to_owned(), theirs.to_owned());
        reason(start, &Difference { header, ours, theirs }).is_some()
    }

    #[test]
    fn only_what_ours_adds_is_accepted() {
        assert!(check("SIP/2.0 200", "date", "Mon, 23 Nov 2026 00:00:00 GMT", ""));
        assert!(!check("SIP/2.0 200", "date", "", "Mon, 23 Nov 2026 00:00:00 GMT"));
        let (plain, with) =
            ("SERVER;branch=MADE, x;rport=1", "SERVER;branch=MADE;rport, x;rport=1");
        assert!(check("OPTIONS x", "via", with, plain));
        assert!(!check("OPTIONS x", "via", plain, with));
        assert!(!check("OPTIONS x", "via", "other", plain));
        assert!(check("ACK x", "max-forwards", "70", "69"));
        assert!(!check("INVITE x", "max-forwards", "70", "69"));
    }
}
