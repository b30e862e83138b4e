//! What is counted, and how it is printed.

use looseroute_benches::hist::Histogram;
use looseroute_benches::usage::Usage;

/// Counts of one phase of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Transactions or calls that ended with 200.
    pub(crate) done: u64,
    /// Those that ended otherwise or not at all.
    pub(crate) failed: u64,
    /// Requests and answers that the generator had to repeat.
    pub(crate) repeated: u64,
    /// Messages for nothing in flight: late or repeated by the server.
    pub(crate) stale: u64,
    /// Open loop: starts that were due when nothing was free.
    pub(crate) missed: u64,
    /// The first unexpected status line.
    pub(crate) first_failure: Option<String>,
}

/// The outcome of the measured part of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: &'static str,
    /// How it was loaded: `closed:64` or `open:1000`.
    pub(crate) load: String,
    /// How long was measured, in seconds.
    pub(crate) seconds: f64,
    /// Inside the measured time.
    pub(crate) done: u64,
    /// Of the whole run.
    pub(crate) tally: Tally,
    /// Of the server's process family in the measured time.
    pub(crate) usage: Option<Usage>,
    /// Start to end, nanoseconds.
    pub(crate) latency: Histogram,
    /// INVITE to 200, nanoseconds.
    pub(crate) setup: Histogram,
}

impl Outcome {
    /// True when nothing failed.
    pub(crate) fn clean(&self) -> bool {
        self.done > 0 && self.tally.failed == 0
    }

    /// One line for programs: `RESULT key=value …`, times in microseconds.
    pub(crate) fn line(&self) -> String {
        let micros = |ns: u64| ns as f64 / 1000.0;
        let mut line = format!(
            "RESULT scenario={} load={} seconds={:.2} done={} tps={:.0} failed={} repeated={} stale={} \
             missed={} p50_us={:.0} p99_us={:.0} max_us={:.0}",
            self.scenario,
            self.load,
            self.seconds,
            self.done,
            self.done as f64 / self.seconds,
            self.tally.failed,
            self.tally.repeated,
            self.tally.stale,
            self.tally.missed,
            micros(self.latency.quantile(0.5)),
            micros(self.latency.quantile(0.99)),
            micros(self.latency.max()),
        );
        if !self.setup.is_empty() {
            let (p50, p99) = (self.setup.quantile(0.5), self.setup.quantile(0.99));
            line += &format!(" setup_p50_us={:.0} setup_p99_us={:.0}", micros(p50), micros(p99));
        }
        if let Some(cost) = self.cost() {
            line += &format!(
                " cpu_us={:.2} user_us={:.2} sys_us={:.2} busy={:.3}",
                cost.total, cost.user, cost.system, cost.busy
            );
        }
        line
    }

    /// The same for people.
    pub(crate) fn table(&self) -> String {
        let micros = |ns: u64| format!("{:.0} us", ns as f64 / 1000.0);
        let mut rows = vec![
            ("scenario", self.scenario.to_owned()),
            ("load", format!("{}, {:.1} s measured", self.load, self.seconds)),
            (
                "throughput",
                format!("{:.0} /s ({} done)", self.done as f64 / self.seconds, self.done),
            ),
            ("failed", self.tally.failed.to_string()),
            (
                "repeated",
                format!("{} by us, {} late from the server", self.tally.repeated, self.tally.stale),
            ),
            (
                "latency",
                format!(
                    "p50 {}, p99 {}, max {}",
                    micros(self.latency.quantile(0.5)),
                    micros(self.latency.quantile(0.99)),
                    micros(self.latency.max())
                ),
            ),
        ];
        if !self.setup.is_empty() {
            let (p50, p99) = (self.setup.quantile(0.5), self.setup.quantile(0.99));
            rows.push(("INVITE to 200", format!("p50 {}, p99 {}", micros(p50), micros(p99))));
        }
        if self.tally.missed > 0 {
            rows.push(("missed starts", self.tally.missed.to_string()));
        }
        if let Some(cost) = self.cost() {
            rows.push((
                "server CPU",
                format!(
                    "{:.2} us each ({:.2} user, {:.2} system), {:.0} % of one core",
                    cost.total,
                    cost.user,
                    cost.system,
                    cost.busy * 100.0
                ),
            ));
        }
        if let Some(first) = &self.tally.first_failure {
            rows.push(("first failure", first.clone()));
        }
        rows.iter().map(|(name, value)| format!("{name:>18}  {value}\n")).collect()
    }

    fn cost(&self) -> Option<Cost> {
        let usage = self.usage?;
        let each = |ns: u64| ns as f64 / 1000.0 / self.done.max(1) as f64;
        // The total is exact, the split is sampled: scale the split to the total.
        let user = usage.user as f64 / (usage.user + usage.system).max(1) as f64;
        Some(Cost {
            total: each(usage.total),
            user: each(usage.total) * user,
            system: each(usage.total) * (1.0 - user),
            busy: usage.total as f64 / 1e9 / self.seconds,
        })
    }
}

/// CPU microseconds per transaction, and the share of one core.
struct Cost {
    total: f64,
    user: f64,
    system: f64,
    busy: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_cost_per_transaction() {
        let mut latency = Histogram::default();
        latency.record(20_000);
        let outcome = Outcome {
            scenario: "register",
            load: "closed:64".to_owned(),
            seconds: 2.0,
            done: 1000,
            tally: Tally::default(),
            usage: Some(Usage { total: 10_000_000, user: 4_000_000, system: 6_000_000 }),
            latency,
            setup: Histogram::default(),
        };
        let line = outcome.line();
        assert!(line.contains(" tps=500 "), "{line}");
        assert!(line.contains(" p50_us=20 "), "{line}");
        assert!(line.ends_with(" cpu_us=10.00 user_us=4.00 sys_us=6.00 busy=0.005"), "{line}");
        assert!(outcome.clean());
        assert!(outcome.table().contains("10.00 us each"));
    }
}
