//! Our own branch parameters (RFC 3261 8.1.1.7, 16.6 step 8, 16.11).
//!
//! ```text
//!   z9hG4bK t <14 hex: transaction id> <12 hex: random> <2 hex: branch>  [. room to grow]
//!   z9hG4bK s <16 hex: keyed hash of the received branch>  [. <16 hex: connection>]
//! ```
//!
//! The first kind leads a response to its cell without a search; its random part keeps strangers
//! from guessing it. The second is the same for every retransmission, and for the CANCEL and the ACK
//! of a request, as a stateless proxy must have it. What follows a dot in the first kind is ignored,
//! so that a loop hash can be added.

use super::TxnId;
use crate::net::ConnId;

/// The magic cookie (RFC 3261 8.1.1.7).
pub(crate) const COOKIE: &[u8] = b"z9hG4bK";

const TXN_LEN: usize = 7 + 1 + 14 + 12 + 2;
const RANDOM_MASK: u64 = (1 << 48) - 1;

/// The branch parameter of a client transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TxnBranch {
    pub(crate) txn: TxnId,
    /// 48 random bits, the same for all branches of a transaction.
    pub(crate) random: u64,
    pub(crate) index: u8,
}

impl TxnBranch {
    /// A random part out of 64 random bits.
    pub(crate) const fn random(bits: u64) -> u64 {
        bits & RANDOM_MASK
    }

    pub(crate) fn text(&self) -> [u8; TXN_LEN] {
        let mut out = [0; TXN_LEN];
        out[..7].copy_from_slice(COOKIE);
        out[7] = b't';
        hex(&mut out[8..22], self.txn.to_u64());
        hex(&mut out[22..34], self.random);
        hex(&mut out[34..], u64::from(self.index));
        out
    }

    /// Reads what [`text`](Self::text) wrote; `None` for anything else.
    pub(crate) fn parse(branch: &[u8]) -> Option<Self> {
        let (own, rest) = branch.split_at_checked(TXN_LEN)?;
        if !matches!(rest.first(), None | Some(b'.')) || !starts(own, b't') {
            return None;
        }
        Some(Self {
            txn: TxnId::from_u64(unhex(&own[8..22])?),
            random: unhex(&own[22..34])?,
            index: u8::try_from(unhex(&own[34..])?).ok()?,
        })
    }
}

/// The branch parameter of a request forwarded without a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatelessBranch {
    pub(crate) hash: u64,
    /// The connection the request came on: the answer goes back on it.
    pub(crate) conn: Option<ConnId>,
}

impl StatelessBranch {
    pub(crate) fn write(&self, out: &mut bytes::BytesMut) {
        let mut text = [0; 7 + 1 + 16 + 1 + 16];
        text[..7].copy_from_slice(COOKIE);
        text[7] = b's';
        hex(&mut text[8..24], self.hash);
        text[24] = b'.';
        hex(&mut text[25..], self.conn.map_or(0, |c| c.0));
        let len = if self.conn.is_some() { text.len() } else { 24 };
        out.extend_from_slice(&text[..len]);
    }

    pub(crate) fn parse(branch: &[u8]) -> Option<Self> {
        if !starts(branch, b's') {
            return None;
        }
        let hash = unhex(branch.get(8..24)?)?;
        let conn = match branch.get(24..) {
            None | Some([]) => None,
            Some([b'.', conn @ ..]) if conn.len() == 16 => Some(ConnId(unhex(conn)?)),
            Some(_) => return None,
        };
        Some(Self { hash, conn })
    }
}

/// Writes `value` in lower-case hexadecimal digits, as many as fit.
#[inline]
pub(crate) fn hex(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

fn starts(branch: &[u8], kind: u8) -> bool {
    branch.starts_with(COOKIE) && branch.get(7) == Some(&kind)
}

#[inline]
fn unhex(digits: &[u8]) -> Option<u64> {
    let (mut n, mut bad) = (0, 0);
    for d in digits {
        let value = VALUES[usize::from(*d)];
        bad |= value;
        n = n << 4 | u64::from(value & 15);
    }
    (bad & NO_DIGIT == 0).then_some(n)
}

/// What each byte is as a hexadecimal digit.
const VALUES: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut i = 0;
    while i < 16 {
        table[b"0123456789abcdef"[i] as usize] = i as u8;
        table[b"0123456789ABCDEF"[i] as usize] = i as u8;
        i += 1;
    }
    table
};
const NO_DIGIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_branch_reads_back_and_may_grow_after_a_dot() {
        let b = TxnBranch { txn: TxnId::new(9, 77, 3), random: TxnBranch::random(!5), index: 126 };
        let text = b.text();
        assert!(text.starts_with(COOKIE));
        assert_eq!(TxnBranch::parse(&text), Some(b));
        assert_eq!(TxnBranch::parse(&[&text[..], b".1a2b"].concat()), Some(b));
        assert_eq!(TxnBranch::parse(&[&text[..], b"0"].concat()), None);
        assert_eq!(TxnBranch::parse(&text[..35]), None);
        assert_eq!(TxnBranch::parse(b"z9hG4bK"), None);
    }

    #[test]
    fn a_stateless_branch_reads_back_with_and_without_a_connection() {
        for conn in [None, Some(ConnId::new(2, 7, 9))] {
            let b = StatelessBranch { hash: 0xfeed_0000_0000_0001, conn };
            let mut out = bytes::BytesMut::new();
            b.write(&mut out);
            assert_eq!(StatelessBranch::parse(&out), Some(b));
            assert_eq!(TxnBranch::parse(&out), None);
        }
        assert_eq!(StatelessBranch::parse(b"z9hG4bKs0123456789abcdef."), None);
    }
}
