//! The engine's own log: a level check of one relaxed load, a bounded queue, and a sink that is
//! called by the driver once no lock is held. No process-global state.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;

/// How serious a record is, with Kamailio's numbers (its core parameter `debug`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub enum Level {
    /// The engine must stop.
    Critical = -2,
    /// Something failed that an operator must mend.
    Error = -1,
    /// Something is wrong but was handled.
    Warning = 1,
    /// Normal but worth a line.
    Notice = 2,
    /// One line an event.
    Info = 3,
    /// For developers.
    Debug = 4,
}

impl Level {
    /// The level's name as Kamailio prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

/// One log record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its level.
    pub level: Level,
    /// The module that wrote it.
    pub module: &'static str,
    /// The text: one line, without control characters ([`plain`]).
    pub text: String,
}

/// Who takes the records. Called without any lock held, by one thread at a time.
pub type Sink = Arc<dyn Fn(&Record) + Send + Sync>;

/// The log of one engine.
pub struct Log {
    level: AtomicI32,
    queue: ArrayQueue<Record>,
    dropped: AtomicU64,
    draining: AtomicBool,
    sink: Sink,
}

impl Log {
    /// A log that passes records up to `level` to `sink` and holds at most `bound` in between.
    #[must_use]
    pub fn new(level: Level, bound: usize, sink: Sink) -> Self {
        Self {
            level: AtomicI32::new(level as i32),
            queue: ArrayQueue::new(bound.max(1)),
            dropped: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            sink,
        }
    }

    /// Whether a record of `level` would be kept: one relaxed load.
    #[must_use]
    pub fn enabled(&self, level: Level) -> bool {
        level as i32 <= self.level.load(Ordering::Relaxed)
    }

    /// Sets the highest level that is kept.
    pub fn set_level(&self, level: i32) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// The highest level that is kept.
    #[must_use]
    pub fn level(&self) -> i32 {
        self.level.load(Ordering::Relaxed)
    }

    /// Queues a record; the text is formatted only if the level is on. A full queue counts the
    /// record as dropped.
    pub fn write(&self, level: Level, module: &'static str, text: fmt::Arguments<'_>) {
        if self.enabled(level)
            && self.queue.push(Record { level, module, text: plain(&text.to_string()) }).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hands what is queued to the sink. Called by drivers between turns. Whoever comes while
    /// another thread is at it leaves its records to that one.
    pub fn drain(&self) {
        while !self.queue.is_empty() && !self.draining.swap(true, Ordering::Acquire) {
            for _ in 0..self.queue.capacity() {
                let Some(record) = self.queue.pop() else { break };
                (self.sink)(&record);
            }
            self.draining.store(false, Ordering::Release);
            // What was queued between the last look and the release is nobody else's now.
        }
    }

    /// How many records were lost to a full queue.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// `text` as one harmless line: control characters as escapes (`\\r`, `\\u{1b}`). For all that a peer
/// may have written and a terminal or a log file is to show.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Writes a record: `log!(log, Info, "registrar", "{} registered", aor)`.
#[macro_export]
macro_rules! log {
    ($log:expr, $level:ident, $module:expr, $($arg:tt)+) => {
        if $log.enabled($crate::log::Level::$level) {
            $log.write($crate::log::Level::$level, $module, format_args!($($arg)+));
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[test]
    fn what_a_peer_wrote_stays_on_its_line() {
        assert_eq!(plain("a\r\n b\u{1b}[2J\u{7f}é\t"), "a\\r\\n b\\u{1b}[2J\\u{7f}é\\t");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&seen);
        let log =
            Log::new(Level::Info, 2, Arc::new(move |r: &Record| copy.lock().push(r.text.clone())));
        log!(log, Info, "core", "from {}", "x\r\nERROR core: all is lost");
        log.drain();
        assert_eq!(*seen.lock(), ["from x\\r\\nERROR core: all is lost"]);
    }

    #[test]
    fn a_record_above_the_level_is_not_kept_and_a_full_queue_counts() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&seen);
        let sink: Sink = Arc::new(move |r: &Record| copy.lock().push(r.text.clone()));
        let log = Log::new(Level::Info, 2, sink);
        log!(log, Debug, "core", "hidden");
        for n in 0..3 {
            log!(log, Info, "core", "line {n}");
        }
        log.drain();
        assert_eq!(*seen.lock(), ["line 0", "line 1"]);
        assert_eq!(log.dropped(), 1);
    }
}
