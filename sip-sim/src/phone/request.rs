//! The non-INVITE client transaction of a phone (RFC 3261 17.1.2).

use bytes::Bytes;
use sip_core::net::Target;
use sip_core::time::{Duration, Instant};

use super::line::Line;

/// A request on its way: sent again until a final response comes or 64 T1 have passed.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) branch: Bytes,
    bytes: Bytes,
    to: Target,
    /// Timer E; `FAR` on reliable transports.
    resend_at: Instant,
    interval: Duration,
    /// Timer F.
    expires_at: Instant,
}

impl Request {
    /// Sends `bytes`, whose branch is `branch`.
    pub(crate) fn send(
        line: &mut Line,
        now: Instant,
        branch: Bytes,
        bytes: Bytes,
        to: Target,
    ) -> Self {
        line.send(to, bytes.clone());
        let interval = line.config.t1;
        let resend_at = if to.proto.is_reliable() { Instant::FAR } else { now + interval };
        Self { branch, bytes, to, resend_at, interval, expires_at: now + line.config.patience() }
    }

    pub(crate) fn due(&self) -> Instant {
        self.resend_at.min(self.expires_at)
    }

    /// A provisional response: from now on it is sent again every T2 only.
    pub(crate) fn on_provisional(&mut self, line: &Line) {
        self.interval = line.config.t2;
    }

    /// Its time has come; `true` when it is given up.
    pub(crate) fn on_timer(&mut self, line: &mut Line, now: Instant) -> bool {
        if self.expires_at <= now {
            return true;
        }
        if self.resend_at <= now {
            self.interval = (self.interval * 2).min(line.config.t2);
            self.resend_at = now + self.interval;
            line.tally.resent += 1;
            line.send(self.to, self.bytes.clone());
        }
        false
    }
}
