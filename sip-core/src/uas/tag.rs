//! To tags of our own answers.

use sip_parser::Message;

use crate::txn::branch_id::hex;
use crate::txn::hash::HashKey;
use crate::txn::key::RequestKey;

/// A To tag: 64 bits in hexadecimal (RFC 3261 19.3 asks for 32).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag([u8; 16]);

impl Tag {
    pub(crate) fn from_bits(bits: u64) -> Self {
        let mut text = [0; 16];
        hex(&mut text, bits);
        Self(text)
    }

    /// The tag of an answer without a transaction: the same for an INVITE and the ACK that its
    /// sender answers with, and for nobody else's to guess (RFC 3261 8.2.7).
    pub(crate) fn stateless(secret: &HashKey, key: &RequestKey, msg: &Message) -> Self {
        // The key's hash is one of branch and sent-by, or of what stands for them, under a secret
        // of its own.
        let call_id = msg.call_id().unwrap_or_default();
        Self::from_bits(secret.start().word(key.hash).bytes(call_id).finish())
    }

    pub(crate) const fn text(&self) -> &[u8] {
        &self.0
    }
}
