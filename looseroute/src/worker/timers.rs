//! Time passing: transactions, deadlines of parked calls, modules' timers.

use sip_core::time::{Duration, Instant};
use sip_module_api::log;
use sip_module_api::module::TimerCx;

use super::{Cx, Now, Worker, WorkerTimer, turn};

/// Timers of one wheel that one turn fires at most; the rest fires in the next.
const TIMERS_PER_TURN: usize = 4096;
/// A module's timer never runs more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

impl Worker {
    /// Does what is due. A call too early is harmless.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        for _ in 0..TIMERS_PER_TURN {
            let Some(event) = self.tx_timers.pop(now.mono) else { break };
            let mut cx = turn!(self, now);
            let event = self.shared.proxy.handle_timeout(&mut cx, event);
            self.after(now, event);
        }
        for _ in 0..TIMERS_PER_TURN {
            match self.timers.pop(now.mono) {
                Some(WorkerTimer::Deadline(token)) => self.deadline(now, token),
                Some(WorkerTimer::Module(number)) => self.module_timer(now, number, true),
                Some(WorkerTimer::Host(id)) => self.host_timer(now, id),
                None => break,
            }
        }
        for number in std::mem::take(&mut self.again) {
            self.module_timer(now, number, false);
        }
        self.read_letters(now);
    }

    /// The first worker runs the modules' timers.
    pub(super) fn start_module_timers(&mut self) {
        if self.index != 0 {
            return;
        }
        let timers = self.shared.timers.read().clone();
        let now = self.shared.now();
        for (number, timer) in timers.iter().enumerate() {
            self.arm_module_timer(now.mono, number as u16, (timer.interval)());
        }
    }

    pub(super) fn arm_host_timer(&mut self, id: u64) {
        let timers = &mut self.timers;
        self.shared.host_timers.arm(id, |due| timers.arm(due, WorkerTimer::Host(id)));
    }

    fn host_timer(&mut self, now: Now, id: u64) {
        let (again, panicked) = self.shared.host_timers.fire(id, now);
        if let Some(text) = panicked {
            log!(self.shared.parts.log, Error, "core", "a timer of the host panicked: {text}");
        }
        if again {
            self.arm_host_timer(id);
        }
    }

    fn arm_module_timer(&mut self, now: Instant, number: u16, interval: Duration) {
        let at = now + interval.max(SHORTEST_INTERVAL);
        self.timers.arm(at, WorkerTimer::Module(number));
    }

    fn module_timer(&mut self, now: Now, number: u16, rearm: bool) {
        let shared = self.shared.clone();
        let timers = shared.timers.read().clone();
        let Some(timer) = timers.get(usize::from(number)) else { return };
        let mut core = turn!(self, now);
        let mut cx =
            TimerCx { core: &mut core, proxy: &shared.proxy, engine: &shared.parts, again: false };
        (timer.handler)(&mut cx);
        if cx.again {
            self.again.push(number);
        }
        if rearm {
            self.arm_module_timer(now.mono, number, (timer.interval)());
        }
    }
}
