//! One worker with its sockets: a turn polls the sockets, feeds the worker and carries out what it
//! wants.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sip_core::output::{Input, Output};
use sip_core::rng::SeededRng;
use sip_core::time::Now;
use sip_transport::{SendOutcome, Transport};

use crate::builder::entropy;
use crate::engine::TOO_MANY;
use crate::error::EngineError;
use crate::mail::Mail;
use crate::shared::Shared;
use crate::worker::Worker;

/// One worker and, unless the host carries the bytes, its sockets.
pub(crate) struct Driver {
    pub(crate) worker: Worker,
    pub(crate) transport: Option<Transport>,
    shared: Arc<Shared>,
    index: u16,
    inputs: VecDeque<Input>,
}

impl Driver {
    /// Worker number `index`, with `transport` if it has sockets.
    pub(crate) fn new(
        shared: Arc<Shared>,
        index: u16,
        transport: Option<Transport>,
    ) -> Result<Self, EngineError> {
        // Workers of a seeded engine draw different, repeatable numbers.
        let seed = shared.seed.map(|s| s.wrapping_add(u64::from(index) << 32));
        let stats = shared.parts.stats.shard(usize::from(index)).ok_or(TOO_MANY)?;
        let rng = SeededRng::from_entropy(entropy(seed)?);
        if let Some(transport) = &transport {
            let waker = transport.waker();
            shared.mail.set_waker(index, Arc::new(move || wake(&waker)));
        }
        let worker = Worker::new(Arc::clone(&shared), index, rng, stats);
        Ok(Self { worker, transport, shared, index, inputs: VecDeque::new() })
    }

    /// One turn: waits for input up to `timeout` (`None`: until something happens), then does all
    /// there is to do.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> Result<(), EngineError> {
        let before = self.shared.now();
        let due = self.next_timeout(before);
        let beat = &self.shared.beats[usize::from(self.index)];
        beat.wait(due.map(|due| before.mono + due));
        let wait = match (timeout, due) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let shared = Arc::clone(&self.shared);
        let clock = &shared.clock;
        let now = match &mut self.transport {
            Some(transport) => transport
                .poll(&mut || clock.now(), wait, &mut self.inputs)
                .map_err(EngineError::Poll)?,
            None => clock.now(),
        };
        let _turn = shared.begin_turn(self.index, now);
        self.worker.handle_mail(now);
        self.feed(now);
        self.worker.handle_timeout(now);
        if let Some(transport) = &mut self.transport {
            transport.handle_timeout(now.mono, &mut self.inputs);
        }
        self.carry_out(now);
        self.feed(now);
        self.carry_out(now);
        self.shared.parts.log.drain();
        Ok(())
    }

    /// Feeds what the sockets brought, sending as it goes so that no queue grows with the batch.
    fn feed(&mut self, now: Now) {
        while let Some(input) = self.inputs.pop_front() {
            self.worker.handle_input(now, input);
            while let Some(output) = self.worker.poll_output() {
                self.send(now, output);
            }
        }
    }

    fn carry_out(&mut self, now: Now) {
        while let Some(output) = self.worker.poll_output() {
            self.send(now, output);
        }
        if let Some(transport) = &mut self.transport {
            transport.flush(now.mono, &mut self.inputs);
        }
    }

    fn send(&mut self, now: Now, output: Output) {
        let Some(transport) = &mut self.transport else { return };
        match transport.send(now.mono, output) {
            SendOutcome::Taken => {}
            SendOutcome::Foreign { worker, output } => {
                self.shared.mail.post(worker, Mail::Send(output));
            }
        }
    }

    /// The worker's number.
    pub(crate) const fn index(&self) -> u16 {
        self.index
    }

    /// When the next turn is due without any input.
    pub(crate) fn due(&self, now: Now) -> Option<sip_core::time::Instant> {
        if !self.inputs.is_empty() {
            // What the last sending brought, such as the next request on a stream that was answered.
            return Some(sip_core::time::Instant::ZERO);
        }
        let transport = self.transport.as_ref().and_then(|t| t.next_timeout(now.mono));
        [self.worker.poll_timeout(), transport].into_iter().flatten().min()
    }

    /// How long until the next turn is due without any input.
    pub(crate) fn next_timeout(&self, now: Now) -> Option<Duration> {
        self.due(now).map(|at| at.saturating_since(now.mono))
    }
}

/// Wakes a worker's poll. A failure leaves the letter in the box until the next turn.
pub(crate) fn wake(waker: &sip_transport::Wake) {
    let _not_woken = waker.wake();
}
