//! The transaction layer's run-time parameters, under Kamailio's names (tm module documentation).

use std::sync::atomic::{AtomicU32, Ordering};

use crate::lock::{Lock, Rank};

/// One parameter: read on every step, written when an operator changes it.
#[derive(Debug)]
pub struct Param(AtomicU32);

impl Param {
    const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// The value now.
    #[must_use]
    #[inline]
    pub fn value(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the value is anything but 0.
    #[must_use]
    #[inline]
    pub fn is_on(&self) -> bool {
        self.value() != 0
    }

    /// Changes the value for every step from now on, on all workers.
    pub fn set(&self, value: u32) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// The parameters of the transaction layer, shared by all workers and changeable at run time.
/// Times are milliseconds.
#[derive(Debug)]
pub struct TmParams {
    /// First retransmission interval, T1 of RFC 3261 17 (timers A, E, G).
    pub retr_timer1: Param,
    /// Longest retransmission interval, T2 of RFC 3261 17 (timers E, G).
    pub retr_timer2: Param,
    /// Without any answer for this long a request has failed (timers B, F), and an unacknowledged
    /// negative answer is given up (timer H).
    pub fr_timer: Param,
    /// How long an INVITE may ring after its last provisional answer (timer C).
    pub fr_inv_timer: Param,
    /// How long a completed transaction stays to absorb what comes late (timers D, I, J, K, L, M).
    pub wt_timer: Param,
    /// The longest an INVITE transaction may stay without a final answer.
    pub max_inv_lifetime: Param,
    /// The longest any other transaction may stay without a final answer.
    pub max_noninv_lifetime: Param,
    /// 1: a new INVITE transaction answers 100 at once; 0: it does not.
    pub auto_inv_100: Param,
    /// 1: each provisional answer restarts [`fr_inv_timer`](Self::fr_inv_timer); 0: the first alone
    /// does, and one from 180 on that is higher than those before.
    pub restart_fr_on_each_reply: Param,
    /// 1: a 503 that is the only answer goes upstream as 500 (RFC 3261 16.7 step 6).
    pub remap_503_500: Param,
    /// 1: the challenges of all branches go into the 401 or 407 that is forwarded (RFC 3261 16.7
    /// step 7).
    pub aggregate_challenges: Param,
    /// The code of the answer when no branch answered in time.
    pub reply_408_code: Param,
    /// The most branches a transaction may have, at most 126 (core parameter `max_branches`).
    pub max_branches: Param,
    /// The Max-Breadth of a request that forks and came without one: 60 (RFC 5393 5.3.3; no Kamailio
    /// counterpart).
    pub max_breadth: Param,
    /// 1: a 6xx is a failure like others: branches may follow it, and those that ring ring on
    /// (against RFC 3261 16.7 step 5).
    pub disable_6xx_block: Param,
    /// The code of an answer that has no other reason to be: all answers were dropped, or
    /// `t_reply_error`.
    pub default_code: Param,
    /// 1: a request that has been here before, and would go the same way again, is answered 482
    /// (RFC 3261 16.3 step 4; no Kamailio counterpart).
    pub loop_detection: Param,
    /// A request that would be longer than this over UDP goes over TCP instead, if there is a
    /// listener for it; 0: never (RFC 3261 18.1.1; core parameter `udp_mtu`).
    pub udp_mtu: Param,
    /// The most transactions alive at once; beyond it new ones are refused (no Kamailio
    /// counterpart: there, shared memory ends it).
    pub max_transactions: Param,
    /// The reason phrase of the automatic 100.
    auto_inv_100_reason: Lock<String>,
    /// The reason phrase of the answer when no branch answered in time.
    reply_408_reason: Lock<String>,
    /// The reason phrase of an answer that has no other reason to be.
    default_reason: Lock<String>,
}

impl Default for TmParams {
    fn default() -> Self {
        Self {
            retr_timer1: Param::new(500),
            retr_timer2: Param::new(4000),
            fr_timer: Param::new(30_000),
            fr_inv_timer: Param::new(120_000),
            wt_timer: Param::new(5000),
            max_inv_lifetime: Param::new(180_000),
            max_noninv_lifetime: Param::new(32_000),
            auto_inv_100: Param::new(1),
            restart_fr_on_each_reply: Param::new(1),
            remap_503_500: Param::new(1),
            aggregate_challenges: Param::new(1),
            reply_408_code: Param::new(408),
            max_branches: Param::new(12),
            max_breadth: Param::new(60),
            disable_6xx_block: Param::new(0),
            default_code: Param::new(500),
            loop_detection: Param::new(1),
            udp_mtu: Param::new(1300),
            max_transactions: Param::new(1_000_000),
            auto_inv_100_reason: phrase(
                "tm.auto_inv_100_reason",
                "trying -- your call is important to us",
            ),
            reply_408_reason: phrase("tm.reply_408_reason", "Request Timeout"),
            default_reason: phrase("tm.default_reason", "Server Internal Error"),
        }
    }
}

impl TmParams {
    /// The times that a machine's step needs, for a transport that is `reliable` or not.
    #[must_use]
    #[inline]
    pub fn times(&self, reliable: bool) -> Times {
        Times {
            t1: self.retr_timer1.value(),
            t2: self.retr_timer2.value(),
            fr: self.fr_timer.value(),
            fr_inv: self.fr_inv_timer.value(),
            wt: self.wt_timer.value(),
            reliable,
            restart_fr: self.restart_fr_on_each_reply.is_on(),
        }
    }

    /// Changes the reason phrase of the automatic 100 (`auto_inv_100_reason`).
    pub fn set_auto_inv_100_reason(&self, reason: &str) {
        *self.auto_inv_100_reason.lock() = one_line(reason);
    }

    /// Changes the reason phrase of the timeout answer (`reply_408_reason`).
    pub fn set_reply_408_reason(&self, reason: &str) {
        *self.reply_408_reason.lock() = one_line(reason);
    }

    /// Changes the reason phrase of an answer that has no other reason to be (`default_reason`).
    pub fn set_default_reason(&self, reason: &str) {
        *self.default_reason.lock() = one_line(reason);
    }

    /// The code and reason phrase of such an answer.
    #[must_use]
    pub fn default_status(&self) -> (u16, String) {
        let code = u16::try_from(self.default_code.value()).unwrap_or(500);
        (code, self.default_reason.lock().clone())
    }

    pub(crate) fn with_auto_inv_100_reason<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        f(&self.auto_inv_100_reason.lock())
    }

    pub(crate) fn with_reply_408_reason<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        f(&self.reply_408_reason.lock())
    }
}

/// The times of one machine's step, in milliseconds: a snapshot, so that a parameter that changes
/// in between cannot make a step contradict itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// T1.
    pub t1: u32,
    /// T2.
    pub t2: u32,
    /// Timers B, F, H, and the wait for a final answer after a CANCEL (RFC 3261 9.1).
    pub fr: u32,
    /// Timer C.
    pub fr_inv: u32,
    /// Timers D, I, J, K, L, M on unreliable transports; L and M on all.
    pub wt: u32,
    /// Whether the transport delivers, so that nothing is retransmitted and D, I, J, K are 0.
    pub reliable: bool,
    /// Whether each provisional answer restarts timer C.
    pub restart_fr: bool,
}

impl Times {
    /// Timers D, I, J and K: 0 on reliable transports (RFC 3261 17, table 4).
    #[must_use]
    pub const fn linger(&self) -> u32 {
        if self.reliable { 0 } else { self.wt }
    }

    /// How long a request other than INVITE may go without any answer: while a client's timer E
    /// grows from T1 to T2 (RFC 4320 4.1).
    #[must_use]
    pub fn trying(&self) -> u32 {
        let (mut interval, mut total) = (self.t1.max(1), 0u32);
        while interval < self.t2 {
            total = total.saturating_add(interval);
            interval = interval.saturating_mul(2);
        }
        total.max(1)
    }

    /// Timer L: while a caller that lost the 2xx may still repeat its INVITE, which must not run the
    /// route again: 64 T1 on unreliable transports (RFC 6026 8.4), or `wt_timer` if it is longer.
    /// Kamailio's 5 seconds would let an INVITE through that was repeated after them.
    #[must_use]
    pub fn accepted(&self) -> u32 {
        if self.reliable { self.wt } else { self.wt.max(self.t1.saturating_mul(64)) }
    }
}

fn phrase(name: &'static str, text: &str) -> Lock<String> {
    // Taken under a transaction's bucket, hence a rank of its own above it.
    Lock::new(name, Rank::new(35), text.to_owned())
}

/// A phrase that cannot end the line it is written in.
fn one_line(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_changes_for_the_next_step() {
        let p = TmParams::default();
        assert_eq!(p.times(false).t1, 500);
        p.retr_timer1.set(100);
        assert_eq!(p.times(false).t1, 100);
        assert_eq!((p.times(false).linger(), p.times(true).linger()), (5000, 0));
    }

    #[test]
    fn a_phrase_cannot_carry_a_header() {
        let p = TmParams::default();
        p.set_auto_inv_100_reason("be patient\r\nEvil: yes");
        p.with_auto_inv_100_reason(|r| assert_eq!(r, "be patientEvil: yes"));
    }
}
