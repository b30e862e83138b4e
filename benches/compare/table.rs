//! The comparison's result for one scenario, for people and for programs.

use std::fmt::Write as _;

use crate::measure::{Figures, Plan};

/// Below this share of its core a server was not saturated and pays for being woken up.
const SATURATED: f64 = 0.95;

/// One scenario: the medians, and the ratio of each round.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) ours: Figures,
    pub(crate) kamailio: Figures,
    pub(crate) floor: Option<Figures>,
    pub(crate) ratios: Vec<f64>,
}

impl Row {
    /// Ours over kamailio's, of the medians.
    pub(crate) fn ratio(&self) -> f64 {
        self.ours.cpu / self.kamailio.cpu
    }

    /// False when a limit is set, this scenario has one, and ours is above it.
    pub(crate) fn within(&self, limit: Option<f64>) -> bool {
        self.scenario == "options" || limit.is_none_or(|limit| self.ratio() <= limit)
    }

    /// A table and a `RATIO` line.
    pub(crate) fn text(&self, plan: &Plan) -> String {
        let mut text = format!(
            "\n{}, saturated by a closed loop of {} in flight, {} users, median of {} x {} s\n",
            self.scenario,
            plan.inflight,
            plan.users,
            self.ratios.len(),
            plan.seconds
        );
        text += "            CPU us each    user  system   busy      each/s    p99 us\n";
        for (name, figures) in
            [("ours", Some(self.ours)), ("kamailio", Some(self.kamailio)), ("floor", self.floor)]
        {
            let Some(f) = figures else { continue };
            let _ = writeln!(
                text,
                "{name:>10}  {:>11.2} {:>7.2} {:>7.2}  {:>4.0}%  {:>10.0} {:>9.0}{}",
                f.cpu,
                f.user,
                f.system,
                f.busy * 100.0,
                f.rate,
                f.p99,
                if f.busy < SATURATED { "  (not saturated)" } else { "" }
            );
        }
        let (low, high) = self
            .ratios
            .iter()
            .fold((f64::MAX, 0.0f64), |(low, high), r| (low.min(*r), high.max(*r)));
        let _ = writeln!(
            text,
            "RATIO scenario={} ratio={:.3} low={low:.3} high={high:.3} ours_us={:.2} kamailio_us={:.2} floor_us={}",
            self.scenario,
            self.ratio(),
            self.ours.cpu,
            self.kamailio.cpu,
            self.floor.map_or("-".to_owned(), |f| format!("{:.2}", f.cpu))
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_for_register_and_call() {
        let figures = Figures { cpu: 6.0, user: 3.0, system: 3.0, busy: 0.9, rate: 1.0, p99: 1.0 };
        let mut row = Row {
            scenario: "register".to_owned(),
            ours: figures,
            kamailio: Figures { cpu: 10.0, busy: 0.99, ..figures },
            floor: None,
            ratios: vec![0.5, 0.7],
        };
        assert!(row.within(None) && row.within(Some(0.6)) && !row.within(Some(0.59)));
        row.scenario = "options".to_owned();
        assert!(row.within(Some(0.1)));
        let plan = Plan {
            programs: "".into(),
            load_cpu: 1,
            inflight: 64,
            users: 10,
            seconds: 4.0,
            sleep: false,
        };
        let text = row.text(&plan);
        assert!(text.contains("ratio=0.600 low=0.500 high=0.700"), "{text}");
        assert_eq!(text.matches("not saturated").count(), 1, "{text}");
    }
}
